"""The artefacts of one target family, made once from the repository's own library."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from converter.artefacts import defender, navigator, response_guide, sentinel
from converter.artefacts.base import Context, Maker
from converter.artefacts.response import hunting_rules, load_responses
from converter.artefacts.settings import DEFAULTS, Settings
from converter.convert import Converter
from converter.discovery import targets
from converter.package import merge
from tests.project import ROOT, built, library

MAKERS: tuple[Maker, ...] = (defender.MAKER, navigator.MAKER, response_guide.MAKER, sentinel.MAKER)


@functools.cache
def context() -> Context:
    """The shipped queries, those of the hunts, and default settings."""
    responses = load_responses(ROOT, library())
    hunts = [rule for response in responses.values() for rule in hunting_rules(response)]
    queries = [*built().queries, *(Converter(ROOT).query(r, t) for r in hunts for t in targets().values())]
    return Context(ROOT, library(), {(q.source, q.target): q for q in queries}, responses, DEFAULTS)


def with_settings(**values: Any) -> Context:
    """The same with other settings."""
    return replace(context(), settings=Settings(**values))


@functools.cache
def files() -> dict[str, bytes]:
    """path below output/ -> content."""
    return merge(MAKERS, context())
