"""Laws of the words that KQL asks the index for: they change nothing, and are asked for only where they narrow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.discovery import find_target, schema_of
from converter.dialects.condition import And, Condition, Match, Not, OneOf, Or, Pattern, Regex, Wild
from converter.dialects.kql.narrowing import Narrowing
from converter.dialects.kql.words import words_of
from converter.dialects.kql.writer import KqlWriter
from converter.dialects.registry import dialect
from converter.explain.cost import cost_of
from converter.semantics.decide.compare import Equivalent, compare
from tests.dialects.test_literals import draft, pattern

DEFENDER = find_target("defender")
LINE, NAME = "ProcessCommandLine", "FileName"
ANY, ONE = Wild.ANY, Wild.ONE


def contains(text: str, column: str = LINE) -> Match:
    return Match(column, (pattern(ANY, text, ANY),))


def written(condition: Condition) -> str:
    return " | ".join(KqlWriter(draft("defender", condition)).where())


#: a condition of the command line or the file's name, and what is written for it
CASES: list[tuple[Condition, str]] = [
    # a literal between separators: has means the same
    (contains("\\Temp\\"), r'where ProcessCommandLine has "\\Temp\\"'),
    (contains(" -a "), 'where ProcessCommandLine contains " -a "'),
    (contains("_tmp_"), 'where ProcessCommandLine contains "_tmp_"'),
    (contains("é\\Temp\\"), r'where ProcessCommandLine has "Temp" | where ProcessCommandLine contains "é\\Temp\\"'),
    (Match(LINE, (pattern(ANY, "\\Temp\\", ANY),), True), r'where ProcessCommandLine has_cs "\\Temp\\"'),
    (Match(LINE, (pattern(ANY, "/a1b/", ANY), pattern(ANY, "/c2d/", ANY))),
     'where ProcessCommandLine has_any ("/a1b/", "/c2d/")'),
    # a whole term inside a literal
    (contains("x -urlcache -f"),
     'where ProcessCommandLine has "urlcache" | where ProcessCommandLine contains "x -urlcache -f"'),
    (Match(LINE, (pattern(ANY, "\\rar.exe"),)),
     r'where ProcessCommandLine has "rar" | where ProcessCommandLine endswith "\\rar.exe"'),
    (Match(LINE, (pattern("C:\\ProgramData\\evil\\x", ANY),)),
     r'where ProcessCommandLine has "evil" | where ProcessCommandLine startswith "C:\\ProgramData\\evil\\x"'),
    # what begins a term
    (contains(" -enc"), 'where ProcessCommandLine hasprefix "enc" | where ProcessCommandLine contains " -enc"'),
    # nothing is sure of a run that goes on at both sides, has a neighbour in doubt, is short or stands everywhere
    (contains("whoami"), 'where ProcessCommandLine contains "whoami"'),
    (contains("_net_"), 'where ProcessCommandLine contains "_net_"'),
    (contains("-énet-"), 'where ProcessCommandLine contains "-énet-"'),
    (contains("\\windows\\a"), r'where ProcessCommandLine contains "\\windows\\a"'),
    # a list needs a word for each of its values
    (Match(LINE, (pattern(ANY, "-a net b", ANY), pattern(ANY, "-b NET b", ANY))),
     'where ProcessCommandLine has "net" | where ProcessCommandLine contains "-a net b" or ProcessCommandLine '
     'contains "-b NET b"'),
    (Match(LINE, (pattern(ANY, "a net b", ANY), pattern(ANY, "whoami", ANY))),
     'where ProcessCommandLine contains "a net b" or ProcessCommandLine contains "whoami"'),
    # something narrows already: nothing is added, and it goes first
    (And((contains("x -urlcache -f"), Match(NAME, (pattern("cmd.exe"),)))),
     'where FileName =~ "cmd.exe" | where ProcessCommandLine contains "x -urlcache -f"'),
    (And((Not(contains("q")), contains("whoami"), Match(NAME, (pattern("cmd.exe"),)))),
     'where FileName =~ "cmd.exe" | where ProcessCommandLine contains "whoami" | '
     'where not(ProcessCommandLine contains "q")'),
    # of several that could be asked for, one is
    (And((contains("-a net b"), contains("-a whoami b"))),
     'where ProcessCommandLine has "whoami" | where ProcessCommandLine contains "-a net b" | '
     'where ProcessCommandLine contains "-a whoami b"'),
    # an Or is narrowed where each of its parts is
    (Or((Match(NAME, (pattern("cmd.exe"),)), contains("x -urlcache -f"))),
     'where FileName =~ "cmd.exe" or (ProcessCommandLine has "urlcache" and ProcessCommandLine contains '
     '"x -urlcache -f")'),
    (Or((contains("whoami"), contains("x -urlcache -f", NAME))),
     'where ProcessCommandLine contains "whoami" or FileName contains "x -urlcache -f"'),
    # a negation narrows nothing
    (Not(contains("x -urlcache -f")), 'where not(ProcessCommandLine contains "x -urlcache -f")'),
    # expressions
    (Regex(LINE, r"\s+-urlcache\s"),
     r'where ProcessCommandLine has "urlcache" | where ProcessCommandLine matches regex @"[\t-\r ]+-urlcache[\t-\r ]"'),
    (Regex(LINE, "urlcache"), 'where ProcessCommandLine matches regex @"urlcache"'),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "text"), CASES)
def test_what_is_asked_for(condition: Condition, text: str) -> None:
    """Each form with the words that are sure, and no others."""
    assert " ".join(written(condition).split()) == " ".join(text.split())


#: expressions, and words of which a match has one
EXPRESSIONS = {
    "-(?:foo|bar) ": {"foo", "bar"},
    "-(?:foo|ba) ": set(),
    "-(?:foo|barx?) ": {"foo", "bar", "barx"},
    "-foo": {"foo*"},
    "foo-": set(),
    "^foo$": {"foo"},
    "-fo+o ": set(),
    "-foo+ ": {"foo*"},
    "-foo.* ": {"foo*"},
    "-(foo )+x": {"foo"},
    "-(foo )*x": set(),
    "-[fF]oo[ /]": {"foo"},
    "-[fg]oo ": set(),
    r"-foo\b": {"foo", "foo*"},
    r"-foo\W": {"foo*"},
    r"-foo\s": {"foo"},
    "_foo ": set(),
    "-foo_": {"foo*"},
    "-fooé": {"foo*"},
    "-(foo){2} ": {"foofoo"},
    "(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b) foo ": set(),  # too many ways to follow
}


@pytest.mark.parametrize(("expression", "words"), EXPRESSIONS.items())
def test_the_words_of_an_expression(expression: str, words: set[str]) -> None:
    """One for each way in which it can match; `*` marks what only begins a term."""
    found = {word.text.lower() + "*" * word.open for word in words_of(Regex(LINE, expression))}
    assert found == words


PIECES = st.sampled_from(["foo", "Bar", "x1", "-", " ", "\\", "_", "é", ".", "K"])
TEXTS = st.lists(PIECES, min_size=1, max_size=6).map("".join)
PARTS = st.lists(st.one_of(TEXTS, st.sampled_from([ANY, ONE, OneOf("-/"), OneOf("-a")])), min_size=1, max_size=4)


def _pattern(parts: list[str | Wild | OneOf]) -> Pattern:
    """Adjacent texts merged, and adjacent `*`, as patterns are."""
    out: list[str | Wild | OneOf] = []
    for part in parts:
        if out and isinstance(part, str) and isinstance(out[-1], str):
            out[-1] += part
        elif not (out and part is ANY and out[-1] is ANY):
            out.append(part)
    return Pattern(tuple(out))


LEAVES = st.one_of(
    st.lists(PARTS.map(_pattern), min_size=1, max_size=3, unique=True).map(lambda p: Match(LINE, tuple(p))),
    st.lists(PARTS.map(_pattern), min_size=1, max_size=2, unique=True).map(lambda p: Match(LINE, tuple(p), True)),
    st.sampled_from(list(EXPRESSIONS)).map(lambda text: Regex(LINE, text, ignore_case=True)),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(condition=CONDITIONS)
def test_the_index_changes_nothing(condition: Condition) -> None:
    """Read back and decided over all values, a query with words for the index means what it means without."""
    schema = schema_of(DEFENDER)
    plain, asking = (
        "DeviceProcessEvents\n| " + "\n| ".join(KqlWriter(draft("defender", condition)).where(flag))
        for flag in (False, True)
    )
    (one,), (other,) = (dialect("kql").read(text, schema) for text in (plain, asking))
    assert isinstance(compare(one.predicate, other.predicate), Equivalent)


@settings(max_examples=50, deadline=None)
@given(condition=CONDITIONS)
def test_what_is_asked_for_narrows(condition: Condition) -> None:
    """Where words were added, the cost model says that the query no longer scans."""
    found = Narrowing(frozenset()).of(condition)
    if found != condition and "has" in written(condition):
        text = "DeviceProcessEvents\n| " + "\n| ".join(KqlWriter(draft("defender", condition)).where())
        plain = KqlWriter(draft("defender", condition)).where(False)
        if text.count("| where") > len(plain):
            assert not cost_of(text, DEFENDER).scans


def test_a_query_that_would_be_too_long_goes_without() -> None:
    """Sentinel takes 10,000 characters; Defender, which has no limit, gets the words."""
    values = tuple(pattern(ANY, f"a {'w' * 150}{n % 50} b{n}", ANY) for n in range(48))
    one = draft("defender", Match(LINE, values))
    assert "has_any" in dialect("kql").write(one)
    sentinel = dialect("kql").write(replace(one, target=find_target("sentinel")))
    assert "has_any" not in sentinel
    assert len(sentinel) <= 10_000


def test_a_computed_column_is_not_looked_up() -> None:
    """A property of a dynamic column is worked out for each row: to ask for its words first would save nothing."""
    found = Narrowing(frozenset(), frozenset({LINE})).of(contains("x -urlcache -f"))
    assert found == contains("x -urlcache -f")
