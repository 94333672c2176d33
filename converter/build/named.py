"""What a command is asked to work on: rules and detections by path, folder, name or id, in a project or anywhere.

One way for all commands. Everything that a name or folder covers is either found or said to be left out, with why.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from converter.build.gate import target_faults
from converter.core.config import layout
from converter.core.correlation import Correlation
from converter.core.discovery import did_you_mean
from converter.core.errors import LibraryError, ParityError, Unsupported, UsageError
from converter.core.model import Detection, Rule
from converter.rules.files import read_bytes, relative
from converter.rules.library import Library, read, read_rules, resolve_all

#: `x.yml#2` is the second document of x.yml
_RULE_FILE = re.compile(r"(?P<file>.*\.yml)(?:#\d+)?\Z", re.DOTALL)
_RULE_KEY = re.compile(rb"^logsource\s*:", re.MULTILINE)


@dataclass
class Named:
    """What was found. `broken` are files and documents that are no sound rules, `other` those that are sound Sigma and
    are not converted (filters, chains of correlations). `stems` maps a source's path to where its outputs go, `bases` a
    rule's path to the folder that it starts from."""

    library: Library
    rules: dict[str, Rule] = field(default_factory=dict)
    detections: dict[str, Detection] = field(default_factory=dict)
    correlations: dict[str, Correlation] = field(default_factory=dict)
    #: rules that stand as parts of the correlations only: `generate` does not ask for queries of their own
    only_parts: dict[str, Rule] = field(default_factory=dict)
    broken: list[ParityError] = field(default_factory=list)
    other: list[ParityError] = field(default_factory=list)
    stems: dict[str, str] = field(default_factory=dict)
    bases: dict[str, Path] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    @property
    def sources(self) -> list[Rule | Detection | Correlation]:
        """Rules, then correlations, then detections, each once."""
        return [*self.rules.values(), *self.correlations.values(), *self.detections.values()]

    @property
    def parts(self) -> dict[str, Rule]:
        """Every rule that a source may consist of, by path."""
        return {**self.library.rules, **self.rules, **self.only_parts}

    def add_faults(self, faults: Iterable[ParityError]) -> None:
        """Files them under `broken` or `other`, each once."""
        for fault in faults:
            into = self.other if isinstance(fault, Unsupported) else self.broken
            if str(fault) not in self._told:
                self._told.add(str(fault))
                into.append(fault)

    @property
    def foreign(self) -> str:
        """The path of a rule, or a correlation, that is not of the project's library; "" if there is none."""
        known = {one.path for one in self.library.single}
        return next((path for path in (*self.rules, *self.correlations) if path not in known), "")

    def keep(self, rule: Rule | Correlation, stem: str, base: Path | None = None) -> None:
        """Takes a rule in, whose outputs go to `stem`. Raises UsageError when another rule's go there."""
        first: Rule | Correlation
        if isinstance(rule, Correlation):
            first = self.correlations.setdefault(rule.path, rule)
        else:
            first = self.rules.setdefault(rule.path, rule)
        owner = self._owners.setdefault(stem, rule.path)
        if first.sha256 != rule.sha256 or owner != rule.path:
            message = f"two rules would be written to the same file: {owner} and {rule.path}"
            raise UsageError(message, hint="give the folder above both")
        self.stems[rule.path] = stem
        if base is not None:
            self.bases[rule.path] = base


def select(library: Library, names: Iterable[str]) -> tuple[list[Rule], list[Detection]]:
    """Rules and detections of a library by path, file name, name or id; all when no name is given.

    Raises UsageError for a name that fits nothing.
    """
    wanted = list(names)
    if not wanted:
        return list(library.rules.values()), list(library.detections.values())
    rules: dict[str, Rule] = {}
    detections: dict[str, Detection] = {}
    for name in wanted:
        found = _of_library(library, name)
        if found is None:
            raise _unknown(library, name)
        if isinstance(found, Correlation):
            raise UsageError(f"{name} is a correlation", hint="name one of its rules")
        if isinstance(found, Rule):
            rules[found.path] = found
        else:
            detections[found.path] = found
    return list(rules.values()), list(detections.values())


def find(project: Path | None, names: Iterable[str], single: bool = False) -> Named:
    """What `names` cover: the whole library of the project without any. `single` is for commands that look at rules one
    by one: those of a correlation are then rules like any other. Raises UsageError for a name that fits nothing, a
    folder without rules, and two files whose outputs would be the same."""
    library, faults = read(project) if project else (Library({}, {}), [])
    named = Named(library)
    wanted = list(names)
    if not wanted:
        named.rules = dict(library.rules)
        named.correlations = dict(library.correlations)
        named.detections = {d.path: d for d in library.detections.values()}
        named.add_faults(faults)
        named.stems = {one.path: one.stem for one in library.single}
    gathered = _Gathered()
    for name in wanted:
        _add(named, name, project, faults, gathered)
    gathered.resolve(named)
    if single:
        named.rules |= named.only_parts
        named.stems = {path: rule.stem for path, rule in named.only_parts.items()} | named.stems
    else:
        _leave_parts(named, gathered.asked)
    named.stems |= {path: f"detections/{d.name}" for path, d in named.detections.items()}
    named.add_faults(fault for rule in named.rules.values() for fault in target_faults(rule))
    return named


@dataclass
class _Gathered:
    """Correlations of files and folders, whose rules may stand in the next file, and rules that were asked for by name
    (`asked`). `near` are the rules of the folders that the correlations lie in, `broken` the files with faults."""

    correlations: list[tuple[Correlation, str, Path]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    near: dict[str, Rule] = field(default_factory=dict)
    broken: list[Path] = field(default_factory=list)

    def resolve(self, named: Named) -> None:
        """Looks the rules up: in the same file, among what was named, in the folder, in the library."""
        rules = {**named.library.rules, **self.near, **named.rules}
        every = [one for one, _, _ in self.correlations]
        found, faults = resolve_all([*every], [*named.rules.values(), *rules.values()], self.broken)
        named.add_faults(faults)
        for one, stem, base in self.correlations:
            if one.path in found:
                named.keep(found[one.path], stem, base)
                named.only_parts |= {path: rules[path] for path in found[one.path].rules if path not in named.rules}


def _leave_parts(named: Named, asked: set[str]) -> None:
    """Takes away the rules that only a correlation wants, which `generate` would ask for: they are its parts.

    A rule that was asked for by its own name stays.
    """
    wanted = {path for one in named.correlations.values() if one.generate for path in one.rules}
    for path in {path for one in named.correlations.values() for path in one.rules} - wanted - asked:
        rule = named.rules.pop(path, None) or named.parts.get(path)
        if rule is not None:
            named.only_parts[path] = rule
    for path in wanted & named.only_parts.keys():
        rule = named.only_parts.pop(path)
        named.keep(rule, rule.stem)


def _add(named: Named, name: str, project: Path | None, faults: list[ParityError], gathered: _Gathered) -> None:
    """What one name covers."""
    path, as_file = Path(name), _RULE_FILE.fullmatch(name)
    below = _below(path, project)
    documents = _documents(named.library, below)
    if documents:
        for document in documents:
            named.keep(document, document.stem)
        return
    if below not in named.library.rules and as_file and _is_file(Path(as_file["file"])):
        _add_file(named, Path(as_file["file"]), path.name, project, gathered)
        return
    found = _of_library(named.library, below)
    if isinstance(found, Rule | Correlation):
        named.keep(found, found.stem)
        gathered.asked.add(found.path)
    elif found is not None:
        named.detections[found.path] = found
    elif path.is_dir():
        _add_folder(named, path, project, gathered)
    else:
        broken = [fault for fault in faults if _speaks_of(fault, name)]
        if not broken and _manifest(project, name).is_file():
            broken = faults
        if not broken:
            raise _unknown(named.library, name)
        named.add_faults(broken)


def _add_file(named: Named, path: Path, name: str, project: Path | None, gathered: _Gathered) -> None:
    base = _base(path, path.parent, project)
    correlations: list[Correlation] = []
    rules, faults = read_rules(path, base, None, correlations)
    gathered.near |= {rule.path: rule for rule in rules}
    if correlations:
        others = (one for one in sorted(path.parent.glob("*.yml")) if one != path and not one.is_dir())
        gathered.near |= {rule.path: rule for one in others for rule in read_rules(one, base)[0]}
    number = name.removeprefix(path.name)
    if number:
        rules = [rule for rule in rules if rule.path.endswith(number)]
        correlations = [one for one in correlations if one.path.endswith(number)]
        if not rules and not correlations and not faults:
            raise UsageError(f"{path} has no rule {number[1:]}", hint="rules of one file are numbered from 1")
        gathered.asked |= {rule.path for rule in rules}
    for rule in rules:
        named.keep(rule, _stem(rule, path.parent, project, path), base)
    gathered.correlations += [(one, _stem(one, path.parent, project, path), base) for one in correlations]
    named.add_faults(faults)
    gathered.broken += [path] if faults else []


def _add_folder(named: Named, folder: Path, project: Path | None, gathered: _Gathered) -> None:
    files = [path for path in sorted(folder.rglob("*.yml")) if not path.is_dir()]
    base = _base(folder, folder, project)
    for path in files:
        correlations: list[Correlation] = []
        rules, faults = read_rules(path, base, None, correlations)
        for rule in rules:
            named.keep(rule, _stem(rule, folder, project, path), base)
        gathered.correlations += [(one, _stem(one, folder, project, path), base) for one in correlations]
        named.add_faults(faults)
        gathered.broken += [path] if faults else []
    known = {detection.path: detection for detection in named.library.detections.values()}
    passed_over = []
    for path in sorted(folder.rglob("*.yaml")):
        where = relative(path, base)
        if where in known:
            named.detections[where] = known[where]
        elif _is_rule(path, where):
            passed_over.append(LibraryError("the file name of a rule ends in .yml", where, "rename it"))
    named.add_faults(passed_over)
    if not files and not passed_over:
        raise UsageError(f"no rules below {folder}", hint="rules are files that end in .yml")


def _base(path: Path, otherwise: Path, project: Path | None) -> Path:
    """The folder that a rule's path starts from: the project's, else the working folder, else `otherwise`."""
    for base in (project, Path.cwd()):
        if base is not None and Path(os.path.abspath(path)).is_relative_to(os.path.abspath(base)):
            return base
    return otherwise


def _stem(rule: Rule | Correlation, folder: Path, project: Path | None, path: Path) -> str:
    """Where a rule's outputs go: as in the library, else by its path below the folder that was named."""
    if project is not None and path.resolve().is_relative_to(_library_folder(project).resolve()):
        return rule.stem
    number = rule.path.removeprefix(rule.file)
    below = relative(path, folder)
    return f"{below.removesuffix('.yml')}{number}"


def _below(path: Path, project: Path | None) -> str:
    """A name as the library has it: a path below the project is relative to it."""
    text = str(path).replace("\\", "/")
    if project is not None and path.exists():
        return relative(path, project)
    return text


def _of_library(library: Library, name: str) -> Rule | Detection | Correlation | None:
    key = name.replace("\\", "/").removeprefix("./")
    for rule in library.single:
        short = rule.stem.rsplit("/", 1)[-1]
        if key in (rule.path, rule.stem, short, f"{short}.yml", rule.id, rule.name):
            return rule
    for detection in library.detections.values():
        if key in (detection.name, detection.path, f"{detection.name}.yaml"):
            return detection
    return None


def _documents(library: Library, name: str) -> list[Rule | Correlation]:
    """All documents of the file that a name means, where it holds several and the name is not that of one of them."""
    key = name.replace("\\", "/").removeprefix("./")
    found = []
    for one in library.single:
        stem = re.sub(r"#\d+\Z", "", one.stem)
        short = stem.rsplit("/", 1)[-1]
        if key in (one.file, stem, short, f"{short}.yml"):
            found.append(one)
    return found if len({one.file for one in found}) == 1 < len(found) else []


def _unknown(library: Library, name: str) -> UsageError:
    every = [r.stem.rsplit("/", 1)[-1] for r in library.single]
    every = [*dict.fromkeys(every), *library.detections]
    hint = did_you_mean(name, every) or "`parity list rules` shows them all; paths and folders do too"
    return UsageError(f"unknown rule {name!r}", hint=hint)


def _speaks_of(fault: ParityError, name: str) -> bool:
    file = re.sub(r"(:\d+)+\Z", "", fault.where)
    short = file.rsplit("/", 1)[-1]
    return name.replace("\\", "/") in (file, short, short.rsplit(".", 1)[0])


def _manifest(project: Path | None, name: str) -> Path:
    short = Path(name).name.removesuffix(".yaml")
    return _library_folder(project or Path()) / "detections" / f"{short}.yaml"


def _library_folder(project: Path) -> Path:
    return project / layout(project).rules


def _is_file(path: Path) -> bool:
    """Whether something that is no folder has the path: a link that leads nowhere is told to be one."""
    return os.path.lexists(path) and not path.is_dir()


def _is_rule(path: Path, where: str) -> bool:
    try:
        return _RULE_KEY.search(read_bytes(path, where)) is not None
    except LibraryError:
        return False
