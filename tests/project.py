"""What the suites share: one project, built once, and its fixtures."""

from __future__ import annotations

import functools
from pathlib import Path

from converter.build import Built, build
from converter.check import Benches, subjects
from converter.discovery import targets
from converter.library import Library, load
from converter.verify import Subject

ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def library() -> Library:
    return load(ROOT)


@functools.cache
def built() -> Built:
    found = library()
    return build(ROOT, found, list(targets().values()), list(found.rules.values()), list(found.detections.values()))


@functools.cache
def benches() -> Benches:
    return Benches(library(), ROOT)


@functools.cache
def all_subjects() -> tuple[Subject, ...]:
    return tuple(subjects(library(), built()))
