"""Puts a site in its place whole or not at all, and never over a folder that holds something else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from converter.catalogue.render import MARK
from converter.core.errors import ParityError, UsageError


def check_place(folder: Path) -> None:
    """Raises UsageError where the site may not be written: only a new, an empty, or a site's folder is replaced."""
    if folder.is_dir() and (folder / MARK).is_file():
        return
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UsageError(f"{folder} holds something else than a site", hint="give a new folder: parity site -o DIR")


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replaces the folder by these files, in one rename. Raises ParityError, and the old site is as it was."""
    check_place(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".site-", dir=folder.parent) as scratch:
            fresh, old = Path(scratch) / "new", Path(scratch) / "old"
            for path, content in files.items():
                target = fresh / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            if folder.exists():
                folder.rename(old)
            try:
                fresh.rename(folder)
            except BaseException:
                if old.exists():
                    old.rename(folder)
                raise
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise ParityError(
            f"the site was not written: {error}", str(folder), "check permissions and free space"
        ) from error


def read_site(folder: Path) -> dict[str, bytes]:
    """The files of a site, by path. Raises UsageError for a folder that holds none."""
    if not (folder / MARK).is_file():
        raise UsageError(f"{folder} holds no site", hint=f"parity site -o {folder}")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
