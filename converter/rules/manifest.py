"""Manifests of detections (`sigma/detections/*.yaml`): several rules that raise one alert."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converter.core.errors import Faults, LibraryError
from converter.core.model import Detection, Deviation, Part, Rule
from converter.core.places import line_of
from converter.rules.files import read_yaml, relative
from converter.rules.form import HINT, manifest_faults


def load_detection(path: Path, root: Path, rules: Mapping[str, Rule]) -> Detection:
    """One manifest. Raises LibraryError, or Faults if there are several, for what is wrong with it."""
    detection, faults = read_manifest(path, root, rules)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise Faults(list(faults))
    if detection is None:
        raise LibraryError("a part is not a sound rule", relative(path, root), "`parity list rules` tells why")
    return detection


def read_manifest(path: Path, root: Path, rules: Mapping[str, Rule]) -> tuple[Detection | None, list[LibraryError]]:
    """The detection of a manifest, or what is wrong with it: nothing where a part is a broken rule, told by itself."""
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
