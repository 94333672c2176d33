"""The only module that writes `output/`: sorted, LF, no dates, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from converter.errors import ParityError

#: bundles that are built on demand and not committed; a build leaves them alone
KEPT = ("dist",)


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
    """Replace `root/output` by a copy changed as planned, in one rename.

    Raises ParityError and leaves the old folder as it was when anything cannot be written.
    """
    folder = root / "output"
    try:
        with tempfile.TemporaryDirectory(prefix=".output-", dir=root) as scratch:
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
