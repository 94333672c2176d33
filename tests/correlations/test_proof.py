"""The proof of a correlation notices what is wrong with its base queries and with what relates them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converter.build.gate import Gate
from converter.core.discovery import targets
from converter.core.verdict import Outcome
from converter.prove.correlation import prove_correlation
from tests.correlations.support import ANY, COUNT, ORDER, PAIR, USER, VALUES, found

TARGETS = [target for target in targets().values() if target.dialect in ("kql", "spl", "esql", "eql")]
SECTIONS = {"count": COUNT, "values": VALUES, "any": ANY, "order": ORDER, "pair": PAIR, "user": USER}
#: changes to a query's text: what is replaced, by what, in the dialects where it says something else then
#: columns of Defender's tables, which the changes below name and those of Windows events do not have
_COLUMNS = "Device|Account|ProcessCommandLine|ReportId"
CHANGES = {
    "kql": [
        (r"Count >= (\d)", r"Count > \1"),
        (r"Count >= \d", "Count >= 9"),
        (r"Key1_User = AccountDomain", "Key1_User = AccountName"),
        (r", Key2_User = AccountName", ""),
        (r"\b5m\)|\b10m\)|\b1h\b", "7m)"),
        (r"kind=inner", "kind=leftouter"),
        (r"join kind=inner", "join"),
        (r"Key1_Computer = DeviceName", "Key1_Computer = DeviceId"),
        (r"Key1_Computer = DeviceName", "Key1_Computer = tolower(DeviceName)"),
        (r"\| distinct .*\n", ""),
        (r"Value = ProcessCommandLine", "Value = FileName"),
        (r"Timestamp > Time1", "Timestamp >= Time1"),
        (r"> Time1", "> Time0"),
        (r"max\(Start\)", "min(Start)"),
        (r"let Rule1 =", "let Rule9 ="),
        (r'"recon"', '"racon"'),
        (r"whoami\.exe", "whoami2.exe"),
        (r"cmd\.exe", "cmd2.exe"),
        (r"EarlierReportId = ReportId", "EarlierReportId = DeviceId"),
        (r"\| where not\(isempty\(DeviceName\)\)\n", "\n"),
    ],
    "spl": [
        (r"Count>=(\d)", r"Count>\1"),
        (r"window=3", "window=4"),
        (r"<=(300|600|3600)", "<=301"),
        (r"time_window=300s", "time_window=301s"),
        (r"global=f ", ""),
        (r"BY (Computer|\"properties.DeviceName\")", "BY host"),
        (r"Key1=(Computer|'properties.DeviceName')", "Key1=host"),
        (r"dc\((CommandLine|\"properties.ProcessCommandLine\")\)", "dc(Image)"),
        (r"sort 0 _time, -Stage", "sort 0 _time"),
        (r"sort 0 ", "sort "),
        (r"sort 0 _time", "sort 0 -_time"),
        (r"Stage=2\b", "Stage=3"),
        (r"max\(Begun1\)", "min(Begun1)"),
        (r"max\(Time1\)", "min(Time1)"),
        (r"streamstats max\(", "streamstats current=f max("),
        (r'Rule="recon"', 'Rule="racon"'),
        (r"whoami\.exe", "whoami2.exe"),
        (r"cmd\.exe", "cmd2.exe"),
        (r"\| where ([^\n]*)\n\| table", "| table"),
    ],
    "esql": [
        (r"Count >= (\d)", r"Count > \1"),
        (r"Count >= \d", "Count >= 9"),
        (r"DATE_TRUNC\((5|10) minutes", "DATE_TRUNC(6 minutes"),
        (r"DATE_TRUNC\(10 minutes", "DATE_TRUNC(1 day"),
        (r", host.name\n", ", host.id\n"),
        (r", host.name\n", "\n"),
        (r"user.domain, ", ""),
        (r"process.command_line\n", "process.name\n"),
        (r"COUNT\(Rule_2\)", "COUNT(Rule_1)"),
        (r"Earliest < Latest", "Earliest <= Latest"),
        (r"MIN\(Time_1\)", "MIN(Time_2)"),
        (r"Rule_2 > 0, 1, 0", "Rule_2 > 0, 1, 1"),
        (r"Rule_2 IS NOT NULL", "Rule_2 IS NULL"),
        (r'"recon"\)', '"racon")'),
        (r"whoami\.exe", "whoami2.exe"),
        (r"cmd\.exe", "cmd2.exe"),
    ],
    "eql": [
        (r"maxspan=(5m|1h)", "maxspan=6m"),
        (r" with maxspan=\w+", ""),
        (r"by host.name", "by host.id"),
        (r"by \?user.domain", "by user.domain"),
        (r"\?user.domain, user.name", "user.name"),
        (r"sequence by host.name", "sequence"),
        (r"runs=3", "runs=4"),
        (r" with runs=3", "\n  [ any where true ]"),
        (r"whoami\.exe", "whoami2.exe"),
        (r"cmd\.exe", "cmd2.exe"),
    ],
}


def written(folder: Path, section: dict[str, Any], target: Any) -> Any:
    """The pair of a correlation and a target, with the correlation and its rules."""
    named = found(folder, section)
    gate = Gate(named.parts)
    (one,) = named.correlations.values()
    return gate.pair(one, target), one, dict(one.parts(named.parts))


@pytest.mark.parametrize("kind", SECTIONS)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_written_query_is_proved_or_refused(tmp_path: Path, target: Any, kind: str) -> None:
    """What is written is proved; what a language cannot say is refused before."""
    pair, _, _ = written(tmp_path, SECTIONS[kind], target)
    assert pair.fault is None
    if pair.query is None:
        assert pair.refusal.outcome is Outcome.UNSUPPORTED, pair.refusal
        assert (target.dialect, kind) in {("eql", "values"), ("eql", "any"), ("esql", "order")}
    else:
        assert pair.proof.outcome is Outcome.AGREE


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_changed_query_is_not_proved(tmp_path: Path, target: Any) -> None:
    """Another key, timespan, count, order, window or base condition is found, wherever the change says anything."""
    used = set()
    for section in SECTIONS.values():
        pair, correlation, rules = written(tmp_path, section, target)
        if pair.query is None:
            continue
        for number, (old, new) in enumerate(CHANGES[target.dialect]):
            text = re.sub(old, new, pair.query.text.replace("TimeGenerated", "Timestamp"), count=1)
            text = text.replace("Timestamp", target.options.get("time", "Timestamp"))
            if text == pair.query.text:
                continue
            used.add(number)
            proof = prove_correlation(replace(pair.query, text=text), target, correlation, rules)
            assert proof.outcome is not Outcome.AGREE, (old, new, text)
    columns = _COLUMNS if target.schema == "windows-event" else "(?!)"
    assert used == {number for number, (old, _) in enumerate(CHANGES[target.dialect]) if not re.search(columns, old)}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_query_of_another_correlation_is_not_proved(tmp_path: Path, target: Any) -> None:
    """A query that is right for one correlation is wrong for one of another type, key, timespan, count or order."""
    others = [
        {**COUNT, "condition": {"gte": 4}},
        {**COUNT, "timespan": "6m"},
        {**COUNT, "group-by": ["ParentImage"]},
        {**COUNT, "rules": ["recon"]},
        {**PAIR, "rules": ["recon", "drop"]},
        {**PAIR, "type": "temporal"},
    ]
    for section in (COUNT, PAIR):
        pair, _, _ = written(tmp_path, section, target)
        for other in others:
            named = found(tmp_path, other)
            (one,) = named.correlations.values()
            proof = prove_correlation(pair.query, target, one, dict(one.parts(named.parts)))
            assert proof.outcome is not Outcome.AGREE, other


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_query_of_single_events_is_no_correlation(tmp_path: Path, target: Any) -> None:
    """A rule's own query has none of the shapes that relate events."""
    _, correlation, rules = written(tmp_path, COUNT, target)
    query = Gate({}).query(rules["shell"], target)
    assert prove_correlation(query, target, correlation, rules).outcome is Outcome.OUT_OF_FRAGMENT
