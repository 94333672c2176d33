"""Laws of regular expressions: each dialect's text means what PCRE2 itself finds, or is refused with a reason."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from converter.core.discovery import find_target
from converter.core.errors import OutOfFragment, QueryError, Unsupported
from converter.core.pcre import searcher
from converter.dialects.condition import Regex
from converter.dialects.registry import dialect
from tests.dialects.test_literals import COLUMNS, TARGETS, draft, fires, meaning, unseen, write

VALUES = [
    *("", "a", "A", "b", "ab", "aab", "abab", "a b", "a\tb", "a\nb", "\n", " ", "_", "9", "-", "&", "~", "[", "]", "^"),
    *("a-b", "a&b", "x.a", "ab9_", "ÄÖ", "äb", "ß", "\x0b", "\x0c", "a\x0bb", "٣", "é", "k", "\u212a", "ſ", "\u2013"),
    *(
        "cmd.exe",
        "xcmd",
        "cmd",
        "CMD /c",
        "a.cmd b",
        "/",
        "\\",
        '"',
        "#",
        "@",
        "<a>",
        "\u00a0",
        "a\u00a0b",
        "{",
        "a{,2}",
    ),
]
#: they fold differently from engine to engine: the assumption that no rule turns on them
UNSETTLED = re.compile("[\u212aſßıİ]")
LEAST = [
    "a",
    "b",
    "A",
    "9",
    " ",
    "-",
    "&",
    "~",
    "_",
    "\\.",
    "\\-",
    "\\\\",
    "é",
    "Ä",
    "\\x{2013}",
    "\\t",
    "/",
    '"',
    "#",
    "@",
    "<",
]
CLASSES = ["\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\h", "\\v", "[ab]", "[^ab]", "[a&&b]", "[a~~b]", "[+--]", "[[a]"]
CLASSES += [
    "[\\d_-]",
    "[[:alpha:]]",
    "[[:^space:]]",
    "[^\\n]",
    "[a-f]",
    "[^\\w]",
    "[\\s\\S]",
    "[]a]",
    "[\\-&]",
    ".",
    "[é-ü]",
]
ATOMS = st.sampled_from(LEAST + CLASSES)
BOUNDS = st.sampled_from(["", "", "", "", "*", "+", "?", "{2}", "{0}", "*?"])


def _joined(parts: list[tuple[str, str]]) -> str:
    return "".join(atom + bound for atom, bound in parts)


SEQUENCES = st.lists(st.tuples(ATOMS, BOUNDS), min_size=0, max_size=3).map(_joined)
GROUPS = st.recursive(
    SEQUENCES,
    lambda inner: st.one_of(
        st.builds("({}|{})".format, inner, inner),
        st.builds("(?:{}){}".format, inner, BOUNDS),
        st.builds("(?i:{}){}".format, inner, SEQUENCES),
        st.builds("{}{}".format, inner, inner),
    ),
    max_leaves=3,
)
EXPRESSIONS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "^", "\\b", "(?:^|a)"]),
    GROUPS,
    st.sampled_from(["", "", "$", "\\b", "(?:b|$)"]),
)


def found(leaf: Regex, value: str) -> bool:
    """What PCRE2 says of a value; an expression never holds of a text that a platform has as missing."""
    return searcher(leaf.pattern, leaf.ignore_case, leaf.multi_line, leaf.dot_all)(value)


def agrees(target: str, leaf: Regex, values: list[str]) -> str | None:
    """The query, after every value was asked; None where it is refused, by the writer or for want of a proof."""
    query = write(target, leaf)
    if query is None:
        return None
    assert unseen(query) == []
    try:
        meaning(target, query)
    except OutOfFragment:
        return None
    for value in values:
        if not UNSETTLED.search(value) and not value.endswith("\n") and value not in ("", "null"):
            assert fires(target, query, value) == found(leaf, value), (query, value)
    return query


@TARGETS
@settings(max_examples=60, deadline=None)
@given(pattern=EXPRESSIONS, ignore_case=st.booleans(), dot_all=st.booleans())
@example(pattern="^a{0}$", ignore_case=True, dot_all=False)
def test_an_expression_means_what_pcre_finds(target: str, pattern: str, ignore_case: bool, dot_all: bool) -> None:
    """Over values with blanks, line breaks, quotes, set operators and letters beyond ASCII."""
    column = COLUMNS[target][1]
    agrees(target, Regex(column, pattern, ignore_case, False, dot_all), VALUES)


#: what PCRE has beyond the grammar above, whole or as pieces that come to mean something beside others
_CONSTRUCTS = r"""
a b . \d \w \h \v \N [[:word:]] [[:<:]] [[:>:]] [[.a.]] \101 \07 \8 \12 \1 (a) (b|a) (?i) (?-i) (?s) (?x) (?^)
(?i:b) (?#c) \Qa.\E \E \x41 \x{61} \o{101} \N{U+61} \cA \e [\b] [\Qa-z\E] [a-\d] [a-] []a] [^]a] [\101] [\8] {,2}
{2} {1,} { {} {,} ] ^ $ \A \z \b \K a*? a++ (?>a) (?|a|b) (?<n>a) (?P<n>a) (?'n'b) # \# \0 [\x41-\x43] [^\n] |
(?n) (?xx)
"""
CONSTRUCTS = _CONSTRUCTS.split()


@settings(max_examples=150, deadline=None)
@given(pattern=st.lists(st.sampled_from(CONSTRUCTS), min_size=1, max_size=4).map("".join), ignore_case=st.booleans())
def test_any_construct_means_what_pcre_finds_or_is_refused(pattern: str, ignore_case: bool) -> None:
    """Of an expression that PCRE takes; what it does not take is refused where the rule is read."""
    leaf = Regex(COLUMNS["defender"][1], pattern, ignore_case)
    try:
        searcher(pattern, ignore_case)
    except QueryError:
        return
    agrees("defender", leaf, [*VALUES, "aa", "A", "a8", "a{2}", "{,}", "a]", "<", "a#", "\x01", "\x08"])


TRANSLATED = {
    "[[:alpha:]]x": ["ax", ":x", "9x"],
    "[[:digit:]]{4}": ["1234", "123"],
    "[[:^space:]]a": ["a", " a", "xa"],
    "\\Qa.b\\E+": ["a.b", "a.bb", "axb"],
    "\\x{2013}a": ["–a", "-a"],
    "a\\x41": ["aA", "aa"],
    "\\ba\\b": ["a", "xa", "x a", "a.", "ab"],
    "\\bcmd\\b": ["cmd", "cmd.exe", "xcmd", "a.cmd b", "écmdé"],
    "(?:a(?:-|\\b)){2}": ["a-a", "a-ab", "aa", "xa-a", "a-a-"],
    "(?:\\bcmd|pwsh)\\.exe": ["cmd.exe", "xcmd.exe", "xpwsh.exe"],
    "a(?i)b": ["ab", "aB", "AB"],
    "(?i:a)b": ["ab", "Ab", "aB"],
    "a\\z": ["a", "ab"],
    "\\Aa": ["a", "ba"],
    "(?#note)a": ["a", "b"],
    "(?<name>a|b)c": ["ac", "bc", "c"],
    "port=\\d+$": ["port=80", "port=٣", "port="],
    "^\\w+$": ["ab_9", "é", "a b"],
    "a\\sb": ["a b", "a\u00a0b", "a\x0bb", "a\tb"],
    "a{b": ["a{b", "ab"],
    "a\\0b": ["a\x00b", "a0b"],
    "(x|)cmd": ["cmd", "xcmd", "cm"],
    "a.c": ["abc", "a\nc"],
    "a{}b{,}c": ["a{}b{,}c", "abc", "aabbc"],
    "(a)\\55[\\101\\9]": ["a-A", "a-9", "a-1", "aa"],
}


@TARGETS
@pytest.mark.parametrize("pattern", TRANSLATED)
@pytest.mark.parametrize("ignore_case", [False, True])
def test_perl_is_translated(target: str, pattern: str, ignore_case: bool) -> None:
    """Forms that only some engines know are written in what all of them know; only what is not seen may be refused."""
    leaf = Regex(COLUMNS[target][1], pattern, ignore_case)
    query = agrees(target, leaf, TRANSLATED[pattern])
    if query is None:
        with pytest.raises(Unsupported, match="no escape"):
            _write(target, leaf)
        assert target in ("elastic-lucene", "elastic-esql")


def _write(target: str, leaf: Regex) -> str:
    return dialect(find_target(target).dialect).write(draft(target, leaf))


REFUSED = {
    "a(?=b)": "look-ahead",
    "(?<!a)b": "look-behind",
    "(a)\\1": "back-reference",
    "(?>a)b": "atomic group",
    "a++": "possessive",
    "\\p{L}": "Unicode version",
    "a{,5}b": "some releases of PCRE and text in others",
    "\\u0022": "no meaning in PCRE",
    "\\Rb": "atomic",
    ".\\b.": "engines disagree",
    "(a": "not closed",
    "a\\": "ends in a backslash",
    "[b-a]": "out of order",
    "(a)(b)\\2": "back-reference",
    "[[:<:]]a": "assertions",
    "[[:>:]]": "assertions",
    "a\\b\\bb": "no value|engines disagree",
}


@pytest.mark.parametrize("target", [t for t in COLUMNS if not t.startswith("splunk")])
@pytest.mark.parametrize("pattern", REFUSED)
def test_what_has_no_equal_is_refused_by_its_name(target: str, pattern: str) -> None:
    """The reason names the construct; Splunk's own engine is PCRE, so there it is passed on."""
    with pytest.raises(Unsupported, match=REFUSED[pattern]):
        _write(target, Regex(COLUMNS[target][1], pattern))


@settings(max_examples=300, deadline=None)
@given(pattern=EXPRESSIONS, ignore_case=st.booleans())
def test_kql_has_only_what_two_engines_read_alike(pattern: str, ignore_case: bool) -> None:
    """No class or boundary by name, and inside brackets no set operation and no bracket that is not escaped."""
    query = write("defender", Regex(COLUMNS["defender"][1], pattern, ignore_case))
    if query is None:
        return
    expression = re.search(r'matches regex @"(.*)"', query)
    assert expression is not None
    assert not re.search(r"(?<!\\)(?:\\\\)*\\[dDwWsSbBpPhHvVRQE<>0-9]", expression[1])
    for inside in re.findall(r"(?<!\\)(?:\\\\)*\[((?:\\.|[^\]\\])*)\]", expression[1]):
        assert not re.search(r"(?<!\\)(?:\\\\)*(?:&&|--|~~|\[)", inside)
