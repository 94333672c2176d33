"""The only module that writes `output/`: sorted, LF, no dates, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from converter.errors import ParityError

#: bundles that are built on demand and not committed; a build leaves them alone
KEPT = ("dist",)


def differences(root: Path, files: Mapping[str, str], complete: bool) -> list[str]:
    """What `write` would change below `root/output`, as sentences; `complete`: other files there are stale."""
    folder = root / "output"
    out = []
    for path, text in sorted(files.items()):
        target = folder / path
        if not target.exists():
            out.append(f"output/{path} is missing")
        elif target.read_bytes() != text.encode():
            out.append(f"output/{path} differs from what the rules give")
    if complete:
        out.extend(f"output/{path} is no longer made by any rule" for path in _stale(folder, files))
    return out


def _stale(folder: Path, files: Mapping[str, str]) -> list[str]:
    if not folder.exists():
        return []
    present = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file())
    return [p for p in present if p not in files and p.split("/")[0] not in KEPT]


def write(root: Path, files: Mapping[str, str], complete: bool) -> None:
    """Replace `root/output` by a copy that holds `files`, in one rename.

    `complete`: whatever else is there is dropped (but for KEPT). Raises ParityError and leaves the old folder as it
    was when anything cannot be written.
    """
    folder = root / "output"
    try:
        with tempfile.TemporaryDirectory(prefix=".output-", dir=root) as scratch:
            fresh = Path(scratch) / "new"
            if folder.exists():
                shutil.copytree(folder, fresh)
            fresh.mkdir(exist_ok=True)
            for path in _stale(fresh, files) if complete else ():
                (fresh / path).unlink()
            for path, text in files.items():
                target = fresh / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text.encode())
            _drop_empty_folders(fresh)
            _swap(folder, fresh, Path(scratch) / "old")
    except OSError as error:
        raise ParityError(f"output/ was left as it was: {error}", hint="check permissions and free space") from error


def _swap(folder: Path, fresh: Path, old: Path) -> None:
    if folder.exists():
        folder.rename(old)
    try:
        fresh.rename(folder)
    except BaseException:  # Ctrl-C between the two renames must not lose the folder either
        if old.exists():
            old.rename(folder)
        raise


def _drop_empty_folders(folder: Path) -> None:
    for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
