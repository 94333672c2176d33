"""KQL executed by DuckDB, through duckdb-kql's translation: the shipped text goes in unchanged.

What duckdb-kql lacks is added (`kql_ip_functions`), and where it would differ from Kusto in silence it is either
corrected by what surrounds the query (absent strings are stored as `''`, unions pad strings with `''`) or the query is
refused.

Null booleans, which a writer of KQL must know: `<`, `<=`, `>`, `>=` and `between` on a null number and the IP
functions on text they cannot convert are null. `not(null)` is null and drops the row, here as in Kusto. `==` and `in`
on a null number are false, their negations true. What `and` and `or` make of null decides only below a `not`; there
Kusto's reference (https://learn.microsoft.com/kusto/query/logical-operators) says `null and true` is false where this
engine says null, so such a query is refused: wrap what can be null in `coalesce(…, false)`.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from converter.core.errors import EngineUnavailable, NotRepresentable, QueryError
from converter.core.platform import Record, Schema, is_property, plain
from converter.core.verdict import Hit
from converter.engines.clock import present
from converter.engines.kql import ip_functions as kql_ip_functions
from converter.engines.kql.checks import Types, check, check_escapes
from converter.engines.versions import distributions

#: `kql_checks` relies on this version's representation of a query; another one has to be looked at first.
VERSION = "1.1.2"

#: KQL type -> (DuckDB type, Python types of its values in a record). Booleans are never numbers.
_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "string": ("VARCHAR", (str,)),
    "int": ("INTEGER", (int,)),
    "long": ("BIGINT", (int,)),
    "real": ("DOUBLE", (int, float)),
    "bool": ("BOOLEAN", (bool,)),
    "datetime": ("TIMESTAMP", (str,)),
    "guid": ("UUID", (str,)),
    "dynamic": ("JSON", (object,)),
}


#: Queries are others' text: no files, no network, no extensions, and no way to change that once it is locked.
#: https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
_SHUT_IN: dict[str, Any] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "memory_limit": "400MB",
    "threads": 1,
}

#: What stands for the present while a text is translated; it is a parameter of the SQL.
_SOME_MOMENT = datetime.datetime(2000, 1, 1)


@dataclasses.dataclass(frozen=True)
class _Loaded:
    """Tables filled once, in a database schema `place` of their own; `records` and `schema` stay alive with them."""

    records: tuple[Record, ...]
    schema: Schema
    place: str
    #: (identity column, its value) -> position
    positions: Mapping[tuple[str, Any], int]


class DuckDbKql:
    """Runs KQL over records held in an in-memory DuckDB; see `model.Engine`.

    Loaded record sets and translated texts are kept, so the next query over the same records costs only itself.
    Not for use by several threads at once.
    """

    name = "duckdb-kql"
    dialect = "kql"
    #: correlations too, over each sequence and all at once
    correlates = "each"
    provenance = f"executed by DuckDB (duckdb-kql {VERSION})"

    def version(self) -> str:
        return distributions("duckdb", "duckdb-kql")

    #: How many record sets and texts to keep.
    _SETS = 8
    _TEXTS = 512

    def __init__(self) -> None:
        self._connection: Any = None
        self._loads = 0
        self._sets: dict[tuple[int, ...], _Loaded] = {}
        self._texts: dict[tuple[int, str], tuple[Schema, tuple[str, bool]]] = {}

    def run(
        self, text: str, records: Sequence[Record], schema: Schema, now: datetime.datetime | None = None
    ) -> list[Hit]:
        """The rows of `text` in order; strings are never None, times are ISO-8601 with Z.

        Raises QueryError for anything the engine or our checks do not accept, EngineUnavailable when duckdb-kql or
        DuckDB is missing, and NotRepresentable for a record that its table cannot hold.
        """
        _packages()
        sql, timed = self._translated(text, schema)
        loaded = self._loaded(records, schema)
        moment = {_packages().translate.CLOCK_SLOT: present(now).astimezone(datetime.UTC).replace(tzinfo=None)}
        try:
            self._connection.execute(f"SET search_path = '{loaded.place},main'")
            cursor = self._connection.execute(sql, moment if timed else None)
            names = [(column[0], str(column[1])) for column in cursor.description]
            rows = cursor.fetchall()
        except Exception as error:
            _raise_interrupt(error)
            raise QueryError(f"DuckDB refuses the query: {_first_line(error)}") from error
        identities = dict.fromkeys((schema.identity, *schema.identities.values()))
        if not identities.keys() & {name for name, _ in names}:
            raise QueryError(f"the query does not return {' or '.join(identities)}, which traces a row to its record")
        return [_hit({n: _value(v, t) for (n, t), v in zip(names, row, strict=True)}, loaded) for row in rows]

    def _translated(self, text: str, schema: Schema) -> tuple[str, bool]:
        key = (id(schema), text)
        if key not in self._texts:
            if len(self._texts) >= self._TEXTS:
                self._texts.clear()
            self._texts[key] = (schema, _translate(text, _plain(schema.types)))
        return self._texts[key][1]

    def _loaded(self, records: Sequence[Record], schema: Schema) -> _Loaded:
        if self._connection is None:
            self._connection = _packages().engine.connect(config=_SHUT_IN)
            kql_ip_functions.create_macros(self._connection)
            self._connection.execute("SET lock_configuration = true")
        key = (id(schema), *map(id, records))
        if key not in self._sets:
            while len(self._sets) >= self._SETS:
                self._connection.execute(f"DROP SCHEMA {self._sets.pop(next(iter(self._sets))).place} CASCADE")
            self._loads += 1
            self._sets[key] = _load(self._connection, f"set{self._loads}", tuple(records), schema)
        return self._sets[key]


def _plain(types: Types) -> Types:
    """The tables with the columns that they have by themselves: properties lie in dynamic ones."""
    return {table: plain(columns) for table, columns in types.items()}


def translate(text: str, types: Types) -> str:
    """The SQL that DuckDB runs for a KQL text; QueryError for what is not accepted."""
    return _translate(text, types)[0]


def _translate(text: str, types: Types) -> tuple[str, bool]:
    """The SQL, and whether the present moment is a parameter of it."""
    kql = _packages()
    check_escapes(text)
    columns = {table: list(names) for table, names in types.items()}
    try:
        with kql.translate.clock(_SOME_MOMENT) as clock, _unions_pad_with_empty_strings(kql):
            query = kql.lower.lower(text)
            check(query, types)
            sql = str(kql.translate.to_sql(query, columns))
        if clock.moment != _SOME_MOMENT:
            raise QueryError("a query that sets its own time is not covered")
        return sql, clock.used
    except QueryError:
        raise
    except Exception as error:
        _raise_interrupt(error)
        raise QueryError(f"duckdb-kql refuses the query: {_first_line(error)}") from error


def _packages() -> Any:
    """The duckdb_kql package with its submodules loaded and the IP functions registered."""
    hint = f"pip install 'duckdb-kql[duckdb]=={VERSION}'"
    try:
        import duckdb  # noqa: F401
        import duckdb_kql
        import duckdb_kql.engine
        import duckdb_kql.lower
        import duckdb_kql.schema
        from duckdb_kql.translate import functions
    except ImportError as error:
        raise EngineUnavailable(f"KQL cannot be executed: {error}", hint=hint) from error
    if duckdb_kql.__version__ != VERSION:
        raise EngineUnavailable(f"duckdb-kql {duckdb_kql.__version__} was never compared with Kusto here", hint=hint)
    kql_ip_functions.register(functions.SCALAR_FUNCTIONS)
    return duckdb_kql


@contextmanager
def _unions_pad_with_empty_strings(kql: Any) -> Iterator[None]:
    """While it lasts, a union fills the string columns that one arm lacks with '' as Kusto does, not with NULL."""
    original: Callable[..., str] = kql.translate.render_union

    def padded(op: Any, prev: str, left: list[str], query: Any, schema: Any, *rest: Any) -> str:
        inner = original(op, prev, left, query, schema, *rest)
        quoted = map(kql.translate.quote_ident, kql.schema.union_output_columns(op, left, schema))
        filled = [f"CASE WHEN typeof({c}) <> 'VARCHAR' OR {c} IS NOT NULL THEN {c} ELSE '' END AS {c}" for c in quoted]
        return f"SELECT {', '.join(filled)} FROM ({inner}) AS _padded"

    kql.translate.render_union = padded
    try:
        yield
    finally:
        kql.translate.render_union = original


def _load(connection: Any, place: str, records: tuple[Record, ...], schema: Schema) -> _Loaded:
    by_table: dict[str, list[dict[str, Any]]] = {}
    positions: dict[tuple[str, Any], int] = {}
    for position, record in enumerate(records):
        if record.table not in schema.types:
            raise NotRepresentable(f"{schema.name} has no table {record.table!r}")
        column = schema.identity_of(record.table)
        identity = record.fields.get(column)
        if identity is None or positions.setdefault((column, identity), position) != position:
            raise NotRepresentable(f"record {position} needs a {column} of its own, not {identity!r}")
        types = schema.types[record.table]
        by_table.setdefault(record.table, []).append(_nested(_native(record, types), types))
    connection.execute(f"CREATE SCHEMA {place}")
    for table, columns in _plain(schema.types).items():
        # A KQL string is never null (https://learn.microsoft.com/kusto/query/scalar-data-types/null-values).
        listed = (f"{_quoted(n)} {_type(k)[0]}" + (" DEFAULT ''" if k == "string" else "") for n, k in columns.items())
        connection.execute(f"CREATE TABLE {place}.{_quoted(table)} ({', '.join(listed)})")
    for table, rows in by_table.items():
        columns = plain(schema.types[table])
        present = sorted({name for row in rows for name in row})
        filler = {name: "" for name in present if columns[name] == "string"}
        form = json.dumps([{name: _type(columns[name])[0] for name in present}]).replace("'", "''")
        insert = f"INSERT INTO {place}.{_quoted(table)} BY NAME SELECT unnest(from_json(?, '{form}'), max_depth := 2)"
        connection.execute(insert, [json.dumps([filler | row for row in rows])])
    return _Loaded(records, schema, place, positions)


def _nested(fields: Mapping[str, object], types: Mapping[str, str]) -> dict[str, object]:
    """A record's flat fields as the table holds them: properties inside of their dynamic columns."""
    found: dict[str, object] = {}
    for name, value in fields.items():
        if not is_property(name, types):
            found[name] = value
            continue
        holder, *keys = name.split(".")
        place = found.setdefault(holder, {})
        for key in keys[:-1]:
            assert isinstance(place, dict)
            place = place.setdefault(key, {})
        assert isinstance(place, dict)
        place[keys[-1]] = value
    return found


def _native(record: Record, columns: Mapping[str, str]) -> dict[str, Any]:
    """The values that the record has, checked against its table."""
    for name, value in record.fields.items():
        if name not in columns:
            raise NotRepresentable(f"{record.table} has no column {name!r}")
        accepted = _type(columns[name])[1]
        if value is not None and (not isinstance(value, accepted) or (isinstance(value, bool) and int in accepted)):
            raise NotRepresentable(f"{record.table}.{name} is a {columns[name]}, which {value!r} is not")
    return {name: value for name, value in record.fields.items() if value is not None}


def _type(kind: str) -> tuple[str, tuple[type, ...]]:
    if kind not in _TYPES:
        raise NotRepresentable(f"no storage is defined for the KQL type {kind!r}")
    return _TYPES[kind]


def _hit(row: dict[str, Any], loaded: _Loaded) -> Hit:
    """The row and its record. In a union a row has the identity of its own table alone, others' are empty there."""
    for column in dict.fromkeys((loaded.schema.identity, *loaded.schema.identities.values())):
        identity = row.get(column)
        if identity not in (None, ""):
            if (column, identity) not in loaded.positions:
                raise QueryError(f"the query returns {identity!r} as {column}, which no record has")
            return Hit(loaded.positions[column, identity], row)
    raise QueryError("the query returns a row without an identity, which no record has")


def _value(value: Any, kind: str) -> Any:
    """A DuckDB value as records hold it. A KQL string is never null, so a missing one reads ''."""
    if kind == "VARCHAR":
        return "" if value is None else value
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds") + "Z"
    return json.loads(value) if kind == "JSON" and value is not None else value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _raise_interrupt(error: Exception) -> None:
    """DuckDB makes an error of its own out of Ctrl-C."""
    if type(error).__name__ == "InterruptException" or (
        type(error) is RuntimeError and str(error) == "Query interrupted"
    ):
        raise KeyboardInterrupt from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


ENGINE = DuckDbKql()
