"""The SPL interpreter against what Splunk's documentation says, as tables of query and matching rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from converter.core.errors import QueryError
from converter.core.platform import Record
from converter.dialects.spl.nodes import Search
from converter.dialects.spl.syntax import parse, parse_both
from converter.engines.spl.commands import Row, retrieve
from converter.engines.spl.interpreter import ENGINE
from tests.support.schemas import columns_only

SCHEMA = columns_only({"": {}}, "_time", "")


def run(text: str, *rows: dict[str, Any]) -> list[int]:
    return [hit.position for hit in ENGINE.run(text, [Record("", row) for row in rows], SCHEMA)]


def shaped(text: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(hit.row) for hit in ENGINE.run(text, [Record("", row) for row in rows], SCHEMA)]


PATH = "C:\\inetpub\\wwwroot\\Shell.ASPX"

SEARCHES: list[tuple[str, list[dict[str, Any]], list[int]]] = [
    # values ignore case, field names don't
    ('f="CMD.exe"', [{"f": "cmd.EXE"}, {"F": "cmd.exe"}, {"f": "cmd.exe2"}], [0]),
    # * is any run, the empty one included, in quotes as well as bare, anywhere
    ('f="*cmd*"', [{"f": "cmd"}, {"f": "xCMDx"}, {"f": "cm d"}], [0, 1]),
    ("f=a*c", [{"f": "ac"}, {"f": "abbc"}, {"f": "acd"}, {"f": "a\nc"}], [0, 1, 3]),
    ('f="a?c"', [{"f": "abc"}, {"f": "a?c"}], [1]),
    # the doubled backslash is one, whether quoted or not
    ('f="*\\\\inetpub\\\\*"', [{"f": PATH}, {"f": "C:\\inetpub2\\x"}], [0]),
    ("f=*\\\\Shell.aspx", [{"f": PATH}, {"f": "C:\\XShell.aspx"}], [0]),
    ('f="say \\"hi\\""', [{"f": 'say "hi"'}, {"f": "say hi"}], [0]),
    # an unknown escape stays as it is
    ('f="a\\sb"', [{"f": "a\\sb"}, {"f": "a b"}], [0]),
    # = compares texts, < numbers where both are
    ("f=1", [{"f": 1}, {"f": "1"}, {"f": "1.0"}, {"f": "01"}], [0, 1]),
    ("f>9", [{"f": 10}, {"f": "10"}, {"f": 9}, {"f": "x"}, {}], [0, 1, 3]),
    ("f<=80", [{"f": 80}, {"f": 443}, {"f": 8}], [0, 2]),
    ("f IN (80, 443)", [{"f": 80}, {"f": "443"}, {"f": 8080}, {}], [0, 1]),
    ('f IN ("*\\\\w3wp.exe", php*)', [{"f": "C:\\W3WP.exe"}, {"f": "php-cgi"}, {"f": "w3wp.exe"}], [0, 1]),
    # NOT keeps rows without the field, != drops them, f=* asks for it
    ("NOT f=a", [{"f": "a"}, {"f": "b"}, {}, {"f": None}, {"f": []}], [1, 2, 3, 4]),
    ("NOT f IN (a, b)", [{"f": "A"}, {"f": "c"}, {}], [1, 2]),
    ("f!=a", [{"f": "a"}, {"f": "b"}, {}], [1]),
    ("f!=*", [{"f": "a"}, {}], []),
    ("f=*", [{"f": ""}, {"f": 0}, {}], [0, 1]),
    # CIDR, both versions, host bits allowed, negated keeps everything else
    ('f="10.0.0.0/8"', [{"f": "10.255.0.1"}, {"f": "11.0.0.1"}, {"f": "::1"}, {"f": "10"}], [0]),
    ("f=10.20.30.6/30", [{"f": "10.20.30.7"}, {"f": "10.20.30.8"}], [0]),
    ('f="fc00::/7"', [{"f": "FD12::1"}, {"f": "fe80::1"}, {"f": "10.0.0.1"}], [0]),
    ('NOT f="fc00::/7"', [{"f": "fd12::1"}, {"f": "x"}, {}], [1, 2]),
    ('f IN ("10.0.0.0/8", "fe80::/10")', [{"f": "10.1.1.1"}, {"f": "fe80::1"}, {"f": "8.8.8.8"}], [0, 1]),
    # a multivalue field: any of its values
    ("f=b", [{"f": ["a", "b"]}, {"f": ["a"]}], [0]),
    ("NOT f=b", [{"f": ["a", "b"]}, {"f": ["a"]}], [1]),
    # dotted fields, quoted or not; structure
    ('"p.FileName"="a" p.Id=1', [{"p.FileName": "A", "p.Id": 1}, {"p.FileName": "A"}], [0]),
    ("a=1 (b=2 OR c=3) NOT d=4", [{"a": 1, "b": 2}, {"a": 1, "c": 3, "d": 4}, {"a": 1}], [0]),
    ("search a=1 AND b=2", [{"a": 1, "b": 2}, {"a": 1}], [0]),
    ("``` title | x ``` a=1 ```more``` b=2", [{"a": 1, "b": 2}, {"a": 1}], [0]),
    # keywords are terms of _raw, not substrings
    ("whoami", [{"_raw": 'cmd="whoami /all"'}, {"_raw": "xwhoamix"}, {"_raw": "C:\\WHOAMI.exe"}], [0, 2]),
    ('"who am"', [{"_raw": "x who am i"}, {"_raw": "who ami"}], [0]),
    ("who*", [{"_raw": "x whoami"}, {"_raw": "xwhoami"}], [0]),
]

FILTERS: list[tuple[str, list[dict[str, Any]], list[int]]] = [
    # regex is case-sensitive, unanchored PCRE; its string has one layer of escapes
    ('regex f="\\\\.(asp|php)$"', [{"f": "x.asp"}, {"f": "x.ASP"}, {"f": "xasp"}, {}], [0]),
    ('regex f="(?i)\\\\.aspx?([^a-z0-9\\\\\\\\][^\\\\\\\\]*)?$"', [{"f": PATH}, {"f": "C:\\a.asp\\b"}], [0]),
    ('regex f="a\\.b"', [{"f": "a.b"}, {"f": "axb"}], [0]),
    ('regex f="^a\\|b$"', [{"f": "ax"}, {"f": "xb"}, {"f": "a|b"}], [0, 1, 2]),
    ('regex f="^a\\\\|b$"', [{"f": "ax"}, {"f": "a|b"}], [1]),
    ('regex f!="x"', [{"f": "x"}, {"f": "y"}], [1]),
    ('regex "x(?=y)"', [{"_raw": "xy"}, {"_raw": "xz"}], [0]),
    # where: case-sensitive, null is not true, nor is its NOT
    ('where f="a"', [{"f": "a"}, {"f": "A"}, {}], [0]),
    ('where NOT f="a"', [{"f": "a"}, {"f": "b"}, {}], [1]),
    ('where NOT match(f, "a")', [{"f": "xa"}, {"f": "b"}, {}], [1]),
    ('where isnull(f) OR NOT match(f, "a")', [{"f": "xa"}, {"f": "b"}, {}], [1, 2]),
    ('where f="a" OR g="b"', [{"g": "b"}, {"f": "x"}], [0]),
    ('where f="a" AND g="b" OR h="c"', [{"h": "c"}, {"f": "a", "h": "c"}, {"f": "a", "g": "b"}], [0, 1, 2]),
    ('where f="a" XOR g="b"', [{"f": "a", "g": "x"}, {"f": "a", "g": "b"}, {"f": "a"}], [0]),
    ("where f=80", [{"f": 80}, {"f": "80"}, {"f": "080"}, {"f": 81}], [0, 1, 2]),
    ("where f>9", [{"f": "10"}, {"f": 9}, {}], [0]),
    ("where 'p.a'=lower('p.b')", [{"p.a": "x", "p.b": "X"}, {"p.a": "X", "p.b": "X"}, {"p.a": "x"}], [0]),
    ("where lower(f)=lower(g)", [{"f": "aB", "g": "Ab"}, {"f": "a", "g": "b"}, {}], [0]),
    ('where like(f, "%in_t%")', [{"f": "x init"}, {"f": "int"}, {"f": "INIT"}], [0]),
    ('where cidrmatch("10.0.0.0/8", f)', [{"f": "10.1.1.1"}, {"f": "1.1.1.1"}, {"f": "x"}, {}], [0]),
    ('where NOT cidrmatch("fc00::/7", f)', [{"f": "fd00::1"}, {"f": "x"}, {}], [1]),
    ('where f IN ("a", "b")', [{"f": "b"}, {"f": "B"}, {}], [0]),
    ('where NOT in(f, "a", "b")', [{"f": "b"}, {"f": "c"}, {}], [1]),
    ('where coalesce(f, "")!="a"', [{"f": "a"}, {"f": "b"}, {}], [1, 2]),
    ('where if(isnull(f), false(), f="a")', [{"f": "a"}, {"f": "b"}, {}], [0]),
    ('where case(f="a", true(), g="b", true())', [{"f": "a"}, {"g": "b"}, {"f": "x"}], [0, 1]),
    ("where mvcount(f)=2", [{"f": ["a", "b"]}, {"f": "a"}, {}], [0]),
    ('where len(f)=3 AND substr(f, 1, 2)="ab" AND substr(f, -1)="c"', [{"f": "abc"}, {"f": "abd"}, {}], [0]),
    ('where replace(f, "[0-9]+", "#")="a#b"', [{"f": "a12b"}, {"f": "ab"}], [0]),
    ('where tonumber(f)+1=3 AND tostring(f)="2"', [{"f": "2"}, {"f": "x"}], [0]),
    ('where f."x"="ax"', [{"f": "a"}, {"f": "b"}, {}], [0]),
    ('where match(f, "^b$")', [{"f": ["a", "b"]}, {"f": ["a"]}], [0]),
    ('where f="C:\\\\a"', [{"f": "C:\\a"}, {"f": "C:\\\\a"}], [0]),
]


@pytest.mark.parametrize(("query", "rows", "expected"), SEARCHES, ids=[query for query, _, _ in SEARCHES])
def test_search_conditions(query: str, rows: list[dict[str, Any]], expected: list[int]) -> None:
    """A search returns the rows that the documentation says it does, first in the pipeline and later."""
    assert run(query, *rows) == expected
    if not query.startswith(("search", "```")):
        assert run(f"* | search {query}", *rows) == expected


@pytest.mark.parametrize(("query", "rows", "expected"), FILTERS, ids=[query for query, _, _ in FILTERS])
def test_filters(query: str, rows: list[dict[str, Any]], expected: list[int]) -> None:
    """regex and where keep the rows that the documentation says they do."""
    assert run(f"* | {query}", *rows) == expected


REFUSED = [
    "a=1 b=2 OR c=3",
    "a=1 OR b=2 c=3",
    "a=1 OR b=2 AND c=3",
    "a=1 OR",
    "a=1 AND",
    "AND a=1",
    "a=1 and b=2",
    "NOT",
    "(a=1",
    "a=1)",
    'a="x',
    "a=IN",
    'a="x\\*"',
    "a<b*",
    "",
    "``` only a comment ```",
    "``` open",
    "`macro`",
    "TERM(a)",
    "a=CASE(x)",
    "eventtype=x",
    "tag::host=x",
    "a=1 [search b=2]",
    "a=1 OR earliest=-24h",
    "a=1 (b=2 earliest=-24h)",
    "a=1 earliest=-24h earliest=-1h",
    "a=1 | search earliest=-24h b=2",
    "a=1 | search OR b=2",
    '| rex "(?<x>.)"',
    "| search a=1",
    "| tstats count",
    "| multisearch [search a=1]",
    "| multisearch [a=1] [search b=2]",
    "| multisearch [search a=1 | stats count] [search b=2]",
    "| multisearch [search a=1 | table a] [search b=2]",
    "a=1 | multisearch [search a=1] [search b=2]",
    "a=1 | unknown x",
    "a=1 | regex a=b",
    'a=1 | regex NOT a="b"',
    'a=1 | where a.b="x"',
    'a=1 | where a="x" and b="y"',
    "a=1 | where unknown(a)",
    "a=1 | where match(a)",
    'a=1 | where match(a, "x\\|y")',
    "a=1 | where 1<a<3",
    "a=1 | eval a.b=1",
    "a=1 | stats avg(a)",
    "a=1 | sort a desc",
    "a=1 | dedup a sortby b",
    "a=1 | rename a* AS b*",
    'a=1 | rex mode=sed "s/a/b/"',
    "a=1 |",
]


@pytest.mark.parametrize("query", REFUSED)
def test_refused_text(query: str) -> None:
    """What isn't in the subset, or means two things, is an error before any row is looked at."""
    with pytest.raises(QueryError):
        run(query)


REFUSED_ON_ROWS = [
    ('* | regex f="("', {"f": "x"}),
    ('* | regex f!="x"', {}),
    ('* | where like(f, "a\\%b")', {"f": "x"}),
    ('* | where match(f, "(")', {"f": "x"}),
    ("* | where f", {"f": "x"}),
    ("* | where f+1=2", {"f": "x"}),
    ('* | where cidrmatch("x", f)', {"f": "x"}),
    ("* | eval a=true()", {"f": "x"}),
    ("* | where len(f)=1", {"f": ["x", "y"]}),
    ("keyword", {"f": "x"}),
    ("earliest=-24h f=x", {"f": "x"}),
    ("earliest=-24h@h f=x", {"f": "x", "_time": "2026-01-01T00:00:00.000Z"}),
]


@pytest.mark.parametrize(("query", "row"), REFUSED_ON_ROWS)
def test_refused_on_rows(query: str, row: dict[str, Any]) -> None:
    """What a query can't mean on the rows at hand is an error, not a guess."""
    with pytest.raises(QueryError):
        run(query, row)


def test_precedence_is_readable_both_ways() -> None:
    """OR binds before AND in Splunk; the other reading differs unless every OR group has parentheses."""
    text = "a=1 b=2 OR c=3"
    assert parse(text, "or_first") == parse("a=1 (b=2 OR c=3)")
    assert parse(text, "and_first") == parse("(a=1 b=2) OR c=3")
    assert parse_both("a=1 (b=2 OR c=3)") == parse("a=1 AND (b=2 OR c=3)")


def stamp(**ago: int) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_time_range() -> None:
    """earliest is against the schema's time, and a range that names no end ends now."""
    rows = [
        {"f": "x", "_time": stamp(hours=23)},
        {"f": "x", "_time": stamp(hours=25)},
        {"f": "x", "_time": stamp(hours=-1)},
    ]
    assert run("f=x earliest=-24h", *rows) == [0]
    assert run("f=x earliest=-2d latest=-1d", *rows) == [1]
    assert run("earliest=-24h latest=now (f=x)", *rows) == [0]
    assert run("f=x", *rows) == [0, 1, 2]


def test_time_range_is_half_open() -> None:
    """earliest is within the range, latest is not."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    (search,) = parse("f=x earliest=-1d").commands
    assert isinstance(search, Search)
    rows = [Row({"f": "x", "_time": moment}, (0,)) for moment in ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")]
    assert retrieve(search, rows, "_time", now) == rows[:1]


def test_multisearch_labels_each_branch() -> None:
    """Each subsearch returns its own rows, a record may be in several, and labels don't leak between them."""
    text = (
        '| multisearch [search a=1 | eval DetectionType="X"] [search b=2 | regex c="^z" | eval DetectionType="Y"]\n'
        "| sort 0 -_time | table _time, DetectionType, c"
    )
    rows = [
        {"a": 1, "b": 2, "c": "zz", "_time": "2026-01-01T00:00:00.000Z"},
        {"a": 1, "_time": "2026-01-02T00:00:00.000Z"},
    ]
    assert run(text, *rows) == [1, 0, 0]
    assert [row["DetectionType"] for row in shaped(text, *rows)] == ["X", "X", "Y"]
    assert list(shaped(text, *rows)[0]) == ["_time", "DetectionType", "c"]


SHAPES: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("table b, a", [{"a": 1, "c": 2}], [{"b": None, "a": 1}]),
    ("fields a", [{"a": 1, "b": 2, "_time": "t"}], [{"a": 1, "_time": "t"}]),
    ("fields - a, x*", [{"a": 1, "b": 2, "x1": 3}], [{"b": 2}]),
    ('rename a AS "b c"', [{"a": 1, "b c": 2}], [{"b c": 1}]),
    ("rename a AS b", [{"b": 2}], [{}]),
    (
        'rex field=a "(?<d>[0-9]+)"',
        [{"a": "x12"}, {"a": "x", "d": "0"}],
        [{"a": "x12", "d": "12"}, {"a": "x", "d": "0"}],
    ),
    ('eval b=a."!", c=upper(b)', [{"a": "x"}, {"b": "y"}], [{"a": "x", "b": "x!", "c": "X!"}, {}]),
    ("sort 0 a", [{"a": 10}, {}, {"a": 9}, {"a": "x"}], [{"a": 9}, {"a": 10}, {"a": "x"}, {}]),
    ("sort 2 -a", [{"a": 1}, {}, {"a": 3}, {"a": 2}], [{"a": 3}, {"a": 2}]),
    ("head 1", [{"a": 1}, {"a": 2}], [{"a": 1}]),
    ("dedup a", [{"a": 1, "b": 1}, {"a": 1}, {"b": 2}], [{"a": 1, "b": 1}]),
    ("append [search a=2]", [{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}, {"a": 2}]),
    ("bin _time span=1h", [{"_time": "2026-01-01T10:59:59.000Z"}], [{"_time": "2026-01-01T10:00:00.000Z"}]),
]


@pytest.mark.parametrize(("command", "rows", "expected"), SHAPES, ids=[command for command, _, _ in SHAPES])
def test_commands_shape_rows(command: str, rows: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Each command gives the rows that its page describes."""
    assert shaped(f"* | {command}", *rows) == expected


def test_stats_keeps_the_records_of_each_group() -> None:
    """A stats row stands for all of its records, and rows without the by-field are left out."""
    text = "* | stats count, values(b) AS bs, dc(b), min(n), max(n) AS top by a | where count>1"
    rows = [{"a": "x", "b": "q", "n": 9}, {"a": "y"}, {"a": "x", "b": "p", "n": "10"}, {"b": "z"}]
    assert run(text, *rows) == [0, 2]
    assert shaped(text, *rows)[0] == {"a": "x", "count": 2, "bs": ["p", "q"], "dc(b)": 2, "min(n)": 9, "top": "10"}


def test_records_are_not_changed() -> None:
    """Running a query leaves the caller's records as they were."""
    row = {"a": 1}
    run("a=1 | eval a=2, b=3 | rename a AS c | fields - b", row)
    assert row == {"a": 1}


def test_refusals_point_at_the_place() -> None:
    """An error names line and column."""
    with pytest.raises(QueryError, match="line 2, column 3"):
        run("a=1\n| unknown")
