"""The platform tables against records in the vendors' own shape: what they say of each kind of record is so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from converter.core.discovery import schemas
from converter.core.platform import Kind, Schema
from converter.platforms.evidence import LEVELS, exhibit, level
from tests.platforms.shapes import ALL, PLAIN, differences, name

EXHIBITED = [pair for pair in PLAIN if pair[1].evidence.path]


@pytest.mark.parametrize("pair", EXHIBITED, ids=name)
def test_an_event_is_projected_onto_the_vendors_record(pair: tuple[Schema, Kind]) -> None:
    """project(event) is the vendor's record, column by column, on all that the table claims to know."""
    schema, kind = pair
    assert not differences(schema, kind, exhibit(kind.evidence.path))


@pytest.mark.parametrize("pair", EXHIBITED, ids=name)
def test_the_evidence_can_contradict_the_table(pair: tuple[Schema, Kind]) -> None:
    """The law can fail: a kind with another constant, and one that lost a column, is told from the record."""
    schema, kind = pair
    found = exhibit(kind.evidence.path)
    for column, value in kind.native.items():
        if value is not None:
            assert differences(schema, replace(kind, native={**kind.native, column: "other"}), found), column
    for column in kind.columns:
        if found.record.get(column.name) not in (None, "", "null") and column.name not in found.unmodelled:
            rest = tuple(c for c in kind.columns if c.name != column.name)
            assert differences(schema, replace(kind, columns=rest), found), column.name


@pytest.mark.parametrize("pair", ALL, ids=name)
def test_every_kind_stands_on_something(pair: tuple[Schema, Kind]) -> None:
    """A kind has an evidence file, a page or an assumption, and the assumption is one that its platform lists."""
    schema, kind = pair
    assert level(kind) in LEVELS
    assert kind.evidence.path or kind.evidence.page.startswith("https://") or kind.evidence.assumption
    if kind.evidence.assumption:
        assert kind.evidence.assumption in {assumption.id for assumption in schema.assumptions}


@pytest.mark.parametrize("pair", EXHIBITED, ids=name)
def test_an_exhibit_says_where_it_was_read(pair: tuple[Schema, Kind]) -> None:
    """Each evidence file has a page, a level, and an event whose fields the kind has or is said not to tell."""
    _, kind = pair
    found = exhibit(kind.evidence.path)
    assert found.url.startswith("https://")
    assert found.level in ("sample", "documented")
    known = {column.source for column in kind.columns} | set(kind.sigma)
    untold = {field for loss in kind.losses if loss.effect == "not_sent" for field in loss.fields}
    assert set(found.event) <= known | untold, set(found.event) - known - untold


@pytest.mark.parametrize("schema", schemas().values(), ids=lambda schema: schema.name)
def test_what_is_named_is_named_once(schema: Schema) -> None:
    """Ids of assumptions are unique, each with a page; the names of kinds are unique."""
    ids = [assumption.id for assumption in schema.assumptions]
    assert len(set(ids)) == len(ids)
    assert all(assumption.url.startswith("https://") and assumption.text for assumption in schema.assumptions)
    names = [kind.name for kind in schema.kinds]
    assert len(set(names)) == len(names)
