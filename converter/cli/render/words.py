"""Counts and lists as people write them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence


def count(number: int, one: str, many: str = "") -> str:
    """`1 rule`, `2 rules`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def wrapped(text: str, width: int, indent: str) -> list[str]:
    """A text within `width` columns, each of its lines indented; words that are longer stay whole."""
    out: list[str] = []
    for line in text.splitlines() or [""]:
        out += textwrap.wrap(
            line, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [indent.rstrip()]
    return out


def short(source: str) -> str:
    """The short name of a rule's or a manifest's path."""
    return source.rsplit("/", 1)[-1].rsplit(".yml", 1)[0].removesuffix(".yaml")
