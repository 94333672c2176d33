"""`parity list schemas`: every kind of record of every platform, with what is known of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from converter.cli import listing
from converter.cli.main import main
from converter.core.discovery import schemas, targets
from converter.core.platform import Schema
from converter.dialects.dialect import Requirement
from converter.dialects.registry import dialect
from converter.platforms.evidence import LEVELS, level
from converter.platforms.losses import losses_of

TREES = listing.schemas()
EVERY = pytest.mark.parametrize("schema", schemas().values(), ids=lambda schema: schema.name)


def tree_of(schema: Schema) -> dict[str, Any]:
    return next(tree for tree in TREES if tree["name"] == schema.name)


@EVERY
def test_every_kind_is_listed_with_its_evidence_and_losses(schema: Schema) -> None:
    """Each kind once, under its log source or among the others, a variant with the kind whose record it is."""
    tree = tree_of(schema)
    listed = [(source["logsource"], kind) for source in tree["logsources"] for kind in source["kinds"]]
    listed += [(kind["logsource"], kind) for kind in tree["others"]]
    names = [(source, kind["name"]) for source, kind in listed]
    assert len(names) == len(set(names))
    for kind in schema.kinds:
        own = [
            row
            for source, row in listed
            if source == str(kind.logsource) and f"{kind.name}/".startswith(f"{row['name']}/")
        ]
        assert len(own) == 1, kind.name
        assert own[0]["evidence"] == level(kind)
        assert own[0]["evidence"] in LEVELS
        assert own[0]["assumption"] == kind.evidence.assumption
        shared = [s for s in tree["logsources"] if s["logsource"] == str(kind.logsource)]
        told = {loss["id"] for loss in [*own[0]["losses"], *(loss for s in shared for loss in s["losses"])]}
        assert told == {loss.id for loss in losses_of(kind, schema)}, kind.name


@EVERY
def test_every_id_is_explained(schema: Schema) -> None:
    """Losses and assumptions that are named have their text below, with where it is said."""
    tree = tree_of(schema)
    kinds = [kind for source in tree["logsources"] for kind in source["kinds"]] + tree["others"]
    named = {loss["id"] for part in [*tree["logsources"], *kinds] for loss in part["losses"]}
    assert named <= {loss["id"] for loss in tree["losses"]}
    assert {kind["assumption"] for kind in kinds} - {""} <= {assumption["id"] for assumption in tree["assumptions"]}
    assert all(item["text"] for item in tree["losses"] + tree["assumptions"])
    assert all(kind["source"].startswith("https://") for kind in kinds if kind["evidence"] != "assumed")
    assert tree["targets"] == [target.name for target in targets().values() if target.schema == schema.name]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_text_keeps_to_the_width(width: int) -> None:
    """No line is longer than the terminal, but for a word that is."""
    lines = list(listing.outline(TREES, width))
    assert [line for line in lines if len(line) > width and len(line.split()) > 1] == []


def test_the_command_gives_both_forms() -> None:
    """The same platforms and kinds as text and as JSON."""
    told = CliRunner().invoke(main, ["list", "schemas"], env={"COLUMNS": "80"})
    assert told.exit_code == 0, told.output
    rows = json.loads(CliRunner().invoke(main, ["list", "schemas", "--format", "json"]).stdout)
    assert [row["name"] for row in rows] == list(schemas())
    for row in rows:
        assert f"\n{row['name']}: " in f"\n{told.stdout}"
    assert "\x1b[" not in told.stdout


def test_targets_tell_what_they_require(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest version on which a target's queries run stands in its row."""
    needed = Requirement("Elasticsearch", "9.9", "a reason", "https://example.org")
    found = dialect("esql")
    changed = type(found)(**{**found.__dict__, "requirements": (needed,)})
    monkeypatch.setattr(listing, "dialect", lambda name: changed if name == "esql" else dialect(name))
    rows = {row["name"]: row for row in listing.targets()}
    for target in targets().values():
        wanted = (needed,) if target.dialect == "esql" else dialect(target.dialect).requirements
        assert rows[target.name]["requires"] == ", ".join(map(str, wanted))


def test_limits_are_listed_with_their_sources() -> None:
    """What languages and targets take at most; where a vendor documents no number, that is what is said."""
    rows = json.loads(CliRunner().invoke(main, ["list", "limits", "--format", "json"]).stdout)
    assert {("sentinel", "10,000"), ("kql", "500"), ("defender", "-")} <= {(row["of"], row["most"]) for row in rows}
    assert all(row["kept"] and row["source"].startswith("https://") for row in rows)


@pytest.mark.parametrize("what", sorted(listing.ROWS))
def test_lists_fit_a_terminal(what: str) -> None:
    """What does not fit beside stands below, and nothing is lost; in a pipe a row is a line."""
    rows = listing.ROWS[what]()
    assert len(list(listing.table(rows))) == len(rows)
    lines = list(listing.table(rows, 80))
    assert all(len(line) <= 80 or " " not in line.strip().removeprefix("source: ") for line in lines)
    shown = " ".join(" ".join(lines).split())
    assert all(" ".join(cell.split()) in shown for row in rows for cell in row.values())
    assert list(listing.table([], 80)) == []
