"""Fixtures of correlations: sequences of events, each with whether a human expects the correlation to fire.

They stand where a rule's fixture stands (`build.fixtures`). An event happens `at` some time after the sequence begins,
and may be repeated; `rule` names the rule whose log source records it, the first one where it is left out:

    base: {Computer: web01}
    cases:
      - name: five shells in four minutes
        match: true
        events:
          - {at: 0s, event: {Image: 'C:\\Windows\\System32\\cmd.exe'}, times: 5, every: 1m}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.build.fixtures import NOWHERE, fixture_path, is_value, load_each
from converter.core.correlation import Correlation
from converter.core.errors import Faults, LibraryError, ParityError
from converter.core.model import Event
from converter.core.places import line_of
from converter.rules.files import read_yaml
from converter.rules.values import brief

_KEYS = {"name", "match", "events", "why"}
_EVENT_KEYS = {"at", "event", "rule", "times", "every"}
_SPAN = re.compile(r"(\d{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
#: events of one entry at most
_MOST = 1000


@dataclass(frozen=True)
class Happening:
    """An event so many seconds after its sequence begins; `rule` is the reference of the rule whose log source it is
    recorded in."""

    seconds: int
    event: Event
    rule: str


@dataclass(frozen=True)
class Sequence:
    """Events in the order of their time, and whether the correlation is expected to fire, None where nobody says."""

    name: str
    match: bool | None
    events: tuple[Happening, ...]
    where: str = ""


def load_sequences(
    correlations: Iterable[Correlation], root: Path, bases: Mapping[str, Path] = NOWHERE
) -> dict[str, tuple[Sequence, ...]]:
    """correlation path -> sequences, for those that have a fixture. Raises Faults with every broken fixture."""
    return load_each(correlations, sequences_of, root, bases)


def sequences_of(correlation: Correlation, base: Path) -> tuple[Sequence, ...]:
    """The sequences of one correlation. Raises Faults with all that is wrong with its file, each with its line."""
    where = fixture_path(correlation, base)
    data, raw = read_yaml(base / where, where)
    if not isinstance(raw, dict) or not isinstance(raw.get("cases"), list) or not raw["cases"]:
        raise LibraryError("a fixture is a mapping with a list of cases", where)
    shared = raw.get("base") or {}
    faults: list[ParityError] = []
    for key in raw.keys() - {"base", "cases"}:
        faults.append(LibraryError(f"unknown key {key!r}", f"{where}:{line_of(data, key)}", "known are base, cases"))
    if not isinstance(shared, dict):
        faults.append(LibraryError("base is a mapping of fields", f"{where}:{line_of(data, 'base')}"))
        shared = {}
    found: list[Sequence] = []
    for number, item in enumerate(raw["cases"]):
        place = f"{where}:{line_of(data, 'cases', number)}"
        wrong = [LibraryError(message, place, hint) for message, hint in _faults(item, correlation)]
        if not wrong and item["name"] in [one.name for one in found]:
            wrong = [LibraryError(f"there are two cases {item['name']!r}", place, "rename one")]
        faults += wrong
        if not wrong:
            events = sorted(_happenings(item, shared, correlation), key=lambda one: one.seconds)
            found.append(Sequence(item["name"], item["match"], tuple(events), place))
    if not faults and not {True, False} <= {one.match for one in found}:
        faults.append(LibraryError("at least one sequence must match and one must not", where))
    if faults:
        raise Faults(faults)
    return tuple(found)


def _faults(item: Any, correlation: Correlation) -> Iterator[tuple[str, str]]:
    """(message, hint) for what is wrong with one case."""
    if not isinstance(item, dict) or not {"name", "match", "events"} <= item.keys():
        yield "a case has a name, events and match: true or false", ""
        return
    for key in item.keys() - _KEYS:
        yield f"unknown key {brief(key)}", f"known are {', '.join(sorted(_KEYS))}"
    if not isinstance(item["name"], str) or not isinstance(item["match"], bool):
        yield "the name of a case is text and match is true or false", ""
    if not isinstance(item["events"], list) or not item["events"]:
        yield "the events of a case are a list", ""
        return
    for entry in item["events"]:
        yield from _event_faults(entry, correlation)


def _event_faults(entry: Any, correlation: Correlation) -> Iterator[tuple[str, str]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("event"), dict) or "at" not in entry:
        yield "an event has at, when it happens, and event, its fields", "such as {at: 90s, event: {Image: …}}"
        return
    for key in entry.keys() - _EVENT_KEYS:
        yield f"unknown key {brief(key)} of an event", f"known are {', '.join(sorted(_EVENT_KEYS))}"
    for key in ("at", "every"):
        if key in entry and not (isinstance(entry[key], str) and _SPAN.fullmatch(entry[key])):
            yield f"{key} is a whole number and s, m, h or d, not {brief(entry[key])}", "such as 90s"
    times = entry.get("times", 1)
    if not isinstance(times, int) or isinstance(times, bool) or not 1 <= times <= _MOST:
        yield f"times is a whole number from 1 to {_MOST:,}, not {brief(times)}", ""
    if ("times" in entry) != ("every" in entry):
        yield "times and every go together", "such as times: 5, every: 1m"
    if "rule" in entry and entry["rule"] not in correlation.references:
        yield f"rule {brief(entry['rule'])} is none of the correlation's", f"one of {', '.join(correlation.references)}"
    for field, value in entry["event"].items():
        if not isinstance(field, str) or not is_value(value):
            yield f"{brief(field)}: a field is text, a number, true, false, null or a list of them", ""


def _happenings(item: Mapping[str, Any], shared: Mapping[str, Any], correlation: Correlation) -> Iterator[Happening]:
    for entry in item["events"]:
        event = {field: value for field, value in {**shared, **entry["event"]}.items() if value is not None}
        for number in range(entry.get("times", 1)):
            moment = _seconds(entry["at"]) + number * _seconds(entry.get("every", "0s"))
            yield Happening(moment, event, entry.get("rule", correlation.references[0]))


def _seconds(text: str) -> int:
    found = _SPAN.fullmatch(text)
    assert found is not None
    return int(found[1]) * _SECONDS[found[2]]
