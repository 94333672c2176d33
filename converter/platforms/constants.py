"""Which kinds of record a predicate over native columns is about, as far as their constants tell.

Most queries are about a few of a platform's many kinds, and say so in their scope: the others are ruled out here, each
test of a constant column being decided once for all kinds. Sets of kinds are bits of an integer, in the schema's order.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import Any

from converter.core.model import LogSource
from converter.core.platform import Kind, Schema
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import And, Atom, Not, Or, Predicate


def constant(atom: Atom, kind: Kind, schema: Schema) -> bool | None:
    """Whether a test holds of a column that the kind fixes, None for any other column."""
    if atom.field not in kind.native:
        return None
    value: Any = kind.native[atom.field]
    if value is None and schema.missing == "null-text":
        value = "null"
    return holds(atom, {} if value is None else {atom.field: value})


def possible(predicate: Predicate, tables: tuple[str, ...], schema: Schema) -> int:
    """The kinds in one of `tables` (patterns; none: any table) whose constants do not deny the predicate."""
    return _in_tables(tables, schema) & ~_sure(predicate, False, schema)


@lru_cache(maxsize=1024)
def covered(sources: tuple[LogSource, ...], schema: Schema) -> int:
    """The kinds that any of the log sources means."""
    return sum(
        1 << position for position, kind in enumerate(schema.kinds) if any(kind.meant_by(source) for source in sources)
    )


def members(kinds: int, schema: Schema) -> Iterator[tuple[int, Kind]]:
    """The kinds of a set with their places in the schema, in its order."""
    while kinds:
        lowest = kinds & -kinds
        position = lowest.bit_length() - 1
        yield position, schema.kinds[position]
        kinds ^= lowest


def _sure(predicate: Predicate, answer: bool, schema: Schema) -> int:
    """The kinds on which the predicate has this answer whatever the record holds; some may be missed, none is wrong."""
    if isinstance(predicate, Atom):
        return _decided(predicate, schema)[answer]
    if isinstance(predicate, Not):
        return _sure(predicate.part, not answer, schema)
    if isinstance(predicate, Or if answer else And):  # one part is enough
        sure = 0
        for part in predicate.parts:
            sure |= _sure(part, answer, schema)
        return sure
    sure = -1
    for part in predicate.parts:
        sure &= _sure(part, answer, schema)
        if not sure:
            break
    return sure


def _decided(atom: Atom, schema: Schema) -> tuple[int, int]:
    """The kinds whose constants deny a test, and those whose constants grant it."""
    return _of_constant(atom, schema) if atom.field in _constant_columns(schema) else (0, 0)


@lru_cache(maxsize=16384)
def _of_constant(atom: Atom, schema: Schema) -> tuple[int, int]:
    denied = granted = 0
    for kind, alike in _alike(atom.field, schema):
        if constant(atom, kind, schema):
            granted |= alike
        else:
            denied |= alike
    return denied, granted


@cache
def _alike(column: str, schema: Schema) -> tuple[tuple[Kind, int], ...]:
    """For each value that kinds fix a column to one of these kinds, and the set of them."""
    found: dict[str, tuple[Kind, int]] = {}
    for position, kind in enumerate(schema.kinds):
        if column in kind.native:
            value = repr(kind.native[column])
            first, alike = found.get(value, (kind, 0))
            found[value] = first, alike | 1 << position
    return tuple(found.values())


@cache
def _constant_columns(schema: Schema) -> frozenset[str]:
    return frozenset(name for kind in schema.kinds for name in kind.native)


@lru_cache(maxsize=1024)
def _in_tables(tables: tuple[str, ...], schema: Schema) -> int:
    if not tables:
        return (1 << len(schema.kinds)) - 1
    return sum(
        1 << position
        for position, kind in enumerate(schema.kinds)
        if any(fnmatchcase(kind.table, pattern) for pattern in tables)
    )
