"""The EQL engines: what a condition matches, what is refused, and that both engines and the reader agree."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converter.core.errors import EngineUnavailable, NotRepresentable, OutOfFragment, QueryError
from converter.core.platform import Record
from converter.core.verdict import Engine
from converter.dialects.eql.reader import read
from converter.engines.elastic.lucene_pattern import compile_lucene
from converter.engines.eql import as_query_dsl as eql_as_query_dsl
from converter.engines.eql import interpreter as eql_interpreter
from converter.semantics.decide.evaluate import holds
from tests.support.schemas import columns_only

TYPES = {
    "event.category": "keyword",
    "event.type": "keyword",
    "process.name": "keyword",
    "process.command_line": "wildcard",
    "process.pid": "long",
    "file.path": "keyword",
    "destination.ip": "ip",
    "destination.port": "integer",
    "process.elevated": "boolean",
    "@timestamp": "date",
    "message": "match_only_text",
}
SCHEMA = columns_only({"logs-test": TYPES})

ROWS: dict[str, dict[str, object]] = {
    "cmd": {
        "event.category": ["process"],
        "event.type": ["start"],
        "process.name": "cmd.exe",
        "process.command_line": "cmd /c a*b?c",
        "process.pid": 4,
        "process.elevated": True,
    },
    "CMD": {"event.category": ["process"], "event.type": ["start"], "process.name": "CMD.EXE", "process.pid": 400},
    "file": {
        "event.category": ["file"],
        "event.type": ["creation"],
        "process.name": "w3wp.exe",
        "file.path": "C:\\inetpub\\wwwroot\\x.aspx",
    },
    "upper": {"event.category": "file", "event.type": "change", "file.path": "C:\\INETPUB\\B.ASPX;.jpg"},
    "net": {
        "event.category": ["network"],
        "event.type": ["start", "connection"],
        "process.name": "w3wp.exe",
        "destination.ip": "10.1.2.3",
        "destination.port": 4444,
    },
    "net6": {"event.category": ["network"], "destination.ip": ["2001:db8::1", "192.0.2.9"], "destination.port": 443},
    "lists": {"event.category": ["process", "file"], "process.name": ["a\nb", ""], "process.elevated": False},
    "bare": {},
}
RECORDS = tuple(Record("logs-test", {"_id": name, **fields}) for name, fields in ROWS.items())
ALL = set(ROWS)
NAMED = {"cmd", "CMD", "file", "net", "lists"}

# (query, names of the rows it returns)
MATCHES: list[tuple[str, set[str]]] = [
    ("any where true", ALL),
    ("any where false", set()),
    ("process where true", {"cmd", "CMD", "lists"}),
    ("file where true", {"file", "upper", "lists"}),
    ('"process" where true', {"cmd", "CMD", "lists"}),
    ("Process where true", set()),
    # == and in are exact; `:`, like~ and in~ ignore case; like does not
    ('any where process.name == "cmd.exe"', {"cmd"}),
    ('any where "cmd.exe" == process.name', {"cmd"}),
    ('any where process.name == "*.exe"', set()),
    ('any where process.name : "cmd.exe"', {"cmd", "CMD"}),
    ('any where process.name : ("CMD.exe", "W3WP.*")', {"cmd", "CMD", "file", "net"}),
    ('any where process.name like "*.exe"', {"cmd", "file", "net"}),
    ('any where process.name like~ "*.exe"', {"cmd", "CMD", "file", "net"}),
    ('any where process.name like ("c?d.exe", "?")', {"cmd"}),
    ('any where process.name in ("cmd.exe", "CMD.exe")', {"cmd"}),
    ('any where process.name in~ ("cmd.exe", "x")', {"cmd", "CMD"}),
    ('any where process.name not in ("cmd.exe")', ALL - {"cmd"}),
    ('any where process.name not in~ ("cmd.exe")', ALL - {"cmd", "CMD"}),
    # a wildcard is never literal in `:` and like; in `==` and in~ it is; a backslash is a character
    ('any where process.command_line : "*a*b?c"', {"cmd"}),
    ('any where process.command_line in~ ("CMD /C A*B?C")', {"cmd"}),
    ('any where process.command_line in~ ("CMD /C A*")', set()),
    ('any where file.path : "*\\\\inetpub\\\\*"', {"file", "upper"}),
    ('any where file.path like "C:\\\\inetpub\\\\*"', {"file"}),
    ('any where file.path == "C:\\\\inetpub\\\\wwwroot\\\\x.aspx"', {"file"}),
    ('any where file.path == """C:\\inetpub\\wwwroot\\x.aspx"""', {"file"}),
    ('any where file.path : """*\\inetpub\\*"""', {"file", "upper"}),
    ('any where file.path : """*\\*"""', {"file", "upper"}),
    ('any where process.name == "a\\nb"', {"lists"}),
    ('any where process.name == "\\u{63}\\u{00006d}d.exe"', {"cmd"}),
    ('any where process.name : "a?b"', {"lists"}),
    ('any where process.name : ""', {"lists"}),
    ('any where process.name : "*"', NAMED),
    # missing fields: != and not keep them
    ('any where process.name != "cmd.exe"', ALL - {"cmd"}),
    ('any where not process.name : "cmd.exe"', ALL - {"cmd", "CMD"}),
    ('any where not (process.name : "cmd.exe" or process.pid > 0)', ALL - {"cmd", "CMD"}),
    ("any where process.name == null", ALL - NAMED),
    ("any where process.name != null", NAMED),
    ("any where null != process.name", NAMED),
    # numbers
    ("any where destination.port == 443", {"net6"}),
    ("any where destination.port in (80, 443)", {"net6"}),
    ("any where destination.port not in (80, 443)", ALL - {"net6"}),
    ("any where destination.port > 443 and destination.port <= 4444", {"net"}),
    ("any where destination.port >= 443", {"net", "net6"}),
    ("any where 443 < destination.port", {"net"}),
    ("any where process.pid < 5", {"cmd"}),
    ("any where process.pid > -1", {"cmd", "CMD"}),
    # addresses
    ('any where cidrMatch(destination.ip, "10.0.0.0/8", "fc00::/7")', {"net"}),
    ('any where cidrmatch(destination.ip, "2001:db8::/32")', {"net6"}),
    ('any where not cidrMatch(destination.ip, "10.0.0.0/8")', ALL - {"net"}),
    ('any where destination.ip == "10.1.2.3"', {"net"}),
    ('any where destination.ip == "10.0.0.0/8"', {"net"}),
    ('any where destination.ip in ("192.0.2.9", "10.9.9.9")', {"net6"}),
    ('any where destination.ip != "10.1.2.3"', ALL - {"net"}),
    ('any where cidrMatch(destination.ip, "::/1")', {"net", "net6"}),
    ('any where destination.ip == "::ffff:10.1.2.3"', {"net"}),
    ("any where destination.ip == null", ALL - {"net", "net6"}),
    # regular expressions are Lucene's and anchored; under ~ a range keeps its case
    ('any where process.name regex "cmd.exe"', {"cmd"}),
    ('any where process.name regex "cmd"', set()),
    ('any where process.name regex~ "CMD\\\\.EXE"', {"cmd", "CMD"}),
    ('any where process.name regex~ """[a-z]+\\.exe"""', {"cmd"}),
    ('any where process.name regex~ """[cmd]+\\.exe"""', {"cmd", "CMD"}),
    ('any where process.name regex ("c.*", "w[0-9]wp.*")', {"cmd", "file", "net"}),
    ('any where process.name regex "a.b"', {"lists"}),
    ('any where process.name regex "^cmd.exe$"', set()),
    ('any where file.path regex~ """.*\\.(asp|php)([^a-z0-9\\\\][^\\\\]*)?"""', {"upper"}),
    ('any where file.path regex~ """.*\\.(aspx|php)([^a-zA-Z0-9\\\\][^\\\\]*)?"""', {"file", "upper"}),
    # functions
    ('any where startsWith(file.path, "C:\\\\inetpub\\\\")', {"file"}),
    ('any where startsWith~(file.path, "c:\\\\inetpub\\\\")', {"file", "upper"}),
    ('any where endsWith(process.name, ".exe")', {"cmd", "file", "net"}),
    ('any where endsWith~(process.name, ".exe")', {"cmd", "CMD", "file", "net"}),
    ('any where stringContains(file.path, "inetpub")', {"file"}),
    ('any where stringContains~(file.path, "inetpub")', {"file", "upper"}),
    ('any where endsWith(process.name, ".exe") == false', ALL - {"cmd", "file", "net"}),
    ('any where not startsWith~(process.name, "C")', ALL - {"cmd", "CMD"}),
    # booleans, precedence, lists, escaped and optional names
    ("any where process.elevated", {"cmd"}),
    ("any where process.elevated == false", {"lists"}),
    ("any where process.elevated != true", ALL - {"cmd"}),
    ('any where process.pid == 4 or process.name : "w3wp.exe" and destination.port == 4444', {"cmd", "net"}),
    ('any where (process.pid == 4 or process.name : "w3wp.exe") and destination.port == 4444', {"net"}),
    ('any where not process.pid == 4 and process.name : "c*"', {"CMD"}),
    ('network where event.type == "connection"', {"net"}),
    ('any where event.type : ("start", "change")', {"cmd", "CMD", "upper", "net"}),
    ('any where `process`.`name` == "cmd.exe"', {"cmd"}),
    ('any where ?process.name == "cmd.exe"', {"cmd"}),
    ('any where ?process.absent : "x" or process.pid == 4', {"cmd"}),
    ("any where ?process.absent == null and process.pid == 4", {"cmd"}),
    ("any where ?process.absent != null", set()),
    ('// a comment\nprocess /* another\none */ where process.pid == 4 // "end', {"cmd"}),
]

ENGINES: list[Engine] = [eql_interpreter.ENGINE, eql_as_query_dsl.ENGINE]


def _names(engine: Engine, query: str) -> set[str]:
    try:
        hits = engine.run(query, RECORDS, SCHEMA)
    except EngineUnavailable as missing:
        pytest.skip(str(missing))
    assert [hit.position for hit in hits] == sorted({hit.position for hit in hits})
    return {str(RECORDS[hit.position].fields["_id"]) for hit in hits}


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize(("query", "names"), MATCHES)
def test_matches(engine: Engine, query: str, names: set[str]) -> None:
    """A query returns exactly the rows whose values meet its condition, in their given order."""
    assert _names(engine, query) == names


@pytest.mark.parametrize(("query", "names"), MATCHES)
def test_reader_agrees(query: str, names: set[str]) -> None:
    """The predicate read from a query holds of exactly the rows that the query returns.

    A field that no table names is missing among the rows, while the platform may have it: the reader has no answer.
    """
    if "?process.absent" in query:
        with pytest.raises(OutOfFragment, match="absent"):
            read(query, SCHEMA)
        return
    (branch,) = read(query, SCHEMA)
    assert {name for name, row in ROWS.items() if holds(branch.predicate, row)} == names


REFUSED: list[tuple[str, str]] = [
    # (query, part of the reason)
    ('any where process.nme == "x"', "Unknown column [process.nme]"),
    ("any where destination.port : 443", "takes a keyword field"),
    ('any where destination.port like~ ("80")', "takes a keyword field"),
    ('any where destination.ip : "10.1.2.3"', "takes a keyword field"),
    ('any where destination.ip regex "10.*"', "takes a keyword field"),
    ('any where destination.ip in~ ("10.1.2.3")', "takes a keyword field"),
    ("any where process.name : 5", "takes strings only"),
    ("any where process.name : null", "takes strings only"),
    ("any where process.name == 5", "is compared with 5"),
    ('any where destination.port == "443"', "is compared with '443'"),
    ('any where destination.port in ("443")', "is compared with '443'"),
    ('any where destination.ip == "localhost"', "is not an IP address"),
    ('any where @timestamp > "now-24h"', "is compared with"),
    ('any where message : "x"', "takes a keyword field"),
    ('any where process.name in ("a", null)', "null in a list"),
    ("any where process.name == process.name", "comparisons against fields"),
    ('any where process.name : (process.name, "x")', "expected a constant"),
    ("any where process.name", "not a boolean field"),
    ('any where cidrMatch(process.name, "10.0.0.0/8")', "takes an ip field"),
    ('any where cidrMatch(destination.ip, "10.1.2.3")', "blocks such as"),
    ('any where cidrMatch(destination.ip, "::ffff:0:0/96")', "IPv6-mapped"),
    ("any where cidrMatch(destination.ip)", "at least one block"),
    ('any where wildcard(process.name, "*.exe")', "does not exist"),
    ('any where match~(process.name, "x")', "does not exist"),
    ('any where concat(process.name, "x") == "cmd.exex"', "concat is not covered"),
    ('any where endsWith(file.path, "\\\\x.aspx")', "unescaped"),
    ('any where stringContains(file.path, "a*b")', "unescaped"),
    ('any where not ?process.absent : "x"', "null is not false"),
    ('any where ?process.absent != "x"', "null is not false"),
    ('any where process.name not like "x"', "expected the end"),
    ('any where process.name = "x"', "expected the end"),
    ('any where process.name == "a" == "b"', "cannot chain"),
    ("any where process.pid + 1 == 5", "arithmetic"),
    ("any where process.name == 'x'", "cannot read"),
    ('any where process.name == "a\\d"', "cannot read"),
    ('any where process.name == "a', "cannot read"),
    ('any where process.name == "x" AND true', "expected the end"),
    ("any where process.name[0] == 4", "array positions"),
    ("any where process.in == 4", "expected a field name"),
    ("any where (true", "expected ')'"),
    ("any where", "expected a constant"),
    ("process.name == 4", "expected 'where'"),
    ("any where true | head 5", "pipes"),
    ("sequence by host.name [any where true]", ""),
    ("sequence by host.name [any where true] [any where true] until [any where true]", ""),
    ("sample by host.name [any where true] [any where true]", "samples"),
    ('any where process.name regex "a{,3}"', ""),
    ('any where process.name regex "a("', ""),
    ('any where process.name regex "\\\\bx"', ""),
]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize(("query", "reason"), REFUSED)
def test_refused(engine: Engine, query: str, reason: str) -> None:
    """What Elasticsearch refuses, or Parity does not cover, is a QueryError that says why; never an empty result."""
    with pytest.raises(QueryError) as caught:
        _names(engine, query)
    assert reason in caught.value.message


@pytest.mark.parametrize(("query", "reason"), REFUSED)
def test_reader_refuses_the_same(query: str, reason: str) -> None:
    """The reader gives no meaning to a query that an engine refuses."""
    unknown = "?process.absent" in query
    with pytest.raises(OutOfFragment if unknown else QueryError) as caught:
        read(query, SCHEMA)
    assert ("absent" if unknown else reason) in caught.value.message


@pytest.mark.parametrize(
    ("pattern", "ignore_case", "inside", "outside"),
    [
        ("(b)+?", False, ["", "b", "bb"], ["a"]),
        ("a*+", False, ["", "aa"], ["b"]),
        ('"a*b".', False, ["a*bc"], ["aab", "a*b"]),
        ("a@", False, ["a", "a\nb"], ["ba"]),
        ("#|x", False, ["x"], ["", "#"]),
        ("^a$", False, ["^a$"], ["a"]),
        ("a{2}b{1,}c{0,1}", False, ["aab", "aabbc"], ["ab", "aabcc"]),
        ("[a-c^]+", True, ["abc^"], ["A", "d"]),
        ("[^abc]", True, ["d", "D", "\n"], ["a", "B"]),
        ("[^a-c]", True, ["B", "d"], ["b"]),
        ("[-\\]\\\\]+", False, ["]", "\\-"], ["a"]),
        ("\\d\\W[\\s_]", False, ["5- ", "5-_"], ["55 ", "5-a"]),
        ("(x)?|k", True, ["", "k", "K"], ["\u212a"]),
        ("()|k", False, ["", "k"], ["K"]),
        (".*+=.*", False, ["x=", "=" * 30], ["x" * 3000]),
        ("((a*)*b?)*c", False, ["aabac"], ["a" * 2000]),
        ("é", True, ["é", "É"], ["e"]),
    ],
)
def test_lucene_pattern(pattern: str, ignore_case: bool, inside: list[str], outside: list[str]) -> None:
    """A Lucene pattern matches whole values with Lucene's own reading of quantifiers, quotes, classes and case."""
    compiled = compile_lucene(pattern, ignore_case)
    assert [value for value in inside + outside if compiled.fullmatch(value)] == inside


@pytest.mark.parametrize(
    "pattern", ["a~b", "a&b", "<1-5>", "*a", "a|", "(a|)", "[a", '"a', "a{3,2}", "[z-a]", "[a-]", "\\q", ")"]
)
def test_lucene_pattern_refused(pattern: str) -> None:
    """A pattern that Lucene refuses, or that is not covered, is a QueryError."""
    with pytest.raises(QueryError):
        compile_lucene(pattern, False)


@pytest.mark.parametrize("pattern", ["", "()", "(x|())cmd", '""'])
def test_an_empty_string_is_refused_where_case_is_ignored(pattern: str) -> None:
    """Lucene loses an empty string then, but not one beside literal text: the interpreter does not guess which."""
    compile_lucene(pattern, False)
    with pytest.raises(QueryError, match="empty string"):
        compile_lucene(pattern, True)


def test_a_pattern_of_many_runs_takes_no_time() -> None:
    """Where Python's `re` would go back and forth for hours, a wildcard and an expression answer at once."""
    value = "x" * 3000
    records = (Record("logs-test", {"process.name": value}), Record("logs-test", {"process.name": value + "y"}))
    for test in (': "*x*x*x*x*x*x*y"', 'regex ".*x.*x.*x.*x.*x.*y"'):
        start = time.perf_counter()
        hits = eql_interpreter.ENGINE.run(f"any where process.name {test}", records, SCHEMA)
        assert [hit.position for hit in hits] == [1]
        assert time.perf_counter() - start < 5


def test_order_and_length() -> None:
    """String order and length have no symbolic meaning; length counts UTF-16 units, and has no Query DSL clause."""
    assert _names(eql_interpreter.ENGINE, 'any where process.name >= "w"') == {"file", "net"}
    assert _names(eql_as_query_dsl.ENGINE, 'any where process.name >= "w"') == {"file", "net"}
    assert _names(eql_interpreter.ENGINE, "any where length(process.name) == 3") == {"lists"}
    wide = (Record("logs-test", {"process.name": "\U0001f600"}),)
    assert eql_interpreter.ENGINE.run("any where length(process.name) == 2", wide, SCHEMA)
    with pytest.raises(QueryError, match="script"):
        eql_as_query_dsl.ENGINE.run("any where length(process.name) == 3", RECORDS, SCHEMA)
    for query in (
        'any where process.name >= "w"',
        "any where length(process.name) == 3",
        "any where process.pid > 1.5",
    ):
        with pytest.raises(OutOfFragment):
            read(query, SCHEMA)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("operator", [': "Ā?.exe"', 'in~ ("āx.exe")', 'like~ "ā*"', ': "*ĀX*"'])
def test_case_beyond_ascii(engine: Engine, operator: str) -> None:
    """A caseless comparison folds letters beyond ASCII, as Elasticsearch does since pull request 153513."""
    records = tuple(Record("logs-test", {"process.name": name}) for name in ("Āx.exe", "āX.EXE", "ax.exe"))
    try:
        hits = engine.run(f"any where process.name {operator}", records, SCHEMA)
    except EngineUnavailable as missing:
        pytest.skip(str(missing))
    assert [hit.position for hit in hits] == [0, 1]


@pytest.mark.parametrize(
    ("column", "value"), [("destination.ip", ""), ("process.pid", "x"), ("process.elevated", "yes")]
)
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_record_that_no_index_holds(engine: Engine, column: str, value: str) -> None:
    """A value that its column's type cannot hold is reported, not treated as no match."""
    query = {
        "destination.ip": 'any where destination.ip == "10.0.0.1"',
        "process.pid": "any where process.pid == 1",
        "process.elevated": "any where process.elevated",
    }[column]
    with pytest.raises((NotRepresentable, EngineUnavailable)) as caught:
        engine.run(query, (Record("logs-test", {column: value}),), SCHEMA)
    if caught.type is EngineUnavailable:
        pytest.skip("no server")


def test_type_conflict_between_tables() -> None:
    """A field that two tables map to different families is refused; keyword and wildcard are one family."""
    schema = columns_only({"a": {"x": "keyword"}, "b": {"x": "wildcard", "y": "ip"}})
    record = Record("a", {"x": "v"})
    assert eql_interpreter.ENGINE.run('any where x == "v" and y == null', (record,), schema)
    conflict = columns_only({"a": {"x": "keyword"}, "b": {"x": "long"}})
    with pytest.raises(QueryError, match="different types"):
        eql_interpreter.ENGINE.run('any where x == "v"', (record,), conflict)


_SIGNS = "aAb*?\\.\n"
_TEXTS = st.text(_SIGNS, max_size=4)


def _quoted(text: str) -> str:
    return json.dumps(text)


_LEAVES = st.one_of(
    st.builds(
        lambda operator, text: f"process.name {operator} {_quoted(text)}",
        st.sampled_from([":", "==", "!=", "like", "like~"]),
        _TEXTS,
    ),
    st.builds(
        lambda operator, texts: f"event.type {operator} ({', '.join(map(_quoted, texts))})",
        st.sampled_from([":", "in", "in~", "not in", "not in~", "like", "like~"]),
        st.lists(_TEXTS, min_size=1, max_size=3),
    ),
    st.builds(
        lambda operator, text: f"process.name {operator} {_quoted(text)}",
        st.sampled_from(["regex", "regex~"]),
        st.sampled_from(["a+b*", "[ab]{1,2}", "[^a]?.*", "(a|A\\\\.)*", '.*"*".*', "[a-b]@", "(ab|b)?a?"]),
    ),
    st.builds(
        lambda operator, n: f"process.pid {operator} {n}",
        st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
        st.integers(-2, 2),
    ),
    st.builds(
        lambda block: f'cidrMatch(destination.ip, "{block}")', st.sampled_from(["10.0.0.0/8", "::/1", "10.1.2.3/32"])
    ),
    st.sampled_from(["process.name == null", "process.pid != null", "process.elevated", "true"]),
)
_CONDITIONS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
    ),
    max_leaves=6,
)
_ROWS = st.fixed_dictionaries(
    {},
    optional={
        "event.category": st.sampled_from(["process", ["process", "file"], "file"]),
        "process.name": _TEXTS,
        "event.type": st.lists(_TEXTS, max_size=3),
        "process.pid": st.integers(-2, 2) | st.lists(st.integers(-2, 2), max_size=2),
        "destination.ip": st.sampled_from(["10.1.2.3", "10.1.2.4", "::1", "ff::", ["9.9.9.9", "10.0.0.1"]]),
        "process.elevated": st.booleans(),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["any", "process"]), _CONDITIONS, st.lists(_ROWS, min_size=1, max_size=12))
def test_engines_and_reader_agree(category: str, condition: str, rows: list[dict[str, object]]) -> None:
    """Interpreter, Query DSL on osmem-server and the reader's predicate give one answer on any condition and rows."""
    query = f"{category} where {condition}"
    records = tuple(Record("logs-test", row) for row in rows)
    expected = [hit.position for hit in eql_interpreter.ENGINE.run(query, records, SCHEMA)]
    (branch,) = read(query, SCHEMA)
    assert [at for at, row in enumerate(rows) if holds(branch.predicate, row)] == expected
    try:
        executed = eql_as_query_dsl.ENGINE.run(query, records, SCHEMA)
    except EngineUnavailable:
        return
    assert [hit.position for hit in executed] == expected
