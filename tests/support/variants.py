"""Other values for one that a test is about: each alternative of a pattern, edges of ranges, spellings of a text."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from converter.semantics.decide.predicate import Addresses, Numbers
from converter.semantics.regular.language import EMPTY_STRING, Alt, Language, Repeat, Seq


def options(language: Language) -> Iterator[tuple[Language, Language]]:
    """(the language through one alternative, the language through its siblings), for each choice it offers."""
    if isinstance(language, Alt) and len(language.options) > 1:
        for number, option in enumerate(language.options):
            yield option, Alt((*language.options[:number], *language.options[number + 1 :]))
    elif isinstance(language, Repeat):
        if (language.low, language.high) == (0, 1):
            yield EMPTY_STRING, language.item
            yield language.item, EMPTY_STRING
        return
    parts = language.parts if isinstance(language, Seq) else language.options if isinstance(language, Alt) else ()
    for number, part in enumerate(parts):
        for one, others in options(part):
            if isinstance(language, Seq):
                before, after = language.parts[:number], language.parts[number + 1 :]
                yield Seq((*before, one, *after)), Seq((*before, others, *after))
            else:
                rest = (*parts[:number], *parts[number + 1 :])
                yield one, Alt((others, *rest))


def edges(values: object) -> Iterator[Any]:
    """The first and last value of each range, and their neighbours outside."""
    if isinstance(values, Numbers):
        for bottom, top in values.ranges:
            yield from (x for x in (bottom, top) if x is not None)
            yield from (x for x in (bottom and bottom - 1, None if top is None else top + 1) if x is not None)
    elif isinstance(values, Addresses):
        for version, first, last in values.ranges:
            size = 2 ** (32 if version == 4 else 128)
            make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
            for number in (first - 1, first, last, last + 1):
                if 0 <= number < size:
                    yield str(make(number))


def spellings(value: object) -> Iterator[tuple[str, str]]:
    """Near misses and near hits of a text, as people and malware write them."""
    if isinstance(value, str) and value:
        head, slash, name = value.rpartition("\\")
        yield "in the other case", value.swapcase()
        yield "with more after it", value + "x"
        yield "with something else after it", value + ".bak"
        yield "cut short", value[:-1]
        yield "with more before the name", f"{head}{slash}x{name}"
        yield "with other slashes", value.replace("\\", "/")
        yield "without the last backslash", head + name
