"""Line breaking for generated queries, and what may not stand raw in them.

A query is pasted into search bars and editors, which drop, replace or do not show control characters, line separators
and blanks other than the space. So no writer leaves one raw (`hidden`), and every line break of a query is layout:
lines are indented by joining them, and a literal is never changed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

WIDTH = 110

#: Categories of characters that are not seen or not kept: controls, formats (bidirectional marks, zero width), lone
#: surrogates, separators (https://www.unicode.org/reports/tr44/#General_Category_Values).
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
#: Blank though their category is another: fillers, the Braille blank, joiners and variation selectors
#: (Default_Ignorable_Code_Point, https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point).
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)])
)


@lru_cache(maxsize=4096)
def hidden(character: str) -> bool:
    """Whether a character must not stand raw in a query: it is not seen, or not kept by whatever it is pasted into."""
    return character != " " and (unicodedata.category(character) in _HIDDEN or character in _BLANK)


def has_hidden(text: str) -> bool:
    return not (text.isascii() and text.isprintable()) and any(map(hidden, text))


def one_line(text: str) -> str:
    """The text as one line of a comment: each run of blanks, line breaks and hidden characters is one space."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join("".join(" " if hidden(c) else c for c in text).split())


def indented(text: str, width: int) -> str:
    """Every line of a part of a query, moved to the right; only line feeds end a line, and no literal holds one."""
    return "\n".join(" " * width + line if line else line for line in text.split("\n"))


def bracketed(items: Iterable[str], separator: str = ", ", indent: int = 8) -> str:
    """What stands between two brackets: on one line if it is short, else wrapped, indented by `indent`.

    Items are never broken, whatever blanks they hold.
    """
    parts = list(items)
    if _length(parts, separator) + indent + 30 <= WIDTH:
        return separator.join(parts)
    return f"\n{_wrapped(parts, separator, indent)}\n{' ' * (indent - 4)}"


def listed(items: Iterable[str], command: str, indent: int = 4) -> str:
    """`command a, b, c`, wrapped behind the command if it is long."""
    parts = list(items)
    if _length(parts, ", ") + len(command) + indent <= WIDTH:
        return f"{command} {', '.join(parts)}"
    return f"{command}\n{_wrapped(parts, ', ', indent)}"


def chained(word: str, parts: list[str], indent: int = 8) -> str:
    """`a word b word c`, a line each if they do not fit on one; what is wrapped in a part then moves to the right."""
    line = f" {word} ".join(parts)
    if max(map(len, line.split("\n"))) + indent <= WIDTH:
        return line
    first, *rest = (part.replace("\n", "\n    ") if "\n" in line else part for part in parts)
    return f"\n{' ' * indent}{word} ".join([first, *rest])


def _length(parts: list[str], separator: str) -> int:
    return sum(map(len, parts)) + len(separator) * (len(parts) - 1)


def _wrapped(parts: list[str], separator: str, indent: int) -> str:
    ends = separator.rstrip()
    blank = separator[len(ends) :]
    lines: list[str] = []
    current: list[str] = []
    length = indent
    for i, part in enumerate(parts):
        piece = part + (ends if i < len(parts) - 1 else "")
        if current and length + len(piece) > WIDTH:
            lines.append(blank.join(current))
            current, length = [], indent
        current.append(piece)
        length += len(piece) + len(blank)
    lines.append(blank.join(current))
    return "\n".join(" " * indent + line for line in lines)


def slashes(line: str) -> str:
    """A comment line of KQL, EQL and ES|QL."""
    return f"// {line}"
