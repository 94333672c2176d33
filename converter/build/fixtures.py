"""Fixtures: events in Sigma's taxonomy with the verdict a human expects.

They stand at the rule's own path below the project's fixtures (`tests/fixtures/`, or `fixtures/`), or beside a rule of
no project, as `<rule>.fixture.yaml`.

A file has `base`, fields that every event starts from, and `cases`; a field set to null in a case is missing there:

    base: {Computer: web01}
    cases:
      - name: the worker process starts a shell
        match: true
        event: {ParentImage: 'C:\\Windows\\System32\\inetsrv\\w3wp.exe', Image: 'C:\\Windows\\System32\\cmd.exe'}

A case stands for every kind of record of its rule's log sources; `kind` names another category (`file_delete`) or the
beginning of a kind's name (`network_connection/undirected`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from converter.core.config import is_project, layout
from converter.core.correlation import Correlation
from converter.core.discovery import did_you_mean, schemas
from converter.core.errors import Faults, LibraryError, ParityError
from converter.core.model import Rule
from converter.core.places import line_of
from converter.core.verdict import Case
from converter.rules.files import read_yaml
from converter.rules.values import brief

_Source = TypeVar("_Source", Rule, Correlation)
_Loaded = TypeVar("_Loaded")
#: no folders
NOWHERE: Mapping[str, Path] = {}
_KEYS = {"name", "match", "event", "kind", "age_minutes", "why"}


def fixture_path(rule: Rule | Correlation, base: Path) -> str:
    """Where a rule's fixture is, or would be, below the folder that the rule's path starts from."""
    own = layout(base)
    if is_project(base) and rule.path.startswith(f"{own.rules}/"):
        return f"{own.fixtures}/{rule.stem}.yml"
    number = rule.path.removeprefix(rule.file)
    return f"{rule.file.removesuffix('.yml')}{number}.fixture.yaml"


def has_fixture(rule: Rule | Correlation, base: Path) -> bool:
    """Whether there is one; a rule without is proved, but not executed."""
    return os.path.lexists(base / fixture_path(rule, base))


def load_cases(rule: Rule, folder: Path) -> tuple[Case, ...]:
    """The cases of a rule. Raises Faults with all that is wrong with its file, each with its line."""
    where = fixture_path(rule, folder)
    data, raw = read_yaml(folder / where, where)
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
            if not isinstance(field, str) or not is_value(value):
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


def is_value(value: Any) -> bool:
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


def load_all(rules: Iterable[Rule], root: Path, bases: Mapping[str, Path] = NOWHERE) -> dict[str, tuple[Case, ...]]:
    """rule path -> cases, for the rules that have a fixture; `bases` has the folders that other paths start from than
    `root`. Raises Faults with every broken fixture."""
    return load_each(rules, load_cases, root, bases)


def load_each(
    sources: Iterable[_Source],
    load: Callable[[_Source, Path], tuple[_Loaded, ...]],
    root: Path,
    bases: Mapping[str, Path],
) -> dict[str, tuple[_Loaded, ...]]:
    """path -> what `load` reads from the fixture of a rule or correlation that has one. Raises as `load_all`."""
    faults: list[ParityError] = []
    found: dict[str, tuple[_Loaded, ...]] = {}
    for source in sources:
        base = bases.get(source.path, root)
        if not has_fixture(source, base):
            continue
        try:
            found[source.path] = load(source, base)
        except Faults as several:
            faults.extend(several.faults)
        except ParityError as error:
            faults.append(error)
    if faults:
        raise Faults(faults)
    return found
