"""A schema as Elasticsearch mappings, and records as documents."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from converter.core.platform import Record, Schema

#: What Elastic Defend's `.caseless` multi-fields use.
ANALYSIS = {"normalizer": {"lowercase": {"type": "custom", "filter": ["lowercase"]}}}

# https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create (naming rules)
_ILLEGAL_IN_NAME = re.compile(r"[^a-z0-9._-]")


def stream_name(table: str) -> str:
    """A table's name as a legal name of an index or alias; a data stream's name is one already."""
    return _ILLEGAL_IN_NAME.sub("-", table.lower()).lstrip("-_.") or "records"


def mapping(types: Mapping[str, str], stand_ins: Mapping[str, str]) -> dict[str, Any]:
    """The mapping of one table: column -> type, a type that is not to be had replaced by its stand-in.

    `strict`, since a dynamic mapping would guess the type of a column that the schema does not know. A column below
    another one that holds values is a multi-field, fed by its parent and given in no record:
    https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/multi-fields
    """
    properties: dict[str, Any] = {}
    for name, type_ in types.items():
        parent, _, last = name.rpartition(".")
        mapped = _field(type_, last, stand_ins)
        if parent in types and types[parent] not in ("object", "nested"):
            above = properties.setdefault(parent, _field(types[parent], parent, stand_ins))
            above.setdefault("fields", {})[last] = mapped
        elif type_ != "object" and not name.startswith("_"):
            properties.setdefault(name, mapped)
    return {"dynamic": "strict", "properties": properties}


def _field(type_: str, last: str, stand_ins: Mapping[str, str]) -> dict[str, Any]:
    if last == "caseless":
        return {"type": "keyword", "normalizer": "lowercase"}
    return {"type": stand_ins.get(type_, type_)}


def document(record: Record, schema: Schema) -> str:
    """The record as JSON. Dotted names are allowed in a document; `_id` is metadata and stays out.

    https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/subobjects
    """
    out = {
        name: v
        for name, v in record.fields.items()
        if name != schema.identity_of(record.table) or not name.startswith("_")
    }
    return json.dumps(out)


def flat(source: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A `_source` with dotted names instead of nested objects, as records are written."""
    out: dict[str, Any] = {}
    for name, value in source.items():
        if isinstance(value, Mapping):
            out.update(flat(value, f"{prefix}{name}."))
        else:
            out[f"{prefix}{name}"] = value
    return out
