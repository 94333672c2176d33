"""The search for causes: an event on which two sides differ, the tests that it is due to, then the next one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from converter.explain.changes import Changes, Unit, View
from converter.explain.model import Cause, CauseTest, Direction, Part, sentence
from converter.explain.outline import Leaf, is_never, leaves, predicate_of
from converter.explain.records import shown
from converter.explain.structure import structure
from converter.prove.plausible import plausible
from converter.semantics.decide.compare import Equivalent, Unknown, compare
from converter.semantics.decide.domain import Budget
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import Predicate, conjunction, negation


class Search:
    """The causes of one view; `kinds` are all kinds of record that ask the same question."""

    def __init__(self, view: View, kinds: tuple[str, ...], budget: Budget) -> None:
        self.view, self.kinds = view, kinds
        self.predicates: dict[Part, Predicate] = {"old": predicate_of(view.old), "new": predicate_of(view.new)}
        old, new = (conjunction([view.guard, predicate]) for predicate in self.predicates.values())
        self.same = isinstance(compare(old, new, view.domain, budget), Equivalent)
        if not self.same:
            self.changes = Changes(view, budget)

    def causes(self, direction: Direction, undecided: list[str]) -> Iterator[Cause]:
        """The causes of one direction, each after the others are excluded."""
        if self.same:
            return
        old, new = self.predicates["old"], self.predicates["new"]
        fires, quiet = (old, new) if direction == "lost" else (new, old)
        question = conjunction([fires, negation(quiet)])
        while True:
            event = self.changes.ask(question)
            if isinstance(event, Unknown):
                undecided.append(event.reason)
                return
            if event is None:
                return
            if is_never(self.view.new if direction == "lost" else self.view.old):
                yield self._unmentioned(direction, question, event)
                return
            event, tests = self._narrowed(question, event)
            tests = _telling(direction, tests)
            cause, excluded = self._cause(direction, self._plausible(question, event, tests), tests)
            yield cause
            question = conjunction([question, negation(excluded)])

    def _unmentioned(self, direction: Direction, question: Predicate, event: dict[str, Any]) -> Cause:
        """One side does not speak of such records at all."""
        word = "the new side has" if direction == "lost" else "the old side had"
        text = f"{word} nothing for {self.view.records} records"
        return self._of(direction, text, self._plausible(question, event, {}))

    def _of(
        self, direction: Direction, text: str, event: Mapping[str, Any], tests: tuple[CauseTest, ...] = ()
    ) -> Cause:
        return Cause(direction, self.kinds, text, {**self.view.fixed, **shown(event)}, tests)

    def _narrowed(self, question: Predicate, event: dict[str, Any]) -> tuple[dict[str, Any], dict[Unit, bool]]:
        """Events are lost for several reasons at once: prefer one that is lost for the first reason alone."""
        tests = self._tests(event)
        for wish in list(self._wishes(event, tests)):
            if len(tests) == 1:
                break
            simpler = self.changes.ask(conjunction([question, wish]))
            if isinstance(simpler, dict) and len(fewer := self._tests(simpler)) < len(tests):
                event, tests = simpler, fewer
        return event, tests

    def _wishes(self, event: Mapping[str, Any], tests: Mapping[Unit, bool]) -> Iterator[Predicate]:
        """What would make an event simpler: only one of the tests holds, best of all that changed; selections agree.

        Two shortened lists of values are then told value by value, not pair by pair.
        """
        positive = [unit for unit, value in tests.items() if value]
        if len(positive) < 2:
            return
        for unit in positive:
            yield conjunction([unit.predicate, *(negation(o.predicate) for o in self.changes.units if o != unit)])
        for unit in positive:
            others = [negation(other.predicate) for other in positive if other != unit]
            yield conjunction([unit.predicate, *others])
        for unit in positive:
            for other in self.changes.units:
                if other.side != unit.side and other.corresponds(unit) and not holds(other.predicate, event):
                    yield other.predicate

    def _plausible(self, question: Predicate, event: Mapping[str, Any], tests: Mapping[Unit, bool]) -> dict[str, Any]:
        """The event with more usual values that leave the cause as it is."""
        kept = conjunction([self.view.guard, question, *(_signed(u.predicate, value) for u, value in tests.items())])
        return plausible(event, self.view.domain, lambda trial: holds(kept, trial))

    def _tests(self, event: Mapping[str, Any]) -> dict[Unit, bool]:
        """The changed tests that decide an event, without those that cannot hold anyway when the others do.

        Left out are also selections that both sides agree on: the other side has one over the same fields with the same
        answer.
        """
        tests, answers = self.changes.deciding(event)
        decided = {unit: value for unit, value in tests.items() if unit.constant}
        if decided:
            return decided
        positive = [unit.predicate for unit, value in tests.items() if value]
        left = {
            unit: value
            for unit, value in tests.items()
            if value or not positive or self.changes.ask(conjunction([*positive, unit.predicate])) is not None
        }
        for unit, value in list(left.items()):
            agreed = any(
                other.side != unit.side and answers[other] == value and other.corresponds(unit) for other in answers
            )
            if agreed and len(left) > 1:
                del left[unit]
        return left

    def _cause(self, direction: Direction, event: dict[str, Any], tests: dict[Unit, bool]) -> tuple[Cause, Predicate]:
        """The cause, and what to exclude so that the next one is another."""
        if tests:
            told = tuple(_test(unit, value, event) for unit, value in tests.items())
            excluded = conjunction(_signed(unit.predicate, value) for unit, value in tests.items())
            return self._of(direction, sentence(direction, told), event, told), excluded
        answers = structure(self.view.old, self.view.new, event)
        excluded = conjunction(_signed(answer.predicate, answer.value) for answer in answers)
        word = "no longer fires" if direction == "lost" else "now fires"
        where = " and ".join(answer.text for answer in answers) or "any event"
        return self._of(direction, f"the condition {word} on: {where}", event), excluded


def _signed(predicate: Predicate, value: bool) -> Predicate:
    return predicate if value else negation(predicate)


def _telling(direction: Direction, tests: dict[Unit, bool]) -> dict[Unit, bool]:
    """Without what merely has to be absent for the side that fires to fire, if it is about other fields."""
    firing: Part = "old" if direction == "lost" else "new"
    about = frozenset[str]().union(*(unit.fields for unit, value in tests.items() if value))
    left = {u: v for u, v in tests.items() if v or u.side != firing or u.fields & about}
    return left or tests


def _test(unit: Unit, value: bool, event: Mapping[str, Any]) -> CauseTest:
    tree = unit.tree
    if isinstance(tree, Leaf):
        return CauseTest(tree.text, unit.side, value, tree.selection, tree.line, remark=tree.remark)
    within = [leaf for leaf in leaves(tree) if holds(leaf.predicate, event)] if value else []
    name = "" if tree.anonymous else tree.name
    return CauseTest(tree.name, unit.side, value, name, tree.line, within[0].text if within else "")
