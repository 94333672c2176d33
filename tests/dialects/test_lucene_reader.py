"""The reader of Lucene query strings, against the engine that executes them and against the meaning written here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.errors import OutOfFragment, QueryError
from converter.core.platform import Record
from converter.dialects.lucene import syntax
from converter.dialects.lucene.reader import read
from converter.engines.elastic.lucene_osmem import ENGINE
from converter.semantics.decide.evaluate import holds
from tests.dialects.schemas import schema

TYPES = {
    "k": "keyword",
    "w": "wildcard",
    "ip": "ip",
    "n": "long",
    "b": "boolean",
    "@timestamp": "date",
    "e.c": "keyword",
}
SCHEMA = schema({"one": TYPES})
VALUES = [
    *(
        "a",
        "A",
        "b",
        "ab",
        "axb",
        "AXB",
        "a\\b",
        "a\\\\b",
        "a*b",
        "a?b",
        "a:b",
        "a b",
        "a/b",
        'a"b',
        "a-b",
        "a(b",
        "a\nb",
    ),
    *("", "OR", "AND", ">a", "a&&b", "!", "é", "a]b", "a\\", "\\*"),
]
ROWS: list[dict[str, Any]] = [
    *({field: v} for field in "kw" for v in VALUES),
    {"k": ["a", "b"], "e.c": ["file"]},
    {"k": "axb", "n": 80, "e.c": "process"},
    *({"ip": v} for v in ("10.0.0.1", "::ffff:10.0.0.1", "11.0.0.1", "fc00::1", "::1")),
    *({"n": v} for v in (79, 80, 443, -1, [1, 2])),
    {"b": True},
    {"b": False},
    {},
]
RECORDS = [Record("one", row) for row in ROWS]


def meant(text: str) -> list[int]:
    (branch,) = read(text, SCHEMA)
    return [i for i, row in enumerate(ROWS) if holds(branch.predicate, row)]


def executed(text: str) -> list[int]:
    return sorted(hit.position for hit in ENGINE.run(text, RECORDS, SCHEMA))


VALUE_TEXTS = [
    *(
        "a",
        "AXB",
        r"a\\b",
        r"a\b",
        r"a\*b",
        r"a\?b",
        r"a\:b",
        r"a\ b",
        r"a\/b",
        r"a\"b",
        "a-b",
        r"a\(b",
        r"\OR",
        r"a\\",
    ),
    *(
        '"a"',
        r'"a\\b"',
        '"a*b"',
        '"a:b"',
        '"a b"',
        '"a/b"',
        r'"a\"b"',
        '""',
        '"OR"',
        '">a"',
        '"a\nb"',
        r"\u0061",
        "a&&b",
    ),
    *(
        "a*b",
        "a?b",
        "a*",
        "*b",
        "*",
        "**",
        "?",
        r"a\\*b",
        r"a\\\*b",
        r"\\*",
        "A?B",
        r"a\:*",
        "aé*",
        r"\!",
        "a=b",
    ),
    *("/a.b/", "/A.B/", r"/a\\b/", r"/a[\\]b/", r"/a\/b/", r"/a[\/]b/", r"/a\"b/", "/a[*]b/", "/.*/", "/a b/", "/a|b/"),
    *("/[aA][xX]?[bB]/", r"/[^\\\/]+/", r"/a[\]]b/", "/(a|é).*/", "/ab?/", "/a{1,2}/"),
    *(
        "(a OR b)",
        "(a OR b OR /A.*/)",
        '(a || "a b")',
        "(NOT a)",
        "(-a)",
        "(+a)",
        "(a AND b)",
        "(a && b)",
        "(+a +b)",
        "(a -b)",
    ),
    *("(*)", "(a* b)", '(a "b")', "(a OR (b AND NOT AXB))"),
]
QUERIES = [
    *(f"{field}:{value}" for field in "kw" for value in VALUE_TEXTS),
    *(
        "k: a",
        "k :a",
        r"\k:a",
        "*:*",
        "*",
        "NOT *:*",
        "_exists_:k",
        'NOT _exists_:"n"',
        "_exists_:e.c",
        "!k:a",
        "-k:a",
        "+k:a",
    ),
    *('ip:"10.0.0.0/8"', r"ip:10.0.0.0\/8", r"ip:fc00\:\:\/7", 'ip:"fc00::/7"', "ip:10.0.0.1", r"ip:\:\:1", "ip:*"),
    *(
        'ip:("10.0.0.0/8" OR "fc00::/7")',
        'NOT ip:"10.0.0.0/8"',
        "ip:[10.0.0.0 TO 10.255.255.255]",
        "ip:{10.0.0.1 TO *]",
    ),
    *("n:80", 'n:"80"', r"n:\-1", "n:(80 OR 443)", "n:[80 TO 443]", "n:{80 TO 443}", "n:{80 TO 443]", "n:[80 TO 443}"),
    *(
        "n:>80",
        "n:>=80",
        "n:<80",
        "n:<=80",
        "n:[* TO 80]",
        "n:[80 TO *]",
        "n:(>=80 AND <443)",
        "n:>=80 AND n:<443",
        "n:*",
    ),
    *(
        "b:true",
        'b:"false"',
        "NOT b:true",
        "k:axb AND e.c:process AND n:80",
        "k:a AND NOT k:b",
        "k:a NOT k:b",
        "k:a !k:b",
    ),
    *(
        "k:a OR k:b",
        "k:a k:b",
        "k:a || k:b",
        "k:a && e.c:file",
        "k:a AND -k:b",
        "k:a AND +k:b",
        "+k:a -k:b",
        "-k:a -k:b",
    ),
    *("(k:a AND k:b) OR k:axb", "k:a OR (k:b AND k:axb)", "k:a OR (NOT k:b)", "(NOT k:a) OR k:a", "NOT (k:a OR k:b)"),
    *("NOT (NOT k:a)", "NOT k:a AND NOT k:b", "k:a\n AND\tk:b", "((k:a))", "k:(a OR b) AND e.c:file", "k:(a OR n:80)"),
]


@pytest.mark.parametrize("text", QUERIES)
def test_the_reading_agrees_with_the_engine(text: str) -> None:
    """What is read is true of exactly the records that the server returns."""
    assert meant(text) == executed(text)


LEAVES = st.sampled_from(["k:a", "k:b", "n:80", 'ip:"10.0.0.0/8"', "_exists_:k", r"k:/a[^\\]b/", "w:a*", "k:(a OR b)"])


def _written(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    clauses = st.lists(inner.map(lambda text: f"({text})"), min_size=1, max_size=3)
    marked = st.tuples(st.sampled_from(["", "NOT ", "-", "+"]), inner).map(lambda pair: f"{pair[0]}({pair[1]})")
    return st.one_of(
        clauses.map(" OR ".join),
        clauses.map(" ".join),
        st.lists(marked, min_size=1, max_size=3).map(" AND ".join),
        st.lists(inner, min_size=1, max_size=2).map(lambda texts: " ".join(f"-({text})" for text in texts)),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(LEAVES, _written, max_leaves=8))
def test_any_nesting_agrees_with_the_engine(text: str) -> None:
    """Clauses mean what the server does, however they are nested and marked."""
    assert meant(text) == executed(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["k:a", "k:b", "NOT k:b", "-k:a", "+k:b", "n:80"]), min_size=1, max_size=4), st.data())
def test_mixtures_are_refused_or_right(clauses: list[str], data: st.DataObject) -> None:
    """Without parentheses the operators are no boolean ones: a mixture is refused, or read as the server takes it."""
    joins = [data.draw(st.sampled_from([" AND ", " OR ", " ", " && ", " || "])) for _ in clauses[1:]]
    text = clauses[0] + "".join(join + clause for join, clause in zip(joins, clauses[1:], strict=True))
    try:
        reading = meant(text)
    except (OutOfFragment, QueryError):
        return
    assert reading == executed(text)


QUOTED_ENDS = '["10.0.0.0" TO "10.255.255.255"]'


def test_quoted_ends_of_a_range() -> None:
    """Lucene takes the quotes off; the server keeps them and finds nothing, so it is not asked here."""
    assert meant(f"ip:{QUOTED_ENDS}") == meant("ip:[10.0.0.0 TO 10.255.255.255]") != []


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("k:a", None),
        ("@timestamp:[now-24h TO now]", 1440),
        ("@timestamp:>=now-90m AND k:a", 90),
        ("k:a AND @timestamp:{now-7d TO *]", 10080),
        ("@timestamp:[now-24h TO now] AND @timestamp:>now-1h", 60),
    ],
)
def test_the_time_window_is_apart_from_the_predicate(text: str, minutes: int | None) -> None:
    """A lower bound on the time column among the outermost conditions is the window, the narrowest of several."""
    (branch,) = read(text, SCHEMA)
    assert branch.window_minutes == minutes
    assert holds(branch.predicate, {"k": "a"})


REFUSED = {
    QueryError: [
        *(
            "",
            " ",
            "k:",
            "k:(a",
            "k:a)",
            "(k:a",
            "()",
            "k:()",
            "k:a AND",
            "AND k:a",
            "k:OR",
            "NOT NOT k:a",
            "k:a:b",
            "k:a(b",
        ),
        *(
            "k:a/b",
            "k:/a/b/",
            "k:/axb",
            'k:"a',
            "k:a\\",
            "k:[a b]",
            "k:[1 TO",
            "k:-1",
            r"k:/a\\/",
            r"k:a\u00",
            "ip:fc00::/7",
        ),
        *(r"n:\>80", r"k:\<a", "* OR n:x", "(NOT *) AND n:x"),
        *(
            "zork:a",
            "NOT zork:a",
            "_exists_:zork",
            "ip:nope",
            'ip:"10.0.0.0/33"',
            'ip:"::ffff:10.0.0.0/104"',
            "ip:10.*",
        ),
        *("n:x", "n:8*", "n:/8./", "n:80.5", "b:yes", "k:/a(/", "k:/" + "a" * 1001 + "/"),
    ],
    OutOfFragment: [
        *(
            "a",
            '"a"',
            "a AND k:b",
            "/a/",
            "k:a b",
            "k:(a b)",
            "! k:a",
            "k:a or k:b",
            "not k:a",
            "k:a -b",
            "k:/a/i",
            "*a",
        ),
        *(
            "k:a~",
            "k:a~1",
            'k:"a b"~2',
            "k:a^2",
            "(k:a)^2",
            "k:[a TO b]",
            "k:>a",
            "*:a",
            "k*:a",
            r"k:\u0061*",
            "k:/a~b/",
        ),
        *("k:a AND k:b OR k:axb", "k:a OR k:b AND k:axb", "k:a OR k:b k:axb", "k:a AND k:b k:axb", "k:a OR NOT k:b"),
        *("NOT k:a OR k:b", "k:a OR -k:b", "k:a OR +k:b", "k:a +k:b", "k:(a +b)"),
        *("@timestamp:[now-24h TO now-1h]", "@timestamp:[now-1d/d TO now]", "@timestamp:[* TO now]", "_exists_:k*"),
        *("NOT @timestamp:[now-24h TO now]", "k:a OR @timestamp:[now-24h TO now]", "(" * 101 + "k:a" + ")" * 101),
    ],
}


@pytest.mark.parametrize(
    ("error", "text"), [(e, t) for e, texts in REFUSED.items() for t in texts], ids=lambda v: str(v)[:40]
)
def test_refusals(error: type[Exception], text: str) -> None:
    """What Elasticsearch refuses, takes for nothing or reads unlike it looks is a QueryError; the rest says so."""
    with pytest.raises(error):
        read(text, SCHEMA)


def test_the_tree() -> None:
    """Escapes are undone in words and quotes, kept in patterns and regular expressions; groups keep their field."""
    assert syntax.parse(r'e.c:(a\:b OR "x\"y*" OR a\\* OR /p\/q/ OR [1 TO *} OR <=5)') == syntax.Fielded(
        "e.c",
        syntax.AnyOf(
            (
                syntax.Word("a:b"),
                syntax.Quoted('x"y*'),
                syntax.Pattern(r"a\\*"),
                syntax.Regex(r"p\/q"),
                syntax.Span("1", None, False, True),
                syntax.Span(None, "5", False, False),
            )
        ),
    )
