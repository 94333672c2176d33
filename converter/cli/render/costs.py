"""Costs of queries for a terminal and for programs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from converter.cli.render.words import count, wrapped
from converter.core.errors import ParityError
from converter.dialects.costing import Answer
from converter.explain.cost import Conjunct, Cost

WIDTH = 80


@dataclass(frozen=True)
class Row:
    """The cost of one query."""

    source: str
    target: str
    cost: Cost


@dataclass(frozen=True)
class Costs:
    """What was weighed; `left` are pairs without a query (source, target, why), `broken` files that are no rules."""

    rows: tuple[Row, ...]
    left: tuple[tuple[str, str, str], ...] = ()
    broken: tuple[ParityError, ...] = ()


def text(found: Costs, whole: bool) -> str:
    """Each query with its conjuncts, or (not `whole`) the queries that scan; then a line for each target."""
    lines: list[str] = []
    source = ""
    for row in found.rows:
        if not whole and not row.cost.scans:
            continue
        if row.source != source:
            lines += [row.source]
            source = row.source
        lines += _query(row) if whole else [f"  {row.target}: scans"]
    lines += [*([""] if lines else []), *_summary(found.rows)]
    if found.left:
        lines.append(f"{count(len(found.left), 'pair')} of rule and target without a query")
    lines += [f"broken: {fault}" for fault in found.broken]
    return "\n".join(lines) + "\n"


def _query(row: Row) -> Iterator[str]:
    mark = "  SCANS: nothing that is looked up narrows it" if row.cost.scans else ""
    yield f"  {row.target}, {row.cost.characters:,} characters{mark}"
    for number, search in enumerate(row.cost.searches, 1):
        if len(row.cost.searches) > 1:
            yield f"    part {number}"
        for one in search:
            first, *rest = wrapped(one.text, WIDTH, " " * 11)
            yield f"    {_word(one):6} {first.strip()}"
            yield from rest
            if one.answer is not Answer.INDEX:
                yield from wrapped(f"({one.why.what})", WIDTH, " " * 13)


def _word(one: Conjunct) -> str:
    return "scope" if one.scope and one.answer is Answer.INDEX else one.answer.value


def _summary(rows: Sequence[Row]) -> Iterator[str]:
    by_target: dict[str, list[Cost]] = {}
    for row in rows:
        by_target.setdefault(row.target, []).append(row.cost)
    if by_target:
        yield f"{'target':24} {'queries':>8} {'scan':>6} {'of them':>8} {'median characters':>18}"
    for target, costs in by_target.items():
        scans = sum(one.scans for one in costs)
        median = statistics.median(one.characters for one in costs)
        yield f"{target:24} {len(costs):8,} {scans:6,} {scans / len(costs):8.1%} {median:18,.0f}"


def as_json(found: Costs) -> str:
    """All of it as a JSON document."""
    body: dict[str, Any] = {
        "queries": [
            {
                "source": row.source,
                "target": row.target,
                "scans": row.cost.scans,
                "characters": row.cost.characters,
                "longest_line": row.cost.longest_line,
                "searches": [[_conjunct(one) for one in search] for search in row.cost.searches],
            }
            for row in found.rows
        ],
        "without": [{"source": s, "target": t, "reason": why} for s, t, why in found.left],
        "broken": [str(fault) for fault in found.broken],
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _conjunct(one: Conjunct) -> dict[str, Any]:
    return {
        "test": one.text,
        "answer": one.answer.value,
        "scope": one.scope,
        "narrows": one.narrows,
        "why": one.why.what,
        "source": one.why.source,
    }
