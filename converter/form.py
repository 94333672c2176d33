"""The form of rules and manifests: every fault of a parsed document, each with its line, before anything uses it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from converter.errors import LibraryError, Unsupported
from converter.evaluator import compile_rule
from converter.places import line_of

_REQUIRED = {"title": str, "id": str, "logsource": dict, "detection": dict}
_STATES = ("stable", "test", "experimental", "deprecated", "unsupported")
_MANIFEST = {
    "title": str,
    "description": str,
    "parts": list,
    "lookback_hours": int,
    "columns": list,
    "severity": str,
    "confidence": str,
}
_DEVIATION: dict[str, type] = {"name": str, "part": str, "reason": str, "event": dict, "original": bool, "parity": bool}
_KIND_NAMES = {str: "text", dict: "a mapping", list: "a list", int: "a whole number", bool: "true or false"}
HINT = "see sigma/detections/web_shell.yaml for the form"
_LEVELS = ("informational", "low", "medium", "high", "critical")


def rule_faults(raw: Mapping[str, Any], where: str, lines: Mapping[str, int]) -> Iterator[LibraryError]:
    """What a rule needs to be one, in the order in which it is looked at."""

    def at(key: str) -> str:
        return f"{where}:{lines.get(key, 1)}"

    for key, kind in _REQUIRED.items():
        if key not in raw:
            yield LibraryError(f"the key {key!r} is missing", where, "see sigmahq.io/docs/basics/rules.html")
        elif not isinstance(raw[key], kind):
            yield LibraryError(f"{key!r} must be {_KIND_NAMES[kind]}, not {brief(raw[key])}", at(key))
    if isinstance(raw.get("id"), str):
        try:
            uuid.UUID(raw["id"])
        except ValueError:
            yield LibraryError(f"id {raw['id']!r} is not a UUID", at("id"))
    if isinstance(raw.get("detection"), dict) and "condition" not in raw["detection"]:
        yield LibraryError("the detection has no condition", at("detection"))
    for key, known in (("level", _LEVELS), ("status", _STATES)):
        if raw.get(key) not in (None, *known):
            yield LibraryError(f"{key} {brief(raw[key])} is none of {', '.join(known)}", at(key))
    fields = raw.get("fields")
    if fields is not None and not _is_texts(fields):
        yield LibraryError("fields must be a list of names", at("fields"))


def form_faults(raw: Mapping[str, Any], where: str, lines: Mapping[str, int], data: bytes) -> list[LibraryError]:
    """What is wrong with the metadata, the selections and the condition of a rule, each with its line in `data`."""
    faults: list[LibraryError] = []
    for key in ("tags", "references", "falsepositives"):
        if raw.get(key) is not None and not _is_texts(raw[key]):
            faults.append(LibraryError(f"{key} must be a list of texts", f"{where}:{lines.get(key, 1)}"))
    for key in ("description", "author"):
        if not isinstance(raw.get(key, ""), str):
            place = f"{where}:{lines.get(key, 1)}"
            faults.append(LibraryError(f"{key!r} must be text, not {brief(raw[key])}", place))
    for key, value in _mapping(raw.get("logsource")).items():
        if not isinstance(value, str):
            place = f"{where}:{line_of(data, 'logsource', key)}"
            faults.append(LibraryError(f"logsource: {key!r} must be text, not {brief(value)}", place))
    return [*faults, *_detection_faults(_mapping(raw.get("detection")), where, data)]


def _detection_faults(section: Mapping[str, Any], where: str, data: bytes) -> list[LibraryError]:
    faults: list[LibraryError] = []
    for name in section:
        if name != "condition":
            # one item at a time, so that each fault has its own line
            for steps, alone in _pieces(section[name]):
                shown = {name: alone, "condition": str(name)}
                faults.extend(_section_faults(shown, where, line_of(data, "detection", name, *steps)))
    if "condition" in section:
        # in place of the selections something that is right, so that only the condition is looked at
        sound = {name: {"Image": "x"} for name in section if name not in ("condition", "timeframe")}
        whole = {**sound, "condition": section["condition"]}
        faults.extend(_section_faults(whole, where, line_of(data, "detection", "condition")))
    return faults


def _pieces(selection: Any) -> list[tuple[tuple[str | int, ...], Any]]:
    """The parts of a selection that can be looked at alone, each with the way to it."""
    if isinstance(selection, dict) and selection and all(isinstance(key, str) for key in selection):
        return [((key,), {key: value}) for key, value in selection.items()]
    if isinstance(selection, list) and selection:
        return [((number,), [item]) for number, item in enumerate(selection)]
    return [((), selection)]


def _section_faults(section: Mapping[str, Any], where: str, line: int) -> Iterator[LibraryError]:
    try:
        compile_rule({"detection": section})
    except Unsupported:
        return  # valid Sigma: whoever cannot do it says so
    except LibraryError as error:
        yield LibraryError(error.message, f"{where}:{line}", error.hint)


def manifest_faults(raw: Mapping[str, Any], where: str, data: bytes) -> Iterator[LibraryError]:
    """What is wrong with a manifest, whether its parts exist left aside."""
    for key, kind in _MANIFEST.items():
        place = f"{where}:{line_of(data, key)}"
        if key not in raw:
            yield LibraryError(f"the key {key!r} is missing", where, HINT)
        elif not isinstance(raw[key], kind) or isinstance(raw[key], bool):
            yield LibraryError(f"{key!r} must be {_KIND_NAMES[kind]}, not {brief(raw[key])}", place, HINT)
    if isinstance(raw.get("columns"), list) and not _is_texts(raw["columns"]):
        yield LibraryError("columns must be a list of Sigma fields", f"{where}:{line_of(data, 'columns')}", HINT)
    if isinstance(raw.get("lookback_hours"), int) and raw["lookback_hours"] < 1:
        yield LibraryError("lookback_hours must be at least 1", f"{where}:{line_of(data, 'lookback_hours')}")
    if isinstance(raw.get("severity"), str) and raw["severity"] not in _LEVELS:
        place = f"{where}:{line_of(data, 'severity')}"
        yield LibraryError(f"severity {raw['severity']!r} is none of {', '.join(_LEVELS)}", place)
    yield from _list_faults(raw, where, data)


def _list_faults(raw: Mapping[str, Any], where: str, data: bytes) -> Iterator[LibraryError]:
    """What is wrong with the parts and the deviations, one by one."""
    wanted: dict[str, dict[str, type]] = {"parts": {"rule": str, "label": str}, "deviations": _DEVIATION}
    for name, keys in wanted.items():
        items = raw.get(name) or []
        if not isinstance(items, list):
            if name not in _MANIFEST:
                yield LibraryError(f"{name!r} must be a list", f"{where}:{line_of(data, name)}", HINT)
            continue
        if name == "parts" and not items and name in raw:
            yield LibraryError("a detection has at least one part", f"{where}:{line_of(data, name)}", HINT)
        for number, item in enumerate(items):
            place = f"{where}:{line_of(data, name, number)}"
            if not isinstance(item, dict):
                yield LibraryError(f"each of {name} is a mapping, not {brief(item)}", place, HINT)
                continue
            for key, kind in keys.items():
                if not isinstance(item.get(key), kind):
                    yield LibraryError(f"{name}: {key!r} must be there and be {_KIND_NAMES[kind]}", place, HINT)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def brief(value: object) -> str:
    """A value as a message shows it."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
