"""The syntax tree of an SPL query: one frozen dataclass per construct, nothing of its meaning."""

from __future__ import annotations

from dataclasses import dataclass

# --- the search command's expressions ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Value:
    """A value of a search expression after its escapes are undone; every `*` in `text` is a wildcard."""

    text: str
    quoted: bool


@dataclass(frozen=True)
class Compare:
    """`field <op> value`, op one of = != < <= > >=."""

    field: str
    op: str
    value: Value


@dataclass(frozen=True)
class In:
    """`field IN (value, ...)`."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Keyword:
    """A bare word or phrase, looked for in `_raw`."""

    value: Value


@dataclass(frozen=True)
class All:
    parts: tuple[SearchExpr, ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple[SearchExpr, ...]


@dataclass(frozen=True)
class Negated:
    part: SearchExpr


SearchExpr = Compare | In | Keyword | All | AnyOf | Negated

# --- expressions of eval and where --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Literal:
    """A double-quoted string or a number."""

    value: str | int | float


@dataclass(frozen=True)
class Name:
    """A field, bare or in single quotes."""

    field: str


@dataclass(frozen=True)
class Call:
    function: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class Binary:
    """op: AND OR XOR, = != < <= > >= (`==` reads as `=`), + - * / % and `.` for concatenation."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Unary:
    """op: NOT or -."""

    op: str
    operand: Expr


Expr = Literal | Name | Call | Binary | Unary

# --- commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Search:
    """`earliest` and `latest` are the time modifiers of a generating search, None where it has none."""

    condition: SearchExpr
    earliest: str | None = None
    latest: str | None = None


@dataclass(frozen=True)
class Where:
    condition: Expr


@dataclass(frozen=True)
class Regex:
    field: str
    negated: bool
    pattern: str


@dataclass(frozen=True)
class Rex:
    field: str
    pattern: str


@dataclass(frozen=True)
class Eval:
    assignments: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Fields:
    names: tuple[str, ...]
    keep: bool


@dataclass(frozen=True)
class Table:
    names: tuple[str, ...]


@dataclass(frozen=True)
class Rename:
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sort:
    """`limit` 0 is no limit; each key is (field, descending)."""

    limit: int
    keys: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Bin:
    field: str
    seconds: int


@dataclass(frozen=True)
class Aggregate:
    function: str
    field: str | None
    alias: str


@dataclass(frozen=True)
class Stats:
    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]


@dataclass(frozen=True)
class StreamStats:
    """Aggregates over the rows so far: the last `window` of them (0: all), or those within `time_window` seconds (0:
    any), the row itself among them where `current`. `overall` tells that all groups share one `window`."""

    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]
    window: int = 0
    overall: bool = True
    time_window: int = 0
    current: bool = True


@dataclass(frozen=True)
class Head:
    count: int


@dataclass(frozen=True)
class Dedup:
    count: int
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Multisearch:
    searches: tuple[Pipeline, ...]


@dataclass(frozen=True)
class Append:
    search: Pipeline


Command = (
    Search
    | Where
    | Regex
    | Rex
    | Eval
    | Fields
    | Table
    | Rename
    | Sort
    | Bin
    | Stats
    | StreamStats
    | Head
    | Dedup
    | Multisearch
    | Append
)


@dataclass(frozen=True)
class Pipeline:
    """Commands in order; the first one makes the events: a search, or multisearch."""

    commands: tuple[Command, ...]
