"""A rule's condition over native columns: what `converter.convert.lower` hands to the writers.

Between a rule's detection section (Sigma fields, values with modifiers) and a query: values on one field are lists,
numbers are numbers where the column is one, and file-name tests use the file-name column where the schema has one.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property


class Wild(enum.Enum):
    """Sigma's wildcards: any run of characters, and exactly one."""

    ANY = "*"
    ONE = "?"
    #: a member is itself and no other; Enum's own hash is written in Python, and patterns are hashed all the time
    __hash__ = object.__hash__


@dataclass(frozen=True)
class OneOf:
    """Exactly one of some characters, whatever the case of the rest."""

    characters: str


@dataclass(frozen=True)
class Pattern:
    """Literal text, wildcards and classes, in order; adjacent literals are merged, and so are adjacent `*`."""

    parts: tuple[str | Wild | OneOf, ...]

    @cached_property
    def shape(self) -> str:
        """`equals`, `startswith`, `endswith`, `contains`, `any` (only `*`) or `general`."""
        literals = [p for p in self.parts if isinstance(p, str)]
        if Wild.ONE in self.parts or len(literals) > 1 or any(isinstance(p, OneOf) for p in self.parts):
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
        for part in self.parts:
            if isinstance(part, str):
                return part
        return ""

    @cached_property
    def characters(self) -> str:
        """Every character that stands in the pattern, in texts and in classes."""
        return "".join(
            part if isinstance(part, str) else part.characters for part in self.parts if not isinstance(part, Wild)
        )

    @property
    def is_ascii(self) -> bool:
        return self.characters.isascii()


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


@dataclass(frozen=True)
class Words:
    """Any of the words stands in the value, in either case, and between what is no letter or digit; of the `beginnings`
    that holds of what stands before them alone.

    No rule asks for it: writers of languages whose index holds words add it before a test that implies it.
    """

    field: str
    words: tuple[str, ...]
    beginnings: tuple[str, ...] = ()


Leaf = Match | Regex | InNetworks | NumberIn | Compare | Missing | SameAs | Words
Condition = And | Or | Not | Leaf


def fields_of(condition: Condition) -> set[str]:
    """The native columns a condition looks at."""
    if isinstance(condition, (And, Or)):
        return set().union(*(fields_of(p) for p in condition.parts))
    if isinstance(condition, Not):
        return fields_of(condition.part)
    return {condition.field, condition.other} if isinstance(condition, SameAs) else {condition.field}


def renamed(condition: Condition, names: Mapping[str, str]) -> Condition:
    """The condition with some columns under other names."""
    if isinstance(condition, (And, Or)):
        return type(condition)(tuple(renamed(part, names) for part in condition.parts))
    if isinstance(condition, Not):
        return Not(renamed(condition.part, names))
    if isinstance(condition, SameAs):
        condition = replace(condition, other=names.get(condition.other, condition.other))
    return replace(condition, field=names.get(condition.field, condition.field))


def simplify(condition: Condition) -> Condition:
    """Flatten and/or, gather tests of one field into one list, and intersect lists of exact values that must all hold.

    Only equivalences of two-valued logic on single-valued fields are used; the prover checks the result.
    """
    kind = condition.__class__
    if kind is Not:
        assert isinstance(condition, Not)
        inner = simplify(condition.part)
        return inner.part if isinstance(inner, Not) else Not(inner)
    if not isinstance(condition, (And, Or)):
        return condition
    flat: list[Condition] = []
    for part in condition.parts:
        plain = simplify(part) if part.__class__ in _INNER else part
        flat.extend(plain.parts if isinstance(plain, (And, Or)) and plain.__class__ is kind else (plain,))
    merged = gathered(flat) if kind is Or else _intersect(flat)
    unique = tuple(dict.fromkeys(merged)) if len(merged) > 1 else tuple(merged)
    if len(unique) == 1:
        return unique[0]
    return Or(unique) if kind is Or else And(unique)


_INNER = frozenset({And, Or, Not})


def gathered(parts: list[Condition]) -> list[Condition]:
    """In an Or: one list per field for patterns, numbers and networks, at the place of the first."""
    groups: dict[object, list[Condition]] = {}
    for index, part in enumerate(parts):
        key: object = index
        if isinstance(part, Match):
            key = (part.field, part.cased)
        elif isinstance(part, (NumberIn, InNetworks)):
            key = (type(part), part.field)
        groups.setdefault(key, []).append(part)
    return [_one_list(group) for group in groups.values()]


def _one_list(group: list[Condition]) -> Condition:
    """Tests of one field as one; a test of another sort stands alone."""
    first = group[0]
    if isinstance(first, Match):
        if len(group) == 1 and len(first.patterns) == 1:
            return first
        patterns = dict.fromkeys([p for test in group if isinstance(test, Match) for p in test.patterns])
        return Match(first.field, tuple(patterns), first.cased)
    if isinstance(first, NumberIn):
        numbers = dict.fromkeys(n for test in group if isinstance(test, NumberIn) for n in test.numbers)
        return NumberIn(first.field, tuple(numbers))
    if isinstance(first, InNetworks):
        networks = dict.fromkeys(n for test in group if isinstance(test, InNetworks) for n in test.networks)
        return InNetworks(first.field, tuple(networks))
    return first


def _intersect(parts: list[Condition]) -> list[Condition]:
    """In an And: two case-sensitive lists of exact values on one field become their common values."""
    out: list[Condition] = []
    exact: dict[str, int] = {}
    for part in parts:
        if not (isinstance(part, Match) and _exact(part)):
            out.append(part)
            continue
        twin = exact.setdefault(part.field, len(out))
        if twin == len(out):
            out.append(part)
            continue
        other = out[twin]
        assert isinstance(other, Match)
        common = tuple(p for p in other.patterns if p in part.patterns)
        if common:
            out[twin] = Match(part.field, common, True)
        else:
            out.append(part)
    return out


def _exact(test: Match) -> bool:
    return test.cased and all(p.shape == "equals" for p in test.patterns)
