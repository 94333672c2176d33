"""What an ES|QL query means, as predicates over the columns of its indices with null resolved.

A label given by `EVAL x = CASE(c1, "A", c2, "B")` makes one branch per label: "B" holds where c2 is true and c1 is not
(false or null). LIMIT drops rows by their order and has no meaning as a predicate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from converter.dialects.esql.analysis import Analysed, analyse, searched
from converter.dialects.esql.ast import (
    Binary,
    Call,
    Drop,
    Eval,
    Expr,
    Field,
    Keep,
    Limit,
    Literal,
    Rename,
    Span,
    Where,
    substituted,
)
from converter.dialects.esql.meaning import Meaning
from converter.dialects.esql.syntax import parse
from converter.dialects.reading import Branch
from converter.errors import OutOfFragment
from converter.model import Schema
from converter.semantics.predicate import FALSE, TRUE, Predicate, conjunction, disjunction


def read(text: str, schema: Schema) -> tuple[Branch, ...]:
    """The branches of `text`. Raises QueryError as Elasticsearch would, OutOfFragment where no predicate fits."""
    query = analyse(parse(text), schema)
    columns = query.steps[0].before if query.steps else query.after
    reader = _Reader(Meaning(columns, _arrays(query, schema)), schema.time)
    paths = [_Path()]
    for step in query.steps:
        match step.command:
            case Where(condition):
                paths = [
                    path for path in (reader.filtered(path, condition) for path in paths) if path.predicate != FALSE
                ]
            case Eval(assignments):
                for name, value in assignments:
                    paths = [new for path in paths for new in reader.assigned(path, name, value)]
            case Rename(pairs):
                for old, new in pairs:
                    paths = [path.with_column(new, path.columns.get(old, Field(old))) for path in paths]
            case Limit():
                raise OutOfFragment("ES|QL: LIMIT drops rows by their order")
    projects = any(isinstance(step.command, Keep | Drop) for step in query.steps)
    return tuple(_branches(paths, query, tuple(query.after) if projects else None))


@dataclass(frozen=True)
class _Path:
    """Rows on their way through the query: when a record gets here, and what the computed columns stand for."""

    predicate: Predicate = TRUE
    columns: Mapping[str, Expr] = field(default_factory=dict)
    window: int | None = None

    def with_column(self, name: str, value: Expr) -> _Path:
        return _Path(self.predicate, {**self.columns, name: value}, self.window)


class _Reader:
    def __init__(self, meaning: Meaning, time: str) -> None:
        self.meaning, self.time = meaning, time

    def filtered(self, path: _Path, condition: Expr) -> _Path:
        predicate, window = path.predicate, path.window
        for part in _conjuncts(substituted(condition, path.columns)):
            minutes = self.window(part)
            if minutes is None:
                predicate = conjunction((predicate, self.meaning.holds(part, True)))
            else:
                window = minutes if window is None else min(window, minutes)
        return _Path(predicate, path.columns, window)

    def assigned(self, path: _Path, name: str, value: Expr) -> Iterator[_Path]:
        """The path with one more column; a choice between constants parts it, so that each part has one label."""
        value = substituted(value, path.columns)
        if not (isinstance(value, Call) and value.name == "CASE"):
            yield path.with_column(name, value)
            return
        options = list(self.meaning.alternatives(value))
        if not all(isinstance(option, Literal) for _, option in options):
            yield path.with_column(name, value)
            return
        for guard, option in options:
            predicate = conjunction((path.predicate, guard))
            if predicate != FALSE:
                yield _Path(predicate, {**path.columns, name: option}, path.window)

    def window(self, part: Expr) -> int | None:
        """The minutes of `@timestamp > NOW() - 24 hours`, in either order; None for any other condition."""
        match part:
            case Binary(">" | ">=", Field(self.time), Binary("-", Call("NOW"), Span(seconds))):
                return self.minutes(seconds)
            case Binary("<" | "<=", Binary("-", Call("NOW"), Span(seconds)), Field(self.time)):
                return self.minutes(seconds)
        return None

    @staticmethod
    def minutes(seconds: float) -> int:
        if seconds <= 0 or seconds % 60:
            raise OutOfFragment("ES|QL: a time window is covered in whole minutes only")
        return int(seconds) // 60


def _conjuncts(condition: Expr) -> Iterator[Expr]:
    if isinstance(condition, Binary) and condition.op == "AND":
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


def _arrays(query: Analysed, schema: Schema) -> frozenset[str]:
    """The columns that some searched record may fill with several values."""
    kinds = [kind for kind in schema.kinds if searched(query.source.patterns, kind.table)] or list(schema.kinds)
    declared = {column.name for kind in kinds for column in kind.columns if column.array}
    return frozenset(
        declared | {name for kind in kinds for name, v in kind.native.items() if isinstance(v, list | tuple)}
    )


def _branches(paths: list[_Path], query: Analysed, columns: tuple[str, ...] | None) -> Iterator[Branch]:
    """One branch per set of labels and window, in the order in which the query names them."""
    merged: dict[tuple[tuple[tuple[str, str], ...], int | None], list[Predicate]] = {}
    for path in paths:
        labels = tuple(
            (name, value.value)
            for name, value in path.columns.items()
            if name in query.after and isinstance(value, Literal) and isinstance(value.value, str)
        )
        merged.setdefault((labels, path.window), []).append(path.predicate)
    for (labels, window), predicates in merged.items():
        yield Branch(query.source.patterns, disjunction(predicates), window, dict(labels), columns)
