"""Many languages run at once over one text, and the search for a text that is in some of them and not in others.

All sequences of all languages lie side by side in one integer, a bit per place between two elements; a step over a
character is a handful of operations on that integer whatever the number of languages. Characters that no class tells
apart are one symbol, shown by the most readable among them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from converter.semantics.regular.language import MAX_CHAR
from converter.semantics.regular.redundant import places_before_stars
from converter.semantics.regular.sequences import (
    ANY_STAR,
    ANY_TEXT,
    COMPOUND,
    ONE,
    STAR,
    Alternatives,
    Sequence,
    class_of,
    compound_of,
)

#: In witnesses the first of these that serves is used: letters, digits, then signs, then capitals.
READABLE = "xabcdefghijklmnopqrstuvwyz0123456789_-. \\/:;,=+()[]{}@#%&!$'~^`|<>*?\"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NON_ASCII = "éñß日"
_SURROGATES = (0xD800, 0xDFFF)


class OverBudgetError(Exception):
    """The search took more steps than its budget allows."""


@dataclass
class Meter:
    """How many more automaton steps a decision may take; shared by all of its searches."""

    steps: int

    def spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise OverBudgetError


class Machine:
    """The languages given, by position, as one automaton."""

    def __init__(self, languages: Iterable[Alternatives]) -> None:
        self.bits = 0
        self.begin = 0
        self._advance: dict[int, int] = {}
        self._loop: dict[int, int] = {}
        self._skip = 0
        self._jumps: dict[int, int] = {}
        #: Per language: its bits, its accepting bits, and the bits from which every continuation is accepted.
        self.blocks: list[int] = []
        self.accepts: list[int] = []
        self.settled: list[int] = []
        self._owner: dict[int, int] = {}
        #: bit of a star -> the bits that no longer matter where it is set, and the union of these stars
        self.redundant: dict[int, int] = {}
        for language in languages:
            self._add(language)
        self._accepting = _union(self.accepts)
        self._jump_mask = sum(1 << bit for bit in self._jumps)
        self.stars = _union(self.redundant)
        self._skips = _powers(self._skip)
        self._make_symbols()
        self.start = self._closure(self.begin)

    def _add(self, language: Alternatives) -> None:
        first, accept, settled = self.bits, 0, 0
        for sequence in language:
            start, end = self._lay(sequence)
            self.begin |= 1 << start
            accept |= 1 << end
            if sequence and sequence[-1] == ANY_STAR:
                settled |= 1 << (end - 1)
        self.blocks.append((1 << self.bits) - (1 << first))
        self.accepts.append(accept)
        self.settled.append(settled)
        while accept:
            bit = accept.bit_length() - 1
            self._owner[bit] = len(self.accepts) - 1
            accept ^= 1 << bit

    def _lay(self, sequence: Sequence) -> tuple[int, int]:
        """Put a sequence on fresh bits; the first and the last of them."""
        start = self.bits
        self.bits += len(sequence) + 1
        places = [1 << bit for bit in range(start, self.bits)]
        for position, element in enumerate(sequence, start):
            kind, bit = element & 3, 1 << position
            if kind == COMPOUND:
                before = self.bits
                self._lay_compound(element, position)
                places[position - start] |= (1 << self.bits) - (1 << before)
                continue
            table = self._loop if kind == STAR else self._advance
            table[element >> 2] = table.get(element >> 2, 0) | bit
            if kind != ONE:
                self._skip |= bit
        for star, earlier in places_before_stars(sequence):
            self.redundant[places[star]] = _union(places[index] for index in earlier)
        return start, start + len(sequence)

    def _lay_compound(self, element: int, position: int) -> None:
        star, options = compound_of(element)
        back = position if star else position + 1
        if star:
            self._jump(position, position + 1)
        for option in options:
            start, end = self._lay(option)
            self._jump(position, start)
            self._jump(end, back)

    def _jump(self, source: int, target: int) -> None:
        self._jumps[source] = self._jumps.get(source, 0) | 1 << target

    def _closure(self, state: int) -> int:
        while True:
            more = state
            for mask, width in self._skips:
                more |= (more & mask) << width
            active = more & self._jump_mask
            while active:
                bit = active & -active
                more |= self._jumps[bit.bit_length() - 1]
                active ^= bit
            if more == state:
                return state
            state = more

    def _make_symbols(self) -> None:
        numbers = self._advance.keys() | self._loop.keys()
        classes = [(number, class_of(number << 2).ranges) for number in numbers]
        cuts = {0, *_SURROGATES, _SURROGATES[1] + 1}
        for _, ranges in classes:
            for low, high in ranges:
                cuts.add(low)
                cuts.add(high + 1)
        cuts.discard(MAX_CHAR + 1)
        self._cuts = sorted(cuts)
        where = {cut: index for index, cut in enumerate(self._cuts)}
        where[MAX_CHAR + 1] = len(self._cuts)
        signatures: list[list[int]] = [[] for _ in self._cuts]
        for number, ranges in classes:
            for low, high in ranges:
                for index in range(where[low], where[high + 1]):
                    signatures[index].append(number)
        known: dict[tuple[int, ...], int] = {}
        self._symbol_of_cut = [known.setdefault(tuple(signature), len(known)) for signature in signatures]
        self._steps = [
            (
                _union(self._advance.get(number, 0) for number in signature),
                _union(self._loop.get(number, 0) for number in signature),
            )
            for signature in known
        ]
        self._ascii = [self._symbol(code) for code in range(128)]
        self._order: list[tuple[str, int]] | None = None

    def _symbol(self, code: int) -> int:
        return self._symbol_of_cut[bisect_right(self._cuts, code) - 1]

    def readable_symbols(self) -> list[tuple[str, int]]:
        """Each symbol with the character that stands for it, the most readable first."""
        if self._order is None:
            shown: dict[int, str] = {}
            for character in READABLE:
                shown.setdefault(self._ascii[ord(character)], character)
            for character in _NON_ASCII:
                shown.setdefault(self._symbol(ord(character)), character)
            for cut, symbol in sorted(
                zip(self._cuts, self._symbol_of_cut, strict=True), key=lambda pair: pair[0] < 161
            ):
                if not _SURROGATES[0] <= cut <= _SURROGATES[1]:
                    shown.setdefault(symbol, chr(cut))
            self._order = [(character, symbol) for symbol, character in shown.items()]
        return self._order

    def step(self, state: int, symbol: int) -> int:
        """The state after one character of `symbol`."""
        advance, loop = self._steps[symbol]
        state = (state & advance) << 1 | state & loop
        return self._closure(state) if state & (self._skip | self._jump_mask) else state

    def after(self, text: str) -> int:
        """The state after `text`."""
        state = self.start
        for character in text:
            code = ord(character)
            state = self.step(state, self._ascii[code] if code < 128 else self._symbol(code))
        return state

    def members(self, text: str) -> int:
        """A mask of the languages (by position) that contain `text`."""
        state, out = self.after(text) & self._accepting, 0
        while state:
            bit = state.bit_length() - 1
            out |= 1 << self._owner[bit]
            state ^= 1 << bit
        return out


#: Searches that came to an end: what was found, and in how many steps.
_searches: dict[tuple[tuple[Alternatives, ...], tuple[Alternatives, ...]], tuple[str | None, int]] = {}
_REMEMBERED = 10_000


def search(required: list[Alternatives], forbidden: list[Alternatives], meter: Meter) -> str | None:
    """A shortest text in every language of `required` and none of `forbidden`, None when there is none.

    Raises OverBudgetError when `meter` runs out first. A question asked before is answered from memory for the price
    it had then, so that what an answer costs doesn't depend on what was asked before.
    """
    key = (tuple(required), tuple(forbidden))
    known = _searches.get(key)
    if known is not None:
        meter.spend(known[1])
        return known[0]
    before = meter.steps
    found = _Search(required or [(ANY_TEXT,)], forbidden).run(meter)
    if len(_searches) >= _REMEMBERED:
        _searches.clear()
    _searches[key] = (found, before - meter.steps)
    return found


class _Search:
    def __init__(self, required: list[Alternatives], forbidden: list[Alternatives]) -> None:
        self.machine = machine = Machine([*required, *forbidden])
        count = len(required)
        self.needed = list(zip(machine.blocks[:count], machine.accepts[:count], machine.settled[:count], strict=True))
        self.rejected = _union(machine.accepts[count:])
        self.lost = _union(machine.settled[count:])

    def run(self, meter: Meter) -> str | None:
        """Breadth first over the states, so that the first text found is a shortest one."""
        start = self.reduced(self.machine.start)
        if not start:
            return None
        parents: dict[int, tuple[int, str]] = {start: (0, "")}
        if self.good(start):
            return ""
        symbols, step = self.machine.readable_symbols(), self.machine.step
        layer = [start]
        cost = len(symbols) * (1 + self.machine.bits // 500)  # steps over long integers are slower
        while layer:
            following = []
            for state in layer:
                meter.spend(cost)
                for character, symbol in symbols:
                    reached = self.reduced(step(state, symbol))
                    if not reached or reached in parents:
                        continue
                    parents[reached] = (state, character)
                    if self.good(reached):
                        return _text_to(reached, parents)
                    following.append(reached)
            layer = following
        return None

    def reduced(self, state: int) -> int:
        """The state without the bits that no longer matter, or 0 when no continuation can be good."""
        if state & self.lost:
            return 0
        stars = state & self.machine.stars
        while stars:
            star = stars & -stars
            state &= ~self.machine.redundant[star]
            stars ^= star
        for block, _, settled in self.needed:
            if not state & block:
                return 0
            done = state & settled
            if done:
                state = state & ~block | (done & -done)
        return state

    def good(self, state: int) -> bool:
        # `reduced` leaves of a settled block only the bit before its last star, which accepts by skipping it.
        return not state & self.rejected and all(state & (accept | settled) for _, accept, settled in self.needed)


def _powers(skip: int) -> list[tuple[int, int]]:
    """For widths 1, 2, 4 …: the bits from which so many neighbouring elements may be skipped at once.

    Moving by each width in turn reaches every place that single skips reach, in as many moves as a run's length has
    binary digits.
    """
    out, width = [], 1
    while skip:
        out.append((skip, width))
        skip &= skip >> width
        width *= 2
    return out


def _text_to(state: int, parents: dict[int, tuple[int, str]]) -> str:
    characters = []
    while state:
        state, character = parents[state]
        characters.append(character)
    return "".join(reversed(characters))


def _union(masks: Iterable[int]) -> int:
    out = 0
    for mask in masks:
        out |= mask
    return out
