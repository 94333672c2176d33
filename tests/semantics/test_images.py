"""Images of languages against doing to every short text what the platform does to it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.errors import OutOfFragment
from converter.semantics.decide.evaluate import matches
from converter.semantics.regular import images
from converter.semantics.regular.images import fold, inverse_trim, longest, without
from converter.semantics.regular.language import (
    ANY_CHAR,
    ANY_STRING,
    EMPTY_STRING,
    NOTHING,
    Alt,
    Chars,
    Language,
    Repeat,
    Seq,
    chars,
    literal,
)

BLANKS = " \t\r\n\f\v"
TEXTS = ["".join(letters) for size in range(5) for letters in itertools.product("aA \t", repeat=size)]
_LEAVES = st.sampled_from(
    [
        chars([(97, 97)]),
        chars([(32, 32)]),
        chars([(9, 9), (65, 65)]),
        chars([(32, 32), (97, 97)], negated=True),
        Chars(()),
        ANY_CHAR,
        ANY_STRING,
        literal("a a", False),
        literal(" A", True),
        EMPTY_STRING,
        NOTHING,
    ]
)


def _grow(inner: st.SearchStrategy[Language]) -> st.SearchStrategy[Language]:
    some = st.lists(inner, max_size=3).map(tuple)
    bounds = st.sampled_from([(0, None), (1, None), (0, 1), (2, 2), (0, 0), (1, 3)])
    return st.one_of(some.map(Seq), some.map(Alt), st.builds(lambda item, ends: Repeat(item, *ends), inner, bounds))


LANGUAGES = st.recursive(_LEAVES, _grow, max_leaves=8)


@settings(max_examples=300, deadline=None)
@given(LANGUAGES)
def test_inverse_trim(language: Language) -> None:
    """A text is in the image exactly when its trimmed form is in the language."""
    image = inverse_trim(language)
    assert [t for t in TEXTS if matches(image, t) != matches(language, t.strip(BLANKS))] == []


@settings(max_examples=200, deadline=None)
@given(LANGUAGES)
def test_fold(language: Language) -> None:
    """A text is in the closure exactly when some spelling of it in other cases is in the language."""
    closure = fold(language)
    for text in TEXTS:
        spellings = itertools.product(*({c.lower(), c.upper()} for c in text))
        assert matches(closure, text) == any(matches(language, "".join(s)) for s in spellings)


def test_fold_is_of_ascii() -> None:
    """Letters beyond ASCII keep their case, and ranges that only touch letters get no more than those."""
    assert fold(literal("é", False)) == literal("é", False)
    assert fold(chars([(64, 66), (233, 233)])) == chars([(64, 66), (97, 98), (233, 233)])


@settings(max_examples=200, deadline=None)
@given(LANGUAGES)
def test_longest(language: Language) -> None:
    """No text is longer than the longest, one is as long, and where there is none, texts go on."""
    found = longest(language)
    lengths = {len(text) for text in TEXTS if matches(language, text)}
    if found is None:
        assert _goes_on(language, 5)
    else:
        assert max(lengths, default=0) <= found
        assert found > 4 or found == max(lengths, default=0)


def _goes_on(language: Language, length: int) -> bool:
    """Whether a text of the language has `length` characters and more, found by walking through what may follow."""
    layer = {language}
    for _ in range(length):
        layer = {rest for item in layer for c in "aA \tz" if not images.is_empty(rest := images.after(item, c))}
        layer = set(sorted(layer, key=repr)[:40])
    return bool(layer)


@settings(max_examples=300, deadline=None)
@given(LANGUAGES, st.lists(st.sampled_from([*TEXTS[:60], "aaa", "  a", "zz"]), max_size=4))
def test_without(language: Language, texts: list[str]) -> None:
    """A text is left exactly when it was in the language and is none of those taken out."""
    left = without(language, texts)
    assert [t for t in [*TEXTS, "zz"] if matches(left, t) != (matches(language, t) and t not in texts)] == []


def test_what_trimming_does_not_touch_stays() -> None:
    """A language that asks for something inside a text, or ends in words, is not made larger than it need be."""
    inside = Seq((ANY_STRING, literal("cmd.exe", True), ANY_STRING))
    assert inverse_trim(inside) == inside
    assert inverse_trim(ANY_STRING) == ANY_STRING
    assert without(inside, ["x", ""]) == inside


def test_too_large_is_refused() -> None:
    """An image that would need too large a tree is out of the fragment, at once."""
    hard = Repeat(Alt((chars([(32, 32)]), *(literal(" " * n + "x" * n, False) for n in range(2, 80)))), 0, 300)
    with pytest.raises(OutOfFragment):
        without(Seq((hard, hard)), [" " * 200])
