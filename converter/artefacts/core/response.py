"""Response content: what the person needs who gets the alert, written once per detection.

Each maker carries it into the place its platform has for it. Hunting queries are Sigma and are converted like rules.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter.core.config import layout
from converter.core.discovery import did_you_mean
from converter.core.errors import Faults, LibraryError, ParityError
from converter.core.model import Rule
from converter.core.validate import faults
from converter.rules.library import Library, read_yaml

#: YAML by content; not by name, since every *.yml below sigma/ is a rule and every *.yaml a manifest
SUFFIX = ".response"
#: makes the ids of hunting queries, so that a query keeps its id for as long as its detection and title stay
_NAMESPACE = uuid.UUID("7b0c7a52-5b0f-5f0e-9b1e-3f6f7f7a8c11")


@dataclass(frozen=True)
class Step:
    """One step of a guide: `title` in a few words, `text` what to do and what the answer means."""

    title: str
    text: str


@dataclass(frozen=True)
class Hunt:
    """A hunting query: what it looks for, why a hit matters, and its Sigma rule."""

    title: str
    purpose: str
    rule: Rule


@dataclass(frozen=True)
class Tuning:
    """A known harmless cause, and how to exclude it without losing the attack."""

    when: str
    do: str


@dataclass(frozen=True)
class AtomicTest:
    """A public Atomic Red Team test: technique, number, name, GUID; how to run it, what fires and what does not."""

    technique: str
    number: int
    name: str
    guid: str
    run: str
    expect: str
    cleanup: str

    @property
    def url(self) -> str:
        site = "https://github.com/redcanaryco/atomic-red-team/blob/master/atomics"
        return f"{site}/{self.technique}/{self.technique}.md"


@dataclass(frozen=True)
class Response:
    """All response content of one detection. `playbook` has the phases contain, eradicate and recover, in order;
    `summary` is a few sentences for places with little room; `lab` says how to try what no public test covers."""

    detection: str
    path: str
    summary: str
    investigation: tuple[Step, ...]
    playbook: Mapping[str, tuple[Step, ...]]
    hunting: tuple[Hunt, ...]
    tuning: tuple[Tuning, ...]
    testing: tuple[AtomicTest, ...]
    lab: tuple[Step, ...] = ()


def load_responses(root: Path, library: Library) -> dict[str, Response]:
    """detection name -> its response content, for each detection that has `sigma/detections/<name>.response`, or whose
    manifest names another's (`response: web_shell`): the steps are then the same, hunting and tests the other's alone.

    Raises Faults: one LibraryError for each thing wrong, also for content of no detection.
    """
    folder = root / layout(root).rules / "detections"
    out: dict[str, Response] = {}
    found: list[ParityError] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        where = path.relative_to(root).as_posix()
        name = path.name.removesuffix(SUFFIX)
        try:
            if name not in library.detections:
                raise LibraryError(
                    f"there is no detection {name!r}",
                    where,
                    did_you_mean(name, library.detections) or "the file is named after its detection",
                )
            out[name] = load_response(path, where, name)
        except ParityError as error:
            found.append(error)
    for name, detection in library.detections.items():
        shared = detection.raw.get("response")
        if shared is None or name in out:
            continue
        if shared in out and out[shared].detection == shared:
            out[name] = replace(out[shared], detection=name, hunting=(), testing=(), lab=())
        elif not found:
            hint = f"there is no {folder.name}/{shared}{SUFFIX}"
            found.append(
                LibraryError(f"response {shared!r} is no detection with content of its own", detection.path, hint)
            )
    if found:
        raise Faults(found)
    return out


def load_response(path: Path, where: str, name: str) -> Response:
    """One file of response content. Raises Faults or LibraryError for what is wrong with it."""
    data, raw = read_yaml(path, where)
    wrong = faults(raw, "response")
    if wrong:
        lines = _lines(data.decode("utf-8"))
        places = [(f"{where}:{_line(at, lines)}", at, message) for at, message in wrong]
        raise Faults([LibraryError(f"{'.'.join(map(str, at))}: {message}", place) for place, at, message in places])
    return Response(
        name,
        where,
        _flow(raw["summary"]),
        _steps(raw["investigation"]),
        {phase: _steps(raw["playbook"][phase]) for phase in ("contain", "eradicate", "recover")},
        tuple(_hunt(entry, name, where) for entry in raw["hunting"]),
        tuple(Tuning(_flow(entry["when"]), _flow(entry["do"])) for entry in raw["tuning"]),
        tuple(_test(entry) for entry in raw["testing"]),
        _steps(raw.get("lab", [])),
    )


def hunting_rules(response: Response) -> list[Rule]:
    """The hunting queries as rules: converted, run and proved like those of the library.

    Their paths, which no file has, are `sigma/detections/<detection>.hunting/<title>.yml`, so that their queries stand
    in `<target>/detections/<detection>.hunting/`.
    """
    return [hunt.rule for hunt in response.hunting]


def _hunt(entry: Mapping[str, Any], name: str, where: str) -> Hunt:
    slug = re.sub(r"[^a-z0-9]+", "_", entry["title"].lower()).strip("_")
    path = f"sigma/detections/{name}.hunting/{slug}.yml"
    raw = {
        "title": entry["title"],
        "id": str(uuid.uuid5(_NAMESPACE, path)),
        "status": "experimental",
        "description": _flow(entry["purpose"]),
        "tags": list(entry.get("tags", ())),
        "level": "informational",
        **entry["rule"],
    }
    return Hunt(entry["title"], _flow(entry["purpose"]), Rule(path, raw, "", {"detection": 1}))


def _test(entry: Mapping[str, Any]) -> AtomicTest:
    texts = {key: _flow(value) for key, value in entry.items() if key != "number"}
    return AtomicTest(number=int(entry["number"]), **texts)


def _steps(entries: list[Mapping[str, str]]) -> tuple[Step, ...]:
    return tuple(Step(entry["title"], _flow(entry["text"])) for entry in entries)


def _flow(text: str) -> str:
    """Text without its line breaks; an empty line stays a paragraph's end."""
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


def _lines(text: str) -> dict[tuple[str | int, ...], int]:
    """top-level key, and key with the number of its list entry -> line, counted from 1."""
    found: dict[tuple[str | int, ...], int] = {}
    key, entry = "", -1
    for number, line in enumerate(text.splitlines(), 1):
        top = re.match(r"(\w+):", line)
        if top:
            key, entry = top[1], -1
            found[key,] = number
        elif re.match(r" {4}- ", line):
            entry += 1
            found[key, entry] = number
    return found


def _line(at: tuple[str | int, ...], lines: Mapping[tuple[str | int, ...], int]) -> int:
    return next((lines[at[:n]] for n in range(min(len(at), 2), 0, -1) if at[:n] in lines), 1)
