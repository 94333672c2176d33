"""Reads a correlation's ES|QL back: what precedes the first STATS are the rules' events, what follows counts them.

Null is a group like any other (https://www.elastic.co/docs/reference/query-languages/esql/commands/stats-by).
The aggregates must be of a shape whose meaning is known, name by name; anything else is out of the fragment.
"""

from __future__ import annotations

from dataclasses import replace

from converter.core.errors import OutOfFragment
from converter.core.platform import Schema
from converter.dialects.esql.ast import (
    Aggregate,
    Binary,
    Call,
    Command,
    Eval,
    Expr,
    Field,
    IsNull,
    Literal,
    Not,
    Span,
    Stats,
    Where,
)
from converter.dialects.esql.reader import read_query
from converter.dialects.esql.syntax import parse
from converter.dialects.reading import Branch, Correlated, CorrelatedLeg

_UNKNOWN = "this is no correlation of a known shape"


def read_correlation(text: str, schema: Schema) -> Correlated:
    """What a correlation's query means. Raises as `reader.read` does, and OutOfFragment for another shape."""
    query = parse(text)
    at = next((n for n, command in enumerate(query.commands) if isinstance(command, Stats)), -1)
    if at < 0 or not isinstance(query.commands[-1], Where):
        raise OutOfFragment(_UNKNOWN)
    base, tail = list(query.commands[:at]), query.commands[at:]
    timed = base.pop() if base and _times(base[-1]) else None
    branches = read_query(replace(query, commands=tuple(base)), schema)
    first, last = tail[0], tail[-1]
    assert isinstance(first, Stats)
    assert isinstance(last, Where)
    seconds, columns = _window(first, schema.time)
    if timed is not None:
        return _ordered(branches, base, timed, tail, seconds, columns, schema.time)
    if any(isinstance(command, Eval) for command in base):
        return _any(branches, base, tail, seconds, columns, schema.time)
    return _counted(branches, tail, seconds, columns, schema.time)


def _times(command: Command) -> bool:
    return isinstance(command, Eval) and all(name.startswith("Time_") for name, _ in command.assignments)


def _window(stats: Stats, time: str) -> tuple[int, tuple[str, ...]]:
    """The seconds of `Window = DATE_TRUNC(span, @timestamp)` and the columns grouped by beside it."""
    name, expr = stats.by[0] if stats.by else ("", Literal(None))
    others = stats.by[1:]
    plain = all(isinstance(value, Field) and value.name == given for given, value in others)
    if name != "Window" or not isinstance(expr, Call) or expr.name != "DATE_TRUNC" or not plain or not others:
        raise OutOfFragment(_UNKNOWN)
    span, field = expr.args
    if not isinstance(span, Span) or field != Field(time) or span.seconds != int(span.seconds) or span.seconds < 1:
        raise OutOfFragment("the windows are not whole seconds of the events' time")
    if not (span.seconds < 86400 or span.calendar is False):
        raise OutOfFragment("days and weeks of a calendar are no windows of equal length everywhere")
    return int(span.seconds), tuple(given for given, _ in others)


def _seen(time: str) -> tuple[Aggregate, ...]:
    return (Aggregate("Earliest", "MIN", Field(time)), Aggregate("Latest", "MAX", Field(time)))


def _least(command: Command, counted: Expr) -> int:
    condition = command.condition if isinstance(command, Where) else None
    if isinstance(condition, Binary) and condition.op == ">=" and condition.left == counted:
        number = condition.right.value if isinstance(condition.right, Literal) else None
        if isinstance(number, int) and not isinstance(number, bool):
            return number
    raise OutOfFragment("the count is not compared with a least one")


def _counted(
    branches: tuple[Branch, ...], tail: tuple[Command, ...], seconds: int, columns: tuple[str, ...], time: str
) -> Correlated:
    count = Aggregate("Count", "COUNT", None)
    least = _least(tail[-1], Field("Count"))
    first = tail[0]
    assert isinstance(first, Stats)
    if len(tail) == 2 and first.aggregates == (count, *_seen(time)):
        leg = CorrelatedLeg(branches, columns, without=frozenset(columns))
        return Correlated("event_count", (leg,), seconds, least, "tumbling")
    second = tail[1] if len(tail) == 3 else None
    keys, value = columns[:-1], columns[-1]
    again = (count, Aggregate("Earliest", "MIN", Field("Earliest")), Aggregate("Latest", "MAX", Field("Latest")))
    by = tuple((name, Field(name)) for name in ("Window", *keys))
    if first.aggregates == _seen(time) and second == Stats(again, by) and keys:
        leg = CorrelatedLeg(branches, keys, value, without=frozenset(keys))
        return Correlated("value_count", (leg,), seconds, least, "tumbling")
    raise OutOfFragment("neither events nor different values are counted")


def _labels(base: list[Command]) -> list[str]:
    """The labels of `Rule_1 = CASE(…, "a"), Rule_2 = …` with the WHERE behind it, in order."""
    if len(base) != 2 or not isinstance(base[0], Eval):
        raise OutOfFragment(_UNKNOWN)
    labels: list[str] = []
    for number, (name, value) in enumerate(base[0].assignments, 1):
        label = value.args[1] if isinstance(value, Call) and value.name == "CASE" and len(value.args) == 2 else None
        if name != f"Rule_{number}" or not isinstance(label, Literal) or not isinstance(label.value, str):
            raise OutOfFragment("the rules are not told apart by their names")
        labels.append(label.value)
    there: Expr = Not(IsNull(Field("Rule_1")))
    names = [Not(IsNull(Field(f"Rule_{number}"))) for number in range(1, len(labels) + 1)]
    there = names[0] if len(names) == 1 else _chain("OR", list(names))
    if base[1] != Where(there) or len(set(labels)) < len(labels):
        raise OutOfFragment("events of no rule are kept")
    return labels


def _chain(op: str, parts: list[Expr]) -> Expr:
    """A chain as the parser balances it."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return Binary(op, _chain(op, parts[:middle]), _chain(op, parts[middle:]))


def _legs(branches: tuple[Branch, ...], labels: list[str], keys: tuple[str, ...]) -> tuple[CorrelatedLeg, ...]:
    """The branches of each label; a branch of several belongs to each."""
    return tuple(
        CorrelatedLeg(
            tuple(b for b in branches if b.labels.get(f"Rule_{n}") == label), keys, "", label, frozenset(keys)
        )
        for n, label in enumerate(labels, 1)
    )


def _any(
    branches: tuple[Branch, ...], base: list[Command], tail: tuple[Command, ...], seconds: int,
    columns: tuple[str, ...], time: str,
) -> Correlated:  # fmt: skip
    labels = _labels(base)
    numbers = range(1, len(labels) + 1)
    counts = tuple(Aggregate(f"Rule_{n}", "COUNT", Field(f"Rule_{n}")) for n in numbers)
    first = tail[0]
    assert isinstance(first, Stats)
    if len(tail) != 2 or first.aggregates != (*counts, *_seen(time)):
        raise OutOfFragment("the events of each rule are not counted")
    terms = [Call("CASE", (Binary(">", Field(f"Rule_{n}"), Literal(0)), Literal(1), Literal(0))) for n in numbers]
    total: Expr = terms[0]
    for term in terms[1:]:
        total = Binary("+", total, term)
    return Correlated("temporal", _legs(branches, labels, columns), seconds, _least(tail[-1], total), "tumbling")


def _ordered(
    branches: tuple[Branch, ...], base: list[Command], timed: Command, tail: tuple[Command, ...], seconds: int,
    columns: tuple[str, ...], time: str,
) -> Correlated:  # fmt: skip
    labels = _labels(base)
    wanted = tuple(
        (f"Time_{n}", Call("CASE", (Binary("==", Field(f"Rule_{n}"), Literal(label)), Field(time))))
        for n, label in enumerate(labels, 1)
    )
    first = tail[0]
    assert isinstance(first, Stats)
    stats = (Aggregate("Earliest", "MIN", Field("Time_1")), Aggregate("Latest", "MAX", Field("Time_2")))
    before = Where(Binary("<", Field("Earliest"), Field("Latest")))
    if timed != Eval(wanted) or len(labels) != 2 or len(tail) != 2 or first.aggregates != stats or tail[1] != before:
        raise OutOfFragment("the first event of one rule is not before the last of the other")
    return Correlated("temporal_ordered", _legs(branches, labels, columns), seconds, 2, "tumbling")
