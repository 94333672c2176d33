"""Rules and queries as trees whose leaves are single, named tests: what a difference or a finding is explained by.

A leaf is one value of a rule's list, or one test of a query; nodes are compared by identity. `meaning` gives each its
Predicate, so that a tree and the Predicate of the whole cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from converter.discovery import schemas
from converter.meaning import meaning
from converter.model import Rule
from converter.schemas.pullback import domain_of
from converter.semantics.domain import ANYTHING, Domain, FieldDomain
from converter.semantics.language import ANY_STRING, MAX_CHAR, Alt, Repeat, chars, literal
from converter.semantics.predicate import FALSE, TRUE, And, Atom, Not, Or, Predicate, conjunction, disjunction, negation
from converter.sigma_condition import AllOf, Condition, Negated, Selection
from converter.sigma_values import DetectionSection, Item, read_detection

GENERIC_SCHEMA = "splunk-sysmon"
_BARE_NAME = Repeat(chars([(32, 91), (93, MAX_CHAR)]), 0, None)


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
class Every:
    parts: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Some:
    parts: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Inverse:
    part: Tree


@dataclass(frozen=True, eq=False)
class Named:
    """A selection of a rule, or (`anonymous`) a query's list of values for one column."""

    name: str
    part: Tree
    line: int = 0
    anonymous: bool = False


Tree = Leaf | Every | Some | Inverse | Named

NEVER = Some(())


def predicate_of(tree: Tree) -> Predicate:
    """The Predicate that a tree is the explanation of."""
    if isinstance(tree, Leaf):
        return tree.predicate
    if isinstance(tree, Inverse):
        return negation(predicate_of(tree.part))
    if isinstance(tree, Named):
        return predicate_of(tree.part)
    parts = [predicate_of(part) for part in tree.parts]
    return conjunction(parts) if isinstance(tree, Every) else disjunction(parts)


def leaves(tree: Tree) -> Iterator[Leaf]:
    """The leaves, from left to right."""
    if isinstance(tree, Leaf):
        yield tree
    else:
        for part in (tree.part,) if isinstance(tree, Inverse | Named) else tree.parts:
            yield from leaves(part)


def selections(tree: Tree) -> Iterator[Named]:
    """The selections, from left to right."""
    if isinstance(tree, Named):
        yield tree
    elif not isinstance(tree, Leaf):
        for part in (tree.part,) if isinstance(tree, Inverse) else tree.parts:
            yield from selections(part)


def mapped(tree: Tree, function: Callable[[Leaf], Leaf]) -> Tree:
    """The tree with `function` applied to each leaf."""
    if isinstance(tree, Leaf):
        return function(tree)
    if isinstance(tree, Inverse | Named):
        return replace(tree, part=mapped(tree.part, function))
    return replace(tree, parts=tuple(mapped(part, function) for part in tree.parts))


def of_predicate(predicate: Predicate, function: Callable[[Atom], Tree]) -> Tree:
    """A query's Predicate, with what `function` makes of each atom."""
    if isinstance(predicate, Atom):
        return function(predicate)
    if isinstance(predicate, Not):
        return Inverse(of_predicate(predicate.part, function))
    parts = tuple(of_predicate(part, function) for part in predicate.parts)
    tree: Tree = Every(parts) if isinstance(predicate, And) else Some(parts)
    fields = {part.field if isinstance(part, Atom) else "" for part in predicate.parts}
    if isinstance(predicate, Or) and len(parts) > 1 and len(fields) == 1 and "" not in fields:
        return Named(f"any of {len(parts)} tests of {fields.pop()}", tree, anonymous=True)
    return tree


def folded(tree: Tree) -> Tree:
    """The tree without tests that a kind of record decides; if they decide everything, the test that does."""
    if isinstance(tree, Leaf):
        return tree
    if isinstance(tree, Inverse | Named):
        part = folded(tree.part)
        if not isinstance(part, Leaf) or not _constant(part):
            return replace(tree, part=part)
        return (
            part if isinstance(tree, Named) else Leaf(f"not {part.text}", negation(part.predicate), remark=part.remark)
        )
    parts = [folded(part) for part in tree.parts]
    decisive = FALSE if isinstance(tree, Every) else TRUE
    decided = [part for part in parts if isinstance(part, Leaf) and part.predicate == decisive]
    left = [part for part in parts if not (isinstance(part, Leaf) and _constant(part))]
    if decided or (parts and not left):
        return (decided or parts)[0]
    return left[0] if len(left) == 1 else replace(tree, parts=tuple(left))


def _constant(leaf: Leaf) -> bool:
    return leaf.predicate in (TRUE, FALSE)


class Outline:
    """A rule's selections and condition as trees. Raises what `meaning` raises."""

    def __init__(self, rule: Rule, root: Path | None = None) -> None:
        self.rule = rule
        self.section: DetectionSection = read_detection(rule)
        self.lines = _lines(root / rule.path) if root else {}
        self.selections: dict[str, Named] = {
            name: Named(name, self._alternatives(name, groups), self.line(name))
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
            return Inverse(self.combined(condition.part, given))
        parts = tuple(self.combined(part, given) for part in condition.parts)
        return Every(parts) if isinstance(condition, AllOf) else Some(parts)

    def line(self, *place: str | int) -> int:
        """The line of a selection, of an item in it or of a value of an item; else of the detection, else 1."""
        for size in range(len(place), 0, -1):
            if place[:size] in self.lines:
                return self.lines[place[:size]]
        return self.rule.lines.get("detection", 1)

    def _alternatives(self, name: str, groups: tuple[tuple[Item, ...], ...]) -> Tree:
        options = [
            _short([self._item(item, name, number) for item in group], Every) for number, group in enumerate(groups)
        ]
        return _short(options, Some)

    def _item(self, item: Item, name: str, group: int) -> Tree:
        modifiers = [m for m in item.modifiers if m not in ("all", "neq")]
        key = "|".join((item.field or "", *modifiers))
        tests: list[Tree] = []
        for position, value in enumerate(item.values):
            alone = {"detection": {"test": {key: value} if item.field else value, "condition": "test"}}
            line = self.line(name, group, item.label, position)
            tests.append(Leaf(f"{key}: {_written(value)}", meaning(alone), name, line))
        tree = _short(tests, Every if "all" in item.modifiers else Some)
        return Inverse(tree) if "neq" in item.modifiers else tree


def _short(parts: list[Tree], link: type[Every] | type[Some]) -> Tree:
    return parts[0] if len(parts) == 1 else link(tuple(parts))


def _written(value: Any) -> str:
    """A value as YAML has it: single quotes, in which only the quote itself is doubled."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


Place = tuple[str | int, ...]


def _lines(path: Path) -> dict[Place, int]:
    """(selection,), (selection, group, item) and (selection, group, item, position) -> line, from the file's nodes."""
    try:
        document = yaml.compose(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    found: dict[Place, int] = {}
    for key, value in _pairs(document):
        if key.value == "detection":
            for name, selection in _pairs(value):
                found[name.value,] = name.start_mark.line + 1
                groups = selection.value if isinstance(selection, yaml.SequenceNode) else [selection]
                for number, group in enumerate(groups):
                    found[name.value, number] = group.start_mark.line + 1
                    _item_lines(found, (name.value, number), group)
    return found


def _item_lines(found: dict[Place, int], place: Place, group: yaml.Node) -> None:
    for key, value in _pairs(group):
        found[*place, key.value] = key.start_mark.line + 1
        values = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for position, item in enumerate(values):
            found[*place, key.value, position] = item.start_mark.line + 1


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def generic_domain(rules: Iterable[Rule]) -> Domain:
    """What holds of the fields of rules of one category wherever they are logged.

    On Windows that is what Sysmon guarantees, whose field names are Sigma's own, but that any text may be missing its
    folder or be empty; a field that each kind of record fixes has one of these values (`Initiated` is true or false).
    Of other products nothing is known.
    """
    sources = {(rule.category, rule.raw["logsource"].get("product")) for rule in rules}
    schema = schemas()[GENERIC_SCHEMA]
    kinds = [kind for kind in schema.kinds if sources == {(kind.category, "windows")}]
    if not kinds:
        return ANYTHING
    fields: dict[str, FieldDomain] = {}
    for kind in kinds:
        fields.update(domain_of(kind, schema).fields)
    for name, known in fields.items():
        if known.sort == "string" and known.language != ANY_STRING:
            # The kernel's own process is called "System", and rules filter what some sources leave empty.
            fields[name] = replace(known, language=Alt((known.language, _BARE_NAME)))
    for name in {name for kind in kinds for name in kind.sigma}:
        values = sorted({value for kind in kinds if (value := kind.sigma.get(name)) is not None})
        always = all(kind.sigma.get(name) is not None for kind in kinds)
        language = Alt(tuple(literal(value, False) for value in values))
        fields[name] = FieldDomain("string", language, optional=not always, samples=tuple(values))
    return Domain(fields)
