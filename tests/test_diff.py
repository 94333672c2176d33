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

from converter import diff_render
from converter.cli import main
from converter.describe import describe
from converter.diff import diff
from converter.diff_model import CauseTest, Diff
from converter.diff_sources import Loader, Rules, Text, views
from converter.discovery import dialect_module, find_target, schema_of
from converter.engines.kql_duckdb import ENGINE
from converter.evaluator import compile_rule, evaluate
from converter.library import load_detection
from converter.model import Rule
from converter.outline import Outline, leaves, predicate_of
from converter.plausible import plausible
from converter.schemas.project import kinds_of, project
from converter.semantics.domain import ANYTHING
from converter.semantics.evaluate import holds
from converter.semantics.flavours import from_re2
from converter.semantics.language import ANY_STRING, Seq, literal
from converter.semantics.predicate import Atom, Numbers, Strings
from tests.project import ROOT, built, library

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
    many = BASE | {"child": {"Image|endswith": [f"\\tool{number}.exe" for number in range(30)]}}
    found = compared(rule(many), rule(BASE | {"child": {"Image|endswith": "\\tool0.exe"}}))
    assert len(found.lost) == 20
    assert not found.complete
    assert "there are more causes than are shown" in diff_render.text(found)


# -- queries


DEFENDER = find_target("defender")
RULE = library().rules["sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"]
SHIPPED = next(q.text for q in built().queries if q.source == RULE.path and q.target == "defender")
MUTANTS = {
    "a value dropped": ('"tomcat.exe", ', ""),
    "the case made to matter": ("InitiatingProcessFileName in~", "InitiatingProcessFileName in"),
    "an anchor widened": ("FileName in~ (", "FileName has_any ("),
}


def _fires(text: str, event: dict[str, Any] | Any) -> set[bool]:
    """Whether the engine returns the records of an event, for each kind of record it may become."""
    schema = schema_of(DEFENDER)
    kinds = kinds_of(schema, event, RULE.category)
    records = [project(schema, kind, event, 1, "2026-11-24T18:00:00.000Z") for kind in kinds]
    return {bool(ENGINE.run(text, [record], schema)) for record in records}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_query_against_a_rule_is_confirmed_by_an_engine(name: str) -> None:
    """The query as shipped equals its rule; changed, each event is answered as the diff says by rule and engine."""
    old, new = MUTANTS[name]
    changed = SHIPPED.replace(old, new, 1)
    assert changed != SHIPPED
    schema = schema_of(DEFENDER)
    read = dialect_module("kql", "reader").read
    same = views(Text("q", tuple(read(SHIPPED, schema)), schema), rules(RULE), DEFENDER)
    assert diff("q", "r", same).same
    found = diff("q", "r", views(Text("q", tuple(read(changed, schema)), schema), rules(RULE), DEFENDER))
    assert not found.same
    for cause in found.lost:
        assert not evaluate(RULE, cause.event)
        assert _fires(changed, cause.event) == {True}
    for cause in found.gained:
        assert evaluate(RULE, cause.event)
        assert _fires(changed, cause.event) == {False}


#: categories and words of each cause on which the original and the shipped detection differ
ORIGINAL_CAUSES = (
    ("process_creation", "`FileName has 'nslookup.exe' as a term` is gone"),
    ("process_creation", "`InitiatingProcessFileName has 'wsgi.py' as a term` is gone"),
    ("process_open", "the new side has nothing for process_open records"),
    ("network_listen", "the new side has nothing for network_listen records"),
    ("network_connection", "`Initiated: 'true'` in `selection` (always 'false' in these records) is now required"),
    ("network_connection", "`Initiated: 'true'` in `selection` (never filled in these records) is now required"),
    ("file_event", "selection `selection_extension`"),
    ("network_connection", "`RemoteIPType is missing` no longer excludes them"),
    ("network_connection", "`RemoteIPType is 'Teredo'` no longer excludes them"),
    ("network_connection", "`RemoteIPType is 'FourToSixMapping'` no longer excludes them"),
    ("network_connection", "(never filled in these records) is no longer required"),
)


def test_the_original_differs_from_the_detection_in_few_ways() -> None:
    """One cause for each deviation of the manifest, in words that tell them apart, and no others."""
    loader = Loader(ROOT, library, DEFENDER)
    old, new = (loader.load(name) for name in (str(ROOT / "tests" / "reference" / "web_shell.kql"), "web_shell"))
    found = diff("original", "web_shell", views(old, new, DEFENDER))
    assert found.complete
    assert not found.undecided
    causes = (*found.lost, *found.gained)
    for category, words in ORIGINAL_CAUSES:
        named = [cause for cause in causes if words in cause.text]
        assert [{kind.split("/")[0] for kind in cause.kinds} for cause in named] == [{category}], words
    detection = load_detection(ROOT / "sigma" / "detections" / "web_shell.yaml", ROOT, library().rules)
    assert len(causes) == len(ORIGINAL_CAUSES) == len(detection.deviations)


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
    query = tmp_path / "q.kql"
    query.write_text(SHIPPED, "utf-8")
    assert _run(str(query), RULE.path, "--target", "defender")[0] == 0
    for wrong in (
        (str(old),),
        (str(old), "no-such-rule"),
        (str(query), RULE.path),
        (str(tmp_path / "no.kql"), str(old)),
    ):
        assert _run(*wrong)[0] == 2, wrong
    assert _run(str(query), RULE.path, "--target", "splunk-sysmon")[0] == 2


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
    """Usual folders and IPv4 spellings are taken if they are confirmed, one field at a time."""
    event = {"Image": "\\x\\cmd.exe", "ParentImage": "\\x\\a.exe", "DestinationIp": "::ffff:a00:1", "Port": 1}
    better = {"Image": "C:\\Windows\\System32\\cmd.exe", "ParentImage": "C:\\Program Files\\App\\a.exe"}
    assert plausible(event, ANYTHING, lambda _: True) == event | better | {"DestinationIp": "10.0.0.1"}
    assert plausible(event, ANYTHING, lambda _: False) == event
    kept = plausible(event, ANYTHING, lambda trial: trial["Image"].startswith("\\x"))
    assert kept == event | {"ParentImage": better["ParentImage"], "DestinationIp": "10.0.0.1"}


def test_tests_are_described_in_words() -> None:
    """Anchors, terms, patterns and numbers are named as people name them."""

    def said(*parts: Any) -> str:
        return describe(Atom("F", Strings(Seq(parts))))

    word = literal("Cmd.exe", True)
    assert said(word) == "F is 'cmd.exe'"
    assert said(ANY_STRING, word) == "F ends with 'cmd.exe'"
    assert said(word, ANY_STRING) == "F starts with 'cmd.exe'"
    assert said(ANY_STRING, word, ANY_STRING) == "F contains 'cmd.exe'"
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
