"""The clause learner against trying every assignment."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.semantics.decide.boolean import Clause, GaveUpError, Solver

COUNT = 6
_LITERALS = st.integers(1, COUNT).flatmap(lambda variable: st.sampled_from([variable, -variable]))
_CLAUSES = st.lists(
    st.lists(_LITERALS, min_size=1, max_size=3).filter(lambda clause: not any(-item in clause for item in clause)),
    max_size=30,
)


def _brute(clauses: list[Clause], assumptions: list[int]) -> bool:
    for bits in itertools.product((False, True), repeat=COUNT):
        true = {index + 1 if bit else -index - 1 for index, bit in enumerate(bits)}
        if true.issuperset(assumptions) and all(true.intersection(clause) for clause in clauses):
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(
    _CLAUSES,
    _CLAUSES,
    st.lists(st.lists(_LITERALS, max_size=2), min_size=1, max_size=3),
    st.integers(1, 3),
    st.sampled_from([0, 2, 64]),
)
def test_agrees_with_trying_everything(
    clauses: list[Clause], theory: list[Clause], questions: list[list[int]], batch: int, many: int
) -> None:
    """With clauses given at once and clauses handed out only when broken, each question gets the right answer."""
    solver = Solver(COUNT, range(1, COUNT + 1), conflicts=10_000, many=many)
    for clause in clauses:
        solver.add(clause)

    def check() -> list[Clause]:
        assert all(any(solver.value[item] > 0 for item in clause) for clause in clauses)
        broken = [clause for clause in theory if not any(solver.value[item] > 0 for item in clause)]
        return broken[:batch] + (theory[:2] if broken else [])

    for assumptions in questions:
        assert solver.solve(assumptions, check) == _brute(clauses + theory, assumptions)


def test_conflicts_are_counted() -> None:
    """A problem that needs more conflicts than the budget has raises."""
    pigeons, holes = 5, 4
    number = {pair: index + 1 for index, pair in enumerate(itertools.product(range(pigeons), range(holes)))}
    solver = Solver(len(number), list(number.values()), conflicts=5)
    for pigeon in range(pigeons):
        solver.add([number[pigeon, hole] for hole in range(holes)])
    for hole in range(holes):
        for one, other in itertools.combinations(range(pigeons), 2):
            solver.add([-number[one, hole], -number[other, hole]])
    with pytest.raises(GaveUpError):
        solver.solve([], lambda: [])


def test_a_long_disjunction_costs_a_decision_a_part() -> None:
    """Of many parts none of which can be, each is ruled out by a decision or two: no search through all the others."""
    count = 500
    asked, parts = count + 1, list(range(1, count + 1))
    solver = Solver(asked, parts, conflicts=10)
    solver.add([-asked, *parts])
    for part in parts:  # no part can be true, which only a decision brings to light
        other = part % count + 1
        solver.add([-part, other])
        solver.add([-part, -other])
    assert not solver.solve([asked], lambda: [])
    assert solver.decided <= 4 * count
