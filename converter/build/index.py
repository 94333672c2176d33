"""`output/index.json` and `output/index.md`: every rule of the library with what it is for, what evades it, and how its
query ended at each target; and what the library still misses.

Both are made from the rules and from the manifest, so that they say what was built and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from converter import __version__
from converter.build.gaps import Missing
from converter.build.index_text import as_markdown
from converter.build.manifest import entries_of
from converter.core.correlation import Correlation
from converter.core.model import Detection, Rule
from converter.core.verdict import Outcome
from converter.rules.library import Library

INDEX, INDEX_TEXT = "index.json", "index.md"
#: how the part of a description begins that says what the rule does not see
EVADES = "What evades it:"
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)")
_TACTIC = re.compile(r"attack\.([a-z-]+)")


def index_files(library: Library, manifest: Mapping[str, Any], gaps: Iterable[Missing]) -> dict[str, str]:
    """path below output/ -> text."""
    body = index(library, manifest, gaps)
    return {INDEX: json.dumps(body, indent=2, ensure_ascii=False) + "\n", INDEX_TEXT: as_markdown(body)}


def index(library: Library, manifest: Mapping[str, Any], gaps: Iterable[Missing]) -> dict[str, Any]:
    """The index as data: `rules` (with correlations), `detections`, `missing`."""
    ended = _ended(manifest)
    rules = [_rule(library, rule, ended.get(rule.path, {})) for rule in _shown(library)]
    return {
        "parity": __version__,
        "rules": rules,
        "detections": [_detection(d, ended.get(d.path, {})) for d in library.detections.values()],
        "missing": [
            {"idea": gap.idea, "score": gap.score, "needs": gap.needs, "why": gap.why, "source": gap.source}
            for gap in gaps
        ],
    }


def _shown(library: Library) -> Iterator[Rule | Correlation]:
    """All but the rules that stand in correlations alone, by log source."""
    yield from sorted(library.alone.values(), key=lambda rule: (str(rule.logsource), rule.path))
    yield from sorted(library.correlations.values(), key=lambda rule: rule.path)


def _ended(manifest: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """source -> target -> how the pair ended."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in entries_of(manifest, "queries"):
        how = {"verdict": entry.get("verdict", Outcome.NOT_RUN.value)}
        how |= {key: entry[key] for key in ("reason", "losses", "evidence") if entry.get(key)}
        found.setdefault(str(entry.get("source")), {})[str(entry.get("target"))] = how
    for entry in entries_of(manifest, "unsupported"):
        how = {"verdict": entry.get("outcome"), "reason": entry.get("reason")}
        found.setdefault(str(entry.get("source")), {})[str(entry.get("target"))] = how
    return {source: dict(sorted(targets.items())) for source, targets in found.items()}


def _rule(library: Library, rule: Rule | Correlation, ended: Mapping[str, Any]) -> dict[str, Any]:
    idea, evades = told(str(rule.raw.get("description") or ""))
    tags = [str(tag) for tag in rule.raw.get("tags") or ()]
    entry: dict[str, Any] = {
        "title": rule.title,
        "id": rule.id,
        "path": rule.path,
        "logsource": "correlation" if isinstance(rule, Correlation) else str(rule.logsource),
        "level": rule.raw.get("level"),
        "status": rule.raw.get("status"),
        "tactics": sorted(found[1] for tag in tags if (found := _TACTIC.fullmatch(tag))),
        "techniques": sorted(found[1].upper() for tag in tags if (found := _TECHNIQUE.fullmatch(tag))),
        "idea": idea,
        "evades": evades,
        "falsepositives": [str(one) for one in rule.raw.get("falsepositives") or ()],
        "detections": [d.name for d in library.detections.values() if rule.path in [p.rule for p in d.parts]],
    }
    if isinstance(rule, Correlation):
        entry |= {"type": rule.type, "rules": [library.rules[path].title for path in rule.rules]}
    return entry | {"targets": dict(ended)}


def _detection(detection: Detection, ended: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": detection.title,
        "name": detection.name,
        "path": detection.path,
        "severity": detection.severity,
        "idea": _one_line(detection.description),
        "parts": {part.label: part.rule for part in detection.parts},
        "targets": dict(ended),
    }


def told(description: str) -> tuple[str, str]:
    """A description as what the rule is for and what evades it, "" where that is not said."""
    idea, _, evades = description.partition(EVADES)
    return _one_line(idea), _one_line(evades)


def _one_line(text: str) -> str:
    return " ".join(text.split())
