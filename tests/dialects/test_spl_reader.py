"""The SPL reader: what it says a query means, and that the interpreter agrees on every row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.errors import OutOfFragment, QueryError
from converter.core.platform import Column, Record
from converter.dialects.spl.reader import read
from converter.engines.spl.interpreter import ENGINE
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import Addresses, And, Atom, Not, Numbers, Or, Present, SameAs, Strings
from converter.semantics.regular.language import literal
from tests.dialects.schemas import kind, schema

SCHEMA = schema(
    {"": {"s": "string", "t": "string", "p.q": "string", "ip": "string", "n": "number", "mv": "string"}},
    (kind("", (Column("mv", "string", "Mv", array=True),), {}),),
    time="_time",
    identity="",
)


def only(text: str) -> Any:
    (branch,) = read(text, SCHEMA)
    return branch.predicate


PREDICATES = [
    ('s="Ab"', Atom("s", Strings(literal("Ab", True)))),
    ("n=80", Atom("n", Numbers(((80, 80),)))),
    ('n="80"', Atom("n", Numbers(((80, 80),)))),
    ("unknown=80", Atom("unknown", Strings(literal("80", True)))),
    ('unknown="80"', Atom("unknown", Strings(literal("80", True)))),
    ("s=80", Atom("s", Strings(literal("80", True)))),
    ("n>=80", Atom("n", Numbers(((80, None),)))),
    ("n<80", Atom("n", Numbers(((None, 79),)))),
    ("s=*", Atom("s", Present())),
    ('ip="10.0.0.0/8"', Atom("ip", Addresses(((4, 10 << 24, (11 << 24) - 1),)))),
    ("NOT s=a", Not(Atom("s", Strings(literal("a", True))))),
    ("s!=a", And((Atom("s", Present()), Not(Atom("s", Strings(literal("a", True))))))),
    ("n IN (1, 2)", Or((Atom("n", Numbers(((1, 1),))), Atom("n", Numbers(((2, 2),)))))),
    ("* | where isnull(s)", Not(Atom("s", Present()))),
    ('* | where s="a"', Atom("s", Strings(literal("a", False)))),
    ('* | where lower(s)="a"', Atom("s", Strings(literal("a", True)))),
    ("* | where lower(s)=lower(t)", Atom("s", SameAs("t", "equals", True))),
    ("* | where substr(lower(s), 1, len(t))=lower(t)", Atom("s", SameAs("t", "startswith", True))),
    ("* | where substr(lower(s), 1+len(lower(s))-len(lower(t)))=lower(t)", Atom("s", SameAs("t", "endswith", True))),
    ("* | where tonumber(n)>=5", Atom("n", Numbers(((5, None),)))),
    ("* | where isnull(tonumber(n))", Not(Atom("n", Numbers(((None, None),))))),
    ('* | rename s AS x | search x="a"', Atom("s", Strings(literal("a", True)))),
]


@pytest.mark.parametrize(("query", "predicate"), PREDICATES, ids=[query for query, _ in PREDICATES])
def test_predicates(query: str, predicate: Any) -> None:
    """Each condition reads as the atom that its documentation describes."""
    assert only(query) == predicate


def test_branches() -> None:
    """multisearch is a branch per search, with its window, its constant labels and the common projection."""
    text = """```Web shell```
| multisearch
    [search s="a" earliest=-24h (n=1 OR n=2) | eval DetectionType="X"]
    [search s="b" earliest=-90m latest=now | eval DetectionType="Y", Other=lower(s)]
| rename DetectionType AS Kind
| sort 0 -_time
| table _time, Kind, s"""
    first, second = read(text, SCHEMA)
    assert (first.tables, first.window_minutes, first.labels) == ((), 1440, {"Kind": "X"})
    assert (second.window_minutes, second.labels) == (90, {"Kind": "Y"})
    assert first.columns == second.columns == ("_time", "Kind", "s")
    assert holds(first.predicate, {"s": "A", "n": 2})
    assert not holds(first.predicate, {"s": "A", "n": 3})


def test_scope_stays_in_the_predicate() -> None:
    """source and the event's number are conditions like any other: SPL names no table."""
    (branch,) = read('source="XmlWinEventLog:X" n=1 | fields s', SCHEMA)
    assert branch.columns == ("s",)
    assert branch.window_minutes is None
    assert branch.predicate == And(
        (Atom("source", Strings(literal("XmlWinEventLog:X", True))), Atom("n", Numbers(((1, 1),))))
    )


OUTSIDE = [
    "keyword",
    "s>5",
    "n>1.5",
    "mv!=a",
    's="a" | stats count by s',
    's="a" | dedup s',
    's="a" | head 1',
    's="a" | sort -s',
    's="a" | append [search s="b"]',
    's="a" | regex s!="x"',
    's="a" | regex s="x(?=y)"',
    's="a" | eval s="b" | search s="b"',
    's="a" | eval x=lower(s) | where x="a"',
    's="a" | rex field=s "(?<x>.)" | search x="a"',
    's="a" | table s | search n=1',
    's="a" | rename s AS t | search s="a"',
    's="a" | fields - n | search n=1',
    "* | where s",
    "* | where len(s)=1",
    "* | where s<t",
    '* | where tonumber(n)="80"',
    "* | where substr(s, 2)=t",
    "* | where s=80",
    "* | where unknown=80",
    "* | where tonumber(s)=80",
    "* | where isnotnull(tonumber(unknown))",
    "unknown>80",
    'unknown!="a*"',
    '* | where unknown!="a"',
    '* | where lower(s)="A"',
    '* | where mv!="a"',
    "* | where match(s, t)",
    '* | where s="a"."b"',
    "* | where lower(s)=t",
    's="a" earliest=-24h@h',
    's="a" earliest=-24h latest=-1h',
    "s=a | table s*",
]


@pytest.mark.parametrize("query", OUTSIDE)
def test_outside_the_fragment(query: str) -> None:
    """What the predicate can't say, or the documentation leaves open, is refused."""
    with pytest.raises(OutOfFragment):
        read(query, SCHEMA)


@pytest.mark.parametrize("query", ["n=1 s=a OR s=b", "s=a | unknown", '* | regex s="("', '* | where like(s, "a\\%")'])
def test_errors(query: str) -> None:
    """A text that Splunk refuses, or that means two things, has no reading."""
    with pytest.raises(QueryError):
        read(query, SCHEMA)


# --- agreement with the interpreter --------------------------------------------------------------------------------

TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "x.asp",
    "X.ASP",
    "C:\\w\\x.asp",
    "80",
    "080",
    "80.0",
    "10.0.0.1",
    "fd00::1",
    'q"',
    "a|b",
    "b%",
    "é",
    "É",
]
NUMBERS = [1, 79, 80, 443]

ROWS = st.fixed_dictionaries(
    {},
    optional={
        "s": st.sampled_from(TEXTS),
        "t": st.sampled_from(TEXTS),
        "p.q": st.sampled_from(TEXTS),
        "ip": st.sampled_from(["10.0.0.1", "::ffff:10.0.0.1", "10.0.1.1", "8.8.8.8", "fd00::1", "fe80::1", "x"]),
        "n": st.sampled_from(NUMBERS),
        "unknown": st.sampled_from([*TEXTS, 80, 80.5]),
        "mv": st.lists(st.sampled_from(TEXTS), max_size=3),
    },
)

SEARCH_ATOMS = [
    's="a"', "s=*", 's!="a"', 's="*.asp"', 's="C:\\\\*\\\\x.ASP"', 's IN ("a", "x*", 80)', 's=""', 's="q\\""',
    '"p.q"="A*"', "p.q!=a", "n=80", "n!=80", "n>79", "n<=80", "n IN (1, 443)", 'n="4*"', 'ip="10.0.0.0/24"',
    'ip="fc00::/7"', 'ip!="10.0.0.0/8"', "mv=a", 'mv IN ("x*", b)', "mv=*", 's="é"', "unknown=80", "unknown IN (80, a)",
]  # fmt: skip

WHERE_ATOMS = [
    's="a"', 's!="a"', '"a"=s', "n=80", "80<=n", "n!=80", "isnull(s)", "isnotnull('p.q')", 'lower(s)="x.asp"',
    'upper(s)!="AB"', "lower(s)=lower(t)", "s=t", "s!=t", 'match(s, "(?i)\\\\.asp$")', 'match(mv, "^a|b$")',
    'match(\'p.q\', "[^\\\\\\\\]+")', 'like(s, "%.a_p")', 'like(lower(s), "a%")', 'cidrmatch("10.0.0.0/8", ip)',
    'cidrmatch("fc00::/7", coalesce(ip, ""))', 'in(s, "a", "A")', 's IN ("80", "ab")', 'coalesce(s, "")="a"',
    'coalesce(s, "a")="a"', 'coalesce(s="a", false())', 'if(isnull(s), n=80, s="a")', "true()", "false()",
    'case(s="a", n=80, isnull(t), true())', "substr(lower(s), 1, len(t))=lower(t)", 'mv="a"', 's="é"',
    "substr(lower(s), 1+len(s)-len(t))=lower(t)", "t=substr(s, 0-len(t))", "substr(s, -len(t))!=t",
    "tonumber(n)!=80", "s in(\"a\", \"b%\")",
    'match(s, "(?is)^(?:.*\\.asp|c:\\\\\\\\w.*)\\z")', 'cidrmatch("::ffff:10.0.0.0/104", ip)',
]  # fmt: skip


def combined(atoms: list[str]) -> st.SearchStrategy[str]:
    """Fully parenthesised conditions over the atoms."""
    return st.recursive(
        st.sampled_from(atoms),
        lambda inner: st.one_of(
            st.builds("NOT ({})".format, inner),
            st.builds("({}) AND ({})".format, inner, inner),
            st.builds("({}) OR ({})".format, inner, inner),
        ),
        max_leaves=4,
    )


def agree(query: str, rows: list[dict[str, Any]]) -> None:
    found = {hit.position for hit in ENGINE.run(query, [Record("", row) for row in rows], SCHEMA)}
    branches = read(query, SCHEMA)
    told = {i for i, row in enumerate(rows) if any(holds(branch.predicate, row) for branch in branches)}
    assert told == found, query


@settings(max_examples=100, deadline=None)
@given(combined(SEARCH_ATOMS), st.lists(ROWS, min_size=1, max_size=8))
def test_search_reads_as_it_runs(condition: str, rows: list[dict[str, Any]]) -> None:
    """The predicate of a search holds on exactly the rows that the interpreter returns."""
    agree(f"({condition})", rows)


@settings(max_examples=100, deadline=None)
@given(combined(WHERE_ATOMS), st.lists(ROWS, min_size=1, max_size=8))
def test_where_reads_as_it_runs(condition: str, rows: list[dict[str, Any]]) -> None:
    """The predicate of a where command holds on exactly the rows that the interpreter keeps, nulls included."""
    agree(f"* | where {condition}", rows)


@pytest.mark.parametrize("atom", SEARCH_ATOMS)
def test_each_search_atom_agrees(atom: str) -> None:
    """Every search atom, and its NOT, agrees on every value of every field."""
    rows: list[dict[str, Any]] = [
        {},
        *({"s": x, "p.q": x, "mv": ["zz", x], "unknown": x} for x in TEXTS),
        *({"n": n} for n in NUMBERS),
    ]
    rows += [{"ip": ip} for ip in ("10.0.0.1", "10.0.1.1", "8.8.8.8", "fd00::1", "x")]
    agree(atom, rows)
    agree(f"NOT {atom}", rows)


@pytest.mark.parametrize("atom", WHERE_ATOMS)
def test_each_where_atom_agrees(atom: str) -> None:
    """Every where atom, and its NOT, agrees on every pair of texts and on missing fields."""
    rows: list[dict[str, Any]] = [{}, *({"s": x, "t": y} for x in TEXTS for y in TEXTS[:6])]
    rows += [{"s": x, "p.q": x, "mv": ["zz", x], "n": n} for x in TEXTS for n in (1, 80)]
    rows += [{"t": "a"}, {"s": "a", "ip": "10.0.0.1"}, {"ip": "::ffff:10.0.0.1"}, {"ip": "fd00::1"}, {"ip": "x"}]
    agree(f"* | where {atom}", rows)
    agree(f"* | where NOT ({atom})", rows)


PIPELINES = [
    'n=80 (s="a" OR s="*.asp") | regex s="\\\\.asp$" | table _time, s',
    '| multisearch [search s="a*" | eval D="X"] [search n=80 NOT s="a" | eval D="Y"] | sort 0 -_time | table D, s',
    's=* | regex s="^C:\\\\\\\\" | where NOT like(s, "%w%") OR isnull(n)',
    's=* | eval x=s | rename x AS y | search y="ab" | fields y, D',
]


@pytest.mark.parametrize("query", PIPELINES)
def test_pipelines_read_as_they_run(query: str) -> None:
    """Whole pipelines agree too."""
    rows: list[dict[str, Any]] = [{}, {"n": 80}, *({"s": x} for x in TEXTS), *({"s": x, "n": 80} for x in TEXTS)]
    agree(query, rows)
