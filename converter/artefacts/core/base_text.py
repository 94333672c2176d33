"""What several makers need: sources with their response content, and text that is the same to the byte every time."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from converter.artefacts.core.base import Context
from converter.artefacts.core.response import Response, Step
from converter.core.discovery import find_target
from converter.core.model import Detection, Query, Rule
from converter.dialects.registry import dialect

#: makes ids that stay the same for as long as a source keeps its path
NAMESPACE = uuid.UUID("0d9a3c0e-7d0f-5f53-9c53-6e7b6d1c1f0a")


def sources(context: Context, target: str) -> Iterator[tuple[Rule | Detection, Query]]:
    """Every rule, then every detection, that has a query at the target."""
    every: list[Rule | Detection] = [*context.library.rules.values(), *context.library.detections.values()]
    for source in every:
        query = context.query(source, target)
        if query is not None:
            yield source, query


def stem(query: Query) -> str:
    """The query's path without its extension: artefacts stand beside it."""
    return query.path.rsplit(".", 1)[0]


def identity(*parts: str) -> str:
    """A UUID made of the parts."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def response_of(source: Rule | Detection, context: Context) -> Response | None:
    """The response content of a detection, or of the first detection that a rule is part of."""
    for name, detection in context.library.detections.items():
        if source is detection or any(part.rule == source.path for part in detection.parts):
            found: Response | None = context.responses.get(name)
            if found is not None:
                return found
    return None


def description(source: Rule | Detection) -> str:
    """The source's description as one paragraph."""
    return " ".join(str(source.raw.get("description", source.title)).split())


def needs(target: str) -> str:
    """A sentence about the oldest versions on which the target's queries run."""
    oldest = dialect(find_target(target).dialect).requirements
    return " ".join(f"It needs {one.product} {one.version} or newer." for one in oldest if one.version)


def version_of(source: Rule | Detection) -> str:
    """`version` of the manifest or rule, else 1.0.0: platforms want three numbers."""
    return str(source.raw.get("version", "1.0.0"))


def numbered(steps: tuple[Step, ...]) -> str:
    """Steps as plain text, one numbered line each."""
    return "\n".join(f"{number}. {step.title}: {step.text}" for number, step in enumerate(steps, 1))


def as_json(body: Mapping[str, Any]) -> bytes:
    """Indented JSON, keys in the given order, with a final line break."""
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def iso(minutes: int) -> str:
    """Minutes as an ISO 8601 duration: PT5M, PT1H, P1D."""
    if minutes % 1440 == 0:
        return f"P{minutes // 1440}D"
    return f"PT{minutes // 60}H" if minutes % 60 == 0 else f"PT{minutes}M"


def short(minutes: int) -> str:
    """Minutes as 5m, 1h or 1d."""
    if minutes % 1440 == 0:
        return f"{minutes // 1440}d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
