"""The reader of Query DSL, against the engine that executes it and against the meaning written here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.errors import OutOfFragment, QueryError
from converter.core.platform import Record
from converter.dialects.dsl.reader import read
from converter.engines.elastic.query_dsl_osmem import ENGINE
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import FALSE, Addresses, Atom, Numbers
from tests.dialects.schemas import schema

TYPES = {"k": "keyword", "w": "wildcard", "ip": "ip", "n": "long", "b": "boolean", "@timestamp": "date", "t": "text"}
MIXED = {"k": "keyword", "mixed": "keyword", "x.caseless": "keyword"}
SCHEMA = schema({"one": {**TYPES, "mixed": "long"}, "two": MIXED})
PLAIN = schema({"one": TYPES})

ROWS: list[dict[str, Any]] = [
    *(
        {field: v}
        for field in "kw"
        for v in ("a", "A", "b", "ab", "AB", "a\\b", "a*b", "a?b", "a\nb", "a.b", "", "ä", "1")
    ),
    {"k": ["a", "b"]},
    {"k": ["b", "ab"], "n": 80},
    *({"ip": v} for v in ("10.0.0.1", "::ffff:10.0.0.1", "11.0.0.1", "fc00::1", "::1", "::10.0.0.1")),
    {"ip": ["10.9.9.9", "8.8.8.8"]},
    *({"n": v} for v in (79, 80, 443, -1, [1, 2])),
    {"b": True},
    {"b": False},
    {},
]
RECORDS = [Record("one", row) for row in ROWS]


def meant(query: dict[str, Any]) -> list[int]:
    branches = read(json.dumps({"query": query}), SCHEMA)
    return [i for i, row in enumerate(ROWS) if any(holds(branch.predicate, row) for branch in branches)]


def executed(query: dict[str, Any]) -> list[int]:
    return sorted(hit.position for hit in ENGINE.run(json.dumps({"query": query}), RECORDS, PLAIN))


def insensitive(kind: str, value: str) -> dict[str, Any]:
    return {kind: {"k": {"value": value, "case_insensitive": True}}}


A, B, N = {"term": {"k": "a"}}, {"term": {"k": "b"}}, {"exists": {"field": "n"}}
QUERIES: list[dict[str, Any]] = [
    {"match_all": {}},
    {"match_none": {}},
    *({kind: {f: v}} for f in "kw" for kind in ("term", "prefix", "regexp") for v in ("a", "ab", "", "1")),
    *({"wildcard": {f: v}} for f in "kw" for v in ("a", "ab", "1")),
    *(
        {"wildcard": {f: v}}
        for f in "kw"
        for v in ("a*", "*b", "a?b", r"a\*b", r"a\?b", r"a\\b", r"a\\*", r"a\b", "*", "a\\")
    ),
    *({"regexp": {"k": v}} for v in ("a.b", r"a\\b", r"a[\\.]b", "[a-b]+", "[^a]*", 'a"*"b', r"a\*b", "(a|A)b?", "a@")),
    *(insensitive(kind, v) for kind in ("term", "wildcard", "prefix", "regexp") for v in ("a", "AB", "a.?b")),
    insensitive("wildcard", "Ä"),
    insensitive("regexp", "[a-b]"),
    {"regexp": {"k": {"value": "a@", "flags": "NONE"}}},
    {"wildcard": {"k": "a\n*"}},
    {"terms": {"k": ["a", "ab", "zz"]}},
    {"terms": {"k": []}},
    {"term": {"k": 1}},
    {"match_phrase": {"k": "a.b"}},
    {"match": {"k": {"query": "ab"}}},
    *({"exists": {"field": f}} for f in ("k", "w", "ip", "n", "b", "@timestamp")),
    *(
        {"term": {"ip": v}}
        for v in ("10.0.0.1", "::ffff:10.0.0.1", "10.0.0.9/8", "::/0", "::/96", "0.0.0.0/0", "::1/128")
    ),
    {"terms": {"ip": ["10.0.0.0/8", "fc00::/7", "::1/128"]}},
    {"range": {"ip": {"gt": "10.0.0.1", "lte": "fc00::1"}}},
    {"range": {"ip": {"gte": "::2"}}},
    *({"term": {"n": v}} for v in (80, "80", -1)),
    {"terms": {"n": [80, 79, "443"]}},
    *(
        {"range": {"n": v}}
        for v in ({"gt": 79}, {"gte": 79, "lt": 443}, {"lte": "80"}, {"gt": 80, "lt": 81}, {"gte": 2, "lte": 1})
    ),
    {"term": {"b": True}},
    {"terms": {"b": ["false"]}},
    {"constant_score": {"filter": A, "boost": 2.0}},
    {"query_string": {"query": "k:(a OR b*) AND NOT k:bc", "analyze_wildcard": True}},
    {"bool": {"must_not": [{"query_string": {"query": "n:80", "analyze_wildcard": True}}]}},
    {"bool": {}},
    {"bool": {"must": A, "filter": [B]}},
    {"bool": {"must_not": [A, N]}},
    {"bool": {"should": [A, B]}},
    {"bool": {"should": [A, B], "filter": [N]}},
    {"bool": {"should": [A, B], "minimum_should_match": 0}},
    {"bool": {"should": [A, B], "must_not": [N]}},
    {"bool": {"should": [A, B, N], "minimum_should_match": 2}},
    {"bool": {"should": [A, B], "filter": [N], "minimum_should_match": "1"}},
    {"bool": {"should": [A], "minimum_should_match": 2}},
    {"bool": {"must_not": {"bool": {"must_not": [A], "should": [B, N]}}}},
]


@pytest.mark.parametrize("query", QUERIES, ids=json.dumps)
def test_the_reading_agrees_with_the_engine(query: dict[str, Any]) -> None:
    """What is read is true of exactly the records that the server returns."""
    assert meant(query) == executed(query)


LEAVES = st.sampled_from([q for q in QUERIES if "bool" not in q])
KINDS = ("must", "filter", "should", "must_not")


def _bools(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    clauses = st.dictionaries(st.sampled_from(KINDS), st.lists(inner, max_size=3), max_size=4)
    minimum = st.one_of(st.just({}), st.integers(0, 3).map(lambda n: {"minimum_should_match": n}))
    # without a clause that counts, the embedded server does not ignore the minimum (docs/osmem.md)
    return st.tuples(clauses, minimum).map(
        lambda pair: {"bool": {**pair[0], **(pair[1] if any(pair[0].get(k) for k in KINDS[:3]) else {})}}
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(LEAVES, _bools, max_leaves=8))
def test_any_nesting_agrees_with_the_engine(query: dict[str, Any]) -> None:
    """Boolean clauses mean what the server does, however they are nested and whatever the minimum."""
    assert meant(query) == executed(query)


def test_only_ascii_folds() -> None:
    """Elasticsearch documents ASCII folding for case_insensitive; the server folds more, so it is not asked here."""
    assert meant(insensitive("term", "Ä")) == []
    assert meant(insensitive("term", "B")) == [
        i for i, row in enumerate(ROWS) if row.get("k") in ("b", ["a", "b"], ["b", "ab"])
    ]


def test_an_ip_field_holds_one_space_of_addresses() -> None:
    """A v4 block takes in the mapped form of its addresses, a v6 block that spans them the v4 form; `::/96` doesn't."""
    mapped = 0xFFFF << 32

    def ranges(block: str) -> object:
        return read(json.dumps({"query": {"term": {"ip": block}}}), SCHEMA)[0].predicate

    assert ranges("10.0.0.0/31") == Atom(
        "ip", Addresses(((4, 10 << 24, (10 << 24) + 1), (6, mapped + (10 << 24), mapped + (10 << 24) + 1)))
    )
    assert ranges("::/0") == Atom("ip", Addresses(((4, 0, 2**32 - 1), (6, 0, 2**128 - 1))))
    assert ranges("::/96") == Atom("ip", Addresses(((6, 0, 2**32 - 1),)))


def test_numbers_are_merged() -> None:
    """Numbers are sorted and disjoint, neighbours joined; an empty range is false."""
    numbers = read('{"query": {"terms": {"n": [443, 80, 81, "80"]}}}', SCHEMA)[0].predicate
    assert numbers == Atom("n", Numbers(((80, 81), (443, 443))))
    assert read('{"query": {"range": {"n": {"gt": 1, "lt": 2}}}}', SCHEMA)[0].predicate == FALSE


NOW = {"range": {"@timestamp": {"gte": "now-24h"}}}


@pytest.mark.parametrize(
    ("query", "minutes"),
    [
        (A, None),
        (NOW, 1440),
        ({"bool": {"filter": [NOW, A]}}, 1440),
        (
            {"bool": {"must": [{"bool": {"filter": [{"range": {"@timestamp": {"gt": "now-7d", "lte": "now"}}}]}}]}},
            10080,
        ),
        ({"bool": {"filter": [NOW, {"range": {"@timestamp": {"gte": "now-90m"}}}]}}, 90),
    ],
)
def test_the_time_window_is_apart_from_the_predicate(query: dict[str, Any], minutes: int | None) -> None:
    """A lower bound on the time column among the outermost conditions is the window, the narrowest of several."""
    assert [branch.window_minutes for branch in read(json.dumps({"query": query}), SCHEMA)] == [minutes]


def test_named_alternatives_are_branches_with_labels() -> None:
    """Each named query of the outermost should is a branch that carries the common conditions."""
    named = [
        {"bool": {"filter": [A], "_name": "First"}},
        {"term": {"k": {"value": "b", "_name": "Second"}}},
        {"terms": {"k": ["zz"], "_name": "Third"}},
    ]
    body = {
        "query": {"bool": {"filter": [NOW, N], "should": named, "minimum_should_match": 1}},
        "_source": ["@timestamp", "k"],
        "sort": [{"@timestamp": {"order": "desc"}}],
        "size": 100,
    }
    first, second, third = read(json.dumps(body), SCHEMA)
    assert [branch.labels for branch in (first, second, third)] == [
        {"DetectionType": "First"},
        {"DetectionType": "Second"},
        {"DetectionType": "Third"},
    ]
    assert {branch.columns for branch in (first, second, third)} == {("@timestamp", "k")}
    assert {branch.window_minutes for branch in (first, second, third)} == {1440}
    row = {"k": "b", "n": 1}
    assert (holds(first.predicate, row), holds(second.predicate, row)) == (False, True)
    assert not holds(second.predicate, {"k": "b"}), "the common condition belongs to each branch"


REFUSED: list[tuple[type[Exception], Any]] = [
    (QueryError, {"zork": {}}),
    (QueryError, {}),
    (QueryError, {"term": "a"}),
    (QueryError, {"term": {"k": "a", "w": "b"}}),
    (QueryError, {"term": {"k": None}}),
    (QueryError, {"term": {"k": {}}}),
    (QueryError, {"term": {"unmapped": "a"}}),
    (QueryError, {"bool": {"must_not": [{"exists": {"field": "unmapped"}}]}}),
    (QueryError, {"exists": {}}),
    (QueryError, {"bool": {"zork": []}}),
    (QueryError, {"bool": {"must": ["a"]}}),
    (QueryError, {"term": {"ip": "nope"}}),
    (QueryError, {"term": {"ip": "10.0.0.0/33"}}),
    (QueryError, {"term": {"ip": "::ffff:10.0.0.0/104"}}),
    (QueryError, {"term": {"n": "x"}}),
    (QueryError, {"term": {"n": 10**20}}),
    (QueryError, {"term": {"b": "yes"}}),
    (QueryError, {"wildcard": {"ip": "10.*"}}),
    (QueryError, {"regexp": {"n": "8.*"}}),
    (QueryError, {"prefix": {"n": "8"}}),
    (QueryError, {"term": {"n": {"value": 80, "case_insensitive": True}}}),
    (QueryError, {"term": {"k": {"value": "a", "case_insensitive": "yes"}}}),
    (QueryError, {"regexp": {"k": "a("}}),
    (QueryError, {"regexp": {"k": "a" * 1001}}),
    (QueryError, {"bool": {"must_not": [{"match_all": {}}, {"term": {"n": "x"}}]}}),
    (QueryError, {"bool": {"should": [{"match_all": {}}, {"term": {"n": "x"}}]}}),
    (OutOfFragment, {"query_string": {"query": "k:a"}}),
    (OutOfFragment, {"query_string": {"query": "k:a", "analyze_wildcard": True, "default_operator": "AND"}}),
    (OutOfFragment, {"query_string": {"query": "k:a AND @timestamp:[now-1h TO now]", "analyze_wildcard": True}}),
    (QueryError, {"query_string": {"query": "nowhere:a", "analyze_wildcard": True}}),
    (OutOfFragment, {"match_phrase": {"t": "a"}}),
    (OutOfFragment, {"term": {"mixed": "a"}}),
    (OutOfFragment, {"term": {"x.caseless": "a"}}),
    (OutOfFragment, {"term": {"@timestamp": "2026-11-24"}}),
    (OutOfFragment, {"bool": {"should": [NOW, A]}}),
    (OutOfFragment, {"bool": {"must_not": [NOW]}}),
    (OutOfFragment, {"range": {"@timestamp": {"gte": "now-1d/d"}}}),
    (OutOfFragment, {"range": {"@timestamp": {"gte": "now-1M"}}}),
    (OutOfFragment, {"range": {"@timestamp": {"lt": "now-1h"}}}),
    (OutOfFragment, {"range": {"@timestamp": {"gte": "now-2h", "lt": "now-1h"}}}),
    (OutOfFragment, {"range": {"@timestamp": {"gte": "now-2h", "time_zone": "+01:00"}}}),
    (OutOfFragment, {"range": {"k": {"gte": "a"}}}),
    (OutOfFragment, {"range": {"n": {"gt": 1, "gte": 2}}}),
    (OutOfFragment, {"bool": {"should": [A, B], "minimum_should_match": "50%"}}),
    (OutOfFragment, {"bool": {"should": [A] * 20, "minimum_should_match": 10}}),
    (OutOfFragment, {"term": {"k": {"value": "a", "zork": 1}}}),
    (OutOfFragment, {"terms": {"k": {"index": "i", "id": "1", "path": "p"}}}),
    (OutOfFragment, {"regexp": {"k": "a~b"}}),
    (OutOfFragment, {"wildcard": {"k": ""}}),
    (OutOfFragment, {"regexp": {"k": {"value": "ä", "case_insensitive": True}}}),
    (OutOfFragment, {"bool": {"must_not": [{"term": {"k": {"value": "a", "_name": "X"}}}]}}),
    (OutOfFragment, {"bool": {"should": [A, {"term": {"k": {"value": "a", "_name": "X"}}}]}}),
]


@pytest.mark.parametrize(("error", "query"), REFUSED, ids=lambda value: str(value)[:60])
def test_refusals(error: type[Exception], query: Any) -> None:
    """What Elasticsearch refuses, or what can only match nothing, is a QueryError; what isn't covered says so."""
    with pytest.raises(error):
        read(json.dumps({"query": query}), SCHEMA)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (QueryError, "{"),
        (QueryError, "[]"),
        (QueryError, '{"query": {"match_all": {}}, "query": {"match_none": {}}}'),
        (QueryError, '{"sort": [{"unmapped": "desc"}]}'),
        (OutOfFragment, '{"aggs": {}}'),
        (OutOfFragment, '{"from": 10}'),
        (OutOfFragment, '{"_source": {"excludes": ["k"]}}'),
    ],
)
def test_refused_bodies(error: type[Exception], text: str) -> None:
    """A body is JSON with each key once, and only keys that don't change what matches."""
    with pytest.raises(error):
        read(text, SCHEMA)


def test_a_body_without_a_query_returns_everything() -> None:
    """As Elasticsearch does; `_source` false is no column, no `_source` all of them."""
    assert read('{"_source": false, "sort": "_doc"}', SCHEMA)[0].columns == ()
    branch = read("{}", SCHEMA)[0]
    assert branch.columns is None
    assert holds(branch.predicate, {})
