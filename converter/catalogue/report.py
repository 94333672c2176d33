"""Verdicts of an earlier `parity verify --format json`, so that what was run once need not be run again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from converter.build.gate import Pair
from converter.core.errors import UsageError
from converter.core.verdict import Outcome, Report, Verdict

_UNITS = ("event", "sequence")


def load_report(path: Path, pairs: Iterable[Pair]) -> Report:
    """The verdicts of a file that are about the pairs. Raises UsageError for a file that is none of `verify`."""
    known = {(pair.source, pair.target) for pair in pairs}
    try:
        rows = json.loads(path.read_text("utf-8"))["verdicts"]
        found = tuple(_verdict(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "parity verify --format json > FILE"
        raise UsageError(f"{path} is no report of `parity verify`: {error}", hint=hint) from error
    return Report(tuple(verdict for verdict in found if (verdict.source, verdict.target) in known))


def _verdict(row: Mapping[str, Any]) -> Verdict:
    unit = next((unit for unit in _UNITS if f"{unit}s" in row), "event")
    return Verdict(
        source=str(row["source"]),
        target=str(row["target"]),
        check=str(row["check"]),
        outcome=Outcome(row["outcome"]),
        provenance=str(row.get("provenance", "")),
        detail=str(row.get("detail", "")),
        matched=int(row.get("matched", 0)),
        checked=int(row.get(f"{unit}s", 0)),
        losses=tuple(map(str, row.get("losses", ()))),
        unit=unit,
    )
