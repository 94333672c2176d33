"""Regular languages of strings as small syntax trees: what every pattern of every dialect is translated to.

A language describes *whole* values (anchored at both ends). Case-insensitivity is not a flag: it is written into the
character classes when the tree is built, so that two trees with the same language rules can be compared directly.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from converter.semantics.tree import Tree

MAX_CHAR = 0x10FFFF
Range = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Chars(Tree):
    """One character out of sorted, disjoint, inclusive code-point ranges."""

    ranges: tuple[Range, ...]

    def __contains__(self, character: str) -> bool:
        return any(low <= ord(character) <= high for low, high in self.ranges)

    @property
    def size(self) -> int:
        """How many characters the class has."""
        return sum(high - low + 1 for low, high in self.ranges)

    @property
    def wide(self) -> bool:
        """Whether the class stands for nearly any character, as `.` and `[^x]` do, and is not a list of some."""
        return self.size > 128

    def without(self, characters: str) -> Chars:
        """The class less some characters; it has no ranges when none is left."""
        ranges = self.ranges
        for point in map(ord, characters):
            cut = (part for low, high in ranges for part in ((low, min(high, point - 1)), (max(low, point + 1), high)))
            ranges = tuple(dict.fromkeys((low, high) for low, high in cut if low <= high))
        return Chars(ranges)


@dataclass(frozen=True, eq=False)
class Seq(Tree):
    """The parts one after another; the empty sequence is the empty string."""

    parts: tuple[Language, ...]


@dataclass(frozen=True, eq=False)
class Alt(Tree):
    """Any one of the options; no options is the empty language."""

    options: tuple[Language, ...]


@dataclass(frozen=True, eq=False)
class Repeat(Tree):
    """`item` between `low` and `high` times (None: no upper bound)."""

    item: Language
    low: int
    high: int | None


Language = Chars | Seq | Alt | Repeat

EMPTY_STRING = Seq(())
NOTHING = Alt(())
ANY_CHAR = Chars(((0, MAX_CHAR),))
ANY_STRING = Repeat(ANY_CHAR, 0, None)


def chars(ranges: list[Range] | tuple[Range, ...], negated: bool = False, ignore_case: bool = False) -> Chars:
    """A character class, normalised: folded first, then complemented."""
    if ignore_case:
        ranges = [pair for low, high in ranges for pair in _folded(low, high)]
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return Chars(tuple(_complement(merged) if negated else merged))


@lru_cache(maxsize=4096)
def char(character: str, ignore_case: bool) -> Chars:
    """One character, with its other case where `ignore_case` (see `_other_case`)."""
    code = ord(character)
    return chars([(code, code)], ignore_case=ignore_case)


@lru_cache(maxsize=8192)
def literal(text: str, ignore_case: bool) -> Language:
    """Exactly `text`."""
    return Seq(tuple(char(c, ignore_case) for c in text))


def _other_case(code: int) -> int | None:
    """The one other spelling of a letter that differs only in case.

    Only one-to-one pairs count: `ß`, `İ`, the Kelvin sign and the long s fold differently on each platform, so they
    are treated as caseless here (the engines are asked about them by fixtures).
    """
    c = chr(code)
    for other in (c.lower(), c.upper()):
        one_to_one = c in (other.lower(), other.upper()) and len(other.lower()) == len(other.upper()) == 1
        if other != c and len(other) == 1 and one_to_one:
            return ord(other)
    return None


def odd_case(low: int, high: int) -> str | None:
    """A character beyond ASCII of the range whose forms in other cases are not one other character, None if none is.

    `ß`, `σ`, the Kelvin sign: languages hold them caseless, engines don't agree on their forms.
    """
    if high < 128 or (low == 0 and high == MAX_CHAR):
        return None  # all characters are closed under any folding
    odd = _odd_cases()
    place = bisect_left(odd, max(low, 128))
    return chr(odd[place]) if place < len(odd) and odd[place] <= high else None


@lru_cache(maxsize=1)
def _odd_cases() -> tuple[int, ...]:
    groups: dict[str, set[int]] = {}
    blocks = (range(first, first + 256) for first in range(0, MAX_CHAR + 1, 256))
    changed = (block for block in blocks if (text := "".join(map(chr, block))).casefold() != text)
    for code in (code for block in changed for code in block):
        folded = chr(code).casefold()
        if folded != chr(code):  # what folds to itself alone is in no group
            groups.setdefault(folded, {ord(folded)} if len(folded) == 1 else set()).add(code)
    odd: list[int] = []
    for folded, group in groups.items():
        pair = {code for low, high in char(chr(min(group)), True).ranges for code in range(low, high + 1)}
        if (len(group) > 1 and pair != group) or (len(group) == 1 and len(folded) > 1):
            odd.extend(group)
    return tuple(sorted(odd))


def _folded(low: int, high: int) -> list[Range]:
    if high - low > 0x3000:  # a class that wide comes from a complement: fold its ASCII part only
        out = [(low, high)]
        for a, b, shift in ((65, 90, 32), (97, 122, -32)):
            x, y = max(a, low), min(b, high)
            if x <= y:
                out.append((x + shift, y + shift))
        return out
    out = [(low, high)]
    for code in range(low, high + 1):
        other = _other_case(code)
        if other is not None:
            out.append((other, other))
    return out


def _complement(ranges: list[Range]) -> list[Range]:
    out, start = [], 0
    for low, high in ranges:
        if start < low:
            out.append((start, low - 1))
        start = high + 1
    if start <= MAX_CHAR:
        out.append((start, MAX_CHAR))
    return out
