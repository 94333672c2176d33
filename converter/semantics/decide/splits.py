"""A pattern with a class of characters, where the other side spells the class out in patterns of its own.

`[-/]x` is `-x` or `/x`. If a formula holds all three, the first is read as the other two, and equal sides are equal by
sorting. Nothing is spelt out that the formula does not hold: a class whose members are not all there stays one piece,
so that a value with fourteen dashes, each of five characters, is one pattern and not 5**14.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from converter.semantics.decide.predicate import And, Atom, Not, Or, Predicate, Strings
from converter.semantics.regular import sequences
from converter.semantics.regular.sequences import ONE, alternatives, class_of

#: Classes with more characters are not looked at: nobody spells them out.
MAX_CHARACTERS = 4_096
#: How many classes of one field may be parts of larger ones.
MAX_PARTS = 4_096
#: Into how many pieces one pattern may be cut.
MAX_PIECES = 5_000


class Splits:
    """The patterns of some predicates, by field, and how those with classes are made of others."""

    def __init__(self, predicates: Iterable[Predicate]) -> None:
        self._patterns: dict[str, set[sequences.Sequence]] = {}
        for field, found in _texts(predicates):
            self._patterns.setdefault(field, set()).update(found)
        self._sorted: dict[str, list[sequences.Sequence]] = {}
        self._parts = {field: _parts(patterns) for field, patterns in self._patterns.items()}

    def of(self, field: str, pattern: sequences.Sequence) -> Sequence[sequences.Sequence]:
        """The other patterns of the field that together are `pattern`, or itself alone."""
        parts = self._parts.get(field)
        if not parts or not any(element in parts for element in pattern):
            return (pattern,)
        found = self._cut(field, pattern, 0)
        return found if found is not None and len(found) <= MAX_PIECES else (pattern,)

    def _cut(self, field: str, pattern: sequences.Sequence, start: int) -> list[sequences.Sequence] | None:
        """`pattern` with its classes from `start` on spelt out as the formula has them; None if it has not all."""
        parts = self._parts[field]
        for position in range(start, len(pattern)):
            out: list[sequences.Sequence] = []
            covered: list[int] = []
            for part in parts.get(pattern[position], ()):
                begun = (*pattern[:position], part)
                if self._begins(field, begun):
                    pieces = self._cut(field, begun + pattern[position + 1 :], position + 1)
                    if pieces is not None:
                        out.extend(pieces)
                        covered.append(part)
                if len(out) > MAX_PIECES:
                    return None
            if covered and _covers(covered, pattern[position]):
                return out
            if pattern[position] in parts and not self._begins(field, pattern[: position + 1]):
                return None
        return [pattern] if pattern in self._patterns[field] else None

    def _begins(self, field: str, start: sequences.Sequence) -> bool:
        """Whether a pattern of the field begins so."""
        ordered = self._sorted.get(field)
        if ordered is None:
            ordered = self._sorted[field] = sorted(self._patterns[field])
        place = bisect_left(ordered, start)
        return place < len(ordered) and ordered[place][: len(start)] == start


def _texts(predicates: Iterable[Predicate]) -> Iterable[tuple[str, sequences.Alternatives]]:
    todo = list(predicates)
    while todo:
        item = todo.pop()
        if isinstance(item, Not):
            todo.append(item.part)
        elif isinstance(item, And | Or):
            todo.extend(item.parts)
        elif isinstance(item, Atom) and isinstance(item.values, Strings):
            yield item.field, alternatives(item.values.language)


def _parts(patterns: set[sequences.Sequence]) -> dict[int, list[int]]:
    """The single characters, as elements, that each class of a field's patterns could be spelt out in."""
    elements = {element for pattern in patterns for element in pattern if element & 3 == ONE}
    sized = {element: class_of(element).size for element in elements}
    small = sorted((element for element in elements if sized[element] <= MAX_CHARACTERS), key=_order)
    out: dict[int, list[int]] = {}
    for wide in small:
        if sized[wide] > 1:
            inside = [e for e in small if sized[e] < sized[wide] and sequences.includes(wide, e)]
            if inside and len(inside) <= MAX_PARTS and _covers(inside, wide):
                out[wide] = inside
    return out


def _order(element: int) -> tuple[tuple[int, int], ...]:
    return class_of(element).ranges


def _covers(parts: list[int], wide: int) -> bool:
    characters = {code for part in parts for low, high in class_of(part).ranges for code in range(low, high + 1)}
    return all(code in characters for low, high in class_of(wide).ranges for code in range(low, high + 1))
