"""Reads `sigma/` into Rules and Detections; every broken file is reported, with its place, in one run."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from converter.errors import Faults, LibraryError, ParityError
from converter.model import Detection, Deviation, Part, Rule

#: larger files are refused before they are parsed: the longest public Sigma rule has 40 kB
MAX_BYTES = 1_000_000
_REQUIRED = {"title": str, "id": str, "logsource": dict, "detection": dict}
_LEVELS = ("informational", "low", "medium", "high", "critical")


class Library:
    """All rules and detections below a folder.

    `rules` maps a rule's path (`sigma/…/x.yml`) to the Rule, `detections` a detection's name to the Detection.
    """

    def __init__(self, rules: Mapping[str, Rule], detections: Mapping[str, Detection]) -> None:
        self.rules = dict(rules)
        self.detections = dict(detections)


def load(root: Path) -> Library:
    """The library of the project at `root`. Raises Faults with one error for each fault found."""
    faults: list[ParityError] = []
    rules: dict[str, Rule] = {}
    for path in sorted((root / "sigma").rglob("*.yml")):
        try:
            rule = load_rule(path, root)
            rules[rule.path] = rule
        except ParityError as error:
            faults.append(error)
    faults.extend(_duplicates(rules))
    detections: dict[str, Detection] = {}
    for path in sorted((root / "sigma" / "detections").glob("*.yaml")):
        try:
            detection = load_detection(path, root, rules)
            detections[detection.name] = detection
        except ParityError as error:
            faults.append(error)
    if not rules and not faults:
        faults.append(LibraryError("no rules found", "sigma/", "run parity inside a checkout, or give --root"))
    if faults:
        raise Faults(faults)
    return Library(rules, detections)


def load_rule(path: Path, root: Path) -> Rule:
    """One rule file. Raises LibraryError for what is wrong with it."""
    where = relative(path, root)
    data, raw = read_yaml(path, where)
    if not isinstance(raw, dict):
        raise LibraryError("a rule is a mapping of keys to values", where)
    lines = _key_lines(data)
    for key, kind in _REQUIRED.items():
        if key not in raw:
            raise LibraryError(f"the key {key!r} is missing", where, "see sigmahq.io/docs/basics/rules.html")
        if not isinstance(raw[key], kind):
            wanted = "a mapping" if kind is dict else "text"
            raise LibraryError(f"{key!r} must be {wanted}, not {raw[key]!r}", f"{where}:{lines.get(key, 1)}")
    _check_values(raw, where, lines)
    return Rule(where, raw, hashlib.sha256(data).hexdigest(), lines)


def _check_values(raw: Mapping[str, Any], where: str, lines: Mapping[str, int]) -> None:
    try:
        uuid.UUID(raw["id"])
    except ValueError:
        raise LibraryError(f"id {raw['id']!r} is not a UUID", f"{where}:{lines['id']}") from None
    if "condition" not in raw["detection"]:
        raise LibraryError("the detection has no condition", f"{where}:{lines['detection']}")
    if raw.get("level") not in (None, *_LEVELS):
        raise LibraryError(f"level {raw['level']!r} is none of {', '.join(_LEVELS)}", f"{where}:{lines['level']}")
    fields = raw.get("fields")
    if fields is not None and not (isinstance(fields, list) and all(isinstance(f, str) for f in fields)):
        raise LibraryError("fields must be a list of names", f"{where}:{lines['fields']}")


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
    """One manifest. Raises LibraryError for what is wrong with it."""
    where = relative(path, root)
    data, raw = read_yaml(path, where)
    lines = _key_lines(data)
    try:
        parts = tuple(Part(str(p["rule"]), str(p["label"])) for p in raw["parts"])
        deviations = tuple(_deviation(d) for d in raw.get("deviations") or ())
        detection = Detection(
            name=path.stem,
            path=where,
            title=str(raw["title"]),
            description=str(raw["description"]),
            parts=parts,
            lookback_hours=int(raw["lookback_hours"]),
            columns=tuple(raw["columns"]),
            severity=str(raw["severity"]),
            confidence=str(raw["confidence"]),
            deviations=deviations,
            raw=raw,
            sha256=hashlib.sha256(data).hexdigest(),
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"the key {error} is missing" if isinstance(error, KeyError) else f"a value has the wrong type ({error})"
        raise LibraryError(what, where, "see sigma/detections/web_shell.yaml for the form") from error
    for part in parts:
        if part.rule not in rules:
            raise LibraryError(f"part {part.rule} is not a rule of the library", f"{where}:{lines.get('parts', 1)}")
    return detection


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
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return data, yaml.load(data.decode("utf-8"), Loader=loader)
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
    """The path below the root with `/`, or as given when it lies elsewhere."""
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return path.as_posix()
