"""Whether one event satisfies a Predicate: the plain reading that every symbolic answer is checked against.

Membership in a language is asked of Python's `re`, which shares no code with the automata of the decision procedure,
so that a witness is confirmed by a second implementation; only loops within loops go to the automata.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from converter.semantics.automata import Machine
from converter.semantics.language import MAX_CHAR, Alt, Chars, Language, Repeat, Seq, char
from converter.semantics.predicate import Addresses, And, Atom, Not, Numbers, Or, Predicate, Present, SameAs, Strings
from converter.semantics.sequences import alternatives

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


@lru_cache(maxsize=8192)
def _member(language: Language) -> Callable[[str], bool]:
    if _loops_in_loops(language):  # where a backtracking matcher can take exponential time
        machine = Machine([alternatives(language)])
        return lambda text: bool(machine.members(text))
    fullmatch = re.compile(to_regex(language), re.DOTALL).fullmatch
    return lambda text: fullmatch(text) is not None


def _loops_in_loops(language: Language, inside: bool = False) -> bool:
    if isinstance(language, Repeat):
        loop = language.high is None or language.high > 1
        return (loop and inside) or _loops_in_loops(language.item, inside or loop)
    if isinstance(language, Seq):
        return any(_loops_in_loops(part, inside) for part in language.parts)
    return isinstance(language, Alt) and any(_loops_in_loops(option, inside) for option in language.options)


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
