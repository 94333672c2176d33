"""`parity prove`, and the proof beside the engines in `parity verify`: what was not examined is never a pass."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from converter.build.gate import Gate, Pair
from converter.build.many import pairs
from converter.cli.main import main
from converter.cli.render import proofs as prove_report
from converter.cli.run import Run
from converter.core.discovery import find_target, targets
from converter.core.verdict import Outcome
from converter.prove.prove import prove, verdict
from converter.rules.evaluator import evaluate
from converter.verify.check import subjects
from tests.project import ROOT, built, library

RULE = library().rules["sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"]
TARGET = find_target("splunk-sysmon")
#: without a group-by, which the specification asks for
CORRELATION = """title: Many shells
id: 5a3e1c1e-6a0c-4f0e-8f35-0d3f6f2f8f11
correlation:
  type: event_count
  rules: [shell]
  timespan: 5m
  condition: {gte: 3}
"""


def _prove(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["--root", str(ROOT), "prove", *arguments])


@functools.cache
def _wrong() -> Pair:
    """The pair of a query that lost one value."""
    right = next(q for q in built().queries if q.source == RULE.path and q.target == TARGET.name)
    text = right.text.replace("tomcat.exe", "tomcat.bak")
    assert text != right.text
    query = replace(right, text=text)
    proof = prove(query, TARGET, {RULE.path: RULE})
    return Pair(RULE.path, TARGET.name, query, proof, line=RULE.lines["detection"])


def test_every_query_of_the_library_is_proved() -> None:
    """Each rule, correlation and detection on each target: AGREE, a line for each with -v, exit code 0."""
    done = _prove("-v")
    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if line.startswith("  AGREE")]
    shipped = json.loads((ROOT / "output" / "manifest.json").read_text("utf-8"))
    assert len(lines) == len(shipped["queries"])
    refused = len(shipped["unsupported"])
    rest = f", {refused:,} UNSUPPORTED" if refused else ""
    assert done.stdout.startswith(f"{len(lines) + refused:,} pairs: {len(lines):,} AGREE{rest}\n")


def test_the_summary_comes_first_and_only_what_is_not_proved_has_rows() -> None:
    """Without -v no line for each proof, and nothing wider than a terminal but names."""
    done = _prove(RULE.path)
    assert done.stdout.startswith(f"{len(targets())} pairs: {len(targets())} AGREE\n")
    assert "  AGREE" not in done.stdout
    (row,) = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("proc_creation")]
    assert row == ["+"] * len(targets())
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_a_wrong_query_is_shown_with_both_answers_and_the_event() -> None:
    """Text, JSON, JUnit and SARIF all carry the disagreement, and the event is one that the rule speaks of."""
    pair = _wrong()
    assert pair.proof is not None
    assert pair.proof.outcome is Outcome.DISAGREE
    run = Run((pair,))
    assert not run.ok
    text = prove_report.text(run)
    assert "rule: fires" in text
    assert "query: does not fire" in text
    (proof,) = json.loads(prove_report.as_json(run))["proofs"]
    assert evaluate(RULE, proof["witness"]["event"])
    assert (proof["witness"]["rule"], proof["witness"]["query"]) == (True, False)
    assert ElementTree.fromstring(prove_report.junit(run)).find("testcase/failure") is not None
    result = json.loads(prove_report.sarif(run))["runs"][0]["results"][0]
    assert result["ruleId"] == "disagree"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == RULE.path


# --- what was not examined --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One sound rule; the tests put something beside it."""
    (tmp_path / "good.yml").write_text((ROOT / RULE.path).read_text("utf-8"), "utf-8")
    return tmp_path


def _beside(folder: Path, name: str) -> None:
    text = (ROOT / RULE.path).read_text("utf-8")
    content = {
        "broken.yml": "title: [",
        "latin.yml": text.replace("title: ", "title: \u00e9"),
        "no_condition.yml": text.replace("    condition: all of selection_*\n", ""),
        "correlation.yml": CORRELATION,
        "nowhere.yml": text.replace("category: process_creation", "category: no_such_category"),
        "refused.yml": text.replace("ParentImage|endswith", "NoSuchField|endswith"),
        "rule.yaml": text,
    }[name]
    assert content != text or name.endswith(".yaml")
    (folder / name).write_text(content, "latin-1" if name.startswith("latin") else "utf-8")


@pytest.mark.parametrize(
    ("name", "code", "strict"),
    [
        ("broken.yml", 1, 1),
        ("latin.yml", 1, 1),
        ("no_condition.yml", 1, 1),
        ("rule.yaml", 1, 1),
        ("correlation.yml", 0, 1),
        ("nowhere.yml", 0, 1),
        ("refused.yml", 0, 1),
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif"])
def test_every_file_that_is_not_examined_is_named_and_decides_the_exit_code(
    folder: Path, name: str, code: int, strict: int, form: str
) -> None:
    """A broken file fails the run, what is no rule or has no data does so under --strict; each format names the file,
    and JSON's `ok`, JUnit's failures and SARIF's errors say what the exit code says."""
    _beside(folder, name)
    for more, expected in (((), code), (("--strict",), strict)):
        done = _prove(str(folder), "--target", "defender", "--format", form, *more)
        assert done.exit_code == expected, done.output
        if form != "sarif" or code or more or name != "refused.yml":
            assert name.rsplit(".", 1)[0] in done.stdout
        if form == "json":
            assert json.loads(done.stdout)["ok"] is (expected == 0)
        if form == "junit":
            failures = ElementTree.fromstring(done.stdout.encode()).findall("testcase/failure")
            assert bool(failures) is (expected != 0)
        if form == "sarif":
            results = json.loads(done.stdout)["runs"][0]["results"]
            assert any(result["level"] == "error" for result in results) is (expected != 0)


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif"])
def test_nothing_examined_is_not_fine(folder: Path, form: str) -> None:
    """A folder whose rules all have no data anywhere: exit code 1, in every format."""
    _beside(folder, "nowhere.yml")
    (folder / "good.yml").unlink()
    done = _prove(str(folder), "--format", form)
    assert done.exit_code == 1
    assert "nowhere" in done.stdout
    if form == "json":
        assert json.loads(done.stdout)["ok"] is False
    if form == "junit":
        assert ElementTree.fromstring(done.stdout.encode()).find("testcase/failure") is not None


@pytest.mark.parametrize("arguments", [("no_such_folder",), ("--rules", "no_such_folder"), ("EMPTY",)])
def test_a_folder_that_is_mistyped_or_empty_is_wrong_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Exit code 2, and nothing on stdout."""
    done = _prove(*(str(tmp_path) if a == "EMPTY" else a for a in arguments))
    assert (done.exit_code, done.stdout) == (2, "")


def test_refused_pairs_are_counted_by_their_reason(folder: Path) -> None:
    """What a target cannot say is no fault, and its rule is named."""
    _beside(folder, "refused.yml")
    done = _prove("--rules", str(folder), "--target", "defender")
    assert done.stdout.startswith("2 pairs: 1 AGREE, 1 UNSUPPORTED\n")
    assert "1 UNSUPPORTED field NoSuchField" in done.stdout


def test_the_result_does_not_depend_on_the_number_of_processes(folder: Path) -> None:
    """One process or two: the same pairs in the same order, witnesses and losses included."""
    rules = [replace(RULE, path=f"{number}.yml") for number in range(9)]
    chosen = [find_target("defender"), find_target("elastic-eql")]
    one, two = (list(pairs(Gate(), rules, chosen, workers=number)) for number in (1, 2))
    assert one == two
    assert len(one) == 18


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [RULE.path, RULE.path.rsplit("/", 1)[-1], RULE.id, "web_shell", "sigma/windows/process_creation"]
)
@pytest.mark.parametrize("command", ["prove", "lint", "convert"])
def test_one_way_to_name_rules(name: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Path, file name, id, detection, folder: in every command that takes rules."""
    monkeypatch.chdir(ROOT)
    target = () if command == "lint" else ("-t", "defender")
    assert CliRunner().invoke(main, [command, name, *target]).exit_code == 0


@pytest.mark.parametrize("source", [RULE.path, "sigma/detections/web_shell.yaml"])
def test_the_proof_stands_beside_the_engines(source: str) -> None:
    """`parity verify` has a row `proof` for rules and for detections, whose parts go by their labels."""
    subject = next(s for s in subjects(library(), built()) if s.query.source == source and s.target == TARGET)
    parts = {subject.labels.get(path, path): rule for path, rule in subject.rules.items()}
    found = verdict(subject.query, subject.target, parts)
    assert (found.check, found.outcome, found.provenance) == ("proof", Outcome.AGREE, "decided by Parity")
