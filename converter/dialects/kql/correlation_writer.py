"""Correlations in KQL: self-joins, so that a window ends at every event, on Defender XDR and Sentinel alike.

`scan` and the row functions after `serialize` would read the rows once, but neither is executed by an engine that we
have, and of `scan` Defender's reference says nothing
(https://learn.microsoft.com/en-us/defender-xdr/advanced-hunting-query-language). `join kind=inner` pairs every two rows
with equal keys (https://learn.microsoft.com/en-us/kusto/query/join-inner); different things are counted after
`distinct`, since `dcount` estimates (https://learn.microsoft.com/en-us/kusto/query/dcount-aggregation-function).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from converter.core.correlation import unit
from converter.dialects.draft import SLIDES, CorrelationDraft, Leg
from converter.dialects.kql.writer import Named, quote
from converter.dialects.layout import indented, listed, slashes
from converter.dialects.limits import within
from converter.dialects.writer import refuse


def write_correlation(plan: CorrelationDraft) -> str:
    """The query of one correlation: its rows are the last events of the windows in which it holds."""
    ordered = plan.type == "temporal_ordered"
    body = _ordered(plan) if ordered else _counted(plan)
    return within(plan.header(slashes, SLIDES) + body, plan.target)


def _keys(plan: CorrelationDraft) -> list[str]:
    """Names of the columns that group, told after the group-by fields."""
    return [f"Key{number}_{re.sub(r'[^A-Za-z0-9_]', '_', name)}" for number, name in enumerate(plan.key_names, 1)]


def _leading(plan: CorrelationDraft) -> list[str]:
    """The columns that stand first and tell rows apart, which must be the same for all legs."""
    found = {leg.draft.leading for leg in plan.legs}
    if len(found) != 1:
        raise refuse("correlation identity", "tables that identify their rows by different columns are not related")
    return list(found.pop())


def _events(plan: CorrelationDraft, leg: Leg, *more: str) -> str:
    """The events of a leg with what identifies, groups and is counted."""
    columns = Named(leg.draft, asking=True)
    named = [f"{name} = {columns.value(column)}" for name, column in zip(_keys(plan), leg.keys, strict=True)]
    value = [f"Value = {columns.value(leg.value)}"] if leg.value else []
    steps = [leg.draft.table, *columns.where(), *(f"extend {one}" for one in more)]
    steps.append(listed([*_leading(plan), *named, *value, *(one.split(" = ")[0] for one in more)], "project"))
    return indented("\n| ".join(steps), 4)


def _let(name: str, tables: Iterable[str]) -> str:
    found = list(tables)
    if len(found) == 1:
        return f"let {name} =\n{found[0]};\n"
    return f"let {name} = union\n    (\n" + "\n    ),\n    (\n".join(found) + "\n    );\n"


def _counted(plan: CorrelationDraft) -> str:
    """Different things among the events of each window: the events themselves, values of a field, or rules."""
    time = plan.target.options["time"]
    if plan.type == "temporal":
        tables = [_events(plan, leg, f"Rule = {quote(leg.label)}") for leg in plan.legs]
        things = {"EarlierRule": "Rule"}
    else:
        tables = [_events(plan, leg) for leg in plan.together(lambda draft: draft.table)]
        things = {"EarlierValue": "Value"} if plan.type == "value_count" else {}
        things = things or {f"Earlier{name}": name for name in _leading(plan) if name != time}
    keys, leading = _keys(plan), _leading(plan)
    earlier = [*keys, f"EarlierTime = {time}", *(f"{new} = {old}" for new, old in things.items())]
    counted = [] if plan.type != "event_count" else ["EarlierTime"]
    steps = [
        "Events",
        f"join kind=inner (\n    Events\n    | {listed(earlier, 'project', 8)}\n  ) on {', '.join(keys)}",
        f"where EarlierTime between (({time} - {unit(plan.seconds)}) .. {time})",
        listed([*leading, *keys, *counted, *things], "distinct"),
        f"summarize Count = count() by {', '.join([*leading, *keys])}",
        f"where Count >= {plan.least}",
    ]
    return _let("Events", tables) + "\n| ".join(steps) + "\n"


def _ordered(plan: CorrelationDraft) -> str:
    """A join for each further rule. Of the ways to an event only the one that began last is kept: if any fits into the
    timespan, it does."""
    time, keys = plan.target.options["time"], _keys(plan)
    lets = [_let(f"Rule{number}", [_events(plan, leg)]) for number, leg in enumerate(plan.legs, 1)]
    steps = ["Rule1", f"project {', '.join(keys)}, Start = {time}, Time1 = {time}"]
    last = len(plan.legs)
    for number in range(2, last + 1):
        final = number == last
        shown = [*_leading(plan), *keys] if final else [*keys, f"Time{number}"]
        now = time if final else f"Time{number}"
        right = f"Rule{number}" if final else f"(Rule{number} | project {', '.join(keys)}, Time{number} = {time})"
        steps += [
            f"join kind=inner {right if not final else f'({right})'} on {', '.join(keys)}",
            f"where {now} > Time{number - 1} and {now} <= Start + {unit(plan.seconds)}",
            f"summarize Start = max(Start) by {', '.join(shown)}",
        ]
    return "".join(lets) + "\n| ".join(steps) + "\n"
