"""Sigma filter documents as exclusions: what a site knows to be harmless, kept apart from the rules.

https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-filters-specification.md: a filter has a
log source, names rules (`any` or ids), and its condition is joined to theirs by `and`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter.core.errors import LibraryError
from converter.core.model import LogSource, Rule
from converter.core.places import Document
from converter.rules.condition import AllOf, Condition, Negated, Selection, parse_condition, spelled
from converter.rules.files import parse, read_bytes
from converter.rules.form import form_faults
from converter.rules.library import Library

#: a pattern that also selects what is added under a leading underscore
_HIDDEN = re.compile(r"(?i)\bof\s+_")
#: keys of a filter section that are not selections
_RESERVED = ("rules", "condition")


@dataclass(frozen=True)
class Exclusion:
    """One filter document: `rules` are ids or names of rules, None for `any`; `prefix` keeps its selections' names
    apart from a rule's own (a leading `_` also keeps them out of `all of them`)."""

    path: str
    title: str
    logsource: LogSource
    rules: frozenset[str] | None
    selections: Mapping[str, Any]
    condition: str
    prefix: str

    def covers(self, rule: Rule) -> bool:
        """Whether the filter names the rule and speaks of its log source."""
        if not self.logsource.covers(rule.logsource):
            return False
        return self.rules is None or bool(self.rules & {rule.id, str(rule.raw.get("name", ""))})


def load_exclusion(root: Path, name: str, library: Library, number: int) -> Exclusion:
    """The filter document at `root/name`. Raises LibraryError for what is wrong with it, among that a condition that
    does not exclude (without a leading `not` it would keep only what was meant to go), and a filter of no rule."""
    path = root / name
    hint = "give a path below the project root"
    if Path(name).is_absolute() or not path.resolve().is_relative_to(root.resolve()):
        raise LibraryError(
            f"the exclusion {name!r} lies outside the project", hint="give a path below the project root"
        )
    if not path.is_file():
        raise LibraryError(f"the exclusion {name!r} does not exist", hint=hint)
    documents = [document for document in parse(read_bytes(path, name), name) if document.value is not None]
    if len(documents) != 1:
        raise LibraryError(f"holds {len(documents)} documents", name, "keep one filter to a file")
    exclusion = _parse(documents[0], name, number)
    unknown = (exclusion.rules or frozenset()) - _names(library)
    if unknown:
        raise LibraryError(f"no rule has the id {sorted(unknown)[0]!r}", name, "`filter.rules` holds ids of rules")
    if not any(exclusion.covers(rule) for rule in library.rules.values()):
        raise LibraryError("the filter applies to no rule", name, "compare its logsource with that of the rule")
    return exclusion


def apply(rule: Rule, exclusion: Exclusion) -> Rule:
    """`(the rule's condition) and (the filter's)`; the rule itself when the filter does not cover it."""
    if not exclusion.covers(rule):
        return rule
    detection = dict(rule.raw["detection"])
    added = {exclusion.prefix + name: value for name, value in exclusion.selections.items()}
    taken = sorted(added.keys() & detection.keys())
    if taken:
        raise LibraryError(
            f"a selection is called {taken[0]!r}, as an exclusion's would be", rule.at("detection", taken[0])
        )
    own = detection["condition"]
    texts = own if isinstance(own, list) else [own]
    names = tuple(str(name) for name in detection if name != "condition")
    kept = [_kept(text, names, rule.at("detection", "condition")) for text in texts]
    both = [f"({one}) and ({exclusion.condition})" for one in kept]
    condition = both if isinstance(own, list) else both[0]
    return replace(rule, raw={**rule.raw, "detection": {**detection, **added, "condition": condition}})


def _kept(condition: str, names: tuple[str, ...], where: str) -> str:
    """A rule's condition that means the same with further selections under a leading underscore."""
    if not _HIDDEN.search(condition):
        return condition
    try:
        return spelled(parse_condition(condition, names, where))
    except ValueError as fault:
        message = f"the condition reaches the selection {str(fault)!r}, which it cannot name"
        raise LibraryError(message, where, "give the selection a name without blanks") from fault


def _names(library: Library) -> frozenset[str]:
    named = {str(rule.raw["name"]) for rule in library.rules.values() if "name" in rule.raw}
    return frozenset(named | {rule.id for rule in library.rules.values()})


def _parse(document: Document, where: str, number: int) -> Exclusion:
    raw: Any = document.value
    hint = "see sigmahq.io/docs/meta/filters.html"
    if not isinstance(raw, dict):
        raise LibraryError("a filter is a mapping of keys to values", where, hint)
    for key, kind in (("title", str), ("logsource", dict), ("filter", dict)):
        if not isinstance(raw.get(key), kind):
            raise LibraryError(f"a filter needs {key!r} ({'text' if kind is str else 'a mapping'})", where, hint)
    section = raw["filter"]
    text, rules = section.get("condition"), section.get("rules")
    if not isinstance(text, str):
        raise LibraryError("filter.condition must be text", where, hint)
    if not (rules == "any" or (isinstance(rules, list) and rules and all(isinstance(r, str) for r in rules))):
        raise LibraryError("filter.rules must be `any` or a list of rule ids", where, hint)
    selections = {str(key): value for key, value in section.items() if key not in _RESERVED}
    faults = form_faults(_as_rule(raw, {**selections, "condition": text}, document, where))
    if faults:
        raise faults[0]
    place = f"{where}:{document.places[('filter', 'condition')].line}"
    condition = parse_condition(text, tuple(selections), place)
    if not excludes(condition):
        hint = "write `not selection`, `not a and not b`, or `not 1 of filter_*`"
        raise LibraryError(f"the condition {text!r} does not exclude", place, hint)
    prefix = f"_exclusion_{number}_"
    try:
        renamed = spelled(condition, lambda name: prefix + name)
    except ValueError as fault:
        raise LibraryError(
            f"the selection {str(fault)!r} cannot be named in a condition", place, "rename it"
        ) from fault
    named = None if rules == "any" else frozenset(rules)
    return Exclusion(where, raw["title"], _logsource(raw), named, selections, renamed, prefix)


def _logsource(raw: Mapping[str, Any]) -> LogSource:
    return Rule("", {"logsource": raw["logsource"]}, "").logsource


def _as_rule(raw: Mapping[str, Any], detection: Mapping[str, Any], document: Document, where: str) -> Rule:
    """The filter as a rule of its selections, so that it is held to the same form, with the lines of its own file."""
    places = {(("detection", *way[1:]) if way[0] == "filter" else way): at for way, at in document.places.items()}
    shown = {"title": raw["title"], "logsource": raw["logsource"], "detection": detection}
    return Rule(where, shown, "", {}, places)


def excludes(condition: Condition) -> bool:
    """Whether every part of a condition is a negation that keeps what none of its selections knows.

    Without a leading `not` (or with two) a filter would keep only what was meant to go; `not a and not b` are two
    exclusions, and `not (a and not b)` is one with an exception.
    """
    if isinstance(condition, Negated):
        return not _of_nothing(condition.part)
    return not isinstance(condition, Selection) and all(excludes(part) for part in condition.parts)


def _of_nothing(condition: Condition) -> bool:
    """Whether a condition holds of an event that no selection matches."""
    if isinstance(condition, Selection):
        return False
    if isinstance(condition, Negated):
        return not _of_nothing(condition.part)
    return (all if isinstance(condition, AllOf) else any)(_of_nothing(part) for part in condition.parts)
