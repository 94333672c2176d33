"""Sigma filter documents as exclusions: what a site knows to be harmless, kept apart from the rules.

https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-filters-specification.md: a filter has a
log source, names rules (`any` or ids), and its condition is joined to theirs by `and`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.errors import LibraryError
from converter.evaluator import compile_rule
from converter.library import Library, read_yaml
from converter.model import Rule

_WORD = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_*-]*")
_KEYWORDS = frozenset({"not", "and", "or", "all", "any", "of", "1"})
#: keys of a filter section that are not selections
_RESERVED = ("rules", "condition")


@dataclass(frozen=True)
class Exclusion:
    """One filter document: `rules` are ids or names of rules, None for `any`; `prefix` keeps its selections' names
    apart from a rule's own (a leading `_` also keeps them out of `all of them`)."""

    path: str
    title: str
    logsource: Mapping[str, str]
    rules: frozenset[str] | None
    selections: Mapping[str, Any]
    condition: str
    prefix: str

    def covers(self, rule: Rule) -> bool:
        """Whether the filter names the rule and speaks of its log source."""
        source = rule.raw["logsource"]
        if any(source.get(key) != value for key, value in self.logsource.items()):
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
    _, raw = read_yaml(path, name)
    exclusion = _parse(raw, name, number)
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
    narrowed = f"({exclusion.condition})"
    own = detection["condition"]
    both = [f"({one}) and {narrowed}" for one in own] if isinstance(own, list) else f"({own}) and {narrowed}"
    raw = {**rule.raw, "detection": {**detection, **added, "condition": both}}
    return Rule(rule.path, raw, rule.sha256, rule.lines)


def _names(library: Library) -> frozenset[str]:
    named = {str(rule.raw["name"]) for rule in library.rules.values() if "name" in rule.raw}
    return frozenset(named | {rule.id for rule in library.rules.values()})


def _parse(raw: Any, where: str, number: int) -> Exclusion:
    hint = "see sigmahq.io/docs/meta/filters.html"
    if not isinstance(raw, dict):
        raise LibraryError("a filter is a mapping of keys to values", where, hint)
    for key, kind in (("title", str), ("logsource", dict), ("filter", dict)):
        if not isinstance(raw.get(key), kind):
            raise LibraryError(f"a filter needs {key!r} ({'text' if kind is str else 'a mapping'})", where, hint)
    section = raw["filter"]
    condition, rules = section.get("condition"), section.get("rules")
    if not isinstance(condition, str):
        raise LibraryError("filter.condition must be text", where, hint)
    if not (rules == "any" or (isinstance(rules, list) and rules and all(isinstance(r, str) for r in rules))):
        raise LibraryError("filter.rules must be `any` or a list of rule ids", where, hint)
    selections = {str(key): value for key, value in section.items() if key not in _RESERVED}
    detection = {**selections, "condition": condition}
    compile_rule(Rule(where, {"title": raw["title"], "logsource": raw["logsource"], "detection": detection}, ""))
    if not _excludes(condition):
        raise LibraryError(
            f"the condition {condition!r} does not exclude", where, "write `not selection` or `not 1 of filter_*`"
        )
    prefix = f"_exclusion_{number}_"
    return Exclusion(
        where,
        raw["title"],
        {str(key): value for key, value in raw["logsource"].items() if value is not None},
        None if rules == "any" else frozenset(rules),
        selections,
        _renamed(condition, prefix),
        prefix,
    )


def _excludes(condition: str) -> bool:
    """Whether a condition that parses is, as a whole, one negation: `not x`, `not 1 of x*` or `not ( … )`."""
    text = condition.strip()
    if re.fullmatch(r"(?i)not\s+([\w*-]+|(1|all|any)\s+of\s+[\w*-]+)", text):
        return True
    match = re.fullmatch(r"(?is)not\s*\((.*)\)", text)
    if not match:
        return False
    depth = 0
    for character in match[1]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return True


def _renamed(condition: str, prefix: str) -> str:
    def word(match: re.Match[str]) -> str:
        if match[0].lower() in _KEYWORDS:
            return match[0]
        return f"{prefix}*" if match[0].lower() == "them" else prefix + match[0]

    return _WORD.sub(word, condition)
