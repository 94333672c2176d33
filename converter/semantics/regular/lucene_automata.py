"""Lucene's automata of expressions over characters, determinized and minimized as Lucene does, at a counted cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class TooComplexError(Exception):
    """Lucene gives up on the expression."""


@dataclass(frozen=True)
class Automaton:
    """`moves` are (low, high, state) by state; state 0 is the first."""

    moves: tuple[tuple[tuple[int, int, int], ...], ...]
    accept: frozenset[int]

    @property
    def deterministic(self) -> bool:
        for moves in self.moves:
            ends = sorted(moves)
            if any(ends[at][1] >= ends[at + 1][0] for at in range(len(ends) - 1)):
                return False
        return True


@dataclass(frozen=True)
class _Alphabet:
    """Runs of characters that no move tells apart: where each begins, and which of them are alike in every state.

    `kinds` is the kind of each run, numbered in the order of their first runs; `count` is how many kinds there are.
    """

    cuts: list[int]
    kinds: list[int]
    count: int
    place: dict[int, int]

    def of(self, low: int, high: int) -> Iterable[int]:
        """The kinds of the characters from `low` to `high`, each once."""
        return dict.fromkeys(self.kinds[self.place[low] : self.place[high + 1]])


def _alphabet(automaton: Automaton) -> _Alphabet:
    cuts = sorted({0, *(cut for moves in automaton.moves for low, high, _ in moves for cut in (low, high + 1))})
    place = {cut: at for at, cut in enumerate(cuts)}
    leads: list[list[tuple[int, int]]] = [[] for _ in cuts[1:]]
    for state, moves in enumerate(automaton.moves):
        for low, high, to in moves:
            for at in range(place[low], place[high + 1]):
                leads[at].append((state, to))
    known: dict[tuple[tuple[int, int], ...], int] = {}
    kinds = [known.setdefault(tuple(lead), len(known)) for lead in leads]
    return _Alphabet(cuts, kinds, len(known), place)


def determinized(automaton: Automaton, most: int) -> Automaton:
    """An automaton that is in one state at a time. Raises TooComplexError where Lucene counts more than `most`."""
    if automaton.deterministic:
        return automaton
    alphabet, size = _alphabet(automaton), len(automaton.moves)
    # the states that follow a state, one kind of characters after the other, in one number
    after = []
    for moves in automaton.moves:
        found = 0
        for low, high, to in moves:
            for kind in alphabet.of(low, high):
                found |= 1 << (kind * size + to)
        after.append(found)
    mask = (1 << size) - 1
    number, order, spent = {1: 0}, [1], 0
    rows: list[list[int]] = []
    for subset in order:
        states = _bits(subset)
        spent += len(states)
        if spent > most:
            raise TooComplexError
        found = 0
        for state in states:
            found |= after[state]
        ends = []
        for _ in range(alphabet.count):
            to = found & mask
            found >>= size
            if to and to not in number:
                number[to] = len(order)
                order.append(to)
            ends.append(number[to] if to else -1)
        rows.append(ends)
    accepting = sum(1 << state for state in automaton.accept)
    out = tuple(_spread(ends, alphabet) for ends in rows)
    return Automaton(out, frozenset(at for at, subset in enumerate(order) if subset & accepting))


def _bits(number: int) -> list[int]:
    text = bin(number)[:1:-1]
    out, at = [], text.find("1")
    while at >= 0:
        out.append(at)
        at = text.find("1", at + 1)
    return out


def _spread(ends: list[int], alphabet: _Alphabet) -> tuple[tuple[int, int, int], ...]:
    """The moves of a state, given where each kind of characters leads to; nowhere is -1."""
    cuts, out = alphabet.cuts, []
    begin, last = 0, -1
    for at, kind in enumerate(alphabet.kinds if ends else ()):
        if ends[kind] != last:
            if last >= 0:
                out.append((begin, cuts[at] - 1, last))
            begin, last = cuts[at], ends[kind]
    if last >= 0:
        out.append((begin, cuts[-1] - 1, last))
    return tuple(out)


def minimal(automaton: Automaton, most: int) -> Automaton:
    """The least deterministic automaton, by Hopcroft's algorithm. Raises TooComplexError."""
    automaton = determinized(automaton, most)
    size = len(automaton.moves)
    if size == 1:
        return automaton
    alphabet = _alphabet(automaton)
    back: dict[int, dict[int, list[int]]] = {}
    to_of: list[list[int]] = []
    for state, moves in enumerate(automaton.moves):
        ends = [size] * alphabet.count  # state `size` is where nothing is accepted any more
        for low, high, to in moves:
            for kind in alphabet.of(low, high):
                ends[kind] = to
        for kind, to in enumerate(ends):
            back.setdefault(to, {}).setdefault(kind, []).append(state)
        to_of.append(ends)
    groups, group_of = _refined(automaton, size, back)
    dead = group_of[size]
    names = {group_of[0]: 0}
    order = [group_of[0]]
    out = []
    for group in order:
        state = next(iter(groups[group]))
        targets = [] if state == size else [group_of[to] for to in to_of[state]]
        # groups are numbered as they are met, character by character
        for target in targets:
            if target != dead and target not in names:
                names[target] = len(order)
                order.append(target)
        out.append(_spread([-1 if target == dead else names[target] for target in targets], alphabet))
    accept = frozenset(names[group_of[state]] for state in automaton.accept if group_of[state] in names)
    return Automaton(tuple(out), accept)


def _refined(
    automaton: Automaton, size: int, back: dict[int, dict[int, list[int]]]
) -> tuple[list[set[int]], list[int]]:
    """The states that nothing tells apart, and the group of each; `size` is the state that accepts nothing."""
    accepting = set(automaton.accept)
    groups = [group for group in (accepting, set(range(size + 1)) - accepting) if group]
    group_of = [0] * (size + 1)
    for at, group in enumerate(groups):
        for state in group:
            group_of[state] = at
    pending = set(range(len(groups)))
    while pending:
        splitter = list(groups[pending.pop()])
        by_symbol: dict[int, set[int]] = {}
        for state in splitter:
            for symbol, sources in back.get(state, {}).items():
                by_symbol.setdefault(symbol, set()).update(sources)
        for leading in by_symbol.values():
            touched: dict[int, set[int]] = {}
            for state in leading:
                touched.setdefault(group_of[state], set()).add(state)
            for at, part in touched.items():
                if len(part) == len(groups[at]):
                    continue
                less = part if 2 * len(part) <= len(groups[at]) else groups[at] - part
                groups[at] -= less
                for state in less:
                    group_of[state] = len(groups)
                groups.append(less)
                pending.add(len(groups) - 1)
    return groups, group_of
