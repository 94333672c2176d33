"""Whether one event satisfies a Predicate: the plain reading that every symbolic answer is checked against.

Membership in a language is asked of Python's `re` or found by looking for the fixed runs between wildcards, neither of
which shares code with the automata of the decision procedure, so that a witness is confirmed by a second
implementation. Only where `re` could go back and forth for long, over several loops, the automata are asked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from converter.core.errors import OutOfFragment
from converter.semantics.decide.predicate import (
    Addresses,
    And,
    Atom,
    Not,
    Numbers,
    Or,
    Predicate,
    Present,
    SameAs,
    Strings,
)
from converter.semantics.regular.automata import Machine
from converter.semantics.regular.language import ANY_STRING, MAX_CHAR, Alt, Chars, Language, Repeat, Seq, char
from converter.semantics.regular.sequences import alternatives

_DECIMAL = re.compile(r"-?[0-9]+")


def holds(predicate: Predicate, event: Mapping[str, Any]) -> bool:
    """The two-valued answer of `predicate` on `event`, a flat mapping of field to value or list of values.

    A missing key, None and the empty list are a missing field: each atom on it is false. On a list an atom holds when
    it holds of any element. A number is compared with Strings by its decimal text, a decimal text with Numbers by its
    value, and a text is an address when it parses as one.
    """
    if isinstance(predicate, And):
        return all(holds(part, event) for part in predicate.parts)
    if isinstance(predicate, Or):
        return any(holds(part, event) for part in predicate.parts)
    if isinstance(predicate, Not):
        return not holds(predicate.part, event)
    return _atom_holds(predicate, event)


def matches(language: Language, text: str) -> bool:
    """Whether the whole of `text` is in `language`."""
    return _member(language)(text)


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """`text` with each letter in the case that stands for both, by the one-to-one pairs of `language.char`."""
    return "".join(_fold_char(c) for c in text)


def as_text(value: Any) -> str:
    """A field's value as the text that string atoms see."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def as_number(value: Any) -> int | float | None:
    """A field's value as the number that number atoms see, None when it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    return int(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def as_address(value: Any) -> tuple[int, int] | None:
    """A field's value as (version, integer), None when it is no address."""
    if not isinstance(value, str):
        return None
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return None
    return address.version, int(address)


def elements(event: Mapping[str, Any], field: str) -> Iterator[Any]:
    """The values of a field: none when it is missing, one when it is scalar, each element of a list."""
    value = event.get(field)
    for item in value if isinstance(value, list | tuple) else (value,):
        if item is not None:
            yield item


def _atom_holds(atom: Atom, event: Mapping[str, Any]) -> bool:
    values = atom.values
    if isinstance(values, SameAs):
        compare = _COMPARISONS[values.how]
        sides = [
            [fold(as_text(item)) if values.ignore_case else as_text(item) for item in elements(event, field)]
            for field in (atom.field, values.other)
        ]
        return any(compare(left, right) for left in sides[0] for right in sides[1])
    return any(contains(values, item) for item in elements(event, atom.field))


def contains(values: Strings | Numbers | Addresses | Present, item: Any) -> bool:
    """Whether one present, scalar value is in a set of values."""
    if isinstance(values, Present):
        return True
    if isinstance(values, Strings):
        return matches(values.language, as_text(item))
    if isinstance(values, Numbers):
        number = as_number(item)
        return number is not None and any(
            (low is None or low <= number) and (high is None or number <= high) for low, high in values.ranges
        )
    address = as_address(item)
    return address is not None and any(
        version == address[0] and low <= address[1] <= high for version, low, high in values.ranges
    )


def _equals(left: str, right: str) -> bool:
    return left == right


def _within(left: str, right: str) -> bool:
    return right in left


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "equals": _equals,
    "contains": _within,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


@lru_cache(maxsize=4096)
def _fold_char(c: str) -> str:
    return chr(max(low for low, _ in char(c, True).ranges))


#: So many loops, one after another, `re` tries in all ways: with two, that is quadratic at most.
_MOST_LOOPS = 2


@lru_cache(maxsize=8192)
def _member(language: Language) -> Callable[[str], bool]:
    texts = _texts(language)
    if texts is not None:
        return lambda text: _one_after_another(texts, fold(text))
    if _loops(language) > _MOST_LOOPS:
        runs = _runs(language)
        if runs is not None:
            return lambda text: _in_order(runs, text)
        try:
            machine = Machine([alternatives(language)])
            return lambda text: bool(machine.members(text))
        except OutOfFragment:  # a repetition counted so high that only `re` can hold it
            pass
    fullmatch = re.compile(to_regex(language), re.DOTALL).fullmatch
    return lambda text: fullmatch(text) is not None


def _loops(language: Language) -> int:
    """How many loops a backtracking matcher may have to try in all ways, one within another counting as many."""
    if isinstance(language, Repeat):
        inside = _loops(language.item)
        if language.high is not None and language.high - language.low < 2 and not inside:
            return 0
        # alternatives and optional parts within a loop may be tried in as many ways as loops
        return 1 if not inside and isinstance(language.item, Chars) else _MOST_LOOPS + 1
    if isinstance(language, Seq):
        return sum(_loops(part) for part in language.parts)
    return max((_loops(option) for option in language.options), default=0) if isinstance(language, Alt) else 0


def _texts(language: Language) -> list[str] | None:
    """What stands before, between and after the wildcards, as `fold` writes it, of a language that minds no case.

    Most tests of rules are such, are asked once or twice, and cost less so than an expression costs to compile.
    """
    runs = [""]
    for part in language.parts if isinstance(language, Seq) else (language,):
        for item in part.parts if isinstance(part, Seq) else (part,):
            if item == ANY_STRING:
                runs.append("")
                continue
            if not isinstance(item, Chars) or not item.ranges or item != char(chr(item.ranges[0][0]), True):
                return None
            runs[-1] += _fold_char(chr(item.ranges[0][0]))
    return runs


def _one_after_another(runs: list[str], text: str) -> bool:
    """Whether the runs follow each other in the text: the earliest place for each is the best."""
    first, *rest = runs
    if not rest:
        return text == first
    *middle, last = rest
    if not text.startswith(first):
        return False
    at = len(first)
    for run in middle:
        found = text.find(run, at)
        if found < 0:
            return False
        at = found + len(run)
    return at <= len(text) - len(last) and text.endswith(last)


Run = tuple[re.Pattern[str], int]


def _runs(language: Language) -> list[Run] | None:
    """What stands before, between and after the wildcards of a language of single characters and wildcards."""
    runs: list[list[Language]] = [[]]
    todo = [language]
    while todo:
        part = todo.pop()
        if isinstance(part, Seq):
            todo.extend(reversed(part.parts))
        elif part == ANY_STRING:
            runs.append([])
        elif isinstance(part, Chars):
            runs[-1].append(part)
        else:
            return None
    return [(re.compile(to_regex(Seq(tuple(run))), re.DOTALL), len(run)) for run in runs]


def _in_order(runs: list[Run], text: str) -> bool:
    """Whether the runs, each of a fixed length, follow each other: the earliest place for each is the best."""
    (first, at), *middle, (last, size) = runs
    if not first.match(text):
        return False
    for run, _ in middle:
        found = run.search(text, at)
        if found is None:
            return False
        at = found.end()
    return at <= len(text) - size and last.fullmatch(text, len(text) - size) is not None


def to_regex(language: Language) -> str:
    """`language` in the syntax of Python's `re` under DOTALL, to be used with `fullmatch`."""
    if isinstance(language, Chars):
        return _class(language)
    if isinstance(language, Seq):
        return "".join(to_regex(part) for part in language.parts)
    if isinstance(language, Alt):
        if not language.options:
            return "(?!)"
        return f"(?:{'|'.join(to_regex(option) for option in language.options)})"
    high = "" if language.high is None else str(language.high)
    return f"(?:{to_regex(language.item)}){{{language.low},{high}}}"


def _class(language: Chars) -> str:
    if not language.ranges:
        return "(?!)"
    if language.ranges == ((0, MAX_CHAR),):
        return "."
    if len(language.ranges) == 1 and language.ranges[0][0] == language.ranges[0][1]:
        return _escape(language.ranges[0][0])
    members = (_escape(low) + ("" if low == high else "-" + _escape(high)) for low, high in language.ranges)
    return f"[{''.join(members)}]"


def _escape(code: int) -> str:
    c = chr(code)
    return c if c.isalnum() and c.isascii() else f"\\U{code:08x}"
