"""The one suite over every rule, target and engine."""

from __future__ import annotations

from typing import Any

import pytest

from converter.convert import Converter
from converter.discovery import engines_for, find_target, schema_of, targets
from converter.fixtures import Bench
from converter.model import Engine, Outcome, Rule
from converter.verify import Subject, open_gap, verify
from tests.project import ROOT, all_subjects, benches, library

RULES = list(library().rules.values())
PAIRS = [
    pytest.param(subject, engine, id=f"{subject.query.path}-{engine.name}")
    for subject in all_subjects()
    for engine in engines_for(subject.target.dialect)
]


@pytest.mark.parametrize(("subject", "engine"), PAIRS)
def test_every_engine_returns_what_the_rule_means(subject: Subject, engine: Engine) -> None:
    """The shipped text returns exactly the records that the rule's meaning asks for, on every engine of its dialect."""
    verdict = verify(subject, engine, benches().of(subject.target), benches().judges)
    assert verdict.outcome is Outcome.AGREE, verdict.detail
    assert verdict.matched > 0


def test_every_target_has_an_engine() -> None:
    """No query is shipped that nothing runs."""
    assert all(engines_for(target.dialect) for target in targets().values())


def _negated(rule: Rule) -> Rule:
    detection = dict(rule.raw["detection"])
    detection["condition"] = f"not ({detection['condition']})"
    return Rule(rule.path, {**rule.raw, "detection": detection}, rule.sha256)


def _found(rule: Rule, engine: Engine, bench: Bench, target_name: str) -> set[int]:
    query = Converter(ROOT).query(rule, find_target(target_name))
    return {hit.position for hit in engine.run(query.text, bench.records, bench.schema)}


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.stem.rsplit("/", 1)[-1])
@pytest.mark.parametrize("target", targets().values(), ids=lambda t: t.name)
def test_a_rule_and_its_negation_partition_the_records(rule: Rule, target: Any) -> None:
    """Each record of the rule's kind is returned by the rule or by its negation, and never by both.

    This is where lost nulls show: a query that drops events lacking a field fails here. Records with several values
    are left out where the dialect declares that gap.
    """
    bench = benches().of(target)
    scope = {i for i, s in enumerate(bench.samples) if s.kind.category == rule.category}
    if target.dialect == "esql":
        scope -= {i for i, s in enumerate(bench.samples) if any(isinstance(v, list) for v in s.case.event.values())}
    for engine in engines_for(target.dialect):
        yes = _found(rule, engine, bench, target.name)
        no = _found(_negated(rule), engine, bench, target.name)
        assert not yes & no
        assert (yes | no) & scope == scope, [bench.samples[i].describe() for i in sorted(scope - yes - no)[:3]]


def test_the_order_of_conversion_does_not_matter() -> None:
    """Converting for all targets forwards and backwards gives the same texts: no rule is changed by a conversion."""
    names = list(targets())
    forwards = [Converter(ROOT).query(r, find_target(n)).text for n in names for r in RULES]
    backwards = [Converter(ROOT).query(r, find_target(n)).text for n in reversed(names) for r in reversed(RULES)]
    assert forwards == backwards[::-1]


def test_declared_gaps_are_still_open() -> None:
    """A gap that starts to pass must be taken off the list."""
    for subject in all_subjects():
        module = __import__(f"converter.dialects.{subject.target.dialect}.writer", fromlist=["GAPS"])
        if getattr(module, "GAPS", ()) and any(
            open_gap(subject, e, benches().of(subject.target), benches().judges)
            for e in engines_for(subject.target.dialect)
        ):
            return
    pytest.fail("no fixture shows the multi-valued gap of ES|QL any more")


def test_a_wrong_query_is_seen() -> None:
    """The suite can fail: a query with one value dropped, and an empty report, do not pass."""
    subject = next(s for s in all_subjects() if s.query.path.startswith("defender/windows/process_creation"))
    assert '"cmd.exe", ' in subject.query.text
    broken = subject.query.text.replace('"cmd.exe", ', "", 1)
    query = type(subject.query)(**{**subject.query.__dict__, "text": broken})
    changed = Subject.of_rule(query, subject.target, next(iter(subject.rules.values())))
    verdict = verify(changed, engines_for("kql")[0], benches().of(subject.target), benches().judges)
    assert verdict.outcome is Outcome.DISAGREE
    assert "cmd.exe" in verdict.detail


def test_schemas_and_pipelines_name_the_same_columns() -> None:
    """A pipeline maps a Sigma field to a column that its schema fills from that very field."""
    for target in targets().values():
        schema = schema_of(target)
        for rule in RULES:
            kinds = [k for k in schema.kinds if k.category == rule.category]
            sources = {c.name: c.source for k in kinds for c in k.columns}
            for field in sorted({c.source for k in kinds for c in k.columns if c.source and c.derive == "same"}):
                probe = _probe(rule, field)
                draft = Converter(ROOT).draft(probe, target)
                named = {c for c in _columns(draft.condition) if c in sources}
                assert {sources[c] for c in named} == {field}, (target.name, rule.category, field, named)


def _probe(rule: Rule, field: str) -> Rule:
    value: Any = "10.0.0.1" if field.endswith("Ip") else 7 if field.endswith(("Port", "Id")) else "x"
    return Rule(rule.path, {**rule.raw, "detection": {"s": {field: value}, "condition": "s"}}, "")


def _columns(condition: Any) -> set[str]:
    from converter.dialects.condition import fields_of

    return fields_of(condition)
