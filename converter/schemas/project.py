"""From a Sigma event to the native records a platform would write for it."""

from __future__ import annotations

from typing import Any

from converter.errors import NotRepresentable
from converter.model import Event, Kind, Record, Schema
from converter.schemas.derive import derive

NUMERIC_TYPES = frozenset({"int", "long", "real", "decimal", "integer", "short", "float", "double", "number"})


def kinds_of(schema: Schema, event: Event, kind: str) -> list[Kind]:
    """The record kinds a platform may write for an event of `kind` (`file_event`, or `file_event/modification`).

    Several when the platform has variants (two agents; three connection outcomes): a query must treat them alike.
    Raises NotRepresentable when the platform records no such event.
    """
    wanted = kind.split("/")
    found = [k for k in schema.kinds if k.name.split("/")[: len(wanted)] == wanted and _consistent(k, event)]
    if not found:
        raise NotRepresentable(f"{schema.name} has no record for a {kind} event with these fields")
    return found


def _consistent(kind: Kind, event: Event) -> bool:
    for field, fixed in kind.sigma.items():
        value = event.get(field)
        if fixed is None:
            if value is not None:
                return False
        elif value is None or str(value).lower() != fixed.lower():
            return False
    return True


def project(schema: Schema, kind: Kind, event: Event, identity: int, time: str) -> Record:
    """The native record for `event`.

    `identity` fills the schema's identity column where it has one, `time` (ISO 8601, UTC) its time column. Raises
    NotRepresentable for a list in a column whose platform type is scalar.
    """
    fields: dict[str, Any] = {schema.time: time, **kind.native}
    types = schema.types.get(kind.table, {})
    if schema.identity in types:
        fields[schema.identity] = identity
    for column in kind.columns:
        if column.source is None or column.name in kind.native:
            continue
        value = event.get(column.source)
        if value is None:
            if schema.missing == "null-text":
                fields[column.name] = "null"
            continue
        if isinstance(value, list) and not column.array and schema.missing == "empty":
            raise NotRepresentable(f"{schema.name}.{column.name} is scalar; a list cannot be stored in it")
        native = _typed(derive(column.derive, value), column.type, schema)
        if native is not None:
            fields[column.name] = native
    return Record(kind.table, fields)


def _typed(value: Any, type_name: str, schema: Schema) -> Any:
    """The value as the platform's column type holds it; None where ingestion leaves it out."""
    if isinstance(value, list):
        return [item for item in (_typed(v, type_name, schema) for v in value) if item is not None]
    if type_name in NUMERIC_TYPES and schema.missing != "null-text":
        try:
            return int(value)
        except (TypeError, ValueError):
            return None if value == "" else _reject(schema, value, type_name)
    if type_name == "ip" and value == "":
        return None  # an `ip` field rejects "": integrations leave it out
    return value if isinstance(value, (int, float, bool)) and type_name == "number" else str(value)


def _reject(schema: Schema, value: Any, type_name: str) -> Any:
    raise NotRepresentable(f"{schema.name} stores {value!r} in a column of type {type_name}")
