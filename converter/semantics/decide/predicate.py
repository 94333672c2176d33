"""The normal form everything is compared in: and / or / not over atoms (field, set of values).

Two-valued: an atom on a missing field is false, so `not` of it is true (Sigma specification 2.1). A reader of a
three-valued language (ES|QL, SQL) resolves null *before* it hands a Predicate out. On a multi-valued field an atom
holds when any element is in the set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from converter.semantics.regular.language import Language
from converter.semantics.tree import Tree


@dataclass(frozen=True, eq=False)
class Strings(Tree):
    """The whole value, as text, is in the language."""

    language: Language


@dataclass(frozen=True, eq=False)
class Numbers(Tree):
    """The value is a number within one of the inclusive ranges; None is unbounded. Sorted and disjoint."""

    ranges: tuple[tuple[int | None, int | None], ...]


@dataclass(frozen=True, eq=False)
class Addresses(Tree):
    """The value is an IP address within one of (version, first, last), inclusive, as integers."""

    ranges: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, eq=False)
class Present(Tree):
    """The field is there, whatever its value (the empty string included)."""


@dataclass(frozen=True, eq=False)
class SameAs(Tree):
    """The value equals, starts with, ends with or contains (`how`) the value of another field."""

    other: str
    how: str = "equals"
    ignore_case: bool = True


ValueSet = Strings | Numbers | Addresses | Present | SameAs


@dataclass(frozen=True, eq=False)
class Atom(Tree):
    field: str
    values: ValueSet

    @cached_property
    def fields(self) -> frozenset[str]:
        """The field that is tested, and the one it is compared with."""
        return frozenset((self.field, self.values.other) if isinstance(self.values, SameAs) else (self.field,))


@dataclass(frozen=True, eq=False)
class And(Tree):
    parts: tuple[Predicate, ...]

    @cached_property
    def fields(self) -> frozenset[str]:
        """Every field that is tested or compared with."""
        return frozenset[str]().union(*(part.fields for part in self.parts))


@dataclass(frozen=True, eq=False)
class Or(Tree):
    parts: tuple[Predicate, ...]

    @cached_property
    def fields(self) -> frozenset[str]:
        """Every field that is tested or compared with."""
        return frozenset[str]().union(*(part.fields for part in self.parts))


@dataclass(frozen=True, eq=False)
class Not(Tree):
    part: Predicate

    @property
    def fields(self) -> frozenset[str]:
        """Every field that is tested or compared with."""
        return self.part.fields


Predicate = Atom | And | Or | Not

TRUE = And(())
FALSE = Or(())


def conjunction(parts: Iterable[Predicate]) -> Predicate:
    """All of the parts, flattened, with constants folded."""
    flat: list[Predicate] = []
    for part in parts:
        if part == FALSE:
            return FALSE
        flat.extend(part.parts if isinstance(part, And) else (part,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(parts: Iterable[Predicate]) -> Predicate:
    """Any of the parts, flattened, with constants folded."""
    flat: list[Predicate] = []
    for part in parts:
        if part == TRUE:
            return TRUE
        flat.extend(part.parts if isinstance(part, Or) else (part,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def negation(part: Predicate) -> Predicate:
    """Not the part, with constants and double negation folded."""
    if part == TRUE:
        return FALSE
    if part == FALSE:
        return TRUE
    return part.part if isinstance(part, Not) else Not(part)
