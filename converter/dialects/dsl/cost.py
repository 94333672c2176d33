"""What an Elasticsearch search body asks, operator by operator: `converter.dialects.costing`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from converter.core.errors import QueryError
from converter.core.platform import Schema
from converter.dialects.costing import All, AnyOf, Asked, Negated, Search, Test, conjuncts
from converter.dialects.elastic_cost import regex_fact, wildcard_fact
from converter.dialects.lucene.cost import asked as asked_of_string
from converter.dialects.lucene.syntax import parse

_TEXT = {"term": "value", "prefix": "value", "wildcard": "value", "regexp": "value", "match": "query"}


def cost(text: str, schema: Schema) -> tuple[Search, ...]:
    """One search for each named alternative, or one. Raises QueryError for what is no search body."""
    try:
        query = json.loads(text)["query"]
    except (ValueError, KeyError, TypeError) as error:
        raise QueryError(f"no search body with a query: {error}") from None
    return tuple(Search(tuple(conjuncts([part]))) for part in _alternatives(query))


def _alternatives(query: Mapping[str, Any]) -> Iterator[Asked]:
    body = query.get("bool", {})
    named = [one for one in body.get("should", []) if "_name" in json.dumps(one)]
    if not named:
        yield _asked(query)
        return
    around = [_asked(one) for one in _list(body.get("filter", []))]
    for one in named:
        yield All((*around, _asked(one)))


def _list(given: object) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _asked(query: Mapping[str, Any]) -> Asked:
    kind, body = next(iter(query.items()))
    if kind == "bool":
        parts = [_asked(one) for name in ("filter", "must") for one in _list(body.get(name, []))]
        if body.get("should"):
            parts.append(AnyOf(tuple(map(_asked, _list(body["should"])))))
        parts += [Negated(_asked(one)) for one in _list(body.get("must_not", []))]
        return All(tuple(parts))
    if kind == "query_string":
        return asked_of_string(parse(body["query"]))
    if kind == "constant_score":
        return _asked(body["filter"])
    if kind in ("match_all", "match_none"):
        return Test(("*",), kind, "exists")
    if kind == "exists":
        return Test((body["field"],), kind, "exists")
    field, given = next((name, value) for name, value in body.items() if name not in ("boost", "_name"))
    return _of_field(kind, field, given)


def _of_field(kind: str, field: str, given: object) -> Test:
    if kind == "range":
        return Test((field,), kind, "range")
    found = given.get(_TEXT.get(kind, ""), "") if isinstance(given, Mapping) else given
    values = tuple(map(str, _list(found)))
    facts = {"wildcard": wildcard_fact(values), "regexp": regex_fact(values), "prefix": "prefix"}
    return Test((field,), kind, facts.get(kind, "term"), values)
