"""Reads `sigma/` into Rules and Detections; every broken file is reported, with its place, in one run."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from converter.errors import Faults, LibraryError, ParityError
from converter.form import HINT, form_faults, manifest_faults, rule_faults
from converter.model import Detection, Deviation, Part, Rule
from converter.places import Loader, line_of

#: larger files are refused before they are parsed: the longest public Sigma rule has 40 kB
MAX_BYTES = 1_000_000


class Library:
    """All rules and detections below a folder.

    `rules` maps a rule's path (`sigma/…/x.yml`) to the Rule, `detections` a detection's name to the Detection.
    """

    def __init__(self, rules: Mapping[str, Rule], detections: Mapping[str, Detection]) -> None:
        self.rules = dict(rules)
        self.detections = dict(detections)


def load(root: Path) -> Library:
    """The library of the project at `root`. Raises Faults with one error for each fault found."""
    library, faults = read(root)
    if faults:
        raise Faults(faults)
    return library


def read(root: Path) -> tuple[Library, list[ParityError]]:
    """What is sound in the library of the project at `root`, and everything that is wrong with the rest."""
    faults: list[ParityError] = []
    rules: dict[str, Rule] = {}
    for path in sorted((root / "sigma").rglob("*.yml")):
        rule, found = _read_rule(path, root, form_faults)
        faults.extend(found)
        if rule is not None and not found:
            rules[rule.path] = rule
    faults.extend(_duplicates(rules))
    detections: dict[str, Detection] = {}
    for path in sorted((root / "sigma").rglob("*.yaml")):
        if path.parent != root / "sigma" / "detections":
            faults.extend(_misnamed(path, root))
            continue
        detection, broken = _read_detection(path, root, rules)
        faults.extend(broken)
        if detection is not None and not broken:
            detections[detection.name] = detection
    if not rules and not faults:
        faults.append(LibraryError("no rules found", "sigma/", "run parity inside a checkout, or give --root"))
    return Library(rules, detections), faults


def _misnamed(path: Path, root: Path) -> list[LibraryError]:
    """A rule in a .yaml file would be left out by sigma-cli and by us, and nobody would notice."""
    try:
        is_rule = path.stat().st_size <= MAX_BYTES and re.search(rb"^logsource\s*:", path.read_bytes(), re.MULTILINE)
    except OSError:
        return []
    return [LibraryError("the file name of a rule ends in .yml", relative(path, root), "rename it")] if is_rule else []


def load_rule(path: Path, root: Path) -> Rule:
    """One rule file. Raises LibraryError for the first thing that keeps it from being a rule at all."""
    rule, faults = _read_rule(path, root, lambda *_: [])
    if rule is None or faults:
        raise faults[0]
    return rule


def _read_rule(
    path: Path, root: Path, further: Callable[..., list[LibraryError]]
) -> tuple[Rule | None, list[LibraryError]]:
    """The rule, if it is sound, and what is wrong with it; `further` looks at what a mere conversion does not need."""
    where = relative(path, root)
    try:
        data, raw = read_yaml(path, where)
    except LibraryError as error:
        return None, [error]
    if not isinstance(raw, dict):
        return None, [LibraryError("a rule is a mapping of keys to values", where)]
    lines = _key_lines(data)
    faults = [*rule_faults(raw, where, lines), *further(raw, where, lines, data)]
    return (None if faults else Rule(where, raw, hashlib.sha256(data).hexdigest(), lines)), faults


def _duplicates(rules: Mapping[str, Rule]) -> list[ParityError]:
    seen: dict[str, Rule] = {}
    faults: list[ParityError] = []
    for rule in rules.values():
        first = seen.setdefault(rule.id, rule)
        if first is not rule:
            place = f"{rule.path}:{rule.lines.get('id', 1)}"
            faults.append(LibraryError(f"id {rule.id} is already that of {first.path}", place, "give it a new UUID"))
    return faults


def load_detection(path: Path, root: Path, rules: Mapping[str, Rule]) -> Detection:
    """One manifest. Raises LibraryError, or Faults if there are several, for what is wrong with it."""
    detection, faults = _read_detection(path, root, rules)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise Faults(list(faults))
    if detection is None:
        raise LibraryError("a part is not a sound rule", relative(path, root), "`parity list rules` tells why")
    return detection


def _read_detection(path: Path, root: Path, rules: Mapping[str, Rule]) -> tuple[Detection | None, list[LibraryError]]:
    where = relative(path, root)
    try:
        data, raw = read_yaml(path, where)
    except LibraryError as error:
        return None, [error]
    if not isinstance(raw, dict):
        return None, [LibraryError("a manifest is a mapping of keys to values", where, HINT)]
    faults = list(manifest_faults(raw, where, data))
    if faults:
        return None, faults
    parts = tuple(Part(p["rule"], p["label"]) for p in raw["parts"])
    for number, part in enumerate(parts):
        # a part whose file is there is broken, and has its own message
        if part.rule not in rules and not (root / part.rule).exists():
            place = f"{where}:{line_of(data, 'parts', number)}"
            faults.append(LibraryError(f"part {part.rule} is not a rule of the library", place))
        elif part.rule not in rules:
            return None, []
    if faults:
        return None, faults
    detection = Detection(
        name=path.stem,
        path=where,
        title=raw["title"],
        description=raw["description"],
        parts=parts,
        lookback_hours=raw["lookback_hours"],
        columns=tuple(raw["columns"]),
        severity=raw["severity"],
        confidence=raw["confidence"],
        deviations=tuple(_deviation(d) for d in raw.get("deviations") or ()),
        raw=raw,
        sha256=hashlib.sha256(data).hexdigest(),
    )
    return detection, []


def _deviation(raw: Mapping[str, Any]) -> Deviation:
    return Deviation(
        name=str(raw["name"]),
        part=str(raw["part"]),
        reason=str(raw["reason"]),
        event=dict(raw["event"]),
        kind=raw.get("kind"),
        original=bool(raw["original"]),
        parity=bool(raw["parity"]),
    )


def read_yaml(path: Path, where: str) -> tuple[bytes, Any]:
    """The bytes of a file and its one YAML document. Raises LibraryError: unreadable, too large, not UTF-8, broken."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise LibraryError(f"the file has {size:,} bytes; at most {MAX_BYTES:,} are read", where)
        data = path.read_bytes()
    except OSError as error:
        raise LibraryError(f"cannot be read: {error.strerror}", where) from error
    try:
        return data, yaml.load(data.decode("utf-8"), Loader=Loader)
    except UnicodeDecodeError as error:
        raise LibraryError(f"is not UTF-8 text ({error.reason} at byte {error.start})", where) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise LibraryError(f"broken YAML: {problem}", f"{where}{line}") from error
    except (RecursionError, ValueError) as error:
        raise LibraryError(f"broken YAML: {error or 'nested too deeply'}", where) from error


def _key_lines(data: bytes) -> dict[str, int]:
    """top-level key -> its line, counted from 1."""
    found: dict[str, int] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        match = re.match(r"([A-Za-z_][\w-]*)\s*:", line)
        if match:
            found.setdefault(match[1], number)
    return found


def relative(path: Path, root: Path) -> str:
    """The path below the root with `/`, or as given when it lies elsewhere. Links are not followed."""
    try:
        return Path(os.path.abspath(path)).relative_to(os.path.abspath(root)).as_posix()
    except ValueError:
        return path.as_posix()
