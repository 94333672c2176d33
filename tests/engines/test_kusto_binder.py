"""The laws of Microsoft's binder as it is used here; without the npm package or V8 there is nothing to test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from converter.core.errors import EngineUnavailable
from converter.engines.kql.kusto_binder import VARIABLE, KustoBinder

TYPES = {
    "Connections": {"Timestamp": "datetime", "ReportId": "long", "RemoteIP": "string", "RemotePort": "int"},
    "Files": {"Timestamp": "datetime", "ReportId": "long", "FileName": "string", "More": "dynamic"},
}


@pytest.fixture(scope="module")
def binder() -> Iterator[KustoBinder]:
    binder = KustoBinder()
    try:
        binder.diagnose("print 1", TYPES)
    except EngineUnavailable as error:
        pytest.skip(str(error))
    yield binder
    binder.close()


def test_a_good_query_has_no_diagnostics(binder: KustoBinder) -> None:
    """Comments, `let`, `union`, IP functions, verbatim strings and `ago` bind."""
    text = """// Title
let A = Connections | where Timestamp > ago(24h) and RemotePort !in (80, 443)
    and not(coalesce(ipv4_is_in_any_range(RemoteIP, "10.0.0.0/8"), false)
        or coalesce(ipv6_is_in_any_range(RemoteIP, "fc00::/7"), false)) | extend Kind = "net";
let B = Files | where FileName has_any (".asp", ".php") or FileName matches regex @"(?i)\\.asp" | extend Kind = "file";
union A, B | project Timestamp, ReportId, Kind, RemoteIP, FileName | sort by Timestamp desc
"""
    assert binder.diagnose(text, TYPES) == []


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("Connections | where Nothing == 1", "KS142", "Nothing"),
        ("Connections | where FileName == 'x'", "KS142", "FileName"),
        ("Connections | where remoteip == 'x'", "KS142", "remoteip"),
        ("Nothing | where RemoteIP == 'x'", "KS204", "Nothing"),
        ("connections | where RemoteIP == 'x'", "KS204", "connections"),
        ('Connections | where RemotePort in~ ("80")', "KS107", "RemotePort"),
        ("Connections | where nothing(RemoteIP)", "KS211", "nothing"),
        ("// é😀\nConnections | where Nothing == 1", "KS142", "Nothing"),
    ],
)
def test_names_and_types_that_do_not_fit_are_found_where_they_stand(
    binder: KustoBinder, text: str, code: str, place: str
) -> None:
    """An unknown or wrongly cased column, table or function, and text tests on numbers, with their place."""
    found = binder.diagnose(text, TYPES)
    assert [(d.code, d.severity, text[d.start : d.start + d.length]) for d in found] == [(code, "Error", place)]


def test_each_call_has_its_own_schema(binder: KustoBinder) -> None:
    """What one schema declares is unknown under another, and known again under the first."""
    query = "Files | where FileName == 'x'"
    assert binder.diagnose(query, TYPES) == []
    assert [d.code for d in binder.diagnose(query, {"Files": {"Other": "string"}})] == ["KS142"]
    assert binder.diagnose(query, TYPES) == []


def test_without_the_package_the_binder_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without the scripts is EngineUnavailable with the command that fetches them."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(EngineUnavailable, match="npm install"):
        KustoBinder().diagnose("print 1", TYPES)


def test_a_closed_binder_can_be_asked_again(binder: KustoBinder) -> None:
    """Closing frees V8; the next query starts it anew."""
    binder.close()
    assert binder.diagnose("Connections | take 1", TYPES) == []
