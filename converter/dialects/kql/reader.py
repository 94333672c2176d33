"""A shipped KQL text as the branches and predicates it means, under Kusto's documented semantics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converter.core.errors import OutOfFragment, QueryError
from converter.core.platform import Schema
from converter.dialects.kql import nodes, syntax
from converter.dialects.kql.expressions import evaluate
from converter.dialects.kql.rows import Rows, apply, of_table, united
from converter.dialects.kql.values import NUMBERS, Constant, Opaque, Scope, Value, near
from converter.dialects.reading import Branch
from converter.semantics.decide.predicate import conjunction


def read(text: str, schema: Schema) -> tuple[Branch, ...]:
    """The branches of one query: one per table for each place it is drawn from, in the order of the text.

    Raises QueryError for what Kusto rejects: bad syntax, unknown tables, columns and functions, an int against a
    string; the message ends in the nearest known name. Raises OutOfFragment for valid KQL that has no meaning as
    predicates over single rows, such as `summarize`, `join` and `take`.
    """
    try:
        return _branches(syntax.parse(text), schema)
    except RecursionError:
        raise OutOfFragment("the query nests too deeply") from None


def _branches(query: nodes.Query, schema: Schema) -> tuple[Branch, ...]:
    lets = _Lets(schema)
    for let in query.lets:
        lets.add(let)
    return tuple(
        Branch(
            tables=(rows.table,),
            predicate=conjunction(rows.conditions),
            window_minutes=rows.window,
            labels=_labels(rows),
            columns=tuple(rows.columns) if rows.shaped else None,
        )
        for rows in lets.rows(query.body)
    )


def tables_of(query: nodes.Query, schema: Schema) -> Mapping[str, tuple[Rows, ...]]:
    """name -> rows of every tabular `let` of a query. Raises as `read` does."""
    lets = _Lets(schema)
    for let in query.lets:
        lets.add(let)
    opaque = [value.reason for value in lets.values.values() if isinstance(value, Opaque)]
    if opaque:
        raise OutOfFragment(opaque[0])
    return lets.tables


def _labels(rows: Rows) -> dict[str, str]:
    """The columns that hold one constant in every row, as text. Raises OutOfFragment for types of doubtful spelling."""
    labels = {}
    for name, value in rows.columns.items():
        if not isinstance(value, Constant) or value.padding or value.value is None:
            continue
        if value.type not in ("string", "bool", *NUMBERS):
            raise OutOfFragment(f"`{name}` is a constant {value.type}")
        labels[name] = str(value.value).lower() if value.type == "bool" else str(value.value)
    return labels


class _Lets:
    """The `let` statements so far; a name means its value or its rows at the place of its definition."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.values: dict[str, Value] = {}
        self.tables: dict[str, tuple[Rows, ...]] = {}

    def add(self, let: nodes.Let) -> None:
        if let.name in self.values or let.name in self.tables:
            raise QueryError(f"`{let.name}` is defined twice", f"line {let.line}")
        try:
            if self._is_tabular(let.body):
                self.tables[let.name] = self.rows(let.body)
            else:
                assert not isinstance(let.body.source, nodes.Union | nodes.Outside)
                self.values[let.name] = evaluate(let.body.source, Scope({}, self._names()))
        except OutOfFragment as error:  # matters only if the name is used
            self.values[let.name] = Opaque(error.message)

    def _names(self) -> dict[str, Value]:
        """What an expression sees of the lets; a table is a name it knows but cannot use."""
        return {**dict.fromkeys(self.tables, Opaque("a table used as a value")), **self.values}

    def _is_tabular(self, body: nodes.Pipeline) -> bool:
        if body.operators or isinstance(body.source, nodes.Union | nodes.Outside | nodes.Subquery):
            return True
        if not isinstance(body.source, nodes.Name):
            return False
        return body.source.name not in self.values

    def rows(self, pipeline: nodes.Pipeline) -> tuple[Rows, ...]:
        """The rows of a tabular expression, one Rows per table."""
        found = self._source(pipeline.source, pipeline.line)
        for operator in pipeline.operators:
            if isinstance(operator, nodes.Union):
                found = self._union(operator, found)
            else:
                found = tuple(apply(operator, rows, self._names()) for rows in found)
        return found

    def _source(self, source: nodes.Expression | nodes.Union | nodes.Outside, line: int) -> tuple[Rows, ...]:
        if isinstance(source, nodes.Union):
            return self._union(source, ())
        if isinstance(source, nodes.Outside):
            raise OutOfFragment(f"`{source.name}` as a source of rows is not read", f"line {source.line}")
        if isinstance(source, nodes.Subquery):
            return self.rows(source.pipeline)
        if isinstance(source, nodes.Name):
            return self._named(source)
        if isinstance(source, nodes.Call):
            raise OutOfFragment(f"`{source.function}(...)` as a source of rows is not read", f"line {line}")
        raise QueryError("expected a table", f"line {line}")

    def _named(self, name: nodes.Name) -> tuple[Rows, ...]:
        if name.name in self.tables:
            return self.tables[name.name]
        value = self.values.get(name.name)
        if isinstance(value, Opaque):
            raise OutOfFragment(f"`{name.name}`: {value.reason}", f"line {name.line}")
        if value is not None:
            raise QueryError(f"`{name.name}` is a value, not a table", f"line {name.line}")
        if name.name not in self.schema.types:
            hint = near(name.name, [*self.tables, *self.schema.types])
            raise QueryError(f"no table `{name.name}`", f"line {name.line}", hint)
        return (of_table(name.name, self.schema),)

    def _union(self, union: nodes.Union, piped: Sequence[Rows]) -> tuple[Rows, ...]:
        legs = list(piped)
        for leg in union.legs:
            if union.fuzzy and self._is_absent(leg):
                continue
            if union.source_column and not self._is_table(leg):
                raise OutOfFragment("`withsource` over anything but plain tables", f"line {union.line}")
            legs.extend(self.rows(leg))
        if not legs:
            raise QueryError("no table of the union is there", f"line {union.line}")
        if union.source_column and piped:
            raise OutOfFragment("`withsource` of rows piped into the union", f"line {union.line}")
        return united(legs, union.kind, union.source_column)

    def _is_table(self, leg: nodes.Pipeline) -> bool:
        return isinstance(leg.source, nodes.Name) and not leg.operators and leg.source.name not in self.tables

    def _is_absent(self, leg: nodes.Pipeline) -> bool:
        """With `isfuzzy=true` a source that does not resolve is left out."""
        return (
            isinstance(leg.source, nodes.Name)
            and leg.source.name not in {*self.tables, *self.values}
            and leg.source.name not in self.schema.types
        )
