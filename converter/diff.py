"""What a change of a rule or query loses and gains: one example event for each cause.

A difference is found, brought down to the few tests that cause it, and excluded; then the next is looked for. When
none is left, what is listed is all there is: every event that is lost or gained has one of the causes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from converter.diff_model import DIRECTIONS, Cause, CauseTest, Diff, Direction, Part, sentence
from converter.diff_structure import structure
from converter.errors import OutOfFragment
from converter.outline import Inverse, Leaf, Named, Some, Tree, leaves, predicate_of, selections
from converter.plausible import plausible
from converter.semantics.decide import Equivalent, Unknown, compare, satisfiable
from converter.semantics.domain import DEFAULT_BUDGET, Budget, Domain
from converter.semantics.evaluate import holds
from converter.semantics.formula import Formula
from converter.semantics.predicate import FALSE, TRUE, Atom, Not, Predicate, conjunction, negation

MAX_CAUSES = 20
#: Beyond so many tests only those that are the same by their form are taken for the same.
_MAX_COMPARED = 400


@dataclass(frozen=True)
class View:
    """The two sides over one kind of event. `kind` is "" for Sigma events in general; `fixed` what the kind fixes."""

    kind: str
    old: Tree
    new: Tree
    domain: Domain
    fixed: Mapping[str, str] = field(default_factory=dict)


def diff(
    old: str,
    new: str,
    views: Iterable[View],
    limit: int = MAX_CAUSES,
    budget: Budget = DEFAULT_BUDGET,
    notes: Sequence[str] = (),
) -> Diff:
    """The causes over all views, at most `limit` in each direction; `old` and `new` are names to show."""
    found: dict[Direction, list[Cause]] = {"lost": [], "gained": []}
    undecided: list[str] = []
    complete = True
    for view, kinds in _distinct(views):
        explained = _Explained(view, kinds, budget)
        for direction in DIRECTIONS:
            room = limit - len(found[direction])
            for cause in itertools.islice(explained.causes(direction, undecided), room + 1):
                if len(found[direction]) == limit:
                    complete = False
                    break
                found[direction].append(cause)
    lost, gained = (_merged(found[direction]) for direction in DIRECTIONS)
    return Diff(old, new, lost, gained, complete, tuple(dict.fromkeys(undecided)), tuple(notes))


def _distinct(views: Iterable[View]) -> Iterator[tuple[View, tuple[str, ...]]]:
    """Each question once, with all kinds of record that ask it: kinds often have the same columns."""
    found: list[tuple[object, View, list[str]]] = []
    for view in views:
        silent = tuple(map(_nothing, (view.old, view.new)))
        key = (predicate_of(view.old), predicate_of(view.new), silent, view.domain, dict(view.fixed))
        same = next((kinds for known, _, kinds in found if known == key), None)
        if same is None:
            found.append((key, view, same := []))
        same += [view.kind] if view.kind else []
    for _, view, kinds in found:
        yield view, tuple(dict.fromkeys(kinds))


def _merged(causes: list[Cause]) -> tuple[Cause, ...]:
    """Causes of the same tests on several kinds of record are one."""
    out: dict[str, Cause] = {}
    for cause in causes:
        first = out.get(cause.text)
        kinds = (*first.kinds, *cause.kinds) if first else cause.kinds
        out[cause.text] = Cause(cause.direction, kinds, cause.text, (first or cause).event, cause.tests)
    return tuple(out.values())


@dataclass(frozen=True)
class _Unit:
    """What a cause may consist of: a test, or a selection that the other side has nothing of."""

    tree: Leaf | Named
    side: Part

    @cached_property
    def predicate(self) -> Predicate:
        return predicate_of(self.tree)

    @cached_property
    def fields(self) -> frozenset[str]:
        return fields_of(self.predicate)

    def corresponds(self, other: _Unit) -> bool:
        """Whether both are selections over the same fields."""
        return isinstance(self.tree, Named) and isinstance(other.tree, Named) and self.fields == other.fields


class _Explained:
    """The tests of both sides, which of them are the same, and the search for causes."""

    def __init__(self, view: View, kinds: tuple[str, ...], budget: Budget) -> None:
        self.view, self.kinds, self.budget = view, kinds, budget
        self.sides: dict[Part, Tree] = {"old": view.old, "new": view.new}
        self.predicates = {side: predicate_of(tree) for side, tree in self.sides.items()}
        self.decided = compare(self.predicates["old"], self.predicates["new"], view.domain, budget)
        if not isinstance(self.decided, Equivalent):
            self.class_of = self._classes()
            self.units = list(self._changed())

    def causes(self, direction: Direction, undecided: list[str]) -> Iterator[Cause]:
        """The causes of one direction, each after the others are excluded."""
        if isinstance(self.decided, Equivalent):
            return
        old, new = self.predicates["old"], self.predicates["new"]
        fires, quiet = (old, new) if direction == "lost" else (new, old)
        quiet_side: Part = "new" if direction == "lost" else "old"
        question = conjunction([fires, negation(quiet)])
        while True:
            event = self._ask(question)
            if isinstance(event, Unknown):
                undecided.append(event.reason)
                return
            if event is None:
                return
            if _nothing(self.sides[quiet_side]):
                word = "the new side has" if direction == "lost" else "the old side had"
                categories = " and ".join(dict.fromkeys(kind.split("/")[0] for kind in self.kinds))
                shown = self._plausible(question, event, {})
                text = f"{word} nothing for {categories or 'these'} records"
                yield Cause(direction, self.kinds, text, {**self.view.fixed, **shown})
                return
            event, literals = self._narrowed(question, event)
            literals = _told(direction, literals)
            cause, excluded = self._cause(direction, self._plausible(question, event, literals), literals)
            yield cause
            question = conjunction([question, negation(excluded)])

    def _ask(self, question: Predicate) -> dict[str, Any] | Unknown | None:
        return satisfiable(question, self.view.domain, self.budget)

    def _narrowed(self, question: Predicate, event: dict[str, Any]) -> tuple[dict[str, Any], dict[_Unit, bool]]:
        """Events are lost for several reasons at once: prefer one that is lost for the first reason alone."""
        literals = self._literals(event)
        for wish in self._wishes(event, literals):
            simpler = self._ask(conjunction([question, wish]))
            if isinstance(simpler, dict) and len(found := self._literals(simpler)) < len(literals):
                event, literals = simpler, found
        return event, literals

    def _wishes(self, event: Mapping[str, Any], literals: Mapping[_Unit, bool]) -> Iterator[Predicate]:
        """What would make an event simpler: only one of the tests holds; selections that correspond agree."""
        positive = [unit for unit, value in literals.items() if value]
        if len(positive) < 2:
            return
        for unit in positive:
            others = [negation(other.predicate) for other in positive if other != unit]
            yield conjunction([unit.predicate, *others])
        for unit in positive:
            for other in self.units:
                if other.side != unit.side and other.corresponds(unit) and not holds(other.predicate, event):
                    yield other.predicate

    def _plausible(
        self, question: Predicate, event: Mapping[str, Any], literals: Mapping[_Unit, bool]
    ) -> dict[str, Any]:
        """The event with more usual values that leave the cause as it is."""
        signed = conjunction(_signed(unit.predicate, value) for unit, value in literals.items())
        return plausible(event, self.view.domain, lambda trial: holds(question, trial) and holds(signed, trial))

    # -- which tests changed

    def _classes(self) -> dict[Leaf, object]:
        """Leaves that mean the same have the same class: by form, or on all events of the domain."""
        found = {side: list(dict.fromkeys(leaves(tree))) for side, tree in self.sides.items()}
        both = [*found["old"], *found["new"]]
        try:
            literals = Formula([leaf.predicate for leaf in both]).roots
        except OutOfFragment:
            literals = list(range(len(both)))
        classes: dict[Leaf, object] = dict(zip(both, literals, strict=True))
        shared = {classes[leaf] for leaf in found["old"]} & {classes[leaf] for leaf in found["new"]}
        alone = {side: [leaf for leaf in own if classes[leaf] not in shared] for side, own in found.items()}
        if 0 < len(alone["old"]) + len(alone["new"]) <= _MAX_COMPARED and all(alone.values()):
            self._merge_equal(classes, alone["old"], alone["new"])
        return classes

    def _merge_equal(self, classes: dict[Leaf, object], old: list[Leaf], new: list[Leaf]) -> None:
        """Give leaves of `new` the class of the leaf of `old` that they equal; samples rule most pairs out."""
        samples = [event for leaf in (*old, *new) if isinstance(event := self._ask(leaf.predicate), dict)]
        traits = {leaf: tuple(holds(leaf.predicate, event) for event in samples) for leaf in (*old, *new)}
        for leaf, other in itertools.product(new, old):
            if traits[leaf] == traits[other] and fields_of(leaf.predicate) == fields_of(other.predicate):
                same = compare(leaf.predicate, other.predicate, self.view.domain, self.budget)
                if isinstance(same, Equivalent):
                    classes[leaf] = classes[other]

    def _changed(self) -> Iterator[_Unit]:
        """Selections of which the other side has nothing, then the other tests that only one side has."""
        own = {side: {self.class_of[leaf] for leaf in leaves(tree)} for side, tree in self.sides.items()}
        names = {side: {_name(named) for named in selections(tree)} for side, tree in self.sides.items()}
        pairs: tuple[tuple[Part, Part], ...] = (("old", "new"), ("new", "old"))
        for side, other in pairs:
            grouped: set[Leaf] = set()
            for named in {_name(named): named for named in selections(self.sides[side])}.values():
                inside = list(leaves(named))
                if _name(named) not in names[other] and not {self.class_of[leaf] for leaf in inside} & own[other]:
                    grouped.update(inside)
                    yield _Unit(named, side)
            seen: set[object] = set()
            for leaf in leaves(self.sides[side]):
                key = self.class_of[leaf]
                if leaf not in grouped and key not in own[other] and key not in seen:
                    seen.add(key)
                    yield _Unit(leaf, side)

    # -- what a difference is caused by

    def _literals(self, event: Mapping[str, Any]) -> dict[_Unit, bool]:
        """The fewest changed tests that, with their answers on `event`, keep the two sides apart."""
        values: dict[object, bool | None] = {
            self.class_of[leaf]: holds(leaf.predicate, event) for tree in self.sides.values() for leaf in leaves(tree)
        }
        answers = {unit: holds(unit.predicate, event) for unit in self.units}
        values.update({self._key(unit): value for unit, value in answers.items()})
        wanted = self._both(values)
        kept: dict[_Unit, bool] = {}
        for unit in sorted(self.units, key=answers.__getitem__):
            key = self._key(unit)
            before, values[key] = values[key], None
            if self._both(values) != wanted:
                values[key] = before
                kept[unit] = answers[unit]
        return self._independent(kept, answers)

    def _key(self, unit: _Unit) -> object:
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
        if isinstance(tree, Inverse):
            inner = self._answer(side, tree.part, values)
            return None if inner is None else not inner
        decisive = isinstance(tree, Some)
        answers = [self._answer(side, part, values) for part in tree.parts]
        return decisive if decisive in answers else None if None in answers else not decisive

    def _independent(self, literals: dict[_Unit, bool], answers: Mapping[_Unit, bool]) -> dict[_Unit, bool]:
        """Without the tests that cannot hold anyway when the others do, and those that both sides agree on.

        A selection is agreed on if the other side has one over the same fields with the same answer.
        """
        decided = {unit: value for unit, value in literals.items() if _constant(unit)}
        if decided:
            return decided
        positive = [unit.predicate for unit, value in literals.items() if value]
        left = {
            unit: value
            for unit, value in literals.items()
            if value or not positive or self._ask(conjunction([*positive, unit.predicate])) is not None
        }
        for unit, value in list(left.items()):
            agreed = any(
                other.side != unit.side and answers[other] == value and other.corresponds(unit) for other in answers
            )
            if agreed and len(left) > 1:
                del left[unit]
        return left

    def _cause(
        self, direction: Direction, event: dict[str, Any], literals: dict[_Unit, bool]
    ) -> tuple[Cause, Predicate]:
        """The cause, and what to exclude so that the next one is another."""
        shown = {**self.view.fixed, **event}
        if literals:
            tests = tuple(_test(unit, value, event) for unit, value in literals.items())
            excluded = conjunction(_signed(unit.predicate, value) for unit, value in literals.items())
            return Cause(direction, self.kinds, sentence(direction, tests), shown, tests), excluded
        found = structure(self.view.old, self.view.new, event)
        excluded = conjunction(_signed(answer.predicate, answer.value) for answer in found)
        word = "no longer fires" if direction == "lost" else "now fires"
        where = " and ".join(answer.text for answer in found) or "any event"
        return Cause(direction, self.kinds, f"the condition {word} on: {where}", shown), excluded


def _nothing(tree: Tree) -> bool:
    """Whether a side does not speak of a kind of record at all."""
    return isinstance(tree, Some) and not tree.parts


def _name(named: Named) -> object:
    """What a selection is recognised by: its name, which a list of a query has not."""
    return id(named) if named.anonymous else named.name


def _constant(unit: _Unit) -> bool:
    return unit.predicate in (TRUE, FALSE)


def _signed(predicate: Predicate, value: bool) -> Predicate:
    return predicate if value else negation(predicate)


def fields_of(predicate: Predicate) -> frozenset[str]:
    """The fields a predicate tests."""
    if isinstance(predicate, Atom):
        return frozenset((predicate.field,))
    parts = (predicate.part,) if isinstance(predicate, Not) else predicate.parts
    return frozenset[str]().union(*(fields_of(part) for part in parts))


def _told(direction: Direction, literals: dict[_Unit, bool]) -> dict[_Unit, bool]:
    """Without what merely has to be absent for the side that fires to fire, if it is about other fields."""
    firing: Part = "old" if direction == "lost" else "new"
    about = frozenset[str]().union(*(unit.fields for unit, value in literals.items() if value))
    left = {u: v for u, v in literals.items() if v or u.side != firing or u.fields & about}
    return left or literals


def _test(unit: _Unit, value: bool, event: Mapping[str, Any]) -> CauseTest:
    tree = unit.tree
    if isinstance(tree, Leaf):
        return CauseTest(tree.text, unit.side, value, tree.selection, tree.line, remark=tree.remark)
    within = [leaf for leaf in leaves(tree) if holds(leaf.predicate, event)] if value else []
    name = "" if tree.anonymous else tree.name
    return CauseTest(tree.name, unit.side, value, name, tree.line, within[0].text if within else "")
