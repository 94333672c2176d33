"""An audit for a terminal, as JSON and as Markdown: figures first, then each query that goes wrong, with its event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from converter.audit.audit import WRONG, Audited, Finding
from converter.cli.render import unexamined
from converter.cli.render.verdicts import as_data
from converter.cli.render.words import count, listed, short, wrapped
from converter.core.errors import ParityError

#: cases of one kind that are shown in full without -v
SHOWN = 3
WORDS: Mapping[Finding, str] = {
    Finding.AGREE: "means what its rule means, on every event",
    Finding.DISAGREE: "fires on other events than its rule",
    Finding.ELSEWHERE: "is right on its own log source, and fires on records of others",
    Finding.REJECTED: "names a column that the platform does not have, or its own checker rejects it",
    Finding.NOT_READ: "our reader does not take it; whether the platform does is not known",
    Finding.UNDECIDED: "is beyond what the prover covers",
    Finding.NO_QUERY: "the backend makes no query",
    Finding.NO_DATA: "we have no table for the log source, so nothing is said",
}


@dataclass(frozen=True)
class Audit:
    """All that was found. `whose` says whose the queries are, and `versions` of which package they come."""

    found: tuple[Audited, ...]
    whose: Mapping[str, str]
    versions: Mapping[str, str]
    broken: tuple[ParityError, ...] = ()
    other: tuple[ParityError, ...] = ()
    strict: bool = False

    @property
    def counts(self) -> Counter[Finding]:
        return Counter(one.finding for one in self.found)

    @property
    def ok(self) -> bool:
        """Whether the exit code is 0: nothing is wrong, something agrees, and under `strict` all of it."""
        fine = self.counts[Finding.AGREE] and not self.broken and not any(self.counts[one] for one in WRONG)
        return bool(fine) and not (self.strict and self.counts[Finding.AGREE] < len(self.found))


def summary(audit: Audit) -> str:
    """One line of figures."""
    told = ", ".join(f"{audit.counts[finding]:,} {finding.value}" for finding in Finding if audit.counts[finding])
    line = f"{count(len(audit.found), 'query', 'queries')}: {told}" if audit.found else "no query"
    return f"{line}; {len(audit.broken)} broken" if audit.broken else line


def text(audit: Audit, verbose: bool = False, colour: bool = False, width: int = 80) -> str:
    """Figures by target, then by target what is wrong; `verbose`: every case, with the query."""
    import click

    head = wrapped(summary(audit), width, "")
    if colour:
        head = [click.style(line, fg="green" if audit.ok else "red", bold=True) for line in head]
    lines = [*head, *_table(audit, width)]
    lines += unexamined.lines(audit.broken, audit.other, (), width)
    for name in dict.fromkeys(one.target for one in audit.found):
        for finding in Finding:
            own = [one for one in audit.found if one.target == name and one.finding is finding]
            if own and finding is not Finding.AGREE:
                lines += ["", f"{name}, {audit.whose.get(name, '')}: {len(own)} {finding}"]
                lines += wrapped(WORDS[finding], width, "  ")
                lines += _cases(own, finding, verbose, width)
    return "\n".join(lines) + "\n"


def _table(audit: Audit, width: int) -> list[str]:
    """Targets by findings; the findings are numbered where their words leave no room."""
    names = list(dict.fromkeys(one.target for one in audit.found))
    columns = [finding for finding in Finding if audit.counts[finding]]
    if not names:
        return []
    room = max(map(len, names)) + 1
    heads, legend = [str(finding) for finding in columns], list[str]()
    if room + sum(len(head) + 1 for head in heads) > width:
        told = "   ".join(f"{number} {finding}" for number, finding in enumerate(columns, 1))
        heads, legend = [f"{number:>5}" for number in range(1, len(columns) + 1)], ["", *wrapped(told, width, "")]
    lines = ["", " " * room + "".join(f" {head}" for head in heads)]
    for name in names:
        counts = Counter(one.finding for one in audit.found if one.target == name)
        cells = [f" {counts[finding] or '':>{len(head)}}" for finding, head in zip(columns, heads, strict=True)]
        lines.append((name.ljust(room) + "".join(cells)).rstrip())
    return lines + legend


def _cases(own: Sequence[Audited], finding: Finding, verbose: bool, width: int) -> list[str]:
    if finding in (Finding.DISAGREE, Finding.ELSEWHERE):
        shown = own if verbose else own[:SHOWN]
        lines = [line for one in shown for line in _difference(one, verbose, width)]
        others = [short(one.source) for one in own[len(shown) :]]
        more = f"and {len(others)} more (-v shows them): {listed(others)}"
        return lines + (wrapped(more, width, "  ") if others else [])
    groups: dict[str, list[str]] = {}
    for one in own:
        groups.setdefault(_first(one.reason), []).append(short(one.source))
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    lines = []
    for reason, names in ordered if verbose else ordered[: 2 * SHOWN]:
        lines += wrapped(f"{len(names)}: {reason}", width, "    ")
        lines += wrapped(f"in {listed(names, len(names) if verbose else 3)}", width, " " * 8)
    left = len(ordered) - 2 * SHOWN
    return lines if verbose or left <= 0 else [*lines, f"  and {count(left, 'more reason')} (-v shows them)"]


def _first(reason: str) -> str:
    return reason.splitlines()[0] if reason else ""


def _difference(one: Audited, verbose: bool, width: int) -> list[str]:
    lines = wrapped(f"{short(one.source)}: {said(one)}", width, "  ")
    lines += [f"      {line}" for line in event(one).splitlines()]
    return lines + ([f"    | {line}" for line in one.text.rstrip().splitlines()] if verbose else [])


def said(one: Audited) -> str:
    """Which way a query goes wrong."""
    witness = one.witness
    if witness is None:
        return _first(one.reason)
    how = "misses an event" if witness.rule else "fires on an event that the rule does not mean"
    return f"{how} ({witness.kind})"


def event(one: Audited) -> str:
    """The event that shows it, as YAML; "" without one."""
    witness = one.witness
    if witness is None:
        return ""
    if not witness.event:
        return "any event without the tested fields"
    return str(yaml.safe_dump(dict(witness.event), sort_keys=False, allow_unicode=True, width=10_000)).rstrip()


def as_json(audit: Audit) -> str:
    """Every query with its text, finding, reason and event."""
    body = {
        "ok": audit.ok,
        "summary": {finding.value: audit.counts[finding] for finding in Finding if audit.counts[finding]},
        "queries_of": dict(audit.whose),
        "versions": dict(audit.versions),
        "queries": [_row(one) for one in audit.found],
        **unexamined.data(audit.broken, audit.other),
    }
    return unexamined.dumped(body)


def _row(one: Audited) -> dict[str, Any]:
    out: dict[str, Any] = {"source": one.source, "target": one.target, "finding": one.finding.value}
    out |= {"query": one.text} if one.text else {}
    out |= {"reason": one.reason} if one.reason else {}
    if one.proof is not None:
        proof = as_data(replace(one.proof, witness=one.witness))
        out |= {key: proof[key] for key in ("losses", "evidence", "witness") if proof.get(key)}
    return out


def markdown(audit: Audit) -> str:
    """A page: figures, then a section for each target with a row for each query that does not agree."""
    columns = [finding for finding in Finding if audit.counts[finding]]
    names = list(dict.fromkeys(one.target for one in audit.found))
    lines = ["# Audit", "", f"{summary(audit)}.", ""]
    if audit.versions:
        lines += [f"Made by {', '.join(f'{name} {number}' for name, number in audit.versions.items())}.", ""]
    lines += [f"| target | queries of | {' | '.join(columns)} |", "|---|---|" + "---|" * len(columns)]
    for name in names:
        counts = Counter(one.finding for one in audit.found if one.target == name)
        cells = " | ".join(f"{counts[finding] or ''}" for finding in columns)
        lines.append(f"| {name} | {_cell(audit.whose.get(name, ''))} | {cells} |")
    lines += ["", *(f"- {finding.value}: {WORDS[finding]}" for finding in columns)]
    for name in names:
        wrong = [one for one in audit.found if one.target == name and one.finding is not Finding.AGREE]
        if wrong:
            lines += ["", f"## {name}", "", "| rule | finding | why, or the event that shows it |", "|---|---|---|"]
        for one in wrong:
            shown = "; ".join(event(one).splitlines())
            told = f"{said(one)}: `{shown}`" if shown else _first(one.reason)
            lines.append(f"| {_cell(short(one.source))} | {one.finding} | {_cell(told)} |")
    lines += ["", *(f"- broken: {_cell(str(fault))}" for fault in audit.broken)] if audit.broken else []
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
