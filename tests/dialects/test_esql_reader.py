"""The ES|QL reader: its predicates select the rows that the interpreter selects, and its branches carry the labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.addresses import both_spellings
from converter.core.errors import OutOfFragment, ParityError, QueryError
from converter.core.platform import Column, Record
from converter.dialects.esql.reader import read
from converter.dialects.esql.syntax import parse
from converter.engines.esql.interpreter import ENGINE
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import (
    Addresses,
    Atom,
    Numbers,
    Predicate,
    Present,
    SameAs,
    Strings,
    conjunction,
    negation,
)
from converter.semantics.regular.language import literal
from tests.dialects.schemas import kind, schema

TYPES = {"@timestamp": "date", "s": "keyword", "t": "wildcard", "many": "keyword", "tags": "keyword", "n": "long"}
TYPES |= {"ip": "ip", "b": "boolean", "x": "double"}
SCHEMA = schema(
    {"logs-a-default": TYPES},
    (kind("logs-a-default", (Column("tags", "keyword", "Tags", array=True),), {"many": ["m"]}),),
)
FROM = "FROM logs-a-* METADATA _id | "


def predicate(condition: str) -> Predicate:
    (branch,) = read(f"{FROM}WHERE {condition}", SCHEMA)
    return branch.predicate


def there(name: str) -> Predicate:
    return Atom(name, Present())


CMD = Atom("s", Strings(literal("cmd", False)))
CMD_ANY_CASE = Atom("s", Strings(literal("cmd", True)))
MANY = Atom("many", Strings(literal("m", False)))
READ: list[tuple[str, Predicate]] = [
    ('s == "cmd"', CMD),
    ('"cmd" == s', CMD),
    ('s != "cmd"', conjunction((there("s"), negation(CMD)))),
    ('NOT s == "cmd"', conjunction((there("s"), negation(CMD)))),
    ('NOT COALESCE(s == "cmd", false)', negation(CMD)),
    ('TO_LOWER(s) == "cmd"', CMD_ANY_CASE),
    ('many : "m"', MANY),
    (
        'NOT (many : "m" OR s == "cmd")',
        conjunction((negation(MANY), there("s"), negation(CMD))),
    ),
    (
        'COALESCE(MV_COUNT(MV_DEDUPE(MV_APPEND(many, "m"))) == MV_COUNT(many), false)',
        Atom("many", Strings(literal("m", False))),
    ),
    ("NOT (s IS NOT NULL) AND n == 5", conjunction((negation(there("s")), Atom("n", Numbers(((5, 5),)))))),
    ("s IS NULL", negation(there("s"))),
    ("s IS NOT NULL", there("s")),
    ("n == 5", Atom("n", Numbers(((5, 5),)))),
    ("n > 5", Atom("n", Numbers(((6, None),)))),
    ("5 > n", Atom("n", Numbers(((None, 4),)))),
    ("n IN (443, 80)", Atom("n", Numbers(((80, 80), (443, 443))))),
    ('CIDR_MATCH(ip, "10.0.0.0/8")', Atom("ip", Addresses(both_spellings([(4, 10 << 24, (11 << 24) - 1)])))),
    ("TO_LOWER(s) == TO_LOWER(t)", Atom("s", SameAs("t", "equals", True))),
    ("STARTS_WITH(s, t)", Atom("s", SameAs("t", "startswith", False))),
    ("LOCATE(TO_LOWER(s), TO_LOWER(t)) > 0", Atom("s", SameAs("t", "contains", True))),
]


@pytest.mark.parametrize(("condition", "expected"), READ, ids=[case[0] for case in READ])
def test_predicate(condition: str, expected: Predicate) -> None:
    """A condition reads as this predicate."""
    assert predicate(condition) == expected


LABELLED = """// Two parts
FROM logs-a-*, winlogbeat-* METADATA _id
| WHERE @timestamp > NOW() - 24 hours
| EVAL DetectionType = CASE(
    MV_COUNT(MV_DEDUPE(MV_APPEND(many, "m"))) == MV_COUNT(many) AND NOT COALESCE(TO_LOWER(s) LIKE "*cmd", false), "A",
    n == 1, "B",
    n == 2, "A")
| WHERE DetectionType IS NOT NULL
| SORT @timestamp DESC
| KEEP @timestamp, DetectionType, _id
"""


def test_labels() -> None:
    """CASE labels part a query into one branch each; a later label needs the earlier conditions not to be true."""
    first, second = read(LABELLED, SCHEMA)
    assert [first.labels, second.labels] == [{"DetectionType": "A"}, {"DetectionType": "B"}]
    for branch in (first, second):
        assert branch.tables == ("logs-a-*", "winlogbeat-*")
        assert branch.window_minutes == 1440
        assert branch.columns == ("@timestamp", "DetectionType", "_id")
    events: list[tuple[dict[str, Any], bool, bool]] = [
        ({"many": ["m"], "n": 1}, True, False),
        ({"many": ["m"], "s": "CMD", "n": 1}, False, True),
        ({"n": 2}, True, False),
        ({"n": 3}, False, False),
        ({}, False, False),
    ]
    for event, a, b in events:
        assert (holds(first.predicate, event), holds(second.predicate, event)) == (a, b), event


def test_unlabelled_rows_stay() -> None:
    """Without IS NOT NULL the rows no condition takes make a branch without a label; a default is a label."""
    rest = read(f'{FROM}EVAL d = CASE(n == 1, "A")', SCHEMA)
    assert [branch.labels for branch in rest] == [{"d": "A"}, {}]
    assert holds(rest[1].predicate, {"n": 2})
    assert holds(rest[1].predicate, {})
    assert [b.labels for b in read(f'{FROM}EVAL d = CASE(n == 1, "A", "C")', SCHEMA)] == [{"d": "A"}, {"d": "C"}]
    assert [b.labels for b in read(f'{FROM}EVAL d = CASE(n == 1, "A", "C") | WHERE d == "C"', SCHEMA)] == [{"d": "C"}]
    (kept,) = read(f'{FROM}EVAL d = "A" | KEEP s', SCHEMA)
    assert (kept.labels, kept.columns) == ({}, ("s",))


def test_renamed_columns() -> None:
    """RENAME and EVAL change names, not what a later condition is about."""
    (branch,) = read(f'{FROM}RENAME s AS u | EVAL v = TO_LOWER(u), s = "z" | WHERE v == "cmd" | DROP t, s', SCHEMA)
    assert branch.predicate == CMD_ANY_CASE
    assert branch.columns is not None
    assert "u" in branch.columns
    assert not {"s", "t"} & set(branch.columns)


OUT_OF_FRAGMENT = [
    'WHERE s IS NULL | WHERE NOT COALESCE(s LIKE "a*", false)',
    'WHERE s IS NULL AND (n == 1 OR s == "a")',
    'EVAL x = CASE(s IS NULL AND NOT COALESCE(s == "a", false), "A") | WHERE x IS NOT NULL',
    'WHERE s NOT LIKE "*"',
    'WHERE s NOT RLIKE ".*(x|.*)"',
    "WHERE n : 5",
    'WHERE many == "m"',
    'WHERE TO_LOWER(tags) LIKE "m*"',
    "WHERE n * 2 == 4",
    "WHERE x < 1.5",
    'WHERE @timestamp > "2026-01-01"',
    "WHERE s == TO_LOWER(t)",
    "WHERE MV_COUNT(many) > 1",
    "WHERE @timestamp > NOW() - 30 seconds",
    "WHERE n == 1 OR @timestamp > NOW() - 24 hours",
    'WHERE CIDR_MATCH(ip, "::/0")',
    "LIMIT 5",
]


@pytest.mark.parametrize("command", OUT_OF_FRAGMENT)
def test_out_of_fragment(command: str) -> None:
    """Right syntax without a predicate of the same meaning is refused as such."""
    with pytest.raises(OutOfFragment):
        read(FROM + command, SCHEMA)


@pytest.mark.parametrize(
    "command", ["WHERE nosuch == 1", 'WHERE n == "80"', "STATS c = MEDIAN(n)", "WHERE s LIKE 5", ""]
)
def test_errors(command: str) -> None:
    """What Elasticsearch refuses is an error here too."""
    with pytest.raises(QueryError):
        read(FROM + command, SCHEMA)


STRING_FORMS = [
    (r'"a\\b\"\n\t"', 'a\\b"\n\t'),
    (r'"""a\\b"""', r"a\\b"),
    ('"""say "hi"""""', 'say "hi""'),
    ('""', ""),
    ('""""""', ""),
]


@pytest.mark.parametrize(("written", "value"), STRING_FORMS)
def test_strings(written: str, value: str) -> None:
    """Escapes live in "..." only; quotes before the closing three belong to the text."""
    (where,) = parse(f"FROM x | WHERE s == {written}").commands
    assert f"right=Literal(value={value!r})" in repr(where)


# -- agreement with the interpreter

TEXTS = st.sampled_from(["", "a", "A", "ab", "aB", "abc", "b*", "\\", "m"])
LOWER = st.sampled_from(["a", "ab", "b*", "abc", "m"])


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


VALUES = st.one_of(
    st.sampled_from(["s", "t", "COALESCE(s, t)", 'COALESCE(s, "ab")', "TO_STRING(n)"]),
    st.builds("CASE({}, {}, {})".format, st.sampled_from(["n > 1", "b", "s IS NULL"]), TEXTS.map(quoted), st.just("t")),
)
LEAVES = st.one_of(
    st.builds("{} {} {}".format, VALUES, st.sampled_from(["==", "!="]), TEXTS.map(quoted)),
    st.builds("TO_LOWER({}) == {}".format, VALUES, LOWER.map(quoted)),
    st.builds("{} IN ({}, {})".format, VALUES, TEXTS.map(quoted), TEXTS.map(quoted)),
    st.builds("{} LIKE {}".format, st.sampled_from(["s", "t"]), st.sampled_from(['"a*"', '"?"', r'"*\\*"', '"*B"'])),
    st.builds("TO_LOWER(s) LIKE ({}, {})".format, st.sampled_from(['"a*"', '"?"']), st.just('"*b"')),
    st.builds(
        "{} NOT RLIKE {}".format, st.sampled_from(["s", "t"]), st.sampled_from(['"[aA].*"', '"a|b.*"', '"[^a]"'])
    ),
    st.builds("{} IS NULL".format, VALUES),
    st.builds("MV_COUNT(MV_DEDUPE(MV_APPEND(many, {0}))) == MV_COUNT(many)".format, LOWER.map(quoted)),
    st.just("many IS NOT NULL"),
    st.builds("{}({}, {})".format, st.sampled_from(["STARTS_WITH", "ENDS_WITH"]), VALUES, TEXTS.map(quoted)),
    st.builds("{}(TO_LOWER(s), TO_LOWER(t))".format, st.sampled_from(["STARTS_WITH", "ENDS_WITH"])),
    st.builds(
        "n {} {}".format, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.sampled_from(["0", "1", "1.5"])
    ),
    st.builds("LENGTH(s) {} {}".format, st.sampled_from(["==", "!=", "<", ">"]), st.integers(0, 2)),
    st.sampled_from(["s == t", "b", "b != true", "null", "true", "n IN (1, 2)", 'ip IN ("10.0.0.1", "fc00::1")']),
    st.builds("CIDR_MATCH(ip, {})".format, st.sampled_from(['"10.0.0.0/8"', '"fc00::/7", "11.0.0.1"'])),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
        st.builds("COALESCE({}, {})".format, inner, st.one_of(st.sampled_from(["false", "true"]), inner)),
        st.builds("({}) IS NULL".format, inner),
        st.builds("CASE({}, {}, {})".format, inner, inner, inner),
    ),
    max_leaves=5,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "s": TEXTS,
            "t": TEXTS,
            "many": st.lists(st.sampled_from(["a", "A", "m", "ab"]), max_size=3),
            "tags": st.lists(st.sampled_from(["a", "m"]), max_size=2),
            "n": st.integers(0, 2),
            "ip": st.sampled_from(["10.0.0.1", "11.0.0.1", "fc00::1"]),
            "b": st.booleans(),
        },
    ),
    min_size=1,
    max_size=8,
)


EVERY_ROW = [
    {} if value is None else {name: value}
    for name, values in (
        ("s", [None, "", "a", "A", "ab", "b"]),
        ("n", [0, 1, 2, 3]),
        ("ip", ["10.0.0.1", "11.0.0.1", "fc00::1"]),
        ("many", [["a"], ["a", "m"], ["A", "b"]]),
        ("b", [True, False]),
    )
    for value in values
]
AGREEING = [
    's NOT IN ("a", t)',
    's IN ("a", TO_LOWER("B"))',
    "n < 1.5",
    "NOT n < 1.5",
    "n >= 1.5",
    "n == 1.5",
    "n != 1.5",
    "LENGTH(s) < 1",
    "NOT LENGTH(s) >= 1",
    "NOT b",
    "b IS NULL",
    '(s == "a") IS NULL',
    'NOT COALESCE(s == "a", n == 1)',
    'NOT COALESCE(s LIKE "a*", true)',
    'NOT CIDR_MATCH(ip, "10.0.0.0/8")',
    'CASE(s == "a", "x", n == 1, "y", s) == "ab"',
    'TO_UPPER(s) == "A"',
    'NOT STARTS_WITH(TO_UPPER(s), "a")',
]


def agree(condition: str, rows: list[dict[str, Any]]) -> None:
    text = f"{FROM}WHERE {condition}"
    branches = read(text, SCHEMA)
    kept = {hit.position for hit in ENGINE.run(text, [Record("logs-a-default", row) for row in rows], SCHEMA)}
    assert {i for i, row in enumerate(rows) if any(holds(b.predicate, row) for b in branches)} == kept


@pytest.mark.parametrize("condition", AGREEING)
def test_agrees_on_listed_conditions(condition: str) -> None:
    """The predicate of a condition holds on exactly the records that WHERE keeps (one column filled at a time)."""
    agree(condition, EVERY_ROW)


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, ROWS)
def test_agrees_with_interpreter(condition: str, rows: list[dict[str, Any]]) -> None:
    """The predicate of a condition holds on exactly the records that WHERE keeps, unless versions differ on it."""
    try:
        agree(condition, rows)
    except OutOfFragment as refused:
        hint = refused.hint
        if "IS NOT NULL)" not in hint and "COALESCE" not in hint:
            raise


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        ('false | WHERE s RLIKE "("', QueryError),
        ('s LIKE "*a' + "?" * 12 + 'b*"', QueryError),
        ('TO_LOWER(s) == "é"', OutOfFragment),
        ('TO_UPPER(s) IN ("É")', OutOfFragment),
        ('TO_LOWER(s) LIKE "é"', OutOfFragment),
        ('CONTAINS(s, "a")', QueryError),
        ('MV_CONTAINS(many, "a")', QueryError),
        ("s == null", QueryError),
        ('s IN ("a", null)', OutOfFragment),
        ("n == 9223372036854775808", QueryError),
        ('NOT (s == "a" AND s == "b")', OutOfFragment),
        ('TO_LOWER(s) == "A"', OutOfFragment),
        ('s LIKE ("", "a*")', OutOfFragment),
        ('s RLIKE "**"', OutOfFragment),
        ('s RLIKE "a(b|?+)"', OutOfFragment),
        ("n IN (1, -9223372036854775809)", OutOfFragment),
        ("NOT (NOT (n IS NULL)) | WHERE n < 2 OR b", OutOfFragment),
    ],
)
def test_what_8_19_refuses_or_takes_for_something_else(condition: str, error: type[Exception]) -> None:
    """Measured: no answer is better than one that Elasticsearch does not give."""
    with pytest.raises(error):
        read(f"{FROM}WHERE {condition}", SCHEMA)


def _chain(operand: str, count: int) -> str:
    return " OR ".join([operand] * count)


@pytest.mark.parametrize(
    ("condition", "deepest"),
    [
        (lambda n: _chain('s == "a"', n), 298),
        (lambda n: _chain('TO_LOWER(s) == "a"', n), 297),
        (lambda n: "NOT " * n + 's == "a"', 297),
    ],
    ids=["operands", "functions", "negations"],
)
def test_an_expression_is_as_deep_as_elasticsearch_counts(condition: Callable[[int], str], deepest: int) -> None:
    """The greatest numbers that 8.19.21 took, and one more, which it refuses ("maximum expression depth (300)")."""
    read(f"{FROM}WHERE {condition(deepest)}", SCHEMA)
    with pytest.raises(QueryError, match="deeper"):
        read(f"{FROM}WHERE {condition(deepest + 1)}", SCHEMA)


def test_parentheses_make_a_long_chain_flat() -> None:
    """A thousand operands in groups are no depth at all."""
    groups = " OR ".join("(" + _chain('TO_LOWER(s) LIKE "*a*"', 80) + ")" for _ in range(12))
    read(f"{FROM}WHERE {groups}", SCHEMA)
    read(f"{FROM}WHERE " + "(" * 59 + "n == 1" + ")" * 59, SCHEMA)
    with pytest.raises(ParityError):
        read(f"{FROM}WHERE " + "(" * 149 + "n == 1" + ")" * 149, SCHEMA)


@pytest.mark.parametrize(
    "command",
    [
        'EVAL x = s : "a"',
        'WHERE COALESCE(s : "a", false)',
        'EVAL x = CASE(s : "a", "A")',
        'EVAL u = s | WHERE u : "a"',
        'RENAME s AS u | WHERE u : "a"',
        'LIMIT 5 | WHERE s : "a"',
        'WHERE _id : "a"',
    ],
)
def test_the_match_operator_stands_in_where_on_a_field_of_the_index(command: str) -> None:
    """Elsewhere Elasticsearch refuses it."""
    with pytest.raises(QueryError, match="match operator"):
        read(FROM + command, SCHEMA)
