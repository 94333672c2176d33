"""Hunting queries for Sentinel: each hunt once a workspace, as its query is shipped, with what the portal shows."""

from __future__ import annotations

import uuid

import pytest
import yaml

from converter.artefacts.core.response import hunting_rules, load_responses
from converter.artefacts.microsoft.sentinel import Sentinel
from converter.artefacts.microsoft.sentinel_hunting import SUFFIX
from tests.artefacts.made import files
from tests.project import ROOT, library

KEYS = [
    "id", "name", "description", "requiredDataConnectors", "tactics", "relevantTechniques", "query", "entityMappings",
    "version",
]  # fmt: skip
FOUND = {path: data for path, data in files().items() if path.endswith(f".{SUFFIX}")}


def test_each_hunt_can_be_imported() -> None:
    """Beside the text of each hunting query that a workspace has stands the file to import, and no other; ids are
    UUIDs, each once."""
    own = [path for path in files() if path.split("/")[0] in Sentinel.targets and ".hunting/" in path]
    texts = {path.removesuffix(".kql") for path in own if path.endswith(".kql")}
    assert {path.removesuffix(f".{SUFFIX}") for path in FOUND} == texts
    ids = [str(uuid.UUID(yaml.safe_load(data)["id"])) for data in FOUND.values()]
    hunts = sum(len(hunting_rules(one)) for one in load_responses(ROOT, library()).values())
    assert hunts <= len(ids) == len(set(ids))


@pytest.mark.parametrize("path", sorted(FOUND))
def test_a_hunt_is_its_query(path: str) -> None:
    """The query is the shipped text to the byte, which the gate proved; the keys are the repository's."""
    found = yaml.safe_load(FOUND[path])
    assert list(found) == KEYS
    assert found["query"] == files()[f"{path.removesuffix(SUFFIX)}kql"].decode("utf-8")
    assert found["requiredDataConnectors"]
    assert found["tactics"]
    mapped = [field["columnName"] for one in found["entityMappings"] for field in one["fieldMappings"]]
    assert mapped
    assert all(column in found["query"] for column in mapped)
