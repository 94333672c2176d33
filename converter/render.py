"""Reports as text for a terminal, JSON, Markdown and JUnit XML. Colour only where the caller's console has it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from io import StringIO
from xml.etree import ElementTree

from converter.errors import Faults, ParityError
from converter.model import Outcome, Report, Verdict

STYLES = {
    Outcome.AGREE: "green",
    Outcome.DISAGREE: "bold red",
    Outcome.FIXTURE_ODDS: "bold red",
    Outcome.ERROR: "bold red",
    Outcome.UNSUPPORTED: "yellow",
    Outcome.NOT_RUN: "yellow",
    Outcome.OUT_OF_FRAGMENT: "yellow",
}


def name_of(source: str) -> str:
    """The short name of a rule or manifest path."""
    return source.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def summary(report: Report) -> str:
    """One line: how many checks, and how they ended."""
    counts = Counter(v.outcome for v in report.verdicts)
    told = ", ".join(f"{counts[o]} {o.value}" for o in Outcome if counts[o])
    return f"{len(report.verdicts)} checks: {told}" if report.verdicts else "0 checks: nothing was verified"


def text(report: Report, width: int, colour: bool) -> str:
    """A table for a terminal: a row for each rule and target, a column for each engine's verdict, then the faults."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = StringIO()
    console = Console(file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False)
    for source in dict.fromkeys(v.source for v in report.verdicts):
        table = Table(title=name_of(source), title_justify="left", title_style="bold", box=None, pad_edge=False)
        for heading in ("target", "check", "verdict", "matched", "events", "how"):
            table.add_column(heading, justify="right" if heading in ("matched", "events") else "left")
        for v in report.verdicts:
            if v.source == source:
                figures = (str(v.matched), str(v.checked)) if v.checked else ("", "")
                table.add_row(v.target, v.check, Text(v.outcome.value, STYLES[v.outcome]), *figures, v.provenance)
        console.print(table)
        console.print()
    for v in report.verdicts:
        if v.detail and v.outcome not in (Outcome.AGREE, Outcome.NOT_RUN):
            console.print(Text(f"{v.outcome.value} {name_of(v.source)} on {v.target} ({v.check})", STYLES[v.outcome]))
            console.print(Text("  " + v.detail.replace("\n", "\n  ")))
    # what is not installed is told once, however many queries it would have checked
    absent = Counter((v.check, v.detail) for v in report.verdicts if v.outcome is Outcome.NOT_RUN)
    for (check, detail), count in absent.items():
        console.print(Text(f"{Outcome.NOT_RUN.value} {check}, {count} times", STYLES[Outcome.NOT_RUN]))
        console.print(Text("  " + detail.replace("\n", "\n  ")))
    console.print(summary(report), style="bold", highlight=False)
    return out.getvalue()


def as_json(report: Report) -> str:
    """All verdicts as a JSON document."""
    rows = [
        {
            "source": v.source,
            "target": v.target,
            "check": v.check,
            "outcome": v.outcome.value,
            "provenance": v.provenance,
            "matched": v.matched,
            "events": v.checked,
            "not_representable": v.not_representable,
            "detail": v.detail,
        }
        for v in report.verdicts
    ]
    return json.dumps({"ok": report.ok, "summary": summary(report), "verdicts": rows}, indent=2, ensure_ascii=False)


def markdown(report: Report) -> str:
    """A table of rules by targets; a cell lists the verdicts of its checks."""
    sources = list(dict.fromkeys(v.source for v in report.verdicts))
    lines = [
        "| target | check | " + " | ".join(name_of(s) for s in sources) + " |",
        "|---|---|" + "---|" * len(sources),
    ]
    cells = {(v.target, v.check, v.source): v for v in report.verdicts}
    for target, check in dict.fromkeys((v.target, v.check) for v in sorted(report.verdicts, key=lambda v: v.target)):
        row = [cells.get((target, check, source)) for source in sources]
        lines.append(f"| {target} | {check} | " + " | ".join(_cell(v) for v in row) + " |")
    return "\n".join([*lines, "", summary(report)])


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    figures = f" {verdict.matched}/{verdict.checked}" if verdict.checked else ""
    return f"{verdict.outcome.value}{figures}"


def junit(report: Report) -> str:
    """JUnit XML; NOT_RUN and the like are skips, each with its reason, so that no pass is read into them."""
    suite = ElementTree.Element("testsuite", name="parity", tests=str(len(report.verdicts)))
    for v in report.verdicts:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"{v.target}.{v.check}", name=name_of(v.source), file=v.source
        )
        if v.outcome in (Outcome.NOT_RUN, Outcome.OUT_OF_FRAGMENT, Outcome.UNSUPPORTED):
            ElementTree.SubElement(case, "skipped", message=f"{v.outcome.value}: {v.detail}")
        elif v.outcome is not Outcome.AGREE:
            ElementTree.SubElement(case, "failure", message=v.outcome.value).text = v.detail
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def faults(error: ParityError) -> Iterable[str]:
    """An error as lines to print: one fault each."""
    for fault in error.faults if isinstance(error, Faults) else (error,):
        yield str(fault)


FORMATS: dict[str, Callable[[Report], str]] = {"json": as_json, "markdown": markdown, "junit": junit}
