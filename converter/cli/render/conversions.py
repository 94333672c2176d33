"""What `parity convert` found: the queries, a summary by target and reason, and all of it as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converter.build.gate import Pair
from converter.build.manifest import beside
from converter.build.transform import Changed
from converter.cli.render import unexamined
from converter.cli.render.refusals import refusals
from converter.cli.render.verdicts import as_data
from converter.cli.render.words import count
from converter.cli.run import Run
from converter.core.discovery import targets
from converter.core.model import Rule
from converter.core.verdict import Outcome
from converter.dialects.registry import dialect

NOTHING = Changed()


def queries(run: Run) -> str:
    """The queries one after the other; where there are several each has a line that says which it is."""
    found = [pair for pair in run.pairs if pair.query is not None]
    if len(found) == 1:
        assert found[0].query is not None
        return found[0].query.text
    return "\n".join(f"== {p.target}: {p.source} ==\n{p.query.text}" for p in found if p.query is not None)


def path_of(pair: Pair, stems: Mapping[str, str]) -> str:
    """Where a query is written: `<target>/<stem>.<extension>`."""
    extension = dialect(targets()[pair.target].dialect).extension
    return f"{pair.target}/{stems[pair.source]}.{extension}"


def files(run: Run, stems: Mapping[str, str], changed: Changed = NOTHING) -> dict[str, str]:
    """path -> text of every query, what stands beside it where its language has no comments, and the manifest, which
    has every pair."""
    written: dict[str, str] = {}
    for pair in run.pairs:
        if pair.query is not None:
            path = path_of(pair, stems)
            written[path] = pair.query.text
            notes = beside(pair.query, pair.proof, stems[pair.source].startswith("detections/"))
            told = "".join(f"- {note}\n" for note in changed.notes if not dialect(pair.query.dialect).comment)
            if text := told + "".join(notes.values()):
                written[f"{path.rsplit('.', 1)[0]}.limits.md"] = text
    return written | {"manifest.json": as_json(run, stems, changed)}


def as_json(run: Run, stems: Mapping[str, str] | None = None, changed: Changed = NOTHING) -> str:
    """Every pair with its query (its path, where `stems` says that it is written), verdict and losses, or its refusal;
    `ok` is what the exit code says. With pipelines: the parts of each rule that they changed, as they were proved."""
    body: dict[str, Any] = {
        "ok": run.ok,
        "summary": {outcome.value: number for outcome, number in sorted(run.counts.items())},
        "pairs": [_pair(pair, stems) for pair in run.pairs],
        **unexamined.data(run.broken, run.other, run.without),
    }
    if changed.pipelines:
        body["pipelines"] = list(changed.pipelines)
        body["changed"] = {path: _parts(rule) for path, rule in changed.rules.items()}
    return unexamined.dumped(body)


def _parts(rule: Rule) -> dict[str, Any]:
    return {key: rule.raw[key] for key in ("logsource", "detection", "fields") if key in rule.raw}


def _pair(pair: Pair, stems: Mapping[str, str] | None) -> dict[str, Any]:
    out: dict[str, Any] = {"source": pair.source, "target": pair.target}
    if pair.query is not None and stems is not None:
        out["path"] = path_of(pair, stems)
    elif pair.query is not None:
        out["query"] = pair.query.text
    if pair.proof is not None:
        out |= as_data(pair.proof)
    refusal = pair.refusal
    if refusal is not None:
        out["refusal"] = {
            "outcome": refusal.outcome.value,
            "feature": refusal.feature,
            "reason": refusal.reason,
            "where": refusal.where,
            "hint": refusal.hint,
        }
    return out


def summary(run: Run, out: Path | None, verbose: bool = False, width: int = 80) -> list[str]:
    """How many queries, at each target too where there are several; then what was refused and not examined."""
    found = [pair for pair in run.pairs if pair.query is not None]
    loose = sum(pair.proof is not None and pair.proof.outcome is not Outcome.AGREE for pair in found)
    state = f"{loose} NOT PROVED" if loose else "each proved"
    head = f"{count(len(found), 'query', 'queries')}, {state}" if found else "no query"
    lines = [f"{head}{f', in {out}' if out is not None and found else ''}"]
    names = dict.fromkeys(pair.target for pair in run.pairs)
    if len(names) > 1 and len({pair.source for pair in run.pairs}) > 1:
        done, tried = Counter(pair.target for pair in found), Counter(pair.target for pair in run.pairs)
        lines += [f"  {done[name]:5} of {tried[name]:<5} {name}" for name in names]
    lines += unexamined.lines(run.broken, run.other, run.without, width)
    return lines + refusals(run.refusals, width, verbose)
