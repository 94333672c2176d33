"""The Sigma values whose derived text lies in a language: the inverse images of `converter.platforms.derive`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache

from converter.core.errors import OutOfFragment
from converter.platforms.derive import algorithm_of
from converter.platforms.forms import form, mapped
from converter.platforms.ip_types import addresses_of
from converter.platforms.texts import literal_of
from converter.semantics.decide.evaluate import matches
from converter.semantics.decide.predicate import Addresses, Numbers, Strings
from converter.semantics.regular.images import after, is_empty, nullable
from converter.semantics.regular.language import ANY_STRING, Alt, Chars, Language, Repeat, Seq, char, chars, literal

Inverse = Callable[[Language], Strings | Addresses]


def inverse(derive: str, words: Collection[str] | None = None) -> Inverse:
    """language of the column -> the values of the Sigma field whose derived text is in it.

    With `words` the field holds paths and, without a separator, only these: exact on such values, and far cheaper to
    compare than what is true of all texts.
    """
    if words is not None and derive in ("basename", "posix_basename"):
        return _last("\\" if derive == "basename" else "/", words if derive == "basename" else ())
    if form(derive) is not None or algorithm_of(derive) is not None:
        return Strings  # a written form, or a component that is a field of its own
    return INVERSE[derive]


def present(derive: str) -> Strings | None:
    """The values for which the derivation gives anything, None when it always does."""
    return PARTIAL.get(derive)


def numbers_of(derive: str, numbers: Numbers) -> Strings | Numbers:
    """The values whose derived number is among `numbers`. Raises OutOfFragment for ranges of hexadecimal texts."""
    if derive != "hex":
        return numbers
    if any(low is None or low != high for low, high in numbers.ranges):
        raise OutOfFragment("an order of hexadecimal numbers is not decided")
    zeros = Repeat(char("0", False), 0, None)
    texts = [
        Seq((literal("0x", False), zeros, literal(f"{low:x}", True))) for low, _ in numbers.ranges if low is not None
    ]
    return Strings(Alt(tuple(texts)))


@lru_cache(maxsize=65536)
def has(language: Language, text: str) -> bool:
    """Whether a text is in a language, character by character: most are out at the first one."""
    form = literal_of(language)
    if form is not None and not form.fits(text):
        return False
    for character in text:
        language = after(language, character)
        if is_empty(language):
            return False
    return nullable(language)


@lru_cache(maxsize=65536)
def _without(language: Language, separator: str) -> Language:
    """The words of a language that hold no separator."""
    if not isinstance(language, Chars):
        return mapped(language, lambda part: _without(part, separator))
    point = ord(separator)
    out: list[tuple[int, int]] = []
    for low, high in language.ranges:
        pieces = [(low, point - 1), (point + 1, high)] if low <= point <= high else [(low, high)]
        out.extend(piece for piece in pieces if piece[0] <= piece[1])
    return Chars(tuple(out)) if out else Alt(())


def _last(separator: str, alone: Collection[str] | None) -> Callable[[Language], Strings]:
    """What follows the last separator is in the language, or the whole of a text without one.

    `alone` are the only texts without a separator, None for any.
    """

    def of(language: Language) -> Strings:
        name = _without(language, separator)
        path = Seq((ANY_STRING, char(separator, False), name))
        if alone is None:
            return Strings(Alt((path, name)))
        words = [literal(word, False) for word in alone if has(name, word)]
        return Strings(Alt((path, *words)) if words else path)

    return of


def _before(separator: str) -> Callable[[Language], Strings]:
    """What precedes the last separator is in the language."""
    point = ord(separator)
    rest = Repeat(chars([(point, point)], negated=True), 0, None)
    return lambda language: Strings(Seq((language, char(separator, False), rest)))


def _lower(language: Language) -> Language:
    """Values whose lower-case form is in the language; letters beyond ASCII are taken as they are (ASSUMPTION)."""
    if not isinstance(language, Chars):
        return mapped(language, _lower)
    out: list[tuple[int, int]] = []
    for low, high in language.ranges:
        out.extend(r for r in ((low, min(high, 64)), (max(low, 91), high)) if r[0] <= r[1])
        a, b = max(low, 97), min(high, 122)
        if a <= b:
            out.append((a - 32, b - 32))
    return chars(out) if out else Alt(())


def lower_image(language: Language) -> Strings:
    """Values whose lower-case form is in the language."""
    return Strings(_lower(language))


def _ip_type(language: Language) -> Addresses:
    """The addresses whose sort has a name in the language; exact on the domain, where every value is an address."""
    return Addresses(addresses_of(lambda name: matches(language, name)))


def _dword(language: Language) -> Strings:
    """The data of a registry value whose number, in digits, is in the language. Raises OutOfFragment for many."""
    numbers = sorted({int(text) for text in _digits(language) if text and text == str(int(text))})
    return Strings(Alt(tuple(literal(f"DWORD (0x{number:08x})", False) for number in numbers if number < 2**32)))


#: how many numbers, and of how many digits, are told from a language
_MOST_NUMBERS, _MOST_DIGITS = 256, 10


def _digits(language: Language) -> set[str]:
    """The texts of a language that are digits alone. Raises OutOfFragment when there are many."""
    if isinstance(language, Chars):
        return {chr(code) for low, high in language.ranges for code in range(max(low, 48), min(high, 57) + 1)}
    if isinstance(language, Alt):
        return {text for option in language.options for text in _digits(option)}
    if isinstance(language, Repeat):
        if language.high is None or language.high > _MOST_DIGITS:
            raise OutOfFragment("many numbers are asked of the data of a registry value")
        lengths = range(language.low, language.high + 1)
        return {text for length in lengths for text in _digits(Seq((language.item,) * length))}
    found = {""}
    for part in language.parts:
        found = {text + more for text in found for more in _digits(part)}
        if len(found) > _MOST_NUMBERS:
            raise OutOfFragment("many numbers are asked of the data of a registry value")
    return found


def _nothing(language: Language) -> Strings:
    """A number is no text."""
    return Strings(Alt(()))


INVERSE: dict[str, Inverse] = {
    "same": Strings,
    "basename": _last("\\", None),
    "dirname": _before("\\"),
    "posix_basename": _last("/", None),
    "posix_dirname": _before("/"),
    "leaf": _last("\\", ()),
    "lower": lower_image,
    "ip_type": _ip_type,
    "hex": _nothing,
    "dword": _dword,
    "unnumbered": Strings,
}
_WORD = Seq((literal("0x", True), Repeat(chars([(48, 57), (97, 102)], ignore_case=True), 8, 8)))
#: derivations -> the values that no record of such a kind has: what Sysmon writes for data that is no text, or none
NEVER: dict[str, Strings] = {
    "unnumbered": Strings(
        Alt(
            (
                Seq((literal("DWORD (", True), _WORD, literal(")", True))),
                Seq((literal("QWORD (", True), _WORD, literal("-", True), _WORD, literal(")", True))),
                literal("Binary Data", True),
                literal("(Empty)", True),
            )
        )
    )
}
#: partial derivations -> the values that give anything
PARTIAL: dict[str, Strings] = {
    "dirname": Strings(Seq((ANY_STRING, chars([(0, 0x10FFFF)]), char("\\", False), ANY_STRING))),
    "posix_dirname": Strings(Seq((ANY_STRING, chars([(0, 0x10FFFF)]), char("/", False), ANY_STRING))),
    "leaf": Strings(Seq((ANY_STRING, char("\\", False), ANY_STRING))),
    "dword": Strings(
        Seq((literal("DWORD (0x", False), Repeat(chars([(48, 57), (97, 102)]), 8, 8), literal(")", False)))
    ),
    "hex": Strings(Seq((literal("0x", False), Repeat(chars([(48, 57), (65, 70), (97, 102)]), 1, 16)))),
}
