"""Correlation rules read from their documents, each fault with its line, and their references looked up.

Source: Sigma correlation rules specification 2.x ("Correlation section") and its JSON schema,
https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-correlation-rules-specification.md.
Beyond its letter one thing is taken, as pySigma does: `rules` and `group-by` may be one text instead of a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from converter.core.correlation import TEMPORAL, Correlation, Count
from converter.core.errors import LibraryError, ParityError, Unsupported
from converter.core.model import Rule
from converter.core.places import Document, line_at
from converter.rules.values import brief

#: the feature of a correlation one of whose rules is broken
BROKEN_BASE = "correlation of a broken rule"
TYPES = ("event_count", "value_count", *TEMPORAL)
#: in the schema of the specification, without a word on what they mean where a value is no number or missing
_FURTHER = ("value_sum", "value_avg", "value_min", "value_max", "value_percentile", "value_median")
_KEYS = ("type", "rules", "aliases", "group-by", "timespan", "condition", "generate")
_OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
_SPAN = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_HINT = "see sigmahq.io/docs/meta/correlations.html"


def read_correlation(document: Document, path: str, digest: str) -> tuple[Correlation | None, list[ParityError]]:
    """The correlation rule of a document, or what is wrong with it; its references are not looked up yet."""
    reader = _Reader(document, path)
    found = reader.read(digest)
    return (None if reader.faults else found), reader.faults


class _Reader:
    """Reads one document; what is wrong with it gathers in `faults`."""

    def __init__(self, document: Document, path: str) -> None:
        self.document, self.path = document, path
        self.file = re.sub(r"\.yml#\d+\Z", ".yml", path)
        self.raw: Mapping[str, Any] = document.value
        section = self.raw["correlation"]
        self.section: Mapping[Any, Any] = section if isinstance(section, dict) else {}
        self.faults: list[ParityError] = []

    def fail(self, message: str, *place: str | int, hint: str = _HINT) -> None:
        way = ("correlation", *place)
        self.faults.append(LibraryError(message, f"{self.file}:{line_at(self.document.places, way)}", hint))

    def read(self, digest: str) -> Correlation:
        for key in ("title", "id", "name"):
            if not isinstance(self.raw.get(key, ""), str):
                where = f"{self.file}:{line_at(self.document.places, (key,))}"
                self.faults.append(LibraryError(f"{key!r} must be text, not {brief(self.raw[key])}", where))
        if not self.raw.get("title"):
            self.fail("the key 'title' is missing")
        if not isinstance(self.raw["correlation"], dict):
            self.fail("'correlation' must be a mapping")
        for key in ("detection", "logsource"):
            if key in self.raw:
                self.fail(f"a correlation rule has no {key} of its own", hint="it refers to rules that have one")
        for key in self.section:
            if key not in _KEYS:
                self.fail(f"unknown key {brief(key)} in 'correlation'", key, hint=f"known are {', '.join(_KEYS)}")
        kind = self.kind()
        references = self.texts("rules", "rules")
        count, field = self.condition(kind, len(references))
        group_by = self.grouping()
        if kind == "temporal_ordered" and count.least != len(references) and not self.faults:
            where = f"{self.file}:{line_at(self.document.places, ('correlation', 'condition'))}"
            message = "temporal_ordered with a condition other than all its rules: in which order some of them come"
            hint = "leave the condition out, or name fewer rules"
            self.faults.append(Unsupported(f"{message} is not said", "correlation condition", where, hint))
        found = Correlation(
            path=self.path,
            raw=self.raw,
            sha256=digest,
            type=kind,
            references=references,
            group_by=group_by,
            seconds=self.seconds(),
            count=count,
            field=field,
            aliases=self.aliases(references, group_by),
            generate=self.flag("generate"),
            lines={str(way[0]): place.line for way, place in self.document.places.items() if len(way) == 1},
            places=self.document.places,
        )
        return replace(found, warnings=tuple(_warnings(found)))

    def kind(self) -> str:
        kind = self.section.get("type")
        if kind in _FURTHER:
            where = f"{self.file}:{line_at(self.document.places, ('correlation', 'type'))}"
            message = f"{kind}: the specification does not say what a value counts that is missing or no number"
            self.faults.append(Unsupported(message, f"correlation {kind}", where, "count values or events instead"))
        elif kind not in TYPES:
            said = "has no type" if kind is None else f"has the unknown type {brief(kind)}"
            self.fail(f"the correlation {said}", "type", hint=f"one of {', '.join(TYPES)}")
        return str(kind)

    def texts(self, key: str, what: str) -> tuple[str, ...]:
        """A list of texts, each once, or one text."""
        value = self.section.get(key)
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not values or not all(isinstance(v, str) and v.strip() for v in values):
            self.fail(f"{key!r} must be a list of {what}", key, hint="name at least one, in text")
            return ()
        for number, one in enumerate(values):
            if one in values[:number]:
                self.fail(f"{key}: {brief(one)} is named twice", key, number, hint="name it once")
        return tuple(values)

    def grouping(self) -> tuple[str, ...]:
        """The fields to group by; the specification calls them mandatory, and one sentence later optional."""
        if self.section.get("group-by") is not None:
            return self.texts("group-by", "fields")
        where = f"{self.file}:{line_at(self.document.places, ('correlation',))}"
        message = "the correlation has no group-by, which the specification asks of every type"
        self.faults.append(
            Unsupported(message, "correlation group-by", where, "name the fields whose values are equal")
        )
        return ()

    def flag(self, key: str) -> bool:
        value = self.section.get(key, False)
        if not isinstance(value, bool):
            self.fail(f"{key!r} is true or false, not {brief(value)}", key)
        return value is True

    def seconds(self) -> int:
        value = self.section.get("timespan")
        found = _SPAN.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            said = "there is no timespan" if value is None else f"timespan {brief(value)} is none"
            self.fail(said, "timespan", hint="a whole number and s, m, h or d, such as 90m")
            return 1
        return int(found[1]) * _SECONDS[found[2]]

    def condition(self, kind: str, rules: int) -> tuple[Count, str]:
        """The tests of the count, and the field whose values are counted.

        Without a condition a temporal correlation wants every rule ("All events defined by the rules … must occur").
        """
        raw = self.section.get("condition")
        if raw is None and kind in TEMPORAL:
            return Count((("gte", rules),)), ""
        if isinstance(raw, str):
            where = f"{self.file}:{line_at(self.document.places, ('correlation', 'condition'))}"
            message = "a condition in words over the rules is not in version 2.1 of the specification"
            self.faults.append(Unsupported(message, "correlation condition", where, "count the rules: gte: 2"))
            return Count((("gte", rules),)), ""
        if not isinstance(raw, dict):
            self.fail("the correlation needs a condition", "condition", hint="such as condition: {gte: 10}")
            return Count((("gte", 1),)), ""
        for key in raw:
            if key not in (*_OPERATORS, "field"):
                self.fail(f"condition: unknown key {brief(key)}", "condition", key, hint=", ".join(_OPERATORS))
        tests = [(str(key), value) for key, value in raw.items() if key in _OPERATORS]
        for key, value in tests:
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                self.fail(f"condition: {key} takes a whole number, not {brief(value)}", "condition", key)
        if not tests and set(raw) <= {"field"}:
            self.fail("the condition compares with nothing", "condition", hint=f"one of {', '.join(_OPERATORS)}")
        count = Count(tuple(tests)) if tests and not self.faults else Count((("gte", 1),))
        return count, self.counted(kind, raw.get("field"))

    def counted(self, kind: str, field: object) -> str:
        if kind != "value_count":
            if field is not None and kind in TYPES:
                self.fail(f"condition: {kind} counts no field", "condition", "field", hint="leave it out")
            return ""
        if isinstance(field, list):
            where = f"{self.file}:{line_at(self.document.places, ('correlation', 'condition', 'field'))}"
            message = "value_count over several fields: the specification does not say what one value of them is"
            self.faults.append(Unsupported(message, "correlation field list", where, "name one field"))
        elif not isinstance(field, str) or not field:
            self.fail(
                "value_count needs the field whose values it counts", "condition", hint="condition: {field: User}"
            )
        return str(field)

    def aliases(self, references: tuple[str, ...], group_by: tuple[str, ...]) -> dict[str, dict[str, str]]:
        """Each alias names a field of every rule, by the rule's name as `rules` has it, and groups."""
        raw = self.section.get("aliases") or {}
        if not isinstance(raw, dict):
            self.fail("'aliases' must be a mapping of names", "aliases")
            return {}
        found: dict[str, dict[str, str]] = {}
        for alias, fields in raw.items():
            if not isinstance(fields, dict) or not all(isinstance(f, str) and f for f in fields.values()):
                self.fail(f"alias {brief(alias)} must map each rule to a field", "aliases", str(alias))
                continue
            for rule in fields:
                if rule not in references:
                    hint = "name it as 'rules' does"
                    self.fail(f"alias {alias}: {brief(rule)} is none of the rules", "aliases", alias, rule, hint=hint)
            lacking = [reference for reference in references if reference not in fields]
            if lacking and alias in group_by:
                self.fail(f"alias {alias} has no field for {', '.join(lacking)}", "aliases", alias)
            found[str(alias)] = {str(rule): field for rule, field in fields.items()}
        return found


def _warnings(found: Correlation) -> Iterator[str]:
    """What is not wrong with a correlation, and may still not be what its author meant."""
    if "id" not in found.raw:
        yield f"{found.at()}: the rule has no id and is called {found.name!r}; give it a UUID"
    for alias in found.aliases:
        if alias not in found.group_by:
            yield f"{found.at('correlation', 'aliases', alias)}: the alias {alias} groups nothing"


def resolved(
    found: Correlation, rules: Iterable[Rule], others: Iterable[Correlation], broken: str = ""
) -> tuple[Correlation | None, ParityError | None]:
    """The correlation with the paths of its rules, or why there is none; `rules` nearest first. `broken` is
    the text of files with faults of their own: a rule that one of them may hold is not missing.

    A rule is meant by its `name` or its `id` (specification, "Related rules").
    """
    by_reference: dict[str, Rule] = {}
    for rule in rules:
        for key in (rule.raw.get("name"), rule.raw.get("id")):
            if isinstance(key, str):
                by_reference.setdefault(key, rule)
    chained = {key for one in others for key in (one.raw.get("name"), one.raw.get("id")) if isinstance(key, str)}
    paths: list[str] = []
    for number, reference in enumerate(found.references):
        where = found.at("correlation", "rules", number)
        if reference in by_reference:
            paths.append(by_reference[reference].path)
        elif reference in chained:
            message = f"refers to the correlation {reference}: chains of correlations are not converted"
            return None, Unsupported(message, "correlation chain", where, "correlate its rules directly")
        elif reference in broken:
            message = f"one of its rules, {brief(reference)}, is broken"
            return None, Unsupported(message, BROKEN_BASE, where, "mend the rule first")
        else:
            message = f"there is no rule of the name or id {brief(reference)} here"
            hint = "it must stand in the same file or folder, or in the project; a file name is no name"
            return None, LibraryError(message, where, hint)
    if len(set(paths)) < len(paths):
        return None, LibraryError("names one rule twice, by name and by id", found.at("correlation", "rules"))
    return replace(found, rules=tuple(paths)), None
