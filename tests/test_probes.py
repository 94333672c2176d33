"""The prover's own events, executed: proof and execution may never contradict each other."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any

import pytest

from converter.discovery import engines_for, schema_of, schemas, targets
from converter.evaluator import compile_rule
from converter.fixtures import Bench, Sample, bench
from converter.meaning import meaning
from converter.model import Engine, Outcome, Rule, Schema, Target
from converter.probes import Predictor, Probes, atoms_of, options, probes_for
from converter.prove import prove
from converter.semantics.evaluate import holds, matches
from converter.semantics.flavours import from_pcre
from converter.verify import Subject, verify
from tests.project import all_subjects, benches, library

RULES = list(library().rules.values())
PAIRS = [
    pytest.param(target, engine, id=f"{target.name}-{engine.name}")
    for target in targets().values()
    for engine in engines_for(target.dialect)
]


def short(value: Rule | Target | Schema) -> str:
    return value.stem.rsplit("/", 1)[-1] if isinstance(value, Rule) else value.name


@functools.cache
def probes(path: str, schema_name: str) -> Probes:
    return probes_for(library().rules[path], schemas()[schema_name])


@functools.cache
def probe_bench(schema_name: str) -> Bench:
    """The probes of every rule as one platform's records: each rule's probes are the others' near misses."""
    cases = {rule.path: probes(rule.path, schema_name).cases() for rule in RULES}
    return bench(schemas()[schema_name], cases, library().rules, datetime.now(UTC))


def subjects_of(target: Target) -> list[Subject]:
    return [s for s in all_subjects() if s.target.name == target.name]


@pytest.mark.parametrize(("target", "engine"), PAIRS)
def test_execution_agrees_with_the_proof_on_the_provers_events(target: Target, engine: Engine) -> None:
    """On every probe, meaning, evaluator and engine give one answer, whatever the rule; a proof says they must."""
    for subject in subjects_of(target):
        proof = prove(subject.query, target, _parts(subject))
        verdict = verify(subject, engine, probe_bench(target.schema), benches().judges)
        both = f"proof of {subject.query.path}: {proof.outcome} {proof.reason}\n{engine.name}: {verdict.outcome} "
        assert proof.outcome is Outcome.AGREE, both
        assert verdict.outcome is Outcome.AGREE, both + verdict.detail
        assert verdict.matched > 10


@pytest.mark.parametrize("target", targets().values(), ids=short)
def test_what_the_reader_says_of_the_text_is_what_the_meaning_says(target: Target) -> None:
    """Event by event, the predicate read from the shipped text answers as the rule's meaning does."""
    schema = schema_of(target)
    for subject in (s for s in subjects_of(target) if len(s.rules) == 1):
        predicted = Predictor.of(subject.query.text, target.dialect, schema)
        for sample in (*probe_bench(target.schema).samples, *benches().of(target).samples):
            wanted = any(
                sample.kind.category == rule.category and holds(meaning_of(rule), sample.case.event)
                for rule in subject.rules.values()
            )
            assert predicted(sample.kind, sample.case.event) == wanted, (subject.query.path, sample.describe())


@pytest.mark.parametrize("schema", schemas().values(), ids=short)
@pytest.mark.parametrize("rule", RULES, ids=short)
def test_every_test_of_a_rule_is_isolated_by_a_pair(rule: Rule, schema: Schema) -> None:
    """MC/DC: each test of our rules has two events that differ in it alone, of which the rule fires on one."""
    found = probes(rule.path, schema.name)
    assert not found.coupled
    assert not found.unsettled
    pairs = [p for p in found.probes if p.purpose == "pair"]
    assert {p.match for p in pairs} == {True, False}
    atoms = list(dict.fromkeys(atoms_of(meaning_of(rule))))
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


@pytest.mark.parametrize("rule", RULES, ids=short)
def test_meaning_and_evaluator_agree_on_probes_and_fixtures(rule: Rule) -> None:
    """Two readings of the specification that share no value handling give one answer on every event of the suite."""
    judge = compile_rule(rule.raw)
    samples: list[Sample] = [s for name in schemas() for s in probe_bench(name).samples]
    for sample in (*samples, *benches().of(targets()["splunk-sysmon"]).samples):
        assert judge(sample.case.event) == holds(meaning_of(rule), sample.case.event), sample.describe()


def test_alternatives_are_told_apart() -> None:
    """Of `a(bx|cy)d?` there are four choices, each with the words that take it."""
    language = from_pcre("^a(bx|cy)d?$")
    found = [[w for w in ("abx", "acy", "abxd", "acyd") if matches(one, w)] for one, _ in options(language)]
    assert found == [["abx", "abxd"], ["acy", "acyd"], ["abx", "acy"], ["abxd", "acyd"]]


def test_a_wrong_query_contradicts_its_probes() -> None:
    """The suite can fail: a query that lost one value is seen on the probes alone."""
    subject = next(s for s in subjects_of(targets()["splunk-sysmon"]) if "process_creation" in s.query.path)
    assert r'"*\\nltest.exe", ' in subject.query.text
    text = subject.query.text.replace(r'"*\\nltest.exe", ', "")
    broken = Subject.of_rule(type(subject.query)(**{**vars(subject.query), "text": text}), subject.target, RULES[0])
    broken = Subject(broken.query, subject.target, subject.rules, subject.labels)
    verdict = verify(broken, engines_for("spl")[0], probe_bench("splunk-sysmon"), benches().judges)
    assert verdict.outcome is Outcome.DISAGREE
    assert "nltest" in verdict.detail


@functools.cache
def _meaning(path: str) -> Any:
    return meaning(library().rules[path])


def meaning_of(rule: Rule) -> Any:
    return _meaning(rule.path)


def _parts(subject: Subject) -> dict[str, Rule]:
    return {subject.labels.get(path, path): rule for path, rule in subject.rules.items()}
