"""Sets of characters for writers: sorted, disjoint ranges of code points, and the classes that PCRE names.

https://www.pcre.org/current/doc/html/pcre2pattern.html, "Generic character types" and "POSIX character classes",
without UCP: types and POSIX classes are ASCII but for `\\h` and `\\v`.
"""

from __future__ import annotations

from collections.abc import Iterable

from converter.dialects.letters import cases

Ranges = tuple[tuple[int, int], ...]
LAST = 0x10FFFF

DIGIT: Ranges = ((48, 57),)
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACE: Ranges = ((9, 13), (32, 32))
VERTICAL: Ranges = ((10, 13), (0x85, 0x85), (0x2028, 0x2029))
HORIZONTAL: Ranges = (
    *((9, 9), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E)),
    *((0x2000, 0x200A), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
)
POSIX: dict[str, Ranges] = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": DIGIT,
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": SPACE,
    "upper": ((65, 90),),
    "word": WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
#: a range wider than this comes from a complement: only its ASCII letters are folded
_WIDE = 0x3000


def normalized(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted and disjoint, neighbours joined."""
    out: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return tuple(out)


def complement(ranges: Ranges) -> Ranges:
    """Every other character."""
    out, start = [], 0
    for low, high in ranges:
        if start < low:
            out.append((start, low - 1))
        start = high + 1
    return (*out, (start, LAST)) if start <= LAST else tuple(out)


def folded(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """With each letter its other case."""
    out: list[tuple[int, int]] = []
    for low, high in ranges:
        out.append((low, high))
        codes = range(low, high + 1) if high - low <= _WIDE else range(low, min(high, 127) + 1)
        out.extend((ord(other), ord(other)) for code in codes for other in cases(chr(code)))
    return normalized(out)


def within(ranges: Ranges, other: Ranges) -> bool:
    """Whether every character of the one is in the other."""
    return not overlap(ranges, complement(other))


def overlap(ranges: Ranges, other: Ranges) -> bool:
    return any(a <= d and c <= b for a, b in ranges for c, d in other)
