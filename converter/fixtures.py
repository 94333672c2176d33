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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from converter.errors import Faults, LibraryError, NotRepresentable, ParityError
from converter.library import read_yaml
from converter.model import Case, Kind, Record, Rule, Schema
from converter.schemas.project import kinds_of, project

FOLDER = Path("tests/fixtures")
_KEYS = {"name", "match", "event", "kind", "age_minutes", "why"}


def load_cases(rule: Rule, root: Path) -> tuple[Case, ...]:
    """The cases of a rule. Raises LibraryError when the file is missing or broken, naming the case."""
    path = root / FOLDER / f"{rule.stem}.yml"
    where = (FOLDER / f"{rule.stem}.yml").as_posix()
    if not path.exists():
        raise LibraryError("the rule has no fixture", rule.path, f"write {where} (see CONTRIBUTING.md)")
    _, raw = read_yaml(path, where)
    if not isinstance(raw, dict) or not isinstance(raw.get("cases"), list) or not raw["cases"]:
        raise LibraryError("a fixture is a mapping with a list of cases", where)
    base = raw.get("base") or {}
    cases = tuple(_case(item, base, where, number) for number, item in enumerate(raw["cases"], 1))
    names = [case.name for case in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LibraryError(f"two cases are called {twice[0]!r}", where, "names tell cases apart in reports")
    _check_enough(cases, where)
    return cases


def _case(item: Any, base: Mapping[str, Any], where: str, number: int) -> Case:
    place = f"{where}: case {number}"
    if not isinstance(item, dict) or not {"name", "match", "event"} <= item.keys():
        raise LibraryError("a case has a name, an event and match: true or false", place)
    unknown = sorted(item.keys() - _KEYS)
    if unknown:
        raise LibraryError(f"unknown key {unknown[0]!r}", place, f"known are {', '.join(sorted(_KEYS))}")
    if not isinstance(item["match"], bool) or not isinstance(item["event"], dict):
        raise LibraryError("match is true or false, event a mapping of fields", place)
    event = {k: v for k, v in {**base, **item["event"]}.items() if v is not None}
    age = item.get("age_minutes")
    if age is not None and not isinstance(age, int):
        raise LibraryError("age_minutes is a whole number of minutes", place)
    return Case(str(item["name"]), event, item["match"], item.get("kind"), age, place)


def _check_enough(cases: tuple[Case, ...], where: str) -> None:
    """A rule that no fixture matches would agree with everything by matching nothing."""
    matching = sum(case.match for case in cases)
    if matching < 1 or len(cases) - matching < 2:
        raise LibraryError("at least one case must match and two must not", where)


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
