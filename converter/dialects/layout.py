"""Line breaking for generated queries: long lists are wrapped, short ones stay on a line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

WIDTH = 110


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
    """`a word b word c`, a line each if they do not fit on one."""
    line = f" {word} ".join(parts)
    if len(line) + indent <= WIDTH or "\n" in line:
        return line
    return f"\n{' ' * indent}{word} ".join(parts)


def _length(parts: list[str], separator: str) -> int:
    return sum(map(len, parts)) + len(separator) * (len(parts) - 1)


def _wrapped(parts: list[str], separator: str, indent: int) -> str:
    lines: list[str] = []
    current = ""
    for i, part in enumerate(parts):
        piece = part + (separator if i < len(parts) - 1 else "")
        if current and len(current) + len(piece.rstrip()) + indent > WIDTH:
            lines.append(current.rstrip())
            current = ""
        current += piece
    lines.append(current.rstrip())
    return textwrap.indent("\n".join(lines), " " * indent)
