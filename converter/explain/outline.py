"""Rules and queries as trees whose leaves are single, named tests: what a difference or a finding is explained by.

A leaf is one value of a rule's list, or one test of a query; nodes are compared by identity. `meaning` gives each its
Predicate, so that a tree and the Predicate of the whole cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from converter.core.model import Rule
from converter.core.places import line_at
from converter.rules.bounds import check_size
from converter.rules.condition import AllOf, Condition, Negated, Selection
from converter.rules.detection import DetectionSection, Item
from converter.rules.meaning import meaning
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    And,
    Atom,
    Not,
    Or,
    Predicate,
    conjunction,
    disjunction,
    negation,
)


@dataclass(frozen=True, eq=False)
class Leaf:
    """One test. `text` as its author would write it, `selection` and `line` where it stands ("" and 0: unknown).

    `remark` says why a kind of record decides it, if one does.
    """

    text: str
    predicate: Predicate
    selection: str = ""
    line: int = 0
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Conjunction:
    """All parts hold."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Disjunction:
    """At least one part holds."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Negation:
    """The part does not hold."""

    part: Tree


@dataclass(frozen=True, eq=False)
class Named:
    """A selection of a rule, or (`anonymous`) a query's list of values for one column."""

    name: str
    part: Tree
    line: int = 0
    anonymous: bool = False


Tree = Leaf | Conjunction | Disjunction | Negation | Named

#: so many tests are named where a kind of record decides them all
_SHOWN = 3

NEVER = Disjunction(())


def predicate_of(tree: Tree) -> Predicate:
    """The Predicate that a tree is the explanation of."""
    if isinstance(tree, Leaf):
        return tree.predicate
    if isinstance(tree, Negation):
        return negation(predicate_of(tree.part))
    if isinstance(tree, Named):
        return predicate_of(tree.part)
    parts = [predicate_of(part) for part in tree.parts]
    return conjunction(parts) if isinstance(tree, Conjunction) else disjunction(parts)


def leaves(tree: Tree) -> Iterator[Leaf]:
    """The leaves, from left to right."""
    if isinstance(tree, Leaf):
        yield tree
    else:
        for part in (tree.part,) if isinstance(tree, Negation | Named) else tree.parts:
            yield from leaves(part)


def selections(tree: Tree) -> Iterator[Named]:
    """The selections, from left to right."""
    if isinstance(tree, Named):
        yield tree
    elif not isinstance(tree, Leaf):
        for part in (tree.part,) if isinstance(tree, Negation) else tree.parts:
            yield from selections(part)


def is_never(tree: Tree) -> bool:
    """Whether a side does not speak of a kind of record at all."""
    return isinstance(tree, Disjunction) and not tree.parts


def union(trees: list[Tree]) -> Tree:
    """What holds when one of the trees does; NEVER when there is none."""
    return trees[0] if len(trees) == 1 else Disjunction(tuple(trees))


def mapped(tree: Tree, function: Callable[[Leaf], Tree]) -> Tree:
    """The tree with `function` applied to each leaf."""
    if isinstance(tree, Leaf):
        return function(tree)
    if isinstance(tree, Negation | Named):
        return replace(tree, part=mapped(tree.part, function))
    return replace(tree, parts=tuple(mapped(part, function) for part in tree.parts))


def of_predicate(predicate: Predicate, function: Callable[[Atom], Tree]) -> Tree:
    """A query's Predicate, with what `function` makes of each atom."""
    if isinstance(predicate, Atom):
        return function(predicate)
    if isinstance(predicate, Not):
        return Negation(of_predicate(predicate.part, function))
    parts = tuple(of_predicate(part, function) for part in predicate.parts)
    tree: Tree = Conjunction(parts) if isinstance(predicate, And) else Disjunction(parts)
    fields = {part.field if isinstance(part, Atom) else "" for part in predicate.parts}
    if isinstance(predicate, Or) and len(parts) > 1 and len(fields) == 1 and "" not in fields:
        return Named(f"any of {len(parts)} tests of {fields.pop()}", tree, anonymous=True)
    return tree


def folded(tree: Tree) -> Tree:
    """The tree without tests that a kind of record decides; if they decide everything, the test that does."""
    if isinstance(tree, Leaf):
        return tree
    if isinstance(tree, Negation | Named):
        part = folded(tree.part)
        if not isinstance(part, Leaf) or not _constant(part):
            return replace(tree, part=part)
        return (
            part if isinstance(tree, Named) else Leaf(f"not {part.text}", negation(part.predicate), remark=part.remark)
        )
    parts = [folded(part) for part in tree.parts]
    decisive = FALSE if isinstance(tree, Conjunction) else TRUE
    decided = [part for part in parts if isinstance(part, Leaf) and part.predicate == decisive]
    left = [part for part in parts if not (isinstance(part, Leaf) and _constant(part))]
    if decided:
        return decided[0]
    if parts and not left:
        # of tests that all hold here, the one that outweighs others tells more than one that stands alone
        telling = [part for part, whole in zip(parts, tree.parts, strict=True) if not isinstance(whole, Leaf)]
        return telling[0] if telling else _all_of([part for part in parts if isinstance(part, Leaf)], tree)
    return left[0] if len(left) == 1 else replace(tree, parts=tuple(left))


def _all_of(tests: list[Leaf], tree: Conjunction | Disjunction) -> Leaf:
    """Tests that a kind of record decides alike, as one."""
    first = tests[0]
    if len(tests) == 1:
        return first
    text = (" and " if isinstance(tree, Conjunction) else " or ").join(test.text for test in tests[:_SHOWN])
    return replace(first, text=text if len(tests) <= _SHOWN else f"{text} …")


def _constant(leaf: Leaf) -> bool:
    return leaf.predicate in (TRUE, FALSE)


class Outline:
    """A rule's selections and condition as trees. Raises what `meaning` raises, Unsupported for too large a rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.section: DetectionSection = check_size(rule, None)
        written = {str(name): value for name, value in rule.raw["detection"].items()}
        self.selections: dict[str, Named] = {
            name: Named(name, self._alternatives(name, groups, isinstance(written[name], list)), self.line(name))
            for name, groups in self.section.selections.items()
        }

    @property
    def tree(self) -> Tree:
        return self.combined(self.section.condition)

    def combined(self, condition: Condition, given: Mapping[str, Tree] | None = None) -> Tree:
        """The condition over the selections, some of which may be `given`."""
        if isinstance(condition, Selection):
            return (given or {}).get(condition.name, self.selections[condition.name])
        if isinstance(condition, Negated):
            return Negation(self.combined(condition.part, given))
        parts = tuple(self.combined(part, given) for part in condition.parts)
        return Conjunction(parts) if isinstance(condition, AllOf) else Disjunction(parts)

    def line(self, name: str, *path: str | int) -> int:
        """The line of a part of the detection, or of the nearest part around it.

        0 where the file has no such selection (a site's exclusion added it); of a rule without places its detection.
        """
        if not self.rule.places:
            return self.rule.lines.get("detection", 1)
        if ("detection", name) not in self.rule.places:
            return 0
        return line_at(self.rule.places, ("detection", name, *path))

    def _alternatives(self, name: str, groups: tuple[tuple[Item, ...], ...], listed: bool) -> Tree:
        options: list[Tree] = []
        for number, group in enumerate(groups):
            place = (name, number) if listed else (name,)
            tests = [self._item(item, name, place) for item in group]
            options.append(tests[0] if len(tests) == 1 else Conjunction(tuple(tests)))
        return union(options)

    def _item(self, item: Item, name: str, place: tuple[str | int, ...]) -> Tree:
        modifiers = [m for m in item.modifiers if m not in ("all", "neq")]
        key = "|".join((item.field or "", *modifiers))
        label = (item.label,) if item.field or item.modifiers else ()
        tests: list[Tree] = []
        for position, value in enumerate(item.values):
            alone = {"detection": {"test": {key: value} if item.field else value, "condition": "test"}}
            line = self.line(*map(str, place[:1]), *place[1:], *label, position)
            tests.append(Leaf(f"{key}: {_written(value)}", meaning(alone), name, line))
        both = "all" in item.modifiers and len(tests) > 1
        tree = Conjunction(tuple(tests)) if both else union(tests)
        return Negation(tree) if "neq" in item.modifiers else tree


def _written(value: Any) -> str:
    """A value as YAML has it: single quotes, in which only the quote itself is doubled."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
