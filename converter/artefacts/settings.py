"""`parity.toml`: what a site sets for itself; optional, small, and refused as a whole when anything in it is wrong.

The rules' own files are never touched: settings give changed copies of rules, detections and targets, which are
converted, run and proved like the originals.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from converter.artefacts.exclusions import Exclusion, apply, load_exclusion
from converter.artefacts.validate import faults, schema
from converter.discovery import did_you_mean, targets
from converter.errors import Faults, LibraryError, ParityError
from converter.library import MAX_BYTES, Library
from converter.model import Detection, Rule, Target

FILE = "parity.toml"
_UNITS = {"m": 1, "h": 60, "d": 1440}
#: keys that mean something only to some targets
_ONLY: Mapping[str, Callable[[Target], bool]] = {
    "workspace": lambda target: target.name == "sentinel",
    "indices": lambda target: "indices" in target.options,
    "macros": lambda target: target.dialect == "spl",
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
    paths of sources that are deployed switched off whatever the target says; `exclusions` are in the file's order."""

    targets: Mapping[str, TargetSettings] = field(default_factory=dict)
    severity: Mapping[str, str] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
    exclusions: tuple[Exclusion, ...] = ()

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


DEFAULTS = Settings()


def load_settings(root: Path, library: Library) -> Settings:
    """The settings of the project at `root`; DEFAULTS without a file.

    Raises Faults with one LibraryError, at its line, for each thing wrong: broken TOML, an unknown key, target, rule or
    detection, a wrong type, a schedule no platform has, an exclusion that does not load or that applies to no rule.
    """
    path = root / FILE
    if not path.exists():
        return DEFAULTS
    text, raw = _read(path)
    lines = _lines(text)
    found: list[ParityError] = [_fault(at, message, lines) for at, message in faults(raw, "parity_toml")]
    found.extend(_unknown(raw, lines, library))
    if not found:
        found.extend(_pointless(raw, lines))
    if found:
        raise Faults(found)
    exclusions: list[Exclusion] = []
    for number, name in enumerate(raw.get("exclusions", ())):
        try:
            exclusions.append(load_exclusion(root, name, library, number + 1))
        except ParityError as error:
            place = f"{FILE}:{_line(('exclusions',), lines)}"
            found.append(error if error.where else LibraryError(error.message, place, error.hint))
    if found:
        raise Faults(found)
    return Settings(
        {name: _target(values) for name, values in raw.get("target", {}).items()},
        {_source(name, library): level for name, level in raw.get("severity", {}).items()},
        frozenset(_source(name, library) for name in raw.get("disabled", ())),
        tuple(exclusions),
    )


def apply_exclusions(rule: Rule, settings: Settings) -> Rule:
    """The rule narrowed by each exclusion that names it; the rule itself when none does."""
    for exclusion in settings.exclusions:
        rule = apply(rule, exclusion)
    return rule


def localise(library: Library, target: Target, settings: Settings) -> tuple[Library, Target]:
    """What a site converts for a target: rules with its exclusions, detections with its window, its index names.

    Without settings for them both come back equal to what was given, so that the query is byte for byte the same.
    """
    own = settings.of(target.name)
    rules = {path: apply_exclusions(rule, settings) for path, rule in library.rules.items()}
    detections = dict(library.detections)
    if own.lookback:
        hours = own.lookback // 60
        detections = {name: replace(d, lookback_hours=hours) for name, d in detections.items()}
    if own.indices:
        options = {**target.options, "indices": {**target.options.get("indices", {}), **own.indices}}
        target = replace(target, options=options)
    return Library(rules, detections), target


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


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LibraryError(f"the file has more than {MAX_BYTES:,} bytes", FILE)
        text = path.read_bytes().decode("utf-8-sig")
        return text, tomllib.loads(text)
    except OSError as error:
        raise LibraryError(f"cannot be read: {error.strerror}", FILE) from error
    except UnicodeDecodeError as error:
        raise LibraryError(f"is not UTF-8 text ({error.reason} at byte {error.start})", FILE) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"line (\d+)", str(error))
        line = found[1] if found else len(text.splitlines())  # "at end of document"
        raise LibraryError(f"broken TOML: {error}", f"{FILE}:{line}") from error


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """path of keys -> its line, counted from 1 (tomllib keeps no positions)."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*(\[[^\[\]=]+\])", line)
        key = re.match(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*'|\s*\.\s*)+?)\s*=", line)
        try:
            if header:
                table = _path(tomllib.loads(header[1]))
                found.setdefault(table, number)
            elif key:
                found.setdefault((*table, *_path(tomllib.loads(f"{key[1]} = 0"))), number)
        except tomllib.TOMLDecodeError:  # a line inside a longer value that only looks like a key
            continue
    return found


def _path(nested: Mapping[str, Any]) -> tuple[str, ...]:
    ((key, inner),) = nested.items()
    return (key, *_path(inner)) if isinstance(inner, dict) and inner else (key,)


def _line(at: tuple[str | int, ...], lines: Mapping[tuple[str, ...], int]) -> int:
    """The line of the innermost key of a path that has one."""
    steps = tuple(str(step) for step in at if isinstance(step, str))
    return next((lines[steps[:n]] for n in range(len(steps), 0, -1) if steps[:n] in lines), 1)


def _fault(at: tuple[str | int, ...], message: str, lines: Mapping[tuple[str, ...], int]) -> LibraryError:
    name = ".".join(str(step) for step in at)
    return LibraryError(f"{name}: {message}" if name else message, f"{FILE}:{_line(at, lines)}")


def _unknown(raw: Mapping[str, Any], lines: Mapping[tuple[str, ...], int], library: Library) -> Iterable[LibraryError]:
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
    for table in ("severity", "disabled"):
        entries = raw.get(table, ())
        for name in entries if isinstance(entries, (dict, list)) else ():
            named.append(((table, str(name)), str(name), list(sources), "rule or detection"))
    for at, name, known, what in named:
        if name not in known:
            short = sorted({k for k in known if "/" not in k and "-" not in k} or known) if what != "target" else known
            hint = did_you_mean(name, known) or f"one of: {', '.join(short)}"
            yield LibraryError(f"unknown {what} {name!r}", f"{FILE}:{_line(at, lines)}", hint)


def _pointless(raw: Mapping[str, Any], lines: Mapping[tuple[str, ...], int]) -> Iterable[LibraryError]:
    """Settings that are well formed and still cannot be meant: no effect on their target, or a schedule with holes."""
    for name, values in raw.get("target", {}).items():
        for key, fits in _ONLY.items():
            if key in values and not fits(targets()[name]):
                place = f"{FILE}:{_line(('target', name, key), lines)}"
                yield LibraryError(f"{key!r} has no effect on the target {name!r}", place, "take it out")
        categories = list(targets()[name].options.get("indices", {}))
        for category in values.get("indices", {}) if categories else ():
            if category not in categories:
                place = f"{FILE}:{_line(('target', name, 'indices', category), lines)}"
                hint = did_you_mean(category, categories) or f"one of: {', '.join(categories)}"
                yield LibraryError(f"no rule category {category!r} is searched at {name!r}", place, hint)
        frequency, lookback = (minutes(values[key]) if key in values else None for key in ("frequency", "lookback"))
        place = f"{FILE}:{_line(('target', name, 'lookback'), lines)}"
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
    for rule in library.rules.values():
        found |= {rule.stem.rsplit("/", 1)[-1]: rule.path, rule.path: rule.path, rule.id: rule.path}
    return found


def _source(name: str, library: Library) -> str:
    return _sources(library)[name]
