"""Hunting queries for Microsoft Sentinel, in the YAML of the public content repository.

Its keys and their order are those of https://github.com/Azure/Azure-Sentinel/wiki/Query-Style-Guide; the repository's
validator asks of hunting queries what it asks of analytics rules, but for the schedule and the trigger
(https://github.com/Azure/Azure-Sentinel/tree/master/.script/tests/detectionTemplateSchemaValidation).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from converter.artefacts.core.attack import from_tags
from converter.artefacts.core.base import Context
from converter.artefacts.core.base_text import identity, stem
from converter.artefacts.core.response import Hunt
from converter.artefacts.microsoft.kql_shape import Shape, shape
from converter.core.model import Query

SUFFIX = "hunting.yaml"
VERSION = "1.0.0"

Connectors = Callable[[Sequence[str]], list[dict[str, Any]]]
Entities = Callable[[Shape], list[dict[str, Any]]]


def hunting_queries(
    context: Context, target: str, connectors: Connectors, entities: Entities
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path below output/, the query's mapping) for each hunt that has a query at the target."""
    for name, response in sorted(context.responses.items()):
        for hunt in response.own_hunting:
            query = context.query(hunt.rule, target)
            if query is not None:
                yield f"{stem(query)}.{SUFFIX}", _hunting(name, hunt, query, connectors, entities)


def _hunting(detection: str, hunt: Hunt, query: Query, connectors: Connectors, entities: Entities) -> dict[str, Any]:
    returned = shape(query)
    attack = from_tags(hunt.rule.raw.get("tags") or (), hunt.rule.path)
    return {
        "id": identity(query.target, "hunting", detection, hunt.rule.id),
        "name": hunt.title,
        "description": hunt.purpose,
        "requiredDataConnectors": connectors(returned.tables),
        "tactics": list(dict.fromkeys(tactic.word for tactic in attack.tactics)),
        "relevantTechniques": [technique.id for technique in attack.techniques],
        "query": query.text,
        "entityMappings": entities(returned),
        "version": VERSION,
    }
