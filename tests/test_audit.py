"""`parity audit`: what is true of queries that others wrote, the stock converters' and one's own."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

pytest.importorskip("sigma.backends.kusto")
pytest.importorskip("sigma.backends.splunk")
pytest.importorskip("sigma.backends.elasticsearch")

from converter.audit.audit import Finding, audit, audit_query
from converter.audit.stock import STOCK, require, stock_query
from converter.cli.main import main
from converter.convert.convert import Converter
from converter.core.discovery import find_target, schema_of, targets
from converter.core.errors import Unsupported
from converter.core.model import Rule
from converter.core.verdict import Outcome
from converter.rules.evaluator import compile_rule
from tests.project import ROOT, sample

RULE = "sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"


def parity(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["--root", str(ROOT), *arguments], input=stdin)


def rule(detection: dict[str, Any], category: str = "process_creation") -> Rule:
    raw = {
        "title": "x",
        "id": "00000000-0000-4000-8000-000000000000",
        "status": "test",
        "logsource": {"product": "windows", "category": category},
        "detection": detection,
    }
    return Rule("x.yml", raw, "")


def test_our_own_queries_agree() -> None:
    """An audit decides as `prove` does."""
    for path, written in ((rule.path, rule) for rule in sample()):
        for name in (
            name for name in STOCK if any(written.covers(t.logsource) for t in schema_of(targets()[name]).tables)
        ):
            found = audit_query(written, targets()[name], Converter().query(written, targets()[name]).text)
            assert found.finding is Finding.AGREE, (path, name, found.reason)


def test_an_event_of_the_rules_own_log_source_is_shown_first() -> None:
    """A filter that the query has lost: the event is one that the rule is about, and the evaluator says the same."""
    written = rule(
        {"s": {"Image|endswith": "\\a.exe"}, "f": {"CommandLine|contains": " -ok"}, "condition": "s and not f"}
    )
    wider = rule({"s": {"Image|endswith": "\\a.exe"}, "condition": "s"})
    for name in ("defender", "splunk-sysmon", "elastic-esql"):
        target = targets()[name]
        found = audit_query(written, target, Converter().query(wider, target).text)
        assert found.finding is Finding.DISAGREE
        assert found.witness is not None
        assert found.witness.kind.startswith("process_creation/")
        assert (found.witness.rule, found.witness.query) == (False, True)
        assert not compile_rule(written)(found.witness.event)
        assert compile_rule(wider)(found.witness.event)


def test_it_is_even_where_the_query_finds_events_of_every_kind() -> None:
    """A Splunk search for any event, of a rule about connections: what it does to connections is what is shown."""
    detection = {"s": {"Image|endswith": "\\a.exe"}, "f": {"DestinationPort": 80}, "condition": "s and not f"}
    text = 'source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational" Image="*\\\\a.exe"'
    found = audit_query(rule(detection, "network_connection"), targets()["splunk-sysmon"], text)
    assert found.finding is Finding.DISAGREE, found.reason
    assert found.witness is not None
    assert found.witness.kind.startswith("network_connection/")


def test_records_of_others_are_told_apart() -> None:
    """A query that means its rule on Windows and does not leave out other systems' devices."""
    written = rule({"s": {"Image|endswith": "\\a.exe"}, "condition": "s"})
    found = audit_query(written, targets()["defender"], "DeviceProcessEvents\n| where FolderPath endswith @'\\a.exe'")
    assert found.finding is Finding.ELSEWHERE, found.reason
    assert found.witness is not None
    assert "linux" in found.witness.kind


@pytest.mark.parametrize(
    ("name", "text", "finding", "reason"),
    [
        ("defender", "DeviceProcessEvents | where NoSuchColumn == 'x'", Finding.REJECTED, "NoSuchColumn"),
        ("defender", "DeviceProcessEvents | where (", None, ""),
        ("splunk-sysmon", 'EventCode=1 Image="*x*" | stats count by User', Finding.UNDECIDED, ""),
        ("splunk-sysmon", 'EventCode=1 Image="a" OR Image="b" User="c"', Finding.NOT_READ, "OR"),
        ("elastic-lucene", "process.executable.caseless:a", Finding.UNDECIDED, "multi-field"),
        ("elastic-eql", 'process where process.executable.caseless == "a"', Finding.UNDECIDED, "multi-field"),
        ("elastic-eql", 'process where process.nothing == "a"', Finding.REJECTED, "process.nothing"),
    ],
)
def test_what_cannot_be_decided_is_said(name: str, text: str, finding: Finding | None, reason: str) -> None:
    """None is called an agreement; that the platform rejects a text is said only where that is known, such as by
    Microsoft's language service, if it is installed."""
    found = audit_query(rule({"s": {"Image": "a"}, "condition": "s"}), targets()[name], text)
    assert found.finding in ([finding] if finding else [Finding.NOT_READ, Finding.REJECTED]), found.reason
    assert reason in found.reason


def test_without_a_table_nothing_is_said() -> None:
    """A log source that we know nothing of is not audited."""
    found = audit_query(rule({"s": {"x": "a"}, "condition": "s"}, "no_such_thing"), targets()["defender"], "T | take 1")
    assert found.finding is Finding.NO_DATA


def test_the_stock_query_is_the_backends_own() -> None:
    """As sigma-cli gives it, and the rule is left as it was."""
    written = rule({"s": {"Image|endswith": "\\a.exe"}, "condition": "s"})
    before = json.dumps(written.raw)
    texts = {name: stock_query(written, name) for name in STOCK}
    assert json.dumps(written.raw) == before
    assert texts["defender"].startswith("DeviceProcessEvents\n| where ")
    assert texts["elastic-esql"].startswith("from ")
    assert json.loads(texts["elastic-dsl"])["query"]
    with pytest.raises(Unsupported):
        stock_query(rule({"s": {"NoSuchField": "a"}, "condition": "s"}), "defender")


def test_in_parallel_and_in_turn_it_is_the_same() -> None:
    """In the order of the rules, then the targets."""
    rules = [rule({"s": {"Image|endswith": f"\\{n}.exe"}, "condition": "s"}) for n in range(9)]
    chosen = [find_target("defender"), find_target("splunk-sysmon")]
    assert list(audit(rules, chosen, workers=2)) == list(audit(rules, chosen, workers=1))


def test_the_command_in_three_forms() -> None:
    """Figures first; every query that is wrong has its event; exit code 1 because some are."""
    done = parity("audit", RULE, "-t", "defender", "-t", "splunk-sysmon")
    assert done.exit_code == 1
    assert done.stdout.startswith("2 queries: ")
    assert "sigma convert -t kusto -p microsoft_xdr" in done.stdout
    every = parity("audit", "sigma").stdout.splitlines()
    assert all(len(line) <= 80 for line in every[:10]), every[:10]
    body = json.loads(parity("audit", RULE, "-t", "defender", "--format", "json").stdout)
    (row,) = body["queries"]
    assert (body["ok"], row["finding"]) == (False, "ELSEWHERE")
    assert row["query"].startswith("DeviceProcessEvents")
    assert row["witness"]["query"] is True
    assert "pysigma-backend-kusto" in body["versions"]
    page = parity("audit", RULE, "-t", "defender", "--format", "markdown").stdout
    assert "| proc_creation_win_webserver_spawns_shell | ELSEWHERE |" in page


def test_one_query_against_one_rule(tmp_path: Path) -> None:
    """From a file or from stdin; ours agrees, and a change is found with its event."""
    own = parity("show", RULE, "-t", "sentinel").stdout
    file = tmp_path / "q.kql"
    file.write_text(own, "utf-8")
    chosen = ("--rule", RULE, "-t", "sentinel")
    assert parity("audit", "--query", str(file), *chosen).exit_code == 0
    assert "whoami.exe" in own
    changed = parity(
        "audit", "--query", "-", *chosen, "--format", "json", stdin=own.replace("whoami.exe", "whoamx.exe")
    )
    assert changed.exit_code == 1
    (row,) = json.loads(changed.stdout)["queries"]
    assert (row["finding"], row["witness"]["rule"] != row["witness"]["query"]) == ("DISAGREE", True)
    shown = parity("audit", "--query", "-", *chosen, stdin=own.replace("whoami.exe", "whoamx.exe")).stdout
    event = "\n".join(line.strip() for line in shown.splitlines() if re.match(" {6}\\S", line))
    assert yaml.safe_load(event) == row["witness"]["event"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no rules given"),
        (("--query", "x.kql"), "goes with one rule"),
        (("--query", "x.kql", "--rule", RULE), "goes with one rule"),
        (("--query", "x.kql", "--rule", RULE, "-t", "defnder"), "Did you mean 'defender'?"),
        ((RULE, "-t", "splunk-defender"), "no stock conversion is known for splunk-defender"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, with what to do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.kql").write_text("T", "utf-8")
    done = parity("audit", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_without_the_backends_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are an extra; one's own query needs none."""
    from converter.audit import stock

    stock._backend.cache_clear()
    monkeypatch.setitem(sys.modules, "sigma.backends.kusto.kusto", None)
    done = parity("audit", RULE, "-t", "defender")
    stock._backend.cache_clear()
    assert (done.exit_code, done.stdout) == (2, "")
    assert "sigma-parity[stock]" in done.stderr
    monkeypatch.undo()
    require(list(STOCK))
    assert Outcome.AGREE.value == Finding.AGREE.value
