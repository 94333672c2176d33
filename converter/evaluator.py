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

import base64
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from itertools import product
from typing import Any

import pcre2

from converter.errors import LibraryError
from converter.model import Event, Rule
from converter.sigma_condition import AllOf, Condition, Negated, Selection
from converter.sigma_values import (
    BASE64,
    BYTES,
    COMPARISONS,
    NUMERIC_FIELDS,
    PLACES,
    DetectionSection,
    Item,
    Value,
    read_detection,
)

Test = Callable[[Event], bool]
ElementTest = Callable[[Any], bool]
#: A pattern: characters, and None for `*`, "" for `?`.
Pattern = tuple[str | None, ...]

_DASHES = "-/–—―"
_OFFSET_START = (0, 2, 3)
_OFFSET_DROPPED = (0, 3, 2)


def evaluate(rule: Rule | Mapping[str, Any], event: Event) -> bool:
    """Whether `rule` fires on `event`. Raises as `compile_rule` does; compile once to ask about many events."""
    return compile_rule(rule)(event)


def compile_rule(rule: Rule | Mapping[str, Any]) -> Test:
    """The rule, or its parsed YAML, as a function of events.

    Raises LibraryError for a malformed detection (with the rule's place if known) and Unsupported for valid Sigma that
    has no reading here.
    """
    section = read_detection(rule)
    selections = {
        name: _any(_all(_item_test(item, section) for item in group) for group in groups)
        for name, groups in section.selections.items()
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


def _item_test(item: Item, section: DetectionSection) -> Test:
    """The item's values joined by `or`, or by `and` with `all`; `neq` is the opposite of the whole item."""
    try:
        tests = [_value_test(item, value) for value in item.values]
    except LibraryError as fault:
        raise LibraryError(f"{item.label}: {fault.message}", section.where, fault.hint) from fault
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
    test = _element_test(field, item.modifiers, value)
    return lambda event: any(test(x) for x in _elements(event, field))


def _elements(event: Event, field: str) -> list[Any]:
    value = event.get(field)
    many = value if isinstance(value, list | tuple) else [value]
    return [element for element in many if element is not None]


def _element_test(field: str, modifiers: tuple[str, ...], value: Value) -> ElementTest:
    """The test of one present value of a field."""
    if "re" in modifiers:
        return _regex_test(str(value), modifiers)
    if "cidr" in modifiers:
        return _network_test(str(value))
    for modifier in COMPARISONS:
        if modifier in modifiers and isinstance(value, int | float):
            return _comparison_test(modifier, value)
    place = next((modifier for modifier in modifiers if modifier in PLACES), "")
    if not place and isinstance(value, int | float) and not isinstance(value, bool):
        # A fraction is text too: "1.5" is written no other way, while decimal digits are already a number.
        return lambda x: _number(x) == value or _text(x) == str(value)
    if not place and field in NUMERIC_FIELDS and isinstance(value, str) and re.fullmatch("[0-9]+", value):
        wanted = int(value)
        return lambda x: _number(x) == wanted
    patterns = [_placed(pattern, place) for pattern in _patterns(value, modifiers)]
    return _text_test(patterns, "cased" in modifiers)


def _keyword_test(modifiers: tuple[str, ...], value: Value) -> ElementTest:
    """A keyword is looked for anywhere in the values of all fields."""
    if "re" in modifiers:
        return _regex_test(str(value), modifiers)
    patterns = [_placed(pattern, "contains") for pattern in _patterns(value, modifiers)]
    return _text_test(patterns, "cased" in modifiers)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch("-?[0-9]+", value) else None


def _fold(text: str) -> str:
    return "".join(map(_fold_character, text))


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
        raise LibraryError(f"{text!r} is no network: {fault}", hint="write it as in 10.0.0.0/8 or fc00::/7") from fault

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
    flags = pcre2.ASCII
    for modifier, flag in (("i", pcre2.IGNORECASE), ("m", pcre2.MULTILINE), ("s", pcre2.DOTALL)):
        if modifier in modifiers:
            flags |= flag
    try:
        compiled = pcre2.compile(pattern, flags)
    except pcre2.PatternError as fault:
        raise LibraryError(f"{pattern!r} is no regular expression: {fault}") from fault
    return lambda element: compiled.search(_text(element)) is not None


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


def _patterns(value: Value, modifiers: tuple[str, ...]) -> list[Pattern]:
    """The patterns a value stands for, its transforming modifiers applied in the order they are written."""
    patterns = [_parse(value) if isinstance(value, str) else tuple(_text(value))]
    if "windash" in modifiers:
        patterns = [variant for pattern in patterns for variant in _dashes(pattern)]
    steps = [modifier for modifier in modifiers if modifier in BYTES + BASE64]
    return [variant for pattern in patterns for variant in _encoded(pattern, steps)] if steps else patterns


def _parse(text: str) -> Pattern:
    """Wildcards and escapes: a backslash escapes only `*`, `?` and itself, before anything else it is a character."""
    out: list[str | None] = []
    rest = iter(range(len(text)))
    for i in rest:
        c = text[i]
        if c == "\\" and text[i + 1 : i + 2] in ("*", "?", "\\"):
            out.append(text[i + 1])
            next(rest)
        else:
            out.append({"*": None, "?": ""}.get(c, c))
    return tuple(out)


def _placed(pattern: Pattern, place: str) -> Pattern:
    before: Pattern = (None,) if place in ("contains", "endswith") else ()
    after: Pattern = (None,) if place in ("contains", "startswith") else ()
    return (*before, *pattern, *after)


def _dashes(pattern: Pattern) -> Iterable[Pattern]:
    """Each way to write the flags in a value: a dash before a word and not within one begins a flag.

    The appendix names the five characters; that only the first dash of `-param-name` is meant is said in
    https://sigmahq.io/docs/basics/modifiers.html (windash).
    """

    def word(i: int) -> bool:
        c = pattern[i] if 0 <= i < len(pattern) else None
        return bool(c) and (str(c).isalnum() or c == "_")

    choices: list[Iterable[str | None]] = [
        _DASHES if c and c in _DASHES and word(i + 1) and not word(i - 1) else (c,) for i, c in enumerate(pattern)
    ]
    return product(*choices)


def _encoded(pattern: Pattern, steps: list[str]) -> Iterable[Pattern]:
    if any(not c for c in pattern):
        raise LibraryError("a value to be encoded cannot hold wildcards", hint="escape them with a backslash")
    variants = ["".join(c or "" for c in pattern).encode()]
    for step in steps:
        variants = [result for data in variants for result in _encode(data, step)]
    return [tuple(data.decode("ascii")) for data in variants]


def _encode(data: bytes, step: str) -> list[bytes]:
    if step == "base64":
        return [base64.b64encode(data)]
    if step == "base64offset":
        return [_offset(data, shift) for shift in range(3)]
    codec = "utf-16-be" if step == "utf16be" else "utf-16-le"
    mark = b"\xff\xfe" if step == "utf16" else b""
    return [mark + data.decode().encode(codec)]


def _offset(data: bytes, shift: int) -> bytes:
    """The characters that encode `data` and nothing else when `shift` bytes (modulo 3) stand before it."""
    encoded = base64.b64encode(bytes(shift) + data)
    known = encoded[_OFFSET_START[shift] : len(encoded) - _OFFSET_DROPPED[(shift + len(data)) % 3]]
    if not known:
        raise LibraryError("the value is too short to be recognised inside Base64 text", hint="use a longer value")
    return known


def _text_test(patterns: list[Pattern], cased: bool) -> ElementTest:
    fold = str if cased else _fold
    folded = [tuple(c and fold(c) for c in pattern) for pattern in patterns]

    def test(element: Any) -> bool:
        text = fold(_text(element))
        return any(_glob(pattern, text) for pattern in folded)

    return test


def _glob(pattern: Pattern, text: str) -> bool:
    """Whether the whole of `text` matches, by greedy matching with one point to return to: the latest `*`."""
    p = t = 0
    star, resume = -1, 0
    while t < len(text):
        if p < len(pattern) and pattern[p] is None:
            star, resume = p, t
            p += 1
        elif p < len(pattern) and pattern[p] in ("", text[t]):
            p, t = p + 1, t + 1
        elif star >= 0:
            resume += 1
            p, t = star + 1, resume
        else:
            return False
    return all(c is None for c in pattern[p:])
