"""Reads a correlation's SPL back: what comes before `sort` are the rules' events, what follows relates them.

The second part must be one of the shapes whose meaning is known, command by command; anything else is out of the
fragment. Names of fields are compared as the parser has them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from converter.core.errors import OutOfFragment
from converter.core.platform import Schema
from converter.dialects.reading import Branch, Correlated, CorrelatedLeg
from converter.dialects.spl.nodes import (
    Aggregate,
    Binary,
    Call,
    Command,
    Eval,
    Expr,
    Literal,
    Name,
    Pipeline,
    Sort,
    StreamStats,
    Table,
    Where,
)
from converter.dialects.spl.reader import branch_and_origins
from converter.dialects.spl.syntax import parse_both

_NAMED = re.compile(r"Key\d+")


def read_correlation(text: str, schema: Schema) -> Correlated:
    """What a correlation's search means. Raises as `reader.read` does, and OutOfFragment for another shape."""
    commands = parse_both(text).commands
    at = next((number for number, command in enumerate(commands) if isinstance(command, Sort)), len(commands))
    base, tail = commands[:at], list(commands[at:])
    if len(tail) < 4 or not isinstance(tail[-1], Table):
        raise OutOfFragment("this is no correlation of a known shape")
    events = branch_and_origins(Pipeline(base), schema)
    relating = tail[:-1]
    if schema.time != "_time":
        raise OutOfFragment("the time of the records is not _time")
    if isinstance(relating[1], StreamStats):
        found = _counted(events, relating)
    elif isinstance(relating[0], Sort) and len(relating[0].keys) == 2:
        found = _ordered(events, relating)
    else:
        found = _temporal(events, relating)
    if schema.missing != "null-text":
        return found
    # what is missing arrives as a text, which is a group like any other
    return replace(found, legs=tuple(replace(leg, without=frozenset(leg.keys)) for leg in found.legs))


Events = Sequence[tuple[Branch, dict[str, str]]]


def _counted(events: Events, commands: list[Command]) -> Correlated:
    sort, stats, where = (*commands, None, None)[:3]
    if len(commands) != 3 or sort != Sort(0, (("_time", False),)) or not isinstance(stats, StreamStats):
        raise OutOfFragment("events are counted in the order of their time")
    if len(events) != 1:
        raise OutOfFragment("an event that several searches return would be counted twice")
    (branch, _), keys = events[0], stats.by
    condition = where.condition if isinstance(where, Where) else None
    found = stats.aggregates
    if stats.time_window and not stats.window and stats.current and _is(found, ("dc", "Count")):
        least = _at_least(condition, "Count")
        leg = CorrelatedLeg((branch,), keys, found[0].field or "")
        return Correlated("value_count", (leg,), stats.time_window, least, "sliding")
    whole = [Aggregate("count", None, "Count"), Aggregate("min", "_time", "Start")]
    if not stats.time_window and stats.window and not stats.overall and stats.current and list(found) == whole:
        if (
            not isinstance(condition, Binary)
            or condition.op != "AND"
            or _at_least(condition.left, "Count") != stats.window
        ):
            raise OutOfFragment("the window of events is not as long as the count that is asked for")
        seconds = _within(condition.right, "Start")
        return Correlated("event_count", (CorrelatedLeg((branch,), keys),), seconds, stats.window, "sliding")
    raise OutOfFragment("this streamstats counts neither events nor values within a time")


def _is(found: Sequence[Aggregate], wanted: tuple[str, str]) -> bool:
    return len(found) == 1 and (found[0].function, found[0].alias) == wanted


def _temporal(events: Events, commands: list[Command]) -> Correlated:
    """Each rule's last time is kept; a rule counts where that is within the timespan."""
    if len(commands) != 4:
        raise OutOfFragment("the rules within the time are not counted")
    sort, evaluated, stats, where = commands
    legs = _legs(events)
    times = tuple((f"Time{n}", _own(n, Name("_time"))) for n in range(1, len(legs) + 1))
    lasts = tuple(Aggregate("max", f"Time{n}", f"Last{n}") for n in range(1, len(legs) + 1))
    keys = tuple(f"Key{n}" for n in range(1, len(legs[0].keys) + 1))
    fits = (
        sort == Sort(0, (("_time", False),))
        and evaluated == Eval(times)
        and stats == StreamStats(lasts, keys)
        and isinstance(where, Where)
        and isinstance(where.condition, Binary)
        and where.condition.op == ">="
        and isinstance(where.condition.right, Literal)
    )
    if not fits:
        raise OutOfFragment("the last time of each rule is not kept by group")
    assert isinstance(where, Where)
    assert isinstance(where.condition, Binary)
    spans = set()
    for number, term in enumerate(_sum(where.condition.left, len(legs)), 1):
        if not isinstance(term, Call) or term.function != "if" or term.args[1:] != (Literal(1), Literal(0)):
            raise OutOfFragment("the rules within the time are not counted")
        spans.add(_within(term.args[0], f"Last{number}"))
    if len(spans) != 1:
        raise OutOfFragment("the rules are not looked for within one timespan")
    return Correlated("temporal", legs, spans.pop(), _whole(where.condition.right), "sliding")


def _sum(expr: Expr, count: int) -> list[Expr]:
    terms: list[Expr] = []
    while isinstance(expr, Binary) and expr.op == "+":
        terms.insert(0, expr.right)
        expr = expr.left
    if len(terms) != count - 1:
        raise OutOfFragment("not every rule is counted")
    return [expr, *terms]


def _ordered(events: Events, commands: list[Command]) -> Correlated:
    """The start of the latest way to each rule is handed on from rule to rule."""
    legs = _legs(events)
    keys = tuple(f"Key{n}" for n in range(1, len(legs[0].keys) + 1))
    wanted: list[Command] = [Sort(0, (("_time", False), ("Stage", True)))]
    for n in range(1, len(legs)):
        wanted.append(Eval(((f"Begun{n}", _own(n, Name("_time" if n == 1 else f"Start{n - 1}"))),)))
        wanted.append(StreamStats((Aggregate("max", f"Begun{n}", f"Start{n}"),), keys))
    where = commands[-1]
    last = where.condition if isinstance(where, Where) else None
    if commands[:-1] != wanted or not isinstance(last, Binary) or last.op != "AND":
        raise OutOfFragment("the rules are not followed one after the other by group")
    if last.left != Binary("=", Name("Stage"), Literal(len(legs))):
        raise OutOfFragment("the last rule does not end the sequence")
    return Correlated("temporal_ordered", legs, _within(last.right, f"Start{len(legs) - 1}"), len(legs), "sliding")


def _legs(events: Events) -> tuple[CorrelatedLeg, ...]:
    """The searches in the order of their stages, each with the columns behind its keys."""
    found = []
    for number, (branch, origins) in enumerate(events, 1):
        keys = [
            origins.get(name) for name in sorted((k for k in origins if _NAMED.fullmatch(k)), key=lambda k: int(k[3:]))
        ]
        if branch.labels.get("Stage") != str(number) or "Rule" not in branch.labels or not keys:
            raise OutOfFragment("a search does not name its rule, its stage and its keys")
        found.append(CorrelatedLeg((branch,), tuple(key or "" for key in keys), "", branch.labels["Rule"]))
    if len(found) < 2 or len({len(leg.keys) for leg in found}) != 1:
        raise OutOfFragment("fewer than two rules over the same keys")
    return tuple(found)


def _own(stage: int, value: Expr) -> Expr:
    return Call("if", (Binary("=", Name("Stage"), Literal(stage)), value, Call("null", ())))


def _within(expr: Expr, start: str) -> int:
    """n of `_time-start<=n`."""
    if isinstance(expr, Binary) and expr.op == "<=" and expr.left == Binary("-", Name("_time"), Name(start)):
        return _whole(expr.right)
    raise OutOfFragment(f"{start} is not compared with the time of the event")


def _at_least(expr: Expr | None, name: str) -> int:
    if isinstance(expr, Binary) and expr.op == ">=" and expr.left == Name(name):
        return _whole(expr.right)
    raise OutOfFragment(f"{name} is not compared with a number")


def _whole(expr: Expr) -> int:
    if isinstance(expr, Literal) and isinstance(expr.value, int):
        return expr.value
    raise OutOfFragment("a number is not whole")
