"""A rule's condition over native columns: what `converter.lower` hands to the writers.

Between pySigma's tree (Sigma fields, one value a leaf) and a query: values on one field are gathered into lists,
numbers are numbers where the column is one, and file-name tests use the file-name column where the schema has one.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Wild(enum.Enum):
    """Sigma's wildcards: any run of characters, and exactly one."""

    ANY = "*"
    ONE = "?"


@dataclass(frozen=True)
class Pattern:
    """Literal text and wildcards, in order; adjacent literals are merged, and so are adjacent `*`."""

    parts: tuple[str | Wild, ...]

    @property
    def shape(self) -> str:
        """`equals`, `startswith`, `endswith`, `contains`, `any` (only `*`) or `general`."""
        literals = [p for p in self.parts if isinstance(p, str)]
        if Wild.ONE in self.parts or len(literals) > 1:
            return "general"
        if not literals:
            return "any" if self.parts else "equals"
        head, tail = self.parts[0] is Wild.ANY, self.parts[-1] is Wild.ANY
        return {(False, False): "equals", (False, True): "startswith", (True, False): "endswith"}.get(
            (head, tail), "contains"
        )

    @property
    def text(self) -> str:
        """The literal of a pattern that has at most one."""
        return next((p for p in self.parts if isinstance(p, str)), "")

    @property
    def is_ascii(self) -> bool:
        return all(isinstance(p, Wild) or p.isascii() for p in self.parts)


@dataclass(frozen=True)
class And:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    part: Condition


@dataclass(frozen=True)
class Match:
    """The value matches any of the patterns, as a whole; case counts only if `cased`."""

    field: str
    patterns: tuple[Pattern, ...]
    cased: bool = False


@dataclass(frozen=True)
class Regex:
    """A Perl-style regular expression matches somewhere in the value."""

    field: str
    pattern: str
    ignore_case: bool = False
    multi_line: bool = False
    dot_all: bool = False


@dataclass(frozen=True)
class InNetworks:
    """The value is an address in any of the CIDR ranges (an IPv4-mapped IPv6 address counts as its IPv4 address)."""

    field: str
    networks: tuple[str, ...]


@dataclass(frozen=True)
class NumberIn:
    field: str
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Compare:
    """`operator` is one of < <= > >=."""

    field: str
    operator: str
    number: int


@dataclass(frozen=True)
class Missing:
    """The event has no such field."""

    field: str


@dataclass(frozen=True)
class SameAs:
    """The value equals, starts with, ends with or contains the value of another field."""

    field: str
    other: str
    how: str
    cased: bool = False


Leaf = Match | Regex | InNetworks | NumberIn | Compare | Missing | SameAs
Condition = And | Or | Not | Leaf


def fields_of(condition: Condition) -> set[str]:
    """The native columns a condition looks at."""
    if isinstance(condition, (And, Or)):
        return set().union(*(fields_of(p) for p in condition.parts))
    if isinstance(condition, Not):
        return fields_of(condition.part)
    return {condition.field, condition.other} if isinstance(condition, SameAs) else {condition.field}


def simplify(condition: Condition) -> Condition:
    """Flatten and/or, gather tests of one field into one list, and intersect lists of exact values that must all hold.

    Only equivalences of two-valued logic on single-valued fields are used; the prover checks the result.
    """
    if isinstance(condition, Not):
        inner = simplify(condition.part)
        return inner.part if isinstance(inner, Not) else Not(inner)
    if not isinstance(condition, (And, Or)):
        return condition
    kind = type(condition)
    flat: list[Condition] = []
    for part in map(simplify, condition.parts):
        flat.extend(part.parts if isinstance(part, kind) else (part,))
    merged = _gather(flat) if kind is Or else _intersect(flat)
    unique = tuple(dict.fromkeys(merged))
    return unique[0] if len(unique) == 1 else kind(unique)


def _gather(parts: list[Condition]) -> list[Condition]:
    """In an Or: one list per field for patterns, numbers and networks, at the place of the first."""
    groups: dict[object, list[Condition]] = {}
    for index, part in enumerate(parts):
        key: object = index
        if isinstance(part, Match):
            key = (Match, part.field, part.cased)
        elif isinstance(part, (NumberIn, InNetworks)):
            key = (type(part), part.field)
        groups.setdefault(key, []).append(part)
    out: list[Condition] = []
    for group in groups.values():
        first = group[0]
        if isinstance(first, Match):
            patterns = dict.fromkeys(p for g in group if isinstance(g, Match) for p in g.patterns)
            out.append(Match(first.field, tuple(patterns), first.cased))
        elif isinstance(first, NumberIn):
            numbers = dict.fromkeys(n for g in group if isinstance(g, NumberIn) for n in g.numbers)
            out.append(NumberIn(first.field, tuple(numbers)))
        elif isinstance(first, InNetworks):
            networks = dict.fromkeys(n for g in group if isinstance(g, InNetworks) for n in g.networks)
            out.append(InNetworks(first.field, tuple(networks)))
        else:
            out.extend(group)
    return out


def _intersect(parts: list[Condition]) -> list[Condition]:
    """In an And: two case-sensitive lists of exact values on one field become their common values."""
    out: list[Condition] = []
    for part in parts:
        twin = next((i for i, o in enumerate(out) if _exact(o) and _exact(part) and _field(o) == _field(part)), None)
        if twin is None:
            out.append(part)
            continue
        other = out[twin]
        assert isinstance(other, Match)
        assert isinstance(part, Match)
        common = tuple(p for p in other.patterns if p in part.patterns)
        if common:
            out[twin] = Match(part.field, common, True)
        else:
            out.append(part)
    return out


def _exact(condition: Condition) -> bool:
    return isinstance(condition, Match) and condition.cased and all(p.shape == "equals" for p in condition.patterns)


def _field(condition: Condition) -> str:
    return condition.field if isinstance(condition, Match) else ""
