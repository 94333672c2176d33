"""The form of rules and manifests: every fault of a parsed document, each with its line, before anything uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from converter.core.errors import LibraryError, ParityError, Unsupported
from converter.core.model import Rule
from converter.core.places import line_of
from converter.rules.detection import detection_faults
from converter.rules.evaluator import compile_item
from converter.rules.files import unseen
from converter.rules.values import brief

_REQUIRED = {"title": str, "logsource": dict, "detection": dict}
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CATEGORY = re.compile(r"[a-z0-9_.-]+")
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


def rule_faults(rule: Rule) -> Iterator[LibraryError]:
    """What a rule needs to be one, in the order in which it is looked at."""
    raw = rule.raw
    for key, kind in _REQUIRED.items():
        if key not in raw:
            yield LibraryError(f"the key {key!r} is missing", rule.at(), "see sigmahq.io/docs/basics/rules.html")
        elif not isinstance(raw[key], kind):
            yield LibraryError(f"{key!r} must be {_KIND_NAMES[kind]}, not {brief(raw[key])}", rule.at(key))
    if isinstance(raw.get("detection"), dict) and "condition" not in raw["detection"]:
        yield LibraryError("the detection has no condition", rule.at("detection"))
    for key, known in (("level", _LEVELS), ("status", _STATES)):
        if raw.get(key) not in (None, *known):
            yield LibraryError(f"{key} {brief(raw[key])} is none of {', '.join(known)}", rule.at(key))
    fields = raw.get("fields")
    if fields is not None and not _is_texts(fields):
        yield LibraryError("fields must be a list of names", rule.at("fields"))
    yield from _name_faults(rule)
    yield from _source_faults(rule)
    yield from _line_faults(rule)


def _name_faults(rule: Rule) -> Iterator[LibraryError]:
    """The id is a UUID in its canonical form, as the rules specification ("Identification") has it; both are texts."""
    for key in ("id", "name"):
        if key in rule.raw and not isinstance(rule.raw[key], str):
            yield LibraryError(f"{key!r} must be text, not {brief(rule.raw[key])}", rule.at(key), "put it in quotes")
    identity = rule.raw.get("id")
    if isinstance(identity, str) and not _UUID.fullmatch(identity):
        hint = "8-4-4-4-12 hexadecimal digits, as uuidgen writes one"
        yield LibraryError(f"id {brief(identity)} is not a UUID", rule.at("id"), hint)


def _source_faults(rule: Rule) -> Iterator[LibraryError]:
    """The log source names something, in text; `parity` holds what it may."""
    source = _mapping(rule.raw.get("logsource"))
    for key, value in source.items():
        if value is not None and not isinstance(value, str):
            message = f"logsource: {key!r} must be text, not {brief(value)}"
            yield LibraryError(message, rule.at("logsource", str(key)))
    if isinstance(rule.raw.get("logsource"), dict) and not any(
        source.get(k) for k in ("product", "category", "service")
    ):
        yield LibraryError("the log source names no category, product or service", rule.at("logsource"))
    if "parity" not in rule.raw:
        return
    own = _mapping(rule.raw["parity"])
    records, targets = own.get("records", []), own.get("targets", ["any"])
    known = own and not own.keys() - {"records", "targets"}
    if not (known and _is_texts(records) and _is_texts(targets) and targets):
        message = "`parity` holds `records`, further categories, and `targets`, the only targets it is for; lists both"
        yield LibraryError(message, rule.at("parity"), "as in: parity: {records: [file_change], targets: [defender]}")
    elif not all(_CATEGORY.fullmatch(name) for name in records):
        yield LibraryError("`parity` `records` are names of categories", rule.at("parity"), "as in: [file_change]")


def _line_faults(rule: Rule) -> Iterator[LibraryError]:
    """What ends up in one line of a query's header, or in a name, holds no line break and nothing that is not seen."""
    raw, source = rule.raw, _mapping(rule.raw.get("logsource"))
    texts: list[tuple[str, object, str]] = [(key, raw.get(key), "") for key in ("title", "id", "name", "author")]
    texts += [("logsource", source.get(key), "") for key in ("product", "category", "service")]
    texts += [("description", raw.get("description"), "\t\n")]
    for key in ("fields", "tags", "references", "falsepositives"):
        values = raw.get(key) if isinstance(raw.get(key), list) else []
        texts += [(key, value, "" if key == "fields" else "\t\n") for value in values or ()]
    for key, value, allowed in texts:
        found = unseen(value, allowed) if isinstance(value, str) else ""
        if found:
            name = "a line break" if found in "\r\n" else f"the character U+{ord(found):04X}"
            yield LibraryError(f"{key} holds {name}", rule.at(key), "keep it on one line, of characters one can see")


def form_faults(rule: Rule) -> list[ParityError]:
    """What is wrong with the metadata, the selections and the condition of a rule, each with its line."""
    faults: list[ParityError] = []
    for key in ("tags", "references", "falsepositives"):
        if rule.raw.get(key) is not None and not _is_texts(rule.raw[key]):
            faults.append(LibraryError(f"{key} must be a list of texts", rule.at(key)))
    for key in ("description", "author"):
        if not isinstance(rule.raw.get(key, ""), str):
            faults.append(LibraryError(f"{key!r} must be text, not {brief(rule.raw[key])}", rule.at(key)))
    if not isinstance(rule.raw.get("detection"), dict) or "condition" not in rule.raw["detection"]:
        return faults
    items, found = detection_faults(rule)
    for item in items:
        if "expand" in item.modifiers:
            continue  # what its values are is known when placeholders have theirs
        try:
            compile_item(item)
        except LibraryError as fault:
            found.append(fault)
    # Unsupported is valid Sigma: whoever cannot do it says so
    return faults + [fault for fault in found if not isinstance(fault, Unsupported)]


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
