r"""Texts made up to satisfy several patterns at once: fixed runs joined, overlapped, padded and case-flipped.

These are guesses, in order of readability; whoever asks for them checks them. They settle nearly every question that
has an answer, and give a path like `C:\inetpub\shell.asp` where a shortest text would be `C:\.asp`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

from converter.semantics.regular.automata import READABLE
from converter.semantics.regular.sequences import (
    COMPOUND,
    ONE,
    OPTIONAL,
    STAR,
    Alternatives,
    Sequence,
    class_of,
    compound_of,
)

MAX_CHOICES = 4
MAX_PIECES = 64
Runs = tuple[tuple[str, ...], bool, bool]


def candidates(required: list[Alternatives]) -> Iterator[str]:
    """Distinct texts that may be in all the languages required; deterministic and bounded."""
    seen: set[str] = set()
    choices = itertools.product(*(alternatives[:MAX_CHOICES] for alternatives in required))
    for chosen in itertools.islice(choices, MAX_CHOICES):
        for text in _texts([runs(sequence) for sequence in chosen]):
            if text not in seen:
                seen.add(text)
                yield text


@lru_cache(maxsize=50_000)
def runs(sequence: Sequence) -> Runs:
    """The fixed runs of a sequence between its stars, and whether it is open at its start and at its end."""
    out, current, open_start = [], "", False
    for position, element in enumerate(sequence):
        kind = element & 3
        if kind == ONE:
            current += _character(element)
        elif kind == OPTIONAL:
            continue
        elif kind == COMPOUND and not compound_of(element)[0]:
            current += shortest(compound_of(element)[1][0])
        else:
            open_start = open_start or position == 0
            if current:
                out.append(current)
            current = ""
    last = bool(sequence) and (sequence[-1] & 3 == STAR or (sequence[-1] & 3 == COMPOUND and not current))
    if current:
        out.append(current)
    if not open_start and out and out[0][1:3] == ":\\" and sequence[0] & 3 != COMPOUND:
        out[0] = _drive(sequence[0]) + out[0][1:]
    return tuple(out), open_start, last


def shortest(sequence: Sequence) -> str:
    """A shortest text of a sequence."""
    out = ""
    for element in sequence:
        if element & 3 == ONE:
            out += _character(element)
        elif element & 3 == COMPOUND and not compound_of(element)[0]:
            out += min((shortest(option) for option in compound_of(element)[1]), key=len)
    return out


def _drive(element: int) -> str:
    """The letter of a path's drive: C if it may be, else in upper case if it may be."""
    letter = _character(element)
    for wanted in ("C", letter.upper()):
        if wanted in class_of(element):
            return wanted
    return letter


@lru_cache(maxsize=10_000)
def _character(element: int) -> str:
    """The most readable character of an element's class."""
    letters = class_of(element)
    for character in READABLE:
        if character in letters:
            return character
    low, high = letters.ranges[-1]
    return chr(max(low, min(high, 233)))


def _texts(parts: list[Runs]) -> Iterator[str]:
    whole = [fixed for fixed, open_start, open_end in parts if not open_start and not open_end and len(fixed) <= 1]
    if whole:
        for text in dict.fromkeys("".join(fixed) for fixed in whole):
            yield from _cased(text)
        return
    prefixes = [fixed[0] for fixed, open_start, _ in parts if fixed and not open_start]
    suffixes = [fixed[-1] for fixed, _, open_end in parts if fixed and not open_end]
    prefix, suffix = max(prefixes, key=len, default=""), max(suffixes, key=len, default="")
    middles: list[str] = []
    for fixed, open_start, open_end in parts:
        first, last = (0 if open_start else 1), (len(fixed) if open_end else len(fixed) - 1)
        for run in fixed[first : max(first, last)]:
            if run not in middles:
                middles.append(run)
    middles = middles[:MAX_PIECES]
    outer = [run for run in middles if run not in prefix and run not in suffix]
    outer.sort(key=lambda run: not run.endswith(("\\", "/")))  # folders come before names
    plain = _overlapped([prefix, *outer, suffix])
    if "\\" in plain:
        yield from _cased(_named(plain))
    elif not prefix and not suffix:
        yield from _cased(" ".join(outer))
    yield from _cased(plain)
    for order in (outer, outer[::-1], middles, middles[::-1]):
        yield _overlapped([prefix, *order, suffix])
        for gap in ("x" if prefix else " ", "", "x", " ", "\\x\\", "x x"):
            yield _gapped(prefix, order, suffix, gap)
    for text in (_named(plain), plain, _gapped(prefix, outer, suffix, "x")):
        yield from _padded(text, prefix, suffix)


def _named(path: str) -> str:
    """A path with a name before an extension that stands alone: `C:\\inetpub\\file.asp`."""
    return path.replace("\\.", "\\file.")


def _padded(text: str, prefix: str, suffix: str) -> Iterator[str]:
    for padding in ("x", " x", "\\x", ".x", "1", " ", "\\", "-"):
        if not suffix:
            yield text + padding
        if not prefix:
            yield padding[::-1] + text
            if not suffix:
                yield padding[::-1] + text + padding
        if prefix and suffix:
            yield prefix + padding + text[len(prefix) :]


def _cased(text: str) -> Iterator[str]:
    yield text
    upper = text.upper()
    if upper != text and len(upper) == len(text):
        yield upper
        yield text[: len(text) // 2] + upper[len(text) // 2 :]
        yield text.title()
        yield text.swapcase()


def _gapped(prefix: str, middles: list[str], suffix: str, gap: str) -> str:
    return gap.join(part for part in (prefix, *middles, suffix) if part)


def _overlapped(parts: list[str]) -> str:
    """The parts joined so that the end of one that begins the next is written once."""
    out = ""
    for part in parts:
        size = min(len(out), len(part))
        while size and not out.endswith(part[:size]):
            size -= 1
        out += part[size:]
    return out
