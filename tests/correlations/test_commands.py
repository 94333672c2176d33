"""The commands on correlations: like any rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from converter.cli.main import main
from converter.core.discovery import targets
from tests.correlations.support import ANY, COUNT, ORDER, a_file
from tests.project import ROOT, library

SEQUENCES = {
    "base": {"Computer": "web01", "Image": "C:\\Windows\\System32\\cmd.exe"},
    "cases": [
        {"name": "three in a row", "match": True, "events": [{"at": "4m", "times": 3, "every": "1m", "event": {}}]},
        {"name": "two and one", "match": False, "events": [
            {"at": "0s", "times": 2, "every": "1m", "event": {}}, {"at": "10m", "event": {}},
        ]},
        {"name": "in one window", "match": True, "events": [{"at": "0s", "times": 3, "every": "1s", "event": {}}]},
    ],
}  # fmt: skip


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def a_project(folder: Path, *sections: dict[str, Any]) -> Path:
    """A project whose rules are the file's, its one correlation with a fixture; rules have fixtures of their own."""
    assert run("--root", str(folder), "init", str(folder)).exit_code == 0
    for path in [*(folder / "rules").rglob("*.yml"), *(folder / "fixtures").rglob("*.yml")]:
        path.unlink()
    a_file(folder / "rules", *sections)
    return folder


def fixture(folder: Path, number: int, cases: dict[str, Any] = SEQUENCES) -> None:
    (folder / "fixtures").mkdir(exist_ok=True)
    (folder / "fixtures" / f"mr#{number}.yml").write_text(yaml.safe_dump(cases, sort_keys=False), "utf-8")


def test_convert_and_show(tmp_path: Path) -> None:
    """`convert` gives the query of each correlation, its rules being parts, and `show` one of them with its verdict."""
    path = a_file(tmp_path, COUNT, ANY)
    done = run("convert", str(path), "-t", "all", "--format", "json")
    assert done.exit_code == 0, done.output
    pairs = json.loads(done.stdout)["pairs"]
    # the third rule is no part of either, and has a query of its own
    assert {pair["source"].rpartition("#")[2] for pair in pairs} == {"3", "4", "5"}
    assert {pair["verdict"] for pair in pairs if "query" in pair} == {"AGREE"}
    refused = {pair["target"] for pair in pairs if "refusal" in pair and pair["source"].endswith("#4")}
    assert refused == {"elastic-dsl", "elastic-lucene", "elastic-defender-dsl"}
    shown = run("show", f"{path}#4", "-t", "defender")
    assert shown.exit_code == 0
    assert "where Count >= 3" in shown.stdout
    assert "AGREE" in shown.stderr


def test_convert_writes_files(tmp_path: Path) -> None:
    """With -o each query is a file that says which kind of windows it has, and the refusals stand in the manifest."""
    out = tmp_path / "out"
    assert run("convert", str(a_file(tmp_path, COUNT)), "-t", "all", "-o", str(out)).exit_code == 0
    assert "tumbling" in (out / "elastic-esql" / "mr#4.esql").read_text("utf-8")
    assert "Windows slide" in (out / "splunk-sysmon" / "mr#4.spl").read_text("utf-8")
    assert len(json.loads((out / "manifest.json").read_text("utf-8"))["pairs"]) == 3 * len(targets())


def test_a_broken_correlation_stops_no_other(tmp_path: Path) -> None:
    """What is wrong is told with its line, the others are converted, and the exit code is 1."""
    done = run("convert", str(a_file(tmp_path, COUNT, {**ANY, "timespan": "soon"})), "-t", "splunk-sysmon")
    assert done.exit_code == 1
    assert "streamstats" in done.stdout
    assert "timespan 'soon' is none" in done.stderr


def test_prove(tmp_path: Path) -> None:
    """`prove` decides correlations."""
    done = run("prove", str(a_file(tmp_path, COUNT, ORDER)), "-t", "all", "--format", "json")
    assert done.exit_code == 0, done.output


def test_build_and_verify_in_a_project(tmp_path: Path) -> None:
    """A project's correlation is built, with its rules' hashes, and verified over its sequences on every engine."""
    project = a_project(tmp_path, COUNT)
    fixture(project, 4)
    built = run("--root", str(project), "build")
    assert built.exit_code == 0, built.output
    manifest = json.loads((project / "output" / "manifest.json").read_text("utf-8"))
    entries = [entry for entry in manifest["queries"] if "correlation" in entry]
    assert {entry["correlation"]["windows"] for entry in entries} == {"sliding", "tumbling", "sequence"}
    assert all(len(entry["rules"]) == 1 for entry in entries)
    assert run("--root", str(project), "build", "--check").exit_code == 0
    done = run("--root", str(project), "verify", "--format", "json")
    assert done.exit_code == 0, done.output
    verdicts = json.loads(done.stdout)["verdicts"]
    ran = {(v["target"], v["check"]) for v in verdicts if v["outcome"] == "AGREE"}
    assert {("defender", "duckdb-kql"), ("splunk-sysmon", "spl-interpreter")} < ran
    assert {("elastic-eql", "eql-interpreter"), ("elastic-esql", "esql-interpreter")} < ran
    missed = [v["detail"] for v in verdicts if v["check"] == "esql-interpreter"]
    assert all("tumbling: three in a row" in detail for detail in missed)


def test_package_says_that_it_leaves_correlations_out(tmp_path: Path) -> None:
    """No artefact is made of a correlation, and that is told."""
    done = run("--root", str(a_project(tmp_path, COUNT)), "package", "-t", "splunk-sysmon")
    assert "1 correlation left out" in done.stderr, done.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"match": False}, "the evaluator says it fires"),
        ({"match": "yes"}, "match is true or false"),
        ({"events": []}, "the events of a case are a list"),
        ({"events": [{"event": {}}]}, "an event has at"),
        ({"events": [{"at": 5, "event": {}}]}, "at is a whole number and s, m, h or d"),
        ({"events": [{"at": "5s", "event": {}, "times": 3}]}, "times and every go together"),
        ({"events": [{"at": "5s", "event": {}, "rule": "recon"}]}, "none of the correlation's"),
        ({"events": [{"at": "5s", "event": {}, "count": 3}]}, "unknown key 'count'"),
    ],
)
def test_a_wrong_fixture_is_told(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    """What is wrong with a sequence is said with its place, and a wrong expectation is no pass."""
    project = a_project(tmp_path, COUNT)
    cases = [{**SEQUENCES["cases"][0], **change}, *SEQUENCES["cases"][1:]]
    fixture(project, 4, {**SEQUENCES, "cases": cases})
    run("--root", str(project), "build")
    done = run("--root", str(project), "verify")
    assert done.exit_code == 1
    assert said in " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("target", ["defender", "sentinel", "splunk-sysmon", "elastic-eql", "elastic-esql"])
def test_the_library_s_correlations_are_proved_and_executed(target: str) -> None:
    """Each sequence of a correlation of the library fires where it says, or the target refuses the correlation."""
    names = [part for one in library().correlations for part in ("-r", one)]
    done = run("--root", str(ROOT), "verify", *names, "-t", target, "--format", "json")
    assert done.exit_code == 0, done.output
    own = [v for v in json.loads(done.stdout)["verdicts"] if "correlation" in v["source"]]
    assert {v["outcome"] for v in own} <= {"AGREE", "UNSUPPORTED", "NOT_RUN"}
    assert sum(v["outcome"] == "AGREE" for v in own) > 3


def test_a_file_of_several_documents_is_named_as_a_whole(tmp_path: Path) -> None:
    """The file, by path or name, means what a build of everything makes of it: `verify` asks for no other outputs."""
    project = a_project(tmp_path, COUNT)
    fixture(project, 4)
    assert run("--root", str(project), "build").exit_code == 0
    for name in (str(project / "rules" / "mr.yml"), "mr", "mr.yml"):
        done = run("--root", str(project), "verify", "-r", name, "-t", "splunk-sysmon", "--format", "json")
        assert done.exit_code == 0, done.output
        assert {v["source"] for v in json.loads(done.stdout)["verdicts"]} >= {"rules/mr.yml#4"}


def test_a_part_alone_has_no_output(tmp_path: Path) -> None:
    """A rule that stands in correlations alone is refused by name, with what to do: a full build drops its query."""
    project = a_project(tmp_path, COUNT)
    done = run("--root", str(project), "build", "-r", "shell", "-t", "splunk-sysmon")
    assert done.exit_code == 2, done.output
    assert "stands in correlations alone" in " ".join(done.stderr.split())
    assert not (project / "output").exists()


def test_a_fault_of_an_engine_is_its_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong with one correlation stops no other check, and is no pass."""
    project = a_project(tmp_path, COUNT)
    fixture(project, 4)
    run("--root", str(project), "build")

    def crash(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr("converter.verify.check.verify_correlation", crash)
    done = run("--root", str(project), "verify", "-t", "splunk-sysmon", "--format", "json")
    assert done.exit_code == 1
    found = [v for v in json.loads(done.stdout)["verdicts"] if v["outcome"] == "ERROR"]
    assert ["by accident" in v["detail"] for v in found] == [True]
    assert any(v["check"] == "proof" and v["outcome"] == "AGREE" for v in json.loads(done.stdout)["verdicts"])


def test_a_broken_rule_is_one_fault(tmp_path: Path) -> None:
    """What relates a broken rule is told as that, and in a project, which stops at the rule, not at all."""
    made = a_file(tmp_path, COUNT)
    made.write_text(made.read_text("utf-8").replace("title: Shell", "title: [Shell]"), "utf-8")
    done = run("convert", str(made), "-t", "splunk-sysmon")
    assert done.exit_code == 1
    assert "is broken" in done.output
    assert "there is no rule of the name" not in done.output
    project = a_project(tmp_path / "project", COUNT)
    path = next((project / "rules").rglob("*.yml"))
    path.write_text(path.read_text("utf-8").replace("title: Shell", "title: [Shell]"), "utf-8")
    stopped = run("--root", str(project), "build")
    assert stopped.exit_code == 1
    assert "must be text" in stopped.output
    assert "is broken" not in stopped.output
