"""`init` and `fixture`: a project of one's own, events that the prover makes, and every command on both."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from converter.build.bench import bench
from converter.build.examples import examples
from converter.build.fixtures import load_cases
from converter.cli.main import main
from converter.core.discovery import schemas
from converter.core.errors import OutOfFragment
from converter.core.model import Rule
from converter.core.verdict import Case
from converter.rules.evaluator import compile_rule
from converter.rules.library import load_rule
from tests.project import ROOT, library

EXAMPLE = "rules/windows/process_creation/example_certutil_download.yml"
FIXTURE = "fixtures/windows/process_creation/example_certutil_download.yml"
WEB = "sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"


def parity(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is no project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def started(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that `parity init` made, as working directory."""
    assert parity("init", "mine").exit_code == 0
    monkeypatch.chdir(place / "mine")
    return place / "mine"


# --- init -------------------------------------------------------------------------------------------------------------


def test_every_command_works_in_a_new_project(started: Path) -> None:
    """Nothing has to be written first, and no checkout of ours is needed."""
    chosen = ("-t", "defender", "-t", "splunk-sysmon")
    assert parity("lint").exit_code == 0
    assert parity("build", *chosen).exit_code == 0
    done = parity("verify", *chosen, "--format", "json")
    body = json.loads(done.stdout)
    assert (done.exit_code, body["ok"]) == (0, True)
    executed = [row for row in body["verdicts"] if row["check"] not in ("proof", "kusto-binder")]
    assert len(executed) == 2
    assert all(row["outcome"] == "AGREE" and 0 < row["matched"] < row["events"] for row in executed)
    for command in (("prove", *chosen), ("show", "example_certutil_download", "-t", "sentinel"), ("list", "rules")):
        result = parity(*command)
        assert (result.exit_code, bool(result.stdout)) == (0, True), result.output
    assert parity("convert", EXAMPLE, *chosen).exit_code == 0
    for named in (EXAMPLE, "example_certutil_download"):
        assert parity("build", named, "-t", "sentinel", "--check").exit_code == 1
        assert parity("build", named, *chosen, "--check").exit_code == 0
    assert (started / "output/defender/windows/process_creation/example_certutil_download.kql").exists()


def test_only_rules_of_the_project_are_built(started: Path) -> None:
    """Anybody's rule is for `convert`: output/ is what the project's rules give."""
    (started.parent / "other.yml").write_text((ROOT / WEB).read_text("utf-8"), "utf-8")
    done = parity("build", "../other.yml", "-t", "defender")
    assert (done.exit_code, "parity convert" in done.stderr) == (2, True)
    assert not (started / "output").exists()


def test_each_setting_of_the_sample_is_one(started: Path) -> None:
    """What is commented out is right as it stands, but for the filter that nobody has written."""
    file = started / "parity.toml"
    lines = file.read_text("utf-8").splitlines()
    active = [line[1:] if re.match(r"#[\\[a-zA-Z]", line) and "exclusions" not in line else line for line in lines]
    file.write_text("\n".join(active), "utf-8")
    assert sum(not line.startswith("#") and bool(line) for line in active) > 12
    done = parity("convert", EXAMPLE, "-t", "defender", "-t", "splunk-sysmon")
    assert done.exit_code == 0, done.output
    assert "with parity.toml: " in done.stderr


def test_init_writes_over_nothing(started: Path) -> None:
    """Where there is a project already, or a part of one, it is refused before anything is written."""
    (started / EXAMPLE).write_text("mine", "utf-8")
    assert parity("init").exit_code == 2
    assert (started / EXAMPLE).read_text("utf-8") == "mine"
    (started / "deep" / "sigma").mkdir(parents=True)
    assert parity("init", "deep").exit_code == 2
    assert not (started / "deep" / "parity.toml").exists()


def test_each_project_has_an_id_of_its_own(place: Path) -> None:
    """Ids are unique, also among the examples of two projects."""
    texts = []
    for name in ("one", "two"):
        assert parity("init", name).exit_code == 0
        texts.append((place / name / EXAMPLE).read_text("utf-8"))
    assert texts[0] != texts[1]


# --- fixture ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(library().rules))
def test_the_prover_makes_a_match_for_each_value(path: str) -> None:
    """Each case is what the evaluator says; a value, or an item, gone missing changes the answer to one."""
    rule = library().rules[path]
    found = examples(rule)
    judge = compile_rule(rule)
    assert found.without == ()
    assert all(judge(case.event) == case.match for case in found.cases)
    assert len({case.name for case in found.cases}) == len(found.cases)
    platforms = [schema for schema in schemas().values() if any(rule.covers(t.logsource) for t in schema.tables)]
    for schema in platforms:
        made = {rule.path: tuple(Case(case.name, case.event, case.match) for case in found.cases if case.match)}
        assert bench(schema, made, {rule.path: rule}).samples, "no platform has a record for an event of these"
    for changed in weakened(rule):
        other = compile_rule(changed)
        assert any(other(case.event) != case.match for case in found.cases), changed.raw["detection"]


def weakened(rule: Rule) -> list[Rule]:
    """The rule without each value of each list."""
    out = []
    detection = rule.raw["detection"]
    for name, content in detection.items():
        entries = content if isinstance(content, list) else [content]
        for number, entry in enumerate(entries) if name != "condition" else ():
            for key, values in entry.items():
                for value in values if isinstance(values, list) and len(values) > 1 else ():
                    rest = [one for one in values if one != value]
                    # `all` wants two values at the least
                    name_left = key if len(rest) > 1 else key.replace("|all", "")
                    shorter = {name_left if k == key else k: rest if k == key else v for k, v in entry.items()}
                    new = [*entries[:number], shorter, *entries[number + 1 :]]
                    raw = {**rule.raw, "detection": {**detection, name: new if isinstance(content, list) else new[0]}}
                    out.append(Rule(rule.path, raw, ""))
    return out


def test_rules_can_be_weakened() -> None:
    """Most of the library's rules have lists, so that the law above asks something of them."""
    rules = library().rules.values()
    assert sum(bool(weakened(rule)) for rule in rules) > len(rules) * 0.9


def test_filters_and_alternatives_have_near_misses() -> None:
    """Each filter, each selection and each alternative has a case that is due to it alone."""
    detection = {
        "sel": [{"Image|endswith": "\\a.exe", "User": "x"}, {"OriginalFileName": "b.exe"}],
        "filter_own": {"ParentImage|endswith": "\\updater.exe"},
        "filter_empty": {"CommandLine": None},
        "condition": "sel and not 1 of filter_*",
    }
    raw = {"title": "x", "logsource": {"product": "windows", "category": "process_creation"}, "detection": detection}
    found = examples(Rule("x.yml", raw, ""))
    misses = {case.name: case.event for case in found.cases if not case.match}
    assert any(
        "filter_own" in name and event["ParentImage"].endswith("\\updater.exe") for name, event in misses.items()
    )
    assert any("filter_empty" in name and "CommandLine" not in event for name, event in misses.items())
    assert any("Image|endswith" in name for name in misses)
    assert any(name.startswith("matches by alternative 2") for name in (case.name for case in found.cases))


def test_a_rule_that_never_fires_has_no_fixture(place: Path) -> None:
    """It is told to be so; nothing is written."""
    text = (
        (ROOT / WEB)
        .read_text("utf-8")
        .replace("condition: all of selection_*", "condition: selection_child and not selection_child")
    )
    (place / "never.yml").write_text(text, "utf-8")
    with pytest.raises(OutOfFragment):
        examples(load_rule(place / "never.yml", place))
    done = parity("fixture", "never.yml")
    assert done.exit_code == 1
    assert "never.yml" in done.stderr
    assert not (place / "never.fixture.yaml").exists()


def test_a_fixture_beside_a_rule_of_no_project_is_executed(place: Path) -> None:
    """Proved only without it, executed with it; a query is then judged by each of its events."""
    (place / "own").mkdir()
    (place / "own" / "web.yml").write_text((ROOT / WEB).read_text("utf-8"), "utf-8")
    chosen = ("-t", "defender", "--format", "json")
    before = parity("verify", "own", *chosen)
    rows = {row["check"]: row["outcome"] for row in json.loads(before.stdout)["verdicts"]}
    assert (before.exit_code, rows["proof"], rows["fixture"]) == (0, "AGREE", "NOT_RUN")
    assert parity("fixture", "own/web.yml").exit_code == 0
    assert (place / "own" / "web.fixture.yaml").exists()
    after = parity("verify", "own", *chosen)
    found = [row for row in json.loads(after.stdout)["verdicts"] if row["matched"]]
    assert (after.exit_code, [row["outcome"] for row in found]) == (0, ["AGREE"])
    cases = load_cases(load_rule(place / "own" / "web.yml", place), place)
    assert found[0]["matched"] == sum(case.match for case in cases)
    text = (place / "own" / "web.fixture.yaml").read_text("utf-8")
    (place / "own" / "web.fixture.yaml").write_text(text.replace("match: true", "match: false", 1), "utf-8")
    assert parity("verify", "own", *chosen).exit_code == 1


def test_a_fixture_is_written_over_only_when_asked_to(started: Path) -> None:
    """What a person has changed is theirs."""
    (started / FIXTURE).write_text("mine", "utf-8")
    assert parity("fixture", "example_certutil_download").exit_code == 0
    assert (started / FIXTURE).read_text("utf-8") == "mine"
    printed = parity("fixture", EXAMPLE, "--print").stdout
    assert parity("fixture", EXAMPLE, "--force").exit_code == 0
    assert (started / FIXTURE).read_text("utf-8") == printed
    load_cases(load_rule(started / EXAMPLE, started), started)


def test_rules_that_are_broken_are_told_and_stop_no_other(place: Path) -> None:
    """`verify` of a folder: exit code 1, and the others have their verdicts."""
    (place / "own").mkdir()
    (place / "own" / "web.yml").write_text((ROOT / WEB).read_text("utf-8"), "utf-8")
    (place / "own" / "broken.yml").write_text("title: [", "utf-8")
    done = parity("verify", "own", "-t", "defender", "--format", "json")
    assert done.exit_code == 1
    assert "own/broken.yml" in done.stderr
    assert {row["source"] for row in json.loads(done.stdout)["verdicts"]} == {"own/web.yml"}
