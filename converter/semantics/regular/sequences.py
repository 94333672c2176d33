r"""Languages as alternatives of plain sequences: the form in which equal patterns mostly *are* equal.

A sequence is a tuple of elements, each one character class, a star of a class, an optional class, or a compound that
would multiply out too far. Alternatives are distributed (`a(b|c)` reads as `ab` and `ac`), neighbouring stars are
merged and repeats ordered, so that most patterns that describe the same values, whatever dialect they came from, give
the very same tuples of integers. Equality that this misses is found by the automata.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from converter.core.errors import OutOfFragment
from converter.semantics.regular.build import EMPTY_CLASS
from converter.semantics.regular.language import ANY_CHAR, Alt, Chars, Language, Seq, chars

#: An element is `class number * 4 + kind`; for COMPOUND the number is an index of compounds.
Sequence = tuple[int, ...]
Alternatives = tuple[Sequence, ...]
ONE, STAR, OPTIONAL, COMPOUND = range(4)

MAX_ALTERNATIVES = 512
#: elements of a single list of alternatives with what stands around it
MAX_ELEMENTS = 100_000
MAX_LENGTH = 20_000
_TOO_LONG = "a counted repetition that needs too large an automaton"

#: Numbers name classes and compounds in order of first use; nothing may be ordered by them (see `order`), or an answer
#: would depend on what was asked before.
_class_numbers: dict[tuple[tuple[int, int], ...], int] = {}
_classes: list[Chars] = []
_compound_numbers: dict[tuple[bool, Alternatives], int] = {}
_compounds: list[tuple[bool, Alternatives]] = []
_element_keys: dict[int, tuple[Any, ...]] = {}


def class_number(item: Chars) -> int:
    """The number under which a character class is known here."""
    number = _class_numbers.get(item.ranges)
    if number is None:
        number = _class_numbers[item.ranges] = len(_classes)
        _classes.append(item)
    return number


def class_of(element: int) -> Chars:
    """The character class of an element that is no compound."""
    return _classes[element >> 2]


def compound_of(element: int) -> tuple[bool, Alternatives]:
    """A compound element: whether it repeats any number of times (else exactly once), and its alternatives."""
    return _compounds[element >> 2]


ANY_STAR = class_number(ANY_CHAR) * 4 + STAR
ANY_TEXT: Sequence = (ANY_STAR,)


@lru_cache(maxsize=20_000)
def alternatives(language: Language) -> Alternatives:
    """The sorted, distinct sequences whose union is `language`; none for the empty language.

    Raises OutOfFragment when counted repetitions make one longer than MAX_LENGTH.
    """
    if isinstance(language, Alt):
        found = [sequence for option in language.options for sequence in alternatives(option)]
    else:
        found = _expand(language)
    return _sorted(found)


def order(sequence: Sequence) -> tuple[tuple[Any, ...], ...]:
    """What sequences are sorted by: the code points of their elements, never the numbers that stand for these."""
    return tuple([_element_keys.get(element) or _element_key(element) for element in sequence])


def _element_key(element: int) -> tuple[Any, ...]:
    if element & 3 == COMPOUND:
        star, options = compound_of(element)
        key: tuple[Any, ...] = ((), star, tuple(order(option) for option in options))
    else:
        key = (class_of(element).ranges, element & 3)
    _element_keys[element] = key
    return key


def _sorted(found: Iterable[Sequence]) -> Alternatives:
    distinct = dict.fromkeys(found)
    return tuple(distinct) if len(distinct) < 2 else tuple(sorted(distinct, key=order))


def _expand(language: Language) -> list[Sequence]:
    if isinstance(language, Chars):
        return [] if language == EMPTY_CLASS else [(class_number(language) * 4 + ONE,)]
    if isinstance(language, Seq):
        return _product([_expand_part(part) for part in language.parts])
    if isinstance(language, Alt):
        single = [pair for option in language.options if isinstance(option, Chars) for pair in option.ranges]
        out = _expand(chars(single)) if single else []
        for option in language.options:
            if not isinstance(option, Chars):
                out.extend(_expand(option))
        return list(dict.fromkeys(out))
    return _repeat(language.item, language.low, language.high)


def _expand_part(part: Language) -> list[Sequence]:
    return [_one(part)] if isinstance(part, Chars) and part.ranges else _expand(part)


@lru_cache(maxsize=10_000)
def _one(item: Chars) -> Sequence:
    return (class_number(item) * 4 + ONE,)


def _repeat(item: Language, low: int, high: int | None) -> list[Sequence]:
    count = low if high is None else high
    if isinstance(item, Chars):
        if count > MAX_LENGTH:
            raise OutOfFragment(_TOO_LONG)
        if item == EMPTY_CLASS:
            return [()] if low == 0 else []
        base = class_number(item) * 4
        tail = [base + STAR] if high is None else [base + OPTIONAL] * (high - low)
        return [_simplified([base + ONE] * low + tail)]
    options = list(dict.fromkeys(_expand(item)))
    if count * (1 + sum(len(option) for option in options)) > MAX_LENGTH // 5:
        raise OutOfFragment(_TOO_LONG)
    if high is None:
        star = _compound(True, options)
        return _product([options] * low + [[star]]) if low else [star]
    optional = list(dict.fromkeys([(), *options]))
    return _product([options] * low + [optional] * (high - low))


def _product(parts: list[list[Sequence]]) -> list[Sequence]:
    """All ways to follow one alternative of each part by one of the next; parts too many to multiply are compounds."""
    total = 1
    for part in parts:
        total = min(total * len(part), MAX_ALTERNATIVES + 1)
    if total == 1:
        return [_simplified([element for part in parts for element in part[0]])]
    several = [len(part) for part in parts if len(part) > 1]
    # one list of alternatives is as long with something around each as it was: `.*(a|b|…).*` reads as `.*a.*`, `.*b.*`
    if total > MAX_ALTERNATIVES and (len(several) > 1 or several[0] * len(parts) > MAX_ELEMENTS):
        parts = [part if len(part) == 1 else [_compound(False, part)] for part in parts]
    out: list[list[int]] = [[]]
    for part in parts:
        out = [[*head, *tail] for head in out for tail in part]
    return list(dict.fromkeys(_simplified(sequence) for sequence in out))


def _compound(star: bool, options: list[Sequence]) -> Sequence:
    kept = _sorted(option for option in options if option or not star)
    if star and not kept:
        return ()
    if not star and len(kept) == 1:
        return kept[0]
    if star and len(kept) == 1 and len(kept[0]) == 1 and kept[0][0] & 3 != COMPOUND:
        return (kept[0][0] // 4 * 4 + STAR,)
    key = (star, kept)
    number = _compound_numbers.get(key)
    if number is None:
        number = _compound_numbers[key] = len(_compounds)
        _compounds.append(key)
    return (number * 4 + COMPOUND,)


def surely_includes(wide: Sequence, narrow: Sequence) -> bool:
    """Whether every text of `narrow` is seen to be one of `wide` by running `wide` over the classes of `narrow`.

    Sound but not complete: False says nothing.
    """
    states = _skips({0}, wide)
    for element in narrow:
        kind = element & 3
        if kind == COMPOUND:
            return False
        after = {state for state in states if _stays(wide, state, element)}
        if kind == ONE:
            for state in states:
                if state < len(wide) and wide[state] & 3 in (ONE, OPTIONAL) and includes(wide[state], element):
                    after.add(state + 1)
        states = _skips(after, wide)
        if not states:
            return False
    return len(wide) in states


def _stays(wide: Sequence, state: int, element: int) -> bool:
    return state < len(wide) and wide[state] & 3 == STAR and includes(wide[state], element)


def _skips(states: set[int], wide: Sequence) -> set[int]:
    todo = list(states)
    while todo:
        state = todo.pop()
        if state < len(wide) and wide[state] & 3 in (STAR, OPTIONAL) and state + 1 not in states:
            states.add(state + 1)
            todo.append(state + 1)
    return states


@lru_cache(maxsize=100_000)
def surely_apart(one: Sequence, other: Sequence) -> bool:
    """Whether no text is seen to be of both sequences, by running them side by side.

    Exact unless one holds a compound; then the answer is False, which says nothing.
    """
    if any(element & 3 == COMPOUND for element in (*one, *other)):
        return False
    ends = (len(one), len(other))
    todo, seen = [(0, 0)], {(0, 0)}
    while todo:
        place = todo.pop()
        if place == ends:
            return False
        for following in _places(one, other, *place):
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return True


def _places(one: Sequence, other: Sequence, left: int, right: int) -> list[tuple[int, int]]:
    """Where two sequences may stand after nothing or one character more."""
    out = []
    first = one[left] if left < len(one) else None
    second = other[right] if right < len(other) else None
    if first is not None and first & 3 != ONE:
        out.append((left + 1, right))
    if second is not None and second & 3 != ONE:
        out.append((left, right + 1))
    if first is not None and second is not None and _meet(first >> 2, second >> 2):
        out.append((left + (first & 3 != STAR), right + (second & 3 != STAR)))
    return out


@lru_cache(maxsize=100_000)
def _meet(one: int, other: int) -> bool:
    large, small = _classes[one].ranges, _classes[other].ranges
    return any(max(a, c) <= min(b, d) for a, b in large for c, d in small)


def _simplified(sequence: list[int]) -> Sequence:
    """Stars that a neighbour includes dropped, and in a run of one class the fixed characters put first."""
    if len(sequence) > MAX_LENGTH:
        raise OutOfFragment(_TOO_LONG)
    out: list[int] = []
    for element in sequence:
        _append(out, element)
    return tuple(out)


def _append(out: list[int], element: int) -> None:
    kind = element & 3
    while out and kind != COMPOUND and out[-1] & 3 != COMPOUND:
        before = out[-1] & 3
        same = out[-1] >> 2 == element >> 2
        if before == STAR and kind != ONE and includes(out[-1], element):
            return
        if before != ONE and kind == STAR and includes(element, out[-1]):
            out.pop()
            continue
        if before != ONE and kind == ONE and same:
            last = out.pop()
            _append(out, element)
            out.append(last)
            return
        break
    out.append(element)


@lru_cache(maxsize=100_000)
def includes(outer: int, inner: int) -> bool:
    if outer >> 2 == inner >> 2:
        return True
    large, small = class_of(outer).ranges, class_of(inner).ranges
    return all(any(a <= low and high <= b for a, b in large) for low, high in small)
