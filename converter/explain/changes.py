"""Two sides over one kind of event: which of their tests are the same, and which only one side has."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from converter.core.errors import OutOfFragment
from converter.explain.model import Part
from converter.explain.outline import Disjunction, Leaf, Named, Negation, Tree, leaves, predicate_of, selections
from converter.semantics.decide.compare import Equivalent, Unknown, compare, satisfiable
from converter.semantics.decide.domain import Budget, Domain, FieldDomain
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.formula import Formula
from converter.semantics.decide.predicate import FALSE, TRUE, Predicate, conjunction

#: Beyond so many tests only those that are the same by their form are taken for the same.
_MAX_COMPARED = 400


@dataclass(frozen=True)
class View:
    """The two sides over one kind of event.

    `kind` is "" for Sigma events in general, `records` says in words which events these are. `fixed` holds the fields
    that the kind fixes, `guard` what is true of each of its events beyond the domain.
    """

    kind: str
    records: str
    old: Tree
    new: Tree
    domain: Domain
    fixed: Mapping[str, str] = field(default_factory=dict)
    guard: Predicate = TRUE

    def relevant(self) -> frozenset[tuple[str, FieldDomain]]:
        """The domains of the fields that a side tests."""
        tested = predicate_of(self.old).fields | predicate_of(self.new).fields | self.guard.fields
        return frozenset((name, self.domain.of(name)) for name in tested)


@dataclass(frozen=True)
class Unit:
    """What a cause may consist of: a test, or a selection that the other side has nothing of."""

    tree: Leaf | Named
    side: Part

    @cached_property
    def predicate(self) -> Predicate:
        return predicate_of(self.tree)

    @cached_property
    def fields(self) -> frozenset[str]:
        return self.predicate.fields

    @property
    def constant(self) -> bool:
        """Whether the kind of record decides it."""
        return self.predicate in (TRUE, FALSE)

    def corresponds(self, other: Unit) -> bool:
        """Whether both are selections over the same fields."""
        return isinstance(self.tree, Named) and isinstance(other.tree, Named) and self.fields == other.fields


class Changes:
    """The tests of both sides, sorted into classes that mean the same, and the units that only one side has."""

    def __init__(self, view: View, budget: Budget) -> None:
        self.view, self.budget = view, budget
        self.sides: dict[Part, Tree] = {"old": view.old, "new": view.new}
        self.class_of = self._classes()
        self.units = list(self._changed())

    def ask(self, question: Predicate) -> dict[str, Any] | Unknown | None:
        """An event of this kind on which the question holds, None when there is none."""
        return satisfiable(conjunction([self.view.guard, question]), self.view.domain, self.budget)

    def same(self, one: Predicate, other: Predicate) -> bool:
        """Whether two predicates are shown to hold on the same events of this kind."""
        guard = self.view.guard
        sides = conjunction([guard, one]), conjunction([guard, other])
        return isinstance(compare(*sides, self.view.domain, self.budget), Equivalent)

    def deciding(self, event: Mapping[str, Any]) -> tuple[dict[Unit, bool], dict[Unit, bool]]:
        """The fewest changed tests that, with their answers on `event`, keep the sides apart; and all answers."""
        values: dict[object, bool | None] = {
            self.class_of[leaf]: holds(leaf.predicate, event) for tree in self.sides.values() for leaf in leaves(tree)
        }
        answers = {unit: holds(unit.predicate, event) for unit in self.units}
        values.update({self._key(unit): value for unit, value in answers.items()})
        wanted = self._both(values)
        kept: dict[Unit, bool] = {}
        for unit in sorted(self.units, key=answers.__getitem__):
            key = self._key(unit)
            before, values[key] = values[key], None
            if self._both(values) != wanted:
                values[key] = before
                kept[unit] = answers[unit]
        return kept, answers

    def _classes(self) -> dict[Leaf, object]:
        """Leaves that mean the same have the same class: by form, or on all events of the domain."""
        tests = {side: list(dict.fromkeys(leaves(tree))) for side, tree in self.sides.items()}
        both = [*tests["old"], *tests["new"]]
        try:
            literals = Formula([leaf.predicate for leaf in both]).roots
        except OutOfFragment:
            literals = list(range(len(both)))
        classes: dict[Leaf, object] = dict(zip(both, literals, strict=True))
        shared = {classes[leaf] for leaf in tests["old"]} & {classes[leaf] for leaf in tests["new"]}
        alone = {side: [leaf for leaf in of_side if classes[leaf] not in shared] for side, of_side in tests.items()}
        if 0 < len(alone["old"]) + len(alone["new"]) <= _MAX_COMPARED and all(alone.values()):
            self._merge_equal(classes, alone["old"], alone["new"])
        return classes

    def _merge_equal(self, classes: dict[Leaf, object], old: list[Leaf], new: list[Leaf]) -> None:
        """Give leaves of `new` the class of the leaf of `old` that they equal; samples rule most pairs out."""
        samples = [event for leaf in (*old, *new) if isinstance(event := self.ask(leaf.predicate), dict)]
        traits = {leaf: tuple(holds(leaf.predicate, event) for event in samples) for leaf in (*old, *new)}
        for leaf, other in itertools.product(new, old):
            alike = traits[leaf] == traits[other] and leaf.predicate.fields == other.predicate.fields
            if alike and self.same(leaf.predicate, other.predicate):
                classes[leaf] = classes[other]

    def _changed(self) -> Iterator[Unit]:
        """Selections of which the other side has nothing, then the other tests that only one side has."""
        classes = {side: {self.class_of[leaf] for leaf in leaves(tree)} for side, tree in self.sides.items()}
        names = {side: {_name(named) for named in selections(tree)} for side, tree in self.sides.items()}
        pairs: tuple[tuple[Part, Part], ...] = (("old", "new"), ("new", "old"))
        for side, other in pairs:
            grouped: set[Leaf] = set()
            for named in {_name(named): named for named in selections(self.sides[side])}.values():
                inside = list(leaves(named))
                if _name(named) not in names[other] and not {self.class_of[leaf] for leaf in inside} & classes[other]:
                    grouped.update(inside)
                    yield Unit(named, side)
            seen: set[object] = set()
            for leaf in leaves(self.sides[side]):
                key = self.class_of[leaf]
                if leaf not in grouped and key not in classes[other] and key not in seen:
                    seen.add(key)
                    yield Unit(leaf, side)

    def _key(self, unit: Unit) -> object:
        return (unit.side, _name(unit.tree)) if isinstance(unit.tree, Named) else self.class_of[unit.tree]

    def _both(self, values: Mapping[object, bool | None]) -> tuple[bool | None, ...]:
        return tuple(self._answer(side, tree, values) for side, tree in self.sides.items())

    def _answer(self, side: Part, tree: Tree, values: Mapping[object, bool | None]) -> bool | None:
        """Three-valued: None where it depends on what is not given."""
        if isinstance(tree, Leaf):
            return values[self.class_of[tree]]
        if isinstance(tree, Named):
            key = (side, _name(tree))
            return values[key] if key in values else self._answer(side, tree.part, values)
        if isinstance(tree, Negation):
            inner = self._answer(side, tree.part, values)
            return None if inner is None else not inner
        decisive = isinstance(tree, Disjunction)
        answers = [self._answer(side, part, values) for part in tree.parts]
        return decisive if decisive in answers else None if None in answers else not decisive


def _name(named: Named) -> object:
    """What a selection is recognised by: its name, which a list of a query has not."""
    return id(named) if named.anonymous else named.name
