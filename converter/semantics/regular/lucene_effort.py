r"""What Lucene spends on an expression before it can be matched, and the expressions on which it gives up.

Lucene makes a deterministic automaton of an expression, part by part, and counts: each state of it costs as many as the
states of the other that it stands for (Operations.determinize in
https://github.com/apache/lucene/blob/releases/lucene/9.12.2/lucene/core/src/java/org/apache/lucene/util/automaton/Operations.java,
and RegExp.toAutomaton beside it for the parts). Elasticsearch allows 10,000 units of ten for each part
(`max_determinized_states`, https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-regexp-query).
Then the automaton is turned into one over bytes, which is determinized again if it is not yet deterministic
(CompiledAutomaton), and asked whether it is finite, by a walk of at most 1,000 steps (Operations.isFinite).

The count is made on the automata that Lucene makes, less what they can't reach; Lucene 9.12.2
counts the same for all of some hundred random expressions.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import prod

from converter.semantics.regular.language import ANY_STRING, Alt, Chars, Language, Repeat, Seq
from converter.semantics.regular.lucene_automata import Automaton, TooComplexError, determinized, minimal

#: `max_determinized_states` by default; Lucene's unit is ten states
MAX_EFFORT = 10_000
#: a tenth is left free for what the count does not see
_MOST = MAX_EFFORT * 10 * 9 // 10
#: states of the automaton over bytes for one range with characters beyond ASCII, at most
_BYTES = 16
#: Operations.MAX_RECURSION_LEVEL
_MOST_STEPS = 1_000
#: a text with `*` on both sides costs less than its length squared
SHORT = 300


_EMPTY = Automaton(((),), frozenset({0}))
_NONE = Automaton(((),), frozenset())


@lru_cache(maxsize=8192)
def excess(tree: Language) -> str:
    """Why Lucene gives up on the expression, as Elasticsearch puts it, "" if it does not.

    `tree` is as the expression is written: alternatives and sequences as they stand, nothing merged.
    """
    steps, _ = _steps(tree)
    if steps > _MOST_STEPS:
        return f"input automaton is too large: more than {_MOST_STEPS:,} characters before a repetition"
    if _is_plain(tree):
        return ""
    try:
        _check_bytes(determinized(_made(tree), _MOST))
    except TooComplexError:
        return f"determinizing it would require more than {MAX_EFFORT:,} effort"
    return ""


def _is_plain(tree: Language) -> bool:
    """Whether the expression is short texts with stars between, before and behind them, which cost little.

    How far each text is matched says all of the states that an automaton of it is in, as long as no two of the
    characters overlap: so there are at most as many sets of states as the lengths multiply to, and none of them has
    more states than there are characters. One text alone costs less than that.
    """
    lengths = [0]
    ranges: set[tuple[int, int]] = set()
    for part in tree.parts if isinstance(tree, Seq) else (tree,):
        if isinstance(part, Chars):
            ranges.update(part.ranges)
            lengths[-1] += 1
        elif part == ANY_STRING:
            lengths.append(0)
        else:
            return False
    texts = [length for length in lengths if length]
    if len(texts) > 1 or max(texts, default=0) > SHORT:
        sets = prod(length + 1 for length in texts)
        if sets * (sum(texts) + len(lengths) + 1) > _MOST:
            return False
    ordered = sorted(ranges)
    return all(before[1] < after[0] for before, after in pairwise(ordered))


def _steps(tree: Language) -> tuple[int, bool]:
    """The longest way before a loop, and whether every way has one."""
    if isinstance(tree, Chars):
        return 1, False
    if isinstance(tree, Alt):
        found = [_steps(option) for option in tree.options]
        return max((steps for steps, _ in found), default=0), bool(found) and all(loops for _, loops in found)
    if isinstance(tree, Repeat):
        steps, loops = _steps(tree.item)
        if tree.high is None:
            return steps * max(tree.low, 1) if not loops else steps, True
        return steps * tree.high if not loops else steps, loops and tree.low > 0
    total = 0
    for part in tree.parts:
        steps, loops = _steps(part)
        total += steps
        if loops:
            return total, True
    return total, False


# Lucene's automaton of each sort of expression


def _made(tree: Language) -> Automaton:
    if isinstance(tree, Chars):
        return Automaton((tuple((low, high, 1) for low, high in tree.ranges), ()), frozenset({1}))
    if isinstance(tree, Seq):
        return minimal(_joined([_made(part) for part in _leaves(tree, Seq)]), _MOST)
    if isinstance(tree, Alt):
        return minimal(_union([_made(option) for option in _leaves(tree, Alt)]), _MOST)
    item = _made(tree.item)
    if (len(item.moves) - 1) * (tree.high or tree.low) > MAX_EFFORT:
        raise TooComplexError
    if (tree.low, tree.high) == (0, 1):
        return minimal(_union([_EMPTY, item]), _MOST)
    if tree.high is None:
        return minimal(_joined([*[item] * tree.low, _star(item)]), _MOST)
    return _counted(item, tree.low, tree.high)


def _leaves(tree: Language, kind: type[Seq] | type[Alt]) -> list[Language]:
    """The parts of nested sequences, or of nested alternatives, as RegExp.findLeaves gathers them."""
    out: list[Language] = []
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, kind):
            pending.extend(reversed(item.parts if isinstance(item, Seq) else item.options))
        else:
            out.append(item)
    return out


def _laid(items: list[Automaton], first: int = 0) -> tuple[list[list[tuple[int, int, int]]], list[int]]:
    """The automata side by side, and where each begins; `first` is how many states stand before."""
    moves: list[list[tuple[int, int, int]]] = []
    begins = []
    for item in items:
        begin = first + len(moves)
        begins.append(begin)
        moves.extend([(low, high, begin + to) for low, high, to in state] for state in item.moves)
    return moves, begins


def _joined(items: list[Automaton]) -> Automaton:
    """One after the other: the end of each goes on as the next begins, and as those behind it if that may be empty."""
    if not items:
        return _EMPTY
    if any(not item.accept for item in items):
        return _NONE
    moves, begins = _laid(items)
    accept: set[int] = set()
    tail: list[tuple[int, int, int]] = []
    ends = True  # whether what follows may be empty
    for item, begin in zip(reversed(items), reversed(begins), strict=True):
        head = list(moves[begin])
        for state in item.accept:
            moves[begin + state].extend(tail)
            if ends:
                accept.add(begin + state)
        empty = 0 in item.accept
        tail, ends = (head + tail, ends) if empty else (head, False)
    return _reached(moves, accept)


def _union(items: list[Automaton]) -> Automaton:
    moves, begins = _laid(items, 1)
    accept = {begin + state for item, begin in zip(items, begins, strict=True) for state in item.accept}
    first = [move for begin in begins for move in moves[begin - 1]]
    if any(0 in item.accept for item in items):
        accept.add(0)
    return _reached([first, *moves], accept)


def _star(item: Automaton) -> Automaton:
    moves, _ = _laid([item], 1)
    first = list(moves[0])
    for state in item.accept:
        moves[state].extend(first)
    return _reached([list(first), *moves], {0, *(state + 1 for state in item.accept)})


def _counted(item: Automaton, low: int, high: int) -> Automaton:
    """Copies that follow each other, as they are: RegExp does not minimize a counted repetition."""
    begin = _joined([item] * low)
    moves = [list(state) for state in begin.moves]
    accept, ends = set(begin.accept), set(begin.accept)
    for _ in range(low, high):
        start = len(moves)
        copy, _ = _laid([item], start)
        moves.extend(copy)
        for state in ends:
            moves[state].extend(copy[0])
        ends = {start + state for state in item.accept}
        accept |= ends
    return _reached(moves, accept)


def _reached(moves: list[list[tuple[int, int, int]]], accept: set[int]) -> Automaton:
    """Without the states that nothing leads to."""
    number = {0: 0}
    order = [0]
    for state in order:
        for _, _, to in moves[state]:
            if to not in number:
                number[to] = len(order)
                order.append(to)
    kept = tuple(tuple(dict.fromkeys((low, high, number[to]) for low, high, to in moves[state])) for state in order)
    return Automaton(kept, frozenset(number[state] for state in accept if state in number))


def _check_bytes(automaton: Automaton) -> None:
    """Raises TooComplexError if the automaton over bytes may be too much, where it is to be determinized again.

    It is deterministic as it is made where no state tells characters beyond ASCII apart.
    """
    wide = [sum(high > 127 for _, high, _ in moves) for moves in automaton.moves]
    if max(wide, default=0) > 1 and _BYTES * sum(wide) + len(wide) > _MOST:
        raise TooComplexError
