"""Values that a platform always writes in another encoding, which several values share: decoded, blanks as plus.

`value` is what is left of a value, `image` what a language of values asks of that, and `origin` the values of which
what is left is in a language. An encoded character is decoded where a rule spells it out, three characters in a row; a
wildcard or a class of characters that covers a part of one stays what it is (`converter.platforms.losses` names the
events on which that matters).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

from converter.platforms.forms import mapped, minds_case
from converter.semantics.regular.build import either, join
from converter.semantics.regular.language import (
    ANY_STRING,
    EMPTY_STRING,
    Alt,
    Chars,
    Language,
    Repeat,
    Seq,
    char,
    chars,
    literal,
)

_CODES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_HEX = chars([(48, 57), (65, 70), (97, 102)])
_NO_HEX = chars(_HEX.ranges, negated=True)
_PERCENT = char("%", False)
#: one character as encoded octets: of ASCII, and beyond, where each octet has its highest bit set
_ASCII_CODE = Seq((_PERCENT, chars([(48, 55)]), _HEX))
_FURTHER_CODES = Repeat(Seq((_PERCENT, chars([(56, 57), (65, 70), (97, 102)]), _HEX)), 1, 4)
#: texts with a percent sign that begins no encoded octet, which no decoder takes
UNDECODABLE = Seq(
    (
        ANY_STRING,
        _PERCENT,
        Alt((EMPTY_STRING, _HEX, Seq((_NO_HEX, ANY_STRING)), Seq((_HEX, _NO_HEX, ANY_STRING)))),
    )
)


def decoded(text: str) -> str:
    """Runs of percent-encoded octets as the UTF-8 text they are; octets that are none become U+FFFD.

    https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/net/URI.html (getPath, getQuery).
    """
    return _CODES.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace"), text)


def form_decoded(text: str) -> str:
    """As `decoded`, with a plus for a blank before.

    https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/net/URLDecoder.html
    """
    return decoded(text.replace("+", " "))


def plus_for_blank(text: str) -> str:
    """A plus for every blank."""
    return text.replace(" ", "+")


@dataclass(frozen=True)
class Recoding:
    """One encoding; `characters` of a value are written as others, `codes` are the octets that it decodes."""

    name: str
    value: Callable[[str], str]
    characters: tuple[tuple[str, str], ...] = ()
    codes: bool = False

    def image(self, language: Language) -> Language:
        """What is left of the values of a language."""
        return _image(language, self.name, not minds_case(language))

    def siblings(self, value: str) -> Iterator[str]:
        """Other values of which the same is left, each with one character written in another way."""
        for at, character in enumerate(value):
            others = [old for old, new in self.characters if character == new]
            others += ["".join(f"%{octet:02X}" for octet in character.encode())] if self.codes else []
            for other in others:
                found = f"{value[:at]}{other}{value[at + 1 :]}"
                if self.value(found) == self.value(value):
                    yield found

    def origin(self, language: Language) -> Language:
        """The values of which what is left is in a language."""
        return _origin(language, self.name)


_PLUS = ((" ", "+"),)
_BLANK = (("+", " "),)
RECODINGS = {
    found.name: found
    for found in (
        Recoding("percent", decoded, codes=True),
        Recoding("urlencoded", form_decoded, _BLANK, codes=True),
        Recoding("plus", plus_for_blank, _PLUS),
    )
}


def recoding(name: str) -> Recoding:
    """The encoding called `percent`, `urlencoded` or `plus`."""
    return RECODINGS[name]


@lru_cache(maxsize=16384)
def _image(language: Language, name: str, ignore_case: bool) -> Language:
    if isinstance(language, Chars):
        return _written(language, RECODINGS[name])
    if not isinstance(language, Seq):
        return mapped(language, partial(_image, name=name, ignore_case=ignore_case))
    out: list[Language] = []
    run: list[Chars] = []
    for part in (*_flat(language), None):
        if isinstance(part, Chars) and _single(part):
            run.append(part)
            continue
        out += _run(run, RECODINGS[name], ignore_case)
        run = []
        out += [] if part is None else [_image(part, name, ignore_case)]
    return join(out)


def _flat(language: Seq) -> tuple[Language, ...]:
    return tuple(one for part in language.parts for one in (_flat(part) if isinstance(part, Seq) else (part,)))


def _single(letters: Chars) -> str:
    """The character that a class stands for, "" where it stands for more than the cases of one."""
    points = [code for low, high in letters.ranges for code in range(low, min(high, low + 3) + 1)][:4]
    return chr(points[-1]) if points and len({chr(code).lower() for code in points}) == 1 else ""


def _run(run: list[Chars], one: Recoding, ignore_case: bool) -> list[Language]:
    """A run of characters, each encoded one that is spelled out in it decoded."""
    text, out, at = "".join(map(_single, run)), list[Language](), 0
    for found in _CODES.finditer(text) if one.codes else ():
        out += [_written(letters, one) for letters in run[at : found.start()]]
        out.append(literal(decoded(found[0]), ignore_case))
        at = found.end()
    return [*out, *(_written(letters, one) for letters in run[at:])]


def _written(letters: Chars, one: Recoding) -> Chars:
    """A class with its characters as they are written; one of nearly all characters stays."""
    if letters.wide:
        return letters
    for old, new in one.characters:
        if old in letters:
            letters = chars([*letters.without(old).ranges, (ord(new), ord(new))])
    return letters


@lru_cache(maxsize=16384)
def _origin(language: Language, name: str) -> Language:
    if not isinstance(language, Chars):
        return mapped(language, partial(_origin, name=name))
    one = RECODINGS[name]
    alike = all((old in language) == (new in language) for old, new in one.characters)
    if alike and language.wide and not one.codes:
        return language  # what is written as another character is in the class with it
    options: list[Language] = []
    plain = language.without("%") if one.codes else language
    for old, new in one.characters:
        plain = plain.without(old)
        options += [char(old, False)] if new in language else []
    if one.codes and language.wide:
        options += [_ASCII_CODE, _FURTHER_CODES]
    elif one.codes:
        points = (code for low, high in language.ranges for code in range(low, high + 1))
        options += [literal("".join(f"%{octet:02x}" for octet in chr(code).encode()), True) for code in points]
    return either((plain, *options))
