"""PCRE patterns as trees and languages, with PCRE2 as the judge."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from converter.core.errors import OutOfFragment, QueryError
from converter.core.pcre import searcher
from converter.semantics.decide.evaluate import matches
from converter.semantics.regular.flavours import from_pcre

#: None ends in a newline (NO_FINAL_NEWLINE); the long s and the Kelvin sign are left out (pcre_characters).
CHARACTERS = "aAbz09_-[]{}()\\^$.|*+?#:,& \t\n\r\x0b\x0c\x85\xa0\u2028éÉßϊ٣日\x00\x07\x1b\"'/Qx"
TEXTS = [
    "",
    *CHARACTERS,
    *map("".join, itertools.product("ab\r\n -", repeat=2)),
    *map("".join, itertools.product("abA\r\n", repeat=3)),
]
TEXTS += [
    "aab",
    "aaab",
    "ab12",
    "a b",
    "é-É",
    "{,5}",
    "a{,}",
    "a]b",
    "a.b",
    "a\\b",
    "x-y",
    "\r\n\r\n",
    "\r\na",
    "a\r\nb",
]
TEXTS = [text for text in TEXTS if not text.endswith("\n")]

_ATOMS = st.sampled_from(
    ["a", "b", "A", "é", ".", "^", "$", "-", "#", " ", r"\b", r"\B", r"\A", r"\z", r"\Z", r"\d", r"\D", r"\w", r"\W",
     r"\s", r"\S", r"\h", r"\H", r"\v", r"\V", r"\R", r"\N", r"\K", r"\Q.b\E", r"\Qa", r"\E", r"\x61", r"\x{e9}", r"\x",
     r"\o{141}", r"\141", r"\012", r"\0", r"\cA", r"\e", r"\a", r"\t", r"\p{L}", r"\P{L}", r"\p{^Nd}", r"\pN",
     r"\p{L&}", r"\N{U+e9}", "(?#c)", "(?i)", "(?-i)", "(?s)", "(?m)", "(?x)", "(?xx)", "(?^)", r"\.", r"\-", r"\]",
     "{", "}", "]", "{,}", "a{1,2}", "a{0}", "b{2}", "b{1,}", r"\_", r"\é"]
)  # fmt: skip
_MEMBERS = st.sampled_from(
    ["a", "b", "-", "^", "]", "[", "[:alpha:]", "[:^digit:]", "[:space:]", "[:word:]", "a-b", "+--", "A-Z", r"\d",
     r"\W", r"\h", r"\v", r"\s", r"\S", r"\b", r"\]", r"\-", r"\\", r"\x41-\x43", r"\x{e0}-\x{ef}", r"\101",
     r"\Q]-\E", r"\E", r"\pL", r"\p{^L}", " ", "&&", "é", "[:", ":]", "[:a", r"\n", r"\c[", "."]
)  # fmt: skip
_CLASS = st.builds(
    lambda negated, members: f"[{negated}{''.join(members)}]",
    st.sampled_from(["", "^"]),
    st.lists(_MEMBERS, min_size=1, max_size=4),
)


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    opening = st.sampled_from(["(", "(?:", "(?i:", "(?s:", "(?-i:", "(?x:", "(?<n>", "(?>", "(?|", "(?m:", "(*atomic:"])
    count = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{1,}?", "*+", "++", "?+", "{1,2}+"])
    group = st.builds(lambda start, text: f"{start}{text})", opening, inner)
    return st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
        st.builds(str.__add__, st.one_of(group, _ATOMS, _CLASS), count),
        group,
    )


PATTERNS = st.recursive(st.one_of(_ATOMS, _CLASS), _grow, max_leaves=6)


@settings(max_examples=400, deadline=None)
@given(PATTERNS, st.booleans(), st.booleans(), st.booleans())
@example(r"\R\n", False, False, False)
@example(r"\R+b", False, False, False)
@example("[^b]*+b", False, False, False)
@example("(?>a|ab)$", False, False, False)
def test_pcre_is_the_judge(pattern: str, ignore_case: bool, multi_line: bool, dot_all: bool) -> None:
    """A pattern is refused as PCRE refuses it, or has the values in which PCRE finds it, or is out of the fragment."""
    try:
        found = searcher(pattern, ignore_case, multi_line, dot_all)
    except QueryError:
        with pytest.raises((QueryError, OutOfFragment)):
            from_pcre(pattern, ignore_case, multi_line, dot_all)
        return
    try:
        language = from_pcre(pattern, ignore_case, multi_line, dot_all)
    except OutOfFragment:
        return
    wrong = [text for text in TEXTS if matches(language, text) != found(text)]
    assert wrong == []


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        (r"^\p{L}+$", ["é", "日a"], ["1", "a1"]),
        ("^x{,}$", ["x{,}"], ["x", ""]),
        (r"^[\v]$", ["\x0b", "\x85", "\u2028"], [" ", "v"]),
        (r"a\Q.*\E+", ["a.*", "a.**"], ["a.", "ab"]),
        ("a(?i)b|c", ["aB", "C"], ["AB"]),
        (r"^\10$", ["\x08"], ["1"]),
        ("(?x)a b # ab\n c", ["abc"], ["a b"]),
        ('"[^"]*+"', ['x""', '"a"'], ['"a']),
        (r"^\R$", ["\r", "\x85", "\r\n" + ""], ["\r\r"]),
        ("(?i)é", ["É"], ["e"]),
    ],
)
def test_pcre_by_example(pattern: str, inside: list[str], outside: list[str]) -> None:
    """What Python's `re` reads otherwise, or not at all."""
    language = from_pcre(pattern)
    assert [text for text in inside if not matches(language, text)] == []
    assert [text for text in outside if matches(language, text)] == []
