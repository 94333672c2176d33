"""Files as they come: read with a bound, refused when they are no plain files or have unsafe names."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from converter.core.errors import LibraryError
from converter.core.places import Document, read_documents

#: larger files are refused before they are parsed: the longest public Sigma rule has 40 kB
MAX_BYTES = 1_000_000

#: What a rule's file name may be made of: it becomes names of outputs, links, stanzas. `#` counts documents.
_SAFE_NAME = re.compile(r"\w[\w.,+=@() -]*\.yml")
#: Names that Windows keeps for devices, https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\.", re.IGNORECASE)
#: Control characters, separators of lines and paragraphs, lone surrogates, and what turns the direction of text.
_UNSEEN = ("Cc", "Zl", "Zp", "Cs")
_TURNING = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def relative(path: Path, root: Path) -> str:
    """The path below the root with `/`, or as given when it lies elsewhere. Links are not followed.

    Characters that would leave their line in a message or a header stand as escapes (a path with them is refused).
    """
    try:
        name = Path(os.path.abspath(path)).relative_to(os.path.abspath(root)).as_posix()
    except ValueError:
        name = path.as_posix()
    return "".join(c if not unseen(c) else c.encode("unicode_escape").decode("ascii") for c in name)


def unseen(text: str, allowed: str = "") -> str:
    """The first character of a text that a reader would not see or that would break its line, "" if there is none."""
    if text.isprintable():  # then it has no character of these categories, nor one of Cf, of which the turning are
        return ""
    return next((c for c in text if c not in allowed and (unicodedata.category(c) in _UNSEEN or c in _TURNING)), "")


def name_fault(path: Path, where: str) -> LibraryError | None:
    """What is wrong with the name of a rule's file, or None."""
    if "\\" in where or _SAFE_NAME.fullmatch(path.name) is None or _DEVICE.match(path.name) or ".." in where.split("/"):
        hint = "rename it: letters, digits, `_` and `-`, and .yml at the end"
        return LibraryError("the file's name is not safe to be used for outputs", where, hint)
    return None


def read_bytes(path: Path, where: str) -> bytes:
    """The bytes of a plain file. Raises LibraryError: unreadable, too large, or a device, pipe or folder (a link to one
    included), which might never end."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise LibraryError("is not a plain file", where, "rules are read from files, not from pipes or devices")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise LibraryError(f"cannot be read: {getattr(error, 'strerror', None) or error}", where) from error
    if len(data) > MAX_BYTES:
        size = max(status.st_size, len(data))
        raise LibraryError(f"the file has {size:,} bytes; at most {MAX_BYTES:,} are read", where)
    return data


def parse(data: bytes, where: str) -> list[Document]:
    """The YAML documents of a file. Raises LibraryError, with the line, for what is no UTF-8 text or broken YAML."""
    try:
        return read_documents(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise LibraryError(f"is not UTF-8 text ({error.reason} at byte {error.start})", where) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise LibraryError(f"broken YAML: {problem}", f"{where}{line}") from error
    except (RecursionError, ValueError) as error:
        raise LibraryError(f"broken YAML: {error or 'nested too deeply'}", where) from error


def read_yaml(path: Path, where: str) -> tuple[bytes, Any]:
    """The bytes of a file and its one YAML document. Raises LibraryError as `read_bytes` and `parse` do."""
    data = read_bytes(path, where)
    documents = parse(data, where)
    if len(documents) > 1:
        raise LibraryError("there is more than one YAML document in the file", where, "keep one to a file")
    return data, documents[0].value if documents else None
