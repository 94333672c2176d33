"""The artefacts of one target family, made once from the repository's own library."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from converter.artefacts.attack import navigator
from converter.artefacts.core import response_guide
from converter.artefacts.core.base import Context, Maker
from converter.artefacts.core.package import merge
from converter.artefacts.core.response import hunting_rules, load_responses
from converter.artefacts.microsoft import defender, sentinel
from converter.build.build import build
from converter.build.settings import DEFAULTS, Settings
from converter.core.discovery import targets
from converter.core.model import Detection, Query, Rule
from tests.project import ROOT, built, library

MAKERS: tuple[Maker, ...] = (defender.MAKER, navigator.MAKER, response_guide.MAKER, sentinel.MAKER)


@functools.cache
def context() -> Context:
    """The shipped queries, those of the hunts, and default settings."""
    responses = load_responses(ROOT, library())
    hunts = [rule for response in responses.values() for rule in hunting_rules(response)]
    extra = build(ROOT, library(), list(targets().values()), hunts, [])
    queries = {(q.source, q.target): q for q in (*built().queries, *extra.queries)}
    return Context(ROOT, library(), queries, responses, DEFAULTS)


def with_settings(**values: Any) -> Context:
    """The same with other settings."""
    return replace(context(), settings=Settings(**values))


@functools.cache
def files() -> dict[str, bytes]:
    """path below output/ -> content."""
    return merge(MAKERS, context())


def detection_of(query: Query) -> Detection | None:
    """The detection that a query is of, None for a rule's own."""
    return next((d for d in library().detections.values() if d.path == query.source), None)


def parts_of(query: Query) -> dict[str, Rule]:
    """label -> rule of a detection's query, path -> rule of a rule's own."""
    detection, rules = detection_of(query), library().rules
    if detection is None:
        return {query.source: rules[query.source]}
    return {part.label: rules[part.rule] for part in detection.parts}
