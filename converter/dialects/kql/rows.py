"""The rows of one table on their way through a pipeline, and what each tabular operator does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from converter.core.errors import OutOfFragment, QueryError, UnknownColumn
from converter.core.platform import Schema, plain
from converter.dialects.kql import nodes
from converter.dialects.kql.expressions import check_names, condition, conjuncts, evaluate, window
from converter.dialects.kql.values import Constant, Field, Opaque, Scope, Value, near, type_of
from converter.semantics.decide.predicate import Predicate


@dataclass(frozen=True)
class Rows:
    """Rows of `table` that satisfy `conditions`. `columns` are those visible now, in order, each as what it holds.

    `shaped` says that an operator chose the columns, so that their order means something.
    """

    table: str
    columns: Mapping[str, Value]
    time: str
    conditions: tuple[Predicate, ...] = ()
    window: int | None = None
    shaped: bool = False


def of_table(table: str, schema: Schema) -> Rows:
    types = plain(schema.types[table])
    return Rows(table, {name: Field(name, _type(kind)) for name, kind in types.items()}, schema.time)


def _type(name: str) -> str:
    """Kusto's own name for a type: https://learn.microsoft.com/kusto/query/scalar-data-types/"""
    return {"boolean": "bool", "double": "real", "date": "datetime", "time": "timespan"}.get(name, name)


def apply(operator: nodes.Operator, rows: Rows, lets: Mapping[str, Value]) -> Rows:
    """The rows after one operator other than `union`."""
    scope = Scope(rows.columns, lets, rows.time)
    if isinstance(operator, nodes.Where):
        return _where(operator, rows, scope)
    if isinstance(operator, nodes.Extend):
        return _extend(operator, rows, scope)
    if isinstance(operator, nodes.Project):
        return _project(operator, rows, scope)
    if isinstance(operator, nodes.Rename):
        return _rename(operator, rows, scope)
    if isinstance(operator, nodes.Select):
        return _select(operator, rows)
    if isinstance(operator, nodes.Sort):
        for key in operator.keys:
            check_names(key, scope)
        return rows
    raise OutOfFragment(
        f"`{getattr(operator, 'name', 'union')}` has no meaning over single rows", f"line {operator.line}"
    )


def _where(operator: nodes.Where, rows: Rows, scope: Scope) -> Rows:
    conditions: list[Predicate] = []
    narrowest = rows.window
    for part in conjuncts(operator.condition):
        minutes = window(part, scope)
        if minutes is None:
            conditions.append(condition(part, scope).true)
        else:
            narrowest = minutes if narrowest is None else min(narrowest, minutes)
    return replace(rows, conditions=(*rows.conditions, *conditions), window=narrowest)


def _computed(node: nodes.Expression, scope: Scope) -> Value:
    """A column's new value; what the fragment cannot express stays Opaque, though its names must exist."""
    check_names(node, scope)
    if isinstance(node, nodes.Name):
        return scope.find(node.name, node.line)
    try:
        return evaluate(node, scope)
    except OutOfFragment as error:
        return Opaque(error.message)


def _column_name(column: nodes.Column) -> str:
    if column.name is not None:
        return column.name
    if isinstance(column.expression, nodes.Name):
        return column.expression.name
    raise OutOfFragment("a computed column that Kusto has to name itself", f"line {column.line}")


def _extend(operator: nodes.Extend, rows: Rows, scope: Scope) -> Rows:
    """https://learn.microsoft.com/kusto/query/extend-operator: every expression sees the columns before it."""
    columns = dict(rows.columns)
    columns.update({_column_name(column): _computed(column.expression, scope) for column in operator.columns})
    return replace(rows, columns=columns)


def _project(operator: nodes.Project, rows: Rows, scope: Scope) -> Rows:
    columns: dict[str, Value] = {}
    for column in operator.columns:
        name = _column_name(column)
        if name in columns:
            raise QueryError(f"`project` makes two columns named `{name}`", f"line {column.line}")
        columns[name] = _computed(column.expression, scope)
    return replace(rows, columns=columns, shaped=True)


def _rename(operator: nodes.Rename, rows: Rows, scope: Scope) -> Rows:
    new: dict[str, str] = {}
    for column in operator.columns:
        if column.name is None or not isinstance(column.expression, nodes.Name):
            raise QueryError("`project-rename` takes New = Old", f"line {column.line}")
        old = column.expression
        if old.name not in rows.columns:
            scope.find(old.name, old.line)
            raise QueryError(f"`{old.name}` is no column", f"line {old.line}")
        new[old.name] = column.name
    names = [new.get(name, name) for name in rows.columns]
    if len(set(names)) < len(names):
        raise QueryError("`project-rename` makes two columns of one name", f"line {operator.line}")
    return replace(rows, columns=dict(zip(names, rows.columns.values(), strict=True)))


def _select(operator: nodes.Select, rows: Rows) -> Rows:
    """`project-away`, `project-keep`, `project-reorder`; a `*` in a name stands for any run of characters."""
    chosen: dict[str, Value] = {}
    for pattern in operator.patterns:
        found = [name for name in rows.columns if fnmatchcase(name, pattern.name.replace("[", "[[]"))]
        if not found and "*" not in pattern.name:
            raise UnknownColumn(
                f"no column `{pattern.name}` here", f"line {pattern.line}", near(pattern.name, rows.columns)
            )
        chosen.update({name: rows.columns[name] for name in found})
    rest = {name: value for name, value in rows.columns.items() if name not in chosen}
    if operator.how == "project-away":
        return replace(rows, columns=rest, shaped=True)
    if operator.how == "project-keep":
        kept = {name: value for name, value in rows.columns.items() if name in chosen}
        return replace(rows, columns=kept, shaped=True)
    return replace(rows, columns={**chosen, **rest}, shaped=True)


def united(legs: Sequence[Rows], kind: str, source_column: str | None) -> tuple[Rows, ...]:
    """`union`: all columns (`outer`), the missing ones null or empty, or only the common ones (`inner`).

    A column whose type differs between legs becomes one column per type, under other names; a query that uses the
    plain name anyway is out of the fragment. https://learn.microsoft.com/kusto/query/union-operator
    """
    names = list(dict.fromkeys(name for leg in legs for name in leg.columns))
    if kind == "inner":
        names = [name for name in names if all(name in leg.columns for leg in legs)]
    types = {name: {type_of(leg.columns[name]) for leg in legs if name in leg.columns} for name in names}
    shaped = kind == "inner" or all(leg.shaped for leg in legs)
    result = []
    for leg in legs:
        columns = {name: _united_column(name, leg, types[name]) for name in names}
        if source_column:
            columns = {source_column: Constant(leg.table, "string"), **columns}
        result.append(replace(leg, columns=columns, shaped=shaped))
    return tuple(result)


def _united_column(name: str, leg: Rows, types: set[str]) -> Value:
    if len(types) > 1:
        return Opaque(f"the legs of `union` disagree on its type ({', '.join(sorted(types))})")
    if name in leg.columns:
        return leg.columns[name]
    (kind,) = types
    return Constant("" if kind == "string" else None, kind, padding=True)
