"""The detection section as written: selections of items (field, modifiers, values), checked for form only.

What a value *means* is deliberately not here: `evaluator` and `meaning` each give their own reading, so that one can
catch the other's mistakes. Source: Sigma specification 2.1, rules and modifiers appendix,
https://github.com/SigmaHQ/sigma-specification/tree/main/specification
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from converter.errors import LibraryError, Unsupported
from converter.model import Rule
from converter.sigma_condition import Condition, parse_condition, selections_used

Value = str | int | float | bool | None

COMPARISONS = ("lt", "lte", "gt", "gte")
PLACES = ("contains", "startswith", "endswith")
BYTES = ("wide", "utf16le", "utf16be", "utf16")
BASE64 = ("base64", "base64offset")
REGEX_FLAGS = ("i", "m", "s")
TIMES = ("minute", "hour", "day", "week", "month", "year")
_LINKS = ("all", "neq", "cased")
#: The modifiers that decide what kind of value it is, with the others each may be combined with.
_KINDS: dict[str, tuple[str, ...]] = {
    "re": (*REGEX_FLAGS, "all", "neq"),
    "cidr": ("all", "neq"),
    "exists": (),
    "fieldref": (*PLACES, *_LINKS),
    **dict.fromkeys(COMPARISONS, ("all", "neq")),
}
_TEXT = (*PLACES, "windash", *BYTES, *BASE64, *_LINKS)
MODIFIERS = (*_KINDS, *_TEXT, *REGEX_FLAGS, *TIMES, "expand")
#: On a keyword there is no field to anchor at or to compare with.
_KEYWORD = ("all", "contains", "cased", "re", *REGEX_FLAGS, "windash", *BYTES, *BASE64)

#: Fields of the taxonomy that hold numbers, so that `'80'` and `80` are the same value there. Windows and Sysmon:
#: unsigned integers in the event manifests, https://learn.microsoft.com/en-us/sysinternals/downloads/sysmon and
#: https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-10/security/threat-protection/auditing/event-4624;
#: the others: Sigma taxonomy appendix 2.1, categories proxy, firewall, webserver and network.
NUMERIC_FIELDS = frozenset(
    (
        *("EventID", "EventId", "ProcessId", "ParentProcessId", "SourceProcessId", "TargetProcessId"),
        *("SourceThreadId", "NewThreadId", "TerminalSessionId", "SourcePort", "DestinationPort"),
        *("Execution_ProcessID", "Execution_ThreadID", "LogonType"),
        *("src_port", "dst_port", "s-port", "sc-status", "sc-bytes", "cs-bytes", "c-win32-status", "time-taken"),
        *("source.port", "destination.port", "source.bytes", "destination.bytes"),
        *("source.packets", "destination.packets"),
    )
)


@dataclass(frozen=True)
class Item:
    """One test: `values` of a field after `modifiers`, in written order; `field` is None for a keyword search.

    The values are alternatives unless `all` is among the modifiers; `neq` negates the test as a whole.
    """

    field: str | None
    modifiers: tuple[str, ...]
    values: tuple[Value, ...]

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

    @property
    def unused(self) -> tuple[str, ...]:
        """Selections that the condition never mentions: legal, but worth a warning."""
        used = selections_used(self.condition)
        return tuple(name for name in self.selections if name not in used)


def read_detection(rule: Rule | Mapping[str, Any]) -> DetectionSection:
    """The detection section of a rule or of its parsed YAML.

    Raises LibraryError for what the specification does not allow (its `where` is the rule's path and line if known)
    and Unsupported for valid Sigma without a reading here: time modifiers, UTF-16 bytes that are never encoded.
    """
    where = ""
    raw: Mapping[str, Any] = rule.raw if isinstance(rule, Rule) else rule
    if isinstance(rule, Rule):
        line = rule.lines.get("detection")
        where = f"{rule.path}:{line}" if line else rule.path
    section = raw.get("detection")
    if not isinstance(section, Mapping):
        raise LibraryError("the rule has no detection section", where, "a correlation rule has no events of its own")
    if "timeframe" in section:
        raise LibraryError("detection.timeframe is not part of Sigma any more", where, "write a correlation rule")
    if "condition" not in section:
        raise LibraryError("the detection has no condition", where)
    selections = {
        str(name): _alternatives(value, f"selection {str(name)!r}", where)
        for name, value in section.items()
        if name != "condition"
    }
    if not selections:
        raise LibraryError("the detection has no selection", where)
    return DetectionSection(selections, parse_condition(section["condition"], tuple(selections), where), where)


def _alternatives(value: object, name: str, where: str) -> Alternatives:
    """A map is one conjunction; in a list maps are alternatives and so are the keywords among them."""
    if isinstance(value, Mapping):
        return (_items(value, name, where),)
    entries = value if isinstance(value, list) else [value]
    if not entries:
        raise LibraryError(f"{name} is empty", where)
    groups: list[tuple[Item, ...]] = []
    for entry in entries:
        if isinstance(entry, Mapping):
            groups.append(_items(entry, name, where))
        else:
            groups.append((_item("", entry, name, where),))
    return tuple(groups)


def _items(mapping: Mapping[Any, Any], name: str, where: str) -> tuple[Item, ...]:
    if not mapping:
        raise LibraryError(f"{name} is empty", where)
    for key in mapping:
        if not isinstance(key, str):  # YAML reads `on`, `no` and `404` as other things than names
            raise LibraryError(f"{name}: the field name {key!r} is not text", where, "quote the field name")
    return tuple(_item(key, value, name, where) for key, value in mapping.items())


def _item(key: str, value: object, name: str, where: str) -> Item:
    field, *modifiers = key.split("|")
    label = f"{name}, {key or 'keyword'}"
    _check_names(modifiers, label, where)
    values: list[Any] = value if isinstance(value, list) else [value]
    if not values:
        raise LibraryError(f"{label}: the list of values is empty", where)
    for entry in values:
        if entry is not None and not isinstance(entry, str | int | float | bool):
            kind = "map" if isinstance(entry, Mapping) else type(entry).__name__
            raise LibraryError(f"{label}: a value must be text or a number, not a {kind}", where, "quote the value")
    item = Item(field or None, tuple(modifiers), tuple(values))
    _check_combination(item, label, where)
    _check_values(item, label, where)
    return item


def _check_names(modifiers: list[str], label: str, where: str) -> None:
    for modifier in modifiers:
        if modifier not in MODIFIERS:
            close = get_close_matches(modifier.lower(), MODIFIERS, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"the modifiers are: {', '.join(MODIFIERS)}"
            raise LibraryError(f"{label}: unknown modifier {modifier!r}", where, hint)
        if modifiers.count(modifier) > 1:
            raise LibraryError(f"{label}: the modifier {modifier!r} is given twice", where)
        if modifier == "expand":
            # Specification, "Placeholders": a tool that cannot handle placeholders must reject the rule.
            raise LibraryError(f"{label}: placeholders are not supported", where, "write the values themselves")
        if modifier in TIMES:
            raise Unsupported(f"{label}: time modifiers are not supported", f"modifier:{modifier}", where)


def _check_combination(item: Item, label: str, where: str) -> None:
    modifiers = item.modifiers
    kind = next((modifier for modifier in modifiers if modifier in _KINDS), None)
    allowed = _TEXT if kind is None else (kind, *_KINDS[kind])
    for modifier in modifiers:
        if modifier not in allowed:
            hint = "" if kind else "'i', 'm' and 's' refine 're'"
            raise LibraryError(f"{label}: {modifier!r} does not combine with {kind or 'a text value'!r}", where, hint)
        if item.field is None and modifier not in _KEYWORD:
            raise LibraryError(f"{label}: {modifier!r} needs a field", where)
    if kind is not None and any(m not in ("all", "neq", "cased") for m in modifiers[: modifiers.index(kind)]):
        raise LibraryError(f"{label}: {kind!r} must come before the modifiers that refine it", where)
    steps = [modifier for modifier in modifiers if modifier in (*BYTES, *BASE64, *PLACES)]
    for step, following in itertools.pairwise((*steps, "")):
        if step in PLACES and following:
            raise LibraryError(f"{label}: nothing can change the value after {step!r}", where)
        if step in BASE64 and following in BYTES:
            raise LibraryError(f"{label}: {following!r} must come before {step!r}", where)
        if step in BYTES and following not in BASE64:
            message = f"{label}: {step!r} gives bytes that no text field can hold"
            raise Unsupported(message, f"modifier:{step}", where, "add base64 or base64offset after it")
    if "windash" in modifiers and any(m in BYTES + BASE64 for m in modifiers[: modifiers.index("windash")]):
        raise LibraryError(f"{label}: 'windash' must come before an encoding", where)


def _check_values(item: Item, label: str, where: str) -> None:
    modifiers, values = item.modifiers, item.values
    if "all" in modifiers and len(values) == 1:
        # Modifiers appendix, `all`: single values are not allowed to have it.
        raise LibraryError(f"{label}: 'all' needs a list of at least two values", where, "remove 'all'")
    if None in values:
        _check_null(item, label, where)
    for value in values:
        if "exists" in modifiers and not isinstance(value, bool):
            raise LibraryError(f"{label}: the value must be true or false, not {value!r}", where)
        if any(m in COMPARISONS for m in modifiers) and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise LibraryError(f"{label}: the value must be a number, not {value!r}", where, "remove the quotes")
        textual = ("re", "cidr", "fieldref", "windash", *BYTES, *BASE64)
        if any(m in textual for m in modifiers) and not isinstance(value, str):
            raise LibraryError(f"{label}: the value must be text, not {value!r}", where, "put it in quotes")
    if "exists" in modifiers and len(values) > 1:
        raise LibraryError(f"{label}: 'exists' takes one value", where)


def _check_null(item: Item, label: str, where: str) -> None:
    if item.field is None:
        raise LibraryError(f"{label}: null is no keyword", where)
    if len(item.values) > 1:
        # Rules specification, "Special Field Values": null cannot be part of a list of values.
        hint = "give null a selection of its own and join the two with 'or'"
        raise LibraryError(f"{label}: null cannot stand in a list of values", where, hint)
    if any(modifier != "neq" for modifier in item.modifiers):
        raise LibraryError(f"{label}: null takes no modifier but 'neq'", where)
