"""ES|QL interpreted by Parity after its documentation: the engine that is there without a JVM.

The result is not cut at Elasticsearch's default of 1,000 rows; an explicit LIMIT is obeyed.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from converter.core.errors import OutOfFragment, QueryError
from converter.core.platform import Record, Schema
from converter.core.verdict import Hit
from converter.dialects.esql.analysis import Analysed, Step, analyse, kept
from converter.dialects.esql.ast import Aggregate, Drop, Eval, Keep, Limit, Rename, Sort, SortKey, Stats, Where
from converter.dialects.esql.syntax import parse
from converter.engines.clock import present
from converter.engines.esql.evaluate import Evaluator
from converter.engines.esql.loading import load, shown
from converter.engines.esql.refusals import check

#: the records that a row was made of, and its values
_Rows = list[tuple[tuple[int, ...], Mapping[str, Any]]]


class EsqlInterpreter:
    """A tree-walking interpreter over the analysed query."""

    name = "esql-interpreter"
    dialect = "esql"
    #: correlations too, over each sequence and all at once
    correlates = "each"
    provenance = "interpreted by Parity (ES|QL)"

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """The rows that `text` returns. Raises QueryError as Elasticsearch would, and for what is not covered."""
        try:
            return _run(analyse(parse(text), schema), records, present(now))
        except OutOfFragment as fault:
            raise QueryError(fault.message, fault.where, fault.hint) from fault


def _run(query: Analysed, records: Sequence[Record], now: datetime) -> list[Hit]:
    columns = query.steps[0].before if query.steps else query.after
    check([step.command for step in query.steps])
    evaluator = Evaluator(now.astimezone(UTC).replace(tzinfo=None))
    rows: _Rows = [
        ((row.position,), {name: values if len(values) > 1 else values[0] for name, values in row.values.items()})
        for row in load(query.source, records, columns)
    ]
    for step in query.steps:
        rows = _apply(step, rows, evaluator)
    return [Hit(position, _shown(row, query)) for positions, row in rows for position in positions]


def _apply(step: Step, rows: _Rows, evaluator: Evaluator) -> _Rows:
    command = step.command
    if isinstance(command, Where):
        return [(at, row) for at, row in rows if evaluator.single(command.condition, row) is True]
    if isinstance(command, Sort):
        for key in reversed(command.keys):
            rows = _sorted(rows, key, evaluator)
        return rows
    if isinstance(command, Limit):
        return rows[: command.count]
    if isinstance(command, Stats):
        return _grouped(command, rows, evaluator)
    if isinstance(command, Keep | Drop):
        names = set(kept(command.names, step.before))
        keep = names if isinstance(command, Keep) else set(step.before) - names
        return [(at, {name: value for name, value in row.items() if name in keep}) for at, row in rows]
    return [(at, _reshaped(command, row, evaluator)) for at, row in rows]


def _grouped(command: Stats, rows: _Rows, evaluator: Evaluator) -> _Rows:
    """A row for each combination of what is grouped by, null being a value; a row with several values is in the group
    of each (https://www.elastic.co/docs/reference/query-languages/esql/esql-multivalued-fields)."""
    groups: dict[tuple[Any, ...], _Rows] = {} if command.by else {(): []}
    for positions, row in rows:
        values = [evaluator.value(value, row) for _, value in command.by]
        for key in itertools.product(*(value if isinstance(value, tuple) else (value,) for value in values)):
            groups.setdefault(key, []).append((positions, row))
    out: _Rows = []
    for key, members in groups.items():
        found = {one.name: _aggregated(one, members, evaluator) for one in command.aggregates}
        named = dict(zip((name for name, _ in command.by), key, strict=True))
        out.append((tuple(sorted({p for positions, _ in members for p in positions})), {**found, **named}))
    return out


def _aggregated(one: Aggregate, members: _Rows, evaluator: Evaluator) -> Any:
    """Aggregates pass over null, and take each of several values."""
    if one.value is None:
        return len(members)
    values = [evaluator.value(one.value, row) for _, row in members]
    items = [item for value in values for item in (value if isinstance(value, tuple) else (value,)) if item is not None]
    if one.function == "COUNT":
        return len(items)
    return (min if one.function == "MIN" else max)(items, default=None)


def _reshaped(command: Eval | Rename, row: Mapping[str, Any], evaluator: Evaluator) -> Mapping[str, Any]:
    out = dict(row)
    if isinstance(command, Eval):
        for name, value in command.assignments:
            out[name] = evaluator.value(value, out)
    else:
        for old, new in command.pairs:
            out[new] = out.pop(old, None)
    return out


def _sorted(rows: _Rows, key: SortKey, evaluator: Evaluator) -> _Rows:
    """Sorted by one key; several values count as their least when ascending, their greatest when descending.

    https://www.elastic.co/docs/reference/query-languages/esql/commands/sort
    """
    valued = [(evaluator.value(key.value, row), (at, row)) for at, row in rows]
    pick = max if key.descending else min
    present = [(pick(v) if isinstance(v, tuple) else v, entry) for v, entry in valued if v is not None]
    present.sort(key=lambda pair: pair[0], reverse=key.descending)
    missing = [entry for v, entry in valued if v is None]
    found = [entry for _, entry in present]
    return missing + found if key.nulls_first else found + missing


def _shown(row: Mapping[str, Any], query: Analysed) -> dict[str, Any]:
    out = {}
    for name, family in query.after.items():
        value = row.get(name)
        out[name] = shown(value if isinstance(value, tuple) else () if value is None else (value,), family)
    return out


ENGINE = EsqlInterpreter()
