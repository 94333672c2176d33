"""Which columns each command of an ES|QL query sees and leaves, with every name and type checked.

Nothing here evaluates anything; the engines and the reader each do that in their own way. Sources:
https://www.elastic.co/docs/reference/query-languages/esql/limitations (a field of two types across indices) and
https://www.elastic.co/docs/reference/query-languages/esql/esql-unmapped-fields (an unmapped field is an error).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from converter.dialects.esql.ast import Command, Drop, Eval, From, Keep, Limit, Query, Rename, Sort, Where
from converter.dialects.esql.types import BOOLEAN, FAMILY_OF, INTEGER, STRING, Columns, check, typed
from converter.errors import QueryError
from converter.model import Schema

# https://www.elastic.co/docs/reference/query-languages/esql/esql-metadata-fields
METADATA = {"_id": STRING, "_index": STRING, "_version": INTEGER}


@dataclass(frozen=True)
class Step:
    """One command with its expressions checked, and the columns it sees."""

    command: Command
    before: Columns


@dataclass(frozen=True)
class Analysed:
    """A query whose names and types are right; `after` are the columns it returns.

    String constants that stand beside an IP or a date have become calls of TO_IP and TO_DATETIME.
    """

    source: From
    steps: tuple[Step, ...]
    after: Columns


def analyse(query: Query, schema: Schema) -> Analysed:
    """Resolve every name and type of `query`. Raises QueryError as Elasticsearch would refuse the query."""
    columns: Columns = _mapped(query.source, schema)
    steps = []
    for command in query.commands:
        checked, after = _command(command, columns)
        steps.append(Step(checked, columns))
        columns = after
    return Analysed(query.source, tuple(steps), columns)


def searched(patterns: Iterable[str], table: str) -> bool:
    """Whether a data stream is among the index patterns of FROM; only `*` is a wildcard."""
    return any(wildcard(pattern, table) for pattern in patterns)


@lru_cache(maxsize=8192)
def wildcard(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern in which `*` is any run of characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def _mapped(source: From, schema: Schema) -> Columns:
    if unknown := [name for name in source.metadata if name not in METADATA]:
        raise QueryError(f"ES|QL: metadata field {unknown[0]} is not covered")
    tables = [columns for table, columns in schema.types.items() if searched(source.patterns, table)]
    mapped: dict[str, str] = {}
    for columns in tables or schema.types.values():
        for name, native in columns.items():
            family = FAMILY_OF.get(native, f"unsupported type {native}")
            if mapped.setdefault(name, family) != family:
                mapped[name] = f"two types ({mapped[name]}, {family}) in the indices searched"
    for name in METADATA:
        mapped.pop(name, None)
    return mapped | {name: METADATA[name] for name in source.metadata}


def _command(command: Command, columns: Columns) -> tuple[Command, Columns]:
    if isinstance(command, Where):
        return Where(typed(command.condition, columns, (BOOLEAN,))), columns
    if isinstance(command, Eval):
        assignments = []
        for name, value in command.assignments:
            checked, family = check(value, columns)
            assignments.append((name, checked))
            columns = {key: kind for key, kind in columns.items() if key != name} | {name: family}
        return Eval(tuple(assignments)), columns
    if isinstance(command, Sort):
        return Sort(tuple(replace(key, value=check(key.value, columns)[0]) for key in command.keys)), columns
    if isinstance(command, Keep):
        return command, {name: columns[name] for name in kept(command.names, columns)}
    if isinstance(command, Drop):
        gone = {name for pattern in command.names for name in _matching(pattern, columns)}
        return command, {name: family for name, family in columns.items() if name not in gone}
    if isinstance(command, Rename):
        for old, new in command.pairs:
            _matching(old, columns)
            columns = {
                (new if name == old else name): family
                for name, family in columns.items()
                if name in (old,) or name != new
            }
        return command, columns
    assert isinstance(command, Limit)
    return command, columns


def kept(patterns: Iterable[str], columns: Columns) -> list[str]:
    """The columns KEEP leaves, in order: a whole name beats a partial wildcard beats `*`, and then the last wins.

    https://www.elastic.co/docs/reference/query-languages/esql/commands/keep
    """
    best: dict[str, tuple[int, int]] = {}
    for index, pattern in enumerate(patterns):
        rank = 0 if pattern == "*" else 1 if "*" in pattern else 2
        for name in _matching(pattern, columns):
            best[name] = max(best.get(name, (-1, 0)), (rank, index))
    return sorted(best, key=lambda name: best[name][1])


def _matching(pattern: str, columns: Columns) -> list[str]:
    found = [name for name in columns if wildcard(pattern, name)]
    if not found:
        raise QueryError(f"ES|QL: unknown column {pattern}")
    return found
