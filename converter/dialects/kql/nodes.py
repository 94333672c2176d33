"""The syntax tree of KQL: what `syntax.parse` makes of a query text, and what `reader.read` walks."""

from __future__ import annotations

from dataclasses import dataclass

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Literal:
    """A constant. `type` is Kusto's name for it; a timespan's `value` is its length in minutes, None is null."""

    value: Scalar
    type: str
    line: int = 0


@dataclass(frozen=True)
class Array:
    """`dynamic([...])` of constants."""

    items: tuple[Literal, ...]
    line: int = 0


@dataclass(frozen=True)
class Name:
    """A column, a `let` or a table; which one depends on where it stands. May hold `*` in column patterns."""

    name: str
    line: int


@dataclass(frozen=True)
class Star:
    """`*` in place of a column: any column at all."""

    line: int


@dataclass(frozen=True)
class Call:
    """`function(arguments)`."""

    function: str
    arguments: tuple[Expression, ...]
    line: int


@dataclass(frozen=True)
class Path:
    """A step into a dynamic value, `base.key` or `base[key]`; `key` is None where it is no text that stands there."""

    base: Expression
    key: str | None
    line: int


@dataclass(frozen=True)
class Minus:
    """A sign before an expression."""

    part: Expression
    line: int


@dataclass(frozen=True)
class Binary:
    """Two operands and the operator between them as it was written, such as `!contains_cs`."""

    operator: str
    left: Expression
    right: Expression
    line: int


@dataclass(frozen=True)
class Membership:
    """`left operator (items)` with `in`, `in~`, `has_any`, `has_all` and their `!` forms."""

    operator: str
    left: Expression
    items: tuple[Expression, ...]
    line: int


@dataclass(frozen=True)
class Between:
    """`left between (low .. high)`, both ends included."""

    left: Expression
    low: Expression
    high: Expression
    negated: bool
    line: int


@dataclass(frozen=True)
class Subquery:
    """A tabular expression in parentheses used as a value."""

    pipeline: Pipeline
    line: int


Expression = Literal | Array | Name | Star | Call | Path | Minus | Binary | Membership | Between | Subquery


@dataclass(frozen=True)
class Column:
    """One item of `project` or `extend`: `name = expression`, or a bare expression when `name` is None."""

    name: str | None
    expression: Expression
    line: int


@dataclass(frozen=True)
class Where:
    condition: Expression
    line: int


@dataclass(frozen=True)
class Extend:
    columns: tuple[Column, ...]
    line: int


@dataclass(frozen=True)
class Project:
    columns: tuple[Column, ...]
    line: int


@dataclass(frozen=True)
class Rename:
    columns: tuple[Column, ...]
    line: int


@dataclass(frozen=True)
class Select:
    """`project-away`, `project-keep` or `project-reorder` (`how`) by column names, which may hold `*`."""

    how: str
    patterns: tuple[Name, ...]
    line: int


@dataclass(frozen=True)
class Sort:
    keys: tuple[Expression, ...]
    line: int


@dataclass(frozen=True)
class Union:
    """`union`; `legs` excludes the rows piped into it."""

    kind: str
    fuzzy: bool
    source_column: str | None
    legs: tuple[Pipeline, ...]
    line: int


@dataclass(frozen=True)
class Outside:
    """A genuine tabular operator or source of KQL that this reader gives no meaning to, such as `summarize`."""

    name: str
    line: int


Operator = Where | Extend | Project | Rename | Select | Sort | Union | Outside


@dataclass(frozen=True)
class Pipeline:
    """A source and the operators its rows go through. A scalar `let` is a pipeline of a bare expression."""

    source: Expression | Union | Outside
    operators: tuple[Operator, ...]
    line: int


@dataclass(frozen=True)
class Let:
    name: str
    body: Pipeline
    line: int


@dataclass(frozen=True)
class Query:
    """The `let` statements in order, then the one statement that returns rows."""

    lets: tuple[Let, ...]
    body: Pipeline
