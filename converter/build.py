"""The library as the files of `output/`: one query a rule and target, one a detection and target, and the manifest."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from converter import __version__
from converter.convert import Converter
from converter.discovery import dialect_module, did_you_mean, targets
from converter.errors import Faults, LibraryError, ParityError, Unsupported, UsageError
from converter.fixtures import load_all
from converter.library import Library, read
from converter.model import Detection, Gap, Query, Rule, Target

MANIFEST = "manifest.json"


def prepare(root: Path, chosen: list[Target], names: Iterable[str]) -> tuple[Library, Built]:
    """The library and the queries asked for, the fixtures checked with them.

    Raises Faults with everything that is wrong in rules, manifests, fixtures, pipelines and conversions, in one run.
    """
    library, faults = read(root)
    faults.extend(orphans(root))
    try:
        load_all(library.rules.values(), root)
    except Faults as several:
        faults.extend(several.faults)
    built = Built((), {})
    wanted = list(names)
    # a rule that is broken is not unknown: its own faults are reported already
    broken = {fault.where.split(":")[0].rsplit("/", 1)[-1].rsplit(".", 1)[0] for fault in faults}
    if faults:
        wanted = [name for name in wanted if name.rsplit("/", 1)[-1].removesuffix(".yml") not in broken]
    try:
        if wanted or not list(names):
            built = build(root, library, chosen, *select(library, wanted))
    except Faults as several:
        faults.extend(several.faults)
    except UsageError as error:
        faults.append(error)
    if faults:
        raise Faults(sorted(faults, key=_place))
    return library, built


def _place(fault: ParityError) -> tuple[str, int]:
    path, _, line = fault.where.partition(":")
    return path, int(line) if line.isdecimal() else 0


@dataclass(frozen=True)
class Built:
    """All queries of a build, and the (source, target) pairs that a declared Gap foresaw as unsupported."""

    queries: tuple[Query, ...]
    unsupported: Mapping[tuple[str, str], str]


def select(library: Library, names: Iterable[str]) -> tuple[list[Rule], list[Detection]]:
    """Rules and detections by path, stem, file name or manifest name; all when no name is given.

    Raises UsageError for a name that fits nothing.
    """
    wanted = list(names)
    if not wanted:
        return list(library.rules.values()), list(library.detections.values())
    rules: list[Rule] = []
    detections: list[Detection] = []
    known = {key: rule for rule in library.rules.values() for key in _keys(rule)}
    for name in wanted:
        key = name.replace("\\", "/").removeprefix("./")
        if key in known:
            rules.append(known[key])
        elif key in library.detections:
            detections.append(library.detections[key])
        else:
            every = [*{r.stem.rsplit("/", 1)[-1] for r in library.rules.values()}, *library.detections]
            raise UsageError(
                f"unknown rule {name!r}", hint=did_you_mean(key, every) or "`parity list rules` shows them all"
            )
    return rules, detections


def _keys(rule: Rule) -> tuple[str, ...]:
    name = rule.stem.rsplit("/", 1)[-1]
    return rule.path, rule.stem, name, f"{name}.yml", rule.id


def build(root: Path, library: Library, chosen: list[Target], rules: list[Rule], detections: list[Detection]) -> Built:
    """Every query asked for. Raises Faults with everything that cannot be converted and that no Gap foresees."""
    converter = Converter(root)
    faults: dict[tuple[str, str, str], tuple[ParityError, list[str]]] = {}
    queries: list[Query] = []
    unsupported: dict[tuple[str, str], str] = {}
    for target in chosen:
        sources: list[Rule | Detection] = [*rules, *detections]
        for source in sources:
            try:
                if isinstance(source, Rule):
                    queries.append(converter.query(source, target))
                else:
                    queries.append(converter.detection(source, library.rules, target))
            except ParityError as error:
                if isinstance(error, Unsupported) and foreseen(error, target):
                    unsupported[source.path, target.name] = error.message
                    continue
                for fault in error.faults if isinstance(error, Faults) else (error,):
                    message = fault.message.removeprefix(f"{target.name}: ")
                    _, names = faults.setdefault((message, fault.where, fault.hint), (fault, []))
                    if message != fault.message and target.name not in names:
                        names.append(target.name)
    if faults:
        every = len(chosen) if len(chosen) > 1 else 0
        raise Faults([_for_all(fault, message, names, every) for (message, *_), (fault, names) in faults.items()])
    return Built(tuple(queries), unsupported)


def _for_all(fault: ParityError, message: str, names: list[str], every: int) -> ParityError:
    """One message for a fault that several targets, or all `every` of them, have in common."""
    which = "all targets" if len(names) == every else ", ".join(names)
    fault.message = f"{which}: {message}" if names else message
    return fault


def gaps_of(target: Target) -> tuple[Gap, ...]:
    """The gaps declared by the target and by its dialect."""
    own: tuple[Gap, ...] = getattr(dialect_module(target.dialect, "writer"), "GAPS", ())
    return target.gaps + own


def foreseen(error: Unsupported, target: Target) -> bool:
    return any(gap.feature == error.feature for gap in gaps_of(target))


def files(root: Path, library: Library, built: Built, complete: bool) -> dict[str, str]:
    """path below output/ -> text, the manifest included."""
    out = {query.path: query.text for query in built.queries}
    for query in built.queries:
        limits = dialect_module(query.dialect, "writer").WRITER.limits()
        if limits and query.source.startswith("sigma/detections/") and query.dialect != "eql":
            # a language without comments: what the query cannot say stands beside it
            out[f"{query.path.rsplit('.', 1)[0]}.limits.md"] = "".join(f"- {line}\n" for line in limits)
    out[MANIFEST] = manifest(root, library, built, complete)
    return out


def manifest(root: Path, library: Library, built: Built, complete: bool) -> str:
    """What was made of what: hashes, never dates. A partial build keeps the other entries of the manifest there."""
    entries = {query.path: _entry(root, library, query) for query in built.queries}
    refused = {f"{target}:{source}": why for (source, target), why in built.unsupported.items()}
    if not complete:
        old = _old(root / "output" / MANIFEST)
        entries = {e["path"]: e for e in old.get("queries", ()) if isinstance(e, dict)} | entries
        refused = old.get("unsupported", {}) | refused
    packages = ("pysigma",)
    body = {
        "parity": __version__,
        "versions": {name: version(name) for name in packages},
        "queries": [entries[path] for path in sorted(entries)],
        "unsupported": dict(sorted(refused.items())),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _entry(root: Path, library: Library, query: Query) -> dict[str, Any]:
    target = targets()[query.target]
    entry: dict[str, Any] = {
        "path": query.path,
        "target": query.target,
        "dialect": query.dialect,
        "source": query.source,
        "sha256": hashlib.sha256(query.text.encode()).hexdigest(),
        "pipelines": {p: _hash(root / "pipelines" / f"{p}.yml") for p in target.pipelines},
    }
    sources = [library.rules[query.source]] if query.source in library.rules else []
    for detection in library.detections.values():
        if detection.path == query.source:
            entry["detection"] = {"name": detection.name, "sha256": detection.sha256}
            sources = [library.rules[part.rule] for part in detection.parts]
    entry["rules"] = [{"id": r.id, "path": r.path, "sha256": r.sha256} for r in sources]
    indices = [i for r in sources for i in target.options.get("indices", {}).get(r.category, ())]
    if indices:
        entry["index"] = list(dict.fromkeys(indices))
    return entry


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _old(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text("utf-8"))
        return loaded if isinstance(loaded, dict) else {}
    except (OSError, ValueError):
        return {}


def orphans(root: Path) -> list[ParityError]:
    """Fixtures of rules that are gone: they would be kept alive by nothing."""
    folder = root / "tests" / "fixtures"
    found = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*.yml")))
    gone = (p for p in found if not os.path.lexists(root / "sigma" / p))
    return [LibraryError("a fixture without a rule", f"tests/fixtures/{p}") for p in gone]
