"""Records in a vendor's own shape, each beside the Sigma event behind it: what the tables are held against.

An evidence file has the `event`, the `record` (our values, the vendor's names, types, constants and form), the page or
sample it was read from (`url`), and as `level` whether a published record was seen (`sample`) or a description of the
fields only (`documented`). `unmodelled` are columns of the record that no event fills.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from converter.core.platform import Kind

#: from the best to the least
LEVELS = ("sample", "documented", "assumed")


@dataclass(frozen=True)
class Exhibit:
    """One evidence file."""

    level: str
    url: str
    event: dict[str, Any]
    record: dict[str, Any]
    unmodelled: tuple[str, ...]


@cache
def exhibit(path: str) -> Exhibit:
    """The evidence file at `path` below `platforms/`. Raises OSError or ValueError when it is not one."""
    raw = json.loads(files("converter.platforms").joinpath(*path.split("/")).read_text("utf-8"))
    return Exhibit(raw["level"], raw["url"], raw["event"], raw["record"], tuple(raw.get("unmodelled", ())))


def level(kind: Kind) -> str:
    """How well the form of a kind is known: one of LEVELS."""
    if kind.evidence.path:
        return exhibit(kind.evidence.path).level
    return "documented" if kind.evidence.page else "assumed"
