"""The values of a detection: from what YAML read to what the author wrote, and the type that the test gives them.

The Sigma specification treats all values as text ("General"); numbers are unquoted ("Yaml File"). YAML 1.1 reads more
into an unquoted value: `010` is 8, `0x10` is 16, `yes` is true, `1:30` is 90, `2026-01-01` a date
(https://yaml.org/type/), and YAML 1.2 reads some of them otherwise. What could be meant in two ways is refused.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from converter.core.errors import LibraryError, QueryError
from converter.core.pcre import searcher
from converter.core.taxonomy import NUMERIC_FIELDS
from converter.rules.modifiers import BASE64, BYTES, COMPARISONS, LINKS

Value = str | int | float | bool | None

#: longer digits are no number of any platform, and Python converts at most 4,300 of them
_MOST_DIGITS = 100
_SURROGATE = re.compile("[\ud800-\udfff]")
_TEXTUAL = ("re", "cidr", "fieldref", "windash", "expand", *BYTES, *BASE64)


def typed(value: object, written: str | None, field: str | None, modifiers: tuple[str, ...]) -> Value:
    """The value as the test takes it; `written` is its source text where YAML read it as anything but text.

    Raises LibraryError for a value of no type that Sigma has, and for one that was not written as it was read.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _text(value, field, modifiers)
    if isinstance(value, datetime.date):
        raise LibraryError(f"YAML reads {written or str(value)} as a date", hint="put the value in quotes")
    if isinstance(value, bool):
        return _boolean(value, written, modifiers)
    if isinstance(value, int | float):
        return _number(value, written, field, modifiers)
    kind = "map" if isinstance(value, Mapping) else type(value).__name__
    raise LibraryError(f"a value must be text or a number, not a {kind}", hint="quote the value")


def _text(value: str, field: str | None, modifiers: tuple[str, ...]) -> Value:
    if _SURROGATE.search(value):
        raise LibraryError("the value holds half of a character (a lone surrogate)", hint="write the whole character")
    plain = field in NUMERIC_FIELDS and all(modifier in (*LINKS, "expand") for modifier in modifiers)
    if plain and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    return value


def _boolean(value: bool, written: str | None, modifiers: tuple[str, ...]) -> Value:
    if "exists" in modifiers:
        return value
    text = str(value).lower()
    if any(modifier in COMPARISONS for modifier in modifiers):
        raise LibraryError(f"the value must be a number, not {text}")
    if written is not None and written.lower() != text:
        raise LibraryError(f"YAML reads {written} as {text}", hint=f"write {text}, or {written!r} in quotes")
    if any(modifier not in LINKS for modifier in modifiers):
        raise LibraryError(f"the value must be text, not {written or text}", hint="put it in quotes")
    return text


def _number(value: int | float, written: str | None, field: str | None, modifiers: tuple[str, ...]) -> Value:
    text = str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise LibraryError(f"YAML reads {written or text} as no finite number", hint="put the value in quotes")
    if written is not None and written != text:
        raise LibraryError(f"YAML reads {written} as the number {text}", hint=f"write {text}, or {written!r} in quotes")
    compared = any(modifier in COMPARISONS for modifier in modifiers)
    if not compared and any(modifier not in LINKS for modifier in modifiers):
        raise LibraryError(f"the value must be text, not the number {text}", hint=f"put it in quotes: {text!r}")
    if compared or field in NUMERIC_FIELDS:
        return int(value) if isinstance(value, float) and value.is_integer() else value
    return text


def check_values(field: str | None, modifiers: tuple[str, ...], values: Sequence[Value]) -> None:
    """Raises LibraryError for values that the modifiers do not take, none at all among them."""
    if not values:
        raise LibraryError("the list of values is empty")
    if "all" in modifiers and len(values) == 1:
        # Modifiers appendix, `all`: single values are not allowed to have it.
        raise LibraryError("'all' needs a list of at least two values", hint="remove 'all'")
    if None in values:
        _check_null(field, modifiers, values)
    for value in values:
        if "exists" in modifiers and not isinstance(value, bool):
            raise LibraryError(f"the value must be true or false, not {brief(value)}")
        if any(m in COMPARISONS for m in modifiers) and isinstance(value, str):
            raise LibraryError(f"the value must be a number, not {brief(value)}", hint="write digits, without quotes")
        if any(m in _TEXTUAL for m in modifiers) and not isinstance(value, str | int):
            raise LibraryError(f"the value must be text, not {brief(value)}", hint="put it in quotes")
    if "exists" in modifiers and len(values) > 1:
        raise LibraryError("'exists' takes one value")


def check_expression(value: Value) -> None:
    """Raises LibraryError for a text that PCRE itself does not take as a regular expression."""
    fault = _pcre_fault(value) if isinstance(value, str) else ""
    if fault:
        raise LibraryError(f"{brief(value)} is no regular expression: {fault}")


@lru_cache(maxsize=4096)
def _pcre_fault(pattern: str) -> str:
    try:
        searcher(pattern)
    except QueryError as fault:
        return fault.message
    return ""


def _check_null(field: str | None, modifiers: tuple[str, ...], values: Sequence[Value]) -> None:
    if field is None:
        raise LibraryError("null is no keyword")
    if len(values) > 1:
        # pySigma accepts it; the specification knows null as the value of a field alone ("Special Field Values").
        hint = "give null a selection of its own and join the two with 'or'"
        raise LibraryError("null cannot stand in a list of values", hint=hint)
    if any(modifier != "neq" for modifier in modifiers):
        raise LibraryError("null takes no modifier but 'neq'")


def brief(value: object) -> str:
    """A value as a message shows it."""
    shown = repr(value[:80] if isinstance(value, str) else value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
