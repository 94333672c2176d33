"""Archives that are the same to the byte for the same files."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import PurePosixPath

from converter.core.errors import ParityError


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """A gzipped USTAR archive of path -> content: sorted, every time zero, owner 0 without a name, modes 0644 and 0755.

    Folders have entries of their own, each before what it holds. Raises ParityError for a path that would be unpacked
    elsewhere than below the archive's folder.
    """
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(_folders(files) | set(files)):
            entry = tarfile.TarInfo(path)
            if path in files:
                entry.mode, entry.size = 0o644, len(files[path])
                archive.addfile(entry, io.BytesIO(files[path]))
            else:
                entry.mode, entry.type = 0o755, tarfile.DIRTYPE
                archive.addfile(entry)
    packed = bytearray(gzip.compress(plain.getvalue(), compresslevel=9, mtime=0))
    packed[9] = (
        255  # the operating system that packed it (RFC 1952, section 2.3.1): "unknown", as it is not the content
    )
    return bytes(packed)


def _folders(files: Mapping[str, bytes]) -> set[str]:
    found = set()
    for path in files:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\\" in path or str(pure) != path:
            raise ParityError(f"{path!r} is no path inside an archive")
        found |= {str(parent) for parent in pure.parents if str(parent) != "."}
    return found
