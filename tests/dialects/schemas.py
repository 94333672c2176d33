"""Small schemas for readers: columns and their types, and kinds of record where a test needs one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converter.core.model import LogSource
from converter.core.platform import Column, Kind, Schema


def schema(
    types: Mapping[str, Mapping[str, str]],
    kinds: tuple[Kind, ...] = (),
    time: str = "@timestamp",
    identity: str = "_id",
    missing: str = "absent",
) -> Schema:
    """table -> column -> type, as a schema that no platform has."""
    tables = {name: dict(columns) for name, columns in types.items()}
    return Schema("test", "Test", kinds, (), time=time, identity=identity, missing=missing, types=tables)


def kind(table: str, columns: tuple[Column, ...], native: Mapping[str, Any]) -> Kind:
    """A kind of record of that table."""
    return Kind("x/y", LogSource(category="x"), table, columns, {}, native)
