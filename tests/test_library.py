"""What every rule of the library owes its reader: events on both sides, each value met, each selection decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from converter.build.fixtures import load_cases
from converter.build.sequences import sequences_of
from converter.core.model import Rule
from converter.core.verdict import Case
from converter.rules.evaluator import compile_rule
from tests.project import ROOT, library
from tests.test_benign import events, loud

RULES = library().alone
MATCHES, NEAR_MISSES = 3, 6
BY_RULE = pytest.mark.parametrize("path", sorted(RULES))


def cases(path: str) -> tuple[Case, ...]:
    return tuple(case for case in load_cases(RULES[path], ROOT) if case.kind is None)


def judged(rule: Rule, selection: Any, found: tuple[Case, ...]) -> list[bool]:
    """What a selection alone says of each case."""
    alone = {**rule.raw, "detection": {"one": selection, "condition": "one"}}
    judge = compile_rule(alone)
    return [judge(case.event) for case in found]


def selections(rule: Rule) -> Mapping[str, Any]:
    return {name: part for name, part in rule.raw["detection"].items() if name not in ("condition", "timeframe")}


def values(selection: Any) -> Iterator[dict[str, Any]]:
    """Each listed value as a selection of its own."""
    for part in selection if isinstance(selection, list) else [selection]:
        for key, value in part.items() if isinstance(part, dict) else ():
            if isinstance(value, list) and "all" not in key.split("|"):
                yield from ({key: one} for one in value)


@BY_RULE
def test_a_rule_has_events_on_both_sides(path: str) -> None:
    """Three events at least that it is for, and six that look like it and are not."""
    found = cases(path)
    assert sum(case.match for case in found) >= MATCHES
    assert sum(not case.match for case in found) >= NEAR_MISSES


@BY_RULE
def test_every_listed_value_is_met(path: str) -> None:
    """Each value of each list is that of some event of the fixture: in a filter too."""
    rule, found = RULES[path], cases(path)
    unmet = [
        f"{name}: {one}"
        for name, selection in selections(rule).items()
        for one in values(selection)
        if not any(judged(rule, one, found))
    ]
    assert unmet == []


@BY_RULE
def test_every_selection_is_decided_both_ways(path: str) -> None:
    """Each selection holds on some event of the fixture and not on some other, and so does each of its alternatives."""
    rule, found = RULES[path], cases(path)
    idle = []
    for name, selection in selections(rule).items():
        for one in selection if isinstance(selection, list) else [selection]:
            if {True, False} - set(judged(rule, one, found)):
                idle.append(name)
    assert idle == []


@pytest.mark.parametrize("path", sorted(library().correlations))
def test_a_correlation_has_sequences_on_both_sides(path: str) -> None:
    """Three sequences at least on which it fires, and as many on which it does not."""
    found = sequences_of(library().correlations[path], ROOT)
    assert sum(bool(one.match) for one in found) >= MATCHES
    assert sum(not one.match for one in found) >= MATCHES


def test_there_are_harmless_events_for_every_loud_rule() -> None:
    """A rule of level high or critical is held against harmless events of its own log source."""
    known = {event.source for event in events()}
    assert {str(rule.logsource) for rule in loud()} - known == set()


def test_a_value_that_no_event_has_is_noticed() -> None:
    """The laws can fail: a value beside the others, and a selection that never holds."""
    path = "sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"
    rule, found = RULES[path], cases(path)
    assert not any(judged(rule, {"Image|endswith": "\\nothing.exe"}, found))
    assert set(judged(rule, {"Image|endswith": "\\nothing.exe"}, found)) == {False}
