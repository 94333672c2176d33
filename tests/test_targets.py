"""Targets are data: one entry each, and whatever asks for a target asks what it is, not what it is called."""

from __future__ import annotations

import pytest

from converter.artefacts.core.package import makers
from converter.core import discovery
from converter.core.discovery import indices_of, schema_of, schemas, targets
from converter.core.errors import LibraryError
from converter.core.model import Target
from converter.dialects.registry import names

EVERY = pytest.mark.parametrize("target", targets().values(), ids=lambda target: target.name)


@EVERY
def test_a_target_is_a_dialect_over_a_platform(target: Target) -> None:
    """Both exist, the columns that lead its results are the platform's, and so is the one that holds the time."""
    assert target.dialect in names()
    assert target.schema in schemas()
    columns = {name for columns in schema_of(target).types.values() for name in columns}
    # what Splunk itself gives every event: https://help.splunk.com/en/splunk-cloud-platform/search/search-manual
    given = {"_time", "host"} if target.dialect == "spl" else set()
    leading = {*target.options["leading_columns"], target.options.get("time", schema_of(target).time)}
    assert leading - columns - given - {schema_of(target).time} == set()


@EVERY
def test_each_target_has_a_maker(target: Target) -> None:
    """Something makes what the platform imports; the guide and the layer, which every target has, are not that."""
    every = set(targets())
    own = [maker.name for maker in makers().values() if target.name in maker.targets and set(maker.targets) != every]
    assert len(own) == 1, own


@EVERY
def test_a_target_searches_the_indices_of_its_platform(target: Target) -> None:
    """The tables say which; a target repeats none."""
    assert "indices" not in target.options
    tables = {t.logsource.label: t.indices for t in schema_of(target).tables if t.indices}
    assert indices_of(target) == tables


@pytest.mark.parametrize(
    "entry",
    [
        {"title": "x", "dialect": "kql", "data": "x"},
        {"title": "x", "dialect": "kql", "platform": "defender", "data": "x", "colour": "red"},
        {"title": "x", "dialect": "kql", "platform": "defender", "data": "x", "options": ["a"]},
        {"title": "x", "dialect": "kql", "platform": "defender", "data": "x", "gaps": [{"feature": "x"}]},
    ],
)
def test_an_entry_of_another_form_is_refused(entry: dict[str, object]) -> None:
    """A missing key, an unknown one and a wrong shape are named with the entry."""
    with pytest.raises(LibraryError, match=r"not the form of a target") as refused:
        discovery._target("mine", entry)
    assert "targets.yml: mine" in refused.value.where
