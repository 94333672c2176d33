"""Regular expressions of each flavour as languages, against engines that we did not write."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import OutOfFragment, QueryError
from converter.semantics.evaluate import matches
from converter.semantics.flavours import from_lucene, from_pcre, from_re2

pcre2 = pytest.importorskip("pcre2")

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
    language, compiled = from_pcre(pattern), pcre2.compile(pattern)
    wrong = [text for text in TEXTS if matches(language, text) != bool(compiled.search(text))]
    assert not wrong


#: What `re` reads otherwise than RE2, or not at all.
_NOT_RE = re.compile(r"\\[QhKNvzA]|\[:|\(\?\||\(\?<|a\(\?i\)")


@pytest.mark.parametrize("pattern", [pattern for pattern in PATTERNS if not _NOT_RE.search(pattern)])
def test_re2_agrees_with_a_search_of_re(pattern: str) -> None:
    """A value is in the language exactly when a search finds the pattern, `$` being the end and classes ASCII."""
    compiled = re.compile(pattern, re.ASCII)
    language = from_re2(pattern)
    # RE2's `\s` lacks the vertical tab that Python's has.
    wrong = [t for t in TEXTS if "\x0b" not in t and matches(language, t) != bool(compiled.search(t))]
    assert not wrong


def test_braced_hexadecimal() -> None:
    """`\\x{61}` is a code point (the library's binding reads it as JavaScript would, so it is no judge here)."""
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
    compiled = pcre2.compile(pattern, flags=pcre2.IGNORECASE if ignore_case else 0)
    for text in TEXTS[:300] + TEXTS[-9:]:
        assert matches(language, text) == bool(compiled.search(text)), text


@pytest.mark.parametrize(
    ("pattern", "construct"),
    [
        ("(?=a)b", "look-ahead"),
        ("(?!a)b", "negative look-ahead"),
        ("(?<=a)b", "look-behind"),
        ("(?<!a)b", "negative look-behind"),
        (r"(a)\1", "back-reference"),
        (r"(?<n>a)\k<n>", "back-reference"),
        ("a++", "possessive"),
        ("(?>a)b", "atomic"),
        (r"\pL", r"\p"),
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


@pytest.mark.parametrize("pattern", ["[z-a]", "(a", "a)", "*a", r"\y", "a{3,2}", "[a", "(?q)a", "[[:nope:]]", "\\"])
def test_broken_patterns_are_errors(pattern: str) -> None:
    """What the flavour itself refuses is a fault of the query."""
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
    for pattern in ("~a", "a&b"):
        with pytest.raises(OutOfFragment):
            from_lucene(pattern)
    with pytest.raises(QueryError):
        from_lucene("a", flags="NOPE")


@pytest.mark.parametrize("pattern", [r"\n", "[a", "(a", "a{x}", '"a', "<a-b>", "a)", "(a|)", "a\\", "[b-a]"])
def test_lucene_errors(pattern: str) -> None:
    """What Lucene refuses to parse is a fault of the query."""
    with pytest.raises(QueryError):
        from_lucene(pattern)
