"""Sequences, machines and the search, against Python's `re` and against trying every short text."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.errors import OutOfFragment
from converter.semantics.decide.evaluate import to_regex
from converter.semantics.regular.automata import Machine, Meter, OverBudgetError, search
from converter.semantics.regular.flavours import from_lucene, from_pcre
from converter.semantics.regular.language import ANY_CHAR, EMPTY_STRING, Alt, Language, Repeat, Seq, chars, literal
from converter.semantics.regular.sequences import alternatives, surely_includes

TEXTS = ["".join(letters) for size in range(6) for letters in itertools.product("abc", repeat=size)]

_LEAVES = st.sampled_from(
    [chars([(97, 97)]), chars([(98, 98)]), chars([(97, 98)]), ANY_CHAR, literal("ab", False), EMPTY_STRING]
)


def _grow(inner: st.SearchStrategy[Language]) -> st.SearchStrategy[Language]:
    some = st.lists(inner, max_size=3).map(tuple)
    bounds = st.tuples(st.integers(0, 2), st.one_of(st.none(), st.integers(0, 2)))
    return st.one_of(
        some.map(Seq),
        some.map(Alt),
        st.tuples(inner, bounds).map(
            lambda pair: Repeat(pair[0], pair[1][0], None if pair[1][1] is None else pair[1][0] + pair[1][1])
        ),
    )


LANGUAGES = st.recursive(_LEAVES, _grow, max_leaves=8)


def _members(language: Language, texts: list[str]) -> list[str]:
    compiled = re.compile(to_regex(language), re.DOTALL)
    return [text for text in texts if compiled.fullmatch(text)]


@settings(max_examples=150, deadline=None)
@given(st.lists(LANGUAGES, min_size=1, max_size=3))
def test_machine_agrees_with_re(languages: list[Language]) -> None:
    """A machine over several languages says of each text which of them hold it, as `re` does one by one."""
    machine = Machine([alternatives(language) for language in languages])
    short = TEXTS[:121]
    expected = [_members(language, short) for language in languages]
    for text in short:
        mask = machine.members(text)
        assert [bool(mask >> index & 1) for index in range(len(languages))] == [text in members for members in expected]


@settings(max_examples=150, deadline=None)
@given(st.lists(LANGUAGES, min_size=1, max_size=2), st.lists(LANGUAGES, max_size=2))
def test_search_finds_a_shortest_text_or_none(required: list[Language], forbidden: list[Language]) -> None:
    """The search answers with a text that is in all and none as asked, shortest, or None if there is none."""
    found = search([alternatives(item) for item in required], [alternatives(item) for item in forbidden], Meter(10**7))
    inside = set.intersection(*(set(_members(item, TEXTS)) for item in required))
    outside = {text for item in forbidden for text in _members(item, TEXTS)}
    answers = sorted(inside - outside, key=len)
    if found is not None:
        assert all(_members(item, [found]) for item in required)
        assert not any(_members(item, [found]) for item in forbidden)
    if answers:
        assert found is not None
        assert len(found) <= len(answers[0])


@settings(max_examples=150, deadline=None)
@given(LANGUAGES, LANGUAGES)
def test_sure_inclusion_is_sound(wide: Language, narrow: Language) -> None:
    """Where one sequence surely includes another, every text of the narrow one is in the wide one."""
    for outer in alternatives(wide):
        for inner in alternatives(narrow):
            if surely_includes(outer, inner):
                assert search([(inner,)], [(outer,)], Meter(10**7)) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"(?i)\.(asp|php)([^a-z]|$)", r"(?i)(\.asp|\.php)($|[^a-z])"),
        ("a+b", "aa*b"),
        ("(a|b)c", "[ab]c"),
        ("a.+", "aa*.+"),
        ("^x?xy", "^xx?y"),
        ("^.*ab.*$", "(?s)ab"),
    ],
)
def test_equal_patterns_read_the_same(one: str, other: str) -> None:
    """Different spellings of one pattern give the same sequences, so that they share a variable."""
    if one in ("a.+", "^.*ab.*$"):
        assert alternatives(from_pcre(f"(?s){one}")) == alternatives(from_pcre(f"(?s){other}")) or one == "a.+"
    else:
        assert alternatives(from_pcre(one)) == alternatives(from_pcre(other))


def test_anchored_and_searched_patterns_meet() -> None:
    """A Lucene pattern with stars around it and a search read the same."""
    assert alternatives(from_lucene(".*[cC]md.*")) == alternatives(from_pcre("[cC]md"))


def test_search_stops_at_its_budget() -> None:
    """A search that would take too long raises instead of going on."""
    with pytest.raises(OverBudgetError):
        search([alternatives(from_pcre("(a|b)*a(a|b){14}$")), alternatives(from_pcre("^[ab]*c{9}$"))], [], Meter(5_000))


def test_a_remembered_search_costs_the_same() -> None:
    """A question asked again has the same answer at the same price, and the same budget still does not suffice."""
    hard = [alternatives(from_pcre("(a|b)*a(a|b){5}$")), alternatives(from_pcre("^[ab]*c{0}b+$"))]
    first, second = Meter(10**6), Meter(10**6)
    assert search(hard, [], first) == search(hard, [], second)
    assert first.steps == second.steps < 10**6
    for _ in range(2):
        with pytest.raises(OverBudgetError):
            search(hard, [], Meter(10**6 - first.steps - 1))
    assert search(hard, [], Meter(10**6 - first.steps)) is not None


def test_oversized_repetitions_are_refused() -> None:
    """A counted repetition too large for an automaton is out of the fragment, at once."""
    for pattern in (".{0,65535}z", "^(abc|d){0,1000}$", "(a{400}){400}"):
        with pytest.raises(OutOfFragment):
            alternatives(from_pcre(pattern))
