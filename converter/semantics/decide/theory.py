"""What the theories of single fields answer: a value, a conflict, or that they gave up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from converter.semantics.decide.formula import Variable


class Missing:
    """The value of a field that an event lacks."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


@dataclass(frozen=True)
class Found:
    """A value (or MISSING) that makes the required tests true and the forbidden ones false."""

    value: Any


@dataclass(frozen=True)
class Conflict:
    """Tests that no value can have all of `required` and none of `forbidden` hold of; a lemma whatever was asked."""

    required: frozenset[Variable]
    forbidden: frozenset[Variable]


@dataclass(frozen=True)
class GaveUp:
    """No value was found and none was excluded."""

    reason: str


Answer = Found | GaveUp | tuple[Conflict, ...]


def conflict(required: list[Variable], forbidden: list[Variable]) -> tuple[Conflict, ...]:
    """One conflict as an answer."""
    return (Conflict(frozenset(required), frozenset(forbidden)),)
