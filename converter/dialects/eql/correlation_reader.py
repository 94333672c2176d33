"""Reads a correlation's EQL back: each stage of the sequence as a query of single events, and what joins them."""

from __future__ import annotations

from converter.core.errors import OutOfFragment
from converter.core.platform import Schema
from converter.dialects.eql.reader import read_query
from converter.dialects.eql.resolve import check_field
from converter.dialects.eql.syntax import Sequence, Stage, parse_sequence
from converter.dialects.reading import Correlated, CorrelatedLeg


def read_correlation(text: str, schema: Schema) -> Correlated:
    """What a sequence means. Raises as `reader.read` does, and OutOfFragment for what counts nothing within a time.

    Repeated matches of one stage are a count of events; stages after each other are rules in order. A stage that is
    repeated within a longer sequence has no counterpart in Sigma.
    """
    found = parse_sequence(text)
    if not isinstance(found, Sequence):
        raise OutOfFragment("EQL: this is no sequence")
    if found.maxspan is None or found.maxspan != int(found.maxspan) or found.maxspan < 1:
        raise OutOfFragment("EQL: a sequence without a maxspan of whole seconds")
    seconds = int(found.maxspan)
    if len(found.stages) == 1:
        (stage,) = found.stages
        return Correlated("event_count", (_leg(stage, "", schema),), seconds, stage.runs, "sequence")
    if any(stage.runs > 1 for stage in found.stages):
        raise OutOfFragment("EQL: a repeated stage among others")
    legs = tuple(_leg(stage, f"#{number}", schema) for number, stage in enumerate(found.stages, 1))
    return Correlated("temporal_ordered", legs, seconds, len(legs), "sequence")


def _leg(stage: Stage, label: str, schema: Schema) -> CorrelatedLeg:
    """A stage with its keys; events that both lack an optional one are joined, those that lack another are left out."""
    if not stage.keys:
        raise OutOfFragment("EQL: a sequence by nothing")
    for key in stage.keys:
        check_field(key, schema)
    names = tuple(key.name for key in stage.keys)
    optional = frozenset(key.name for key in stage.keys if key.optional)
    return CorrelatedLeg((read_query(stage.query, schema),), names, "", label, optional)
