"""Reads an Elasticsearch search body (Query DSL) back to what it means.

What a single query on a field is true of is in `lucene.reader.Fields`: both languages end in the same queries.
https://www.elastic.co/docs/reference/query-languages/querydsl
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from converter.core.errors import OutOfFragment, QueryError
from converter.core.platform import Schema
from converter.dialects.lucene import reader as lucene
from converter.dialects.lucene.reader import Fields, fold, regexp, wildcard, window_minutes, within
from converter.dialects.reading import Branch
from converter.semantics.decide.predicate import FALSE, TRUE, Predicate, conjunction, disjunction, negation
from converter.semantics.regular import lucene_limits as limits
from converter.semantics.regular.language import ANY_STRING, Seq

#: Per query on one field: the parameter holding its value, and the other parameters it may carry. `boost`, `rewrite`
#: and `max_determinized_states` change scores and speed, not what matches.
_ON_FIELD: Mapping[str, tuple[str, frozenset[str]]] = {
    "term": ("value", frozenset({"case_insensitive"})),
    "wildcard": ("value", frozenset({"case_insensitive", "rewrite"})),
    "prefix": ("value", frozenset({"case_insensitive", "rewrite"})),
    "regexp": ("value", frozenset({"case_insensitive", "rewrite", "flags", "max_determinized_states"})),
    "match": ("query", frozenset()),
    "match_phrase": ("query", frozenset()),
    "range": ("", frozenset({"gt", "gte", "lt", "lte"})),
}
#: Queries of Elasticsearch's that have no Predicate here; any other name is an error.
_UNCOVERED = re.compile(
    r"match_phrase_prefix|match_bool_prefix|multi_match|simple_query_string|fuzzy|nested|script|ids"
    r"|terms_set|intervals|dis_max|boosting|function_score|script_score|geo_\w+|has_child|has_parent"
)
#: More combinations than this of `minimum_should_match` are not written out.
MAX_COMBINATIONS = 100
_BODY = frozenset({"query", "_source", "sort", "size", "track_total_hits"})
_BOOL = frozenset({"filter", "must", "should", "must_not", "minimum_should_match", "boost", "_name"})


@dataclass(frozen=True)
class _Part:
    """One alternative of the whole query: a named query makes a branch of its own."""

    predicate: Predicate
    label: str | None = None
    window: int | None = None


def read(text: str, schema: Schema) -> tuple[Branch, ...]:
    """One branch, or one per named query (`_name`) of an outermost `should`, labelled `DetectionType`.

    Raises QueryError for what Elasticsearch refuses, a field that the schema doesn't map, or a query unknown here, and
    OutOfFragment for a known query or parameter that has no Predicate.
    """
    body = _parse(text)
    if unknown := sorted(set(body) - _BODY):
        raise OutOfFragment(f"the key {unknown[0]!r} of a search body")
    nested, tests = _size(body.get("query"))
    within(limits.nested(nested))
    within(limits.clauses(tests))
    reader = _Reader(Fields.of(schema), schema)
    parts = reader.parts(body["query"]) if "query" in body else [_Part(TRUE)]
    if _count_names(body.get("query")) != sum(part.label is not None for part in parts):
        raise OutOfFragment("a named query that is not an alternative of the whole query")
    reader.check_sort(body.get("sort", []))
    columns = _columns(body.get("_source"))
    return tuple(
        Branch((), p.predicate, p.window, {"DetectionType": p.label} if p.label is not None else {}, columns)
        for p in parts
    )


class _Reader:
    def __init__(self, fields: Fields, schema: Schema) -> None:
        self.fields, self.schema = fields, schema

    def parts(self, query: object) -> list[_Part]:
        """The alternatives of a query that stands where only conjunctions and named alternatives are above it."""
        kind, body = _single(query)
        if kind == "range" and self.fields.time in body:
            return [_Part(TRUE, _name(body), self._window(body))]
        if kind != "bool":
            return [_Part(self.predicate(query), _name(body))]
        clauses, required = _clauses(body)
        rows = [_Part(negation(disjunction(list(map(self.predicate, clauses["must_not"])))), _name(body))]
        for clause in (*clauses["must"], *clauses["filter"]):
            rows = [_both(row, part) for row in rows for part in self.parts(clause)]
        should = clauses["should"]
        if required == 1 and should and all(map(_count_names, should)):
            alternatives = [part for clause in should for part in self.parts(clause)]
            return [_both(row, part) for row in rows for part in alternatives]
        met = _Part(_at_least(required, list(map(self.predicate, should))))
        return [_both(row, met) for row in rows]

    def predicate(self, query: object) -> Predicate:
        """What a query is true of, wherever it stands."""
        kind, body = _single(query)
        if kind == "bool":
            clauses, required = _clauses(body)
            met = [*map(self.predicate, (*clauses["must"], *clauses["filter"]))]
            met.append(_at_least(required, list(map(self.predicate, clauses["should"]))))
            return conjunction([*met, negation(disjunction(list(map(self.predicate, clauses["must_not"]))))])
        if kind in ("match_all", "match_none"):
            _only(body, frozenset(), kind)
            return TRUE if kind == "match_all" else FALSE
        if kind == "exists":
            _only(body, frozenset({"field"}), kind)
            return self.fields.exists(_required(body, "field"))
        if kind == "constant_score":
            _only(body, frozenset({"filter"}), kind)
            return self.predicate(body.get("filter"))
        if kind == "query_string":
            return self._query_string(body)
        if kind == "terms":
            field, values = _one_field(kind, body)
            if not isinstance(values, list):
                raise OutOfFragment("a terms query that isn't a list of values")
            return self.fields.equal(field, values)
        if kind in _ON_FIELD:
            return self._on_field(kind, *_one_field(kind, body))
        raise (OutOfFragment if _UNCOVERED.fullmatch(kind) else QueryError)(f"the query {kind!r}")

    def _query_string(self, body: Mapping[str, Any]) -> Predicate:
        """A Lucene query string as Kibana asks it, which analyses wildcards."""
        _only(body, frozenset({"query", "analyze_wildcard"}), "query_string")
        if body.get("analyze_wildcard") is not True:
            raise OutOfFragment("a query_string without analyze_wildcard")
        (branch,) = lucene.read(_required(body, "query"), self.schema)
        if branch.window_minutes is not None:
            raise OutOfFragment("a time range in a query_string")
        return branch.predicate

    def _on_field(self, kind: str, field: str, given: object) -> Predicate:
        key, allowed = _ON_FIELD[kind]
        options = given if isinstance(given, Mapping) else {key: given}
        _only(options, allowed | {key}, kind)
        if kind == "range":
            if ("gt" in options and "gte" in options) or ("lt" in options and "lte" in options):
                raise OutOfFragment(f"a range on {field!r} with two bounds on one side")
            low, high = (options.get(a, options.get(b)) for a, b in (("gt", "gte"), ("lt", "lte")))
            return self.fields.between(field, low, high, "gt" in options, "lt" in options)
        ignore_case = options.get("case_insensitive", False)
        if not isinstance(ignore_case, bool):
            raise QueryError(f"case_insensitive is {ignore_case!r}, not true or false")
        if kind in ("term", "match", "match_phrase"):
            return self.fields.equal(field, [options.get(key)], ignore_case)
        pattern = _required(options, key)
        if kind == "prefix":
            within(limits.prefix(pattern))
            return self.fields.matching(field, Seq((fold(pattern, ignore_case), ANY_STRING)))
        if kind == "wildcard":
            if not pattern:
                raise OutOfFragment("an empty wildcard pattern, which matches nothing, not the empty text")
            return self.fields.matching(field, wildcard(pattern, ignore_case))
        return self.fields.matching(field, regexp(pattern, ignore_case, str(options.get("flags", "ALL"))))

    def _window(self, body: Mapping[str, Any]) -> int:
        _, options = _one_field("range", body)
        if not isinstance(options, Mapping) or not {"gt", "gte"} & set(options):
            raise OutOfFragment("a time range without a lower bound")
        _only(options, _ON_FIELD["range"][1], "range")
        if any(options.get(key, "now") != "now" for key in ("lt", "lte")):
            raise OutOfFragment("a time range that doesn't end now")
        return window_minutes(options.get("gt", options.get("gte")))

    def check_sort(self, sort: object) -> None:
        """The order doesn't change what matches, but sorting by a field that no index maps is an error."""
        for key in sort if isinstance(sort, list) else [sort]:
            field = next(iter(key), "") if isinstance(key, Mapping) else key
            if field not in ("_score", "_doc"):
                self.fields.kind(str(field))


def _parse(text: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise QueryError("a search body with one key twice in an object")
        return dict(pairs)

    try:
        body = json.loads(text, object_pairs_hook=unique)
    except ValueError as error:
        raise QueryError(f"the search body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise QueryError("the search body is not a JSON object")
    return body


def _single(query: object) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(query, Mapping) or len(query) != 1:
        raise QueryError(f"a query is an object with one key, not {json.dumps(query)[:80]}")
    kind, body = next(iter(query.items()))
    if not isinstance(body, Mapping):
        raise QueryError(f"the query {kind!r} is not an object")
    return kind, body


def _clauses(body: Mapping[str, Any]) -> tuple[dict[str, list[object]], int]:
    """The clauses of a bool query by kind, and how many of `should` must hold.

    Without `must` and `filter` one of `should` must hold even where the minimum says 0; where all three are empty it
    says nothing (measured on 8.19.21).
    https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-bool-query#bool-min-should-match
    """
    if unknown := sorted(set(body) - _BOOL):
        raise QueryError(f"the key {unknown[0]!r} of a bool query")
    clauses: dict[str, list[object]] = {}
    for name in ("must", "filter", "should", "must_not"):
        given = body.get(name, [])
        clauses[name] = given if isinstance(given, list) else [given]
    minimum = body.get("minimum_should_match", 0)
    if isinstance(minimum, bool) or not re.fullmatch(r"\d+", str(minimum), re.ASCII):
        raise OutOfFragment(f"minimum_should_match {minimum!r}")
    least = 0 if clauses["must"] or clauses["filter"] or not clauses["should"] else 1
    counts = clauses["must"] or clauses["filter"] or clauses["should"]
    return clauses, max(int(minimum), least) if counts else 0


def _at_least(required: int, parts: list[Predicate]) -> Predicate:
    if required <= 0:
        return TRUE
    if required == 1:
        return disjunction(parts)
    if math.comb(len(parts), required) > MAX_COMBINATIONS:
        raise OutOfFragment(f"{required} of {len(parts)} alternatives")
    return disjunction(conjunction(some) for some in combinations(parts, required))


def _both(one: _Part, other: _Part) -> _Part:
    if one.label is not None and other.label is not None:
        raise OutOfFragment("a named query inside another one")
    windows = [part.window for part in (one, other) if part.window is not None]
    label = one.label if one.label is not None else other.label
    return _Part(conjunction((one.predicate, other.predicate)), label, min(windows, default=None))


def _size(query: object) -> tuple[int, int]:
    """How deep the queries nest, and how many of them are tests."""
    if not isinstance(query, Mapping):
        return 0, 0
    inner: list[object] = []
    for kind, body in query.items():
        if kind in ("bool", "constant_score") and isinstance(body, Mapping):
            for name in ("must", "filter", "should", "must_not"):
                found = body.get(name, [])
                inner += found if isinstance(found, list) else [found]
        if kind == "query_string" and isinstance(body, Mapping) and isinstance(body.get("query"), str):
            return 1, lucene.tests(body["query"])
    sizes = list(map(_size, inner))
    return 1 + max((deep for deep, _ in sizes), default=0), sum(tests for _, tests in sizes) or 1


def _count_names(node: object) -> int:
    if isinstance(node, Mapping):
        return ("_name" in node) + sum(map(_count_names, node.values()))
    return sum(map(_count_names, node)) if isinstance(node, list) else 0


def _name(body: Mapping[str, Any]) -> str | None:
    """The `_name` of a query, which stands beside its field or among the field's parameters."""
    for place in (body, *(value for value in body.values() if isinstance(value, Mapping))):
        if isinstance(place.get("_name"), str):
            return str(place["_name"])
    return None


def _one_field(kind: str, body: Mapping[str, Any]) -> tuple[str, object]:
    fields = [name for name in body if name not in ("boost", "_name")]
    if len(fields) != 1:
        raise QueryError(f"a {kind} query is on one field, not on {len(fields)}")
    return fields[0], body[fields[0]]


def _only(given: Mapping[str, Any], allowed: frozenset[str], kind: str) -> None:
    if unknown := sorted(set(given) - allowed - {"boost", "_name"}):
        raise OutOfFragment(f"the parameter {unknown[0]!r} of a {kind} query")


def _required(given: Mapping[str, Any], key: str) -> str:
    if not isinstance(given.get(key), str):
        raise QueryError(f"{key!r} must be a string, not {given.get(key)!r}")
    return str(given[key])


def _columns(source: object) -> tuple[str, ...] | None:
    if source is None or source is True:
        return None
    names = [] if source is False else [source] if isinstance(source, str) else source
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise OutOfFragment("a _source that isn't a list of fields")
    return tuple(names)
