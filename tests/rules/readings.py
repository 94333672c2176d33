"""Where our reading of a rule and pySigma's differ: on the truth table of its condition, and on events that tell its
tests apart."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sigma.exceptions import SigmaError

from converter.core.errors import OutOfFragment, ParityError
from converter.core.model import Rule
from converter.explain.generic import generic_domain
from converter.rules.evaluator import compile_rule
from converter.rules.meaning import meaning
from converter.semantics.decide.domain import Budget
from tests.rules.pysigma import fires
from tests.support.probes import probe

#: longer truth tables are sampled
_MOST_ROWS = 256
_BUDGET = Budget(steps=40_000, conflicts=500)


def of_condition(raw: Mapping[str, Any]) -> Iterator[str]:
    """Each row of the condition's truth table, selections for its columns, that the two answer differently."""
    detection = raw["detection"]
    names = [str(name) for name in detection if name != "condition"]
    stub = {"detection": {**{name: {name: "1"} for name in names}, "condition": detection["condition"]}}
    ours, dice = compile_rule(stub), random.Random(0)
    rows: Iterator[tuple[str, ...]] = itertools.product("01", repeat=len(names))
    if 2 ** len(names) > _MOST_ROWS:
        rows = (tuple(dice.choice("01") for _ in names) for _ in range(_MOST_ROWS))
    for row in rows:
        event = dict(zip(names, row, strict=True))
        answers = ours(event), fires(stub, event)
        if answers[0] != answers[1]:
            yield f"condition {detection['condition']!r} on {event}: ours {answers[0]}, pySigma's {answers[1]}"


def of_events(rule: Rule) -> Iterator[str]:
    """Each event of those that isolate a test of the rule that the two answer differently."""
    whole, ours = meaning(rule), compile_rule(rule)
    raw = {"detection": dict(rule.raw["detection"])}
    for one in probe(whole, generic_domain(rule.logsource, whole.fields), _BUDGET).probes:
        answers = ours(one.event), fires(raw, one.event)
        if answers[0] != answers[1]:
            yield f"{dict(one.event)}: ours {answers[0]}, pySigma's {answers[1]}"


def differences(rule: Rule) -> Iterator[str]:
    """All of them; what only one of the two reads is one as well, what neither reads is none."""
    raw = {"detection": rule.raw["detection"]}
    faults = [_fault(lambda: compile_rule(rule)), _fault(lambda: fires(raw, {}))]
    if any(faults):
        if not all(faults):
            yield f"only {'pySigma' if faults[0] else 'ours'} reads it: {' '.join(faults).strip()}"
        return
    yield from of_condition(rule.raw)
    try:
        yield from of_events(rule)
    except OutOfFragment:
        return  # keywords and expressions of no regular language have no probes


def _fault(read: Callable[[], object]) -> str:
    try:
        read()
    except (ParityError, SigmaError) as fault:
        return str(fault)
    return ""
