"""Findings as SARIF 2.1.0, which code-scanning services read.

The shape is that of the OASIS standard, https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html: one run
(3.14) of one tool (3.18), whose driver describes each rule (3.49) that a result (3.27) refers to by its index.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from converter import __version__

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION = "2.1.0"
#: the values that 3.27.10 allows
LEVELS = ("error", "warning", "note", "none")


@dataclass(frozen=True)
class Result:
    """One finding: the id of its kind, its level, a message, the file and line; `properties` are for programs."""

    kind: str
    level: str
    message: str
    path: str
    line: int = 1
    properties: Mapping[str, Any] = field(default_factory=dict)


def sarif(results: Iterable[Result], kinds: Mapping[str, str]) -> str:
    """A SARIF log. `kinds` describes every kind of finding there may be; only these may occur in `results`."""
    known = list(kinds)
    run = {
        "tool": {
            "driver": {
                "name": "parity",
                "semanticVersion": __version__,
                "rules": [{"id": kind, "shortDescription": {"text": kinds[kind]}} for kind in known],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(result, known.index(result.kind)) for result in results],
    }
    return json.dumps({"$schema": SCHEMA, "version": VERSION, "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def joined(*logs: str) -> str:
    """One log of the runs of several (3.13.4: a log may hold any number of them)."""
    first, *others = (json.loads(log) for log in logs)
    first["runs"] += [run for other in others for run in other["runs"]]
    return json.dumps(first, indent=2, ensure_ascii=False) + "\n"


def _result(result: Result, index: int) -> dict[str, Any]:
    assert result.level in LEVELS, result.level
    physical = {
        # 3.4.3: a URI reference, so whatever is not allowed in one is percent-encoded
        "artifactLocation": {"uri": quote(result.path, safe="/:@!$&'()*+,;=-._~")},
        "region": {"startLine": max(1, result.line)},
    }
    out: dict[str, Any] = {
        "ruleId": result.kind,
        "ruleIndex": index,
        "level": result.level,
        "message": {"text": result.message},
        "locations": [{"physicalLocation": physical}],
    }
    if result.properties:
        out["properties"] = dict(result.properties)
    return out
