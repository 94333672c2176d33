"""What others build into theirs: the GitHub Action and the pre-commit hooks run commands that exist, as they exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from converter.cli.main import main
from converter.cli.render.changes import MARK
from tests.project import ROOT
from tests.site.made import make_project

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
SCRIPTS = {step.get("name", step.get("uses")): step["run"] for step in ACTION["runs"]["steps"] if "run" in step}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_a_hook_is_a_command_that_takes_rule_files(hook: dict[str, Any], tmp_path: Path) -> None:
    """Each hook's entry runs over a rule file as pre-commit calls it, and takes no other files than rules."""
    folder = make_project(tmp_path / "project")
    path = "sigma/windows/process_creation/plain.yml"
    assert re.search(hook["files"], path)
    assert not re.search(hook["files"], "tests/fixtures/windows/process_creation/plain.yml")
    program, *arguments = hook["entry"].split()
    assert program == "parity"
    done = CliRunner().invoke(main, ["--root", str(folder), *arguments, str(folder / path)])
    assert done.exit_code == (1 if "check" in arguments else 0), done.output  # its technique t9999 is unknown
    (folder / path).write_text("title: no rule\nlogsource: {category: process_creation}\ndetection: {}\n", "utf-8")
    assert CliRunner().invoke(main, ["--root", str(folder), *arguments, str(folder / path)]).exit_code == 1


def test_the_action_calls_commands_that_exist() -> None:
    """Every `parity` in the action's scripts is a command of the tool with options that it has."""
    assert isinstance(main, click.Group)
    joined = "\n".join(SCRIPTS.values()).replace("\\\n", " ")
    calls = re.findall(r'parity" --root "\$ROOT" (\w+)([^\n]*)', joined)
    assert {name for name, _ in calls} == {"lint", "prove", "diff"}
    for name, rest in calls:
        known = {option for parameter in main.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= known


def test_the_action_puts_no_input_into_a_script() -> None:
    """Inputs and what an event holds reach scripts as variables only: a branch or a rule may be called anything
    (https://docs.github.com/en/actions/reference/security/secure-use)."""
    for name, script in SCRIPTS.items():
        assert "${{" not in script, name


def test_the_action_finds_its_own_comment() -> None:
    """The comment that is replaced is the one that begins as `diff --format markdown` does."""
    assert MARK in SCRIPTS["Comment"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="NOT_RUN: no bash")
@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_the_scripts_are_bash(name: str) -> None:
    """Each script parses."""
    done = subprocess.run(["bash", "-n"], input=SCRIPTS[name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="NOT_RUN: no bash")
def test_the_action_tells_what_changes(tmp_path: Path) -> None:
    """The scripts run as a runner runs them: the summary has the change, the output says that something differs."""
    folder = make_project(tmp_path / "project")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-C", str(folder)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    rule = folder / "sigma/windows/process_creation/plain.yml"
    rule.write_text(rule.read_text("utf-8").replace("'word'", "'wort'"), "utf-8")
    (tmp_path / "parity/bin").mkdir(parents=True)
    program = tmp_path / "parity/bin/parity"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m converter "$@"\n', "utf-8")
    program.chmod(0o755)
    place = {
        "PATH": "/usr/bin:/bin", "RUNNER_TEMP": str(tmp_path), "ROOT": str(folder), "REV": "HEAD", "STRICT": "false",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "GITHUB_OUTPUT": str(tmp_path / "output"),
    }  # fmt: skip
    for name in ("Prove and lint", "What changes"):
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", SCRIPTS[name]]
        done = subprocess.run(command, env=place, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "output").read_text("utf-8") == "differs=true\n"
    assert (tmp_path / "summary.md").read_text("utf-8").startswith(MARK)
