"""An interpreter of the SPL subset, written from Splunk's documentation: there is no SPL engine to embed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from converter.dialects.spl.nodes import Append, Multisearch, Pipeline, Search
from converter.dialects.spl.syntax import parse_both
from converter.engines.spl_commands import COMMANDS, Row, retrieve
from converter.errors import QueryError
from converter.model import Hit, Record, Schema


class SplInterpreter:
    """Runs a query over records as over the events of one Splunk: fields are flat, a list is a multivalue field.

    A row made of several records (stats) gives one Hit per record. Records of every kind are searched together, as
    in Splunk, where the query itself names its source.
    """

    name = "spl-interpreter"
    dialect = "spl"
    provenance = "interpreted by Parity (SPL)"

    def run(self, text: str, records: Sequence[Record], schema: Schema) -> list[Hit]:
        """The rows `text` returns. Raises QueryError on what the subset doesn't hold, and on a search whose meaning
        depends on the precedence of OR and AND."""
        rows = _run(parse_both(text), records, schema, datetime.now(UTC))
        return [Hit(position, dict(row.fields)) for row in rows for position in row.positions]


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
