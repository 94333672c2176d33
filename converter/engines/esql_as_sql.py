"""ES|QL translated to SQL and executed by DuckDB: a second opinion on the interpreter.

Both have the same parser and type checker; null logic, LIKE, regular expressions, CIDR and lists are DuckDB's here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from converter.dialects.esql.analysis import Analysed, Step, analyse
from converter.dialects.esql.ast import Eval, Limit, Rename, Sort, Where
from converter.dialects.esql.loading import Row, load, shown
from converter.dialects.esql.syntax import parse
from converter.dialects.esql.to_sql import MACROS, SQL_TYPE, Translator
from converter.dialects.esql.types import Columns, type_of
from converter.errors import EngineUnavailable, OutOfFragment, QueryError
from converter.model import Hit, Record, Schema


class EsqlAsSql:
    """One in-memory database per run: `raw` holds the records, each command is one common table expression."""

    name = "esql-as-sql"
    dialect = "esql"
    provenance = "executed by DuckDB through Parity's ES|QL-to-SQL translation"

    def run(self, text: str, records: Sequence[Record], schema: Schema) -> list[Hit]:
        """The rows that `text` returns. Raises QueryError, and EngineUnavailable where DuckDB is not installed."""
        try:
            import duckdb
        except ImportError as fault:
            raise EngineUnavailable("DuckDB is not installed", hint="pip install duckdb") from fault
        try:
            query = analyse(parse(text), schema)
            columns = query.steps[0].before if query.steps else query.after
            sql = _Pipeline(columns, datetime.now(UTC).replace(tzinfo=None)).translate(query)
            with _database().cursor() as connection:
                found = connection.execute(sql, [_json(load(query.source, records, columns), columns)]).fetchall()
        except OutOfFragment as fault:
            raise QueryError(fault.message, fault.where, fault.hint) from fault
        except duckdb.Error as fault:
            raise QueryError(f"ES|QL as SQL: {fault}") from fault
        return [Hit(position, _row(values, query.after)) for position, *values in found]


@lru_cache(maxsize=1)
def _database() -> Any:
    """The one in-memory database of this process; it holds no data, only macros."""
    import duckdb

    database = duckdb.connect()
    for macro in MACROS:
        database.execute(macro)
    return database


def _json(rows: Sequence[Row], columns: Columns) -> str:
    idents = {name: f"c{index}" for index, name in enumerate(columns)}
    return json.dumps(
        [
            {"pos": row.position} | {idents[name]: [_text(v) for v in values] for name, values in row.values.items()}
            for row in rows
        ]
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _row(values: Sequence[Any], columns: Columns) -> dict[str, Any]:
    return {name: shown(items or [], family) for (name, family), items in zip(columns.items(), values, strict=True)}


class _Pipeline:
    def __init__(self, columns: Columns, now: datetime) -> None:
        self.now = now
        self.idents = {name: f"c{index}" for index, name in enumerate(columns)}
        self.serial = len(self.idents)
        shape = {"pos": "BIGINT"} | {ident: ["VARCHAR"] for ident in self.idents.values()}
        raw = f"SELECT unnest(from_json(?::JSON, '{json.dumps([shape])}'), max_depth := 2)"
        casts = [
            f"{self.idents[name]}::{SQL_TYPE.get(family, 'VARCHAR')}[] AS {self.idents[name]}"
            for name, family in columns.items()
        ]
        self.tables = [raw, f"SELECT {', '.join(['pos', 'pos AS ord', *casts])} FROM t0"]

    @property
    def latest(self) -> str:
        """The name of the table made last."""
        return f"t{len(self.tables) - 1}"

    def translate(self, query: Analysed) -> str:
        for step in query.steps:
            self.step(step)
        with_ = ", ".join(f"t{index} AS ({table})" for index, table in enumerate(self.tables))
        output = ", ".join(["pos", *(self.idents[name] for name in query.after)])
        return f"WITH {with_} SELECT {output} FROM {self.latest} ORDER BY ord"

    def step(self, step: Step) -> None:
        command = step.command
        translator = Translator(self.idents, step.before, self.now)
        if isinstance(command, Where):
            self.tables.append(f"SELECT * FROM {self.latest} WHERE {translator.one(command.condition)}")
        elif isinstance(command, Limit):
            self.tables.append(f"SELECT * FROM {self.latest} ORDER BY ord LIMIT {command.count}")
        elif isinstance(command, Sort):
            keys = [
                f"list_{'max' if key.descending else 'min'}({translator.many(key.value)}) "
                f"{'DESC' if key.descending else 'ASC'} NULLS {'FIRST' if key.nulls_first else 'LAST'}"
                for key in command.keys
            ]
            order = ", ".join([*keys, "ord"])
            self.tables.append(
                f"SELECT * EXCLUDE (ord), row_number() OVER (ORDER BY {order}) AS ord FROM {self.latest}"
            )
        elif isinstance(command, Eval):
            self.evaluate(command, step.before)
        elif isinstance(command, Rename):
            for old, new in command.pairs:
                self.idents[new] = self.idents.pop(old)

    def evaluate(self, command: Eval, before: Columns) -> None:
        columns = dict(before)
        for name, value in command.assignments:
            family = type_of(value, columns)
            sql = Translator(self.idents, columns, self.now).many(value)
            self.serial += 1
            self.tables.append(f"SELECT *, ({sql})::{SQL_TYPE[family]}[] AS c{self.serial} FROM {self.latest}")
            self.idents[name], columns[name] = f"c{self.serial}", family


ENGINE = EsqlAsSql()
