"""Correlations in ES|QL: aggregates over tumbling windows, which is all that 8.19 has.

Rows are not related to each other: there is no self-join (`LOOKUP JOIN` takes an index of its own kind) and no function
of a neighbouring row, https://www.elastic.co/docs/reference/query-languages/esql/esql-commands. What happens on both
sides of a boundary is therefore missed, which the file says. Days are written in hours: `DATE_TRUNC` takes spans of 7
days for weeks that begin on Mondays. Different values are counted by grouping twice, since `COUNT_DISTINCT` estimates:
https://www.elastic.co/docs/reference/query-languages/esql/functions-operators/aggregation-functions.
"""

from __future__ import annotations

from converter.dialects.condition import And, Condition
from converter.dialects.draft import CorrelationDraft, Leg
from converter.dialects.elastic import check_clauses, indices
from converter.dialects.esql.writer import METADATA, EsqlWriter, quote
from converter.dialects.layout import slashes
from converter.dialects.writer import refuse

_NOTE = "Windows are tumbling: of events on both sides of a boundary between two timespans it sees too few."
_UNITS = ((3600, "hour"), (60, "minute"), (1, "second"))


def write_correlation(plan: CorrelationDraft) -> str:
    """The query of one correlation: a row for each group and window in which it holds."""
    check_clauses(*(leg.draft.condition for leg in plan.legs))
    if plan.type in ("event_count", "value_count"):
        (leg,) = plan.together()
        steps = [_from(plan), *(f"WHERE {text}" for text in EsqlWriter(leg.draft).conjuncts(leg.draft.condition))]
        steps += _counted(plan, leg)
    else:
        steps = [_from(plan), *_told_apart(plan), *(_ordered(plan) if plan.type == "temporal_ordered" else _any(plan))]
    return plan.header(slashes, _NOTE) + "\n| ".join(steps) + "\n"


def _from(plan: CorrelationDraft) -> str:
    return f"FROM {', '.join(indices(tuple(leg.draft for leg in plan.legs)))} {METADATA}"


def _by(plan: CorrelationDraft, keys: tuple[str, ...]) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if plan.seconds % size == 0)
    many = plan.seconds // size
    span = f"{many} {unit}" + ("s" if many > 1 else "")
    return f"BY Window = DATE_TRUNC({span}, @timestamp), {', '.join(keys)}"


_SEEN = "Earliest = MIN(@timestamp), Latest = MAX(@timestamp)"


def _counted(plan: CorrelationDraft, leg: Leg) -> list[str]:
    if plan.type == "event_count":
        steps = [f"STATS Count = COUNT(*), {_SEEN} {_by(plan, leg.keys)}"]
    else:
        if leg.value in leg.keys:
            raise refuse("correlation field", "what is counted also groups, so that there is one value in each group")
        steps = [
            f"STATS {_SEEN} {_by(plan, (*leg.keys, leg.value))}",
            f"STATS Count = COUNT(*), Earliest = MIN(Earliest), Latest = MAX(Latest) BY Window, {', '.join(leg.keys)}",
        ]
    return [*steps, f"WHERE Count >= {plan.least}"]


def _told_apart(plan: CorrelationDraft) -> list[str]:
    """A column for each rule, which holds its name where it matches: a row may match several."""
    if len(plan.legs) < 2:
        raise refuse("correlation of one rule", "one rule is related to no other", "count its events instead")
    cases = []
    for number, leg in enumerate(plan.legs, 1):
        writer = EsqlWriter(leg.draft, in_where=False)
        condition = "\n      AND ".join(map(writer.operand, _conjuncts(leg)))
        cases.append(f"    Rule_{number} = CASE(\n      {condition},\n      {quote(leg.label)})")
    some = " OR ".join(f"Rule_{number} IS NOT NULL" for number in range(1, len(plan.legs) + 1))
    return ["EVAL\n" + ",\n".join(cases), f"WHERE {some}"]


def _conjuncts(leg: Leg) -> tuple[Condition, ...]:
    condition = leg.draft.condition
    return condition.parts if isinstance(condition, And) else (condition,)


def _keys(plan: CorrelationDraft) -> tuple[str, ...]:
    found = {leg.keys for leg in plan.legs}
    if len(found) > 1:
        message = "the rules keep what groups them in different columns, of which ES|QL groups by one"
        raise refuse("correlation aliases", message, "use the EQL target")
    return found.pop()


def _any(plan: CorrelationDraft) -> list[str]:
    numbers = range(1, len(plan.legs) + 1)
    counts = ", ".join(f"Rule_{n} = COUNT(Rule_{n})" for n in numbers)
    matched = " + ".join(f"CASE(Rule_{n} > 0, 1, 0)" for n in numbers)
    return [f"STATS {counts}, {_SEEN} {_by(plan, _keys(plan))}", f"WHERE {matched} >= {plan.least}"]


def _ordered(plan: CorrelationDraft) -> list[str]:
    """The first event of one rule comes before the last of the other; of three rules that would say too little."""
    if len(plan.legs) > 2:
        message = f"ES|QL follows no sequence of {len(plan.legs)} rules: it knows the first and last event of each only"
        raise refuse("correlation sequence", message, "use the EQL target")
    times = [f"Time_{n} = CASE(Rule_{n} == {quote(leg.label)}, @timestamp)" for n, leg in enumerate(plan.legs, 1)]
    stats = f"STATS Earliest = MIN(Time_1), Latest = MAX(Time_2) {_by(plan, _keys(plan))}"
    return [f"EVAL {', '.join(times)}", stats, "WHERE Earliest < Latest"]
