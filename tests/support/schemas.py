"""Small schemas for the tests of readers and engines, which need columns and types but no platform."""

from __future__ import annotations

from collections.abc import Mapping

from converter.core.platform import Kind, Schema


def columns_only(
    types: Mapping[str, Mapping[str, str]],
    time: str = "@timestamp",
    identity: str = "_id",
    missing: str = "absent",
    kinds: tuple[Kind, ...] = (),
) -> Schema:
    """A schema of these columns (table -> name -> type); by default as Elastic keeps its records."""
    return Schema("test", "Test", kinds, (), time, identity, missing, types)
