"""A build as it went through the gate when output/ was written, which output/manifest.json tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from converter.build.build import Built
from converter.build.gate import Gate, Pair, Refusal, Source, noted
from converter.build.manifest import entries_of, read_manifest
from converter.core.discovery import targets
from converter.core.verdict import Outcome


def as_shipped(root: Path, gate: Gate, sources: Iterable[Source], built: Built) -> Built:
    """A build that proves nothing, changed to what stands in output/: a pair that was refused there has no query, and
    one that was let through without a proof says so in its header. Whether the texts are the same is not looked at."""
    manifest = read_manifest(root)
    by_path = {source.path: source for source in sources}
    entries = {key: _by_pair(entries_of(manifest, key)) for key in ("queries", "unsupported")}
    found = []
    for pair in built.pairs:
        key = pair.source, pair.target
        refused, written = entries["unsupported"].get(key), entries["queries"].get(key, {})
        verdict = str(written.get("verdict", Outcome.AGREE.value))
        if pair.query is not None and refused and not (root / "output" / pair.query.path).exists():
            found.append(_refused(pair, f"{refused.get('outcome')} at the gate: {refused.get('reason')}"))
        elif pair.query is not None and verdict != Outcome.AGREE.value:
            note = noted(verdict, str(written.get("reason", "")))
            query = gate.query(by_path[pair.source], targets()[pair.target], note)
            found.append(replace(pair, query=query))
        else:
            found.append(pair)
    return Built(tuple(found))


def _by_pair(entries: list[dict[str, object]]) -> dict[tuple[str, str], dict[str, object]]:
    return {(str(entry.get("source")), str(entry.get("target"))): entry for entry in entries}


def _refused(pair: Pair, why: str) -> Pair:
    refusal = Refusal(pair.source, pair.target, Outcome.UNSUPPORTED, why, "gate")
    return replace(pair, query=None, refusal=refusal)
