"""Cost models: of each language's operators the answer that its facts give, and what narrows a query."""

from __future__ import annotations

import pytest

from converter.core.discovery import find_target, targets
from converter.dialects.costing import Answer, facts
from converter.dialects.registry import dialects
from converter.explain.cost import cost_of
from tests.project import built

PROCESSES = 'DeviceProcessEvents\n| where ActionType == "ProcessCreated"\n'
SYSMON = 'source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational" EventCode=1 '
ESQL = 'FROM logs-*\n| WHERE event.category : "process"\n'

#: target, query, the answers of its last conjuncts, and whether the query scans
CASES = [
    ("defender", PROCESSES + '| where FileName =~ "cmd.exe"', ["index"], False),
    ("defender", PROCESSES, [], True),
    ("defender", PROCESSES + '| where ProcessCommandLine contains "temp"', ["scan"], True),
    ("defender", PROCESSES + '| where ProcessCommandLine has "temp" and ProcessCommandLine contains "\\\\temp"',
     ["index", "scan"], False),
    ("defender", PROCESSES + '| where ProcessCommandLine has "-a"', ["scan"], True),
    ("defender", PROCESSES + '| where ProcessCommandLine has_any ("whoami", "-a")', ["scan"], True),
    ("defender", PROCESSES + '| where FileName =~ "cmd.exe" or ProcessCommandLine has "whoami"', ["index"], False),
    ("defender", PROCESSES + '| where FileName =~ "cmd.exe" or ProcessCommandLine contains "whoami"', ["scan"], True),
    ("defender", PROCESSES + '| where not(FileName =~ "cmd.exe")', ["scan"], True),
    ("defender", PROCESSES + '| where not(not(FileName =~ "cmd.exe") or ProcessId == 4)', ["index"], False),
    ("defender", PROCESSES + "| where coalesce(ProcessId > 4, false)", ["scan"], True),
    ("defender", PROCESSES + "| where Timestamp > ago(1h)", ["index"], True),
    ("splunk-sysmon", SYSMON + 'Image="C:\\\\cmd.exe"', ["index"], False),
    ("splunk-sysmon", SYSMON + 'Image="C:\\\\Temp\\\\*"', ["index"], False),
    ("splunk-sysmon", SYSMON + 'Image="*\\\\cmd.exe"', ["scan"], True),
    ("splunk-sysmon", SYSMON + 'Image IN ("C:\\\\cmd.exe", "*\\\\a.exe")', ["scan"], True),
    ("splunk-sysmon", SYSMON + '| regex CommandLine="whoami"', ["scan"], True),
    ("splunk-sysmon", SYSMON + "ProcessId>4", ["scan"], True),
    ("elastic-eql", 'process where process.name : "cmd.exe"', ["index"], False),
    ("elastic-eql", 'process where process.name : "*cmd"', ["walk"], False),
    ("elastic-eql", "process where length(process.name) > 4", ["scan"], True),
    ("elastic-eql", 'process where not (process.name : "cmd.exe")', ["index"], True),
    ("elastic-lucene", "event.category:process AND process.name:/[cC]md/", ["index"], False),
    ("elastic-lucene", "event.category:process AND process.name:*", ["index"], True),
    ("elastic-dsl", '{"query": {"bool": {"filter": [{"wildcard": {"process.name": {"value": "*cmd"}}}]}}}',
     ["walk"], False),
    ("elastic-dsl", '{"query": {"bool": {"must_not": [{"term": {"process.name": "cmd"}}]}}}', ["index"], True),
    ("elastic-esql", ESQL + '| WHERE TO_LOWER(process.name) == "cmd.exe"', ["index"], False),
    ("elastic-esql", ESQL + '| WHERE TO_LOWER(process.name) IN ("cmd.exe", "a.exe")', ["scan"], True),
    ("elastic-esql", ESQL + '| WHERE NOT (TO_LOWER(process.name) != "cmd.exe" AND TO_LOWER(process.name) != "a.exe")',
     ["index"], False),
    ("elastic-esql", ESQL + '| WHERE TO_LOWER(process.command_line) LIKE "*whoami*"', ["scan"], True),
    ("elastic-esql", ESQL + '| WHERE process.name RLIKE ".*[cC]md"', ["walk"], False),
    ("elastic-esql", ESQL + '| WHERE NOT COALESCE(process.name == "cmd.exe", false)', ["scan"], True),
]  # fmt: skip


@pytest.mark.parametrize(("target", "text", "answers", "scans"), CASES)
def test_each_operator_has_the_answer_of_its_fact(target: str, text: str, answers: list[str], scans: bool) -> None:
    """An OR is as slow as its slowest part; a NOT narrows nothing, nor does what tells the kind of record."""
    (search,) = (found := cost_of(text, find_target(target))).searches
    assert [one.answer.value for one in search][len(search) - len(answers) :] == answers
    assert found.scans is scans


def test_every_language_has_facts_with_their_sources() -> None:
    """A negation and at least one operator of each answer that it has; each fact says where it is from."""
    assert set(facts()) == set(dialects())
    for known in facts().values():
        assert "negation" in known
        assert {Answer.INDEX, Answer.SCAN} <= {fact.answer for fact in known.values()}
        assert all(fact.what and fact.source for fact in known.values())


def test_every_shipped_query_is_weighed() -> None:
    """Each has a search for each of its parts, and in each search something that is asked."""
    for query in built().queries:
        found = cost_of(query.text, targets()[query.target])
        assert found.searches
        assert all(found.searches)
