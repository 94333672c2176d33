"""ATT&CK's names: the whole matrix, true to itself, and a hint for what it no longer has."""

from __future__ import annotations

import json
import re

import pytest

from converter.artefacts.core import attack
from converter.core.errors import LibraryError
from tests.project import ROOT

DATA = json.loads((ROOT / "converter/artefacts/core/attack.json").read_text("utf-8"))


def test_the_matrix_is_whole() -> None:
    """As many tactics, techniques and sub-techniques as the release notes of version 19 count
    (https://attack.mitre.org/resources/updates/updates-april-2026/), each sub-technique below a technique."""
    ids = list(DATA["techniques"])
    assert len(DATA["tactics"]) == 15
    assert sum("." not in id_ for id_ in ids) == 222
    assert sum("." in id_ for id_ in ids) == 475
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", id_) and id_.split(".")[0] in DATA["techniques"] for id_ in ids)
    assert ids == sorted(ids)


def test_every_technique_serves_tactics_that_there_are() -> None:
    """Each technique has a name and tactics of the matrix, in its order."""
    order = list(DATA["tactics"])
    for id_, known in DATA["techniques"].items():
        assert known["name"] == known["name"].strip() != ""
        assert known["tactics"] == sorted(known["tactics"], key=order.index) != [], id_


def test_what_is_revoked_has_a_successor() -> None:
    """A revoked id is none of the matrix, its successor is, and the error names it; so it is for the tactic that was
    split."""
    for old, now in DATA["revoked"].items():
        assert old not in DATA["techniques"]
        assert now in DATA["techniques"]
        with pytest.raises(LibraryError) as caught:
            attack.technique(old)
        assert now in caught.value.hint
    with pytest.raises(LibraryError) as caught:
        attack.tactic("defense-evasion")
    assert "stealth" in caught.value.hint


def test_the_data_of_the_tests_says_the_same() -> None:
    """What sigma-cli's validators are given in the tests is of the same matrix."""
    bundle = json.loads((ROOT / "tests/data/mitre_attack.json").read_text("utf-8"))
    for one in bundle["objects"]:
        if one["type"] == "attack-pattern":
            known = DATA["techniques"][one["external_references"][0]["external_id"]]
            assert one["name"] == known["name"]
            assert {phase["phase_name"] for phase in one["kill_chain_phases"]} == set(known["tactics"])
