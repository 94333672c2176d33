"""The one suite over every rule, target and engine; and laws of all queries, on a rule for each log source."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from converter.build.bench import Bench, bench
from converter.convert.convert import Converter
from converter.core.discovery import engines_for, schema_of, schemas, targets
from converter.core.errors import Unsupported
from converter.core.model import Rule, Target
from converter.core.verdict import Case, Engine, Outcome
from converter.dialects.registry import dialect, gaps_of
from converter.rules.evaluator import compile_rule
from converter.verify.verify import Subject, open_gap, verify
from tests.project import benches, library, quick_engines, some_subjects
from tests.support.generated import exemplar, sources
from tests.support.probes import probes_for

PAIRS = [
    pytest.param(subject, engine, id=f"{subject.query.path}-{engine.name}")
    for subject in some_subjects()
    for engine in engines_for(subject.target.dialect)
]
EXEMPLARS = {str(source): exemplar(source) for source in sources()}
#: (rule, target) for every log source of every target's platform
TAKEN = [
    pytest.param(rule, target, id=f"{name}-{target.name}")
    for name, rule in EXEMPLARS.items()
    for target in targets().values()
    if any(table.logsource == rule.logsource for table in schema_of(target).tables)
]


@pytest.mark.parametrize(("subject", "engine"), PAIRS)
def test_every_engine_returns_what_the_rule_means(subject: Subject, engine: Engine) -> None:
    """The shipped text returns exactly the records that the rule's meaning asks for, on every engine of its dialect."""
    verdict = verify(subject, engine, benches().of(subject), benches().judges)
    if verdict.outcome is Outcome.NOT_RUN:
        pytest.skip(verdict.detail)
    assert verdict.outcome is Outcome.AGREE, verdict.detail
    assert verdict.matched > verdict.lost


def test_every_target_has_an_engine() -> None:
    """No query is shipped that nothing runs."""
    assert all(engines_for(target.dialect) for target in targets().values())


@cache
def exemplar_bench(schema: str) -> Bench:
    """The prover's events for the exemplars of a platform's log sources as its records."""
    rules = {rule.path: rule for rule in EXEMPLARS.values()}
    taken = {table.logsource for table in schemas()[schema].tables}
    cases = {path: probes_for(r, schemas()[schema]).cases() for path, r in rules.items() if r.logsource in taken}
    return bench(schemas()[schema], cases, rules)


@pytest.mark.parametrize(("rule", "target"), TAKEN)
def test_every_log_source_of_every_target_is_executed(rule: Rule, target: Target) -> None:
    """A rule of each log source is converted for each target that has it, and every engine does what it means."""
    subject = Subject.of_rule(Converter().query(rule, target), target, rule)
    platform, judges = exemplar_bench(target.schema), {rule.path: compile_rule(rule)}
    for engine in quick_engines(target.dialect):
        verdict = verify(subject, engine, platform, judges)
        assert verdict.outcome in (Outcome.AGREE, Outcome.NOT_RUN), f"{engine.name}: {verdict.detail}"
        assert verdict.outcome is Outcome.NOT_RUN or verdict.matched >= 10


def negated(rule: Rule) -> Rule:
    detection = dict(rule.raw["detection"])
    detection["condition"] = f"not ({detection['condition']})"
    return replace(rule, raw={**rule.raw, "detection": detection})


def found(rule: Rule, engine: Engine, platform: Bench, target: Target) -> set[int]:
    query = Converter().query(rule, target)
    return {hit.position for hit in engine.run(query.text, platform.records, platform.schema, platform.now)}


@pytest.mark.parametrize(("rule", "target"), TAKEN)
def test_a_rule_and_its_negation_partition_the_records(rule: Rule, target: Target) -> None:
    """Each record that the rule is about is returned by the rule or by its negation, and never by both.

    This is where lost nulls show: a query that drops events lacking a field fails here. Records with several values
    are left out where the dialect declares that gap.
    """
    platform = exemplar_bench(target.schema)
    scope = {i for i, s in enumerate(platform.samples) if s.kind.meant_by(rule)}
    assert len(scope) >= 10
    for engine in quick_engines(target.dialect):
        yes, no = found(rule, engine, platform, target), found(negated(rule), engine, platform, target)
        assert not yes & no
        assert yes | no == scope, [platform.samples[i].describe() for i in sorted(scope ^ (yes | no))[:3]]


def test_the_order_of_conversion_does_not_matter() -> None:
    """Converting for all targets forwards and backwards gives the same texts: no rule is changed by a conversion."""
    rules = [*library().rules.values(), *EXEMPLARS.values()]
    pairs = [(rule, target) for target in targets().values() for rule in rules]
    converter = Converter()
    assert [text(converter, *pair) for pair in pairs] == [text(converter, *pair) for pair in pairs[::-1]][::-1]


def text(converter: Converter, rule: Rule, target: Target) -> str:
    try:
        return converter.query(rule, target).text
    except Unsupported as error:
        return error.message


@pytest.mark.parametrize("target", [t for t in targets().values() if gaps_of(t)], ids=lambda t: t.name)
def test_a_declared_gap_of_several_values_is_still_open(target: Target) -> None:
    """A gap that starts to pass must be taken off the list: an event with two values shows that it is there."""
    if "multi-valued field" not in {gap.feature for gap in gaps_of(target)}:
        pytest.skip("no gap of that kind")
    rule = EXEMPLARS["windows process_creation"]
    image = ["C:\\Windows\\cmd.exe", "C:\\Windows\\explorer.exe"]
    case = Case("two values", {"Image": image, "ParentImage": image}, True)
    platform = bench(schema_of(target), {rule.path: (case,)}, {rule.path: rule})
    subject = Subject.of_rule(Converter().query(rule, target), target, rule)
    judges = {rule.path: compile_rule(rule)}
    assert any(open_gap(subject, engine, platform, judges) for engine in quick_engines(target.dialect))


def test_a_wrong_query_is_seen() -> None:
    """The suite can fail: a query with one value dropped does not pass."""
    rule, target = EXEMPLARS["windows process_creation"], targets()["defender"]
    query = Converter().query(rule, target)
    assert '"net.exe"' in query.text
    broken = replace(query, text=query.text.replace('"net.exe"', '"other.exe"', 1))
    judges = {rule.path: compile_rule(rule)}
    for engine in quick_engines("kql"):
        verdict = verify(Subject.of_rule(broken, target, rule), engine, exemplar_bench(target.schema), judges)
        assert verdict.outcome is Outcome.DISAGREE
        assert "net.exe" in verdict.detail.lower()


def test_a_query_that_forgets_its_scope_is_seen() -> None:
    """The suite can fail: without the test of the action, records of other kinds are returned, and told."""
    rule, target = EXEMPLARS["windows file_event"], targets()["defender"]
    query = Converter().query(rule, target)
    line = next(line for line in query.text.splitlines(keepends=True) if "ActionType" in line)
    broken = replace(query, text=query.text.replace(line, "", 1))
    judges = {rule.path: compile_rule(rule)}
    for engine in quick_engines("kql"):
        verdict = verify(Subject.of_rule(broken, target, rule), engine, exemplar_bench(target.schema), judges)
        assert verdict.outcome is Outcome.DISAGREE
        assert "is returned by the query" in verdict.detail


def test_every_dialect_has_a_target() -> None:
    """No dialect is untested for want of a target."""
    assert {target.dialect for target in targets().values()} == {dialect(t.dialect).name for t in targets().values()}
