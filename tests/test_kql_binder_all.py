"""Microsoft's binder on every KQL query we ship, against the columns of its platform.

The binder comes from npm and is a development tool. Without it these tests are skipped, and the environment variable
PARITY_REQUIRE_BINDER=1, which CI sets, makes its absence a failure.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

import pytest

from converter.core.discovery import find_target, schema_of
from converter.core.errors import QueryError
from converter.core.model import Query
from converter.core.verdict import Outcome, Verdict
from converter.engines.kql.kusto_binder import VARIABLE, KustoBinder
from converter.verify import binder_check
from converter.verify.check import subjects
from converter.verify.verify import Subject
from tests.project import built, library

REQUIRED = "PARITY_REQUIRE_BINDER"
KQL = [s for s in subjects(library(), built()) if s.query.dialect == "kql"]
EVERY = pytest.mark.parametrize("subject", KQL, ids=lambda s: s.query.path)


def verdict_of(subject: Subject, query: Query | None = None) -> Verdict:
    """The binder's verdict; where there is no binder, a skip or, if it is required, a failure."""
    found = binder_check.verdict(query or subject.query, subject.target, schema_of(subject.target).types)
    if found.outcome is Outcome.NOT_RUN:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1, and there is no binder: {found.detail}")
        pytest.skip(found.detail)
    return found


def test_there_is_kql_for_every_platform() -> None:
    """Rules and the combined detection, for Defender and for both workspaces of Sentinel."""
    assert {s.target.name for s in KQL} == {"defender", "sentinel", "sentinel-windows-event"}
    refused = {(refusal.source, refusal.target) for refusal in built().refusals}
    every = [
        (path, name)
        for path in (*library().alone, *(d.path for d in library().detections.values()))
        for name in ("defender", "sentinel", "sentinel-windows-event")
    ]
    assert {(s.query.source, s.target.name) for s in KQL} == set(every) - refused


@EVERY
def test_the_binder_has_nothing_to_say(subject: Subject) -> None:
    """Neither an error nor a warning on any query, with the real columns and types of its platform."""
    found = verdict_of(subject)
    assert found.outcome is Outcome.AGREE, found.detail


@EVERY
@pytest.mark.parametrize("change", [str.lower, "{}entifier".format], ids=["case", "name"])
def test_a_column_that_does_not_exist_is_found(subject: Subject, change: Callable[[str], str]) -> None:
    """The check can fail: a misspelt column, if only in its case, is named with its line."""
    name = "ReportId" if "ReportId" in subject.query.text else "TimeGenerated"
    wrong = change(name)
    text = subject.query.text.replace(name, wrong)
    found = verdict_of(subject, dataclasses.replace(subject.query, text=text))
    assert found.outcome is Outcome.DISAGREE
    line = text[: text.index(wrong)].count("\n") + 1
    assert f"line {line}: Error KS142" in found.detail
    assert f"({wrong!r})" in found.detail


def test_a_query_of_log_analytics_is_refused_for_defender() -> None:
    """The columns are those of the platform: Defender has no TimeGenerated."""
    subject = next(s for s in KQL if s.target.name == "sentinel" and "Device" in s.query.text)
    found = binder_check.verdict(subject.query, subject.target, schema_of(find_target("defender")).types)
    if found.outcome is not Outcome.NOT_RUN:
        assert found.outcome is Outcome.DISAGREE
        assert "TimeGenerated" in found.detail


def test_a_verdict_says_who_judged() -> None:
    """Name and provenance stand in every report."""
    found = verdict_of(KQL[0])
    assert (found.check, found.provenance) == ("kusto-binder", "Microsoft's Kusto language service")
    assert (found.source, found.target) == (KQL[0].query.source, KQL[0].query.target)


def test_without_the_package_the_verdict_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """NOT_RUN says what to install; it never reads as a pass, and required it fails the build."""
    monkeypatch.setenv(VARIABLE, "no/such/folder")
    monkeypatch.setattr(binder_check, "binder", KustoBinder)
    monkeypatch.delenv(REQUIRED, raising=False)
    subject = KQL[0]
    found = binder_check.verdict(subject.query, subject.target, schema_of(subject.target).types)
    assert found.outcome is Outcome.NOT_RUN
    assert "npm install" in found.detail
    with pytest.raises(pytest.skip.Exception):
        verdict_of(subject)
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception):
        verdict_of(subject)


def test_a_binder_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the binder cannot analyse is not passed in silence."""

    class Broken(KustoBinder):
        def diagnose(self, text: str, types: object) -> list[object]:  # type: ignore[override]
            raise QueryError("it broke")

    monkeypatch.setattr(binder_check, "binder", Broken)
    subject = KQL[0]
    found = binder_check.verdict(subject.query, subject.target, schema_of(subject.target).types)
    assert (found.outcome, found.detail) == (Outcome.ERROR, "it broke")
