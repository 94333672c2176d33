"""Correlations in EQL: sequences, whose windows slide (`maxspan`, both ends included).

Repeated events are `with runs`, from 1 to 100, and rules in any order, or different values, EQL cannot relate: a sample
has no time (https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax, "with runs keyword", "Samples").
"""

from __future__ import annotations

from converter.core.correlation import unit
from converter.dialects.draft import CorrelationDraft, Leg
from converter.dialects.elastic import check_clauses, check_texts, indices
from converter.dialects.eql.writer import EqlWriter, category_of, named
from converter.dialects.layout import slashes
from converter.dialects.writer import refuse

MOST_RUNS = 100
#: what a file says that EQL's sequences do
_NOTE = (
    "Windows slide; an event that is part of one answer begins no other, so that an alert may tell of the first only."
)
_TIES = "Events of one moment are in the order of the index."


def write_correlation(plan: CorrelationDraft) -> str:
    """The sequence of one correlation: its last event is where the correlation holds."""
    check_texts(*(leg.draft for leg in plan.legs))
    check_clauses(*(leg.draft.condition for leg in plan.legs))
    if plan.type == "temporal_ordered":
        if len(plan.legs) < 2:
            raise refuse("correlation of one rule", "one rule is related to no other", "count its events instead")
        legs, runs = plan.legs, ""
    elif plan.type == "event_count":
        legs, runs = plan.together(), f" with runs={plan.least}"
        if plan.least > MOST_RUNS:
            raise refuse("correlation count", f"EQL repeats an event {MOST_RUNS} times at most", "use the ES|QL target")
    else:
        what = "rules in any order" if plan.type == "temporal" else "different values"
        raise refuse(
            f"correlation {plan.type}", f"EQL's sequences count no {what} within a time", "use the ES|QL target"
        )
    header = plan.header(slashes, _NOTE, _TIES, f"Index: {', '.join(indices(tuple(leg.draft for leg in plan.legs)))}")
    shared = {_by(leg) for leg in legs}
    by = _by(legs[0]) if len(shared) == 1 else ""
    stages = "".join(_stage(leg, "" if by else _by(leg)) + runs + "\n" for leg in legs)
    return f"{header}sequence{by} with maxspan={unit(plan.seconds)}\n{stages}"


def _by(leg: Leg) -> str:
    """The join keys; a question mark lets one be missing, which then is equal to another that is."""
    return " by " + ", ".join(f"?{named(key)}" if key in leg.optional else named(key) for key in leg.keys)


def _stage(leg: Leg, keys: str) -> str:
    category, rest = category_of(leg.draft.condition)
    body = "\n      and ".join(EqlWriter(leg.draft).operands(rest))
    return f"  // {leg.draft.title}\n  [ {category} where\n      {body} ]{keys}"
