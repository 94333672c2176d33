"""`output/manifest.json`: what was made of what, how far it is proved, and which pairs have no query and why.

Hashes, never dates: the same project gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from converter import __version__
from converter.build.gate import Pair, Refusal, not_proved
from converter.build.settings import Settings, local_target
from converter.core.discovery import searched_for, targets
from converter.core.model import Query, Rule
from converter.core.verdict import Outcome
from converter.dialects.registry import dialect
from converter.prove.prove import Proof
from converter.rules.library import Library

MANIFEST = "manifest.json"


def read_manifest(root: Path) -> dict[str, Any]:
    """The manifest below `root/output`, empty where there is none that can be read."""
    try:
        loaded = json.loads((root / "output" / MANIFEST).read_text("utf-8"))
        return loaded if isinstance(loaded, dict) else {}
    except (OSError, ValueError):
        return {}


def entries_of(manifest: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The entries under `queries` or `unsupported`, those left out that are none."""
    found = manifest.get(key)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def manifest(
    library: Library, settings: Settings, pairs: Iterable[Pair], old: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What the pairs came to; the entries of other pairs are kept as they are in `old`."""
    done = list(pairs)
    queries = [_entry(library, settings, pair.query, pair.proof) for pair in done if pair.query is not None]
    refused = [_refused(pair.refusal) for pair in done if pair.refusal is not None]
    now = {(pair.source, pair.target) for pair in done}
    for key, own in (("queries", queries), ("unsupported", refused)):
        own += [e for e in entries_of(old or {}, key) if (e.get("source"), e.get("target")) not in now]
    return {
        "parity": __version__,
        "queries": sorted(queries, key=lambda entry: str(entry["path"])),
        "unsupported": sorted(refused, key=lambda entry: (str(entry["source"]), str(entry["target"]))),
    }


def as_text(body: Mapping[str, Any]) -> str:
    """The manifest as the file holds it."""
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def beside(query: Query, proof: Proof | None, detection: bool) -> dict[str, str]:
    """What stands beside a query in a language without comments: what a detection cannot say in it, and that it is not
    proved."""
    language = dialect(query.dialect)
    if language.comment:
        return {}
    lines = [not_proved(proof)] if proof is not None and proof.outcome is not Outcome.AGREE else []
    lines += language.limits if detection else ()
    return {limits_path(query.path): "".join(f"- {line}\n" for line in lines)} if lines else {}


def limits_path(path: str) -> str:
    """Where the text beside a query stands."""
    return f"{path.rsplit('.', 1)[0]}.limits.md"


def verdict_of(proof: Proof) -> dict[str, Any]:
    """A proof as data: the verdict, the ids of the losses it names, how well the records are known."""
    out: dict[str, Any] = {"verdict": proof.outcome.value}
    if proof.outcome is not Outcome.AGREE:
        out["reason"] = proof.reason
    return out | {"losses": sorted({loss.loss.id for loss in proof.losses}), "evidence": proof.evidence}


def _entry(library: Library, settings: Settings, query: Query, proof: Proof | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "path": query.path,
        "target": query.target,
        "dialect": query.dialect,
        "source": query.source,
        "sha256": hashlib.sha256(query.text.encode()).hexdigest(),
    }
    sources: list[Rule] = [library.rules[query.source]] if query.source in library.rules else []
    for detection in library.detections.values():
        if detection.path == query.source:
            entry["detection"] = {"name": detection.name, "sha256": detection.sha256}
            sources = [library.rules[part.rule] for part in detection.parts]
    if query.source in library.correlations:
        correlation = library.correlations[query.source]
        entry["correlation"] = {"id": correlation.id, "sha256": correlation.sha256, "windows": _windows(query)}
        sources = [library.rules[path] for path in correlation.rules]
    entry["rules"] = [{"id": r.id, "path": r.path, "sha256": r.sha256} for r in sources]
    local = local_target(targets()[query.target], settings)
    indices = [index for rule in sources for index in searched_for(rule, local)]
    if indices:
        entry["index"] = list(dict.fromkeys(indices))
    return entry | (verdict_of(proof) if proof is not None else {})


def _windows(query: Query) -> str:
    """Of which kind the windows of a correlation are in the query's language."""
    return dialect(query.dialect).windows


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {
        "source": refusal.source,
        "target": refusal.target,
        "outcome": refusal.outcome.value,
        "feature": refusal.feature,
        "reason": refusal.reason,
        "where": refusal.where,
    }
