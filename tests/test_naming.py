"""One way to name rules in all commands: a path anywhere, one document of a file, a folder, and in a project a name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from converter.cli.main import main
from tests.project import ROOT

NAME = "proc_creation_win_webserver_spawns_shell"
RULE = f"sigma/windows/process_creation/{NAME}.yml"
COMMANDS = {
    "convert": ("-t", "defender"),
    "show": ("-t", "defender"),
    "prove": ("-t", "defender"),
    "lint": (),
    "verify": ("-t", "defender"),
    "fixture": ("--print",),
}


def parity(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with nothing in it, beside a folder with a rule, and a file of two rules."""
    text = (ROOT / RULE).read_text("utf-8")
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "one.yml").write_text(text, "utf-8")
    other = text.replace("c3a6eb35", "c3a6eb36")
    (tmp_path / "beside" / "two.yml").write_text(f"{text}\n---\n{other}", "utf-8")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("named", ["../beside/one.yml", "{place}/beside/one.yml", "../beside/two.yml#2"])
def test_a_rule_of_no_project(place: Path, command: str, named: str) -> None:
    """By any path, or by one document of its file; no project is needed."""
    done = parity(command, named.format(place=place), *COMMANDS[command])
    assert done.exit_code == 0, done.output
    assert done.stdout


@pytest.mark.parametrize("named", [NAME, RULE, f"{NAME}.yml", "c3a6eb35-3938-4da4-8153-cac0331054a2"])
@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"verify"}))
def test_a_rule_of_the_project(command: str, named: str) -> None:
    """By name, path, file or id."""
    done = parity("--root", str(ROOT), command, named, *COMMANDS[command])
    assert done.exit_code == 0, done.output
    assert NAME in done.stdout or command == "lint"


def test_two_rules_are_compared_wherever_they_lie(place: Path) -> None:
    """`diff` of paths, of documents of one file, and of a path and a name."""
    assert parity("diff", "../beside/one.yml", "../beside/two.yml#2").exit_code == 0
    assert parity("--root", str(ROOT), "diff", NAME, "../beside/one.yml").exit_code == 0
    (place / "here" / "one.yml").write_text(
        (place / "beside" / "one.yml").read_text("utf-8").replace("'\\cmd.exe'", "'\\cmx.exe'"), "utf-8"
    )
    assert parity("diff", "one.yml", str(place / "beside" / "one.yml")).exit_code == 1


def test_a_rule_of_the_library_at_a_revision_goes_by_its_name(tmp_path: Path) -> None:
    """As by its path; a detection differs where a part of it does."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "sigma", project / "sigma")
    (project / "parity.toml").write_text("", "utf-8")
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *arguments], cwd=project, check=True)
    text = (project / RULE).read_text("utf-8")
    for named in (NAME, str(project / RULE)):
        assert parity("--root", str(project), "diff", named, "--rev", "HEAD").exit_code == 0
    (project / RULE).write_text(text.replace("'\\cmd.exe'", "'\\cmx.exe'"), "utf-8")
    for named in (NAME, str(project / RULE)):
        assert parity("--root", str(project), "diff", named, "--rev", "HEAD").exit_code == 1
    told = parity("--root", str(project), "diff", "web_shell", "--rev", "HEAD", "-t", "defender")
    assert (told.exit_code, "web_shell" in told.stdout) == (1, True)
