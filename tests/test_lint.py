"""`parity lint`: each kind of finding has a rule that has it and one that narrowly does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from converter.cli.main import main
from converter.core.discovery import schemas
from converter.core.model import Rule
from converter.core.platform import Loss, Schema
from converter.lint.finding import KINDS, Finding
from converter.lint.lint import lint
from converter.rules.evaluator import evaluate
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
    "dead-value": [
        (
            [{"a": {"Image|endswith": ["\\cmd.exe", "\\"]}, "condition": "a"},
             {"a": {"DestinationPort": [443, 70000]}, "condition": "a"},
             {"a": {"User": ["A\\b", "A\\b\\c"]}, "condition": "a"}],
            [{"a": {"Image|endswith": ["\\cmd.exe", "\\c"]}, "condition": "a"},
             {"a": {"DestinationPort": [443, 65535]}, "condition": "a"},
             {"a": {"CommandLine|endswith": ["\\cmd.exe", "\\"]}, "condition": "a"}],
        ),
    ],
    "never-fires-on-platform": [
        (
            [{"a": {"Hashes|contains": f"IMPHASH={'0a' * 16}"}, "condition": "a"}],
            [{"a": {"CommandLine|endswith": " -x "}, "condition": "a"},
             {"a": {"NoSuchField": "x"}, "condition": "a"},
             {"a": {"Hashes|contains": f"MD5={'0a' * 16}"}, "condition": "a"},
             {"a": {"CommandLine": ""}, "condition": "a"}],
        ),
    ],
    "lost-value": [
        (
            [{"a": {"Hashes|contains": [f"IMPHASH={'0a' * 16}", f"MD5={'0a' * 16}"]}, "condition": "a"},
             {"a": SHELL, "f": {"Hashes|contains": f"IMPHASH={'0a' * 16}"}, "condition": "a and not f"}],
            [{"a": {"Hashes|contains": [f"MD5={'0a' * 16}", f"MD5={'0b' * 16}"]}, "condition": "a"}],
        ),
    ],
    "blind": [
        (
            [{"a": {"CurrentDirectory|contains": "x"}, "condition": "a"}],
            [{"a": {"Image|contains": "x"}, "condition": "a"}],
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
    findings = lint([rule(NARROW, 0), rule(NARROW, 1, "network_connection")])
    assert not {"duplicate-rule", "subsumed-rule"} & {finding.kind for finding in findings}


def test_two_rules_that_fire_alike_are_told_once() -> None:
    """A duplicate is one finding, not one of either rule in the other."""
    again = {"x": {"User|contains": "X"}, "y": {"Image|endswith": "\\net.exe"}, "condition": "all of them"}
    assert [finding.kind for finding in found(NARROW, again)] == ["duplicate-rule"]


@pytest.mark.parametrize("value", ["System", ""])
def test_a_process_need_not_have_a_path(value: str) -> None:
    """`Image: System` is what Sysmon writes for the kernel, and some sources leave the path empty."""
    assert not found({"a": {"Image": value}, "condition": "a"}, category="file_event")


TRIMS = Loss("t", "trims", ("CommandLine",), "Blanks at the ends are cut off.", "")


def struck(name: str, loss: Loss) -> Schema:
    """A platform with one more loss."""
    schema = schemas()[name]
    return replace(schema, kinds=tuple(replace(kind, losses=(*kind.losses, loss)) for kind in schema.kinds))


def test_what_a_platform_destroys_is_named_where_it_destroys_it() -> None:
    """A rule that can't fire on a platform is told so in the loss's words, with an event on which the rule fires.

    Where the loss does not strike, and where the rule's text stands elsewhere, there is nothing to tell.
    """
    ends = {"a": {"CommandLine|endswith": " -x "}, "condition": "a"}
    (finding,) = lint([rule(ends)], platforms=[struck("splunk-sysmon", TRIMS), schemas()["defender"]])
    assert (finding.kind, finding.severity) == ("never-fires-on-platform", "warning")
    assert finding.message.endswith("Blanks at the ends are cut off. (splunk-sysmon)")
    assert finding.event is not None
    assert evaluate(rule(ends), finding.event)
    for innocent in ({"CommandLine|contains": " -x "}, {"ParentCommandLine|endswith": " -x "}):
        assert not lint([rule({"a": innocent, "condition": "a"})], platforms=[struck("splunk-sysmon", TRIMS)])


def test_a_rule_that_fires_on_one_kind_of_record_can_fire() -> None:
    """Only what no kind of record of the log source can hold is told: one kind without the loss is enough."""
    schema = struck("splunk-sysmon", TRIMS)
    whole = {kind.name: kind for kind in schemas()["splunk-sysmon"].kinds}
    spared = next(kind.name for kind in schema.kinds if kind.meant_by(rule(SHELL)))
    kinds = tuple(whole[kind.name] if kind.name == spared else kind for kind in schema.kinds)
    ends = {"a": {"CommandLine|endswith": " -x "}, "condition": "a"}
    assert not lint([rule(ends)], platforms=[replace(schema, kinds=kinds)])


def test_a_value_that_a_platform_destroys_is_named_though_the_rule_can_fire() -> None:
    """Of a list only the value that no record can hold is told, a filter's as well as a selection's."""
    ends = {"CommandLine|endswith": [" -x ", " -y"]}
    for detection in ({"a": ends, "condition": "a"}, {"a": SHELL, "f": ends, "condition": "a and not f"}):
        (finding,) = lint([rule(detection)], platforms=[struck("splunk-sysmon", TRIMS)])
        assert finding.kind == "lost-value"
        assert "' -x '" in finding.message
        assert "' -y'" not in finding.message


def test_the_kinds_that_a_rule_does_not_see_are_named() -> None:
    """Each kind of record that a blind finding names is one of its platform's, without the field."""
    findings = [
        one for one in found({"a": {"CurrentDirectory|contains": "x"}, "condition": "a"}) if one.kind == "blind"
    ]
    assert findings
    for finding in findings:
        words = finding.message.replace(":", ",").replace("(", ", ").replace(")", "").split(", ")
        platforms = [schema for name, schema in schemas().items() if name in words]
        assert platforms
        for schema in platforms:
            kinds = [kind for kind in schema.kinds if kind.name in finding.message]
            assert kinds
            assert not any(column.source == "CurrentDirectory" for kind in kinds for column in kind.columns)


def test_other_systems_have_other_paths() -> None:
    """What Windows guarantees of a path is not taken for granted elsewhere."""
    raw = {
        **rule({"a": {"Image": "/usr/bin/su"}, "condition": "a"}).raw,
        "logsource": {"category": "process_creation", "product": "linux"},
    }
    assert not lint([Rule("sigma/linux.yml", raw, "")])


def test_the_library_is_clean() -> None:
    """Our own rules have no error and no warning."""
    assert [finding for finding in lint(library().rules.values()) if finding.severity != "note"] == []


def test_severity_follows_the_kind() -> None:
    """Only what can never or must always match is an error."""
    severities = {kind: Finding(kind, "p", 1, "m").severity for kind in KINDS}
    errors = {kind for kind, severity in severities.items() if severity == "error"}
    assert errors == {"never-matches", "rule-never-matches", "rule-always-matches"}
    assert {kind for kind, severity in severities.items() if severity == "note"} == {"blind", "not-decided"}


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
    results = [(run, result) for run in log["runs"] for result in run["results"]]
    assert results
    for run, result in results:
        kinds = [kind["id"] for kind in run["tool"]["driver"]["rules"]]
        assert len(set(kinds)) == len(kinds)
        assert kinds[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note", "none")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "a%20b.yml"
        assert place["region"]["startLine"] >= 1
