"""`parity diff`: what it says is lost or gained really is, for the reason it gives, and nothing is left out."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from converter.cli.main import main
from converter.cli.render import diff as diff_render
from converter.convert.convert import Converter
from converter.core.discovery import find_target, schema_of
from converter.core.errors import QueryError
from converter.core.model import Rule
from converter.core.taxonomy import samples_of
from converter.dialects.registry import dialect
from converter.engines.kql.duckdb_engine import ENGINE
from converter.explain.describe import describe
from converter.explain.diff import diff
from converter.explain.model import CauseTest, Diff
from converter.explain.outline import Outline, leaves, predicate_of
from converter.explain.sources import Loader, Rules, Source, Text
from converter.explain.views import notes, views
from converter.platforms.domains import event_domain
from converter.platforms.project import kinds_of, project
from converter.prove.plausible import plausible
from converter.rules.evaluator import compile_rule, evaluate
from converter.rules.manifest import load_detection
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import Atom, Numbers, Strings
from converter.semantics.regular.flavours import from_re2
from converter.semantics.regular.language import ANY_STRING, Seq, literal
from tests.project import ROOT, library

SERVER = {"ParentImage|endswith": ["\\w3wp.exe", "\\tomcat.exe"]}
CHILD = {"Image|endswith": ["\\cmd.exe", "\\net.exe", "\\whoami.exe"]}
FILTER = {"CommandLine|contains": ["backup", "/healthcheck"]}
BASE = {"server": SERVER, "child": CHILD, "filter": FILTER, "condition": "server and child and not filter"}


def rule(detection: dict[str, Any], category: str = "process_creation") -> Rule:
    raw = {"title": "t", "id": "0", "logsource": {"category": category, "product": "windows"}, "detection": detection}
    return Rule("sigma/test.yml", raw, "")


def rules(*found: Rule) -> Rules:
    return Rules("test", tuple(("", one, Outline(one)) for one in found))


def compared(old: Rule, new: Rule) -> Diff:
    return diff("old", "new", views(rules(old), rules(new), None))


#: change -> new detection, causes lost, causes gained, and what the first cause must name
CHANGES: dict[str, tuple[dict[str, Any], int, int, str]] = {
    "a value dropped": (BASE | {"server": {"ParentImage|endswith": ["\\w3wp.exe"]}}, 1, 0, "\\tomcat.exe"),
    "two values dropped": (BASE | {"child": {"Image|endswith": ["\\cmd.exe"]}}, 2, 0, "in `child` is gone"),
    "a value added": (
        BASE | {"child": {"Image|endswith": [*CHILD["Image|endswith"], "\\ping.exe"]}},
        0, 1, "'\\ping.exe'` in `child`",
    ),
    "values in two lists dropped": (
        BASE
        | {"server": {"ParentImage|endswith": "\\w3wp.exe"}, "child": {"Image|endswith": ["\\cmd.exe", "\\net.exe"]}},
        2, 0, "is gone",
    ),
    "a filter dropped": (BASE | {"condition": "server and child"}, 0, 1, "selection `filter`"),
    "a filter's value dropped": (BASE | {"filter": {"CommandLine|contains": "backup"}}, 0, 1, "/healthcheck"),
    "a filter added": (
        BASE | {"other": {"User|startswith": "CORP\\"}, "condition": "server and child and not (filter or other)"},
        1, 0, "selection `other`",
    ),
    "a selection added": (
        BASE | {"other": {"User": "CORP\\alice"}, "condition": "server and child and other and not filter"},
        1, 0, "`other` is now required",
    ),
    "an anchor widened": (
        BASE | {"server": {"ParentImage|contains": ["\\w3wp.exe", "\\tomcat.exe"]}}, 0, 2, "contains",
    ),
    "the case made to matter": (
        BASE | {"child": {"Image|endswith|cased": CHILD["Image|endswith"]}}, 3, 0, "is now required",
    ),
    "and made or": (BASE | {"condition": "(server or child) and not filter"}, 0, 2, "the condition now fires on"),
    "a list made to hold at once": (
        BASE | {"filter": {"CommandLine|contains|all": ["backup", "/healthcheck"]}}, 0, 1, "not `filter` as it is now",
    ),
    "all of it replaced": ({"other": {"User": "CORP\\eve"}, "condition": "other"}, 1, 3, "is gone"),
    "another field": (BASE | {"child": {"OriginalFileName": "Cmd.Exe"}}, 3, 1, "Image|endswith"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_has_its_causes_and_each_event_separates(name: str) -> None:
    """As many causes as changes that matter; the evaluator confirms each event; reversed, lost and gained swap."""
    new, lost, gained, said = CHANGES[name]
    before, after = rule(BASE), rule(new)
    found = compared(before, after)
    assert found.complete
    assert not found.undecided
    assert (len(found.lost), len(found.gained)) == (lost, gained), [c.text for c in (*found.lost, *found.gained)]
    assert said in (*found.lost, *found.gained)[0].text
    for cause in found.lost:
        assert evaluate(before, cause.event), cause
        assert not evaluate(after, cause.event), cause
    for cause in found.gained:
        assert not evaluate(before, cause.event), cause
        assert evaluate(after, cause.event), cause
    back = compared(after, before)
    assert bool(back.lost) == bool(found.gained)
    assert bool(back.gained) == bool(found.lost)


@pytest.mark.parametrize("name", CHANGES)
def test_no_separating_event_lies_outside_the_causes(name: str) -> None:
    """Of many events, each on which the two differ is one on which the tests of a cause answer as the cause says."""
    before, after = rule(BASE), rule(CHANGES[name][0])
    found = compared(before, after)
    tests = {leaf.text: leaf for one in (before, after) for leaf in leaves(Outline(one).tree)}
    selections = {
        (side, name): predicate_of(named)
        for side, one in (("old", before), ("new", after))
        for name, named in Outline(one).selections.items()
    }

    def answer(test: CauseTest, event: dict[str, Any]) -> bool:
        predicate = tests[test.text].predicate if test.text in tests else selections[test.side, test.text]
        return holds(predicate, event)

    judges = compile_rule(before), compile_rule(after)
    for event in _events():
        answers = judges[0](event), judges[1](event)
        causes = found.lost if answers == (True, False) else found.gained if answers == (False, True) else None
        if causes is not None:
            assert any(all(answer(test, event) == test.holds for test in cause.tests) for cause in causes), event


def _events() -> list[dict[str, Any]]:
    values = {
        "ParentImage": [None, "C:\\inetsrv\\w3wp.exe", "C:\\t\\TOMCAT.EXE", "C:\\t\\tomcat.exe.bak", "C:\\t\\a.exe"],
        "Image": [None, "C:\\w\\cmd.exe", "C:\\w\\NET.exe", "C:\\w\\whoami.exe", "C:\\w\\ping.exe"],
        "CommandLine": [None, "x", "backup", "a /healthcheck", "backup /healthcheck"],
        "User": [None, "CORP\\alice", "CORP\\eve", "X\\y"],
        "OriginalFileName": [None, "cmd.exe"],
    }
    return [
        {name: value for name, value in zip(values, chosen, strict=True) if value is not None}
        for chosen in itertools.product(*values.values())
    ]


@pytest.mark.parametrize("path", sorted(library().rules))
def test_a_rule_does_not_differ_from_itself(path: str) -> None:
    """diff(R, R) is empty, as Sigma events and on the records of a platform."""
    one = library().rules[path]
    assert compared(one, one).same
    target = find_target("splunk-defender")
    assert diff("a", "b", views(rules(one), rules(one), target)).same


def test_two_shortened_lists_are_told_value_by_value() -> None:
    """Of n parents and m children that are gone there are n + m causes, not n times m, in a rule as in a query."""
    names = {"ParentImage": ["w3wp", "httpd", "nginx", "caddy"], "Image": ["cmd", "net", "curl", "tar", "ping"]}

    def of_first(count: int) -> Rule:
        lists = {f: {f"{f}|endswith": [f"\\{name}.exe" for name in some[:count]]} for f, some in names.items()}
        return rule({**lists, "condition": "all of *"})

    many, few = of_first(5), of_first(1)
    for found in (compared(many, few), apart(rules(many), query(Converter().query(few, DEFENDER).text))):
        assert len(found.lost) == 3 + 4
        assert not found.gained
        assert all(len(cause.tests) == 1 for cause in found.lost)


def test_the_same_in_other_words_is_the_same() -> None:
    """Order, spelling and grouping of values make no difference."""
    other = {
        "a": {"ParentImage|endswith": "\\TOMCAT.exe"},
        "b": {"ParentImage|endswith": "\\w3wp.exe"},
        "child": [{"Image|endswith": value} for value in reversed(CHILD["Image|endswith"])],
        "filter": {"CommandLine|re|i": "backup|/healthcheck"},
        "condition": "child and 1 of a* and not filter or (child and b and not filter)",
    }
    assert compared(rule(BASE), rule(other)).same


def test_ranges_lose_what_is_cut_off() -> None:
    """A shrunk network and a dropped port of a filter each let events through, and the example lies in the cut."""
    base = {
        "s": {"Image|endswith": "\\php.exe"},
        "f_net": {"DestinationIp|cidr": ["10.0.0.0/8", "fc00::/7"]},
        "f_port": {"DestinationPort": [80, 443]},
        "condition": "s and not 1 of f_*",
    }
    less = base | {"f_net": {"DestinationIp|cidr": ["10.0.0.0/9", "fc00::/7"]}, "f_port": {"DestinationPort": 80}}
    before, after = rule(base, "network_connection"), rule(less, "network_connection")
    found = compared(before, after)
    assert len(found.gained) == 2
    assert not found.lost
    for cause in found.gained:
        assert not evaluate(before, cause.event)
        assert evaluate(after, cause.event)
    assert {cause.event.get("DestinationPort") for cause in found.gained} == {None, 443}


def test_more_causes_than_are_shown_are_told() -> None:
    """The number of causes is limited, and then the list does not call itself complete."""
    many = BASE | {"child": {"Image|endswith": [f"\\tool{number}.exe" for number in range(10)]}}
    few = BASE | {"child": {"Image|endswith": "\\tool0.exe"}}
    found = diff("old", "new", views(rules(rule(many)), rules(rule(few)), None), limit=5)
    assert len(found.lost) == 5
    assert not found.complete
    assert "there are more causes than are shown" in diff_render.text(found)


# -- queries


DEFENDER = find_target("defender")
RULE = rule(BASE)
SHIPPED = Converter().query(RULE, DEFENDER).text
MUTANTS = {
    "a value dropped": (', "tomcat.exe"', ""),
    "the case made to matter": ("FileName in~", "FileName in"),
    "an anchor widened": ("FileName in~ (", "FileName has_any ("),
    "a filter's value dropped": ('ProcessCommandLine contains "backup" or ', ""),
}


def query(text: str, target: str = "defender") -> Text:
    place = find_target(target)
    schema = schema_of(place)
    return Text("query", dialect(place.dialect).read(text, schema), schema)


def apart(old: Source, new: Source, target: str = "defender") -> Diff:
    return diff("old", "new", views(old, new, find_target(target)))


def _fires(text: str, event: dict[str, Any] | Any) -> set[bool]:
    """Whether the engine returns the records of an event, for each kind of record it may become."""
    schema = schema_of(DEFENDER)
    kinds = kinds_of(schema, event, RULE.logsource)
    records = [project(schema, kind, event, 1, "2026-11-24T18:00:00.000Z") for kind in kinds]
    return {bool(ENGINE.run(text, [record], schema)) for record in records}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_query_against_a_rule_is_confirmed_by_an_engine(name: str) -> None:
    """The query as shipped equals its rule; changed, each event is answered as the diff says by rule and engine."""
    old, new = MUTANTS[name]
    changed = SHIPPED.replace(old, new, 1)
    assert changed != SHIPPED
    assert apart(query(SHIPPED), rules(RULE)).same
    found = apart(query(changed), rules(RULE))
    assert not found.same
    for cause in found.lost:
        assert not evaluate(RULE, cause.event)
        assert _fires(changed, cause.event) == {True}
    for cause in found.gained:
        assert evaluate(RULE, cause.event)
        assert _fires(changed, cause.event) == {False}


_CREATED = 'DeviceProcessEvents | where ActionType == "ProcessCreated" | where FileName =~ "reg.exe"'
_STARTED = 'process where event.type == "start" and process.name : "reg.exe"'
_SYSMON = "source=XmlWinEventLog:Microsoft-Windows-Sysmon/Operational EventCode=1"
#: what differs -> the target, two queries, and the native column that a cause must name
NATIVE: dict[str, tuple[str, str, str, str]] = {
    "the value of a column that no field fills": (
        "defender", 'DeviceFileEvents | where SHA256 == "aa11"', 'DeviceFileEvents | where SHA256 == "aa12"', "SHA256",
    ),
    "one more alternative": (
        "defender", _CREATED, f'{_CREATED} or InitiatingProcessAccountSid == "S-1-5-18"', "InitiatingProcessAccountSid",
    ),
    "one more condition": (
        "defender", _CREATED, f'{_CREATED} and ProcessIntegrityLevel !~ "Low"', "ProcessIntegrityLevel",
    ),
    "a condition on a column of numbers": (
        "sentinel", _CREATED, f"{_CREATED} and InitiatingProcessFileSize > 4096", "InitiatingProcessFileSize",
    ),
    "the name of a grandparent": (
        "sentinel", _CREATED, f'{_CREATED} and InitiatingProcessParentFileName !~ "services.exe"',
        "InitiatingProcessParentFileName",
    ),
    "a code that the kinds fix": (
        "elastic-eql", _STARTED, f'{_STARTED} or (event.category == "process" and event.code == "1")', "event.code",
    ),
    "an optional field that the platform has": (
        "elastic-eql", _STARTED, f'{_STARTED} and ?host.os.type == "windows"', "host.os.type",
    ),
    "a list of arguments": (
        "elastic-eql", f'{_STARTED} and process.args : "add"', f'{_STARTED} and process.args : "query"', "process.args",
    ),
    "another index's text": (
        "elastic-lucene", 'process.name:"reg.exe"', 'process.name:"reg.exe" AND file.extension:"dll"', "file.extension",
    ),
    "a column of Splunk": (
        "splunk-sysmon", f"search {_SYSMON} Image=*reg.exe", f"search {_SYSMON} Image=*reg.exe host=web01", "host",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NATIVE)
def test_a_column_that_no_field_fills_makes_a_difference(name: str) -> None:
    """Whatever a query asks of a column of its platform counts, and a cause names the column as the platform does."""
    target, old, new, column = NATIVE[name]
    assert apart(query(old, target), query(old, target), target).same
    found = apart(query(old, target), query(new, target), target)
    causes = (*found.lost, *found.gained)
    assert causes
    assert not found.undecided
    assert all(column in cause.text for cause in causes), [cause.text for cause in causes]
    assert all(name == f"column {column}" or column not in name for cause in causes for name in cause.event)


@pytest.mark.parametrize("name", ["one more alternative", "a list of arguments"])
def test_an_example_says_that_a_value_is_a_column_of_its_own(name: str) -> None:
    """The value of a column that no Sigma field fills stands in the event as `column X`."""
    target, old, new, column = NATIVE[name]
    found = apart(query(old, target), query(new, target), target)
    assert all(f"column {column}" in cause.event for cause in (*found.lost, *found.gained))


def test_a_condition_added_to_a_shipped_query_is_told() -> None:
    """A query with a condition that its rule does not have loses events, whatever column the condition is about."""
    for line in ('InitiatingProcessParentFileName !~ "services.exe"', 'ProcessTokenElevation != "None"'):
        found = apart(rules(RULE), query(SHIPPED.replace("| project", f"| where {line}\n| project")))
        assert found.lost
        assert not found.gained
        for cause in found.lost:
            assert line.split()[0] in cause.text


#: dialect -> a query of it with a misspelt column, and the column meant
MISSPELT = {
    "defender": ('DeviceProcessEvents | where ProcessComandLine has "x"', "ProcessCommandLine"),
    "splunk-sysmon": (f"search {_SYSMON} CommandLin=x", "CommandLine"),
    "splunk-defender": ("search properties.ProcessComandLine=x", "properties.ProcessCommandLine"),
    "elastic-eql": ('process where process.nam : "x"', "process.name"),
    "elastic-esql": ('FROM logs-* | WHERE process.nam == "x"', "process.name"),
    "elastic-dsl": ('{"query": {"term": {"process.nam": {"value": "x"}}}}', "process.name"),
    "elastic-lucene": ('process.nam:"x"', "process.name"),
}


@pytest.mark.parametrize("target", MISSPELT)
def test_a_column_that_the_platform_does_not_have_is_refused_with_the_nearest(target: str) -> None:
    """An unknown column is an error of the query, never a condition that holds of nothing."""
    text, meant = MISSPELT[target]
    with pytest.raises(QueryError) as error:
        apart(query(text, target), query(text, target), target)
    assert meant in error.value.hint


def test_records_of_other_log_sources_are_compared_too() -> None:
    """A query that does not keep to its rule's log source fires on records that the rule is not about: each is told."""
    found = apart(query(SHIPPED.replace('| where ActionType == "ProcessCreated"\n', "")), rules(RULE))
    assert {kind for cause in found.lost for kind in cause.kinds} >= {
        "process_access/opened",
        "process_creation_aggregated/created",
    }
    assert "the new side has nothing for windows process_access records" in [cause.text for cause in found.lost]
    linux = SHIPPED.replace('| where not(FolderPath startswith_cs "/")\n', "")
    assert linux != SHIPPED
    assert {"process_creation/linux/created"} <= {k for c in apart(query(linux), rules(RULE)).lost for k in c.kinds}


def test_rules_of_different_log_sources_are_apart_wherever_only_one_looks() -> None:
    """Without a platform, too, the log source counts: a rule for any product fires where one for Windows does not."""
    anywhere = Rule("sigma/any.yml", {**RULE.raw, "logsource": {"category": "process_creation"}}, "")
    found = compared(RULE, anywhere)
    assert [cause.text for cause in found.gained] == ["the old side had nothing for process_creation records"]
    assert not found.lost
    assert compared(RULE, rule(BASE, "process_access")).lost


def test_what_a_platform_no_longer_tells_apart_is_the_same_there_and_its_loss_is_named() -> None:
    """Two rules that differ in case alone are apart as events, the same where case is lost, and the loss is a note."""
    cased = rule({"a": {"ParentImage|endswith|cased": "\\W3WP.exe"}, "condition": "a"})
    plain = rule({"a": {"ParentImage|endswith": "\\w3wp.exe"}, "condition": "a"})
    assert not compared(cased, plain).same
    assert apart(rules(cased), rules(plain)).same
    told = [note for note in notes(rules(cased), rules(plain), DEFENDER) if "defender-actor-case" in note]
    assert len(told) == 1
    assert "ParentImage" in told[0]
    assert not [note for note in notes(rules(plain), rules(plain), DEFENDER) if "defender-actor-case" in note]


def test_a_rule_that_the_target_refuses_is_told() -> None:
    """A field that no record of the target has: the comparison says that the rule has no query there."""
    nowhere = rule({"a": {"CurrentDirectory": "x"}, "condition": "a"})
    assert any("cannot be converted for defender" in note for note in notes(rules(nowhere), rules(RULE), DEFENDER))
    assert not any("cannot be converted" in note for note in notes(rules(RULE), rules(RULE), DEFENDER))


def test_different_time_windows_are_told() -> None:
    """That one side looks back less far is no event's property, but must be known; equal windows need no word."""
    week, day = (query(f"DeviceProcessEvents | where Timestamp > ago({span})") for span in ("7d", "1d"))
    assert any("10080 minutes, against 1440 minutes" in note for note in notes(week, day, DEFENDER))
    assert not any("look" in note for note in notes(week, week, DEFENDER))
    assert any("against any time" in note for note in notes(week, rules(RULE), DEFENDER))


#: deviation of the manifest -> records and words of the causes that belong to it
ORIGINAL_CAUSES: dict[str, list[tuple[str, str]]] = {
    "child_name_contains_term": [("process_creation/created", "`FileName has 'nslookup.exe' as a term` is gone")],
    "server_name_contains_term": [
        ("process_creation/created", "`InitiatingProcessFileName has 'wsgi.py' as a term` is gone")
    ],
    "process_opened": [("process_access/", "the new side has nothing for windows process_access records")],
    "process_aggregated": [
        (
            "process_creation_aggregated/",
            "the new side has nothing for windows process_creation_aggregated records",
        )
    ],
    "process_of_another_system": [
        (f"process_creation/{system}/", f"the new side has nothing for {system} process_creation records")
        for system in ("linux", "macos")
    ],
    "file_of_another_system": [
        (f"{category}/{system}/", f"the new side has nothing for {system} {category} records")
        for system in ("linux", "macos")
        for category in ("file_event", "file_modification")
    ],
    "connection_of_another_system": [
        (f"network_connection/{system}/", f"the new side has nothing for {system} network_connection records")
        for system in ("linux", "macos")
    ],
    "accepted_connection": [
        (
            "network_connection/accepted",
            "`Initiated: 'true'` in `selection` (always 'false' in these records) is now required",
        )
    ],
    "other_letter_follows_extension": [("file_", "selection `selection_extension`")],
    "address_missing": [("network_connection/initiated", "`RemoteIPType is missing` no longer excludes them")],
    "teredo_address": [("network_connection/initiated", "`RemoteIPType is 'Teredo'` no longer excludes them")],
    "mapped_address": [("network_connection/initiated", "`RemoteIPType is 'FourToSixMapping'` no longer excludes")],
    "remote_ip_type_null": [
        ("network_connection/initiated/success_untyped", "(never filled in these records) is no longer required")
    ],
}


def test_the_original_differs_from_the_detection_in_few_ways() -> None:
    """Each cause belongs to a deviation of the manifest, in words that tell them apart, and each deviation has one."""
    loader = Loader(ROOT, library, DEFENDER)
    old, new = (loader.load(name) for name in (str(ROOT / "tests" / "reference" / "web_shell.kql"), "web_shell"))
    found = diff("original", "web_shell", views(old, new, DEFENDER))
    assert found.complete
    assert not found.undecided
    causes = (*found.lost, *found.gained)
    expected = [one for several in ORIGINAL_CAUSES.values() for one in several]
    for records, words in expected:
        (named,) = [cause for cause in causes if words in cause.text]
        assert all(kind.startswith(records) for kind in named.kinds), words
    assert len(causes) == len(expected)
    detection = load_detection(ROOT / "sigma" / "detections" / "web_shell.yaml", ROOT, library().rules)
    assert {deviation.name for deviation in detection.deviations} == ORIGINAL_CAUSES.keys()
    assert not any("look" in note for note in notes(old, new, DEFENDER))


# -- the command


def _write(path: Path, detection: dict[str, Any]) -> Path:
    raw = {**rule(detection).raw, "id": "5f0b6a46-37ac-4a35-8d59-0c6d2a7c1a11"}
    path.write_text(yaml.safe_dump(raw, sort_keys=False), "utf-8")
    return path


def _run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["--root", str(ROOT), "diff", *arguments])
    return done.exit_code, done.output


def test_the_exit_code_tells(tmp_path: Path) -> None:
    """0 for the same, 1 for a difference, 2 for wrong usage."""
    old, new = _write(tmp_path / "old.yml", BASE), _write(tmp_path / "new.yml", CHANGES["a value dropped"][0])
    assert _run(str(old), str(old))[0] == 0
    assert _run(str(old), str(new))[0] == 1
    text = tmp_path / "q.kql"
    text.write_text(SHIPPED, "utf-8")
    base = _write(tmp_path / "base.yml", BASE)
    assert _run(str(text), str(base), "--target", "defender")[0] == 0
    for wrong in (
        (str(old),),
        (str(old), "no-such-rule"),
        (str(text), str(base)),
        (str(tmp_path / "no.kql"), str(old)),
    ):
        assert _run(*wrong)[0] == 2, wrong
    assert _run(str(text), str(base), "--target", "splunk-sysmon")[0] == 2


def test_each_format_has_every_cause(tmp_path: Path) -> None:
    """Text, JSON and Markdown name the lost value, its line and the example event."""
    old, new = _write(tmp_path / "old.yml", BASE), _write(tmp_path / "new.yml", CHANGES["a value dropped"][0])
    line = 1 + old.read_text("utf-8").splitlines().index("    - \\tomcat.exe")
    _, text = _run(str(old), str(new))
    assert "lost 1: `ParentImage|endswith: '\\tomcat.exe'` in `server` is gone" in text
    assert f"line {line} of the old side" in text
    _, markdown = _run(str(old), str(new), "--format", "markdown")
    assert "#### Lost" in markdown
    assert "#### Gained" not in markdown
    block = markdown.split("```yaml\n")[1].split("```")[0]
    shown = yaml.safe_load("\n".join(part.removeprefix("   ") for part in block.splitlines()))
    assert evaluate(rule(BASE), shown)
    _, out = _run(str(old), str(new), "--format", "json")
    body = json.loads(out)
    assert body["same"] is False
    assert body["lost"][0]["event"] == shown
    assert body["lost"][0]["tests"][0]["line"] == line


def test_a_revision_is_compared_with_the_file_as_it_is(tmp_path: Path) -> None:
    """`--rev REV` takes the old side from git; an unknown revision is wrong usage."""
    path = _write(tmp_path / "rule.yml", BASE)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "rule.yml"], [*identity, "commit", "-q", "-m", "a rule", "--no-verify"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert _run(str(path), "--rev", "HEAD")[0] == 0
    _write(path, CHANGES["a value added"][0])
    code, text = _run(str(path), "--rev", "HEAD")
    assert code == 1
    assert "'\\ping.exe'` in `child` is new" in text
    assert _run(str(path), "--rev", "no-such-revision")[0] == 2


def test_an_example_is_made_plausible_only_where_it_still_shows_the_difference() -> None:
    """Usual folders and IPv4 spellings are taken if they are confirmed, one field at a time; text stays as it is."""
    event = {
        "Image": "\\x\\cmd.exe",
        "ParentImage": "\\y\\a.exe",
        "DestinationIp": "::ffff:a00:1",
        "CommandLine": "\\x",
    }
    windows = event_domain(event, "windows")
    folder = samples_of("Image")[0].rpartition("\\")[0]
    better = {"Image": f"{folder}\\cmd.exe", "ParentImage": "C:\\y\\a.exe", "DestinationIp": "10.0.0.1"}
    assert plausible(event, windows, lambda _: True) == event | better
    assert plausible(event, windows, lambda _: False) == event
    kept = plausible(event, windows, lambda trial: trial["Image"].startswith("\\x"))
    assert kept == event | {**better, "Image": event["Image"]}


def test_an_example_of_another_system_has_its_paths() -> None:
    """Paths look as they do on the product of the log source."""
    event = {"Image": "/x/reg.exe"}
    (path,) = plausible(event, event_domain(event, "linux"), lambda _: True).values()
    assert path.startswith("/usr/")
    assert path.endswith("/reg.exe")


def test_tests_are_described_in_words() -> None:
    """Anchors, terms, patterns and numbers are named as people name them."""

    def said(*parts: Any) -> str:
        return describe(Atom("F", Strings(Seq(parts))))

    word = literal("Cmd.exe", True)
    assert said(word) == "F is 'cmd.exe'"
    assert said(ANY_STRING, word) == "F ends with 'cmd.exe'"
    assert said(word, ANY_STRING) == "F starts with 'cmd.exe'"
    assert said(ANY_STRING, word, ANY_STRING) == "F contains 'cmd.exe'"
    assert said(ANY_STRING) == "F is present"
    assert said(literal("Cmd", False)) == "F is 'Cmd' (in this case)"
    assert describe(Atom("F", Strings(from_re2("^a[0-9]+$")))).startswith("F matches /")
    assert describe(Atom("F", Numbers(((1, 5), (9, None))))) == "F is between 1 and 5 or at least 9"


def test_what_a_sites_exclusions_cost(tmp_path: Path) -> None:
    """`--site` compares a rule with itself narrowed by parity.toml: the excluded events are lost, and nothing else."""
    for folder in ("sigma", "pipelines"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    name = "proc_creation_win_webserver_spawns_shell"
    (tmp_path / "filter.yml").write_text(FILTER_DOCUMENT.format(rule=library().rules[SPAWN].id), "utf-8")
    (tmp_path / "parity.toml").write_text("exclusions = ['filter.yml']\n", "utf-8")
    done = CliRunner().invoke(main, ["--root", str(tmp_path), "diff", name, "--site", "--format", "json"])
    assert done.exit_code == 1, done.output
    found = json.loads(done.stdout)
    assert found["lost"]
    assert not found["gained"]
    assert "healthcheck" in json.dumps(found["lost"])
    both = CliRunner().invoke(main, ["--root", str(tmp_path), "diff", name, name, "--site"])
    assert both.exit_code == 2


SPAWN = "sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"
FILTER_DOCUMENT = """\
title: Health checks of our own
logsource: {{category: process_creation, product: windows}}
filter:
    rules: [{rule}]
    selection:
        CommandLine|contains: healthcheck
    condition: not selection
"""
