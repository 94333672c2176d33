"""Proofs as rows, and the rows for a terminal, for programs, and for continuous integration."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter import render, render_sarif
from converter.build import build, select
from converter.discovery import targets
from converter.library import load
from converter.model import Outcome, Report, Target, Verdict
from converter.prove import CHECK, Proof, prove
from converter.prove_all import PairResult

KINDS = {
    "disagree": "The query and its rule differ on an event.",
    "error": "The query could not be made or read back.",
}
_FAILED = (Outcome.DISAGREE, Outcome.ERROR)


@dataclass(frozen=True)
class Row:
    """One proof: `query` is the text proved where it is known, `line` where the rule's detection stands."""

    source: str
    target: str
    proof: Proof
    line: int = 1
    query: str = ""


def library_rows(
    root: Path, chosen: list[Target], names: Iterable[str], progress: Callable[[int, int], None] | None = None
) -> list[Row]:
    """The proofs of the library's rules and detections, all or those named, as they are converted now."""
    library = load(root)
    built = build(root, library, chosen, *select(library, names))
    detections = {detection.path: detection for detection in library.detections.values()}
    rows = []
    for number, query in enumerate(built.queries):
        if progress:
            progress(number, len(built.queries))
        detection = detections.get(query.source)
        if detection is None:
            rules = {query.source: library.rules[query.source]}
            line = library.rules[query.source].lines.get("detection", 1)
        else:
            rules = {part.label: library.rules[part.rule] for part in detection.parts}
            line = 1
        rows.append(Row(query.source, query.target, prove(query, targets()[query.target], rules), line, query.text))
    rows += [Row(s, t, Proof(Outcome.UNSUPPORTED, why)) for (s, t), why in built.unsupported.items()]
    return sorted(rows, key=lambda row: (row.source, row.target))


def of_pair(result: PairResult, line: int) -> Row:
    """A row for a pair of `prove_all`."""
    return Row(result.source, result.target, result.proof or Proof(result.outcome, result.reason), line)


def failed(rows: Iterable[Row]) -> bool:
    """Whether a query disagrees with its rule, or something went wrong."""
    return any(row.proof.outcome in _FAILED for row in rows)


def summary(rows: list[Row]) -> list[str]:
    """How many proofs ended how, then the reasons of those that are not proofs, most frequent first."""
    counts = Counter(row.proof.outcome for row in rows)
    told = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
    lines = [f"{len(rows)} pairs: {told}" if rows else "0 pairs: nothing was proved"]
    reasons = Counter(
        (row.proof.outcome, row.proof.reason)
        for row in rows
        if row.proof.outcome in (Outcome.UNSUPPORTED, Outcome.OUT_OF_FRAGMENT)
    )
    lines += [f"  {count:5} {outcome.value} {reason}" for (outcome, reason), count in reasons.most_common()]
    return lines


def text(rows: list[Row], colour: bool = False) -> str:
    """A line for each pair; where they disagree the two answers and the event."""
    import click

    styles = {Outcome.AGREE: "green", Outcome.DISAGREE: "red", Outcome.ERROR: "red"}
    width = max((len(row.target) for row in rows), default=0)
    lines = []
    for row in rows:
        outcome = row.proof.outcome
        word = outcome.value.ljust(16)
        word = click.style(word, fg=styles.get(outcome, "yellow"), bold=outcome in _FAILED) if colour else word
        lines.append(f"{word}{row.target.ljust(width)}  {row.source}")
        witness = row.proof.witness
        if witness is not None:
            said = {True: "fires", False: "does not fire"}
            lines += [f"    rule: {said[witness.rule]}", f"    query: {said[witness.query]}"]
            lines.append(f"    event ({witness.kind}):")
            lines += [f"        {name}: {value!r}" for name, value in witness.event.items()]
        elif outcome is not Outcome.AGREE:
            lines += [f"    {line}" for line in row.proof.reason.splitlines()]
    return "\n".join([*lines, "" if lines else "nothing to prove", *summary(rows)]) + "\n"


def as_json(rows: list[Row]) -> str:
    """All proofs as a JSON document; `reason` is as in the summary, `query` only where they disagree."""
    body = {"ok": not failed(rows), "summary": summary(rows)[0], "proofs": [_json(row) for row in rows]}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _json(row: Row) -> dict[str, Any]:
    out: dict[str, Any] = {"source": row.source, "target": row.target, "outcome": row.proof.outcome.value}
    if row.proof.reason:
        out["reason"] = row.proof.reason
    witness = row.proof.witness
    if witness is not None:
        answers = {"rule": witness.rule, "query": witness.query}
        out["witness"] = {"kind": witness.kind, "event": dict(witness.event), **answers}
        out["query"] = row.query
    return out


def junit(rows: list[Row]) -> str:
    """JUnit XML: what disagrees is a failure, what is not a proof is skipped with its reason."""
    verdicts = [Verdict(r.source, r.target, CHECK, r.proof.outcome, detail=r.proof.reason) for r in rows]
    return render.junit(Report(tuple(verdicts))) + "\n"


def sarif(rows: list[Row]) -> str:
    """SARIF 2.1.0 with a result for each pair that disagrees or failed."""
    results = [
        render_sarif.Result(
            kind=row.proof.outcome.value.lower(),
            level="error",
            message=f"{row.target}: {row.proof.reason}",
            path=row.source,
            line=row.line,
            properties=_json(row),
        )
        for row in rows
        if row.proof.outcome in _FAILED
    ]
    return render_sarif.sarif(results, KINDS)


FORMATS: dict[str, Callable[[list[Row]], str]] = {"json": as_json, "junit": junit, "sarif": sarif}
