"""What an ES|QL query means, as predicates over the columns of its indices with null resolved.

A label given by `EVAL x = CASE(c1, "A", c2, "B")` makes one branch per label: "B" holds where c2 is true and c1 is not
(false or null). LIMIT drops rows by their order and has no meaning as a predicate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from converter.core.errors import OutOfFragment, QueryError
from converter.core.platform import Schema
from converter.dialects.esql.analysis import Analysed, analyse, searched
from converter.dialects.esql.ast import (
    Binary,
    Call,
    Drop,
    Eval,
    Expr,
    Field,
    Keep,
    Like,
    Limit,
    Literal,
    Not,
    Query,
    Rename,
    Span,
    Stats,
    Where,
    substituted,
)
from converter.dialects.esql.meaning import Meaning
from converter.dialects.esql.nulls import conjuncts, refuse_contradiction, refuse_null_beside
from converter.dialects.esql.syntax import parse
from converter.dialects.reading import Branch
from converter.semantics.decide.predicate import FALSE, TRUE, Predicate, conjunction, disjunction
from converter.semantics.regular import lucene_limits as limits


def read(text: str, schema: Schema) -> tuple[Branch, ...]:
    """The branches of `text`. Raises QueryError as Elasticsearch would, OutOfFragment where no predicate fits."""
    return read_query(parse(text), schema)


def read_query(tree: Query, schema: Schema) -> tuple[Branch, ...]:
    """The branches of a parsed query. Raises as `read` does."""
    query = analyse(tree, schema)
    tests = sum(_tests(step.command.condition) for step in query.steps if isinstance(step.command, Where))
    if excess := limits.clauses(tests):
        raise QueryError(f"ES|QL: {excess}")
    columns = query.steps[0].before if query.steps else query.after
    reader = _Reader(Meaning(columns, _arrays(query.source.patterns, schema)), schema.time)
    paths = [_Path()]
    for step in query.steps:
        match step.command:
            case Where(condition):
                filtered = [reader.filtered(path, condition) for path in paths]
                # one is read on although no row is left: what is refused is refused wherever it stands
                paths = [path for path in filtered if path.predicate != FALSE] or filtered[:1]
            case Eval(assignments):
                for name, value in assignments:
                    paths = [new for path in paths for new in reader.assigned(path, name, value)]
            case Rename(pairs):
                for old, new in pairs:
                    paths = [path.with_column(new, path.columns.get(old, Field(old))) for path in paths]
            case Stats():
                raise OutOfFragment("ES|QL: STATS makes rows of several rows")
            case Limit():
                raise OutOfFragment("ES|QL: LIMIT drops rows by their order")
    paths = [path for path in paths if path.predicate != FALSE]
    projects = any(isinstance(step.command, Keep | Drop) for step in query.steps)
    return tuple(_branches(paths, query, tuple(query.after) if projects else None))


def _tests(condition: Expr) -> int:
    """How many tests a WHERE makes, each of which may become a clause of a query to the index."""
    if isinstance(condition, Binary) and condition.op in ("AND", "OR"):
        return _tests(condition.left) + _tests(condition.right)
    if isinstance(condition, Not):
        return _tests(condition.part)
    return len(condition.patterns) if isinstance(condition, Like) else 1


@dataclass(frozen=True)
class _Path:
    """Rows on their way through the query: when a record gets here, and what the computed columns stand for."""

    predicate: Predicate = TRUE
    columns: Mapping[str, Expr] = field(default_factory=dict)
    window: int | None = None
    #: every conjunct of the WHEREs so far, which Elasticsearch joins to one
    asked: tuple[Expr, ...] = ()

    def with_column(self, name: str, value: Expr) -> _Path:
        return replace(self, columns={**self.columns, name: value})


class _Reader:
    def __init__(self, meaning: Meaning, time: str) -> None:
        self.meaning, self.time = meaning, time

    def filtered(self, path: _Path, condition: Expr) -> _Path:
        predicate, window = path.predicate, path.window
        whole = substituted(condition, path.columns)
        refuse_contradiction(whole, False)
        parts = tuple(conjuncts(whole))
        asked = (*path.asked, *parts)
        refuse_null_beside(asked)
        for part in parts:
            minutes = self.window(part)
            if minutes is None:
                predicate = conjunction((predicate, self.meaning.holds(part, True)))
            else:
                window = minutes if window is None else min(window, minutes)
        return _Path(predicate, path.columns, window, asked)

    def assigned(self, path: _Path, name: str, value: Expr) -> Iterator[_Path]:
        """The path with one more column; a choice between constants parts it, so that each part has one label."""
        value = substituted(value, path.columns)
        refuse_contradiction(value, True)
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
                yield replace(path, predicate=predicate, columns={**path.columns, name: option})

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


@lru_cache(maxsize=1024)
def _arrays(patterns: tuple[str, ...], schema: Schema) -> frozenset[str]:
    """The columns that some searched record may fill with several values."""
    kinds = [kind for kind in schema.kinds if searched(patterns, kind.table)] or list(schema.kinds)
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
