"""How a projected record is compared with one in the vendor's own shape."""

from __future__ import annotations

from typing import Any

from converter.core.discovery import schemas
from converter.core.platform import Column, Kind, Loss, Schema
from converter.platforms.effects import concerns
from converter.platforms.evidence import Exhibit
from converter.platforms.forms import is_further, named
from converter.platforms.losses import losses_of
from converter.platforms.project import project

#: every kind of record of every platform
ALL = [(schema, kind) for schema in schemas().values() for kind in schema.kinds]
#: those that are not a further form of another kind's values
PLAIN = [(s, k) for s, k in ALL if not any(map(is_further, k.columns))]


def name(pair: tuple[Schema, Kind]) -> str:
    return f"{pair[0].name}-{pair[1].name}"


def differences(schema: Schema, kind: Kind, exhibit: Exhibit) -> dict[str, tuple[Any, Any]]:
    """column -> (projected, in the vendor's record) where the two differ.

    Columns that no event fills, the time and the identity are left aside, an empty text is a missing one where the
    platform has no other, fields whose case a named loss gives up are compared without it, and a value that may be
    written in several forms may have any of them.
    """
    projected = project(schema, kind, exhibit.event, 1, "").fields
    aside = {schema.time, schema.identity_of(kind.table), *exhibit.unmodelled}
    losses = {column.name: _losses(column, kind, schema) for column in kind.columns}
    found: dict[str, tuple[Any, Any]] = {}
    for name in (projected.keys() | exhibit.record.keys()) - aside:
        theirs = exhibit.record.get(name)
        ours = _written(projected.get(name), losses.get(name, ()))
        caseless = any(loss.effect == "any_case" for loss in losses.get(name, ()))
        if _plain(theirs, caseless, schema) not in [_plain(value, caseless, schema) for value in ours]:
            found[name] = projected.get(name), theirs
    return found


def _losses(column: Column, kind: Kind, schema: Schema) -> tuple[Loss, ...]:
    return tuple(loss for loss in losses_of(kind, schema) if concerns(loss, column.source))


def _written(value: Any, losses: tuple[Loss, ...]) -> list[Any]:
    """The value in each form in which a record may have it."""
    forms = [named(form) for loss in losses if loss.effect in ("escapes", "suffixed") for form in loss.values]
    return [value, *(form.value(value) for form in forms if isinstance(value, str))]


def _plain(value: Any, caseless: bool, schema: Schema) -> Any:
    if isinstance(value, list) and len(value) == 1 and schema.missing == "absent":
        # https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/array: one value, or a list of one
        return _plain(value[0], caseless, schema)
    if isinstance(value, list):
        return [_plain(item, caseless, schema) for item in value]
    if value == "" and schema.missing == "empty":
        return None
    return value.lower() if caseless and isinstance(value, str) else value
