"""ES|QL interpreted by Parity: no ES|QL engine exists outside Elasticsearch; this is our reading of its documentation.

The result is not cut at Elasticsearch's default of 1,000 rows; an explicit LIMIT is obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from converter.dialects.esql.analysis import Analysed, Step, analyse, kept
from converter.dialects.esql.ast import Drop, Eval, Keep, Limit, Rename, Sort, SortKey, Where
from converter.dialects.esql.evaluate import Evaluator
from converter.dialects.esql.loading import load, shown
from converter.dialects.esql.syntax import parse
from converter.errors import OutOfFragment, QueryError
from converter.model import Hit, Record, Schema

_Rows = list[tuple[int, Mapping[str, Any]]]


class EsqlInterpreter:
    """A tree-walking interpreter over the analysed query."""

    name = "esql-interpreter"
    dialect = "esql"
    provenance = "interpreted by Parity (ES|QL)"

    def run(self, text: str, records: Sequence[Record], schema: Schema) -> list[Hit]:
        """The rows that `text` returns. Raises QueryError as Elasticsearch would, and for what is not covered."""
        try:
            return _run(analyse(parse(text), schema), records)
        except OutOfFragment as fault:
            raise QueryError(fault.message, fault.where, fault.hint) from fault


def _run(query: Analysed, records: Sequence[Record]) -> list[Hit]:
    columns = query.steps[0].before if query.steps else query.after
    evaluator = Evaluator(datetime.now(UTC).replace(tzinfo=None))
    rows: _Rows = [
        (row.position, {name: values if len(values) > 1 else values[0] for name, values in row.values.items()})
        for row in load(query.source, records, columns)
    ]
    for step in query.steps:
        rows = _apply(step, rows, evaluator)
    return [Hit(position, _shown(row, query)) for position, row in rows]


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
    return [(at, _reshaped(command, step, row, evaluator)) for at, row in rows]


def _reshaped(
    command: Eval | Keep | Drop | Rename, step: Step, row: Mapping[str, Any], evaluator: Evaluator
) -> Mapping[str, Any]:
    if isinstance(command, Eval):
        out = dict(row)
        for name, value in command.assignments:
            out[name] = evaluator.value(value, out)
        return out
    if isinstance(command, Rename):
        out = dict(row)
        for old, new in command.pairs:
            out[new] = out.pop(old, None)
        return out
    names = set(kept(command.names, step.before))
    keep = names if isinstance(command, Keep) else set(step.before) - names
    return {name: value for name, value in row.items() if name in keep}


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
