"""Pairs that were worked out before, kept between runs.

A source's pairs are found by a digest of everything that they depend on: the rule's own bytes, what pipelines and
settings make of it, the targets, and Parity itself with its tables, byte for byte, and the versions it runs on. What
has changed in any of it has another digest and is not found. What is found is believed only if it is whole.

One SQLite file in the platform's cache folder holds them: runs side by side lock each other out where they must, and
what a killed run was writing is rolled back. It is a help and no more: whatever goes wrong with it, the run goes on
without. https://www.sqlite.org/atomiccommit.html
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import io
import pickle
import sqlite3
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from converter.build.gate import Gate, Pair, Source, parts_of
from converter.core.config import cache_folder
from converter.core.model import Rule
from converter.core.verdict import Outcome

#: bytes of the file at most: beyond them the oldest quarter goes
MOST_BYTES = 256 * 2**20
#: sources are written together, so that an interrupted run has kept most of what it did
_TOGETHER = 64
#: what a pair is made of; nothing else is made of what the file holds
_CLASSES = {
    ("converter.build.gate", "Pair"),
    ("converter.build.gate", "Refusal"),
    ("converter.core.model", "Query"),
    ("converter.core.platform", "Loss"),
    ("converter.core.verdict", "Outcome"),
    ("converter.platforms.losses", "NamedLoss"),
    ("converter.prove.prove", "Proof"),
    ("converter.prove.prove", "Witness"),
}
_USED = (
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_FORGET = (
    "DELETE FROM pairs WHERE rowid IN "
    "(SELECT rowid FROM pairs ORDER BY rowid LIMIT (SELECT count(*) / 4 + 1 FROM pairs))"
)
_TABLE = "CREATE TABLE IF NOT EXISTS pairs (key BLOB PRIMARY KEY, proof BLOB NOT NULL, data BLOB NOT NULL)"


class Cache:
    """The pairs of sources under one gate at some targets."""

    def __init__(self, gate: Gate, targets: Sequence[str], file: Path | None = None) -> None:
        self._rules = gate.rules
        about = (gate.settings, gate.unproved, gate.proving, gate.unasked, gate.notes, list(targets))
        self._about = code() + _canonical(about).encode()
        self._pending: list[tuple[bytes, bytes, bytes]] = []
        self._file = file or cache_folder() / "parity" / "pairs.sqlite"

    def _use(self, action: Callable[[sqlite3.Connection], None]) -> None:
        """Does something with the file. What goes wrong with it ends the action, and no more; a damaged file goes.

        It is open no longer than it is used, for a worker that is forked must not have it.
        """
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._file, timeout=2, isolation_level=None)) as base:
                base.execute(_TABLE)
                action(base)
        except (OSError, sqlite3.OperationalError):  # no folder, read-only, full, locked for long
            pass
        except sqlite3.DatabaseError:
            with suppress(OSError):
                self._file.unlink()

    def key(self, source: Source) -> bytes:
        """The digest of what a source's pairs depend on."""
        consists = (source, *(parts_of(source, self._rules) if not isinstance(source, Rule) else ()))
        told = "".join(f"\0{one.path}\0{one.sha256}\0{one.raw!r}" for one in consists)
        return hashlib.blake2b(self._about + told.encode("utf-8", "surrogatepass"), digest_size=20).digest()

    def known(self, sources: Sequence[Source]) -> list[list[Pair] | None]:
        """The pairs of each source, None where they are not known."""
        found: list[list[Pair] | None] = []

        def read(base: sqlite3.Connection) -> None:
            for key in map(self.key, sources):
                row = base.execute("SELECT proof, data FROM pairs WHERE key = ?", (key,)).fetchone()
                found.append(_read(key, *row) if row is not None else None)

        self._use(read)
        return found + [None] * (len(sources) - len(found))

    def add(self, source: Source, pairs: Sequence[Pair]) -> None:
        """Keeps the pairs of a source, unless something failed: that may go otherwise another time."""
        failed = any(p.fault is not None or (p.refusal and p.refusal.outcome is Outcome.ERROR) for p in pairs)
        if failed:
            return
        key, data = self.key(source), zlib.compress(pickle.dumps(list(pairs), protocol=5), 1)
        self._pending.append((key, _proof(key, data), data))
        if len(self._pending) >= _TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Writes what was kept, all or nothing, and makes room where the file has grown too large."""
        rows, self._pending = self._pending, []
        if not rows:
            return

        def write(base: sqlite3.Connection) -> None:
            base.execute("BEGIN IMMEDIATE")
            base.executemany("INSERT OR REPLACE INTO pairs VALUES (?, ?, ?)", rows)
            (used,) = base.execute(_USED).fetchone()
            if used > MOST_BYTES:
                base.execute(_FORGET)
            base.execute("COMMIT")

        self._use(write)


def _proof(key: bytes, data: bytes) -> bytes:
    """What shows that the data are whole and those of the key."""
    return hashlib.blake2b(key + data, digest_size=16).digest()


def _read(key: bytes, proof: bytes, data: bytes) -> list[Pair] | None:
    """The pairs in an entry, None where it is damaged or holds anything else."""
    if not isinstance(data, bytes) or _proof(key, data) != proof:
        return None
    try:
        found = _Unpickler(io.BytesIO(zlib.decompress(data))).load()
    except (zlib.error, pickle.UnpicklingError, ImportError, AttributeError, EOFError, TypeError, ValueError):
        return None
    return found if isinstance(found, list) and all(isinstance(pair, Pair) for pair in found) else None


class _Unpickler(pickle.Unpickler):
    """Makes pairs and nothing else, whoever wrote the file."""

    def find_class(self, module: str, name: str) -> Any:
        return _class(module, name)


@cache
def _class(module: str, name: str) -> Any:
    if (module, name) not in _CLASSES:
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a pair")
    return getattr(importlib.import_module(module), name)


@cache
def code() -> bytes:
    """A digest of all that Parity consists of, its tables included, and of the versions it runs on."""
    import pcre2
    import yaml

    digest = hashlib.blake2b(digest_size=20)
    versions = (sys.version, yaml.__version__, getattr(pcre2, "__version__", ""))
    digest.update(repr(versions).encode())
    for name, data in sorted(_contents(files("converter"), "")):
        digest.update(f"\0{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.digest()


def _contents(folder: Traversable, below: str) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every file of a package that the program may read or run; what Python compiled is left out."""
    for item in folder.iterdir():
        name = f"{below}/{item.name}"
        if item.name.endswith((".py", ".yml", ".json")):
            yield name, item.read_bytes()
        elif "." not in item.name and item.name != "__pycache__" and item.is_dir():
            yield from _contents(item, name)


def _canonical(value: Any) -> str:
    """A text that two values share only if they are equal; sets and mappings have no order of their own in it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return f"{type(value).__name__}{_canonical(fields)}"
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{_canonical(k)}:{_canonical(v)}" for k, v in value.items())) + "}"
    if isinstance(value, (set, frozenset)):
        return "<" + ",".join(sorted(map(_canonical, value))) + ">"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return repr(value)
