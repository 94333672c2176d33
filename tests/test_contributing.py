"""`parity new` and `parity check`: from an idea to a rule that can be taken in, and nothing half done looks ready."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import date
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from converter.build.fixtures import load_cases
from converter.cli.main import main
from converter.contribute.scaffold import TO_WRITE, Draft, file_name, find_logsource, rule_text, write
from converter.core.discovery import schemas
from converter.core.errors import UsageError
from converter.core.model import LogSource
from converter.rules.evaluator import compile_rule
from converter.rules.library import load_rule
from tests.test_sigma_rules import METADATA

WHERE = (
    "-w",
    "Image|endswith=\\certutil.exe",
    "-w",
    "CommandLine|contains=-split",
    "-w",
    "CommandLine|contains=/split",
)
FEW = ("-t", "defender", "-t", "splunk-sysmon", "--mutants", "8")
NAME = "proc_creation_win_certutil_split"


def parity(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--root", str(folder), *arguments])


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A project with a rule that `new` wrote."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "parity.toml").write_text("", "utf-8")
    done = parity(tmp_path, "new", "windows/process_creation", "certutil_split", "-k", "T1105", *WHERE)
    assert done.exit_code == 0, done.output
    return tmp_path


def rule_path(folder: Path) -> Path:
    return folder / f"rules/windows/process_creation/{NAME}.yml"


def finish(folder: Path) -> None:
    """The rule with everything written that only its author can."""
    path = rule_path(folder)
    path.write_text(re.sub(f"'{TO_WRITE}[^']*'", "something that was written", path.read_text("utf-8")), "utf-8")


def test_a_new_rule_has_everything_but_what_its_author_knows(begun: Path) -> None:
    """All metadata in the usual order, ATT&CK's tactics, the tests that were asked for, and a fixture that fits."""
    rule = load_rule(rule_path(begun), begun)
    assert list(rule.raw) == list(METADATA)
    assert rule.raw["tags"] == ["attack.command-and-control", "attack.t1105"]
    assert rule.raw["detection"]["selection"]["CommandLine|contains"] == ["-split", "/split"]
    judge = compile_rule(rule)
    cases = load_cases(rule, begun)
    assert {case.match for case in cases} == {True, False}
    assert all(judge(case.event) == case.match for case in cases)


def test_what_is_not_written_is_not_ready(begun: Path) -> None:
    """Each part that only the author can write is named with its line, and the exit code says so until it is there."""
    done = parity(begun, "check", NAME, *FEW)
    assert done.exit_code == 1
    for key in ("description", "references", "falsepositives"):
        assert f"{key} is still to be written" in " ".join(done.output.split())
    assert done.output.rstrip().endswith("not ready: form")
    finish(begun)
    done = parity(begun, "check", NAME, *FEW)
    assert done.exit_code == 0, done.output
    assert done.output.rstrip().endswith("ready")
    told = done.output.partition("cases that the fixture lacks")
    assert max(map(len, (told[0] + told[2].partition("\ndiff ")[2]).splitlines())) <= 80
    body = json.loads(parity(begun, "check", NAME, *FEW, "--format", "json").stdout)
    assert body["ok"]
    assert body["build"]["defender"]["proof"] == "AGREE"
    assert {verdict["outcome"] for verdict in body["execution"]["verdicts"]} == {"AGREE"}


def test_missing_cases_fit_into_the_fixture(begun: Path) -> None:
    """A case that is said to be missing can be added as it stands, and its mutant is then told apart."""
    before = json.loads(parity(begun, "check", NAME, *FEW, "--format", "json").stdout)["mutants"]
    assert before["missing_cases"]
    path = begun / f"fixtures/windows/process_creation/{NAME}.yml"
    fixture = yaml.safe_load(path.read_text("utf-8"))
    fixture["cases"] += [one["case"] for one in before["missing_cases"]]
    path.write_text(yaml.safe_dump(fixture), "utf-8")
    after = json.loads(parity(begun, "check", NAME, *FEW, "--format", "json").stdout)["mutants"]
    assert after["told_apart_by_fixture"] > before["told_apart_by_fixture"]
    assert not after["missing_cases"]


def test_a_wrong_expectation_is_found(begun: Path) -> None:
    """A case that contradicts the rule, a rule without a fixture, and an unknown technique are not ready."""
    finish(begun)
    path = begun / f"fixtures/windows/process_creation/{NAME}.yml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("match: true", "match: false", 1), "utf-8")
    assert "not ready: execution" in parity(begun, "check", NAME, *FEW).output
    path.unlink()
    assert "no fixture" in parity(begun, "check", NAME, *FEW).output
    path.write_text(text, "utf-8")
    rule = rule_path(begun)
    rule.write_text(rule.read_text("utf-8").replace("t1105", "t9999"), "utf-8")
    assert "not ready: form" in parity(begun, "check", NAME, *FEW).output


def test_a_change_is_told(begun: Path) -> None:
    """Against a revision a rule is new, the same, or loses and gains with reasons; or it is said why none is known."""
    finish(begun)
    assert "not compared" in parity(begun, "check", NAME, *FEW).output
    git(begun, "init", "-q")
    git(begun, "commit", "-q", "--allow-empty", "-m", "empty")
    assert "the rule is new" in parity(begun, "check", NAME, *FEW).output
    git(begun, "add", "-A")
    git(begun, "commit", "-q", "-m", "rule")
    assert "Same: both fire" in parity(begun, "check", NAME, *FEW).output
    path = rule_path(begun)
    path.write_text(path.read_text("utf-8").replace("-split", "-splits"), "utf-8")
    assert "lost:" in parity(begun, "check", NAME, *FEW).output


@pytest.mark.parametrize(
    "source", sorted({t.logsource for s in schemas().values() for t in s.tables}, key=str), ids=str
)
def test_a_rule_can_begin_for_every_log_source(source: LogSource, tmp_path: Path) -> None:
    """For each log source that a platform has, a rule and its fixture are written that read back."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "parity.toml").write_text("", "utf-8")
    rule, fixture = write(tmp_path, Draft(source, "something"), date(2026, 1, 2))
    assert rule.is_file()
    assert fixture.is_file()


def test_log_sources_are_found_by_what_they_are_called() -> None:
    """By product and category, or by the category alone where it is one product's; a wrong one has a hint."""
    assert find_logsource("windows/process_creation") == LogSource("windows", "process_creation")
    assert find_logsource("dns_query") == LogSource("windows", "dns_query")
    for text in ("process_creation", "windows/proces_creation", "nothing"):
        with pytest.raises(UsageError) as caught:
            find_logsource(text)
        assert caught.value.hint


def test_names_follow_the_convention() -> None:
    """SigmaHQ's prefix is put before a name that has none, once."""
    source = LogSource("windows", "process_creation")
    assert file_name(source, "a") == file_name(source, "proc_creation_win_a") == "proc_creation_win_a"
    assert file_name(LogSource("linux", "file_event"), "a") == "file_event_lnx_a"
    assert file_name(LogSource("windows", "registry_set"), "a") == "registry_set_a"
    assert file_name(LogSource(None, "webserver"), "a") == "web_a"
    with pytest.raises(UsageError):
        file_name(source, "../a")


@pytest.mark.parametrize("draft", [{"techniques": ("T0000",)}, {"tests": ("Image",)}])
def test_what_cannot_be_written_is_refused(draft: dict[str, tuple[str, ...]]) -> None:
    """An unknown technique and a test without a value are errors of usage."""
    with pytest.raises(UsageError):
        rule_text(Draft(LogSource("windows", "process_creation"), "a", **draft), date(2026, 1, 2))


def test_a_rule_that_is_there_is_left_alone(begun: Path) -> None:
    """`new` never writes over a rule."""
    before = rule_path(begun).read_bytes()
    assert parity(begun, "new", "windows/process_creation", "certutil_split").exit_code == 2
    assert rule_path(begun).read_bytes() == before
