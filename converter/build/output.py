"""The only module that writes `output/`: sorted, LF, no dates, whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from converter.core.errors import ParityError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

#: bundles that are built on demand and not committed; a build leaves them alone
KEPT = ("dist",)
#: how the names of folders begin in which a new output/ is made; .gitignore has them
_SCRATCH = ".output-"
#: the old output/ in such a folder, between the two renames
_OLD = "old"
_held: set[Path] = set()


@dataclass(frozen=True)
class Plan:
    """What `output/` is to hold: `files` (path -> text or bytes) are written, `drop` removed, the rest stays."""

    files: Mapping[str, str | bytes]
    drop: tuple[str, ...] = ()


def whole(root: Path, files: Mapping[str, str | bytes], keep: Collection[str] = ()) -> Plan:
    """The plan by which only `files`, `keep` and bundles are left below `root/output`."""
    present = _present(root / "output")
    return Plan(files, tuple(p for p in present if p not in files and p not in keep and p.split("/")[0] not in KEPT))


def differences(root: Path, plan: Plan) -> list[str]:
    """What `write` would change below `root/output`, as sentences; bundles are not looked at."""
    folder = root / "output"
    out = []
    for path, content in sorted(plan.files.items()):
        target = folder / path
        if path.split("/")[0] in KEPT:
            continue
        if not target.exists():
            out.append(f"output/{path} is missing")
        elif target.read_bytes() != _bytes(content):
            out.append(f"output/{path} differs from what the rules give")
    out.extend(f"output/{path} is no longer made by anything" for path in plan.drop if (folder / path).exists())
    return out


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _present(folder: Path) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()]


def write(root: Path, plan: Plan) -> None:
    """Replace `root/output` by a copy changed as planned, in one rename, on the disk before it takes its place.

    Raises ParityError and leaves the old folder as it was when anything cannot be written.
    """
    folder = root / "output"
    try:
        with locked(root), tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=root) as scratch:
            fresh = Path(scratch) / "new"
            if folder.exists():
                shutil.copytree(folder, fresh)
            fresh.mkdir(exist_ok=True)
            for path in plan.drop:
                (fresh / path).unlink(missing_ok=True)
            for path, content in plan.files.items():
                target = fresh / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(_bytes(content))
            _drop_empty_folders(fresh)
            _keep(fresh)
            _swap(folder, fresh, Path(scratch) / _OLD)
            _sync(root)
    except OSError as error:
        raise ParityError(f"output/ was left as it was: {error}", hint="check permissions and free space") from error


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keeps other commands from writing `root/output` meanwhile, and mends what one that was killed has left.

    The lock is on the folder itself, so that no file is left behind and the kernel frees it with the process. May be
    taken again by the one who has it. Windows has no such lock: there two builds at once are for their user to avoid.
    """
    if root in _held or fcntl is None:
        yield
        return
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another command is writing output/: waiting for it", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        _held.add(root)
        recover(root)
        yield
    finally:
        _held.discard(root)
        os.close(handle)


def recover(root: Path) -> None:
    """Puts an output/ back that a killed command had moved away, and removes scratch folders. Only for who has the
    lock."""
    for scratch in sorted(root.glob(f"{_SCRATCH}*")):
        old = scratch / _OLD
        if old.is_dir() and not (root / "output").exists():
            old.rename(root / "output")
            print("output/ was moved away by a command that was killed: it is back", file=sys.stderr)
        shutil.rmtree(scratch, ignore_errors=True)


def stale(root: Path, files: Mapping[str, str]) -> list[str]:
    """Which of the generated files outside output/ (path below the project -> text) are not as they should be, as
    sentences."""
    found = []
    for path, text in sorted(files.items()):
        if not (root / path).is_file():
            found.append(f"{path} is missing")
        elif (root / path).read_bytes() != text.encode():
            found.append(f"{path} differs from what the tables give")
    return found


def replace_files(root: Path, files: Mapping[str, str]) -> None:
    """Replaces each of these files in one rename, where it is not as it should be. Raises ParityError."""
    try:
        for path, text in sorted(files.items()):
            target = root / path
            if target.is_file() and target.read_bytes() == text.encode():
                continue
            fresh = target.with_name(f".{target.name}.new")
            fresh.write_bytes(text.encode())
            _sync(fresh)
            fresh.replace(target)
    except OSError as error:
        raise ParityError(f"cannot be written: {error}", path, "check permissions and free space") from error


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


def _keep(folder: Path) -> None:
    """Has the disk hold everything below a folder, so that not even a power cut leaves files without content."""
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    if path.is_dir() and fcntl is None:
        return  # Windows opens no folders
    handle = os.open(path, os.O_RDWR if fcntl is None else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
