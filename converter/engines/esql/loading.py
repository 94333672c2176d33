"""Records as Elasticsearch stores them: every column a sorted tuple of values of its type, empty when missing.

https://www.elastic.co/docs/reference/query-languages/esql/esql-multivalued-fields (order, duplicates, nulls in lists).
Dates and addresses are as `constants.py` has them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from converter.core.errors import NotRepresentable
from converter.core.platform import Record
from converter.dialects.esql.analysis import searched
from converter.dialects.esql.ast import From
from converter.dialects.esql.constants import MAPPED_IPV4, address, moment
from converter.dialects.esql.types import BOOLEAN, DATE, DOUBLE, INTEGER, IP, STRING, Columns

Value = str | int | float | bool | datetime


@dataclass(frozen=True)
class Row:
    """The record at `position`, by column name."""

    position: int
    values: Mapping[str, tuple[Value, ...]]


_KEPT = 4
_LOADED: dict[tuple[object, ...], tuple[Sequence[Record], list[Row]]] = {}


def load(source: From, records: Sequence[Record], columns: Columns) -> list[Row]:
    """The records that FROM selects, in their order. Raises NotRepresentable for a value its column cannot hold.

    The last few loads are kept, since many queries run over the same records.
    """
    key = (id(records), source.patterns, tuple(columns.items()))
    if key not in _LOADED:
        while len(_LOADED) >= _KEPT:
            _LOADED.pop(next(iter(_LOADED)))
        rows = [
            Row(position, _values(position, record, columns))
            for position, record in enumerate(records)
            if searched(source.patterns, record.table)
        ]
        _LOADED[key] = (records, rows)  # with the records, so that their identity is not used again
    return _LOADED[key][1]


def _values(position: int, record: Record, columns: Columns) -> dict[str, tuple[Value, ...]]:
    metadata = {"_id": record.fields.get("_id", str(position)), "_index": record.table, "_version": 1}
    out = {}
    for name, value in {**record.fields, **metadata}.items():
        family = columns.get(name, " ")
        if " " in family:  # unmapped, or a type ES|QL does not support: the analysis refuses any use of the column
            continue
        items = [item for item in (value if isinstance(value, list | tuple) else [value]) if item is not None]
        if not items:
            continue
        stored = sorted(_stored(item, family, name) for item in items)
        out[name] = tuple(dict.fromkeys(stored) if family in (STRING, IP) else stored)
    return out


@lru_cache(maxsize=65536, typed=True)
def _stored(value: Any, family: str, name: str) -> Any:
    try:
        if family == STRING:
            return str(value).lower() if isinstance(value, bool) else str(value)
        if family == INTEGER:
            return int(value)
        if family == DOUBLE:
            return float(value)
        if family == BOOLEAN:
            return {"true": True, "false": False}[str(value).lower()]
        if family == DATE:
            return moment(value)
        if family == IP:
            return address(value)
    except (ValueError, KeyError, TypeError) as fault:
        raise NotRepresentable(f"{name} of type {family} cannot hold {value!r}") from fault
    raise AssertionError(family)


def shown(values: tuple[Any, ...] | list[Any], family: str) -> Any:
    """A column's values as a result shows them: None, the one value, or a list."""
    items = [_shown(value, family) for value in values]
    return None if not items else items[0] if len(items) == 1 else items


def _shown(value: Any, family: str) -> Any:
    if family == DATE:
        return value.isoformat(timespec="milliseconds") + "Z"
    if family == IP:
        return str(
            ipaddress.IPv4Address(value - MAPPED_IPV4)
            if value >> 32 == MAPPED_IPV4 >> 32
            else ipaddress.IPv6Address(value)
        )
    return value
