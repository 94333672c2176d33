"""A Sigma rule run on an event, directly: the judge that says what each fixture should do.

Written from the Sigma specification 2.1 alone (rules specification and modifiers appendix,
https://github.com/SigmaHQ/sigma-specification/tree/main/specification). It shares the reading of the rule's form with
`meaning`, and neither value handling nor the symbolic machinery, so that a slip in one shows as a difference.

A missing field, None and an empty list are the same: each test on it is false, hence its `not` is true. On a list a
test holds when it holds of any element. Text compares without regard to case, letter by letter: only letters that have
exactly one other case are folded. A number is its decimal text to a text test; a text of decimal digits is a number to
a number test.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from converter.core.errors import LibraryError, QueryError
from converter.core.model import Event, Rule
from converter.core.pcre import searcher
from converter.rules.condition import AllOf, Condition, Negated, Selection
from converter.rules.detection import Item, read_detection
from converter.rules.modifiers import COMPARISONS, PLACES
from converter.rules.patterns import Pattern, matches, patterns, placed
from converter.rules.placeholders import Placeholders
from converter.rules.values import Value, brief

Test = Callable[[Event], bool]
ElementTest = Callable[[Any], bool]

_NONE: Placeholders = {}


def evaluate(rule: Rule | Mapping[str, Any], event: Event, placeholders: Placeholders = _NONE) -> bool:
    """Whether `rule` fires on `event`. Raises as `compile_rule` does; compile once to ask about many events."""
    return compile_rule(rule, placeholders)(event)


def compile_rule(rule: Rule | Mapping[str, Any], placeholders: Placeholders = _NONE) -> Test:
    """The rule, or its parsed YAML, as a function of events; `placeholders` gives the values of `expand`.

    Raises LibraryError for a malformed detection (with the rule's place if known) and Unsupported for valid Sigma that
    has no reading here.
    """
    section = read_detection(rule, placeholders)
    selections = {
        name: _any(_all(map(compile_item, group)) for group in groups) for name, groups in section.selections.items()
    }
    return _condition_test(section.condition, selections)


def _all(tests: Iterable[Test]) -> Test:
    members = tuple(tests)
    return lambda event: all(test(event) for test in members)


def _any(tests: Iterable[Test]) -> Test:
    members = tuple(tests)
    return lambda event: any(test(event) for test in members)


def _negate(test: Test) -> Test:
    return lambda event: not test(event)


def _condition_test(condition: Condition, selections: Mapping[str, Test]) -> Test:
    if isinstance(condition, Selection):
        return selections[condition.name]
    if isinstance(condition, Negated):
        return _negate(_condition_test(condition.part, selections))
    parts = [_condition_test(part, selections) for part in condition.parts]
    return _all(parts) if isinstance(condition, AllOf) else _any(parts)


def compile_item(item: Item) -> Test:
    """One item as a function of events: its values joined by `or`, or by `and` with `all`; `neq` turns the whole round.

    Raises LibraryError, with the item's place, for a value that its modifiers cannot take.
    """
    try:
        tests = [_value_test(item, value) for value in item.values]
    except LibraryError as fault:
        raise LibraryError(f"{item.label}: {fault.message}", item.where, fault.hint) from fault
    joined = _all(tests) if "all" in item.modifiers else _any(tests)
    return _negate(joined) if "neq" in item.modifiers else joined


def _value_test(item: Item, value: Value) -> Test:
    field = item.field
    if field is None:
        element = _keyword_test(item.modifiers, value)
        return lambda event: any(element(x) for name in event for x in _elements(event, name))
    if value is None:
        return lambda event: not _elements(event, field)
    if "exists" in item.modifiers:
        return lambda event: bool(_elements(event, field)) == value
    if "fieldref" in item.modifiers:
        return partial(_same, field, str(value), item.modifiers)
    test = _element_test(item.modifiers, value)
    return lambda event: any(test(x) for x in _elements(event, field))


def _elements(event: Event, field: str) -> list[Any]:
    value = event.get(field)
    many = value if isinstance(value, list | tuple) else [value]
    return [element for element in many if element is not None]


def _element_test(modifiers: tuple[str, ...], value: Value) -> ElementTest:
    """The test of one present value of a field."""
    if "re" in modifiers:
        return _regex_test(str(value), modifiers)
    if "cidr" in modifiers:
        return _network_test(str(value))
    for modifier in COMPARISONS:
        if modifier in modifiers and isinstance(value, int | float):
            return _comparison_test(modifier, value)
    place = next((modifier for modifier in modifiers if modifier in PLACES), "")
    if isinstance(value, int | float):
        # A fraction is text too: "1.5" is written no other way, while decimal digits are already a number.
        return lambda x: _number(x) == value or _text(x) == str(value)
    found = [placed(pattern, place) for pattern in patterns(str(value), modifiers)]
    return _text_test(found, "cased" in modifiers)


def _keyword_test(modifiers: tuple[str, ...], value: Value) -> ElementTest:
    """A keyword is looked for anywhere in the values of all fields."""
    if "re" in modifiers:
        return _regex_test(str(value), modifiers)
    found = [placed(pattern, "contains") for pattern in patterns(str(value), modifiers)]
    return _text_test(found, "cased" in modifiers)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch("-?[0-9]+", value) else None


def _fold(text: str) -> str:
    return text.lower() if text.isascii() else "".join(map(_fold_character, text))


@lru_cache(maxsize=4096)
def _fold_character(c: str) -> str:
    lower = c.lower()
    return lower if len(lower) == 1 and lower.upper() == c else c


def _comparison_test(modifier: str, bound: int | float) -> ElementTest:
    def test(element: Any) -> bool:
        number = _number(element)
        if number is None:
            return False
        if modifier == "lt":
            return number < bound
        if modifier == "lte":
            return number <= bound
        return number > bound if modifier == "gt" else number >= bound

    return test


def _network_test(text: str) -> ElementTest:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as fault:
        hint = "write it as in 10.0.0.0/8 or fc00::/7"
        raise LibraryError(f"{brief(text)} is no network: {brief(str(fault))}", hint=hint) from fault

    def test(element: Any) -> bool:
        try:
            address = ipaddress.ip_address(element) if isinstance(element, str) else None
        except ValueError:
            return False
        # `::ffff:10.0.0.1` is the address 10.0.0.1 (RFC 4291, 2.5.5.2)
        mapped: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
        if isinstance(address, ipaddress.IPv6Address):
            mapped = address.ipv4_mapped
        if isinstance(address, ipaddress.IPv4Address) and network.version == 6:
            mapped = ipaddress.IPv6Address(f"::ffff:{address}")
        return any(found in network for found in (address, mapped) if found is not None)

    return test


def _regex_test(pattern: str, modifiers: tuple[str, ...]) -> ElementTest:
    """A search, as PCRE itself (the flavour the appendix names) does it; `\\d` and `\\w` are ASCII as there."""
    try:
        found = searcher(pattern, *(flag in modifiers for flag in ("i", "m", "s")))
    except QueryError as fault:
        raise LibraryError(f"{brief(pattern)} is no regular expression: {fault.message}") from fault
    return lambda element: found(_text(element))


def _same(field: str, other: str, modifiers: tuple[str, ...], event: Event) -> bool:
    """Whether any value of `field` equals, starts or ends with, or contains any value of `other`."""
    fold = str if "cased" in modifiers else _fold
    for left in (fold(_text(x)) for x in _elements(event, field)):
        for right in (fold(_text(x)) for x in _elements(event, other)):
            if "contains" in modifiers:
                same = right in left
            elif "startswith" in modifiers:
                same = left.startswith(right)
            else:
                same = left.endswith(right) if "endswith" in modifiers else left == right
            if same:
                return True
    return False


def _text_test(wanted: list[Pattern], cased: bool) -> ElementTest:
    fold = str if cased else _fold
    folded = [tuple(c and fold(c) for c in pattern) for pattern in wanted]

    def test(element: Any) -> bool:
        text = fold(_text(element))
        return any(matches(pattern, text) for pattern in folded)

    return test
