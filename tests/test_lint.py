"""`parity lint`: each kind of finding has a rule that has it and one that narrowly does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from converter.cli import main
from converter.evaluator import evaluate
from converter.lint import KINDS, Finding, lint
from converter.model import Rule
from tests.project import ROOT, library


def rule(detection: dict[str, Any], number: int = 0, category: str = "process_creation") -> Rule:
    raw = {
        "title": f"rule {number}",
        "id": f"00000000-0000-0000-0000-{number:012}",
        "logsource": {"category": category, "product": "windows"},
        "detection": detection,
    }
    return Rule(f"sigma/rule{number}.yml", raw, "")


def found(*detections: dict[str, Any], category: str = "process_creation") -> list[Finding]:
    return lint(rule(detection, number, category) for number, detection in enumerate(detections))


SHELL = {"Image|endswith": "\\cmd.exe"}
#: kind -> detections of rules with the finding, and of rules without it
EXAMPLES: dict[str, list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]] = {
    "never-matches": [
        (
            [{"a": {"Image|endswith": "\\a.exe", "Image|re": "b\\.exe$"}, "b": SHELL, "condition": "a or b"},
             {"a": {"Image": "x.exe", "Image|contains": "\\"}, "b": SHELL, "condition": "a or b"}],
            [{"a": {"Image|endswith": "\\a.exe", "Image|re": "a\\.exe$"}, "b": SHELL, "condition": "a or b"}],
        ),
    ],
    "rule-never-matches": [
        (
            [{"a": SHELL, "b": {"Image|contains": "\\CMD"}, "condition": "a and not b"}],
            [{"a": SHELL, "b": {"Image|contains|cased": "\\CMD"}, "condition": "a and not b"}],
        ),
    ],
    "rule-always-matches": [
        (
            [{"a": SHELL, "b": {"Image|endswith": ".exe"}, "condition": "not a or b"}],
            [{"a": SHELL, "b": {"Image|endswith": "d.exe", "User|exists": True}, "condition": "not a or b"}],
        ),
    ],
    "idle-filter": [
        (
            [{"a": SHELL, "f": {"Image|endswith": "\\net.exe"}, "condition": "a and not f"},
             {"a": SHELL, "f_x": {"User": "x\\y"}, "f_y": {"User": "x\\y", "Image": "C:\\cmd.exe"},
              "condition": "a and not 1 of f_*"}],
            [{"a": SHELL, "f": {"Image|endswith": "2\\cmd.exe"}, "condition": "a and not f"}],
        ),
    ],
    "covered-value": [
        (
            [{"a": {"Image|endswith": ["\\cmd.exe", "cmd.exe"]}, "condition": "a"},
             {"a": {"CommandLine|re": ["ab+", "a[b]b"]}, "condition": "a"},
             {"a": {"CommandLine|contains|all": ["whoami", "who"]}, "condition": "a"}],
            [{"a": {"Image|endswith": ["\\cmd.exe", "cmd.com"]}, "condition": "a"},
             {"a": {"CommandLine|re": ["ab+", "ba"]}, "condition": "a"}],
        ),
    ],
    "unused-selection": [
        (
            [{"a": SHELL, "b": {"User": "x\\y"}, "condition": "a"}],
            [{"a": SHELL, "b": {"User": "x\\y"}, "condition": "1 of them"}],
        ),
    ],
    "not-decided": [
        ([{"a": ["a keyword"], "condition": "a"}], [{"a": SHELL, "condition": "a"}]),
        ([{"a": {"Image|re": "(?=x)y"}, "condition": "a"}], [{"a": {"Image|re": "xy"}, "condition": "a"}]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_finding_has_rules_with_and_without_it(kind: str) -> None:
    """Each rule that has the finding is told so; the one beside it is not."""
    for guilty, innocent in EXAMPLES[kind]:
        for detection in guilty:
            assert kind in {finding.kind for finding in found(detection)}, detection
        for detection in innocent:
            assert kind not in {finding.kind for finding in found(detection)}, detection


BROAD = {"a": {"Image|endswith": ["\\cmd.exe", "\\net.exe"]}, "condition": "a"}
NARROW = {"a": {"Image|endswith": "\\Net.exe", "User|contains": "x"}, "condition": "a"}
OTHER = {"a": {"Image|endswith": "\\net1.exe", "User|contains": "x"}, "condition": "a"}


def test_a_rule_within_another_is_told_with_an_event_of_the_other() -> None:
    """The narrower rule has the finding, and its event is one on which only the wider rule fires."""
    findings = found(BROAD, NARROW, OTHER)
    assert [(finding.kind, finding.path) for finding in findings] == [("subsumed-rule", "sigma/rule1.yml")]
    assert findings[0].event is not None
    assert evaluate(rule(BROAD), findings[0].event)
    assert not evaluate(rule(NARROW), findings[0].event)
    assert "sigma/rule0.yml" in findings[0].message


def test_rules_of_other_log_sources_are_not_compared() -> None:
    """The same detection in two categories is no duplicate."""
    assert not lint([rule(NARROW, 0), rule(NARROW, 1, "network_connection")])


def test_two_rules_that_fire_alike_are_told_once() -> None:
    """A duplicate is one finding, not one of either rule in the other."""
    again = {"x": {"User|contains": "X"}, "y": {"Image|endswith": "\\net.exe"}, "condition": "all of them"}
    assert [finding.kind for finding in found(NARROW, again)] == ["duplicate-rule"]


@pytest.mark.parametrize("value", ["System", ""])
def test_a_process_need_not_have_a_path(value: str) -> None:
    """`Image: System` is what Sysmon writes for the kernel, and some sources leave the path empty."""
    assert not found({"a": {"Image": value}, "condition": "a"}, category="file_event")


def test_other_systems_have_other_paths() -> None:
    """What Windows guarantees of a path is not taken for granted elsewhere."""
    raw = {
        **rule({"a": {"Image": "/usr/bin/su"}, "condition": "a"}).raw,
        "logsource": {"category": "process_creation", "product": "linux"},
    }
    assert not lint([Rule("sigma/linux.yml", raw, "")])


def test_the_library_is_clean() -> None:
    """Our own rules have no finding."""
    assert lint(library().rules.values(), ROOT) == []


def test_severity_follows_the_kind() -> None:
    """Only what can never or must always match is an error."""
    errors = {kind for kind in KINDS if Finding(kind, "p", 1, "m").severity == "error"}
    assert errors == {"never-matches", "rule-never-matches", "rule-always-matches"}


def _write(folder: Path, name: str, detection: dict[str, Any]) -> Path:
    raw = {**rule(detection).raw, "id": "5f0b6a46-37ac-4a35-8d59-0c6d2a7c1a11"}
    path = folder / name
    path.write_text(yaml.safe_dump(raw, sort_keys=False), "utf-8")
    return path


def _run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["--root", str(ROOT), "lint", *arguments])
    return done.exit_code, done.stdout


def test_the_command_gives_the_line_and_fails_on_errors_only(tmp_path: Path) -> None:
    """0 with warnings, 1 with an error; a value is reported at its own line."""
    detection = {"a": {"Image|endswith": ["\\cmd.exe", "cmd.exe"]}, "condition": "a"}
    path = _write(tmp_path, "covered.yml", detection)
    line = 1 + path.read_text("utf-8").splitlines().index("    - \\cmd.exe")
    code, text = _run(str(path))
    assert code == 0
    assert f"covered.yml:{line}: warning[covered-value]" in text
    assert "evidence: proved" in text
    _write(tmp_path, "never.yml", EXAMPLES["rule-never-matches"][0][0][0])
    code, out = _run(str(tmp_path), "--format", "json")
    assert code == 1
    body = json.loads(out)
    assert body["examined"] == 2
    assert {finding["path"] for finding in body["findings"]} == {"covered.yml", "never.yml"}


def test_sarif_has_what_the_standard_requires(tmp_path: Path) -> None:
    """Version, tool, results that refer to a described kind by its index, allowed levels, lines from 1 on.

    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, 3.13, 3.14, 3.18, 3.19, 3.27, 3.30.
    """
    _write(tmp_path, "a b.yml", EXAMPLES["rule-never-matches"][0][0][0])
    _, out = _run(str(tmp_path), "--format", "sarif")
    log = json.loads(out)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    kinds = [kind["id"] for kind in run["tool"]["driver"]["rules"]]
    assert len(set(kinds)) == len(kinds)
    assert run["results"]
    for result in run["results"]:
        assert kinds[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note", "none")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "a%20b.yml"
        assert place["region"]["startLine"] >= 1
