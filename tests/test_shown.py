"""What a query shows of its hits: the fields that its rule asks for, or else what an analyst needs."""

from __future__ import annotations

import pytest

from converter.convert.convert import Converter
from converter.convert.sources import kinds_for
from converter.core.discovery import find_target, schema_of
from converter.core.errors import Unsupported
from converter.core.model import LogSource, Rule
from converter.core.taxonomy import shown_fields
from converter.platforms.derive import CLASSIFYING
from tests.project import library

#: a target of each language that shows columns
SHOWING = (
    "defender",
    "sentinel",
    "splunk-sysmon",
    "splunk-defender",
    "elastic-dsl",
    "elastic-esql",
    "elastic-defender-dsl",
)
CATEGORIES = ("process_creation", "file_event", "network_connection", "registry_set")
TESTED = {"process_creation": "IntegrityLevel", "network_connection": "DestinationPort"}


def rule(category: str, fields: tuple[str, ...] = ()) -> Rule:
    tested = TESTED.get(category, "Image")
    value: object = 4444 if tested == "DestinationPort" else "High" if tested == "IntegrityLevel" else "C:\\a.exe"
    raw = {
        "title": "x",
        "logsource": {"product": "windows", "category": category},
        "detection": {"s": {tested: value}, "condition": "s"},
    }
    return Rule("x.yml", {**raw, "fields": list(fields)} if fields else raw, "")


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("name", SHOWING)
def test_without_fields_a_query_shows_what_an_analyst_needs(name: str, category: str) -> None:
    """Host, user, process, what was touched and what the rule tests, wherever the platform keeps them; and nothing is
    said to be missing, since nobody asked for it."""
    target = find_target(name)
    written = rule(category)
    try:
        kinds = kinds_for(written, schema_of(target))
    except Unsupported:
        pytest.skip(f"{name} has no {category}")
    text = Converter().query(written, target).text
    wanted = {*shown_fields(written.logsource), TESTED.get(category, "Image")}
    found = [c for k in kinds for c in k.columns if c.source in wanted and c.derive not in CLASSIFYING]
    assert {"Computer", "User", "Image"} <= {column.source for column in found}
    assert all(column.name in text for column in found)
    assert "not shown" not in text


@pytest.mark.parametrize("name", SHOWING)
def test_a_rules_own_fields_are_all_that_is_shown(name: str) -> None:
    """The default is for rules that ask for none; a field that the platform lacks is named then."""
    target = find_target(name)
    text = Converter().query(rule("process_creation", ("Image", "NoSuchField")), target).text
    columns = [c for k in schema_of(target).kinds if k.category == "process_creation" for c in k.columns]
    shown = {c.source for c in columns if c.name in text}
    assert "Image" in shown
    assert "CommandLine" not in shown
    assert ("not shown: NoSuchField" in text) == (target.dialect != "dsl")


def test_an_unknown_log_source_has_a_default_too() -> None:
    """Where and who are of interest everywhere; a service counts where there is no category."""
    assert "Computer" in shown_fields(LogSource("windows", None, "nothing_known"))
    assert "LogonType" in shown_fields(LogSource("windows", None, "security"))
    assert all(rule.fields for rule in library().alone.values())
