"""Integer intervals, address ranges and their decimal texts: the sets of values that are no languages to begin with."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable

from converter.semantics.regular.build import either, join, optional, repeat
from converter.semantics.regular.language import Language, char, chars, literal

Interval = tuple[int | None, int | None]
DIGIT = chars([(48, 57)])
_POSITIVE = join((chars([(49, 57)]), repeat(DIGIT, 0, None)))
#: Integers as a platform writes them: no leading zeros, no `+`, no `-0`.
CANONICAL_INTEGER = either((literal("0", False), join((optional(char("-", False)), _POSITIVE))))
_HEX = chars([(48, 57), (65, 70), (97, 102)])
#: Every text that reads as an IPv6 address, and some that do not.
IPV6_LOOKALIKE = join(
    (
        repeat(_HEX, 0, 4),
        char(":", False),
        repeat(either((_HEX, char(":", False))), 0, None),
        repeat(either((DIGIT, char(".", False))), 0, None),
        optional(join((char("%", False), repeat(chars([(37, 37)], negated=True), 1, None)))),
    )
)


def cut(intervals: Iterable[Interval]) -> list[Interval]:
    """The coarsest partition of the integers such that every interval is a union of parts, in order."""
    points: set[int] = set()
    for low, high in intervals:
        if low is not None:
            points.add(low)
        if high is not None:
            points.add(high + 1)
    edges: list[int | None] = [None, *sorted(points), None]
    return [(low, None if high is None else high - 1) for low, high in itertools.pairwise(edges)]


def within(part: Interval, interval: Interval) -> bool:
    """Whether `part` lies in `interval`."""
    low_fits = interval[0] is None or (part[0] is not None and part[0] >= interval[0])
    return low_fits and (interval[1] is None or (part[1] is not None and part[1] <= interval[1]))


def common(one: Interval, other: Interval) -> Interval | None:
    """The intersection of two intervals, None when it is empty."""
    lows = [low for low in (one[0], other[0]) if low is not None]
    highs = [high for high in (one[1], other[1]) if high is not None]
    low, high = max(lows, default=None), min(highs, default=None)
    return None if low is not None and high is not None and low > high else (low, high)


def integer_texts(interval: Interval) -> Language:
    """The decimal texts whose value is in `interval`, leading zeros and `-0` included."""
    zeros, minus = repeat(char("0", False), 0, None), char("-", False)
    options = []
    positive = common(interval, (0, None))
    if positive is not None:
        options.append(join((zeros, naturals(positive[0] or 0, positive[1]))))
    negative = common(interval, (None, 0))
    if negative is not None:
        low = None if negative[0] is None else -negative[0]
        options.append(join((minus, zeros, naturals(-(negative[1] or 0), low))))
    return either(options)


def naturals(low: int, high: int | None) -> Language:
    """The canonical decimal texts of the natural numbers from `low` to `high`."""
    options: list[Language] = []
    width = len(str(low))
    if high is None:
        options.append(join((chars([(49, 57)]), repeat(DIGIT, width, None))))
        high = 10**width - 1
    while len(str(high)) > width:
        options.extend(_same_width(str(low), "9" * width))
        low, width = 10**width, width + 1
    options.extend(_same_width(str(low), str(high)))
    return either(options)


def _same_width(low: str, high: str) -> list[Language]:
    """The digit strings between two of equal length, as few products of digit classes."""
    if not low:
        return [literal("", False)]
    rest = len(low) - 1
    if low[0] == high[0]:
        return [join((char(low[0], False), tail)) for tail in _same_width(low[1:], high[1:])]
    first, last, out = int(low[0]), int(high[0]), []
    if low[1:] != "0" * rest:
        out += [join((char(low[0], False), tail)) for tail in _same_width(low[1:], "9" * rest)]
        first += 1
    ending: list[Language] = []
    if high[1:] != "9" * rest:
        ending = [join((char(high[0], False), tail)) for tail in _same_width("0" * rest, high[1:])]
        last -= 1
    if first <= last:
        out.append(join((chars([(48 + first, 48 + last)]), *(DIGIT for _ in range(rest)))))
    return out + ending


def ipv4_texts(first: int, last: int) -> Language:
    """The dotted decimal texts of the addresses from `first` to `last`."""
    return either(_octets(first, last, 3))


def _octets(first: int, last: int, rest: int) -> list[Language]:
    size = 256**rest
    dot = () if rest == 3 else (char(".", False),)
    low, high = first // size, last // size
    if rest == 0 or (first % size == 0 and last % size == size - 1):
        tail = () if rest == 0 else tuple(_octets(0, size - 1, rest - 1))
        return [join((*dot, naturals(low, high), *tail))]
    if low == high:
        return [join((*dot, naturals(low, low), tail)) for tail in _octets(first % size, last % size, rest - 1)]
    out: list[Language] = []
    if first % size:
        out += _octets(first, (low + 1) * size - 1, rest)
        low += 1
    ending: list[Language] = []
    if last % size != size - 1:
        ending = _octets(high * size, last, rest)
        high -= 1
    if low <= high:
        out += _octets(low * size, (high + 1) * size - 1, rest)
    return out + ending


def address_text(version: int, number: int) -> str:
    """The usual text of an address."""
    return str(ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number))


def last_address(version: int) -> int:
    """The greatest address of a version, as an integer."""
    return 2**32 - 1 if version == 4 else 2**128 - 1
