"""A slice of the hostile inputs of `benchmarks/fuzz.py`: answers and refusals, nothing else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.fuzz import outside
from tests.fuzz.inputs import KINDS, inputs
from tests.fuzz.running import Found, Odd, attempt

#: inputs for each share of a kind
SLICE = 4


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_inputs(kind: str, tmp_path: Path) -> None:
    """No traceback, no hang, no value outside its literal, no query written that is not proved."""
    found = Found()
    for shown, action in inputs(kind, SLICE * KINDS[kind][1], "slice", tmp_path):
        attempt(action, shown, found)
    assert found.faults == [], {key: found.first[key][:500] for key in found.faults}
    assert sum(found.counts.values()) == SLICE * KINDS[kind][1]


def _fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ValueError("x"), "traceback"), (RecursionError(), "traceback"), (Odd("outside", "x"), "outside")],
)
def test_the_suite_sees_a_fault(error: BaseException, outcome: str) -> None:
    """What must not happen is counted when it does."""
    found = Found()
    attempt(lambda: _fail(error), "the input", found)
    assert [key[0] for key in found.faults] == [outcome]


def test_the_suite_sees_a_hang() -> None:
    """A loop is ended, though it swallows every exception."""

    def loop() -> None:
        while True:
            with contextlib.suppress(Exception):
                sum(range(1000))

    found = Found()
    attempt(loop, "the input", found, patience=0.2)
    assert found.counts == {"hang": 1}


@pytest.mark.parametrize(
    ("dialect", "inside", "out"),
    [
        ("kql", 'T | where a == "x\\" zq9x" // zq9x', 'T | where a == "x" or zq9x == "y"'),
        ("spl", 'search a="\\"zq9x" ```zq9x```', 'search a="x" | zq9x ""'),
        ("eql", 'process where a == "\\"zq9x"', 'process where a == "x" or zq9x == ""'),
        ("esql", 'FROM x | WHERE a == """zq9x" """', 'FROM x | WHERE a == "" | zq9x ""'),
        ("lucene", 'a:x\\ zq9x AND b:"\\"zq9x"', "a:x OR (zq9x:y)"),
        ("dsl", '{"a": {"b": "zq9x"}}', '{"a": {"zq9x": 1}}'),
    ],
)
def test_the_suite_sees_what_is_outside(dialect: str, inside: str, out: str) -> None:
    """A word within a literal or a comment is fine, the same word beside it is not."""
    assert not outside.found(dialect, inside, "zq9x")
    assert outside.found(dialect, out, "zq9x")
