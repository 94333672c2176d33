"""Tests of a Predicate in words: `FileName is 'cmd.exe'` rather than a tree of character classes."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address, IPv6Address, summarize_address_range

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
from converter.semantics.regular.language import ANY_STRING, MAX_CHAR, Alt, Chars, Language, Seq, char

#: Longer patterns are cut: a description is read, never executed.
MAX_LENGTH = 100
#: A character class of more ranges is a class like "not a letter", of which nobody wants the list.
_MAX_RANGES = 12
_HOWS = {"equals": "equals", "contains": "contains", "startswith": "starts with", "endswith": "ends with"}


def describe(predicate: Predicate) -> str:
    """The predicate in words; case is only mentioned where it matters."""
    if isinstance(predicate, Not):
        if isinstance(predicate.part, Atom) and isinstance(predicate.part.values, Present):
            return f"{predicate.part.field} is missing"
        return f"not ({describe(predicate.part)})"
    if isinstance(predicate, And | Or):
        if not predicate.parts:
            return "always" if isinstance(predicate, And) else "never"
        word = " and " if isinstance(predicate, And) else " or "
        return word.join(f"({describe(p)})" if isinstance(p, And | Or) else describe(p) for p in predicate.parts)
    return f"{predicate.field} {_values(predicate)}"


def _values(atom: Atom) -> str:
    values = atom.values
    if isinstance(values, Present):
        return "is present"
    if isinstance(values, SameAs):
        return f"{_HOWS[values.how]} the value of {values.other}"
    if isinstance(values, Numbers):
        return "is " + " or ".join(_interval(low, high) for low, high in values.ranges)
    if isinstance(values, Addresses):
        return "is in " + ", ".join(_networks(*found) for found in values.ranges)
    return _language(values)


def _interval(low: int | None, high: int | None) -> str:
    if low == high and low is not None:
        return str(low)
    if low is None:
        return "a number" if high is None else f"at most {high}"
    return f"at least {low}" if high is None else f"between {low} and {high}"


def _networks(version: int, low: int, high: int) -> str:
    kind = IPv4Address if version == 4 else IPv6Address
    found = list(summarize_address_range(kind(low), kind(high)))
    return str(found[0]) if len(found) == 1 else f"{kind(low)} - {kind(high)}"


def _language(values: Strings) -> str:
    parts = _flat(values.language)
    if parts == [ANY_STRING]:
        return "is present"
    before, after = parts[:1] == [ANY_STRING], len(parts) > 1 and parts[-1] == ANY_STRING
    inner = parts[before : len(parts) - after]
    if len(inner) > 2 and _boundary(inner[0]) and _boundary(inner[-1]) and (text := _text(inner[1:-1])) is not None:
        return f"has {text[0]!r} as a term{text[1]}"
    found = _text(inner)
    if found is not None and inner:
        word = {(0, 0): "is", (0, 1): "starts with", (1, 0): "ends with", (1, 1): "contains"}[before, after]
        return f"{word} {found[0]!r}{found[1]}"
    if not parts:
        return "is empty"
    if not before and not after and len(parts) == 1 and isinstance(parts[0], Alt):
        options = [_language(Strings(option)) for option in parts[0].options]
        if 0 < len(options) <= 6 and not any(option.startswith("matches") for option in options):
            return " or ".join(options)
    # An open end is written as an unanchored pattern, which is how most languages write it.
    pattern = ("" if before else "^") + "".join(map(_regex, inner)) + ("" if after else "$")
    return f"matches /{pattern if len(pattern) <= MAX_LENGTH else pattern[:MAX_LENGTH] + '…'}/"


def _flat(language: Language) -> list[Language]:
    if not isinstance(language, Seq):
        return [language]
    return [item for part in language.parts for item in _flat(part)]


def _boundary(language: Language) -> bool:
    """Nothing, or any text that ends or begins with a separator: the edge of a term."""
    return (
        isinstance(language, Alt)
        and Seq(()) in language.options
        and any(ANY_STRING in _flat(option) for option in language.options)
    )


def _text(parts: list[Language]) -> tuple[str, str] | None:
    """The fixed text of a sequence and a remark on its case; None if it is not fixed."""
    out, cased = "", False
    for part in parts:
        found = _letter(part)
        if found is None:
            return None
        out += found
        cased = cased or (found.isalpha() and part == char(found, False) != char(found, True))
    return out, " (in this case)" if cased else ""


def _letter(part: Language) -> str | None:
    """The one character of a class, in lower case if both cases belong to it."""
    if not isinstance(part, Chars) or not part.ranges:
        return None
    code = part.ranges[0][0]
    if part.ranges == ((code, code),):
        return chr(code)
    lower = chr(part.ranges[-1][1])
    return lower.lower() if part == char(lower, True) else None


def _regex(language: Language) -> str:
    if isinstance(language, Chars):
        return _class(language)
    if isinstance(language, Seq):
        return "".join(map(_regex, language.parts))
    if isinstance(language, Alt):
        options = [_regex(option) for option in language.options]
        filled = [option for option in options if option]
        body = filled[0] if len(filled) == 1 and len(filled[0]) == 1 else f"({'|'.join(filled)})"
        return body + ("?" if len(filled) < len(options) else "")
    item = _regex(language.item)
    item = item if isinstance(language.item, Chars) else f"({item})"
    count = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((language.low, language.high))
    if count is None:
        high = "" if language.high is None else str(language.high)
        count = f"{{{language.low}}}" if language.low == language.high else f"{{{language.low},{high}}}"
    return item + count


def _class(item: Chars) -> str:
    if item.ranges == ((0, MAX_CHAR),):
        return "."
    letter = _letter(item)
    if letter is not None:
        return "\\" + letter if letter in "\\.[]()*+?{}|^$/" else letter
    negated = bool(item.ranges) and item.ranges[-1][1] == MAX_CHAR
    ranges = item.ranges
    if negated:
        edges = [-1, *(edge for pair in ranges for edge in pair)]
        gaps = [
            (edges[0] + 1, ranges[0][0] - 1),
            *((a[1] + 1, b[0] - 1) for a, b in itertools.pairwise(ranges)),
        ]
        ranges = tuple(gap for gap in gaps if gap[0] <= gap[1])
    if len(ranges) > _MAX_RANGES:
        return "[^…]" if negated else "[…]"
    body = "".join(_range(low, high) for low, high in ranges)
    return f"[{'^' if negated else ''}{body}]"


def _range(low: int, high: int) -> str:
    first, last = (repr(chr(code))[1:-1] for code in (low, high))
    return first if low == high else first + last if high == low + 1 else f"{first}-{last}"
