"""The folders of a project."""

from __future__ import annotations

from pathlib import Path

from converter.errors import LibraryError


def project_root(given: Path | None) -> Path:
    """The project folder: as given, or the nearest one upwards with `sigma/` and `pipelines/`.

    Raises LibraryError when there is none.
    """
    start = (given or Path.cwd()).resolve()
    for folder in (start,) if given else (start, *start.parents):
        if (folder / "sigma").is_dir() and (folder / "pipelines").is_dir():
            return folder
    raise LibraryError("no project here: a folder with sigma/ and pipelines/ is needed", str(start), "give --root")
