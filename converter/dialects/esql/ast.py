"""The syntax tree of the covered part of ES|QL."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


def walk(node: object) -> Iterator[object]:
    """Every node of a command or an expression."""
    todo = [node]
    while todo:
        item = todo.pop()
        if isinstance(item, tuple):
            todo.extend(item)
        elif dataclasses.is_dataclass(item):
            yield item
            todo.extend(getattr(item, field.name) for field in dataclasses.fields(item))


@dataclass(frozen=True)
class Field:
    """A column by its whole dotted name."""

    name: str


@dataclass(frozen=True)
class Literal:
    """A string, number, boolean or null."""

    value: str | int | float | bool | None


@dataclass(frozen=True)
class Several:
    """A multi-valued constant, `["a", "b"]`."""

    items: tuple[Literal, ...]


@dataclass(frozen=True)
class Span:
    """A length of time, `24 hours`; `calendar` tells that it was written in days or weeks, which some functions take
    for those of a calendar."""

    seconds: float
    calendar: bool = False


@dataclass(frozen=True)
class Call:
    """A function call; the name is in upper case."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class Not:
    part: Expr


@dataclass(frozen=True)
class Binary:
    """`op` is AND, OR, a comparison (`==` …) or one of `+ - *`."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class In:
    value: Expr
    options: tuple[Expr, ...]


@dataclass(frozen=True)
class Like:
    """`LIKE`, or `RLIKE` where `regex`, against any of the patterns."""

    value: Expr
    patterns: tuple[str, ...]
    regex: bool


@dataclass(frozen=True)
class IsNull:
    value: Expr


@dataclass(frozen=True)
class Match:
    """The full-text operator `field : value`."""

    field: str
    value: Expr


#: Any expression.
Expr = Field | Literal | Several | Span | Call | Not | Binary | In | Like | IsNull | Match


def substituted(expr: Expr, columns: Mapping[str, Expr]) -> Expr:
    """`expr` with columns replaced by the expressions they stand for."""

    def inner(part: Expr) -> Expr:
        return substituted(part, columns)

    match expr:
        case Field(name):
            return columns.get(name, expr)
        case Call(name, args):
            return Call(name, tuple(map(inner, args)))
        case Not(part):
            return Not(inner(part))
        case Binary(op, left, right):
            return Binary(op, inner(left), inner(right))
        case In(value, options):
            return In(inner(value), tuple(map(inner, options)))
        case Like(value, patterns, regex):
            return Like(inner(value), patterns, regex)
        case IsNull(value):
            return IsNull(inner(value))
        case _:
            return expr


@dataclass(frozen=True)
class From:
    patterns: tuple[str, ...]
    metadata: tuple[str, ...] = ()


@dataclass(frozen=True)
class Where:
    condition: Expr


@dataclass(frozen=True)
class Eval:
    assignments: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Keep:
    """Column names or patterns with `*`, in order."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Drop:
    names: tuple[str, ...]


@dataclass(frozen=True)
class Rename:
    """(old, new) pairs."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SortKey:
    value: Expr
    descending: bool
    nulls_first: bool


@dataclass(frozen=True)
class Sort:
    keys: tuple[SortKey, ...]


@dataclass(frozen=True)
class Limit:
    count: int


@dataclass(frozen=True)
class Aggregate:
    """`name = FUNCTION(value)`; the value is None for `COUNT(*)`."""

    name: str
    function: str
    value: Expr | None


@dataclass(frozen=True)
class Stats:
    """Aggregates of the rows of each group, by (name, expression) pairs."""

    aggregates: tuple[Aggregate, ...]
    by: tuple[tuple[str, Expr], ...]


Command = Stats | Where | Eval | Keep | Drop | Rename | Sort | Limit


@dataclass(frozen=True)
class Query:
    source: From
    commands: tuple[Command, ...]
