"""Everything that the makers produce for some targets, as files below `output/`; writes nothing itself.

A site's settings come first: exclusions, window and index names change what is converted, for each target on its own,
and the makers see those queries. Without settings they are the shipped ones, byte for byte.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from converter.artefacts.core.base import Context, Maker
from converter.artefacts.core.response import Response, hunting_rules, load_responses
from converter.build.build import Built, build
from converter.build.gate import Gate, Refusal
from converter.build.many import Done
from converter.build.settings import Settings, load_settings
from converter.core.errors import Faults, ParityError
from converter.core.model import Rule, Target
from converter.rules.library import Library
from converter.rules.placeholders import given


@cache
def makers() -> dict[str, Maker]:
    """name -> maker, sorted by name: every module of `converter.artefacts` that has a MAKER."""
    package = importlib.import_module("converter.artefacts")
    names = sorted(info.name for info in pkgutil.walk_packages(package.__path__, "converter.artefacts."))
    modules = [importlib.import_module(name) for name in names]
    found: list[Maker] = [module.MAKER for module in modules if hasattr(module, "MAKER")]
    return {maker.name: maker for maker in sorted(found, key=lambda m: m.name)}


@dataclass(frozen=True)
class Packaged:
    """path below `output/` -> content, sorted; and the pairs of a query's source and a target that have no query."""

    files: dict[str, bytes]
    refusals: tuple[Refusal, ...] = ()


def package(
    root: Path, library: Library, chosen: Iterable[Target], settings: Settings | None = None
) -> dict[str, bytes]:
    """The files of `make`."""
    return make(root, library, chosen, settings).files


def make(
    root: Path,
    library: Library,
    chosen: Iterable[Target],
    settings: Settings | None = None,
    unproved: bool = False,
    done: Done | None = None,
) -> Packaged:
    """Every artefact of the chosen targets; the queries themselves are not among them.

    Paths below `dist/` are bundles. Without `settings` those of `root/parity.toml` are loaded. A query that is not
    proved is in no artefact, unless `unproved` lets it through. Raises Faults with all that the settings, the response
    content, the conversion and the makers find wrong; a value that a platform would refuse is such a fault.
    """
    own = load_settings(root, library) if settings is None else settings
    responses = load_responses(root, library)
    targets = list(chosen)
    built = _built(root, library, targets, Gate(library.rules, own, unproved), responses, done)
    queries = {(query.source, query.target): query for query in built.queries}
    rules = {path: given(rule, own.placeholders) for path, rule in library.rules.items()}
    context = Context(root, Library(rules, library.detections), queries, responses, own)
    names = {target.name for target in targets}
    files = merge(
        [maker for maker in makers().values() if names & set(maker.targets)],
        context,
        {query.path for query in queries.values() if query.source in _known(library)},
    )
    return Packaged(files, built.refusals)


def merge(chosen: Iterable[Maker], context: Context, taken: Iterable[str] = ()) -> dict[str, bytes]:
    """What the makers make, all faults reported together. `taken` are paths of queries, which no maker may write."""
    owners = dict.fromkeys(taken, "the build of the queries")
    files: dict[str, bytes] = {}
    found: list[ParityError] = []
    for maker in chosen:
        try:
            made = maker.make(context)
        except Faults as faults:
            found.extend(faults.faults)
            continue
        except ParityError as error:
            found.append(error)
            continue
        for artefact in made:
            owner = owners.setdefault(artefact.path, f"the maker {maker.name}")
            if artefact.path in files or owner != f"the maker {maker.name}":
                message = f"{owner} and the maker {maker.name} both write it"
                found.append(ParityError(message, f"output/{artefact.path}", "one of them needs another name"))
            elif not _inside(artefact.path):
                found.append(ParityError(f"the maker {maker.name} writes outside output/", artefact.path))
            files[artefact.path] = artefact.content
    if found:
        raise Faults(found)
    return dict(sorted(files.items()))


def _built(
    root: Path, library: Library, targets: list[Target], gate: Gate, responses: Mapping[str, Response],
    done: Done | None,
) -> Built:  # fmt: skip
    """Rules, detections and hunting queries as the site converts them."""
    hunts = [rule for response in responses.values() for rule in hunting_rules(response)]
    rules: list[Rule] = [*library.alone.values(), *hunts]
    try:
        return build(root, library, targets, rules, library.detections.values(), gate, done)
    except Faults as faults:
        raise Faults([_blamed(fault, library, gate.settings) for fault in faults.faults]) from faults


def _blamed(fault: ParityError, library: Library, settings: Settings) -> ParityError:
    """A fault at a rule that the site narrows names the exclusions: the library's own rules do convert."""
    rules = [rule for rule in library.rules.values() if fault.where.startswith(rule.path)]
    paths = [e.path for e in settings.exclusions if any(e.covers(rule) for rule in rules)]
    if not paths:
        return fault
    return ParityError(f"narrowed by {', '.join(paths)}: {fault.message}", fault.where, fault.hint)


def _known(library: Library) -> set[str]:
    return {*library.rules, *(detection.path for detection in library.detections.values())}


def _inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts and len(pure.parts) > 1 and "\\" not in path
