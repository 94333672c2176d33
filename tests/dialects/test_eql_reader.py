"""The EQL reader: the Predicate of a shipped text, in the exact form that the decision procedure gets."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from converter.core.addresses import both_spellings
from converter.core.errors import OutOfFragment, QueryError
from converter.dialects.eql.reader import read
from converter.dialects.eql.syntax import Both, Comparison, Constant, Either, FieldName, Lookup, Negation, parse
from converter.engines.elastic.lucene_pattern import compile_lucene
from converter.semantics.decide.evaluate import holds, matches
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    Addresses,
    And,
    Atom,
    Not,
    Numbers,
    Or,
    Predicate,
    Present,
    Strings,
)
from converter.semantics.regular.flavours import from_lucene
from converter.semantics.regular.language import ANY_CHAR, ANY_STRING, Seq, char, literal
from tests.dialects.schemas import schema

TYPES = {
    "event.category": "keyword",
    "name": "keyword",
    "line": "wildcard",
    "port": "long",
    "ip": "ip",
    "flag": "boolean",
}
SCHEMA = schema({"logs-test": TYPES})


def _is(field: str, text: str, ignore_case: bool = False) -> Atom:
    return Atom(field, Strings(Seq((literal(text, ignore_case),))))


def _port(low: int | None, high: int | None) -> Atom:
    return Atom("port", Numbers(((low, high),)))


@pytest.mark.parametrize(
    ("condition", "predicate"),
    [
        ("true", TRUE),
        ("false", FALSE),
        ('name == "a*"', _is("name", "a*")),
        ('name : "a"', _is("name", "a", True)),
        ('name in~ ("a*", "b")', Or((_is("name", "a*", True), _is("name", "b", True)))),
        ('name != "a"', Not(_is("name", "a"))),
        ('not name != "a"', _is("name", "a")),
        ('line : "a?*"', Atom("line", Strings(Seq((char("a", True), ANY_CHAR, ANY_STRING))))),
        ('line like "\\\\*"', Atom("line", Strings(Seq((char("\\", False), ANY_STRING))))),
        ('line regex~ ("a+", "b")', Atom("line", Strings(from_lucene("a+|b", True)))),
        ('startsWith(name, "a")', Atom("name", Strings(Seq((literal("a", False), ANY_STRING))))),
        ('endsWith~(name, "a")', Atom("name", Strings(Seq((ANY_STRING, literal("a", True)))))),
        ('stringContains(name, "a")', Atom("name", Strings(Seq((ANY_STRING, literal("a", False), ANY_STRING))))),
        ("name == null", Not(Atom("name", Present()))),
        ("name != null", Atom("name", Present())),
        ("port == 80", _port(80, 80)),
        ("port < 80", _port(None, 79)),
        ("port <= 80.0", _port(None, 80)),
        ("80 <= port", _port(80, None)),
        ("port > 80", _port(81, None)),
        ("port not in (80, 443)", Not(Or((_port(80, 80), _port(443, 443))))),
        ("flag", Atom("flag", Strings(literal("true", False)))),
        ('ip == "10.0.0.1"', Atom("ip", Addresses(both_spellings([(4, 0x0A000001, 0x0A000001)])))),
        (
            'cidrMatch(ip, "10.0.0.0/9", "10.128.0.0/9", "fe80::/10")',
            Atom(
                "ip",
                Addresses(both_spellings([(4, 0x0A000000, 0x0AFFFFFF), (6, 0xFE80 << 112, (0xFEC0 << 112) - 1)])),
            ),
        ),
        ('name == "a" and (port == 1 or port == 2)', And((_is("name", "a"), Or((_port(1, 1), _port(2, 2)))))),
    ],
)
def test_predicate(condition: str, predicate: Predicate) -> None:
    """Each construct reads as the atoms it asks for, over native names, and constants are folded away."""
    (branch,) = read(f"any where {condition}", SCHEMA)
    assert branch.predicate == predicate
    assert (branch.tables, branch.window_minutes, branch.labels, branch.columns) == ((), None, {}, None)


def test_category() -> None:
    """`process where` asks for exactly that event category, one of several counts; `any` asks for nothing."""
    (branch,) = read('process where name == "a"', SCHEMA)
    category = Atom("event.category", Strings(Seq((literal("process", False),))))
    assert branch.predicate == And((category, _is("name", "a")))
    assert holds(branch.predicate, {"event.category": ["file", "process"], "name": "a"})
    assert not holds(branch.predicate, {"event.category": "Process", "name": "a"})
    with pytest.raises(QueryError, match=r"Unknown column \[event.category\]"):
        read("process where true", schema({"a": {"name": "keyword"}}))


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ('name < "b"', "order"),
        ("length(name) > 3", "length"),
        ("port > 1.5", "fraction"),
        ('name regex "~a"', "complement"),
        ('name regex "a&b"', "intersection"),
        ('?absent : "x"', r"may have \?absent"),
        ("?absent == null", r"may have \?absent"),
    ],
)
def test_out_of_fragment(condition: str, reason: str) -> None:
    """What EQL accepts but no Predicate expresses is OutOfFragment, which is not the query's fault."""
    with pytest.raises(OutOfFragment, match=reason):
        read(f"any where {condition}", SCHEMA)


def test_syntax_tree() -> None:
    """NOT binds tighter than AND, AND than OR, and a comparison tighter than all of them."""
    a, b = Comparison("==", FieldName("a"), Constant(1)), Lookup(":", FieldName("b", True), ("x", "y"))
    assert parse('any where a == 1 or not a == 1 and ?b : ("x", "y")').condition == Either(a, Both(Negation(a), b))
    assert parse("any where ((a == 1))").condition == a
    assert parse('any where a not in ("or", "(")').condition == Negation(Lookup("in", FieldName("a"), ("or", "(")))
    assert parse("any where `my field`.`a``b` == 1").condition == Comparison(
        "==", FieldName("my field.a`b"), Constant(1)
    )
    assert parse('"my-category" where true').category == "my-category"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('""', ""),
        ('"a\\\\b\\"c"', 'a\\b"c'),
        ('"\\t\\n\\r\\f\\b"', "\t\n\r\f\b"),
        ('"\\u{200f}\\u{0001F600}"', "\u200f\U0001f600"),
        ('"""a\\n"b"""', 'a\\n"b'),
        ('"""a""" ', "a"),
        ('""""a"""""', '"a""'),
        ("-5", -5),
        ("+1.5e2", 150.0),
        ("null", None),
        ("true", True),
    ],
)
def test_constants(source: str, value: object) -> None:
    """Strings are unescaped once, raw strings never; numbers keep their sign."""
    condition = parse(f"any where a == {source}").condition
    assert isinstance(condition, Comparison)
    assert condition.right == Constant(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "source", ['"\\x"', '"a\nb"', '"\\u{d800}"', '"\\u{1}"', '"\\u{110000}"', '"""a\nb"""', "?5", "'a'"]
)
def test_constants_refused(source: str) -> None:
    """An unknown escape, a line break in a string and single quotes are errors."""
    with pytest.raises(QueryError):
        parse(f"any where a == {source}")


_PIECES = st.sampled_from(["a", "B", ".", "[ab]", "[^a-b]", "[A-B]", "(a|b)", "\\.", '"*"', "\\d", "()", "@", "^", "é"])
_COUNTS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?"])
_PATTERNS = st.lists(st.builds("{}{}".format, _PIECES, _COUNTS), min_size=1, max_size=4).map("".join)


@settings(max_examples=200, deadline=None)
@given(_PATTERNS, _PATTERNS, st.booleans(), st.text("aAbBéÉ.*1^\n", max_size=5))
def test_two_translations_of_lucene_patterns(left: str, right: str, ignore_case: bool, value: str) -> None:
    """The reader's language of a Lucene pattern and the interpreter's own translation hold the same values."""
    pattern = f"{left}|{right}"
    assume("()" not in pattern or not ignore_case)  # the interpreter refuses it
    expected = compile_lucene(pattern, ignore_case).fullmatch(value)
    assert matches(from_lucene(pattern, ignore_case), value) == expected
