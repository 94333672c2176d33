"""`parity cost`: every query of the rules that it was given, within 80 columns, and the same as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from converter.cli.main import main
from converter.core.discovery import find_target
from converter.lint.lint import lint
from tests.project import ROOT, library

RULE = "sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"


def _cost(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["--root", str(ROOT), "cost", *arguments])


def test_a_rule_is_told_in_full_within_eighty_columns() -> None:
    """Each conjunct with its answer; what is not looked up says why."""
    done = _cost(RULE, "-t", "defender", "-t", "splunk-sysmon")
    assert done.exit_code == 0
    assert "    index  FileName in~ (" in done.stdout
    assert "    scope  ActionType ==\n" in done.stdout
    assert "    scan   Image IN (" in done.stdout
    assert "wildcard)" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_json_says_the_same_with_sources() -> None:
    """A query's conjuncts, each with its fact and the page that says so."""
    body = json.loads(_cost(RULE, "-t", "defender", "--format", "json").stdout)
    (query,) = body["queries"]
    assert query["scans"] is False
    assert all(one["source"] and one["why"] for search in query["searches"] for one in search)


def test_nothing_to_weigh_is_no_success(tmp_path: Path) -> None:
    """A rule that a target refuses is told as one without a query, and the exit code says so."""
    rule = "title: t\nlogsource: {category: webserver}\ndetection:\n  a: {cs-method: POST}\n  condition: a\n"
    (tmp_path / "rule.yml").write_text(rule, "utf-8")
    done = _cost(str(tmp_path / "rule.yml"), "-t", "defender", "--format", "json")
    assert done.exit_code == 1
    body = json.loads(done.stdout)
    assert body["queries"] == []
    assert body["without"]


def test_lint_warns_of_a_query_that_scans() -> None:
    """Where the model says that nothing narrows the query, and where targets were given at all."""
    rule = library().rules[RULE]
    found = lint([rule], targets=[find_target("splunk-sysmon"), find_target("defender")])
    (scan,) = [one for one in found if one.kind == "scans"]
    assert scan.severity == "warning"
    assert "splunk-sysmon" in scan.message
    assert "defender" not in scan.message
    assert not [one for one in lint([rule]) if one.kind == "scans"]
