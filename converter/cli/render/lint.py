"""Findings of `parity lint` for a terminal, for programs, and as SARIF."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence

from converter.cli.render import sarif as render_sarif
from converter.lint.finding import KINDS, Finding

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def summary(findings: Sequence[Finding], examined: int) -> str:
    """One line: how many rules were examined, and what was found."""
    counts = Counter(finding.severity for finding in findings)
    told = ", ".join(f"{counts[s]} {s}{'s' if counts[s] > 1 else ''}" for s in _COLOURS if counts[s])
    return f"{examined} rule{'s' if examined != 1 else ''} examined: {told or 'nothing found'}"


def text(findings: Sequence[Finding], examined: int, colour: bool = False) -> str:
    """`path:line: severity[kind] message`, then what it rests on."""
    import click

    lines = []
    for finding in findings:
        word = f"{finding.severity}[{finding.kind}]"
        word = click.style(word, fg=_COLOURS[finding.severity], bold=True) if colour else word
        lines.append(f"{finding.path}:{finding.line}: {word} {finding.message}")
        if finding.evidence != finding.message:
            lines.append(f"    evidence: {finding.evidence}")
        if finding.event is not None:
            lines += [
                "    an event on which the two differ:",
                *(f"        {k}: {v!r}" for k, v in finding.event.items()),
            ]
    return "\n".join([*lines, *([""] if lines else []), summary(findings, examined)]) + "\n"


def as_json(findings: Sequence[Finding], examined: int) -> str:
    """All findings as a JSON document."""
    rows = [
        {
            "kind": f.kind,
            "severity": f.severity,
            "path": f.path,
            "line": f.line,
            "message": f.message,
            "selection": f.subject,
            "evidence": f.evidence,
            "event": dict(f.event) if f.event is not None else None,
        }
        for f in findings
    ]
    return json.dumps({"examined": examined, "findings": rows}, indent=2, ensure_ascii=False) + "\n"


def sarif(findings: Sequence[Finding], examined: int) -> str:
    """All findings as SARIF 2.1.0."""
    results = [
        render_sarif.Result(
            f.kind,
            f.severity,
            f.message,
            f.path,
            f.line,
            {"evidence": f.evidence} | ({"event": dict(f.event)} if f.event is not None else {}),
        )
        for f in findings
    ]
    return render_sarif.sarif(results, KINDS)


FORMATS: dict[str, Callable[[Sequence[Finding], int], str]] = {"json": as_json, "sarif": sarif}
