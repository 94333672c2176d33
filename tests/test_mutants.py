"""Mutants of the shipped queries: the proof tells every one apart, the fixtures nearly every one.

A fixed sample runs here; all of them run in `benchmarks/mutants.py`, which prints the table and the survivors.
"""

from __future__ import annotations

import functools
import random

import pytest

from converter.discovery import engines_for, schema_of, targets
from converter.model import Outcome
from converter.mutants import Fate, fates
from converter.mutate import OPERATORS, Mutant, mutants
from converter.verify import Subject
from tests.project import all_subjects, benches

#: mutants a query in this sample
SAMPLE = 12
SUBJECTS = [s for s in all_subjects() if len(s.rules) == 1]


def every_mutant(subject: Subject) -> tuple[Mutant, ...]:
    category = next(iter(subject.rules.values())).category
    return mutants(subject.query.text, subject.target.dialect, schema_of(subject.target), category)


@functools.cache
def sampled(path: str) -> list[Fate]:
    """The fate of a fixed sample of one query's mutants, spread over the operators."""
    subject = next(s for s in SUBJECTS if s.query.path == path)
    shuffled = random.Random(path).sample(every_mutant(subject), len(every_mutant(subject)))
    rank: dict[str, int] = {}
    order: list[tuple[int, int, Mutant]] = []
    for mutant in shuffled:
        rank[mutant.operator] = rank.get(mutant.operator, 0) + 1
        order.append((rank[mutant.operator], len(order), mutant))
    chosen = [mutant for _, _, mutant in sorted(order, key=lambda item: item[:2])[:SAMPLE]]
    return fates(subject, chosen, engines_for(subject.target.dialect), benches().of(subject.target))


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
    """The hand-written events alone tell at least 95 % of the mutants apart that do not mean their rule."""
    kill = [f for s in SUBJECTS for f in sampled(s.query.path) if not f.invalid and not f.equivalent]
    alive = [f"{f.path}: {f.mutant.note}\n  {f.proof.reason}" for f in kill if not f.killed]
    assert len(kill) > 200
    assert len(alive) <= len(kill) * 0.05, f"{len(alive)} of {len(kill)} survive:\n" + "\n".join(alive)


def test_most_mutants_are_valid_queries() -> None:
    """Mutation makes queries, not noise: readers accept at least four of five mutants of each language."""
    for dialect in sorted({t.dialect for t in targets().values()}):
        found = [f for s in SUBJECTS if s.target.dialect == dialect for f in sampled(s.query.path)]
        assert sum(f.invalid for f in found) <= len(found) / 5, [f.mutant.note for f in found if f.invalid]


@pytest.mark.parametrize("dialect", sorted({t.dialect for t in targets().values()}))
def test_operators_apply_to_every_language(dialect: str) -> None:
    """Each operator has something to change in each language."""
    found = {m.operator for s in SUBJECTS if s.target.dialect == dialect for m in every_mutant(s)}
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
