"""Which columns each command of an ES|QL query sees and leaves, with every name and type checked.

Nothing here evaluates anything; the engines and the reader each do that in their own way. Sources:
https://www.elastic.co/docs/reference/query-languages/esql/limitations (a field of two types across indices) and
https://www.elastic.co/docs/reference/query-languages/esql/esql-unmapped-fields (an unmapped field is an error).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from converter.core.errors import OutOfFragment, QueryError, UnknownColumn
from converter.core.platform import Schema
from converter.dialects.esql.ast import (
    Aggregate,
    Command,
    Drop,
    Eval,
    Field,
    From,
    In,
    Keep,
    Limit,
    Literal,
    Query,
    Rename,
    Sort,
    Stats,
    Where,
    walk,
)
from converter.dialects.esql.types import DATE, FAMILY_OF, INTEGER, NUMERIC, STRING, Columns, check, filtering

# https://www.elastic.co/docs/reference/query-languages/esql/esql-metadata-fields
_BITS = {"byte": 31, "short": 31, "integer": 31}
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
    searchable: Columns = _searchable(query.source, schema)
    steps = []
    narrow = _narrow(query.source, schema)
    for command in query.commands:
        _check_numbers(command, narrow)
        checked, after = _command(command, columns, searchable)
        searchable = _still(command, searchable)
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


@lru_cache(maxsize=1024)
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


@lru_cache(maxsize=1024)
def _searchable(source: From, schema: Schema) -> Columns:
    """The columns of the indices themselves, by which the match operator can look."""
    texts = _texts(schema)
    columns = _mapped(source, schema).items()
    return {name: kind for name, kind in columns if name not in METADATA and name not in texts}


def _narrow(source: From, schema: Schema) -> dict[str, int]:
    """column of whole numbers with less than 64 bits -> its bits without the sign."""
    tables = [columns for table, columns in schema.types.items() if searched(source.patterns, table)]
    found = [(name, _BITS[kind]) for columns in tables for name, kind in columns.items() if kind in _BITS]
    return {name: min(bits for other, bits in found if other == name) for name, _ in found}


def _check_numbers(command: Command, narrow: dict[str, int]) -> None:
    """Raises OutOfFragment for a list with a number beyond the column's type: refused where the index answers it, taken
    where it is computed."""
    for item in walk(command):
        if not (isinstance(item, In) and isinstance(item.value, Field) and len(item.options) > 1):
            continue
        bits = narrow.get(item.value.name, 0)
        for option in item.options if bits else ():
            number = option.value if isinstance(option, Literal) else None
            if isinstance(number, int | float) and not -(1 << bits) <= number < 1 << bits:
                raise OutOfFragment(f"ES|QL: Value [{number}] is out of range for {item.value.name}")


@cache
def _texts(schema: Schema) -> frozenset[str]:
    """Columns whose values are analysed: the match operator looks for words in them."""
    analysed = ("text", "match_only_text", "semantic_text")
    return frozenset(name for columns in schema.types.values() for name, kind in columns.items() if kind in analysed)


def _still(command: Command, searchable: Columns) -> Columns:
    """The columns that are still the index's own: not computed, renamed, or behind a LIMIT."""
    if isinstance(command, Limit | Stats):
        return {}
    gone: set[str] = set()
    if isinstance(command, Eval):
        gone = {name for name, _ in command.assignments}
    if isinstance(command, Rename):
        gone = {name for pair in command.pairs for name in pair}
    return {name: kind for name, kind in searchable.items() if name not in gone} if gone else searchable


def _command(command: Command, columns: Columns, searchable: Columns) -> tuple[Command, Columns]:
    if isinstance(command, Where):
        return Where(filtering(command.condition, columns, searchable)), columns
    if isinstance(command, Eval):
        assignments = []
        for name, value in command.assignments:
            checked, family = check(value, columns)
            assignments.append((name, checked))
            columns = {**columns}
            columns.pop(name, None)  # a column that is computed anew is the last one
            columns[name] = family
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
    if isinstance(command, Stats):
        return _stats(command, columns)
    assert isinstance(command, Limit)
    return command, columns


def _stats(command: Stats, columns: Columns) -> tuple[Command, Columns]:
    """The aggregates, then what they are grouped by (https://www.elastic.co/docs/reference/query-languages/esql/
    commands/stats-by)."""
    aggregates, after = [], {}
    for one in command.aggregates:
        value, family = (None, INTEGER) if one.value is None else check(one.value, columns)
        if one.function != "COUNT" and family not in (DATE, *NUMERIC):
            raise QueryError(f"ES|QL: {one.function} of {family} is not covered")
        aggregates.append(Aggregate(one.name, one.function, value))
        after[one.name] = INTEGER if one.function == "COUNT" else family
    by = []
    for name, value in command.by:
        checked, family = check(value, columns)
        by.append((name, checked))
        after[name] = family
    return Stats(tuple(aggregates), tuple(by)), after


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
    if "*" in pattern:
        found = [name for name in columns if wildcard(pattern, name)]
    else:
        found = [pattern] if pattern in columns else []
    if not found:
        raise UnknownColumn(f"ES|QL: unknown column {pattern}")
    return found
