"""`parity.toml` as text and as values, and the line of each key: tomllib keeps no positions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converter.core.errors import LibraryError
from converter.rules.library import MAX_BYTES

#: path of keys -> its line, counted from 1
Lines = Mapping[tuple[str, ...], int]


def read_toml(path: Path, name: str) -> tuple[str, dict[str, Any]]:
    """The text and the values of a file called `name` in messages. Raises LibraryError, with the line, for a file that
    cannot be read, is too large, no UTF-8, or no TOML."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LibraryError(f"the file has more than {MAX_BYTES:,} bytes", name)
        text = path.read_bytes().decode("utf-8-sig")
        return text, tomllib.loads(text)
    except OSError as error:
        raise LibraryError(f"cannot be read: {error.strerror}", name) from error
    except UnicodeDecodeError as error:
        raise LibraryError(f"is not UTF-8 text ({error.reason} at byte {error.start})", name) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"line (\d+)", str(error))
        line = found[1] if found else len(text.splitlines())  # "at end of document"
        raise LibraryError(f"broken TOML: {error}", f"{name}:{line}") from error


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Where each key of a TOML text stands."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*(\[[^\[\]=]+\])", line)
        key = re.match(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*'|\s*\.\s*)+?)\s*=", line)
        try:
            if header:
                table = _path(tomllib.loads(header[1]))
                found.setdefault(table, number)
            elif key:
                found.setdefault((*table, *_path(tomllib.loads(f"{key[1]} = 0"))), number)
        except tomllib.TOMLDecodeError:  # a line inside a longer value that only looks like a key
            continue
    return found


def _path(nested: Mapping[str, Any]) -> tuple[str, ...]:
    ((key, inner),) = nested.items()
    return (key, *_path(inner)) if isinstance(inner, dict) and inner else (key,)


def line_of_key(at: tuple[str | int, ...], lines: Lines) -> int:
    """The line of the innermost key of a path that has one."""
    steps = tuple(str(step) for step in at if isinstance(step, str))
    return next((lines[steps[:n]] for n in range(len(steps), 0, -1) if steps[:n] in lines), 1)
