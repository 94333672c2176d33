"""From a Sigma event to the native records a platform would write for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from converter.core.errors import NotRepresentable
from converter.core.model import Event, LogSource
from converter.core.platform import Column, Kind, Loss, Record, Schema
from converter.platforms.derive import derive
from converter.platforms.domains import NUMERIC_TYPES
from converter.platforms.effects import concerns, kept_value
from converter.platforms.losses import losses_of
from converter.platforms.pullback import filled


def kinds_of(schema: Schema, event: Event, logsource: LogSource, name: str = "") -> list[Kind]:
    """The kinds of record a platform may write for an event of a log source; `name` narrows them to one branch.

    Several when the platform has variants (two agents; three connection outcomes): a query must treat them alike.
    Raises NotRepresentable when the platform records no such event.
    """
    wanted = name.split("/") if name else []
    found = [
        kind
        for kind in schema.kinds
        if kind.meant_by(logsource) and kind.name.split("/")[: len(wanted)] == wanted and _consistent(kind, event)
    ]
    if not found:
        raise NotRepresentable(f"{schema.name} has no record for a {name or logsource} event with these fields")
    return found


def fixed_fields(schemas: Iterable[Schema], logsources: Iterable[LogSource]) -> dict[str, str]:
    """The Sigma fields that have one value in every kind of record of the log sources, on all the platforms.

    An event of the log source has them, whether or not somebody wrote them down: `EventType` of a registry category.
    """
    wanted = tuple(logsources)
    kinds = [kind for schema in schemas for kind in schema.kinds if any(kind.meant_by(s) for s in wanted)]
    found: dict[str, set[str | None]] = {}
    for name in sorted({name for kind in kinds for name in kind.sigma}):
        found[name] = {kind.sigma.get(name) for kind in kinds}
    return {
        name: value for name, values in found.items() if len(values) == 1 and (value := next(iter(values))) is not None
    }


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
    gone = "null" if schema.missing == "null-text" else None
    constants = {name: gone if value is None else value for name, value in kind.native.items()}
    fields: dict[str, Any] = {schema.time: time, **{name: v for name, v in constants.items() if v is not None}}
    types = schema.types.get(kind.table, {})
    if (own := schema.identity_of(kind.table)) in types:
        fields[own] = str(identity) if types[own] == "string" else identity
    losses = losses_of(kind, schema)
    for column in filled(kind, frozenset(event)).values():
        value = _value(column, event.get(column.source), losses, schema)
        if value is not None:
            fields[column.name] = value
        elif gone is not None:
            fields[column.name] = gone
    return Record(kind.table, fields)


def _value(column: Column, value: Any, losses: tuple[Loss, ...], schema: Schema) -> Any:
    for loss in losses:
        if value is not None and concerns(loss, column.source):
            value = kept_value(value, loss)
    if value is None:
        return None
    if isinstance(value, list) and not column.array and schema.missing == "empty":
        raise NotRepresentable(f"{schema.name}.{column.name} is scalar; a list cannot be stored in it")
    derived = derive(column.derive, value)
    return None if derived is None else _typed(derived, column.type, schema)


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
