"""Values of a field that is only tested as a number, or only as an address: intervals that partition the line.

A field of any sort may hold a text besides that is neither, on which none of these tests holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from converter.semantics.decide.domain import FieldDomain
from converter.semantics.decide.evaluate import as_address, as_number
from converter.semantics.decide.formula import Variable
from converter.semantics.decide.theory import Answer, Found, conflict
from converter.semantics.regular import sets

#: Addresses that a reader recognises, preferred in witnesses: public, private and local ones.
_ADDRESSES = ("203.0.113.7", "10.0.0.7", "2001:db8::7")

#: a text that is no number and no address
_NEITHER = "x"


class NumberTheory:
    """The integers of a domain."""

    def __init__(self, domain: FieldDomain) -> None:
        self.domain = domain

    def solve(self, required: list[Variable], forbidden: list[Variable]) -> Answer:
        """A number in every required part and in no forbidden one; parts are disjoint or equal."""
        if len(required) > 1:
            return conflict(required[:2], [])
        if required:
            allowed = _meet([required[0].piece], self.domain.numbers)
        else:
            outside = sets.cut(item.piece for item in forbidden)
            taken = {item.piece for item in forbidden}
            free = [part for part in outside if not any(sets.within(part, piece) for piece in taken)]
            allowed = _meet(free, self.domain.numbers)
        if not allowed:
            if not required and self.domain.sort == "any":
                return Found(_NEITHER)
            return conflict(required, [] if required else forbidden)
        for sample in self.domain.samples:
            number = as_number(sample)
            if isinstance(number, int) and any(sets.within((number, number), part) for part in allowed):
                return Found(number)
        return Found(_pick(allowed))


def _meet(parts: Iterable[sets.Interval], others: Iterable[sets.Interval]) -> list[sets.Interval]:
    others = list(others)
    met = (sets.common(part, other) for part in parts for other in others)
    return [part for part in met if part is not None]


def _pick(allowed: list[sets.Interval]) -> int:
    """The number nearest to zero, natural numbers before negative ones."""
    best: list[tuple[bool, int, int]] = []
    for low, high in allowed:
        number = max(low if low is not None else 0, 0)
        if high is not None and high < number:
            number = high
        best.append((number < 0, abs(number), number))
    return min(best)[2]


class AddressTheory:
    """IPv4 and IPv6 addresses, as texts."""

    def __init__(self, domain: FieldDomain) -> None:
        self.domain = domain

    def solve(self, required: list[Variable], forbidden: list[Variable]) -> Answer:
        """An address in every required range and in no forbidden one; ranges are disjoint or equal."""
        if len(required) > 1:
            return conflict(required[:2], [])
        if required:
            allowed = [required[0].piece]
        else:
            allowed = [part for version in (4, 6) for part in _free(version, forbidden)]
        if not allowed:
            return Found(_NEITHER) if self.domain.sort == "any" else conflict([], forbidden)
        for text in (*self.domain.samples, *_ADDRESSES):
            if _inside(text, allowed):
                return Found(text)
        version, low, high = allowed[0]
        return Found(sets.address_text(version, min(low + 1, high)))


def _free(version: int, forbidden: list[Variable]) -> list[tuple[int, int, int]]:
    taken = sorted(item.piece[1:] for item in forbidden if item.piece[0] == version)
    out, start = [], 0
    for low, high in taken:
        if start < low:
            out.append((version, start, low - 1))
        start = high + 1
    if start <= sets.last_address(version):
        out.append((version, start, sets.last_address(version)))
    return out


def _inside(text: Any, allowed: list[tuple[int, int, int]]) -> bool:
    address = as_address(text)
    return address is not None and any(v == address[0] and a <= address[1] <= b for v, a, b in allowed)
