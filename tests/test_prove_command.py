"""`parity prove`, and the proof beside the engines in `parity verify`."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from converter import prove_report
from converter.check import subjects
from converter.cli import main
from converter.discovery import find_target
from converter.evaluator import evaluate
from converter.model import Outcome, Query
from converter.prove import prove, verdict
from converter.prove_report import Row
from tests.project import ROOT, built, library

RULE = library().rules["sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"]
TARGET = find_target("splunk-sysmon")


def _run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["--root", str(ROOT), "prove", *arguments])
    return done.exit_code, done.stdout


def _wrong() -> Row:
    """The proof of a query that lost one value."""
    right = next(q for q in built().queries if q.source == RULE.path and q.target == TARGET.name)
    text = right.text.replace("tomcat.exe", "tomcat.bak")
    assert text != right.text
    query = Query(right.source, right.target, right.dialect, text, right.path)
    return Row(RULE.path, TARGET.name, prove(query, TARGET, {RULE.path: RULE}), RULE.lines["detection"], text)


def test_every_query_of_the_library_is_proved() -> None:
    """Each rule and detection on each target: AGREE, a line for each, exit code 0."""
    code, text = _run()
    assert code == 0
    lines = [line for line in text.splitlines() if line.startswith("AGREE")]
    assert len(lines) == len(built().queries)
    assert f"{len(lines)} AGREE" in text.splitlines()[-1]


def test_a_wrong_query_is_shown_with_both_answers_and_the_event() -> None:
    """Text, JSON, JUnit and SARIF all carry the disagreement, and the event is one that the rule speaks of."""
    row = _wrong()
    assert row.proof.outcome is Outcome.DISAGREE
    assert prove_report.failed([row])
    text = prove_report.text([row])
    assert "rule: fires" in text
    assert "query: does not fire" in text
    (proof,) = json.loads(prove_report.as_json([row]))["proofs"]
    assert evaluate(RULE, proof["witness"]["event"])
    assert (proof["witness"]["rule"], proof["witness"]["query"]) == (True, False)
    assert ElementTree.fromstring(prove_report.junit([row])).find("testcase/failure") is not None
    (result,) = json.loads(prove_report.sarif([row]))["runs"][0]["results"]
    assert result["ruleId"] == "disagree"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == RULE.path


def test_a_folder_of_rules_is_proved_with_counted_reasons(tmp_path: Path) -> None:
    """`--rules DIR`: what a target refuses is counted by its reason, and a broken file does not stop the others."""
    text = (ROOT / RULE.path).read_text("utf-8")
    (tmp_path / "good.yml").write_text(text, "utf-8")
    (tmp_path / "broken.yml").write_text("title: [", "utf-8")
    (tmp_path / "refused.yml").write_text(text.replace("ParentImage|endswith", "NoSuchField|endswith"), "utf-8")
    code, out = _run("--rules", str(tmp_path), "--target", "defender")
    assert code == 0
    assert "2 pairs: 1 AGREE, 1 UNSUPPORTED" in out
    assert "1 UNSUPPORTED field NoSuchField" in out


def test_rules_and_a_folder_exclude_each_other(tmp_path: Path) -> None:
    """Wrong usage is exit code 2."""
    assert _run("web_shell", "--rules", str(tmp_path))[0] == 2


@pytest.mark.parametrize("source", [RULE.path, "sigma/detections/web_shell.yaml"])
def test_the_proof_stands_beside_the_engines(source: str) -> None:
    """`parity verify` has a row `proof` for rules and for detections, whose parts go by their labels."""
    subject = next(s for s in subjects(library(), built()) if s.query.source == source and s.target == TARGET)
    parts = {subject.labels.get(path, path): rule for path, rule in subject.rules.items()}
    found = verdict(subject.query, subject.target, parts)
    assert (found.check, found.outcome, found.provenance) == ("proof", Outcome.AGREE, "decided by Parity")
