"""An interpreter of the SPL subset, written from Splunk's documentation: there is no SPL engine to embed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from converter.core.errors import QueryError
from converter.core.platform import Record, Schema
from converter.core.verdict import Hit
from converter.dialects.spl.nodes import Append, Multisearch, Pipeline, Search, StreamStats
from converter.dialects.spl.syntax import parse_both
from converter.engines.clock import present
from converter.engines.spl.commands import COMMANDS, Row, event_time, retrieve


class SplInterpreter:
    """Runs a query over records as over the events of one Splunk: fields are flat, a list is a multivalue field.

    A row made of several records (stats) gives one Hit per record. Records of every kind are searched together, as
    in Splunk, where the query itself names its source.
    """

    name = "spl-interpreter"
    dialect = "spl"
    #: correlations too, over each sequence and all at once
    correlates = "each"
    provenance = "interpreted by Parity (SPL)"

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """The rows `text` returns. Raises QueryError on what the subset doesn't hold, and on a search whose meaning
        depends on the precedence of OR and AND."""
        pipeline = parse_both(text)
        # _time is a number of seconds in Splunk; here it is a text, as records have it, unless it is reckoned with
        reckoning = any(isinstance(command, StreamStats) for command in pipeline.commands)
        given = [_in_seconds(record) for record in records] if reckoning else records
        rows = _run(pipeline, given, schema, present(now))
        return [Hit(position, dict(row.fields)) for row in rows for position in row.positions]


def _in_seconds(record: Record) -> Record:
    moment = record.fields.get("_time")
    if moment is None:
        return record
    return replace(record, fields={**record.fields, "_time": event_time(moment).timestamp()})


def _run(pipeline: Pipeline, records: Sequence[Record], schema: Schema, now: datetime) -> list[Row]:
    first, *rest = pipeline.commands
    if isinstance(first, Search):
        # Each search gets rows of its own: eval in one subsearch must not show in another.
        rows = retrieve(first, (Row(dict(r.fields), (i,)) for i, r in enumerate(records)), schema.time, now)
    elif isinstance(first, Multisearch):
        rows = [row for search in first.searches for row in _run(search, records, schema, now)]
    else:
        raise QueryError(f"{type(first).__name__.lower()} does not make events")
    for command in rest:
        if isinstance(command, Append):
            rows = rows + _run(command.search, records, schema, now)
        else:
            rows = COMMANDS[type(command)](command, rows)
    return rows


ENGINE = SplInterpreter()
