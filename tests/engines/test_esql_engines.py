"""The two ES|QL engines: each answer is documented by Elastic, and the two agree on what the tables don't list."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.engines.esql_as_sql import ENGINE as SQL
from converter.engines.esql_interpreter import ENGINE as INTERPRETER
from converter.errors import EngineUnavailable, QueryError
from converter.model import Engine, Kind, Record, Schema

TYPES = {
    "@timestamp": "date",
    "s": "keyword",
    "t": "wildcard",
    "event.category": "keyword",
    "n": "long",
    "ip": "ip",
    "b": "boolean",
    "geo": "geo_point",
}
SCHEMA = Schema(
    "test",
    (Kind("x/y", "logs-a-default", (), {}, {"event.category": ["process"]}),),
    "@timestamp",
    "_id",
    "absent",
    {"logs-a-default": TYPES, "logs-b-default": TYPES | {"n": "keyword"}, "other": {"only": "keyword"}},
)
ENGINES = [INTERPRETER, SQL]


@pytest.fixture(params=ENGINES, ids=lambda engine: str(engine.name))
def engine(request: pytest.FixtureRequest) -> Engine:
    try:
        request.param.run("FROM logs-a-*", [], SCHEMA)
    except EngineUnavailable as fault:
        pytest.skip(fault.message)
    chosen: Engine = request.param
    return chosen


def selected(engine: Engine, condition: str, *rows: dict[str, Any]) -> list[int]:
    records = [Record("logs-a-default", row) for row in rows]
    return [hit.position for hit in engine.run(f"FROM logs-a-* | WHERE {condition}", records, SCHEMA)]


BACKSLASHES = r'"*\\\\inetpub\\\\*"'
# condition, rows, positions kept
CONDITIONS: list[tuple[str, list[dict[str, Any]], list[int]]] = [
    # case: everything is sensitive
    ('s == "cmd"', [{"s": "cmd"}, {"s": "CMD"}, {}], [0]),
    ('TO_LOWER(s) == "cmd"', [{"s": "cmd"}, {"s": "CMD"}, {}], [0, 1]),
    ('TO_UPPER(s) IN ("CMD", "X")', [{"s": "cmd"}, {"s": "x"}, {"s": "y"}], [0, 1]),
    # null: kept only where the condition is true
    ('s != "a"', [{"s": "a"}, {"s": "b"}, {}], [1]),
    ('NOT s == "a"', [{"s": "a"}, {"s": "b"}, {}], [1]),
    ('s NOT IN ("a")', [{"s": "a"}, {"s": "b"}, {}], [1]),
    ('s NOT IN ("a", null)', [{"s": "a"}, {"s": "b"}], []),
    ('s IN ("a", null)', [{"s": "a"}, {"s": "b"}], [0]),
    ('s NOT LIKE "a*"', [{"s": "ab"}, {"s": "b"}, {}], [1]),
    ('s IS NULL OR NOT s LIKE "a*"', [{"s": "ab"}, {"s": "b"}, {}], [1, 2]),
    ('NOT COALESCE(s LIKE "a*", false)', [{"s": "ab"}, {"s": "b"}, {}], [1, 2]),
    ('s == "a" OR n == 1', [{"s": "a"}, {"n": 1}, {"s": "b"}], [0, 1]),
    ('NOT (s == "a" AND n == 1)', [{"s": "b"}, {"s": "a"}, {"n": 2}, {}], [0, 2]),
    ("s == null OR s != null", [{"s": "a"}, {}], []),
    ("s IS NOT NULL", [{"s": ""}, {}, {"s": []}, {"s": None}], [0]),
    # several values: null, but for the MV_ functions
    ('event.category == "process"', [{"event.category": ["process"]}, {"event.category": ["process", "a"]}], [0]),
    ('event.category != "x"', [{"event.category": ["process"]}, {"event.category": ["process", "a"]}], [0]),
    ('MV_CONTAINS(event.category, "a")', [{"event.category": ["b", "a"]}, {"event.category": "a"}, {}], [0, 1]),
    ('NOT MV_CONTAINS(event.category, "a")', [{"event.category": ["b", "c"]}, {"event.category": "a"}, {}], [0, 2]),
    ('MV_CONTAINS(event.category, ["a", "b"])', [{"event.category": ["b", "a"]}, {"event.category": "a"}], [0]),
    ('MV_INTERSECTS(event.category, ["a", "b"])', [{"event.category": ["b", "c"]}, {"event.category": "c"}], [0]),
    ('MV_CONTAINS(TO_LOWER(event.category), "a")', [{"event.category": ["B", "A"]}, {"event.category": "b"}], [0]),
    ('MV_CONTAINS(ip, "10.0.0.1")', [{"ip": ["fc00::1", "10.0.0.1"]}, {"ip": "10.0.0.2"}], [0]),
    ("MV_INTERSECTS(n, [1, 2])", [{"n": [2, 3]}, {"n": 3}, {}], [0]),
    ("event.category IS NULL", [{"event.category": ["a", "b"]}, {}], [1]),
    ("MV_COUNT(event.category) >= 2", [{"event.category": ["a", "b"]}, {"event.category": ["a", "a"]}, {}], [0]),
    (
        'CONCAT(";", MV_CONCAT(event.category, ";"), ";") LIKE "*;b;*"',
        [{"event.category": ["c", "b"]}, {"s": ";b;"}],
        [0],
    ),
    ('MV_FIRST(event.category) == "a"', [{"event.category": ["b", "a"]}, {"event.category": ["b"]}], [0]),
    # LIKE and RLIKE: the whole value; escapes
    (f"s LIKE {BACKSLASHES}", [{"s": r"C:\inetpub\x"}, {"s": "inetpub"}, {"s": r"C:\INETPUB\x"}], [0]),
    (r's LIKE """*\\inetpub\\*"""', [{"s": r"C:\inetpub\x"}, {"s": "inetpub"}], [0]),
    (r's LIKE """a\*b?"""', [{"s": "a*bc"}, {"s": "axbc"}, {"s": "a*b"}], [0]),
    ('s LIKE "a_%!"', [{"s": "a_%!"}, {"s": "ax%!"}, {"s": "a_xy!"}, {"s": "a_!"}], [0]),
    ('s LIKE "?"', [{"s": "é"}, {"s": "\n"}, {"s": ""}, {"s": "😀"}], [0, 1, 3]),
    ('s LIKE ("a*", "*z")', [{"s": "ab"}, {"s": "yz"}, {"s": "b"}], [0, 1]),
    ('s RLIKE "b"', [{"s": "abc"}, {"s": "b"}], [1]),
    (r's RLIKE """.*\.([aA]sp|php)([^a-z\\].*)?"""', [{"s": "x.Asp"}, {"s": "x.aspx"}, {"s": "x.php5"}], [0, 2]),
    (r's RLIKE """\d+\w""" ', [{"s": "12a"}, {"s": "12"}, {"s": "12-"}], [0, 1]),
    ('s RLIKE "a@"', [{"s": "axyz"}, {"s": "b"}], [0]),
    ('s RLIKE "a^$"', [{"s": "a^$"}, {"s": "a"}], [0]),
    (r's RLIKE """a"b.*" """', [{"s": "ab.* "}, {"s": "abc "}], [0]),
    ('s RLIKE ("a.", "b")', [{"s": "ab"}, {"s": "b"}, {"s": "bb"}], [0, 1]),
    # numbers, addresses, booleans, dates
    ("n > 80 AND n <= 443", [{"n": 80}, {"n": 443}, {"n": "100"}, {}], [1, 2]),
    ("n * 2 + 1 == 11", [{"n": 5}, {"n": 6}], [0]),
    ("-n == -5", [{"n": 5}], [0]),
    ('ip == "10.0.0.1"', [{"ip": "10.0.0.1"}, {"ip": "::ffff:10.0.0.1"}, {"ip": "10.0.0.2"}], [0, 1]),
    (
        'CIDR_MATCH(ip, "10.0.0.0/8", "fc00::/7")',
        [{"ip": "10.9.9.9"}, {"ip": "fd00::1"}, {"ip": "11.0.0.0"}, {}],
        [0, 1],
    ),
    ('NOT CIDR_MATCH(ip, "10.0.0.0/8")', [{"ip": "10.9.9.9"}, {"ip": "fd00::1"}, {}], [1]),
    ("b", [{"b": True}, {"b": "false"}, {}], [0]),
    (
        '@timestamp >= "2026-01-01T00:00:00Z"',
        [{"@timestamp": "2026-01-01T00:00:00.000Z"}, {"@timestamp": "2025-12-31"}],
        [0],
    ),
    ("@timestamp > NOW() - 24 hours", [{"@timestamp": "2099-01-01T00:00:00Z"}, {"@timestamp": "2001-01-01"}, {}], [0]),
    # functions of strings
    ('STARTS_WITH(s, "a") AND ENDS_WITH(s, "c") AND CONTAINS(s, "b")', [{"s": "abc"}, {"s": "ac"}, {}], [0]),
    ('LOCATE(s, "b") == 2 AND LENGTH(s) == 3', [{"s": "éb€"}, {"s": "bbb"}], [0]),
    ("TO_LOWER(s) == TO_LOWER(t)", [{"s": "A", "t": "a"}, {"s": "a", "t": "b"}, {"s": "a"}], [0]),
    ('TO_STRING(n) LIKE "8*"', [{"n": 80}, {"n": 18}], [0]),
    ('CASE(s == "a", "x", n == 1, "y", "z") == "z"', [{"s": "a"}, {"n": 1}, {}], [2]),
    ('COALESCE(s, t, "none") == "none"', [{"s": "a"}, {"t": "b"}, {}], [2]),
    # precedence
    ('s == "a" OR s == "b" AND n == 1', [{"s": "a"}, {"s": "b"}, {"s": "b", "n": 1}], [0, 2]),
    ('NOT s == "a" AND n == 1', [{"s": "b", "n": 1}, {"s": "a", "n": 1}], [0]),
    ("/* a */ n == 1 // b\n AND /* c\n */ n < 5", [{"n": 1}, {"n": 2}], [0]),
]


@pytest.mark.parametrize(("condition", "rows", "kept"), CONDITIONS, ids=[case[0] for case in CONDITIONS])
def test_condition(engine: Engine, condition: str, rows: list[dict[str, Any]], kept: list[int]) -> None:
    """WHERE keeps exactly the rows on which the documentation makes the condition true."""
    assert selected(engine, condition, *rows) == kept


REFUSED = [
    ("FROM logs-a-* | WHERE nosuch == 1", "unknown column nosuch"),
    ('FROM logs-a-* | WHERE _id == "1"', "unknown column _id"),
    ('FROM logs-a-* | WHERE only == "1"', "unknown column only"),
    ("FROM logs-* | WHERE n == 1", "two types"),
    ("FROM logs-a-* | WHERE geo IS NULL", "unsupported type"),
    ('FROM logs-a-* | WHERE n == "80"', "do not compare"),
    ('FROM logs-a-* | WHERE n LIKE "8*"', "expected string"),
    ('FROM logs-a-* | WHERE CIDR_MATCH(s, "10.0.0.0/8")', "expected ip"),
    ('FROM logs-a-* | WHERE CIDR_MATCH(ip, "10.0.0.0/40")', "not an address"),
    ('FROM logs-a-* | WHERE ip == "ten"', "not an address"),
    ('FROM logs-a-* | WHERE ip == TO_IP("ten")', "not an address"),
    ("FROM logs-a-* | WHERE ip == TO_IP(s)", "not covered"),
    ("FROM logs-a-* | WHERE s", "expected boolean"),
    (r'FROM logs-a-* | WHERE s LIKE "*\\inetpub*"', "backslash"),
    (r'FROM logs-a-* | WHERE s LIKE "*\inetpub*"', "unexpected"),
    ('FROM logs-a-* | WHERE s : "a"', "full-text"),
    ('FROM logs-a-* | WHERE TO_LOWER(s) == "Cmd"', "never meets"),
    (r'FROM logs-a-* | WHERE TO_LOWER(s) RLIKE """\W"""', "never meets"),
    ('FROM logs-a-* | WHERE TO_LOWER(s) RLIKE "[^a-z]"', "ignores case but not in the range"),
    ('FROM logs-a-* | WHERE MV_CONTAINS(s, "")', "non-empty"),
    (r'FROM logs-a-* | WHERE s RLIKE """\y"""', r"\\y"),
    ("FROM logs-a-* | STATS COUNT(*)", "STATS"),
    ("FROM logs-a-* | WHERE FROBNICATE(s)", "FROBNICATE"),
    ("FROM logs-a-* | KEEP nosuch*", "nosuch"),
    ("FROM cluster:logs | LIMIT 1", "unexpected"),
    ("FROM logs-a-* | WHERE s == 'a'", "unexpected"),
    ('FROM logs-a-* | WHERE s =~ "a"', "expected"),
    ("FROM logs-a-* | WHERE n == 1 n", "expected"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[case[0] for case in REFUSED])
def test_refused(engine: Engine, text: str, message: str) -> None:
    """What Elasticsearch refuses, or would read otherwise than it looks, and what is not covered, is an error."""
    with pytest.raises(QueryError, match=message):
        engine.run(text, [Record("logs-a-default", {"s": "a"})], SCHEMA)


def test_long_chains(engine: Engine) -> None:
    """Thousands of alternatives are no deeper than a few."""
    condition = " OR ".join(f's LIKE "{number}*"' for number in range(2000))
    assert selected(engine, f"n == 1 AND ({condition})", {"s": "1999", "n": 1}, {"s": "x", "n": 1}) == [0]


def test_index_patterns(engine: Engine) -> None:
    """FROM takes the records of the data streams its patterns match; a pattern that matches nothing adds nothing."""
    records = [Record(table, {}) for table in ("logs-a-default", "logs-ab-default", "other")]
    for source, kept in (("logs-a-*, nothing-*", [0]), ("logs-a*", [0, 1]), ('"other"', [2]), ("*", [0, 1, 2])):
        assert [hit.position for hit in engine.run(f"FROM {source}", records, SCHEMA)] == kept


def test_shape_of_rows(engine: Engine) -> None:
    """EVAL, RENAME, KEEP and METADATA give the columns asked for, in order, nulls and lists included."""
    text = """FROM logs-a-* METADATA _id, _index
    | EVAL label = CASE(n > 1, "big", n == 1, "one"), twice = n * 2, again = twice + 1
    | RENAME s AS `my-name` | DROP t
    | KEEP again, *name, `event.category`, label, _id, _index, @timestamp, ip"""
    row = {"n": 2, "s": "x", "event.category": ["b", "a"], "@timestamp": "2026-11-24T18:00:00.000Z", "ip": "10.0.0.1"}
    (hit,) = engine.run(text, [Record("logs-a-default", row)], SCHEMA)
    assert list(hit.row.items()) == [
        ("again", 5),
        ("my-name", "x"),
        ("event.category", ["a", "b"]),
        ("label", "big"),
        ("_id", "0"),
        ("_index", "logs-a-default"),
        ("@timestamp", "2026-11-24T18:00:00.000Z"),
        ("ip", "10.0.0.1"),
    ]


SORTS = [
    ("n", [1, 0, 3, 2]),
    ("n DESC", [2, 3, 0, 1]),
    ("n DESC NULLS LAST", [3, 0, 1, 2]),
    ("n NULLS FIRST", [2, 1, 0, 3]),
]


@pytest.mark.parametrize(("order", "positions"), SORTS)
def test_sort_and_limit(engine: Engine, order: str, positions: list[int]) -> None:
    """Null is the largest value; several values sort by the least ascending, by the greatest descending."""
    records = [Record("logs-a-default", row) for row in ({"n": 5}, {"n": [4, 5]}, {}, {"n": 6})]
    found = engine.run(f"FROM logs-a-* | SORT {order}", records, SCHEMA)
    if order == "n DESC":  # 5 and [4, 5] tie: the order of the records stands
        assert [hit.position for hit in found] == positions
    assert [
        hit.position for hit in engine.run(f"FROM logs-a-* | SORT {order} | LIMIT 2", records, SCHEMA)
    ] == positions[:2]


# -- agreement on random conditions

TEXTS = st.sampled_from(["", "a", "A", "ab", "aB", "b*", "a?", "\\", "%_", "é", "a\nb"])
PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "?", "%", "_", "!", "\\\\", "\\*", "\\?", "é"]), max_size=4).map(
    "".join
)
REGEXES = st.sampled_from(["a.*", "[ab]+", "(a|b)?", "[^a]", r"\w+", ".{2,}", "@", "A?b*", r"[\\a-b]", "(a*)*", "[]b]"])


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


STRINGS = st.one_of(
    st.sampled_from(["s", "t", "event.category", "TO_UPPER(s)", "TO_STRING(n)", "COALESCE(s, t)", "null"]),
    TEXTS.map(quoted),
    st.builds("CASE(n > 1, {}, {})".format, TEXTS.map(quoted), st.sampled_from(["s", "event.category", "null"])),
)
COLUMNS = st.sampled_from(["s", "t", "event.category", "COALESCE(s, t)"])
LEAVES = st.one_of(
    st.builds(
        "{} {} {}".format, COLUMNS, st.sampled_from(["==", "!=", "<", ">="]), STRINGS.filter(lambda x: "UPPER" not in x)
    ),
    st.builds("{} IN ({}, {})".format, COLUMNS, STRINGS, STRINGS).filter(lambda x: "UPPER" not in x),
    st.builds("{} LIKE {}".format, COLUMNS, PATTERNS.map(quoted)),
    st.builds("{} NOT RLIKE ({}, {})".format, COLUMNS, REGEXES.map(quoted), REGEXES.map(quoted)),
    st.builds("{} IS NULL".format, STRINGS),
    st.builds("MV_CONTAINS({}, {})".format, COLUMNS, TEXTS.filter(bool).map(quoted)),
    st.builds("{}({}, {})".format, st.sampled_from(["STARTS_WITH", "ENDS_WITH", "CONTAINS"]), COLUMNS, STRINGS),
    st.builds("n {} {}".format, st.sampled_from(["==", "<", ">=", "!="]), st.integers(0, 3)),
    st.builds("CIDR_MATCH(ip, {})".format, st.sampled_from(['"10.0.0.0/8"', '"fc00::/7", "11.0.0.1"', '"::/0"'])),
    st.sampled_from(["b", "true", "null", 'ip == "10.0.0.1"', "LENGTH(s) > 1", "MV_COUNT(event.category) == 2"]),
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
        st.builds("COALESCE({}, {})".format, inner, st.sampled_from(["false", "true"])),
        st.builds("({}) IS NULL".format, inner),
        st.builds("CASE({}, {}, {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "s": TEXTS,
            "t": TEXTS,
            "event.category": st.one_of(TEXTS, st.lists(TEXTS, max_size=3)),
            "n": st.one_of(st.integers(0, 3), st.lists(st.integers(0, 3), max_size=2)),
            "ip": st.sampled_from(["10.0.0.1", "11.0.0.1", "fc00::1", ["10.0.0.1", "fc00::1"]]),
            "b": st.booleans(),
        },
    ),
    max_size=8,
)


@settings(max_examples=120, deadline=None)
@given(st.lists(EXPRESSIONS, min_size=1, max_size=5), ROWS)
def test_engines_agree(conditions: list[str], rows: list[dict[str, Any]]) -> None:
    """The interpreter and DuckDB give every condition the same value - true, false or null - on every row."""
    assignments = ", ".join(f"c{index} = {condition}" for index, condition in enumerate(conditions))
    text = f"FROM logs-a-* | EVAL {assignments} | KEEP {', '.join(f'c{i}' for i in range(len(conditions)))}"
    records = [Record("logs-a-default", row) for row in rows]
    try:
        second = SQL.run(text, records, SCHEMA)
    except EngineUnavailable as fault:
        pytest.skip(fault.message)
    assert second == INTERPRETER.run(text, records, SCHEMA)
