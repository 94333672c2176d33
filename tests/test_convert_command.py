"""`parity convert`: any rules, anywhere, whatever is wrong with the others; no project is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from converter.cli.main import main
from converter.core.discovery import targets
from tests.project import ROOT, built

RULE = "sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is no project, as working directory, with one rule of somebody's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own" / "deep").mkdir(parents=True)
    (tmp_path / "own" / "deep" / "shell.yml").write_text((ROOT / RULE).read_text("utf-8"), "utf-8")
    return tmp_path


def _convert(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["convert", *arguments])


def test_one_rule_is_printed_as_it_would_be_shipped(place: Path) -> None:
    """Nothing but the query goes to stdout: what `build` writes, but for the path in its header."""
    done = _convert("own/deep/shell.yml", "-t", "splunk-sysmon")
    assert done.exit_code == 0
    shipped = next(q for q in built().queries if q.source == RULE and q.target == "splunk-sysmon")
    assert done.stdout == shipped.text.replace(RULE, "own/deep/shell.yml")
    assert done.stderr.startswith("1 query, each proved")
    assert CliRunner().invoke(main, ["show", "own/deep/shell.yml", "-t", "splunk-sysmon"]).stdout == done.stdout


def test_a_folder_is_written_below_another_with_all_pairs_as_data(place: Path) -> None:
    """One file a pair under the path of its rule, and manifest.json with verdicts and losses."""
    done = _convert("own", "-t", "all", "-o", "out")
    assert (done.exit_code, done.stdout) == (0, "")
    body = json.loads((place / "out" / "manifest.json").read_text("utf-8"))
    assert body["ok"] is True
    assert body["summary"] == {"AGREE": len(targets())}
    assert {pair["target"] for pair in body["pairs"]} == set(targets())
    for pair in body["pairs"]:
        assert pair["path"].startswith(f"{pair['target']}/deep/shell.")
        assert (place / "out" / pair["path"]).stat().st_size
        assert (pair["verdict"], pair["source"]) == ("AGREE", "own/deep/shell.yml")
        assert pair["evidence"]
    losses = [loss for pair in body["pairs"] for loss in pair["losses"]]
    assert losses
    assert all(loss["id"] and loss["text"] for loss in losses)


def test_the_others_are_converted_whatever_is_wrong_with_one(place: Path) -> None:
    """A broken rule is exit code 1, a refused one only under --strict; both are told, and the queries are there."""
    text = (ROOT / RULE).read_text("utf-8")
    (place / "own" / "refused.yml").write_text(text.replace("ParentImage|ends", "NoSuchField|ends"), "utf-8")
    done = _convert("own", "-t", "defender", "-t", "sentinel", "--format", "json")
    assert done.exit_code == 0
    pairs = json.loads(done.stdout)["pairs"]
    assert [("query" in pair, "refusal" in pair) for pair in pairs] == [(True, False)] * 2 + [(False, True)] * 2
    assert {pair["refusal"]["feature"] for pair in pairs[2:]} == {"field NoSuchField"}
    assert "2 pairs refused" in done.stderr
    assert _convert("own", "-t", "defender", "--strict").exit_code == 1
    (place / "own" / "broken.yml").write_text("title: [", "utf-8")
    done = _convert("own", "-t", "defender", "--format", "json")
    assert done.exit_code == 1
    body = json.loads(done.stdout)
    assert body["ok"] is False
    assert [fault["where"].split(":")[0] for fault in body["broken"]] == ["own/broken.yml"]
    assert body["pairs"][0]["query"]


def test_no_query_at_all_is_not_fine(place: Path) -> None:
    """An empty stdout with exit code 0 would be taken for a query."""
    text = (ROOT / RULE).read_text("utf-8")
    (place / "refused.yml").write_text(text.replace("ParentImage|ends", "NoSuchField|ends"), "utf-8")
    done = _convert("refused.yml", "-t", "defender")
    assert (done.exit_code, done.stdout) == (1, "")


def test_two_rules_never_share_a_file(place: Path) -> None:
    """Two folders with a rule of the same name below them are refused before anything is written."""
    (place / "two" / "deep").mkdir(parents=True)
    (place / "two" / "deep" / "shell.yml").write_text((ROOT / RULE).read_text("utf-8") + "# other\n", "utf-8")
    done = _convert("own", "two", "-t", "defender", "-o", "out")
    assert done.exit_code == 2
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("own",), "convert needs a target"),
        (("nix.yml", "-t", "defender"), "unknown rule 'nix.yml'"),
        (("own", "-t", "defnder"), "Did you mean 'defender'?"),
    ],
)
def test_wrong_usage(place: Path, arguments: tuple[str, ...], message: str) -> None:
    """Exit code 2 with a hint."""
    done = _convert(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_link_that_leads_nowhere_is_told_and_stops_nothing(place: Path) -> None:
    """So is a pipe named like a rule: it is not opened."""
    import os

    (place / "own" / "gone.yml").symlink_to("nowhere.yml")
    os.mkfifo(place / "own" / "pipe.yml")
    done = _convert("own", "-t", "defender")
    assert done.exit_code == 1
    assert "own/gone.yml" in done.stderr
    assert "own/pipe.yml: is not a plain file" in done.stderr
    assert done.stdout
