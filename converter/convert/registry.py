r"""Tests of the registry: a key and the name of a value in two columns, and numbers that Sysmon writes out.

`HKLM\…\Run\Updater` of an event is the key `HKEY_LOCAL_MACHINE\…\Run` and the name `Updater` in a record; where the key
ends the event does not say, so each backslash of a pattern may be the one between (`converter.platforms.halves`).
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.convert.forms import renamed_patterns
from converter.convert.simplify import FALSE, TRUE, all_of, any_of
from converter.convert.values import Token, pattern
from converter.core.errors import Unsupported
from converter.core.platform import Column
from converter.dialects.condition import Condition, Match, OneOf, Pattern, Wild
from converter.platforms.forms import form
from converter.platforms.halves import PATH_ENDS
from converter.platforms.prefixes import renamings

_HEX = "0123456789abcdef"
#: `DWORD (0x00000001)`, with the characters that may stand in each place
_DWORD = ("d", "w", "o", "r", "d", " ", "(", "0", "x", *[_HEX] * 8, ")")
_DIGITS = slice(9, 17)


def halved_match(wanted: Pattern, key: Column, name: str, cased: bool) -> Condition:
    """The pattern matches a key and the name of one of its values, with a backslash between."""
    written = form(key.derive)
    found = (wanted,) if written is None else renamed_patterns(wanted, renamings(written.name))
    pairs = dict.fromkeys(pair for one in found for pair in _pairs(one))
    return any_of(all_of([_half(key.name, left, cased), _half(name, right, cased)]) for left, right in pairs)


def _half(column: str, wanted: Pattern, cased: bool) -> Condition:
    if not wanted.parts:
        return FALSE  # neither a key nor a name is empty
    return TRUE if wanted.shape == "any" else Match(column, (wanted,), cased)


def _pairs(wanted: Pattern) -> Iterator[tuple[Pattern, Pattern]]:
    tokens = [token for part in wanted.parts for token in (part if isinstance(part, str) else (part,))]
    for at, token in enumerate(tokens):
        if token is Wild.ANY:
            yield pattern([*tokens[: at + 1]]), pattern([*tokens[at:]])
        elif not _may_be_name(tokens[at + 1 :]):
            continue
        elif token == "\\" or token is Wild.ONE or (isinstance(token, OneOf) and "\\" in token.characters):
            yield pattern(tokens[:at]), pattern(tokens[at + 1 :])


def _may_be_name(tokens: list[Token]) -> bool:
    """Whether the name of a value may match: one with a backslash begins as `platforms.halves` says."""
    for at, token in enumerate(tokens):
        if not isinstance(token, str):
            return True
        if token == "\\":
            return at == 0 or tokens[at - 1] in tuple(PATH_ENDS)
    return True


def dword_match(field: str, wanted: Pattern, column: str) -> Condition:
    """The data of a value that is a number of 32 bits, which Sysmon writes `DWORD (0x…)` and the column in digits.

    Raises Unsupported for a pattern that some of these numbers match and others do not, and that names none.
    """
    tokens = [token for part in wanted.parts for token in (part if isinstance(part, str) else (part,))]
    if not _fits(tokens):
        return FALSE
    text = wanted.text.lower()
    if wanted.shape != "general" and len(text) >= len(_DWORD[_DIGITS]) and text.endswith(")"):
        digits = text.removesuffix(")")[-8:]
        if all(digit in _HEX for digit in digits):
            return Match(column, (Pattern((str(int(digits, 16)),)),))
    raise Unsupported(
        f"{field} holds a number in digits here, of which {wanted.text!r} names none", f"field {field}",
        hint="write DWORD (0x…) with all eight digits",
    )  # fmt: skip


def _fits(tokens: list[Token]) -> bool:
    """Whether some number is written so that the tokens match it as a whole."""
    places = _closed({0}, tokens)
    for allowed in _DWORD:
        places = _closed({place for at in places for place in _step(tokens, at, allowed)}, tokens)
    return len(tokens) in places


def _closed(places: set[int], tokens: list[Token]) -> set[int]:
    """The places, and those behind runs that may be empty."""
    found = set(places)
    while more := {at + 1 for at in found if at < len(tokens) and tokens[at] is Wild.ANY} - found:
        found |= more
    return found


def _step(tokens: list[Token], at: int, allowed: str) -> Iterator[int]:
    if at == len(tokens):
        return
    token = tokens[at]
    if token is Wild.ANY:
        yield at
    elif token is Wild.ONE or set((token.characters if isinstance(token, OneOf) else token).lower()) & set(allowed):
        yield at + 1
