"""Reports as text for a terminal, JSON, Markdown and JUnit XML. Colour only where the caller's console has it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from xml.etree import ElementTree

from converter.cli.render.matrix import matrix
from converter.cli.render.words import count, wrapped
from converter.core.errors import Faults, ParityError
from converter.core.verdict import Outcome, Report, Verdict

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


def passes(report: Report, strict: bool) -> bool:
    """Whether the exit code is 0; every format says the same. `strict` tolerates neither NOT_RUN nor a refused pair."""
    refused = any(v.outcome is Outcome.UNSUPPORTED for v in report.verdicts)
    return report.passes(tolerate_not_run=not strict) and not (strict and refused)


def summary(report: Report) -> str:
    """One line: how many checks, and how they ended."""
    counts = Counter(v.outcome for v in report.verdicts)
    told = ", ".join(f"{counts[o]:,} {o.value}" for o in Outcome if counts[o])
    return f"{count(len(report.verdicts), 'check')}: {told}" if told else "0 checks: nothing was verified"


def text(report: Report, strict: bool = False, verbose: bool = False, colour: bool = False, width: int = 80) -> str:
    """The summary, a matrix of rules and targets, then the faults in full; `verbose`: a row for each check too."""
    import click

    def styled(line: str, style: str) -> str:
        parts = style.split()
        return click.style(line, fg=parts[-1], bold="bold" in parts) if colour else line

    lines = [styled(summary(report), "bold green" if passes(report, strict) else "bold red"), *_matrix(report, width)]
    if verbose:
        lines += _rows(report, width)
    for v in report.verdicts:
        if v.detail and v.outcome not in (Outcome.AGREE, Outcome.NOT_RUN, Outcome.UNSUPPORTED):
            lines.append(styled(f"{v.outcome.value} {name_of(v.source)} on {v.target} ({v.check})", STYLES[v.outcome]))
            lines += [f"  {line}" for line in v.detail.splitlines()]
    # what is not installed, or refused for one reason, is told once, however many queries it is about
    for outcome in (Outcome.UNSUPPORTED, Outcome.NOT_RUN):
        absent = Counter((v.check, v.detail) for v in report.verdicts if v.outcome is outcome)
        for (check, detail), number in absent.items():
            lines.append(styled(f"{outcome.value} {check}, {count(number, 'time')}", STYLES[outcome]))
            lines += wrapped(detail, width, "  ")
    return "\n".join(lines) + "\n"


#: how a cell of the matrix marks what is not AGREE, the worst first
MARKS = {
    Outcome.DISAGREE: ("!", "disagrees"),
    Outcome.FIXTURE_ODDS: ("?", "fixture and evaluator differ"),
    Outcome.ERROR: ("x", "error"),
    Outcome.OUT_OF_FRAGMENT: ("o", "not decided"),
    Outcome.UNSUPPORTED: ("-", "refused"),
    Outcome.NOT_RUN: (".", "not all run"),
}


def _matrix(report: Report, width: int) -> list[str]:
    """Rules by targets: how many checks agree, and a mark for the worst of those that do not."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    for v in report.verdicts:
        found.setdefault((v.source, v.target), []).append(v.outcome)
    cells = {}
    for pair, outcomes in found.items():
        worst = next((MARKS[outcome][0] for outcome in MARKS if outcome in outcomes), "")
        cells[pair] = (str(outcomes.count(Outcome.AGREE) or ""), worst)
    return matrix(cells, "a number: so many checks agree", dict(MARKS.values()), width)


def _rows(report: Report, width: int) -> Iterator[str]:
    """A line for each check, under its rule."""
    last = ""
    for v in report.verdicts:
        if v.source != last:
            last = v.source
            yield name_of(v.source)
        figures = f", {v.matched:,} of {count(v.checked, v.unit)}" if v.checked else ""
        how = f", {v.provenance}" if v.provenance else ""
        yield from wrapped(f"{v.outcome.value:<16}{v.target} {v.check}{figures}{how}", width, "  ")
    yield ""


def as_json(report: Report, strict: bool = False) -> str:
    """All verdicts as a JSON document; `ok` is what the exit code says."""
    rows = [
        {
            "source": v.source,
            "target": v.target,
            "check": v.check,
            "outcome": v.outcome.value,
            "provenance": v.provenance,
            "matched": v.matched,
            f"{v.unit}s": v.checked,
            "not_representable": v.not_representable,
            "detail": v.detail,
            **({"losses": list(v.losses), "lost": v.lost} if v.losses else {}),
        }
        for v in report.verdicts
    ]
    body = {"ok": passes(report, strict), "summary": summary(report), "verdicts": rows}
    return json.dumps(body, indent=2, ensure_ascii=False)


def markdown(report: Report, strict: bool = False) -> str:
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
    verdict = "passes" if passes(report, strict) else "fails"
    return "\n".join([*lines, "", f"{summary(report)}: {verdict}"])


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    figures = f" {verdict.matched}/{verdict.checked}" if verdict.checked else ""
    return f"{verdict.outcome.value}{figures}"


def junit(
    report: Report, strict: bool = False, skips: Collection[Outcome] = (Outcome.NOT_RUN, Outcome.UNSUPPORTED)
) -> str:
    """JUnit XML; outcomes among `skips` are skips, each with its reason, so that no pass is read into them; with
    `strict` they are failures. A report in which nothing agrees has a failure that says so."""
    verdicts = list(report.verdicts)
    if not any(v.outcome is Outcome.AGREE for v in verdicts):
        verdicts.append(Verdict("nothing", "all", "run", Outcome.ERROR, detail="nothing was shown to agree"))
    suite = ElementTree.Element("testsuite", name="parity", tests=str(len(verdicts)))
    for v in verdicts:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"{v.target}.{v.check}", name=name_of(v.source), file=v.source
        )
        if v.outcome in skips and not strict:
            ElementTree.SubElement(case, "skipped", message=f"{v.outcome.value}: {v.detail}")
        elif v.outcome is not Outcome.AGREE:
            ElementTree.SubElement(case, "failure", message=v.outcome.value).text = v.detail
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def faults(error: ParityError) -> Iterable[str]:
    """An error as lines to print: one fault each."""
    for fault in error.faults if isinstance(error, Faults) else (error,):
        yield str(fault)


FORMATS: dict[str, Callable[[Report, bool], str]] = {"json": as_json, "markdown": markdown, "junit": junit}
