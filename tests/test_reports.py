"""Reports of `parity verify`: one answer in every format and in the exit code, and a matrix that fits a terminal."""

from __future__ import annotations

import itertools
import json
from xml.etree import ElementTree

import pytest
import yaml

from converter.build.build import Built
from converter.build.gate import Pair, Refusal
from converter.cli.render import reports
from converter.core.discovery import targets
from converter.core.verdict import Outcome, Report, Verdict
from converter.verify.check import check
from converter.verify.verify import _tell
from tests.project import ROOT, benches, library, some_subjects

SOURCE = "sigma/windows/process_creation/a_rule_with_quite_a_long_name_as_they_have_in_public.yml"


def _report(*outcomes: Outcome) -> Report:
    names = itertools.cycle(targets())
    return Report(tuple(Verdict(SOURCE, next(names), "engine", outcome, detail="why") for outcome in outcomes))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("other", [None, *Outcome])
def test_every_format_says_what_the_exit_code_says(other: Outcome | None, strict: bool) -> None:
    """JSON's `ok`, JUnit's failures and Markdown's last line, with and without --strict: NOT_RUN and UNSUPPORTED are
    tolerated by default, and a report of nothing passes never."""
    report = _report(Outcome.AGREE, *([other] if other else []))
    tolerated = (None, Outcome.AGREE) if strict else (None, Outcome.AGREE, Outcome.NOT_RUN, Outcome.UNSUPPORTED)
    fine = other in tolerated
    assert reports.passes(report, strict) is fine
    assert json.loads(reports.as_json(report, strict))["ok"] is fine
    assert reports.markdown(report, strict).endswith("passes" if fine else "fails")
    failures = ElementTree.fromstring(reports.junit(report, strict).encode()).findall("testcase/failure")
    assert bool(failures) is not fine
    assert not reports.passes(Report(()), strict)
    assert not json.loads(reports.as_json(Report(()), strict))["ok"]
    assert ElementTree.fromstring(reports.junit(Report(()), strict).encode()).find("testcase/failure") is not None


def test_the_matrix_fits_a_terminal_and_marks_the_worst() -> None:
    """80 columns for all our targets; each row ends each cell with the mark of the worst verdict there."""
    verdicts = [Verdict(SOURCE, name, check, Outcome.AGREE) for name in targets() for check in ("proof", "engine")]
    verdicts[1] = Verdict(SOURCE, "defender", "engine", Outcome.DISAGREE, detail="a record")
    verdicts.append(Verdict(SOURCE, "sentinel", "binder", Outcome.NOT_RUN, detail="not installed"))
    text = reports.text(Report(tuple(verdicts)))
    assert all(len(line) <= 80 for line in text.splitlines() if SOURCE.rsplit("/", 1)[-1][:-4] not in line)
    many = 2 * len(targets())
    assert text.startswith(f"{many + 1} checks: {many - 1} AGREE, 1 DISAGREE, 1 NOT_RUN\n")
    (row,) = [line.split() for line in text.splitlines() if line.startswith("a_rule_with")][:1]
    cells = dict(zip(sorted(targets()), row[1:], strict=True))
    assert (cells["defender"], cells["sentinel"], cells["splunk-sysmon"]) == ("1!", "2.", "2")
    assert "a record" in text
    assert "NOT_RUN binder, 1 time\n" in text


def test_rows_are_for_those_who_ask() -> None:
    """A line for each check with -v, none without."""
    report = _report(*[Outcome.AGREE] * 5)
    rows = [line for line in reports.text(report, verbose=True).splitlines() if line.startswith("  AGREE")]
    assert len(rows) == 5
    assert "  AGREE" not in reports.text(report)


def test_many_rules_are_figures_by_target() -> None:
    """A matrix of a thousand lines is read by nobody; it is made in one pass over the verdicts."""
    names = list(targets())
    verdicts = [Verdict(f"rules/r{n}.yml", name, "proof", Outcome.AGREE) for n in range(100) for name in names]
    verdicts[0] = Verdict("rules/r0.yml", names[0], "proof", Outcome.DISAGREE, detail="a record")
    text = reports.text(Report(tuple(verdicts)))
    rows = {
        line.split()[0]: line.split()[1:] for line in text.splitlines() if line.split()[:1] and line.split()[0] in names
    }
    assert rows[names[0]] == ["99", "1"]
    assert all(rows[name] == ["100"] for name in names[1:])
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "r50" not in text


def test_what_disagrees_is_shown_as_yaml() -> None:
    """Event and record can be copied into a fixture: no Python in it."""
    bench = benches().of(some_subjects()[0])
    sample = bench.samples[0]
    told = _tell(sample, "is not returned by the query")
    head, _, body = told.partition("\n")
    assert head.startswith("is not returned by the query: ")
    assert yaml.safe_load(body) == {"event": dict(sample.case.event), "record": dict(sample.record.fields)}


@pytest.mark.parametrize("outcome", [Outcome.UNSUPPORTED, Outcome.DISAGREE, Outcome.OUT_OF_FRAGMENT, Outcome.ERROR])
def test_what_the_gate_refused_is_told_as_it_was(outcome: Outcome) -> None:
    """A pair that a platform cannot say is a gap; one whose query was refuted, or could not be proved, is a failure."""
    refusal = Refusal("sigma/a.yml", "defender", outcome, "why")
    report = check(library(), Built((Pair("sigma/a.yml", "defender", refusal=refusal),)), ROOT)
    assert [(v.outcome, v.detail) for v in report.verdicts] == [(outcome, "why")]
    beside = Report((*report.verdicts, Verdict("sigma/a.yml", "sentinel", "proof", Outcome.AGREE)))
    assert beside.ok == (outcome is Outcome.UNSUPPORTED)
