"""Mutants of queries: the proof tells every one apart, and execution never contradicts it.

A fixed sample runs here, of one query for each log source of each target; `benchmarks/mutants.py` runs all mutants of
the shipped queries and prints the table and those that the fixtures let live.
"""

from __future__ import annotations

import functools

import pytest

from converter.build.bench import Bench, bench
from converter.convert.convert import Converter
from converter.core.discovery import schema_of, targets
from converter.core.verdict import Outcome
from converter.mutation.fates import Fate, fates
from converter.mutation.mutate import OPERATORS, Mutant, Surroundings, mutants
from converter.mutation.spread import spread
from converter.verify.verify import Subject
from tests.project import benches, quick_engines, some_subjects
from tests.support.generated import exemplar, sources
from tests.support.probes import probes_for

#: mutants a query in this sample
SAMPLE = 10
SHIPPED = [s for s in some_subjects() if len(s.rules) == 1]


def exemplars() -> list[Subject]:
    """One query for each log source of each target but for the aggregated ones, which differ in a constant."""
    rules = [exemplar(source) for source in sources() if "aggregated" not in str(source)]
    return [
        Subject.of_rule(Converter().query(rule, target), target, rule)
        for target in targets().values()
        for rule in rules
        if any(table.logsource == rule.logsource for table in schema_of(target).tables)
    ]


SUBJECTS = exemplars()


def every_mutant(subject: Subject) -> tuple[Mutant, ...]:
    around = Surroundings.of(schema_of(subject.target), subject.rules.values())
    return mutants(subject.query.text, subject.target.dialect, around)


def some(subject: Subject, count: int) -> list[Mutant]:
    """A fixed sample of a query's mutants, spread over the operators."""
    return spread(every_mutant(subject), subject.query.path, count)


@functools.cache
def probe_bench(schema: str, path: str) -> Bench:
    subject = next(s for s in SUBJECTS if s.target.schema == schema and path in s.rules)
    rule, platform = subject.rules[path], schema_of(subject.target)
    return bench(platform, {path: probes_for(rule, platform).cases()}, {path: rule})


@functools.cache
def sampled(path: str) -> list[Fate]:
    subject = next(s for s in SUBJECTS if s.query.path == path)
    platform = probe_bench(subject.target.schema, next(iter(subject.rules)))
    return fates(subject, some(subject, SAMPLE), quick_engines(subject.target.dialect), platform)


@pytest.mark.parametrize("path", [s.query.path for s in SUBJECTS])
def test_the_proof_kills_every_mutant(path: str) -> None:
    """Each mutant is provably equivalent to its rule, or the proof gives the event that separates them.

    Engines run mutant and event, and may contradict neither verdict.
    """
    for fate in sampled(path):
        if not fate.invalid:
            assert fate.proof.outcome in (Outcome.AGREE, Outcome.DISAGREE), (fate.mutant.note, fate.proof.reason)
        assert not fate.contradiction, (fate.mutant.note, fate.contradiction)


def test_the_fixtures_kill_mutants() -> None:
    """The events of the fixtures alone tell at least 90 % of the shipped queries' mutants apart that mean another rule.

    The proof kills every one (`test_the_proof_kills_every_mutant`): fixtures show what a person expects.
    """
    found: list[Fate] = []
    for subject in SHIPPED:
        engines = quick_engines(subject.target.dialect)
        found += fates(subject, some(subject, 3), engines, benches().of(subject))
    kill = [f for f in found if not f.invalid and not f.equivalent]
    alive = [f"{f.path}: {f.mutant.note}\n  {f.proof.reason}" for f in kill if not f.killed]
    assert len(kill) > len(SHIPPED)
    assert len(alive) <= len(kill) * 0.1, f"{len(alive)} of {len(kill)} survive:\n" + "\n".join(alive)


def test_most_mutants_are_valid_queries() -> None:
    """Mutation makes queries, not noise: readers accept at least four of five mutants of each language."""
    for dialect in sorted({t.dialect for t in targets().values()}):
        found = [f for s in SUBJECTS if s.target.dialect == dialect for f in sampled(s.query.path)]
        assert sum(f.invalid for f in found) <= len(found) / 5, [f.mutant.note for f in found if f.invalid]


@pytest.mark.parametrize("dialect", sorted({t.dialect for t in targets().values()}))
def test_operators_apply_to_every_language(dialect: str) -> None:
    """Each operator has something to change in each language."""
    found = {m.operator for s in (*SUBJECTS, *SHIPPED) if s.target.dialect == dialect for m in every_mutant(s)}
    assert found == set(OPERATORS)


def test_mutants_differ_from_the_query_and_from_each_other() -> None:
    """No mutant is the query itself, none is made twice, and comments and projections stay as they are."""
    for subject in SUBJECTS:
        texts = [m.text for m in every_mutant(subject)]
        assert len(set(texts)) == len(texts)
        assert subject.query.text not in texts
        last = subject.query.text.rstrip().splitlines()[-1]
        if subject.target.dialect in ("kql", "spl", "esql"):
            assert all(last in text for text in texts)
