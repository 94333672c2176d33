"""The folders of a project, and the one for what can be made again."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from converter.core.errors import LibraryError


@dataclass(frozen=True)
class Layout:
    """Where a project keeps its rules and their fixtures, below its own folder."""

    rules: str
    fixtures: str


#: this project's own layout, and that of `parity init`
LAYOUTS = (Layout("sigma", "tests/fixtures"), Layout("rules", "fixtures"))


def layout(root: Path) -> Layout:
    """The layout of the project at `root`; the first where there is none yet."""
    return next((one for one in LAYOUTS if (root / one.rules).is_dir()), LAYOUTS[0])


def project_root(given: Path | None) -> Path:
    """The project folder: as given, or the nearest one upwards that is a project.

    A project has `parity.toml` beside `sigma/` or `rules/`, or `pipelines/` beside `sigma/`. Raises LibraryError when
    there is none.
    """
    start = (given or Path.cwd()).resolve()
    for folder in (start,) if given else (start, *start.parents):
        if is_project(folder):
            return folder
    hint = "`parity init` makes one; or give --root"
    raise LibraryError("no project here: a folder with sigma/ and parity.toml is needed", str(start), hint)


def is_project(folder: Path) -> bool:
    """Whether a folder is one of a project."""
    if (folder / "parity.toml").is_file():
        return any((folder / one.rules).is_dir() for one in LAYOUTS)
    return (folder / "sigma").is_dir() and (folder / "pipelines").is_dir()


def cache_folder() -> Path:
    """Where programs keep what they can make again: `$XDG_CACHE_HOME`, or the platform's folder for it."""
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"])
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"])
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
