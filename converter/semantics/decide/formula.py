"""Predicates as Boolean formulas over shared variables, built so that what is equal by sorting is one node.

Literals are integers: `n` a node, `-n` its negation. Node 1 is true. Every other node is a variable or the
disjunction of a sorted set of literals; a conjunction is the negation of a disjunction of negations. Sets of values
are cut into the finest pieces that either side uses (alternatives of a language, parts of an interval, the characters
of a class: see splits), so that `x in ("a", "b")` and `x == "a" or x == "b"` are one node.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from converter.semantics.decide.predicate import (
    Addresses,
    And,
    Atom,
    Not,
    Numbers,
    Or,
    Predicate,
    Present,
    SameAs,
    Strings,
)
from converter.semantics.decide.splits import Splits
from converter.semantics.regular import sets
from converter.semantics.regular.sequences import ANY_TEXT, alternatives
from converter.semantics.tree import Tree

TRUE, FALSE = 1, -1


@dataclass(frozen=True, eq=False)
class Variable(Tree):
    """One piece of a test of one field.

    `kind` and `piece`: `text` and a Sequence; `number` and an Interval; `address` and (version, first, last);
    `present` and None; `same` and a SameAs.
    """

    field: str
    kind: str
    piece: Any


class Formula:
    """Literals of several predicates over common variables."""

    def __init__(self, predicates: Iterable[Predicate]) -> None:
        self.nodes: list[Variable | tuple[int, ...]] = [(), ()]
        self._known: dict[Variable | tuple[int, ...], int] = {}
        self._atoms: dict[Atom, int] = {}
        predicates = list(predicates)
        self._parts = _partition(predicates)
        self._splits = Splits(predicates)
        self.roots = [self.literal(predicate) for predicate in predicates]

    def variable(self, node: int) -> Variable | None:
        """The variable at a node, None when it is a disjunction."""
        found = self.nodes[node]
        return found if isinstance(found, Variable) else None

    def literal(self, predicate: Predicate) -> int:
        if isinstance(predicate, Not):
            return -self.literal(predicate.part)
        if isinstance(predicate, Or):
            return self._any([self.literal(part) for part in predicate.parts])
        if isinstance(predicate, And):
            return -self._any([-self.literal(part) for part in predicate.parts])
        found = self._atoms.get(predicate)
        if found is None:
            found = self._atoms[predicate] = self._any([self._node(piece) for piece in self._pieces(predicate)])
        return found

    def _node(self, content: Variable | tuple[int, ...]) -> int:
        node = self._known.get(content)
        if node is None:
            node = self._known[content] = len(self.nodes)
            self.nodes.append(content)
        return node

    def _any(self, literals: list[int]) -> int:
        flat: set[int] = set()
        for item in literals:
            inner = self.nodes[item] if item > 1 else None
            if isinstance(inner, tuple):
                flat.update(inner)
            else:
                flat.add(item)
        flat.discard(FALSE)
        if TRUE in flat or any(-item in flat for item in flat):
            return TRUE
        if len(flat) <= 1:
            return flat.pop() if flat else FALSE
        return self._node(tuple(sorted(flat)))

    def _pieces(self, atom: Atom) -> list[Variable]:
        field, values = atom.field, atom.values
        if isinstance(values, Present):
            return [Variable(field, "present", None)]
        if isinstance(values, SameAs):
            if values.how == "equals" and values.other < field:  # equality goes both ways
                field, values = values.other, replace(values, other=field)
            return [Variable(field, "same", values)]
        if isinstance(values, Strings):
            found = alternatives(values.language)
            if ANY_TEXT in found:
                return [Variable(field, "present", None)]
            return [Variable(field, "text", piece) for sequence in found for piece in self._splits.of(field, sequence)]
        if isinstance(values, Numbers):
            parts = self._parts[field, 0]
            return [
                Variable(field, "number", part)
                for part in parts
                if any(sets.within(part, interval) for interval in values.ranges)
            ]
        return [
            Variable(field, "address", (version, part[0], part[1]))
            for version in sorted({version for version, _, _ in values.ranges})
            for part in self._parts[field, version]
            if any(kind == version and sets.within(part, (low, high)) for kind, low, high in values.ranges)
        ]


def _partition(predicates: list[Predicate]) -> dict[tuple[str, int], list[sets.Interval]]:
    """Per field, the parts into which all its intervals (under 0) and addresses (under their version) cut the line."""
    found: dict[tuple[str, int], list[sets.Interval]] = {}
    todo = list(predicates)
    while todo:
        item = todo.pop()
        if isinstance(item, Not):
            todo.append(item.part)
        elif isinstance(item, And | Or):
            todo.extend(item.parts)
        elif isinstance(item.values, Numbers):
            found.setdefault((item.field, 0), []).extend(item.values.ranges)
        elif isinstance(item.values, Addresses):
            for version, low, high in item.values.ranges:
                found.setdefault((item.field, version), []).append((low, high))
    return {key: sets.cut(intervals) for key, intervals in found.items()}
