"""The detection section as written: selections of items (field, modifiers, values), checked for form only.

What a value *means* is deliberately not here: `evaluator`, `meaning` and the converter each give their own reading, so
that one can catch the other's mistakes. Source: Sigma specification 2.1, rules and modifiers appendix,
https://github.com/SigmaHQ/sigma-specification/tree/main/specification
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from converter.core.errors import LibraryError, ParityError
from converter.core.model import Rule
from converter.core.places import Path
from converter.rules.condition import RESERVED, Condition, Selection, parse_condition, selections_used
from converter.rules.modifiers import check_combination, check_names
from converter.rules.placeholders import MAX_VALUES, Placeholders, fill
from converter.rules.values import Value, check_expression, check_values, typed

#: How many texts the windash of one value may stand for where it is encoded: five dashes to the power of four.
MAX_VARIANTS = 5**4


@dataclass(frozen=True)
class Item:
    """One test: `values` of a field after `modifiers`, in written order; `field` is None for a keyword search.

    The values are alternatives unless `all` is among the modifiers; `neq` negates the test as a whole. They have the
    type that the test gives them, however YAML read them: a number where it is compared as one (the field is numeric by
    Sigma's taxonomy and the value whole, or the modifier is `lt`, `lte`, `gt`, `gte`), a boolean after `exists`, None
    for null, and else text, wildcards and escapes as written. `where` is the item's `path:line`.
    """

    field: str | None
    modifiers: tuple[str, ...]
    values: tuple[Value, ...]
    where: str = dataclasses.field(default="", compare=False)

    @property
    def label(self) -> str:
        """The item's key as a rule's author wrote it."""
        return "|".join((self.field or "", *self.modifiers)) or "keywords"


#: Alternatives, each of which is a conjunction of items.
Alternatives = tuple[tuple[Item, ...], ...]


@dataclass(frozen=True)
class DetectionSection:
    """A rule's detection: the selections by name, their condition, and where the rule stands."""

    selections: Mapping[str, Alternatives]
    condition: Condition
    where: str

    @cached_property
    def unused(self) -> tuple[str, ...]:
        """Selections that the condition never mentions: legal, but worth a warning."""
        used = selections_used(self.condition)
        return tuple(name for name in self.selections if name not in used)


def read_detection(rule: Rule | Mapping[str, Any], placeholders: Placeholders | None = None) -> DetectionSection:
    """The detection section of a rule or of its parsed YAML.

    `placeholders` gives the values of `%name%` under the modifier `expand`; with None the items keep them as they are
    written, for whoever looks only at the form (`filled` fills them in later).

    Raises LibraryError for what the specification does not allow (its `where` is the rule's path and line if known)
    and Unsupported for valid Sigma without a reading here: time modifiers, UTF-16 bytes that are never encoded,
    conditions nested too deeply, placeholders without a value.
    """
    section = _as_written(rule) if isinstance(rule, Rule) else _Reader(Rule("", rule, "")).section()
    return section if placeholders is None else filled(section, placeholders)


@lru_cache(maxsize=16)
def _as_written(rule: Rule) -> DetectionSection:
    """The section of a rule, which is asked for several times at each target; a rule is itself and never changes."""
    return _Reader(rule).section()


def filled(section: DetectionSection, placeholders: Placeholders) -> DetectionSection:
    """The section with its placeholders replaced by their values. Raises Unsupported where one has none."""
    every = (item for groups in section.selections.values() for group in groups for item in group)
    if not any("expand" in item.modifiers for item in every):
        return section

    def items(group: tuple[Item, ...]) -> tuple[Item, ...]:
        return tuple(_filled(item, placeholders) if "expand" in item.modifiers else item for item in group)

    selections = {name: tuple(items(group) for group in groups) for name, groups in section.selections.items()}
    return replace(section, selections=selections)


def _filled(item: Item, placeholders: Placeholders) -> Item:
    values: list[Value] = []
    for value in item.values:
        for text in fill(value, placeholders, item) if isinstance(value, str) else [value]:
            values.append(typed(text, None, item.field, item.modifiers) if isinstance(text, str) else text)
            if len(values) > MAX_VALUES:
                message = f"{item.label}: its placeholders stand for more than {MAX_VALUES:,} values"
                raise LibraryError(message, item.where, "give them fewer in parity.toml [placeholders]")
    return replace(item, values=tuple(values))


def detection_faults(rule: Rule) -> tuple[tuple[Item, ...], list[ParityError]]:
    """Everything that is wrong with the form of a rule's detection, each fault with its line, and the sound items."""
    faults: list[ParityError] = []
    try:
        section = _Reader(rule, faults).section()
    except ParityError as fault:
        return (), [*faults, fault]
    groups = [group for alternatives in section.selections.values() for group in alternatives]
    return tuple(item for group in groups for item in group), faults


class _Reader:
    """Reads the detection section of one rule, each fault with the line it is on: raised, or put into `faults`."""

    def __init__(self, rule: Rule, faults: list[ParityError] | None = None) -> None:
        self.rule = rule
        self.faults = faults

    def fail(self, fault: ParityError) -> None:
        if self.faults is None:
            raise fault
        self.faults.append(fault)

    def at(self, *path: str | int) -> str:
        return self.rule.at("detection", *path) if self.rule.path else ""

    def section(self) -> DetectionSection:
        where, raw = self.at(), self.rule.raw.get("detection")
        if not isinstance(raw, Mapping):
            hint = "a correlation rule has no events of its own"
            raise LibraryError("the rule has no detection section", where, hint)
        if "timeframe" in raw:
            message = "detection.timeframe is not part of Sigma any more"
            raise LibraryError(message, self.at("timeframe"), "write a correlation rule")
        if "condition" not in raw:
            raise LibraryError("the detection has no condition", where)
        selections: dict[str, Alternatives] = {}
        for key, value in raw.items():
            if key != "condition":
                try:
                    name = self.name(key, selections)
                    selections[name] = ()
                    selections[name] = self.alternatives(value, f"selection {name!r}", (name,))
                except LibraryError as fault:
                    self.fail(fault)
        if not selections:
            raise LibraryError("the detection has no selection", where)
        try:
            condition = parse_condition(raw["condition"], tuple(selections), self.at("condition"))
        except ParityError as fault:
            self.fail(fault)
            condition = Selection("")
        return DetectionSection(selections, condition, where)

    def name(self, key: object, known: Mapping[str, Any]) -> str:
        """A selection's name: text, or a plain number, which is its digits."""
        if isinstance(key, bool) or not isinstance(key, str | int):
            message = f"the selection name {key!r} is not text"  # YAML reads `on` and `no` as true and false
            raise LibraryError(message, self.at(), "quote the name")
        name = str(key)
        where = self.at(name)
        if name in known:
            raise LibraryError(f"there are two selections {name!r}", where, "rename one of them")
        if name.lower() in RESERVED:
            raise LibraryError(f"the selection name {name!r} is a word of the condition language", where, "rename it")
        return name

    def alternatives(self, value: object, label: str, path: Path) -> Alternatives:
        """A map is one conjunction; in a list maps are alternatives and so are the keywords among them."""
        if isinstance(value, Mapping):
            return (self.items(value, label, path),)
        entries = value if isinstance(value, list) else [value]
        if not entries:
            raise LibraryError(f"{label} is empty", self.at(*path))
        groups: list[tuple[Item, ...]] = []
        for number, entry in enumerate(entries):
            way = (*path, number) if isinstance(value, list) else path
            if isinstance(entry, Mapping):
                groups.append(self.items(entry, label, way))
            else:
                item = self.item("", entry, label, way)
                groups.append(() if item is None else (item,))
        return tuple(groups)

    def items(self, mapping: Mapping[Any, Any], label: str, path: Path) -> tuple[Item, ...]:
        if not mapping:
            raise LibraryError(f"{label} is empty", self.at(*path))
        for key in mapping:
            if not isinstance(key, str):  # YAML reads `on`, `no` and `404` as other things than names
                message = f"{label}: the field name {key!r} is not text"
                raise LibraryError(message, self.at(*path), "quote the field name")
        found = (self.item(key, value, label, (*path, key)) for key, value in mapping.items())
        return tuple(item for item in found if item is not None)

    def item(self, key: str, value: object, selection: str, path: Path) -> Item | None:
        field, *names = key.split("|")
        label, modifiers = f"{selection}, {key or 'keyword'}", tuple(names)
        values: list[Value] = []
        way = path
        try:
            check_names(modifiers)
            check_combination(field or None, modifiers)
            for number, entry in enumerate(value if isinstance(value, list) else [value]):
                way = (*path, number) if isinstance(value, list) else path
                place = self.rule.places.get(("detection", *way))
                values.append(typed(entry, place.written if place else None, field or None, modifiers))
                if "re" in modifiers:
                    check_expression(values[-1])
            way = path
            check_values(field or None, modifiers, values)
        except ParityError as fault:
            fault.message, fault.where = f"{label}: {fault.message}", self.at(*way)
            self.fail(fault)
            return None
        return Item(field or None, modifiers, tuple(values), self.at(*path))
