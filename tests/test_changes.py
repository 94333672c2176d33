"""`parity diff --rev REV` over a whole project: each rule and detection that differs, in words, on each target."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from converter.cli.main import main
from converter.rules.evaluator import compile_rule
from converter.rules.library import load_rule
from tests.site.made import make_project

PLAIN = "sigma/windows/process_creation/plain.yml"
FEW = ("-t", "defender")
_BURST = """\
title: Many Of Them
id: 0f0d3f0a-6a57-4c0e-9a6c-0c1d8f6f7a11
status: experimental
correlation:
    type: event_count
    rules: [5b3ad6d4-0c8b-4f0e-9d9f-3d8a0b9f2c11]
    group-by: [Computer]
    timespan: 10m
    condition: {gte: 3}
level: high
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def diff(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--root", str(folder), "diff", "--rev", "HEAD", *arguments])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two rules and a detection of both, committed."""
    folder = make_project(tmp_path / "project")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_nothing_differs(project: Path) -> None:
    """The same rules are the same; the exit code is 0."""
    done = diff(project, *FEW)
    assert (done.exit_code, done.output.strip()) == (0, "against HEAD: no rule or detection differs")


def test_other_words_are_no_other_events(project: Path) -> None:
    """A change of words alone is told as such, and does not fail."""
    replace(project / PLAIN, "level: low", "level: high")
    done = diff(project, *FEW, "--format", "json")
    assert done.exit_code == 0
    assert [change["status"] for change in json.loads(done.stdout)["changes"]] == ["reworded", "reworded"]


def test_a_changed_rule_tells_its_events(project: Path) -> None:
    """What a rule and the detections that hold it lose and gain is told with events, on which both answers are true."""
    before = compile_rule(load_rule(project / PLAIN, project))
    replace(project / PLAIN, "'word'", "'wort'")
    after = compile_rule(load_rule(project / PLAIN, project))
    done = diff(project, *FEW, "--format", "json")
    assert done.exit_code == 1
    found = {change["path"]: change for change in json.loads(done.stdout)["changes"]}
    assert set(found) == {PLAIN, "sigma/detections/two.yaml"}
    for direction, was in (("lost", True), ("gained", False)):
        (cause,) = found[PLAIN]["changes"][direction]
        assert (before(cause["event"]), after(cause["event"])) == (was, not was)
    assert found[PLAIN]["targets"][0]["said"] == "changes, proved: as above"
    text = diff(project, *FEW, "--format", "markdown").stdout
    assert text.startswith("<!-- parity diff -->\n### Detections against `HEAD`: 2 changed")
    event = yaml.safe_load(text.partition("```yaml")[2].partition("```")[0])
    assert before(event)


def test_a_target_that_is_lost_is_named(project: Path) -> None:
    """A change after which a target has no query any more says so, with the reason."""
    replace(project / PLAIN, "CommandLine|contains: 'word'", "SomeFieldOfNobody|contains: 'word'")
    text = diff(project, *FEW).stdout
    assert "defender: is lost: UNSUPPORTED" in text
    assert "SomeFieldOfNobody" in text


def test_new_and_removed_rules(project: Path) -> None:
    """A new rule comes with an event that it finds, a removed one with an event that it found."""
    new = project / "sigma/windows/process_creation/new.yml"
    new.write_text((project / PLAIN).read_text("utf-8").replace("5b3ad6d4", "5b3ad6d5"), "utf-8")
    (project / "sigma/detections/two.yaml").unlink()
    (project / PLAIN).unlink()
    done = diff(project, *FEW, "--format", "json")
    assert done.exit_code == 1
    found = {Path(change["path"]).stem: change for change in json.loads(done.stdout)["changes"]}
    assert {name: change["status"] for name, change in found.items()} == {
        "new": "new", "plain": "removed", "two": "removed",
    }  # fmt: skip
    assert compile_rule(load_rule(new, project))(found["new"]["example"])
    assert found["new"]["targets"][0]["said"] == "new, proved"


def test_a_correlation_that_differs_is_named(project: Path) -> None:
    """A correlation is named when it or one of its rules differs, with what was not worked out of it."""
    path = project / "sigma/correlations/burst.yml"
    path.parent.mkdir()
    path.write_text(_BURST, "utf-8")
    assert "new: Many Of Them" in diff(project, *FEW).stdout
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "second")
    replace(project / PLAIN, "'word'", "'wort'")
    found = {
        change["title"]: change for change in json.loads(diff(project, *FEW, "--format", "json").stdout)["changes"]
    }
    assert "not worked out" in found["Many Of Them"]["reason"]
    assert found["Many Of Them"]["targets"][0]["text_differs"]


def test_a_folder_or_a_detection_alone(project: Path) -> None:
    """A folder and a detection's name choose what is compared."""
    replace(project / PLAIN, "'word'", "'wort'")
    for named, count in (("two", 1), (str(project / "sigma/detections"), 1), (str(project / "sigma"), 2)):
        done = diff(project, named, *FEW, "--format", "json")
        assert len(json.loads(done.stdout)["changes"]) == count, named


def test_what_a_rule_says_starts_no_markup(project: Path) -> None:
    """In a comment the text of a hostile rule is text: no element, no link, no mention."""
    path = project / "sigma/windows/process_creation/hostile.yml"
    replace(path, "title: '", "title: '@somebody [x](https://example.com) | ")
    replace(path, "level: high", "level: low")
    text = diff(project, *FEW, "--format", "markdown").stdout
    line = next(line for line in text.splitlines() if line.startswith("#### ") and "somebody" in line)
    assert "@somebody" not in line
    assert "](" not in line.replace("\\]", "")
    assert not [at for at, sign in enumerate(line) if sign in "<>" and line[at - 1] != "\\"]


def test_a_revision_that_is_none(project: Path) -> None:
    """An unknown revision is an error of usage with a hint for CI."""
    done = CliRunner().invoke(main, ["--root", str(project), "diff", "--rev", "nowhere", *FEW])
    assert done.exit_code == 2
