"""Sigma's taxonomy (`taxonomy.yml`): which fields hold numbers, addresses, paths and accounts, and which are shown.

The file names the sources. What it does not list is text, which is what the Sigma specification says of all values
("General": case-insensitive strings).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from converter.core.model import LogSource


class FieldType(enum.StrEnum):
    """What the values of a Sigma field are."""

    NUMBER = "number"
    ADDRESS = "address"
    PATH = "path"
    ACCOUNT = "account"
    TEXT = "text"


_Fields = Mapping[str, tuple[str, ...]]


def _load() -> tuple[Mapping[str, FieldType], _Fields, tuple[str, ...], _Fields]:
    raw: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text("utf-8"))
    types: dict[str, FieldType] = {}
    samples: dict[str, tuple[str, ...]] = {}
    for kind in FieldType:
        for field, values in raw[kind].items():
            if field in types:
                raise ValueError(f"taxonomy.yml: {field} is both {types[field]} and {kind}")
            types[field], samples[field] = kind, tuple(values)
    shown = {source: tuple(names.split()) for source, names in raw["shown"].items()}
    return types, samples, tuple(raw["no_path"]), shown


_TYPES, _SAMPLES, _NO_PATH, _SHOWN = _load()

#: Fields in which `'80'` and `80` are the same value.
NUMERIC_FIELDS = frozenset(field for field, kind in _TYPES.items() if kind is FieldType.NUMBER)
#: Words that events hold where a path is expected (`System`, `-`, `<unknown process>` …).
NO_PATH = _NO_PATH


def field_type(field: str) -> FieldType:
    """What the values of a Sigma field are; TEXT for a field that the taxonomy does not name."""
    return _TYPES.get(field, FieldType.TEXT)


def samples_of(field: str) -> tuple[str, ...]:
    """A few believable values of a field, as text; none for a field that the taxonomy does not name."""
    return _SAMPLES.get(field, ())


def shown_fields(logsource: LogSource) -> tuple[str, ...]:
    """The fields by which an analyst reads a hit on a log source, in the order in which they are shown."""
    return _SHOWN.get(logsource.category or logsource.service or "", _SHOWN["other"])
