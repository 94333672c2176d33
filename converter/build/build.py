"""The library as the files of `output/`: one query a rule and target, one a detection and target, and the manifest."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converter.build.fixtures import has_fixture, load_all
from converter.build.gaps import Missing, load_gaps
from converter.build.gate import Gate, Pair, Refusal, Source
from converter.build.index import index_files
from converter.build.manifest import MANIFEST, as_text, beside, entries_of, limits_path, manifest, read_manifest
from converter.build.many import Done, pairs
from converter.build.named import find, select
from converter.build.sequences import load_sequences
from converter.build.settings import DEFAULTS, Settings, load_settings
from converter.core.config import layout
from converter.core.correlation import Correlation
from converter.core.errors import Faults, LibraryError, ParityError, UsageError
from converter.core.model import Detection, Query, Rule, Target
from converter.rules.library import Library

__all__ = ["Built", "Prepared", "build", "dropped", "files", "orphans", "prepare", "select"]


@dataclass(frozen=True)
class Built:
    """The pairs of a build, each with its query or why there is none."""

    pairs: tuple[Pair, ...]

    @property
    def queries(self) -> tuple[Query, ...]:
        """The queries there are."""
        return tuple(pair.query for pair in self.pairs if pair.query is not None)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The pairs without one."""
        return tuple(pair.refusal for pair in self.pairs if pair.refusal is not None)


@dataclass(frozen=True)
class Prepared:
    """A project that is sound, as far as a command is about it; the queries of rules and correlations in `unexecuted`,
    which have no fixture, are proved only."""

    library: Library
    settings: Settings
    rules: tuple[Rule, ...]
    detections: tuple[Detection, ...]
    unexecuted: tuple[str, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    gaps: tuple[Missing, ...] = ()

    @property
    def sources(self) -> tuple[Rule | Correlation | Detection, ...]:
        """What the command is about: rules, correlations, detections."""
        return (*self.rules, *self.correlations, *self.detections)


def prepare(root: Path, names: Iterable[str] = (), site: bool = True) -> Prepared:
    """The library, the site's settings, and the sources asked for, the fixtures checked with them.

    Raises Faults with everything that is wrong in rules, manifests, fixtures and settings, in one run.
    """
    wanted = list(names)
    everything = find(root, ())
    faults = [*everything.broken, *everything.other, *orphans(root)]
    library = everything.library
    settings = DEFAULTS
    gaps: list[Missing] = []
    steps = (
        lambda: load_all(library.rules.values(), root),
        lambda: load_sequences(library.correlations.values(), root),
        lambda: gaps.extend(load_gaps(root)),
        lambda: find(root, wanted),
    )
    for step in steps:
        try:
            step()
        except Faults as several:
            faults.extend(several.faults)
        except (UsageError, LibraryError) as error:
            faults.append(error)
    try:
        settings = load_settings(root, library) if site and not everything.broken else DEFAULTS
    except Faults as several:
        faults.extend(several.faults)
    if faults:
        unique = {str(fault): fault for fault in faults}
        raise Faults(sorted(unique.values(), key=_place))
    named = find(root, wanted)
    if named.foreign:
        raise UsageError(f"{named.foreign} is no rule of this project", hint="parity convert RULE -t TARGET -o DIR")
    for path in named.rules.keys() - library.alone.keys():
        message = f"{path} stands in correlations alone, and output/ has no query of it"
        raise UsageError(message, hint="name the correlation, or set `generate: true` in it; `convert` takes the rule")
    tested: dict[str, Rule | Correlation] = {**named.rules, **named.correlations}
    without = tuple(path for path, rule in tested.items() if not has_fixture(rule, root))
    correlations = tuple(named.correlations.values())
    rules, detections = tuple(named.rules.values()), tuple(named.detections.values())
    return Prepared(library, settings, rules, detections, without, correlations, tuple(gaps))


def _place(fault: ParityError) -> tuple[str, int]:
    path, _, line = fault.where.partition(":")
    return path, int(line) if line.isdecimal() else 0


def build(
    root: Path,
    library: Library,
    chosen: Sequence[Target],
    rules: Iterable[Rule],
    detections: Iterable[Detection],
    gate: Gate | None = None,
    done: Done | None = None,
    correlations: Iterable[Correlation] = (),
) -> Built:
    """Every query asked for, proved when the `gate` proves. Raises Faults with every rule that is broken."""
    passage = gate or Gate(library.rules, proving=False)
    sources: list[Source] = [*rules, *correlations, *detections]
    found = tuple(pairs(passage, sources, chosen, done))
    faults = _merged(found, len(chosen))
    if faults:
        raise Faults(faults)
    return Built(found)


def _merged(found: Iterable[Pair], every: int) -> list[ParityError]:
    """The faults of broken rules: one for all the targets that have it in common."""
    merged: dict[tuple[str, str, str], tuple[ParityError, list[str]]] = {}
    for pair in found:
        if pair.fault is None:
            continue
        for fault in pair.fault.faults if isinstance(pair.fault, Faults) else (pair.fault,):
            message = fault.message.removeprefix(f"{pair.target}: ")
            _, names = merged.setdefault((message, fault.where, fault.hint), (fault, []))
            if message != fault.message and pair.target not in names:
                names.append(pair.target)
    return [_for_all(fault, message, names, every) for (message, *_), (fault, names) in merged.items()]


def _for_all(fault: ParityError, message: str, names: list[str], every: int) -> ParityError:
    which = "all targets" if len(names) == every > 1 else ", ".join(names)
    fault.message = f"{which}: {message}" if names else message
    return fault


def files(root: Path, prepared: Prepared, built: Built, complete: bool) -> dict[str, str]:
    """path below output/ -> text, manifest and index included. A partial build keeps the manifest's other entries."""
    out: dict[str, str] = {}
    detections = {detection.path for detection in prepared.library.detections.values()}
    for pair in built.pairs:
        if pair.query is not None:
            out[pair.query.path] = pair.query.text
            out |= beside(pair.query, pair.proof, pair.source in detections)
    old = None if complete else read_manifest(root)
    body = manifest(prepared.library, prepared.settings, built.pairs, old)
    return {**out, MANIFEST: as_text(body), **index_files(prepared.library, body, prepared.gaps)}


def dropped(root: Path, built: Built, made: Mapping[str, str]) -> tuple[str, ...]:
    """Files of earlier builds that a partial one must take away: of pairs that have no query now, and what stood beside
    queries that need nothing beside them any more."""
    now = {(pair.source, pair.target) for pair in built.pairs}
    old = entries_of(read_manifest(root), "queries")
    gone = [str(e["path"]) for e in old if (e.get("source"), e.get("target")) in now and "path" in e]
    both = [path for one in gone for path in (one, limits_path(one))]
    return tuple(path for path in both if path not in made)


def orphans(root: Path) -> list[ParityError]:
    """Fixtures of rules that are gone: they would be kept alive by nothing."""
    own = layout(root)
    folder = root / own.fixtures
    found = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*.yml")))
    gone = (p for p in found if not os.path.lexists(root / own.rules / re.sub(r"#\d+\.yml\Z", ".yml", p)))
    return [LibraryError("a fixture without a rule", f"{own.fixtures}/{p}") for p in gone]
