"""Values in another encoding: what is left of a value, what a language asks of it, and whence it may come."""

from __future__ import annotations

import itertools

import pytest

from converter.platforms.recodings import RECODINGS, UNDECODABLE, Recoding
from converter.semantics.decide.evaluate import contains
from converter.semantics.decide.predicate import Strings
from converter.semantics.regular.flavours import from_pcre
from converter.semantics.regular.language import ANY_STRING, Language, Seq, literal

EVERY = pytest.mark.parametrize("one", RECODINGS.values(), ids=RECODINGS)
TEXTS = ("", "a", "a b", "a+b", "a%20b", "a%2bb", "%41", "%C3%A9", "%zz", "%2", "%", "100%25", "a%2520b", "é +%20")


def anywhere(text: str) -> Language:
    return Seq((ANY_STRING, literal(text, True), ANY_STRING))


def within(language: Language, text: str) -> bool:
    return contains(Strings(language), text)


@EVERY
def test_what_is_left_of_a_value_is_asked_for_by_its_own_text(one: Recoding) -> None:
    """A text, whole or as a part, finds what is left of itself, in whatever encoding it was written."""
    for text in TEXTS:
        assert within(one.image(literal(text, True)), one.value(text)), text
        assert within(one.image(anywhere(text)), one.value(f"x{text}y")), text


@EVERY
def test_the_origin_of_a_language_is_the_values_of_which_it_has_what_is_left(one: Recoding) -> None:
    """A value is of the origin exactly if what is left of it is in the language; what cannot be decoded is aside."""
    for text, value in itertools.product(TEXTS, TEXTS):
        if one.codes and within(UNDECODABLE, value):
            continue
        for language in (literal(text, True), anywhere(text)):
            assert within(one.origin(language), value) == within(language, one.value(value)), (text, value)


def test_what_cannot_be_decoded_is_told() -> None:
    """A percent sign that no two hexadecimal digits follow."""
    assert [text for text in TEXTS if within(UNDECODABLE, text)] == ["%zz", "%2", "%"]


def test_encoded_characters_are_decoded_as_utf_8() -> None:
    """Octets that stand together are one text; those that are no UTF-8 become the replacement character."""
    decoded = {text: RECODINGS["percent"].value(text) for text in ("%C3%A9", "%c3", "a%2Fb", "a+b", "%E2%82%AC1")}
    assert decoded == {"%C3%A9": "é", "%c3": "\ufffd", "a%2Fb": "a/b", "a+b": "a+b", "%E2%82%AC1": "€1"}
    assert RECODINGS["urlencoded"].value("a+b%2Bc") == "a b+c"
    assert RECODINGS["plus"].value("a b+c") == "a+b+c"


def test_an_expression_without_encoded_characters_is_the_same_in_every_encoding() -> None:
    """Classes and wildcards stay; only what is spelled out changes."""
    plain = from_pcre("^/[a-z]{2,5}\\.(php|jsp)$", False)
    assert all(one.image(plain) == plain for one in RECODINGS.values())
    spelled = from_pcre("cmd=net%20user", False)
    assert RECODINGS["percent"].image(spelled) == from_pcre("cmd=net user", False)
    assert RECODINGS["plus"].image(from_pcre("a b", False)) == from_pcre("a\\+b", False)


@EVERY
def test_siblings_are_other_values_of_which_the_same_is_left(one: Recoding) -> None:
    """Each differs from the value, and the platform no longer tells it from that."""
    for text in TEXTS:
        others = list(one.siblings(text))
        assert text not in others
        assert {one.value(other) for other in others} <= {one.value(text)}
    assert list(one.siblings("a+ b"))
