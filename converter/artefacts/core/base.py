"""The contract of artefacts: from verified queries and response content to files a platform accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from converter.core.config import layout
from converter.core.model import Detection, Query, Rule
from converter.rules.library import Library


@dataclass(frozen=True)
class Artefact:
    """One file to import. `path` is below `output/`; a path below `dist/` is a bundle, built on demand only."""

    path: str
    content: bytes


@dataclass(frozen=True)
class Context:
    """All a maker may use.

    `queries` maps (source path, target name) to the shipped Query; a pair that a Gap foresees as unsupported is
    absent. `responses` maps a detection's name to its response content (`core.response`). `settings` are the site's
    own, validated (`core.settings`).
    """

    root: Path
    library: Library
    queries: Mapping[tuple[str, str], Query]
    responses: Mapping[str, Any]
    settings: Any

    @property
    def licence(self) -> str | None:
        """The text of the licence beside the project's rules, this library's Detection Rule License; None without."""
        path = self.root / layout(self.root).rules / "LICENSE"
        return path.read_text("utf-8") if path.is_file() else None

    def query(self, source: Rule | Detection, target: str) -> Query | None:
        return self.queries.get((source.path, target))


class Maker(Protocol):
    """Makes all artefacts of one kind for the targets it serves. Raises ParityError rather than emit a value that the
    platform would refuse."""

    name: str
    targets: tuple[str, ...]

    def make(self, context: Context) -> list[Artefact]: ...
