"""Words that a value must hold to match: what Kusto's index of terms can be asked for.

A term is a maximal run of letters and digits, and the index has those of three characters and more
(https://learn.microsoft.com/en-us/kusto/query/datatypes-string-operators#what-is-a-term). Whether letters beyond ASCII
and `_` continue a term was measured by others, on an emulator, and said otherwise by older pages: a word beside one of
these is not asked for, so that what is written holds under both readings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from converter.dialects import boundaries, pcre
from converter.dialects.condition import OneOf, Pattern, Regex, Wild
from converter.dialects.pcre_tree import Alt, Anchor, Literal, Node, Repeat, Seq, Set

#: between the characters of a word: what ends a term for sure, an end of the value included; and what nobody knows
_END, _GAP = "end", "gap"
Text = tuple[str, ...]
_SHORTEST = 3
#: more ways in which an expression can match are not followed
_MOST_WAYS = 48
_MOST_COPIES = 4
#: words that stand in so many paths, keys and command lines that looking them up leaves too much
_COMMON_WORDS = """
    exe dll com http https windows system32 syswow64 program files programdata users appdata local roaming
    microsoft software currentversion system currentcontrolset hkey machine
"""
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True)
class Word:
    """A term, or, if `open`, what a term begins with; case does not count."""

    text: str
    open: bool = False


def words_of(leaf: Pattern | Regex) -> tuple[Word, ...]:
    """Words of which a value that matches holds at least one; () where none is sure."""
    ways = [_of_pattern(leaf)] if isinstance(leaf, Pattern) else _of_regex(leaf)
    best = [_best(way) for way in ways]
    return tuple(dict.fromkeys(word for word in best if word)) if all(best) else ()


def separated(text: str) -> bool:
    """Whether a text holds a whole word and begins and ends in what ends a term for sure.

    Then `has` finds it where `contains` does, and asks the index.
    """
    ends = _token(text[:1]) == _END == _token(text[-1:])
    return text.isascii() and ends and any(_is_term(word) for word in _runs(tuple(map(_token, text))))


def narrows(pattern: Pattern) -> bool:
    """Whether the index finds the few values that match, as the pattern is written."""
    if pattern.shape == "equals":
        return re.search(r"[0-9A-Za-z]{3}", pattern.text) is not None  # however Kusto takes it apart
    found = _best(tuple(map(_token, pattern.text))) if pattern.shape == "contains" else None
    return found is not None and separated(pattern.text)


def _is_term(word: Word) -> bool:
    return not word.open and len(word.text) >= _SHORTEST


def _best(way: Text) -> Word | None:
    """The longest word that is not in nearly every value, whole ones first; None without one."""
    found = [word for word in _runs(way) if len(word.text) >= _SHORTEST and word.text.lower() not in _COMMON]
    return max(found, key=lambda word: (not word.open, len(word.text)), default=None)


def _runs(way: Sequence[str]) -> Iterator[Word]:
    """The runs of letters and digits before which a term ends."""
    run, sure = "", False
    for token in (*way, _GAP):
        if len(token) == 1:
            run += token
            continue
        if run and sure:
            yield Word(run, token != _END)
        run, sure = "", token == _END


def _token(character: str) -> str:
    if not character.isascii() or character == "_":
        return _GAP
    return character if character.isalnum() else _END


def _of_pattern(pattern: Pattern) -> Text:
    """The pattern of a whole value."""
    out = [_END]
    for part in pattern.parts:
        if isinstance(part, str):
            out.extend(map(_token, part))
        elif isinstance(part, OneOf):
            out.append(_END if {_token(c) for c in part.characters} == {_END} else _GAP)
        else:
            assert isinstance(part, Wild)
            out.append(_GAP)
    return (*out, _END)


@lru_cache(maxsize=2048)
def _of_regex(leaf: Regex) -> tuple[Text, ...]:
    """The ways in which an expression can match somewhere in a value, () where there are too many."""
    tree = boundaries.spelled(pcre.parse(leaf), leaf.pattern)
    try:
        return tuple((_GAP, *way, _GAP) for way in _ways(tree))
    except _TooMany:
        return ()


class _TooMany(Exception):
    """An expression that can match in too many ways."""


def _ways(node: Node) -> list[Text]:
    if isinstance(node, Literal):
        return [(_token(node.character),)]
    if isinstance(node, Set):
        return [(_of_set(node),)]
    if isinstance(node, Anchor):
        return [(_END,)]
    if isinstance(node, Seq):
        return _product([_ways(part) for part in node.parts])
    if isinstance(node, Alt):
        return _bounded([way for option in node.options for way in _ways(option)])
    return _repeated(node) if isinstance(node, Repeat) else [(_GAP,)]


def _of_set(node: Set) -> str:
    """A letter in both cases is that letter; a class of what ends terms is an end."""
    if sum(high - low + 1 for low, high in node.ranges) > 128:
        return _GAP
    tokens = {_token(chr(code).lower()) for low, high in node.ranges for code in range(low, high + 1)}
    return tokens.pop() if len(tokens) == 1 else _GAP


def _repeated(node: Repeat) -> list[Text]:
    ways = _ways(node.part)
    if node.low == 0:
        return _bounded([(), *ways]) if node.high == 1 else [(_GAP,)]
    if ways == [(_END,)]:
        return ways
    if node.low == node.high and node.low <= _MOST_COPIES:
        return _product([ways] * node.low)
    # one of them for sure, and behind it, or not, more
    return [(*way, _GAP) for way in ways]


def _product(parts: Iterable[list[Text]]) -> list[Text]:
    out: list[Text] = [()]
    for ways in parts:
        out = _bounded([(*left, *right) for left in out for right in ways])
    return out


def _bounded(ways: list[Text]) -> list[Text]:
    if len(ways) > _MOST_WAYS:
        raise _TooMany
    return ways
