"""What `parity list` shows: rows of named columns."""

from __future__ import annotations

from converter import discovery
from converter.library import Library

Row = dict[str, str]


def rules(library: Library) -> list[Row]:
    """Rules, then detections."""
    rows = [
        {"name": r.stem.rsplit("/", 1)[-1], "level": str(r.raw.get("level", "")), "title": r.title, "path": r.path}
        for r in library.rules.values()
    ]
    rows += [
        {"name": d.name, "level": d.severity, "title": d.title, "path": d.path} for d in library.detections.values()
    ]
    return rows


def targets() -> list[Row]:
    return [
        {"name": t.name, "dialect": t.dialect, "title": t.title, "data": t.data} for t in discovery.targets().values()
    ]


def engines() -> list[Row]:
    return [{"name": e.name, "dialect": e.dialect, "how": e.provenance} for e in discovery.engines().values()]
