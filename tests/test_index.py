"""The index of a library in output/: complete, true to the manifest, ranked; refused where its gaps are not sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from converter.build.build import prepare
from converter.build.gaps import Missing, load_gaps
from converter.build.index import EVADES, index_files, told
from converter.build.manifest import read_manifest
from converter.cli.main import main
from converter.core.errors import ParityError
from converter.rules.library import Library
from tests.project import ROOT, library

GAP: dict[str, Any] = {
    "idea": "Something",
    "needs": "a log",
    "why": "no log",
    "source": "https://example.com/",
    "seen": 2,
    "precision": 3,
}


def index() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "output" / "index.json").read_text("utf-8"))
    return found


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def test_the_index_is_what_the_rules_and_the_manifest_give() -> None:
    """The files that stand in output/ are made of the manifest beside them."""
    made = index_files(library(), read_manifest(ROOT), load_gaps(ROOT))
    assert {path: (ROOT / "output" / path).read_text("utf-8") for path in made} == made


def test_every_rule_is_in_it_with_each_of_its_targets() -> None:
    """A rule, correlation or detection of the manifest is in the index, with as many targets as the manifest has."""
    manifest, body = read_manifest(ROOT), index()
    pairs = {(entry["source"], entry["target"]) for key in ("queries", "unsupported") for entry in manifest[key]}
    shown = {(one["path"], target) for key in ("rules", "detections") for one in body[key] for target in one["targets"]}
    assert shown == pairs
    refused = [how for one in body["rules"] for how in one["targets"].values() if how["verdict"] != "AGREE"]
    assert refused
    assert all(how["reason"] for how in refused)
    assert {loss for one in body["rules"] for how in one["targets"].values() for loss in how.get("losses", ())}


def test_every_rule_says_what_it_is_for_and_what_evades_it() -> None:
    """A defender who picks a rule must know what it does not see; no rule of this library leaves it out."""
    silent = [one["path"] for one in index()["rules"] if not one["idea"] or not one["evades"]]
    assert silent == []
    assert all(one["techniques"] and one["level"] for one in index()["rules"])


def test_a_description_without_evasions_has_none() -> None:
    """The split can fail: no sentence, no evasion."""
    assert told("Detects a thing.\nOf two lines.") == ("Detects a thing. Of two lines.", "")
    assert told(f"Detects a thing.\n{EVADES} another\nthing.") == ("Detects a thing.", "another thing.")


def test_what_is_missing_is_ranked() -> None:
    """The highest score comes first, and each gap has its source."""
    scores = [gap["score"] for gap in index()["missing"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) > 5
    assert all(gap["source"].startswith("https://") for gap in index()["missing"])


@pytest.mark.parametrize(
    ("gaps", "said"),
    [
        ({"a": 1}, "gaps are a list"),
        ([{**GAP, "more": 1}], "and no others"),
        ([{**GAP, "idea": " "}], "idea is text"),
        ([{**GAP, "seen": 6}], "seen is a whole number from 1 to 5"),
        ([{**GAP, "precision": True}], "precision is a whole number"),
        ([{**GAP, "source": "a blog"}], "source is an address"),
        ([GAP, GAP], "is there twice"),
    ],
)
def test_a_broken_gap_stops_the_build(tmp_path: Path, gaps: Any, said: str) -> None:
    """What is wrong with the file of gaps is told with the rest, and nothing is written."""
    assert run("init", str(tmp_path)).exit_code == 0
    (tmp_path / "rules" / "gaps.yaml").write_text(yaml.safe_dump(gaps), "utf-8")
    done = run("--root", str(tmp_path), "build", "-t", "defender")
    assert done.exit_code == 1
    assert said in " ".join(done.stderr.split())
    assert "rules/gaps.yaml" in done.stderr
    assert not (tmp_path / "output").exists()
    with pytest.raises(ParityError):
        prepare(tmp_path)


def test_a_project_without_gaps_has_an_index_too(tmp_path: Path) -> None:
    """`build` writes the index anywhere, `--check` compares it, and a partial build keeps the other rules' targets."""
    assert run("init", str(tmp_path)).exit_code == 0
    root = ("--root", str(tmp_path))
    assert run(*root, "build", "-t", "defender", "-t", "splunk-sysmon").exit_code == 0
    before = json.loads((tmp_path / "output" / "index.json").read_text("utf-8"))
    assert before["missing"] == []
    assert all(set(one["targets"]) == {"defender", "splunk-sysmon"} for one in before["rules"])
    assert run(*root, "build", "-t", "defender").exit_code == 0
    assert json.loads((tmp_path / "output" / "index.json").read_text("utf-8")) == before
    page = tmp_path / "output" / "index.md"
    page.write_text(page.read_text("utf-8").replace("AGREE", "agree"), "utf-8")
    done = run(*root, "build", "-t", "defender", "--check")
    assert done.exit_code == 1
    assert "output/index.md differs" in done.stdout


def test_a_bar_in_a_gap_does_not_break_the_table() -> None:
    """A cell keeps to its column."""
    gap = {**GAP, "idea": "a | b"}
    found = load_text([gap])
    assert "| 6 | a \\| b | a log |" in found


def load_text(gaps: list[dict[str, Any]]) -> str:
    return index_files(Library({}, {}), {}, [Missing(**gap) for gap in gaps])["index.md"]
