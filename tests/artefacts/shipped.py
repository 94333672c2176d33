"""What the suites of artefacts share: the project's own context, and queries taken out of artefacts and judged."""

from __future__ import annotations

import functools
from dataclasses import replace

from converter.artefacts.core.base import Context
from converter.artefacts.core.response import hunting_rules, load_responses
from converter.build.build import build
from converter.build.settings import DEFAULTS
from converter.core.discovery import engines_for, targets
from converter.core.model import Query, Rule
from converter.core.verdict import Outcome
from converter.prove.prove import prove
from converter.verify.verify import Subject, verify
from tests.project import ROOT, benches, built, library, sampled


@functools.cache
def hunts() -> dict[str, Rule]:
    """path -> hunting rule."""
    return {rule.path: rule for r in load_responses(ROOT, library()).values() for rule in hunting_rules(r)}


@functools.cache
def context() -> Context:
    """The project without a parity.toml, hunting queries included."""
    extra = build(ROOT, library(), list(targets().values()), list(hunts().values()), [])
    queries = {(q.source, q.target): q for q in (*built().queries, *extra.queries)}
    return Context(ROOT, library(), queries, load_responses(ROOT, library()), DEFAULTS)


def shipped(target: str) -> list[Query]:
    """The queries of rules and detections at a target, without the hunting queries."""
    return [query for (source, name), query in context().queries.items() if name == target and source not in hunts()]


def hunted(target: str) -> list[Query]:
    return [query for (source, name), query in context().queries.items() if name == target and source in hunts()]


def judge(text: str, query: Query) -> None:
    """Fails unless `text`, taken out of an artefact of `query`, is verified by every engine of its dialect, and proved.

    Hunting queries have no fixtures: they are proved only, and so are rules outside the sample.
    """
    taken, target = replace(query, text=text), targets()[query.target]
    rules = library().rules | hunts()
    detection = next((d for d in library().detections.values() if d.path == query.source), None)
    parts = {part.label: rules[part.rule] for part in detection.parts} if detection else {"": rules[query.source]}
    proof = prove(taken, target, parts)
    assert proof.outcome is Outcome.AGREE, f"{query.path}: {proof.reason or proof.witness}"
    if query.source in hunts() or not sampled(query.source):
        return
    if detection:
        subject = Subject.of_detection(taken, target, detection, rules)
    else:
        subject = Subject.of_rule(taken, target, rules[query.source])
    engines = engines_for(query.dialect)
    assert engines
    for engine in engines:
        verdict = verify(subject, engine, benches().of(subject), benches().judges)
        assert verdict.outcome is Outcome.AGREE, f"{query.path} on {engine.name}: {verdict.detail}"
        assert verdict.matched
