"""`parity check`: one page of 80 columns, or the same as data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click
import yaml

from converter.cli.render.diff import verdict
from converter.cli.render.words import count, listed, wrapped
from converter.contribute.examine import Examination
from converter.core.verdict import Outcome
from converter.explain.model import DIRECTIONS

_WIDTH = 80
_LABEL = 11
#: entries of a list to show
_MOST = 3
#: begins a line that is to be copied, and is not broken
_AS_IT_IS = "\0"


def text(found: Examination, colour: bool = False) -> str:
    """For a terminal: a line for each part, and below it what is to be done."""
    lines = [found.rule.title, f"  {found.rule.path}", ""]
    for name, (head, more) in _parts(found).items():
        style = "red" if name in found.failed else "green"
        label = click.style(f"{name:<{_LABEL}}", fg=style, bold=True) if colour else f"{name:<{_LABEL}}"
        first, *rest = wrapped(head, _WIDTH - _LABEL, "")
        lines += [label + first, *(" " * _LABEL + line for line in rest)]
        for told in more:
            lines += [told[1:]] if told.startswith(_AS_IT_IS) else wrapped(told, _WIDTH, "  ")
    last = f"not ready: {', '.join(found.failed)}" if found.failed else "ready"
    return "\n".join([*lines, "", last]) + "\n"


def _parts(found: Examination) -> dict[str, tuple[str, list[str]]]:
    """part -> its line, and what stands below."""
    return {
        "form": ("as it should be" if not found.form else f"{count(len(found.form), 'thing')} to do", found.form),
        "build": _build(found),
        "proof": _proof(found),
        "execution": _execution(found),
        "lint": _lint(found),
        "mutants": _mutants(found),
        "diff": _diff(found),
    }


def _build(found: Examination) -> tuple[str, list[str]]:
    made = sum(pair.query is not None for pair in found.pairs)
    reasons: dict[str, list[str]] = {}
    for pair in found.pairs:
        if pair.query is None:
            told = f"{pair.refusal.outcome.value}: {pair.refusal.reason}" if pair.refusal else str(pair.fault)
            reasons.setdefault(told, []).append(pair.target)
    more = [f"{', '.join(names)}: {told}" for told, names in reasons.items()]
    return f"{made} of {count(len(found.pairs), 'target')} have a query", more


def _proof(found: Examination) -> tuple[str, list[str]]:
    proofs = [pair.proof for pair in found.pairs if pair.proof is not None]
    outcomes = Counter(proof.outcome.value for proof in proofs)
    more = [
        f"{pair.target}: {pair.proof.reason}"
        for pair in found.pairs
        if pair.proof is not None and pair.proof.outcome is not Outcome.AGREE
    ]
    lost: dict[str, str] = {}
    for pair in found.pairs:
        for one in pair.proof.losses if pair.proof is not None else ():
            lost.setdefault(one.loss.id, f"loss {one.loss.id} ({', '.join(one.fields)}): {one.loss.text}")
    told = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items()) or "nothing was proved"
    return told, [*more, *lost.values()]


def _execution(found: Examination) -> tuple[str, list[str]]:
    if found.not_executed:
        return found.not_executed, []
    outcomes = Counter(verdict.outcome.value for verdict in found.verdicts)
    bad = [v for v in found.verdicts if v.outcome not in (Outcome.AGREE, Outcome.NOT_RUN)]
    more = [f"{v.target}, {v.check}: {v.outcome.value} {v.detail}" for v in bad[:_MOST]]
    told = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
    return f"{count(found.cases, 'case')} on the engines that start at once: {told}", more


def _lint(found: Examination) -> tuple[str, list[str]]:
    if not found.findings:
        return "nothing to say", []
    more = [f"{one.severity} {one.path}:{one.line}: {one.message}" for one in found.findings]
    return count(len(found.findings), "finding"), more


def _mutants(found: Examination) -> tuple[str, list[str]]:
    if not found.fates:
        return "none, for nothing was executed", []
    proved = sum(fate.proof.outcome is Outcome.DISAGREE for _, fate in found.fates)
    same = sum(fate.equivalent for _, fate in found.fates)
    told = f"{count(len(found.fates), 'careless change')} of the queries: {same} mean the same, "
    told += f"{proved} are told apart by the proof, {len(found.killed)} of these by the fixture"
    more: list[str] = [fate.contradiction for _, fate in found.fates if fate.contradiction]
    shown = found.missing[:_MOST]
    if shown:
        more.append("cases that the fixture lacks:")
    for target, fate, case in shown:
        more.append(f"  {target}, {fate.mutant.note}")
        lines = yaml.safe_dump([case], sort_keys=False, allow_unicode=True, width=10_000).splitlines()
        more += [f"{_AS_IT_IS}    {line}" for line in lines]
    return told, more


def _diff(found: Examination) -> tuple[str, list[str]]:
    if found.new:
        return f"the rule is new: it is not in {found.revision}", []
    if found.changes is None:
        return f"not compared: {found.unchanged}", []
    more = []
    for direction in DIRECTIONS:
        causes = getattr(found.changes, direction)
        more += [f"{direction}: {cause.text}" for cause in causes[:_MOST]]
        more += [f"and {len(causes) - _MOST} more {direction}"] if len(causes) > _MOST else []
    return f"against {found.revision}: {verdict(found.changes)}", more


def as_json(found: Examination) -> str:
    """All of it as data."""
    body: dict[str, Any] = {
        "ok": not found.failed,
        "failed": found.failed,
        "rule": found.rule.path,
        "form": found.form,
        "build": {pair.target: _pair(pair) for pair in found.pairs},
        "execution": {
            "cases": found.cases,
            "not_executed": found.not_executed,
            "verdicts": [
                {"target": v.target, "check": v.check, "outcome": v.outcome.value, "detail": v.detail}
                for v in found.verdicts
            ],
        },
        "lint": [
            {"kind": f.kind, "severity": f.severity, "line": f.line, "message": f.message} for f in found.findings
        ],
        "mutants": {
            "made": len(found.fates),
            "told_apart_by_proof": sum(fate.proof.outcome is Outcome.DISAGREE for _, fate in found.fates),
            "told_apart_by_fixture": len(found.killed),
            "missing_cases": list(_missing(found)),
        },
        "diff": {"revision": found.revision, "new": found.new, "not_compared": found.unchanged}
        | ({d: [c.text for c in getattr(found.changes, d)] for d in DIRECTIONS} if found.changes else {}),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _pair(pair: Any) -> dict[str, Any]:
    return {
        "query": pair.query.text if pair.query else None,
        "refusal": pair.refusal.reason if pair.refusal else None,
        "fault": str(pair.fault) if pair.fault else None,
        "proof": pair.proof.outcome.value if pair.proof else None,
        "losses": sorted({one.loss.id for one in pair.proof.losses}) if pair.proof else [],
    }


def _missing(found: Examination) -> Iterator[dict[str, Any]]:
    for target, fate, case in found.missing:
        yield {"target": target, "operator": fate.mutant.operator, "change": fate.mutant.note, "case": case}


def summary(names: list[str]) -> str:
    """The rules of a run that are not ready."""
    return f"not ready: {listed(names)}"
