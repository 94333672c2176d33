"""`parity.toml`: what a site sets for itself; optional, small, and refused as a whole when anything in it is wrong.

The rules' own files are never touched: settings give changed copies of rules, detections and targets, which are
converted, run and proved like the originals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from converter.build.exclusions import Exclusion, apply, load_exclusion
from converter.build.toml_lines import Lines, key_lines, line_of_key, read_toml
from converter.core.correlation import Correlation
from converter.core.discovery import did_you_mean, indices_of, schemas, targets
from converter.core.errors import Faults, LibraryError, ParityError
from converter.core.model import Detection, Rule, Target
from converter.core.validate import faults, schema
from converter.dialects.layout import has_hidden, hidden
from converter.dialects.registry import dialect
from converter.rules.library import Library
from converter.rules.placeholders import asks, given

FILE = "parity.toml"
_UNITS = {"m": 1, "h": 60, "d": 1440}
#: keys that mean something only to some targets
_ONLY: Mapping[str, Callable[[Target], bool]] = {
    "workspace": lambda target: "workspace" in target.options,
    "indices": lambda target: bool(indices_of(target)),
    "macros": lambda target: dialect(target.dialect).abilities.macros,
}


@dataclass(frozen=True)
class TargetSettings:
    """A site's settings for one target; None or empty: the maker's own default.

    `workspace` is a Sentinel workspace name. `indices` maps a Sigma category to index patterns (Elastic), `macros` a
    macro's name to its definition (Splunk). `frequency` and `lookback` are minutes. `enabled` says whether what is
    deployed runs at once.
    """

    workspace: str | None = None
    indices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    macros: Mapping[str, str] = field(default_factory=dict)
    frequency: int | None = None
    lookback: int | None = None
    enabled: bool = False


@dataclass(frozen=True)
class Settings:
    """All of `parity.toml`. `severity` maps a rule's path or a detection's path to a Sigma level; `disabled` holds the
    paths of sources that are deployed switched off whatever the target says; `exclusions` are in the file's order.
    `placeholders` maps the name in a rule's `%name%` to its values; `chosen` a source's path to the only targets it is
    for. `records` maps a log source's category to further ones whose records count as well."""

    targets: Mapping[str, TargetSettings] = field(default_factory=dict)
    severity: Mapping[str, str] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
    exclusions: tuple[Exclusion, ...] = ()
    placeholders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    records: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, target: str) -> TargetSettings:
        """The settings of a target by its name; the defaults when the file says nothing of it."""
        return self.targets.get(target, TargetSettings())

    def severity_of(self, source: Rule | Detection) -> str:
        """The Sigma level of a rule or detection: the site's override, or its own; `medium` for a rule without one."""
        own = source.severity if isinstance(source, Detection) else str(source.raw.get("level", "medium"))
        return self.severity.get(source.path, own)

    def enabled(self, source: Rule | Detection, target: str) -> bool:
        """Whether what is deployed for this source runs at once."""
        return self.of(target).enabled and source.path not in self.disabled

    def wants(self, source: Rule | Detection | Correlation, target: str, rules: Mapping[str, Rule]) -> bool:
        """Whether a source is for a target: by `[rule.…] targets`, or else by the rule's own `parity: {targets: …}`.

        `rules` has the parts of a detection or correlation, which is for the targets that all of its parts are for.
        """
        if source.path in self.chosen:
            return target in self.chosen[source.path]
        if isinstance(source, Detection | Correlation):
            paths = source.rules if isinstance(source, Correlation) else [part.rule for part in source.parts]
            return all(self.wants(rules[path], target, rules) for path in paths)
        own = (source.raw.get("parity") or {}).get("targets")
        return own is None or target in own

    def told(self) -> str:
        """What of it changes queries, in words; "" when nothing does."""
        found = []
        if self.exclusions:
            found.append(f"{len(self.exclusions)} exclusion{'s' if len(self.exclusions) > 1 else ''}")
        if self.placeholders:
            found.append("placeholders")
        if self.chosen:
            found.append("targets of rules")
        if self.records:
            found.append("records")
        for name, own in self.targets.items():
            keys = [key for key in ("indices", "lookback", "macros") if getattr(own, key)]
            found += [f"{' and '.join(keys)} of {name}"] if keys else []
        return ", ".join(found)


DEFAULTS = Settings()


def load_settings(root: Path, library: Library) -> Settings:
    """The settings of the project at `root`; DEFAULTS without a file.

    Raises Faults with one LibraryError, at its line, for each thing wrong: broken TOML, an unknown key, target, rule or
    detection, a wrong type, a schedule no platform has, an exclusion that does not load or that applies to no rule.
    """
    path = root / FILE
    if not path.exists():
        return DEFAULTS
    text, raw = read_toml(path, FILE)
    lines = key_lines(text)
    found: list[ParityError] = [_fault(at, message, lines) for at, message in faults(raw, "parity_toml")]
    found.extend(_unknown(raw, lines, library))
    found.extend(_unseen(raw, lines))
    if not found:
        found.extend(_pointless(raw, lines))
    if found:
        raise Faults(found)
    exclusions: list[Exclusion] = []
    for number, name in enumerate(raw.get("exclusions", ())):
        try:
            exclusions.append(load_exclusion(root, name, library, number + 1))
        except ParityError as error:
            place = f"{FILE}:{line_of_key(('exclusions',), lines)}"
            found.append(error if error.where else LibraryError(error.message, place, error.hint))
    if found:
        raise Faults(found)
    return Settings(
        {name: _target(values) for name, values in raw.get("target", {}).items()},
        {_source(name, library): level for name, level in raw.get("severity", {}).items()},
        frozenset(_source(name, library) for name in raw.get("disabled", ())),
        tuple(exclusions),
        {name: _texts(values) for name, values in raw.get("placeholders", {}).items()},
        {_source(n, library): frozenset(v["targets"]) for n, v in raw.get("rule", {}).items() if "targets" in v},
        {category: tuple(further) for category, further in raw.get("records", {}).items()},
    )


def with_placeholders(rules: Iterable[Rule], root: Path | None, library: Callable[[], Library]) -> list[Rule]:
    """The rules with the values that the project at `root` gives their placeholders, for whoever leaves the rest of its
    settings aside. Neither the settings nor the library are read where no rule asks. Raises as `load_settings` does."""
    chosen = list(rules)
    if root is None or not any(map(asks, chosen)):
        return chosen
    values = load_settings(root, library()).placeholders
    return [given(rule, values) for rule in chosen]


def _texts(values: Any) -> tuple[str, ...]:
    """One value or a list of them as Sigma values, which are texts."""
    return tuple(str(value) for value in (values if isinstance(values, list) else [values]))


def local_rule(rule: Rule, settings: Settings) -> Rule:
    """The rule narrowed by each exclusion that names it, with the site's values of its placeholders, over the records
    that the site adds, if there are any."""
    for exclusion in settings.exclusions:
        rule = apply(rule, exclusion)
    rule = given(rule, settings.placeholders)
    own = rule.raw.get("parity") or {}
    added = [c for source in rule.logsources for c in settings.records.get(source.category or "", ())]
    if not added:
        return rule
    records = list(dict.fromkeys([*own.get("records", ()), *added]))
    return replace(rule, raw={**rule.raw, "parity": {**own, "records": records}})


def localise(library: Library, target: Target, settings: Settings) -> tuple[Library, Target]:
    """What a site converts for a target: rules with its exclusions, detections with its window, its index names.

    Without settings for them both come back equal to what was given, so that the query is byte for byte the same.
    """
    rules = {path: local_rule(rule, settings) for path, rule in library.rules.items()}
    detections = {name: local_detection(one, target, settings) for name, one in library.detections.items()}
    return Library(rules, detections, library.correlations), local_target(target, settings)


def local_detection(detection: Detection, target: Target, settings: Settings) -> Detection:
    """The detection with the site's window for a target."""
    lookback = settings.of(target.name).lookback
    return replace(detection, lookback_hours=lookback // 60) if lookback else detection


def local_target(target: Target, settings: Settings) -> Target:
    """The target with the site's index names."""
    own = settings.of(target.name).indices
    if not own:
        return target
    return replace(target, options={**target.options, "indices": {**target.options.get("indices", {}), **own}})


def minutes(text: str) -> int:
    """`90m`, `24h` or `7d` as minutes. Raises ValueError for another form."""
    match = re.fullmatch(r"([1-9]\d*)([mhd])", text)
    if not match:
        raise ValueError(text)
    return int(match[1]) * _UNITS[match[2]]


def _target(raw: Mapping[str, Any]) -> TargetSettings:
    return TargetSettings(
        workspace=raw.get("workspace"),
        indices={category: tuple(names) for category, names in raw.get("indices", {}).items()},
        macros=dict(raw.get("macros", {})),
        frequency=minutes(raw["frequency"]) if "frequency" in raw else None,
        lookback=minutes(raw["lookback"]) if "lookback" in raw else None,
        enabled=raw.get("enabled", False),
    )


def _fault(at: tuple[str | int, ...], message: str, lines: Lines) -> LibraryError:
    name = ".".join(str(step) for step in at)
    return LibraryError(f"{name}: {message}" if name else message, f"{FILE}:{line_of_key(at, lines)}")


def _unknown(raw: Mapping[str, Any], lines: Lines, library: Library) -> Iterable[LibraryError]:
    """Names that the schema cannot know to be wrong: keys, targets, rules and detections."""
    shape = schema("parity_toml")
    top = shape["properties"]
    named: list[tuple[tuple[str, ...], str, list[str], str]] = [((key,), key, list(top), "key") for key in raw]
    tables = raw.get("target", {})
    for target, values in tables.items() if isinstance(tables, dict) else ():
        named.append((("target", target), target, list(targets()), "target"))
        known = list(shape["$defs"]["target"]["properties"])
        keys = values if isinstance(values, dict) else ()
        named.extend((("target", target, key), key, known, "key") for key in keys)
    sources = _sources(library)
    known = list(shape["properties"]["rule"]["additionalProperties"]["properties"])
    for rule, values in raw.get("rule", {}).items() if isinstance(raw.get("rule"), dict) else ():
        keys = values if isinstance(values, dict) else {}
        named.extend((("rule", rule, key), key, known, "key") for key in keys)
        wanted = keys.get("targets")
        for name in wanted if isinstance(wanted, list) else ():
            named.append((("rule", rule, "targets"), str(name), list(targets()), "target"))
    further = raw.get("records", {})
    # the tables of all platforms are read only where their names are asked for
    categories = sorted({t.logsource.label for s in schemas().values() for t in s.tables}) if further else []
    for category, values in further.items() if isinstance(further, dict) else ():
        named.append((("records", category), str(category), categories, "log source category"))
        for name in values if isinstance(values, list) else ():
            named.append((("records", category), str(name), categories, "log source category"))
    for table in ("severity", "disabled", "rule"):
        entries = raw.get(table, ())
        for name in entries if isinstance(entries, (dict, list)) else ():
            named.append(((table, str(name)), str(name), list(sources), "rule or detection"))
    for at, name, known, what in named:
        if name not in known:
            short = sorted({k for k in known if "/" not in k and "-" not in k} or known) if what != "target" else known
            hint = did_you_mean(name, known) or f"one of: {', '.join(short)}"
            yield LibraryError(f"unknown {what} {name!r}", f"{FILE}:{line_of_key(at, lines)}", hint)


def _unseen(raw: Any, lines: Lines, at: tuple[str | int, ...] = ()) -> Iterable[LibraryError]:
    """Texts and names with characters that nobody sees, which would stand in queries and artefacts as they are.

    Values of placeholders are values of rules: writers escape what they hold.
    """
    if isinstance(raw, str) and has_hidden(raw):
        found = next(filter(hidden, raw))
        yield _fault(at, f"holds the character U+{ord(found):04X}, which nobody sees", lines)
    parts = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    for key, value in parts:
        if isinstance(key, str):
            yield from _unseen(key, lines, at)
        if (*at, key) != ("placeholders",):
            yield from _unseen(value, lines, (*at, key))


def _pointless(raw: Mapping[str, Any], lines: Lines) -> Iterable[LibraryError]:
    """Settings that are well formed and still cannot be meant: no effect on their target, or a schedule with holes."""
    for name, values in raw.get("target", {}).items():
        for key, fits in _ONLY.items():
            if key in values and not fits(targets()[name]):
                place = f"{FILE}:{line_of_key(('target', name, key), lines)}"
                yield LibraryError(f"{key!r} has no effect on the target {name!r}", place, "take it out")
        categories = list(indices_of(targets()[name]))
        for category in values.get("indices", {}) if categories else ():
            if category not in categories:
                place = f"{FILE}:{line_of_key(('target', name, 'indices', category), lines)}"
                hint = did_you_mean(category, categories) or f"one of: {', '.join(categories)}"
                yield LibraryError(f"no rule category {category!r} is searched at {name!r}", place, hint)
        frequency, lookback = (minutes(values[key]) if key in values else None for key in ("frequency", "lookback"))
        place = f"{FILE}:{line_of_key(('target', name, 'lookback'), lines)}"
        if lookback and lookback % 60:
            yield LibraryError(f"the lookback {values['lookback']!r} is not whole hours", place, "write `2h`, or `1d`")
        if frequency and lookback and lookback < frequency:
            yield LibraryError(
                f"looking back {values['lookback']} every {values['frequency']} leaves events unseen",
                place,
                "lookback must be at least frequency",
            )


def _sources(library: Library) -> dict[str, str]:
    """Every name by which a source can be called -> its path: file name without extension, path, id."""
    found = {d.name: d.path for d in library.detections.values()}
    for rule in library.single:
        found |= {rule.stem.rsplit("/", 1)[-1]: rule.path, rule.path: rule.path, rule.id: rule.path}
    return found


def _source(name: str, library: Library) -> str:
    return _sources(library)[name]
