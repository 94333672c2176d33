"""Regular expressions of each flavour as languages, against engines that we did not write."""

from __future__ import annotations

import itertools
import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.errors import OutOfFragment, QueryError
from converter.core.pcre import searcher
from converter.semantics.decide.evaluate import matches
from converter.semantics.regular.flavours import from_kql_regex, from_lucene, from_pcre, from_re2

#: Short texts over the characters that the patterns below are about; none ends in a newline (NO_FINAL_NEWLINE).
TEXTS = [
    text
    for size in range(5)
    for text in map("".join, itertools.product("aAb. \n", repeat=size))
    if not text.endswith("\n")
]
TEXTS += ["x.aspz", "x.PHP", ".ASP;", "\\cmd.exe", "cmd.exe x", "xcmd.exe", "a_b", "a1\x0bb", "a.b.b"]

PATTERNS = [
    r"(?i)\.(asp|php)([^a-z0-9]|$)", r"^a", r"a$", r"^a$|b", r"(^|\\)cmd\.exe($| )", r"\bab\b", r"a\b", r"(a\b|b)*c",
    r"(^a)*b", r"a{2,3}b", r"a??b+?", r"\Ba", r"(?m)^a$", r"x^y", r"(a|^)b", r"[^\d\s]\w\W", r"[[:alpha:]-]\x61",
    r"a(?i)b|c", r"(?:^|b)a(?:$|c)?", r"()|a", r"\Qa.b\E+", r"(?i:a)b", r"\h", r"(\b)+a", r"(a|\b)+b$", r"[]a]",
    r"[^]a]b", r"[a-]", r"\.a", r"(?x) a b # c", r"a{,x}", r"a{1", r"\Aa\z", r"a.b", r"(?s)a.b", r"\N\n", r"\x61b",
    r"(?<n>a)b", r"(?|a|b)b", r"a\Kb", r"[[:^alpha:]]a", r"^(a|b$)+", r"(\Aa|b\z|\b.)+", r"\v", r"[\w.]\.", r"a|",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pcre_agrees_with_the_library(pattern: str) -> None:
    """A value is in the language exactly when PCRE2 finds the pattern in it."""
    language, found = from_pcre(pattern), searcher(pattern)
    wrong = [text for text in TEXTS if matches(language, text) != found(text)]
    assert not wrong


#: What `re` reads otherwise than RE2, or not at all.
_NOT_RE = re.compile(r"\\[QhKNvzA]|\(\?x|\[:|\(\?\||\(\?<|a\(\?i\)")


@pytest.mark.parametrize("pattern", [pattern for pattern in PATTERNS if not _NOT_RE.search(pattern)])
def test_re2_agrees_with_a_search_of_re(pattern: str) -> None:
    """A value is in the language exactly when a search finds the pattern, `$` being the end and classes ASCII."""
    compiled = re.compile(pattern, re.ASCII)
    language = from_re2(pattern)
    # RE2's `\s` lacks the vertical tab that Python's has.
    wrong = [t for t in TEXTS if "\x0b" not in t and matches(language, t) != bool(compiled.search(t))]
    assert not wrong


def test_braced_hexadecimal() -> None:
    """`\\x{61}` is a code point in both."""
    for language in (from_pcre(r"^\x{61}b$"), from_re2(r"^\x{61}b$")):
        assert matches(language, "ab")
        assert not matches(language, "x{61}b")


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "^", "$", r"\b", r"\B", "A", r"\w"])


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = inner.map(lambda text: f"(?:{text})")
    return st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda texts: f"(?:{'|'.join(texts)})"),
        st.tuples(group, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "*?"])).map("".join),
    )


@settings(max_examples=80, deadline=None)
@given(st.recursive(_ATOMS, _grow, max_leaves=7), st.booleans())
def test_any_placement_of_anchors_and_boundaries(pattern: str, ignore_case: bool) -> None:
    """Wherever anchors and word boundaries stand, the language holds the values in which PCRE2 finds a match."""
    try:
        language = from_pcre(pattern, ignore_case)
    except OutOfFragment:
        return
    found = searcher(pattern, ignore_case)
    for text in TEXTS[:300] + TEXTS[-9:]:
        assert matches(language, text) == found(text), text


@pytest.mark.parametrize(
    ("pattern", "construct"),
    [
        ("(?=a)b", "look-ahead"),
        ("(?!a)b", "negative look-ahead"),
        ("(?<=a)b", "look-behind"),
        ("(?<!a)b", "negative look-behind"),
        (r"(a)\1", "back-reference"),
        (r"(?<n>a)\k<n>", "back-reference"),
        ("a++a", "possessive"),
        ("(?>a|ab)c", "atomic"),
        (r"\p{Greek}", r"\p{Greek}"),
        ("a{ 1,2}", "blanks in braces"),
        ("(?i)\u00df", "'\u00df' (U+00DF)"),
        (r"(?i)[\x{3b1}-\x{3c9}]", "without regard to case"),
        (r"(?i)\p{Lu}", "without regard to case"),
        ("(*UCP)a", "(*UCP)"),
        (r"(a)(?1)", "subroutine"),
        (r"\Xa", r"\X"),
        ("(?>a|ab)$", "atomic"),
        (r"\R(?>a*)ab", "atomic"),
        ("(?R)", "recursion"),
        ("(a)(?(1)b)", "conditional"),
        ("a{,2}", "{,n}"),
    ],
)
def test_outside_the_fragment_is_named(pattern: str, construct: str) -> None:
    """A construct that is not worked out is refused with its name, never approximated."""
    with pytest.raises(OutOfFragment) as caught:
        from_pcre(pattern)
    assert construct in caught.value.message


BROKEN = [
    "[z-a]", "(a", "a)", "*a", r"\y", "a{3,2}", "[a", "(?q)a", "[[:nope:]]", "\\", r"\u0041", "[:alpha:]", r"[\d-z]",
    r"[a-\d]", "[[:alpha:]-z]", "a**", "a{2}{3}", "^*", r"\b+", "|*", "(*)", "(?i)*", "{2}a", "a{65536}", "a+++",
    r"[\N]", r"[\R]", "[[.a.]]", r"\N{DIGIT ONE}", r"\x{110000}", r"\x{}", "(?<1a>x)", r"\c", r"[\Q]\E", "(?z:a)",
    "(?#a",
]  # fmt: skip


@pytest.mark.parametrize("pattern", BROKEN)
def test_broken_patterns_are_errors(pattern: str) -> None:
    """What PCRE itself refuses is a fault of the pattern."""
    with pytest.raises(QueryError):
        searcher(pattern)
    with pytest.raises(QueryError):
        from_pcre(pattern)


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("a.c", ["abc", "a\nc"], ["xabc", "abcx", "ac"]),
        ("^a$", ["^a$"], ["a"]),
        ('"a.b"c', ["a.bc"], ["axbc"]),
        (r"\.\-\/", [".-/"], [r"\.\-\/"]),
        (r"\d\s\w", ["1 a", "1\t_"], ["a a", "1\x0ba"]),
        (r"[^\d.]", ["a"], ["1", "."]),
        ("a{2}b{1,}c{0,1}", ["aab", "aabbc"], ["ab", "aac"]),
        ("a@c", ["ac", "axxc"], ["a"]),
        ("(a|())b()", ["ab", "b"], ["a"]),
        ("<7-12>", ["7", "012", "12", "0007"], ["6", "13", ""]),
        ("<07-12>", ["07", "12"], ["7", "012"]),
        ("[a-c-]", ["b", "-"], ["d"]),
        ("", [""], ["a"]),
        ("(?i)a", ["?ia"], ["a", "ia"]),
        ("a(+b|*)", ["a+b", "a*"], ["ab", "a"]),
    ],
)
def test_lucene(pattern: str, inside: list[str], outside: list[str]) -> None:
    """Lucene's patterns are anchored, and have its own operators and escapes."""
    language = from_lucene(pattern)
    assert [text for text in inside if not matches(language, text)] == []
    assert [text for text in outside if matches(language, text)] == []


def test_lucene_ranges_keep_their_case() -> None:
    """Under case_insensitive a character of a pattern has both cases, a range only the letters that it names."""
    assert matches(from_lucene("[abc]x", True), "BX")
    assert not matches(from_lucene("[a-c]x", True), "BX")
    assert matches(from_lucene("[a-c]x", True), "bX")
    assert matches(from_lucene("[^a-c]x", True), "BX")


def test_lucene_flags() -> None:
    """An optional operator that is switched off is an ordinary character."""
    assert matches(from_lucene("a@~#&<", flags="NONE"), "a@~#&<")
    assert not matches(from_lucene("#"), "#")
    for pattern in ("~a", "a&b", "**", "a(b|?+)", "[]a]", "[^]a]"):  # what Elasticsearch takes for something else, too
        with pytest.raises(OutOfFragment):
            from_lucene(pattern)
    with pytest.raises(QueryError):
        from_lucene("a", flags="NOPE")


@pytest.mark.parametrize("pattern", [r"\n", "[a", "(a", "a{x}", '"a', "<a-b>", "a)", "(a|)", "a\\", "[b-a]"])
def test_lucene_errors(pattern: str) -> None:
    """What Lucene refuses to parse is a fault of the query."""
    with pytest.raises(QueryError):
        from_lucene(pattern)


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        (r"port=\d+$", "[0-9]"), (r"^\w+$", "[0-9A-Za-z_]"), (r"a\sb", r"[\t\n\f\r ]"), (r"a[\S]b", r"[^\t\n\f\r ]"),
        (r"\bcmd\b", "(^|[^0-9A-Za-z_])"), ("[a&&b]x", r"\&"), ("[a~~b]x", r"\~"), ("[+--]x", r"\-"), ("[a-c--b]",
        r"\-"), ("a[[b]", r"\["), ("a{b", r"\{"), ("a{,5}", r"\{"), (r"a\0b", r"\x00"), (r"\101", r"\x41"), (r"\<a",
        "<"), (r"\Qa\E", "backslash"), ("(?<n>a)", "(?P<name>"), ("[a-c-e]", r"\-"), (r"[[:alpha:]-z]", r"\-"),
    ],
)  # fmt: skip
def test_kql_refuses_what_two_engines_read_differently(pattern: str, hint: str) -> None:
    """What RE2 and the documented engine of KQL do not read alike has no meaning; the error says what to write."""
    from_re2(pattern)
    with pytest.raises(OutOfFragment) as caught:
        from_kql_regex(pattern)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "pattern",
    [
        "(?i)cmd[.]exe$", "^[0-9]{1,3}x", r"[0-9A-Za-z_\-]+\.asp", r"[\[\]\&\~\-\\]", "(?s:a.b)", "(?P<n>a)b", "[]a-]",
        "[^-a]", "[a^]", r"\x{e9}|\x41", r"[[:alpha:][:^digit:]]", r"a\_b\-\/\"", "a*?b+?", "(?m)^a$", r"\v\t", "a}b]",
        "[[:word:]]", "(a|)b", r"\Aab\z",
    ],
)  # fmt: skip
def test_kql_reads_what_means_the_same(pattern: str) -> None:
    """What both engines read alike means what it means in RE2."""
    assert from_kql_regex(pattern) is from_re2(pattern)


_RE2_PIECES = st.sampled_from(
    ["a", "b", ".", "^", "$", r"\d", r"\w", r"\s", r"\S", r"\b", r"\B", "[ab]", "[^a]", "[a-]", "[-a]", "[]a]", "[[b]",
     "[&&a]", "[+--]", "[[:alpha:]]", "[[:^space:]-]", r"[\d\-]", "(?i)", "(?s)", "(?i:a)", "(a|b)", "(?:b|)", "a*",
     "b+?", "a{2}", "a{1,}", "{", "{,2}", r"\x41", r"\x{e9}", r"\Qa.\E", r"\101", r"\v", r"\.", "|", "}", "]", "(?m)",
     r"\z"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(_RE2_PIECES, max_size=6).map("".join))
def test_re2_is_the_judge(pattern: str) -> None:
    """A value is in the language exactly when RE2, as DuckDB has it, finds the pattern in it; errors are its errors."""
    connection = duckdb.connect()
    rows = "SELECT value FROM (SELECT unnest(?) AS value) WHERE regexp_matches(value, ?)"
    texts = [text for text in [*TEXTS[:160], *TEXTS[-9:], "é", "A", "[", "&", "-", "{", "{,2}", "a{", "+", ","] if text]
    try:
        found = {value for (value,) in connection.execute(rows, [texts, pattern]).fetchall()}
    except duckdb.Error:
        with pytest.raises(QueryError):
            from_re2(pattern)
        return
    language = from_re2(pattern)
    assert {text for text in texts if matches(language, text)} == found
