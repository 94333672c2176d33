"""Fixtures: events in Sigma's taxonomy with the verdict a human expects.

They stand at the rule's own path below `tests/fixtures/`.

A file has `base`, fields that every event starts from, and `cases`; a field set to null in a case is missing there:

    base: {Computer: web01}
    cases:
      - name: the worker process starts a shell
        match: true
        event: {ParentImage: 'C:\\Windows\\System32\\inetsrv\\w3wp.exe', Image: 'C:\\Windows\\System32\\cmd.exe'}
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from converter.discovery import did_you_mean, schemas
from converter.errors import Faults, LibraryError, NotRepresentable, ParityError
from converter.form import brief
from converter.library import read_yaml
from converter.model import Case, Kind, Record, Rule, Schema
from converter.places import line_of
from converter.schemas.project import kinds_of, project

FOLDER = Path("tests/fixtures")
_KEYS = {"name", "match", "event", "kind", "age_minutes", "why"}


def load_cases(rule: Rule, root: Path) -> tuple[Case, ...]:
    """The cases of a rule. Raises Faults with all that is wrong with its file, each with its line."""
    path = root / FOLDER / f"{rule.stem}.yml"
    where = (FOLDER / f"{rule.stem}.yml").as_posix()
    if not os.path.lexists(path):
        raise LibraryError("the rule has no fixture", rule.path, f"write {where} (see CONTRIBUTING.md)")
    data, raw = read_yaml(path, where)
    if not isinstance(raw, dict) or not isinstance(raw.get("cases"), list) or not raw["cases"]:
        raise LibraryError("a fixture is a mapping with a list of cases", where)
    faults: list[ParityError] = list(_head_faults(raw, where, data))
    base = raw.get("base") or {}
    cases: list[Case] = []
    first: dict[str, int] = {}
    for number, item in enumerate(raw["cases"]):
        wrong = next(_case_faults(item), None)
        if wrong is None and item["name"] in first:
            wrong = f"case {item['name']!r} is already in line {line_of(data, 'cases', first[item['name']])}", ""
        if wrong is not None:
            faults.append(LibraryError(wrong[0], f"{where}:{line_of(data, 'cases', number)}", wrong[1]))
            continue
        first[item["name"]] = number
        if not faults:
            cases.append(_case(item, base, f"{where}: case {number + 1}"))
    if not faults:
        faults.extend(_too_few(cases, where))
    if faults:
        raise Faults(faults)
    return tuple(cases)


def _head_faults(raw: Mapping[Any, Any], where: str, data: bytes) -> Iterator[LibraryError]:
    for key in raw:
        if key not in ("base", "cases"):
            yield LibraryError(f"unknown key {key!r}", f"{where}:{line_of(data, key)}", "known are base, cases")
    if not isinstance(raw.get("base") or {}, dict):
        yield LibraryError("base is a mapping of fields", f"{where}:{line_of(data, 'base')}")


def _case_faults(item: Any) -> Iterator[tuple[str, str]]:
    """(message, hint) for what is wrong with one case."""
    if not isinstance(item, dict) or not {"name", "match", "event"} <= item.keys():
        yield "a case has a name, an event and match: true or false", ""
        return
    for key in item:
        if key not in _KEYS:
            yield f"unknown key {brief(key)}", f"known are {', '.join(sorted(_KEYS))}"
    if not isinstance(item["name"], str):
        yield f"the name of a case is text, not {brief(item['name'])}", "put it in quotes"
    if not isinstance(item["match"], bool):
        yield f"match is true or false, not {brief(item['match'])}", ""
    if not isinstance(item["event"], dict):
        yield "the event of a case is a mapping of fields", ""
    else:
        for field, value in item["event"].items():
            if not isinstance(field, str) or not _is_value(value):
                known = "text, a number, true, false, null or a list of them"
                yield f"{brief(field)}: a field is {known}, not {brief(value)}", ""
    age = item.get("age_minutes")
    if age is not None and (not isinstance(age, int) or isinstance(age, bool)):
        yield "age_minutes is a whole number of minutes", ""
    kind = item.get("kind")
    if kind is not None and kind not in _kinds():
        yield f"no platform has a kind of record called {brief(kind)}", did_you_mean(str(kind), _kinds())


@cache
def _kinds() -> frozenset[str]:
    """Every name a kind of record goes by on any platform: `file_event/creation`, and `file_event` for all of them."""
    names = [kind.name.split("/") for schema in schemas().values() for kind in schema.kinds]
    return frozenset("/".join(name[:end]) for name in names for end in range(1, len(name) + 1))


def _is_value(value: Any) -> bool:
    scalar = (str, int, float, bool)
    return (
        value is None
        or isinstance(value, scalar)
        or (isinstance(value, list) and all(isinstance(v, scalar) for v in value))
    )


def _case(item: Mapping[str, Any], base: Mapping[str, Any], where: str) -> Case:
    event = {k: v for k, v in {**base, **item["event"]}.items() if v is not None}
    return Case(item["name"], event, item["match"], item.get("kind"), item.get("age_minutes"), where)


def _too_few(cases: list[Case], where: str) -> Iterator[LibraryError]:
    """A rule that no fixture matches would agree with everything by matching nothing."""
    matching = sum(case.match for case in cases)
    if matching < 1 or len(cases) - matching < 2:
        yield LibraryError("at least one case must match and two must not", where)


@dataclass(frozen=True)
class Sample:
    """One case as one platform records it: the rule it was written for, the record kind, and the native record."""

    owner: str
    case: Case
    kind: Kind
    record: Record

    def describe(self) -> str:
        event = ", ".join(f"{k}={v!r}" for k, v in self.case.event.items())
        return f"{self.case.name!r} as {self.kind.name}: {event}"


@dataclass(frozen=True)
class Bench:
    """All cases of all rules as one platform's records, and how often the platform could not hold a case."""

    schema: Schema
    samples: tuple[Sample, ...]
    not_representable: Mapping[str, int]
    #: the samples' records; one object for the bench's life, so that engines can keep what they loaded
    records: tuple[Record, ...]


def load_all(rules: Iterable[Rule], root: Path) -> dict[str, tuple[Case, ...]]:
    """rule path -> cases. Raises Faults with every broken fixture."""
    faults: list[ParityError] = []
    found: dict[str, tuple[Case, ...]] = {}
    for rule in rules:
        try:
            found[rule.path] = load_cases(rule, root)
        except Faults as several:
            faults.extend(several.faults)
        except ParityError as error:
            faults.append(error)
    if faults:
        raise Faults(faults)
    return found


def bench(schema: Schema, cases: Mapping[str, tuple[Case, ...]], rules: Mapping[str, Rule], now: datetime) -> Bench:
    """Every case of every rule, projected into a platform's records of each kind the platform may write for it."""
    samples: list[Sample] = []
    missed: dict[str, int] = {}
    for owner, owned in cases.items():
        for case in owned:
            kind_name = case.kind or rules[owner].category
            try:
                for kind in kinds_of(schema, case.event, kind_name):
                    number = len(samples)
                    age = number % 600 + 1 if case.age_minutes is None else case.age_minutes
                    record = project(schema, kind, case.event, number, _iso(now - timedelta(minutes=age)))
                    samples.append(Sample(owner, case, kind, record))
            except NotRepresentable:
                missed[owner] = missed.get(owner, 0) + 1
    return Bench(schema, tuple(samples), missed, tuple(sample.record for sample in samples))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
