"""What a correlation means over a list of events, each with its time: the judge of fixtures and of every engine.

Written from the Sigma correlation rules specification alone
(https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-correlation-rules-specification.md); it
shares nothing with writers, readers and engines. What the specification leaves open is decided here:

- *Windows.* "The time frame should not be restricted to boundaries": each moment t at which an event of the group
  happens ends one window, from t minus the timespan to t, both included. A correlation *fires* for a group at t when
  the count in that window meets the condition. (That an event exactly a timespan earlier is inside is also what EQL's
  maxspan does.) A language that has boundaries only is judged with `tumbling` windows: the timespans since the epoch.
- *Groups.* The values of the group-by fields must be the same, letter for letter, also in case: only detections are
  said to ignore it. An event that lacks one of the fields is in no group, since it has no value that could be the
  same as another's. An event with several values of a field is in the group of each.
- *event_count* counts events: one that several of the rules match is one event. *value_count* counts the different
  values, letter for letter; an event without the field adds none. *temporal* counts the rules that match some event;
  one event may serve several rules.
- *temporal_ordered* wants an event of each rule, each later than the one before: events of one moment are in no order.
  It fires at events of the last rule.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converter.core.correlation import Correlation
from converter.core.model import Event

Judge = Callable[[Event], bool]


@dataclass(frozen=True, order=True)
class Firing:
    """A group, by the values of its fields in the order of `group-by`, and when a window ends in which the correlation
    holds (seconds since the epoch; where windows are tumbling, when it begins)."""

    group: tuple[str, ...]
    time: float


@dataclass(frozen=True)
class Match:
    """One event that one of the rules matches, in one of its groups."""

    group: tuple[str, ...]
    time: float
    rule: str
    event: int
    values: tuple[str, ...] = ()


def firings(
    correlation: Correlation,
    judges: Mapping[str, Judge],
    events: Sequence[tuple[float, Event]],
    tumbling: bool = False,
) -> frozenset[Firing]:
    """Where a correlation fires over `events`, in any order; `judges` maps a reference to its rule's judge."""
    return firings_of(correlation, matches(correlation, judges, events), tumbling)


def matches(
    correlation: Correlation, judges: Mapping[str, Judge], events: Sequence[tuple[float, Event]]
) -> list[Match]:
    """Every event that a rule of the correlation matches, once for each rule and group."""
    found = []
    for number, (time, event) in enumerate(events):
        for reference in correlation.references:
            if not judges[reference](event):
                continue
            values = texts(event.get(correlation.field)) if correlation.field else ()
            for group in itertools.product(*(texts(event.get(name)) for name in correlation.fields_of(reference))):
                found.append(Match(group, time, reference, number, values))
    return found


def firings_of(correlation: Correlation, found: Iterable[Match], tumbling: bool = False) -> frozenset[Firing]:
    """Where a correlation fires over what its rules match."""
    by_group: dict[tuple[str, ...], list[Match]] = {}
    for match in found:
        by_group.setdefault(match.group, []).append(match)
    out = set()
    for group, members in by_group.items():
        for time, window in _windows(members, correlation.seconds, tumbling):
            if _holds(correlation, window, None if tumbling else time):
                out.add(Firing(group, time))
    return frozenset(out)


def texts(value: Any) -> tuple[str, ...]:
    """The values of a field as texts, each once; none where it is missing."""
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(dict.fromkeys(_text(item) for item in items if item is not None))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _windows(members: list[Match], seconds: int, tumbling: bool) -> Iterable[tuple[float, list[Match]]]:
    if tumbling:
        starts: dict[float, list[Match]] = {}
        for match in members:
            starts.setdefault(match.time // seconds * seconds, []).append(match)
        yield from starts.items()
        return
    for end in sorted({match.time for match in members}):
        yield end, [match for match in members if end - seconds <= match.time <= end]


def _holds(correlation: Correlation, window: list[Match], end: float | None) -> bool:
    """Whether the window meets the condition; `end` is when it ends where that is when an event happens."""
    if correlation.ordered:
        ended = [m for m in window if m.rule != correlation.references[-1] or end in (None, m.time)]
        return _in_order(correlation.references, ended)
    if correlation.type == "event_count":
        return correlation.count.met(len({match.event for match in window}))
    if correlation.type == "value_count":
        return correlation.count.met(len({value for match in window for value in match.values}))
    return correlation.count.met(len({match.rule for match in window}))


def _in_order(references: Sequence[str], window: list[Match]) -> bool:
    """Whether the rules match in their order: the earliest match of each after that of the one before is the best."""
    after: float | None = None
    for reference in references:
        later = [m.time for m in window if m.rule == reference and (after is None or m.time > after)]
        if not later:
            return False
        after = min(later)
    return True
