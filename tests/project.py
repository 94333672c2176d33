"""What the suites share: one project, built once, and its fixtures."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from converter.build.build import Built, build
from converter.core.discovery import engines_for, targets
from converter.core.model import Rule
from converter.core.verdict import Engine
from converter.rules.library import Library, load
from converter.verify.check import Benches, subjects
from converter.verify.verify import Subject

ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def library() -> Library:
    return load(ROOT)


@functools.cache
def built() -> Built:
    found = library()
    return build(ROOT, found, list(targets().values()), list(found.alone.values()), list(found.detections.values()))


@functools.cache
def benches() -> Benches:
    return Benches(library(), ROOT)


@functools.cache
def all_subjects() -> tuple[Subject, ...]:
    return tuple(subjects(library(), built()))


@functools.cache
def sample() -> tuple[Rule, ...]:
    """The rules of the web-shell detection and one of each log source: laws that cost a library's square are held to
    them, every rule to `parity verify`. PARITY_EVERY_RULE=1 takes all."""
    rules = library().alone
    if os.environ.get("PARITY_EVERY_RULE"):
        return tuple(rules.values())
    parts = {part.rule for part in library().detections["web_shell"].parts}
    first = {rule.logsource: path for path, rule in sorted(rules.items(), reverse=True)}
    return tuple(rule for path, rule in rules.items() if path in parts or first[rule.logsource] == path)


def sampled(source: str) -> bool:
    """Whether a rule is in the sample, or all parts of a detection are."""
    whole = {one.path: [part.rule for part in one.parts] for one in library().detections.values()}
    return {*whole.get(source, [source])} <= {rule.path for rule in sample()}


@functools.cache
def some_subjects() -> tuple[Subject, ...]:
    """The subjects of the sample."""
    return tuple(subject for subject in all_subjects() if sampled(subject.query.source))


def quick_engines(dialect: str) -> list[Engine]:
    """The engines of a dialect that start at once; those of a node in a JVM run the library's rules (`test_parity`)."""
    return [engine for engine in engines_for(dialect) if not hasattr(engine, "missing_parts")]
