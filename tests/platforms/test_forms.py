"""Values in another form, and values made of others: what is true of a value is true of its image."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from converter.core.discovery import schemas
from converter.platforms.derive import DERIVATIONS, derive
from converter.platforms.forms import named
from converter.platforms.halves import NAMES, splits
from converter.platforms.inverse import inverse, present
from converter.semantics.decide.evaluate import contains, matches
from converter.semantics.decide.predicate import Strings
from converter.semantics.regular.language import ANY_STRING, Alt, Language, Repeat, Seq, literal

FORMS = sorted(
    {
        form
        for schema in schemas().values()
        for kind in schema.kinds
        for loss in kind.losses
        if loss.effect in ("escapes", "suffixed")
        for form in loss.values
    }
)
_PIECES = ["a", "Cmd", "\\", "&", "<", ">", " ", ".exe", "amp", "lt;", "é", "x-1", "tcp"]
#: what a host name is made of; the rest of a URL is no part of it
_NAMES = ["a", "Host", ".", "example", "-1", "www"]


def texts(random: Random, pieces: list[str], count: int = 60) -> Iterator[str]:
    for _ in range(count):
        yield "".join(random.choice(pieces) for _ in range(random.randint(1, 4)))


def languages(random: Random, text: str) -> Iterator[Language]:
    """Languages about a text: the whole, its beginnings, ends and middles, in either case, and choices of them."""
    cut = random.randint(0, len(text))
    for fold in (True, False):
        whole = literal(text, fold)
        yield whole
        yield Seq((literal(text[:cut], fold), ANY_STRING))
        yield Seq((ANY_STRING, literal(text[cut:], fold)))
        yield Seq((ANY_STRING, literal(text[1:cut], fold), ANY_STRING))
        yield Alt((whole, literal("other", fold)))


@pytest.mark.parametrize("name", FORMS)
def test_a_value_in_a_language_has_its_form_in_the_image(name: str) -> None:
    """Nothing is lost: whoever looks for a language's values finds each of them in its other form."""
    form, random = named(name), Random(name)
    for text in texts(random, _NAMES if name == "url" else _PIECES):
        for language in languages(random, text):
            if matches(language, text):
                assert matches(form.image(language), form.value(text)), (text, language)


@pytest.mark.parametrize("name", FORMS)
def test_a_whole_value_is_found_in_no_other_form(name: str) -> None:
    """Forms are one-to-one: the form of another value is not that of this one, and its image does not have it."""
    form, random = named(name), Random(name)
    some = sorted(set(texts(random, _NAMES if name == "url" else _PIECES)))
    assert len({form.value(text) for text in some}) == len(some)
    for left in some[:20]:
        for right in some[:20]:
            assert matches(form.image(literal(left, False)), form.value(right)) == (left == right), (left, right)


@pytest.mark.parametrize("name", sorted(set(DERIVATIONS) - {"ip_type", "hex", "dword"}))
def test_the_inverse_is_the_inverse(name: str) -> None:
    """A derived text lies in a language exactly when the value gives one and lies in the language's inverse image."""
    random = Random(name)
    pieces = [*_PIECES, "/", "/", "\\"]
    for text in texts(random, pieces, 200):
        made = derive(name, text)
        given = present(name)
        assert given is None or contains(given, text) == (made is not None), text
        for language in languages(random, str(made if made is not None else text)):
            expected = made is not None and matches(language, str(made))
            found = contains(inverse(name)(language), text) and (given is None or contains(given, text))
            assert found == expected, (text, made, language)


def test_addresses_are_sorted_alike_in_both_directions() -> None:
    """An address is of a sort exactly when it is among the sort's addresses."""
    for text in ("10.1.2.3", "8.8.8.8", "::1", "fe80::1", "2001::5", "255.255.255.255", "::ffff:10.0.0.1"):
        sort = derive("ip_type", text)
        for other in ("Private", "Public", "Loopback", "Reserved", "Teredo", "Broadcast", "FourToSixMapping"):
            assert contains(inverse("ip_type")(literal(other, False)), text) == (sort == other), (text, other)


def test_hexadecimal_texts_are_numbers() -> None:
    """A text that is no hexadecimal number has no number, and no text is one."""
    assert [derive("hex", text) for text in ("0x3e7", "0X3e7", "999", "")] == [999, None, None, None]
    given = present("hex")
    assert isinstance(given, Strings)
    assert [contains(given, text) for text in ("0x3e7", "999")] == [True, False]


def test_registry_numbers_are_found_by_their_digits() -> None:
    """The data of a registry value is a number if Sysmon writes it as one, and a number asks for just that text."""
    written = ("DWORD (0x0000000a)", "QWORD (0x00000000-0x0000000a)", "10", "DWORD (0xa)")
    assert [derive("dword", text) for text in written] == ["10", None, None, None]
    given = present("dword")
    assert isinstance(given, Strings)
    for text in written:
        assert contains(given, text) == contains(inverse("dword")(literal("10", True)), text) == (text == written[0])
    for digits in ("010", "x", "-1", str(2**32)):
        assert not contains(inverse("dword")(literal(digits, True)), written[0])


ROOTS = (
    "HKLM\\System\\CurrentControlSet=HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001|HKLM=HKEY_LOCAL_MACHINE|HKU=HKEY_USERS"
)
_KEYS = ["HKLM", "HKU", "\\", "System", "CurrentControlSet", "Run", "a", "LOCAL_MACHINE", "\\", "C:\\"]


def test_a_renamed_beginning_is_found_by_its_new_name() -> None:
    """Whoever looks for a language's values finds each under its other root, and no other value that has a root."""
    form, random = named(ROOTS), Random("roots")
    rooted = [f"{random.choice(['HKLM', 'HKU'])}\\{text}" for text in texts(random, _KEYS, 40)]
    for text in rooted:
        for language in languages(random, text):
            assert matches(language, text) <= matches(form.image(language), form.value(text)), (text, language)
    # the other way round, where a text says enough to belong to one root
    for wanted in rooted[:12]:
        for text in rooted[:12]:
            same = wanted == text or form.value(wanted).lower() == form.value(text).lower()
            assert matches(form.image(literal(wanted, False)), form.value(text)) <= same, (wanted, text)


def test_halves_are_asked_for_about_each_backslash() -> None:
    """A whole lies in a language exactly when its halves about a backslash lie in a pair of the language's splits."""
    random = Random("halves")
    for text in texts(random, _KEYS, 40):
        cuts = [(text[:at], text[at + 1 :]) for at, character in enumerate(text) if character == "\\"]
        for language in [*languages(random, text), Repeat(Alt((literal("a\\", False), literal("b", False))), 1, 3)]:
            for key, name in cuts:
                found = any(matches(left, key) and matches(right, name) for left, right in splits(language))
                wanted = matches(language, f"{key}\\{name}")
                # where no value has such a name, a split may be left out
                assert found == wanted or (wanted and not matches(NAMES, name)), (text, key, name, language)
