"""The prover's own events, executed: proof and execution may never contradict each other."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest

from converter.build.bench import Bench, bench
from converter.convert.convert import Converter
from converter.core.discovery import schema_of, schemas, targets
from converter.core.model import Rule, Target
from converter.core.verdict import Engine, Outcome
from converter.explain.generic import generic_domain
from converter.platforms.losses import held, reading
from converter.platforms.pullback import fix
from converter.prove.prove import prove
from converter.rules.evaluator import compile_rule
from converter.rules.meaning import meaning
from converter.semantics.decide.evaluate import holds, matches
from converter.semantics.regular.flavours import from_pcre
from converter.verify.verify import Subject, verify
from tests.project import benches, quick_engines, sample, some_subjects
from tests.support.generated import exemplar, sources
from tests.support.probes import Predictor, Probes, atoms_of, probe, probes_for
from tests.support.variants import options

LIBRARY = list(sample())
EXEMPLARS = [exemplar(source) for source in sources()]
PAIRS = [
    pytest.param(target, engine, id=f"{target.name}-{engine.name}")
    for target in targets().values()
    for engine in quick_engines(target.dialect)
]


def short(value: Rule | Target) -> str:
    return value.stem.rsplit("/", 1)[-1] if isinstance(value, Rule) else value.name


def taken(rule: Rule, schema: str) -> bool:
    return any(rule.covers(table.logsource) for table in schemas()[schema].tables)


@functools.cache
def probes(path: str, schema_name: str) -> Probes:
    rule = next(rule for rule in (*LIBRARY, *EXEMPLARS) if rule.path == path)
    return probes_for(rule, schemas()[schema_name])


@functools.cache
def probe_bench(schema_name: str) -> Bench:
    """The probes of every rule as one platform's records: each rule's probes are the others' near misses."""
    rules = {rule.path: rule for rule in LIBRARY if taken(rule, schema_name)}
    return bench(schemas()[schema_name], {path: probes(path, schema_name).cases() for path in rules}, rules)


def subjects_of(target: Target) -> list[Subject]:
    return [s for s in some_subjects() if s.target.name == target.name]


@pytest.mark.parametrize(("target", "engine"), PAIRS)
def test_execution_agrees_with_the_proof_on_the_provers_events(target: Target, engine: Engine) -> None:
    """On every probe, meaning, evaluator and engine give one answer, whatever the rule; a proof says they must."""
    for subject in subjects_of(target):
        proof = prove(subject.query, target, _parts(subject))
        verdict = verify(subject, engine, probe_bench(target.schema), benches().judges)
        both = f"proof of {subject.query.path}: {proof.outcome} {proof.reason}\n{engine.name}: {verdict.outcome} "
        assert proof.outcome is Outcome.AGREE, both
        assert verdict.outcome in (Outcome.AGREE, Outcome.NOT_RUN), both + verdict.detail
        assert verdict.outcome is Outcome.NOT_RUN or verdict.matched > verdict.lost


@pytest.mark.parametrize("target", targets().values(), ids=short)
def test_what_the_reader_says_of_the_text_is_what_the_meaning_says(target: Target) -> None:
    """Record by record, the predicate read from the text answers as the rule's reading of what the record holds."""
    schema = schema_of(target)
    for rule in (rule for rule in (*LIBRARY, *EXEMPLARS) if taken(rule, target.schema)):
        query = Converter().query(rule, target)
        predicted = Predictor.of(query.text, target.dialect, schema, meaning(rule).fields)
        samples = bench(schema, {rule.path: probes(rule.path, schema.name).cases()}, {rule.path: rule}).samples
        for found in samples:
            read = reading(fix(meaning(rule), found.kind), found.kind, schema)
            wanted = found.kind.meant_by(rule) and holds(read, held(found.case.event, found.kind, schema))
            assert predicted(found.kind, found.case.event) == wanted, (query.path, found.describe())


@pytest.mark.parametrize("rule", EXEMPLARS, ids=short)
def test_every_test_of_a_rule_is_isolated_by_a_pair(rule: Rule) -> None:
    """MC/DC: each test of a rule has two events that differ in it alone, of which the rule fires on one."""
    schema = next(name for name in schemas() if taken(rule, name))
    found = probes(rule.path, schema)
    assert not found.coupled
    assert not found.unsettled
    pairs = [p for p in found.probes if p.purpose == "pair"]
    assert {p.match for p in pairs} == {True, False}
    atoms = list(dict.fromkeys(atoms_of(meaning(rule))))
    assert found.atoms == len(atoms)
    answers = [tuple(holds(atom, p.event) for atom in atoms) for p in found.probes]
    for number, atom in enumerate(atoms):
        flips = [
            (a, b)
            for a, left in zip(answers, found.probes, strict=True)
            for b, right in zip(answers, found.probes, strict=True)
            if a[number] and not b[number] and a[:number] + a[number + 1 :] == b[:number] + b[number + 1 :]
            if left.match != right.match
        ]
        assert flips, atom


@pytest.mark.parametrize("rule", [*LIBRARY, *EXEMPLARS], ids=short)
def test_meaning_and_evaluator_agree_on_probes(rule: Rule) -> None:
    """Two readings of the specification that share no value handling give one answer on every event of the suite."""
    judge = compile_rule(rule.raw)
    for schema in (name for name in schemas() if taken(rule, name)):
        for found in probes(rule.path, schema).probes:
            assert judge(found.event) == found.match, found


@pytest.mark.parametrize("rule", LIBRARY, ids=short)
def test_meaning_and_evaluator_agree_on_fixtures(rule: Rule) -> None:
    """They agree on every event that people wrote, whatever the rule that it was written for."""
    judge = compile_rule(rule.raw)
    for case in (case for cases in benches().cases.values() for case in cases):
        assert judge(case.event) == holds(meaning(rule), case.event), case


def test_probes_of_some_tests_are_among_those_of_all() -> None:
    """With a bound, tests at even distances get the probes that they would have had, and the others are counted."""
    rule = next(rule for rule in EXEMPLARS if rule.category == "process_creation")
    domain = generic_domain(rule.logsource, meaning(rule).fields)
    whole, some = probe(meaning(rule), domain), probe(meaning(rule), domain, most=2, alternatives=1)
    assert some.atoms == whole.atoms > 2
    assert some.passed == whole.atoms - 2
    assert {p.name.split()[1] for p in some.probes} == {"1", str(1 + whole.atoms // 2)}
    assert not any(p.name.endswith("alternative 1") for p in some.probes)
    assert {repr(p) for p in some.probes} <= {repr(p) for p in whole.probes}


def test_alternatives_are_told_apart() -> None:
    """Of `a(bx|cy)d?` there are four choices, each with the words that take it."""
    language = from_pcre("^a(bx|cy)d?$")
    found = [[w for w in ("abx", "acy", "abxd", "acyd") if matches(one, w)] for one, _ in options(language)]
    assert found == [["abx", "abxd"], ["acy", "acyd"], ["abx", "acy"], ["abxd", "acyd"]]


def test_a_wrong_query_contradicts_its_probes() -> None:
    """The suite can fail: a query that lost one value is seen on the probes alone."""
    target = targets()["splunk-sysmon"]
    rule = next(r for r in EXEMPLARS if taken(r, target.schema) and r.category == "process_creation")
    query = Converter().query(rule, target)
    assert r'"*\\net.exe", ' in query.text
    broken = Subject.of_rule(replace(query, text=query.text.replace(r'"*\\net.exe", ', "")), target, rule)
    cases = {rule.path: probes(rule.path, target.schema).cases()}
    platform = bench(schema_of(target), cases, {rule.path: rule})
    verdict = verify(broken, quick_engines("spl")[0], platform, {rule.path: compile_rule(rule)})
    assert verdict.outcome is Outcome.DISAGREE
    assert "net.exe" in verdict.detail.lower()


def _parts(subject: Subject) -> dict[str, Rule]:
    return {subject.labels.get(path, path): rule for path, rule in subject.rules.items()}
