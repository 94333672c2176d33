"""Reads a project's rules into Rules and Detections; every broken file is reported, with its place, in one run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from converter.core.config import layout
from converter.core.correlation import Correlation
from converter.core.errors import Faults, LibraryError, ParityError, Unsupported
from converter.core.model import Detection, Rule
from converter.core.places import Document, line_at
from converter.core.places import Path as Way
from converter.rules.correlation import BROKEN_BASE, read_correlation, resolved
from converter.rules.files import MAX_BYTES, name_fault, parse, read_bytes, relative, unseen
from converter.rules.form import form_faults, rule_faults
from converter.rules.manifest import read_manifest

__all__ = [
    "MAX_BYTES",
    "Library",
    "load",
    "load_rule",
    "read",
    "read_folder",
    "read_rules",
    "relative",
]
#: the number of one document behind the path of its file
_NUMBERED = re.compile(r"\.yml#(\d+)\Z")


NO_CORRELATIONS: Mapping[str, Correlation] = {}


class Library:
    """All rules, correlations and detections below a folder.

    `rules` maps a rule's path (`sigma/…/x.yml`) to the Rule, `correlations` likewise, `detections` a detection's name
    to the Detection.
    """

    def __init__(
        self,
        rules: Mapping[str, Rule],
        detections: Mapping[str, Detection],
        correlations: Mapping[str, Correlation] = NO_CORRELATIONS,
    ) -> None:
        self.rules = dict(rules)
        self.detections = dict(detections)
        self.correlations = dict(correlations)

    @property
    def single(self) -> list[Rule | Correlation]:
        """Everything that is one document of a rule file: rules, then correlations."""
        return [*self.rules.values(), *self.correlations.values()]

    @property
    def alone(self) -> dict[str, Rule]:
        """The rules that have queries of their own: all but those that stand in correlations without `generate`."""
        every = self.correlations.values()
        parts = {path for one in every for path in one.rules} - {p for one in every if one.generate for p in one.rules}
        return {path: rule for path, rule in self.rules.items() if path not in parts}


def load(root: Path) -> Library:
    """The library of the project at `root`. Raises Faults with one error for each fault found."""
    library, faults = read(root)
    if faults:
        raise Faults(faults)
    return library


def read(root: Path) -> tuple[Library, list[ParityError]]:
    """What is sound in the library of the project at `root`, and everything that is wrong with the rest."""
    faults: list[ParityError] = []
    rules: dict[str, Rule] = {}
    unresolved: list[Correlation] = []
    unsound: list[Path] = []
    folder = root / layout(root).rules
    for path in sorted(folder.rglob("*.yml")):
        found, wrong = read_rules(path, root, form_faults, unresolved)
        faults.extend(wrong)
        unsound += [path] if wrong else []
        rules |= {rule.path: rule for rule in found}
    faults.extend(_duplicates({**rules, **{one.path: one for one in unresolved}}))
    correlations, wrong = resolve_all(unresolved, rules.values(), unsound)
    # a project stops at its broken rules: what only follows from one is no news there
    faults.extend(fault for fault in wrong if not (isinstance(fault, Unsupported) and fault.feature == BROKEN_BASE))
    detections: dict[str, Detection] = {}
    for path in sorted(folder.rglob("*.yaml")):
        if path.parent != folder / "detections":
            faults.extend(_misnamed(path, root))
            continue
        detection, broken = read_manifest(path, root, rules)
        faults.extend(broken)
        if detection is not None and not broken:
            detections[detection.name] = detection
    if not rules and not faults:
        hint = "write one there, or name rules anywhere else"
        faults.append(LibraryError("no rules found", f"{layout(root).rules}/", hint))
    return Library(rules, detections, correlations), faults


def resolve_all(
    unresolved: Sequence[Correlation], rules: Iterable[Rule], broken: Iterable[Path] = ()
) -> tuple[dict[str, Correlation], list[ParityError]]:
    """path -> correlation with its rules looked up among `rules`, those of its own file first, and what is wrong.

    Of a rule that one of the `broken` files may hold it is said that it is broken, not that it is missing.
    """
    known = list(rules)
    elsewhere = "\n".join(_text(path) for path in broken) if unresolved else ""
    found: dict[str, Correlation] = {}
    faults: list[ParityError] = []
    for one in unresolved:
        nearest = sorted(known, key=lambda rule: rule.file != one.file)
        correlation, fault = resolved(one, nearest, unresolved, elsewhere)
        if correlation is not None:
            found[correlation.path] = correlation
        if fault is not None:
            faults.append(fault)
    return found, faults


def _text(path: Path) -> str:
    """What a broken file says, as far as it can be read."""
    try:
        return path.read_bytes()[:MAX_BYTES].decode("utf-8", "replace") if path.is_file() else ""
    except OSError:
        return ""


def _misnamed(path: Path, root: Path) -> list[LibraryError]:
    """A rule in a .yaml file would be left out by sigma-cli and by us, and nobody would notice."""
    try:
        is_rule = path.stat().st_size <= MAX_BYTES and re.search(rb"^logsource\s*:", path.read_bytes(), re.MULTILINE)
    except OSError:
        return []
    return [LibraryError("the file name of a rule ends in .yml", relative(path, root), "rename it")] if is_rule else []


def read_folder(folder: Path) -> tuple[list[Rule], list[ParityError]]:
    """Every rule below a folder, as far as a conversion needs to know it, and what is wrong with the others."""
    rules: list[Rule] = []
    faults: list[ParityError] = []
    for path in sorted(folder.rglob("*.yml")):
        found, broken = read_rules(path, folder)
        rules.extend(found)
        faults.extend(broken)
    return rules, faults


def load_rule(path: Path, root: Path) -> Rule:
    """One rule file, or one document of it (`x.yml#2`).

    Raises LibraryError for the first thing that keeps it from being a rule at all, and for a file of several rules;
    Unsupported for a correlation rule.
    """
    numbered = _NUMBERED.search(path.name)
    file = path.with_name(path.name.partition(".yml#")[0] + ".yml") if numbered else path
    rules, faults = read_rules(file, root)
    if numbered:
        wanted = [rule for rule in rules if rule.path.endswith(numbered[0])]
        if wanted:
            return wanted[0]
        if not faults:
            raise LibraryError(f"has no rule {numbered[0][4:]}", relative(file, root), _choice(rules))
    if faults:
        raise faults[0]
    if len(rules) > 1:
        raise LibraryError(f"holds {len(rules)} rules", relative(file, root), _choice(rules))
    return rules[0]


def _choice(rules: list[Rule]) -> str:
    return f"name one of them: {', '.join(rule.path.rsplit('/', 1)[-1] for rule in rules[:9])}"


def read_rules(
    path: Path,
    root: Path,
    further: Callable[[Rule], Iterable[ParityError]] | None = None,
    correlations: list[Correlation] | None = None,
) -> tuple[list[Rule], list[ParityError]]:
    """The sound rules of a file and what is wrong with its other documents.

    A file may hold several rules, which are then called `x.yml#1`, `x.yml#2` after their documents. Correlation rules
    among them are appended to `correlations`, their references not yet looked up; without it they are refused.
    `further` looks at what a mere conversion does not need.
    """
    where = relative(path, root)
    unsafe = name_fault(path, where)
    if unsafe is not None:
        return [], [unsafe]
    try:
        data = read_bytes(path, where)
        documents = [(n, one) for n, one in enumerate(parse(data, where), 1) if one.value is not None]
    except LibraryError as error:
        return [], [error]
    if not documents:
        return [], [LibraryError("the file is empty", where)]
    digest = hashlib.sha256(data).hexdigest()
    rules: list[Rule] = []
    faults: list[ParityError] = []
    single = sum(_other(one, where) is None for _, one in documents) == 1
    for number, document in documents:
        if correlations is not None and _is_correlation(document):
            name = where if len(documents) == 1 else f"{where}#{number}"
            correlation, found = read_correlation(document, name, digest)
            correlations += [] if correlation is None else [correlation]
            faults.extend(found)
            continue
        other = _other(document, where)
        if other is not None:
            faults.append(other)
            continue
        rule = _rule(document, where if single else f"{where}#{number}", digest)
        found = [*rule_faults(rule), *(further(rule) if further else ())]
        faults.extend(found)
        if not found:
            rules.append(rule)
    return rules, faults


def _rule(document: Document, path: str, digest: str) -> Rule:
    lines = {str(way[0]): place.line for way, place in document.places.items() if len(way) == 1}
    rule = Rule(path, document.value, digest, lines, document.places)
    return replace(rule, warnings=tuple(_warnings(rule)))


def _warnings(rule: Rule) -> Iterator[str]:
    """What is not wrong with a rule, and may still not be what its author meant."""
    if "id" not in rule.raw:
        yield f"{rule.at()}: the rule has no id and is called {rule.name!r} after its {_origin(rule)}; give it a UUID"
    todo: list[tuple[Way, Any]] = [(("detection",), rule.raw.get("detection"))]
    while todo:
        path, part = todo.pop(0)
        if isinstance(part, dict):
            todo += [((*path, str(key)), value) for key, value in part.items()]
        elif isinstance(part, list):
            todo += [((*path, number), value) for number, value in enumerate(part)]
        elif isinstance(part, str):
            place = rule.places.get(path)
            if place is not None and place.written is not None:
                yield f"{rule.at(*path)}: {part} is text here, and a number for who reads YAML 1.2: put it in quotes"
            if found := unseen(part):
                meant = "in double quotes YAML reads \\t, \\n and others as such; in single quotes a backslash is one"
                yield f"{rule.at(*path)}: a value holds the character U+{ord(found):04X}: {meant}"


def _origin(rule: Rule) -> str:
    return "name" if rule.raw.get("name") else "file"


def _is_correlation(document: Document) -> bool:
    return isinstance(document.value, dict) and "correlation" in document.value


def _other(document: Document, where: str) -> ParityError | None:
    """Why a document is no rule, None if it may be one."""
    raw = document.value
    first = min((place.line for way, place in document.places.items() if len(way) == 1), default=1)
    if not isinstance(raw, dict):
        return LibraryError("a rule is a mapping of keys to values", f"{where}:{first}")
    if "correlation" in raw:
        place = f"{where}:{line_at(document.places, ('correlation',))}"
        section = raw["correlation"] if isinstance(raw["correlation"], dict) else {}
        message = f"is a correlation rule ({str(section.get('type') or 'of no type')[:40]}), which is none of its own"
        return Unsupported(message, "correlation", place, "name one of its rules")
    if "filter" in raw and "detection" not in raw:
        place = f"{where}:{line_at(document.places, ('filter',))}"
        return Unsupported("is a filter, not a rule", "filter", place, "name the file in parity.toml, `exclusions`")
    if raw.get("action") in ("global", "reset", "repeat"):
        place = f"{where}:{line_at(document.places, ('action',))}"
        return LibraryError("rule collections (`action`) are not part of Sigma any more", place, "write out each rule")
    return None


def _duplicates(rules: Mapping[str, Rule | Correlation]) -> list[ParityError]:
    seen: dict[str, Rule | Correlation] = {}
    faults: list[ParityError] = []
    for rule in rules.values():
        first = seen.setdefault(rule.id, rule)
        if first is not rule:
            what = "id" if "id" in rule.raw else "name"
            message = f"{what} {rule.id} is already that of {first.path}"
            faults.append(LibraryError(message, rule.at("id"), "give it a new UUID"))
    return faults
