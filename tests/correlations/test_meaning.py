"""What a correlation means: examples decided by hand, and laws over random events."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from converter.core.correlation import Correlation, Count
from converter.rules.correlating import Firing, firings, firings_of, matches
from converter.rules.evaluator import compile_rule
from tests.correlations.test_engines_agree import RULES, TYPES, a_correlation, some_events

CASES = yaml.safe_load((Path(__file__).parent / "meaning.yml").read_text("utf-8"))


def correlation(case: dict[str, Any]) -> Correlation:
    count = Count((("gte", case["least"]),))
    field = "value" if case["type"] == "value_count" else ""
    names = tuple(case.get("rules", ["a"]))
    return Correlation(
        "x.yml",
        {"title": "x"},
        "",
        type=case["type"],
        references=names,
        group_by=("group",),
        seconds=60,
        count=count,
        field=field,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_example(case: dict[str, Any]) -> None:
    """A correlation fires exactly where a human says that it does."""
    keys = ("rules", "group", "value")
    events = [(float(row[0]), dict(zip(keys, row[1:], strict=False))) for row in case["rows"]]
    judges = {name: lambda event, name=name: name in event["rules"].split() for name in "abc"}
    found = firings(correlation(case), judges, events)
    assert found == {Firing((group,), float(time)) for group, time in case["fires"]}
    if "windows" in case:
        windows = firings(correlation(case), judges, events, tumbling=True)
        assert windows == {Firing((group,), float(time)) for group, time in case["windows"]}


@pytest.mark.parametrize("kind", TYPES)
def test_tumbling_windows_find_nothing_that_sliding_ones_do_not(kind: str) -> None:
    """A group that fires in a window between boundaries fires at a moment in it; the order of events given is no
    matter, and what comes later changes nothing of what was found."""
    for seed in range(60):
        chance = random.Random(f"{kind} {seed}")
        one = a_correlation(kind, chance)
        judges = {name: compile_rule(RULES[name]) for name in one.references}
        events = [(float(e.seconds), e.event) for e in some_events(chance, one.seconds)]
        found = matches(one, judges, events)
        sliding = firings_of(one, found)
        for firing in firings_of(one, found, tumbling=True):
            inside = [f for f in sliding if f.group == firing.group and 0 <= f.time - firing.time < one.seconds]
            assert inside
        assert firings(one, judges, events[::-1]) == sliding
        half = [event for event in events if event[0] <= events[len(events) // 2][0]]
        assert firings(one, judges, half) == {f for f in sliding if f.time <= half[-1][0]}
