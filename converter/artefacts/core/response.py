"""Response content: what the person needs who gets the alert, written once per family of detections.

A file is named after one detection and may serve others (`also`): those share its steps, playbook, hunting and tuning.
Each maker carries it into the place its platform has for it. Hunting queries are Sigma and are converted like rules.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter.core.config import layout
from converter.core.discovery import did_you_mean
from converter.core.errors import Faults, LibraryError, ParityError
from converter.core.model import Detection, Rule
from converter.core.validate import faults
from converter.rules.files import read_yaml
from converter.rules.library import Library

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
    `summary` is a few sentences for places with little room; `lab` says how to try what no public test covers.

    `owner` is the detection that the file is named after: it has the tests, and its artefacts hold the hunting queries.
    """

    detection: str
    owner: str
    path: str
    summary: str
    investigation: tuple[Step, ...]
    playbook: Mapping[str, tuple[Step, ...]]
    hunting: tuple[Hunt, ...]
    tuning: tuple[Tuning, ...]
    testing: tuple[AtomicTest, ...]
    lab: tuple[Step, ...] = ()

    @property
    def own_hunting(self) -> tuple[Hunt, ...]:
        """The hunting queries that are written and packaged for this detection: those of a family once, for its owner;
        the guides of the others show them too."""
        return self.hunting if self.detection == self.owner else ()


@dataclass(frozen=True)
class _File:
    """What one file says: the content of its own detection, the others it serves, and what to say of their parts."""

    own: Response
    also: tuple[str, ...]
    parts: Mapping[str, str]
    lines: Mapping[tuple[str | int, ...], int]

    def at(self, *way: str | int) -> str:
        return f"{self.own.path}:{_line(way, self.lines)}"


def load_responses(root: Path, library: Library) -> dict[str, Response]:
    """detection name -> its response content, for each detection that a file `sigma/detections/<name>.response` is
    named after or serves.

    Raises Faults: one LibraryError for each thing wrong, also for content of no detection.
    """
    folder = root / layout(root).rules / "detections"
    files: list[_File] = []
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
            files.append(_read(path, where, name))
        except ParityError as error:
            found.append(error)
    taken = {file.own.owner: file.own.path for file in files}
    out: dict[str, Response] = {}
    for file in files:
        found.extend(_misnamed(file, taken, library))
        for name in (file.own.owner, *file.also):
            if name in library.detections and taken.setdefault(name, file.own.path) == file.own.path:
                out[name] = _for(file, library.detections[name], library)
    if found:
        raise Faults(found)
    return out


def _read(path: Path, where: str, name: str) -> _File:
    """One file of response content. Raises Faults or LibraryError for what is wrong with it."""
    data, raw = read_yaml(path, where)
    wrong, lines = faults(raw, "response"), _lines(data.decode("utf-8"))
    if wrong:
        places = [(f"{where}:{_line(at, lines)}", at, message) for at, message in wrong]
        raise Faults([LibraryError(f"{'.'.join(map(str, at))}: {message}", place) for place, at, message in places])
    if not raw.keys() & {"testing", "lab"}:
        hint = "`testing` has public tests, `lab` steps of your own"
        raise LibraryError("nothing says how the detection is tried", f"{where}:1", hint)
    own = Response(
        name,
        name,
        where,
        _flow(raw["summary"]),
        _steps(raw["investigation"]),
        {phase: _steps(raw["playbook"][phase]) for phase in ("contain", "eradicate", "recover")},
        tuple(_hunt(entry, name, where) for entry in raw["hunting"]),
        tuple(Tuning(_flow(entry["when"]), _flow(entry["do"])) for entry in raw["tuning"]),
        tuple(_test(entry) for entry in raw.get("testing", ())),
        _steps(raw.get("lab", [])),
    )
    parts = {label: _flow(text) for label, text in raw.get("parts", {}).items()}
    return _File(own, tuple(raw.get("also", ())), parts, lines)


def _misnamed(file: _File, taken: Mapping[str, str], library: Library) -> Iterator[LibraryError]:
    """Detections that there are not, detections that a file has `taken` (name -> its path), and labels of none."""
    for number, name in enumerate(file.also):
        at = file.at("also", number)
        if name not in library.detections:
            hint = did_you_mean(name, library.detections) or "`also` has names of manifests beside this file"
            yield LibraryError(f"also: there is no detection {name!r}", at, hint)
        elif name in taken:
            message = f"also: {taken[name]} serves the detection {name!r} already"
            yield LibraryError(message, at, "name it in one file only")
    known = [library.detections[name] for name in (file.own.owner, *file.also) if name in library.detections]
    labels = [part.label for detection in known for part in detection.parts]
    for label in file.parts:
        if label not in labels:
            hint = did_you_mean(label, labels) or "`parts` has labels of the detections that the file serves"
            yield LibraryError(f"parts: none of the detections has a part {label!r}", file.at("parts", label), hint)


def _for(file: _File, detection: Detection, library: Library) -> Response:
    """The file's content as it is for one of the detections that it serves."""
    steps = (_which_part(file, detection, library), *file.own.investigation)
    if detection.name == file.own.owner:
        return replace(file.own, investigation=steps)
    summary = _flow(detection.description)
    return replace(file.own, detection=detection.name, summary=summary, investigation=steps, testing=(), lab=())


def _which_part(file: _File, detection: Detection, library: Library) -> Step:
    """The first step: what each part means. Not every query language can return a label."""
    titles = {part.label: f"{library.rules[part.rule].title}." for part in detection.parts}
    told = " ".join(f"{label}: {file.parts.get(label, title)}" for label, title in titles.items())
    where = "DetectionType names it; where a query has no such column, the event or the rule's own name tells."
    several = " Two of them on one host within hours leave little doubt." if len(titles) > 1 else ""
    return Step("Read which part fired", f"{where} {told}{several}")


def hunting_rules(response: Response) -> list[Rule]:
    """The hunting queries as rules: converted, run and proved like those of the library. None for a detection that
    another's file serves, so that all rules of all responses are each query once.

    Their paths, which no file has, are `sigma/detections/<detection>.hunting/<title>.yml`, so that their queries stand
    in `<target>/detections/<detection>.hunting/`.
    """
    return [hunt.rule for hunt in response.own_hunting]


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
    """top-level key, and key with the number of its list entry or the name of its value -> line, counted from 1."""
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
        elif named := re.match(r" {4}(\w+):", line):
            found[key, named[1]] = number
    return found


def _line(at: tuple[str | int, ...], lines: Mapping[tuple[str | int, ...], int]) -> int:
    return next((lines[at[:n]] for n in range(min(len(at), 2), 0, -1) if at[:n] in lines), 1)
