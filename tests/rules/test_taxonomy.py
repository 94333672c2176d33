"""Sigma's taxonomy and log sources as data."""

from __future__ import annotations

import ipaddress

import pytest

from converter.core.model import LogSource, Rule
from converter.core.taxonomy import NO_PATH, NUMERIC_FIELDS, FieldType, field_type, samples_of


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("DestinationPort", FieldType.NUMBER),
        ("DestinationIp", FieldType.ADDRESS),
        ("Image", FieldType.PATH),
        ("User", FieldType.ACCOUNT),
        ("CommandLine", FieldType.TEXT),
        ("NoSuchField", FieldType.TEXT),
        ("LogonId", FieldType.TEXT),
    ],
)
def test_type(field: str, kind: FieldType) -> None:
    """A field has the type the taxonomy gives it, and is text where it gives none."""
    assert field_type(field) is kind
    assert (field in NUMERIC_FIELDS) == (kind is FieldType.NUMBER)


def test_samples_are_of_their_type() -> None:
    """Every sample is a value of its field's type, and no sample of a path is one of the words that are no path."""
    for field in ("ProcessId", "DestinationPort", "sc-status"):
        assert all(text.isdigit() for text in samples_of(field))
    for field in ("SourceIp", "DestinationIp"):
        assert all(ipaddress.ip_address(text) for text in samples_of(field))
    for field in ("Image", "TargetFilename"):
        assert all("\\" in text and text not in NO_PATH for text in samples_of(field))
    assert samples_of("NoSuchField") == ()
    assert {"System", "-", "<unknown process>"} <= set(NO_PATH)
    assert not any("\\" in word for word in NO_PATH)


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        (LogSource("windows"), LogSource("windows", "process_creation"), True),
        (LogSource(), LogSource("linux", "file_event", "sysmon"), True),
        (LogSource("windows", "process_creation"), LogSource("windows"), False),
        (LogSource("windows"), LogSource("linux"), False),
        (LogSource("windows", None, "security"), LogSource("windows", "process_creation", "security"), True),
    ],
)
def test_covers(one: LogSource, other: LogSource, covers: bool) -> None:
    """A log source covers another when each attribute it names is the other's."""
    assert one.covers(other) == covers


def test_names() -> None:
    """A log source reads as its parts, the service named as one."""
    assert str(LogSource("windows", "process_creation")) == "windows process_creation"
    assert str(LogSource("windows", None, "security")) == "windows service security"
    assert str(LogSource()) == "any log source"


def test_further_records() -> None:
    """`parity: records:` adds categories of the rule's own product to those it is about."""
    raw = {
        "logsource": {"product": "windows", "category": "file_event", "service": ""},
        "parity": {"records": ["file_change"]},
    }
    own, further = LogSource("windows", "file_event"), LogSource("windows", "file_change")
    assert Rule("sigma/a.yml", raw, "").logsources == (own, further)
    assert Rule("sigma/a.yml", {"logsource": raw["logsource"]}, "").logsources == (own,)
