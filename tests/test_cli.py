"""The command line on a copy of the project: what it does, what it says, and that bad input leaves output/ alone."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from converter.build.fixtures import has_fixture
from converter.cli.main import main
from converter.core.discovery import engines, targets
from converter.dialects import registry
from tests.project import ROOT, library

PROCESS = "sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"
FILE = "sigma/windows/file_event/file_event_win_script_written_to_web_directory.yml"
NETWORK = "sigma/windows/network_connection/net_connection_win_webserver_unusual_public_port.yml"
MANIFEST = "sigma/detections/web_shell.yaml"
FIXTURE = PROCESS.replace("sigma/", "tests/fixtures/", 1)
#: two cases of a fixture; a third is needed
CASE = "cases:\n  - {name: a, match: true, event: {}}\n  - {name: b, match: false, event: {}}\n"


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of the project that a build reads, with a fresh output/; of the rules those of one detection."""
    root = tmp_path_factory.mktemp("pristine")
    shutil.copytree(ROOT / "pipelines", root / "pipelines")
    rules = (PROCESS, FILE, NETWORK)
    for name in (*rules, MANIFEST, *(rule.replace("sigma/", "tests/fixtures/", 1) for rule in rules)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    result = CliRunner().invoke(main, ["--root", str(root), "build"])
    assert result.exit_code == 0, result.output
    return root


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    """A copy for one test to break, with fixtures that are sound and short."""
    copy = Path(shutil.copytree(pristine, tmp_path / "project"))
    for path in (copy / "tests" / "fixtures").rglob("*.yml"):
        path.write_text(f"{CASE}  - {{name: c, match: false, event: {{}}}}\n")
    return copy


def parity(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--root", str(root), *arguments])


def output(root: Path) -> dict[str, bytes]:
    folder = root / "output"
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


#: enough where the fault is not one of conversion
BUILD_ONE = ("build", "--target", "defender")


def refused(root: Path, *arguments: str) -> str:
    """What `parity` says on stderr when it refuses, having checked that it refuses as it should."""
    before = output(root)
    result = parity(root, *(arguments or BUILD_ONE))
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert output(root) == before
    assert "Traceback" not in result.output
    assert result.stdout == ""
    return result.stderr


def messages(stderr: str) -> list[str]:
    """The faults, each without its hint."""
    return [line.removeprefix("error: ") for line in stderr.splitlines() if line.startswith("error: ")]


def change(root: Path, path: str, old: str, new: str) -> int:
    """Replace `old`, which must be there once, and give the line where it was."""
    text = (root / path).read_text("utf-8")
    assert text.count(old) == 1, (path, old, text.count(old))
    (root / path).write_text(text.replace(old, new), "utf-8")
    return text[: text.index(old)].count("\n") + 1


# --- one fault, one message, with its place ---------------------------------------------------------------------------

RULE_FAULTS = [
    ("title: Shell Or", "title: [Shell] #", "'title' must be text"),
    ("title: Shell Or Discovery Tool Started By A Web Server", "title: 5", "'title' must be text, not 5"),
    ("id: c3a6eb35-3938-4da4-8153-cac0331054a2", "id: 12", "'id' must be text, not 12"),
    ("id: c3a6eb35-3938-4da4-8153-cac0331054a2", "id: c3a6", "id 'c3a6' is not a UUID"),
    ("status: experimental", "status: new", "status 'new' is none of stable, test"),
    ("author: The Parity authors", "author: [me]", "'author' must be text, not ['me']"),
    ("date: 2026-11-24", "date: 2026-13-45", "broken YAML: month must be in 1..12"),
    ("    - attack.persistence\n", "    - 7\n", "tags must be a list of texts"),
    ("    category: process_creation", "    category: [process_creation]", "logsource: 'category' must be text"),
    ("    condition: all of selection_*", "    condition: 3", "condition must be a string"),
    ("    condition: all of selection_*", "    condition: ''", "the condition is empty"),
    (
        "    condition: all of selection_*",
        "    condition: selection_serve",
        "condition 'selection_serve': there is no selection 'selection_serve'",
    ),
    ("    condition: all of selection_*", "    condition: all of filter_*", "no selection matches 'filter_*'"),
    ("    condition: all of selection_*", "    condition: (selection_server", "a parenthesis is not closed"),
    ("    condition: all of selection_*", "    other: all of selection_*", "the detection has no condition"),
    ("    condition: all of selection_*", "    condition: selection_server | count() > 3", "aggregation"),
    ("level: critical", "level: urgent", "level 'urgent' is none of informational"),
    ("level: critical", "level: [high]", "level ['high'] is none of informational"),
    ("level: critical", "level: high\nlevel: low", "the key 'level' is given twice"),
    ("        ParentImage|endswith:", "        ParentImage|ends:", "unknown modifier 'ends'"),
    ("            - '\\wsgi.py'", "            - {a: b}", "a value must be text or a number, not a map"),
    ("    selection_child:", "    selection_extra: {}\n    selection_child:", "selection 'selection_extra' is empty"),
    ("    selection_child:", "    selection_server:", "the key 'selection_server' is given twice"),
]


@pytest.mark.parametrize(("old", "new", "message"), RULE_FAULTS)
def test_a_fault_in_a_rule_has_one_message_with_its_line(root: Path, old: str, new: str, message: str) -> None:
    """Every key of a rule is checked, and the message names file and line."""
    line = change(root, PROCESS, old, new)
    told = messages(refused(root))
    assert len(told) == 1, told
    assert re.match(rf"{re.escape(PROCESS)}:\d+: ", told[0]), told
    assert message in told[0]
    near = int(told[0].split(":")[1])
    at_its_head = near < line and message.split(maxsplit=1)[0] in ("tags", "the", "a")
    assert near in (line, line + 1) or at_its_head, (near, line)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("logsource", None, "the key 'logsource' is missing"),
        ("detection", None, "the key 'detection' is missing"),
        ("detection", "[a, b]", "'detection' must be a mapping, not ['a', 'b']"),
        ("detection", "{condition: 3}", "the detection has no selection"),
        ("detection", "{selection: 7, condition: [3]}", "condition must be a string or a list of strings"),
        ("detection", "{selection: {Image: x}}", "the detection has no condition"),
        ("detection", "{condition: selection}", "no selection"),
        ("fields", "text", "fields must be a list of names"),
        ("fields", "[1]", "fields must be a list of names"),
        ("tags", "text", "tags must be a list of texts"),
        ("references", "text", "references must be a list of texts"),
        ("falsepositives", "{a: b}", "falsepositives must be a list of texts"),
        ("logsource", "windows", "'logsource' must be a mapping, not 'windows'"),
    ],
)
def test_a_top_level_key_of_the_wrong_shape(root: Path, key: str, value: str | None, message: str) -> None:
    """A section that is missing or is something else altogether."""
    _section(root / PROCESS, key, value)
    told = messages(refused(root))
    assert any(message in line for line in told), told
    assert all(line.startswith(PROCESS) for line in told), told


def _section(path: Path, key: str, value: str | None) -> None:
    """Replace a top-level section of a YAML file."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.startswith(f"{key}:"))
    end = next((i for i in range(start + 1, len(lines)) if not lines[i].startswith((" ", "#", "\n"))), len(lines))
    lines[start:end] = [] if value is None else [f"{key}: {value}\n"]
    path.write_text("".join(lines), "utf-8")


def _write(path: str, content: bytes) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        (root / path).write_bytes(content)

    return write


def _directory(root: Path) -> None:
    (root / "sigma/windows/process_creation/folder.yml").mkdir()


def _dangling(root: Path) -> None:
    (root / "sigma/windows/process_creation/gone.yml").symlink_to(root / "nowhere.yml")


def _loop(root: Path) -> None:
    (root / "sigma/windows/process_creation/loop.yml").symlink_to("loop.yml")


BROKEN_FILES: list[tuple[str, Callable[[Path], None], str]] = [
    ("broken yaml", _write(PROCESS, b"title: 'x\nid: y\n"), f"{PROCESS}:\\d+: broken YAML"),
    ("tab", _write(PROCESS, b"title: x\n\tid: y\n"), f"{PROCESS}:2: broken YAML"),
    ("empty", _write(PROCESS, b""), f"{PROCESS}: the file is empty"),
    ("list", _write(PROCESS, b"- a\n"), f"{PROCESS}:1: a rule is a mapping"),
    ("a filter", _write(PROCESS, b"title: x\nfilter: {}\n"), f"{PROCESS}:2: is a filter, not a rule"),
    ("a tag of Python", _write(PROCESS, b"title: !!python/object:os.system x\n"), f"{PROCESS}:1: broken YAML"),
    ("not utf-8", _write(PROCESS, b"title: \xff\xfe\n"), f"{PROCESS}: is not UTF-8 text"),
    ("a null byte", _write(PROCESS, b"title: a\0b\n"), f"{PROCESS}.*: broken YAML"),
    ("huge", _write(PROCESS, b"# long\n" * 200_000), f"{PROCESS}: the file has 1,400,000 bytes"),
    ("deep", _write(PROCESS, b"[" * 20_000), f"{PROCESS}.*: broken YAML"),
    ("a folder", _directory, "sigma/windows/process_creation/folder.yml: is not a plain file"),
    ("a dangling link", _dangling, "sigma/windows/process_creation/gone.yml: cannot be read"),
    ("a link to itself", _loop, "sigma/windows/process_creation/loop.yml: cannot be read"),
]


@pytest.mark.parametrize(("spoil", "pattern"), [pytest.param(f, p, id=i) for i, f, p in BROKEN_FILES])
def test_a_file_that_is_no_rule_is_named(root: Path, spoil: Callable[[Path], None], pattern: str) -> None:
    """Unreadable, huge, not text, not YAML, not one document: one message, nothing else is blamed."""
    spoil(root)
    told = messages(refused(root))
    assert len(told) == 1, told
    assert re.match(pattern, told[0]), told


def test_ids_are_unique(root: Path) -> None:
    """A copied rule that keeps its id is named together with the first."""
    copy = PROCESS.replace("spawns", "starts")
    shutil.copy(root / PROCESS, root / copy)
    shutil.copy(root / FIXTURE, root / copy.replace("sigma/", "tests/fixtures/", 1))
    told = messages(refused(root))
    assert told == [f"{copy}:2: id c3a6eb35-3938-4da4-8153-cac0331054a2 is already that of {PROCESS}"]


def test_a_fixture_needs_a_rule(root: Path) -> None:
    """It would be kept alive by nothing."""
    moved = root / FIXTURE.replace("spawns", "starts")
    (root / FIXTURE).rename(moved)
    assert messages(refused(root)) == [f"{moved.relative_to(root).as_posix()}: a fixture without a rule"]


def test_a_rule_without_a_fixture_is_proved_and_not_executed(root: Path) -> None:
    """`build` says so, `verify` has a row that says so and is no pass under --strict; of ours each has one."""
    (root / FIXTURE).unlink()
    done = parity(root, *BUILD_ONE)
    assert done.exit_code == 0
    assert "1 rule without a fixture: proved, not executed" in done.stderr
    chosen = ("verify", PROCESS, "-t", "defender", "--format", "json")
    result = parity(root, *chosen)
    rows = {row["check"]: row for row in json.loads(result.stdout)["verdicts"]}
    assert (result.exit_code, rows["proof"]["outcome"], rows["fixture"]["outcome"]) == (0, "AGREE", "NOT_RUN")
    assert "proved, not executed" in rows["fixture"]["detail"]
    assert set(rows) <= {"proof", "fixture", "kusto-binder"}
    assert parity(root, *chosen, "--strict").exit_code == 1
    own = [*library().alone.values(), *library().correlations.values()]
    assert [one.path for one in own if not has_fixture(one, ROOT)] == []


def test_a_rule_whose_file_name_ends_in_yaml_is_not_passed_over(root: Path) -> None:
    """sigma-cli and we read *.yml: the other spelling would be left out and nobody would know."""
    (root / PROCESS).rename(root / PROCESS.replace(".yml", ".yaml"))
    assert f"{PROCESS.replace('.yml', '.yaml')}: the file name of a rule ends in .yml" in messages(refused(root))


# --- what has no query ------------------------------------------------------------------------------------------------


def test_a_refused_pair_stops_no_other_and_is_data(root: Path) -> None:
    """A field that some targets lack: their pairs are summed up and listed in the manifest, the others are written."""
    before = json.loads(output(root)["manifest.json"])
    change(root, PROCESS, "        Image|endswith:", "        NoSuchField|endswith:")
    result = parity(root, "build")
    assert result.exit_code == 0
    after = json.loads(output(root)["manifest.json"])
    missing = [entry for entry in after["unsupported"] if entry not in before["unsupported"]]
    assert {entry["source"] for entry in missing} == {PROCESS, MANIFEST}
    assert {entry["target"] for entry in missing} == set(targets())
    assert {entry["feature"] for entry in missing} == {"field NoSuchField"}
    assert all(entry["where"].startswith(f"{PROCESS}:") and entry["outcome"] == "UNSUPPORTED" for entry in missing)
    assert f"{len(after['unsupported'])} pairs refused" in result.stderr
    assert "UNSUPPORTED field NoSuchField" in result.stderr
    assert after["queries"] == [entry for entry in before["queries"] if entry["source"] not in (PROCESS, MANIFEST)]


def test_strict_makes_a_refused_pair_a_failure(root: Path) -> None:
    """`--strict` writes the same and leaves with 1."""
    change(root, PROCESS, "    category: process_creation", "    category: dns_query")
    assert parity(root, "build", "--target", "defender").exit_code == 0
    first = output(root)
    assert parity(root, "build", "--target", "defender", "--strict").exit_code == 1
    assert output(root) == first


def test_a_partial_build_takes_the_query_of_a_refused_pair_away(root: Path) -> None:
    """A query that cannot be made any more does not stay for somebody to deploy."""
    before = json.loads(output(root)["manifest.json"])["unsupported"]
    change(root, PROCESS, "        Image|endswith:", "        NoSuchField|endswith:")
    query = f"defender/{PROCESS.removeprefix('sigma/').removesuffix('.yml')}.kql"
    assert parity(root, "build", "-t", "defender").exit_code == 0
    assert query not in output(root)
    assert parity(root, "build", "--check", "-t", "defender").exit_code == 0
    (root / PROCESS).write_bytes((ROOT / PROCESS).read_bytes())
    assert parity(root, "build", "-t", "defender").exit_code == 0
    assert query in output(root)
    assert json.loads(output(root)["manifest.json"])["unsupported"] == before


def test_a_rule_may_be_for_some_targets_only(root: Path) -> None:
    """`parity: {targets: …}` in a rule, and parity.toml above it; a target that does not exist is a fault."""
    change(root, PROCESS, "level: critical", "level: critical\nparity: {targets: [sentinel, defender]}")
    assert parity(root, "build", "-r", PROCESS).exit_code == 0
    entries = json.loads(output(root)["manifest.json"])["queries"]
    assert "wrote 2 queries" in parity(root, "build", "-r", PROCESS).stderr
    assert {e["target"] for e in entries if e["source"] == PROCESS} >= {"sentinel", "defender"}
    (root / "parity.toml").write_text(f"[rule.{Path(PROCESS).stem}]\ntargets = ['splunk-sysmon']\n")
    result = parity(root, "build", "-r", PROCESS)
    assert "wrote 1 query for" in result.stderr
    assert "with parity.toml: targets of rules" in result.stderr
    (root / "parity.toml").unlink()
    change(root, PROCESS, "[sentinel, defender]", "[sentinal]")
    (message,) = messages(refused(root))
    assert "unknown target 'sentinal'" in message


def test_what_is_not_proved_is_refused_with_the_event(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate: a writer that leaves a value out is caught by `build`, `show` and `package`; `--unproved` writes it,
    and the file and the manifest say so."""
    record = registry.dialect("kql")
    wrong = dataclasses.replace(record, write=lambda draft: record.write(draft).replace('"wscript.exe", ', ""))
    original = registry.dialect
    monkeypatch.setattr("converter.convert.convert.dialect", lambda name: wrong if name == "kql" else original(name))
    chosen = ("-t", "defender", "-r", PROCESS)
    result = parity(root, "build", *chosen)
    assert result.exit_code == 0
    refused = json.loads(output(root)["manifest.json"])["unsupported"]
    (entry,) = [entry for entry in refused if entry["outcome"] == "DISAGREE"]
    assert (entry["source"], entry["target"]) == (PROCESS, "defender")
    assert "wscript.exe" in entry["reason"]
    assert "wscript.exe" in result.stderr
    path = f"defender/{PROCESS.removeprefix('sigma/').removesuffix('.yml')}.kql"
    assert path not in output(root)
    shown = parity(root, "show", PROCESS, "-t", "defender")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "DISAGREE" in shown.stderr
    loose = parity(root, "build", *chosen, "--unproved")
    assert "1 of them NOT PROVED" in loose.stderr
    text = output(root)[path].decode()
    assert "// NOT PROVED: DISAGREE the rule fires, the query does not fire" in text
    (entry,) = [e for e in json.loads(output(root)["manifest.json"])["queries"] if e.get("verdict") == "DISAGREE"]
    assert entry["reason"] in text


def test_a_language_without_comments_says_beside_the_file_that_it_is_not_proved(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the note goes when the query is proved again."""
    record = registry.dialect("lucene")
    assert not record.comment
    wrong = dataclasses.replace(record, write=lambda draft: f"NOT ({record.write(draft).strip()})\n")
    original = registry.dialect
    chosen = ("-t", "elastic-lucene", "-r", PROCESS, "--unproved")
    with monkeypatch.context() as patch:
        patch.setattr("converter.convert.convert.dialect", lambda name: wrong if name == "lucene" else original(name))
        assert parity(root, "build", *chosen).exit_code == 0
    notes = [path for path in output(root) if "process_creation" in path and path.endswith(".limits.md")]
    assert [output(root)[path].startswith(b"- NOT PROVED: DISAGREE") for path in notes] == [True]
    assert parity(root, "build", *chosen).exit_code == 0
    assert not [path for path in notes if path in output(root)]


def test_a_fault_of_our_own_in_one_pair_stops_no_other(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception nobody foresaw is told with its pair; the other pairs are written."""

    def crash(draft: object) -> str:
        raise ZeroDivisionError("by accident")

    original = registry.dialect
    record = dataclasses.replace(registry.dialect("eql"), write=crash)
    monkeypatch.setattr("converter.convert.convert.dialect", lambda name: record if name == "eql" else original(name))
    result = parity(root, "build", "-r", PROCESS)
    assert result.exit_code == 0
    assert "ZeroDivisionError: by accident" in " ".join(result.stderr.split())
    faults = [e for e in json.loads(output(root)["manifest.json"])["unsupported"] if e["source"] == PROCESS]
    assert {e["target"] for e in faults} == {n for n, target in targets().items() if target.dialect == "eql"}


# --- fixtures ---------------------------------------------------------------------------------------------------------

FIXTURE_FAULTS = [
    ("cases: [\n", r":\d+: broken YAML"),
    ("- a\n", ": a fixture is a mapping"),
    ("cases: []\n", ": a fixture is a mapping with a list of cases"),
    ("cases: text\n", ": a fixture is a mapping with a list of cases"),
    (f"{CASE}bases: {{}}\n", r":4: unknown key 'bases'"),
    (f"{CASE}base: text\n", r":4: base is a mapping"),
    (f"{CASE}  - {{name: c, match: false, event: {{}}, wy: x}}\n", r":4: unknown key 'wy'"),
    (f"{CASE}  - {{name: b, match: false, event: {{}}}}\n", r":4: case 'b' is already in line 3"),
    (f"{CASE}  - {{name: c, match: no way, event: {{}}}}\n", r":4: match is true or false, not 'no way'"),
    (f"{CASE}  - {{name: c, match: false, event: text}}\n", r":4: the event of a case is a mapping"),
    (f"{CASE}  - {{name: c, match: false}}\n", r":4: a case has a name, an event and match"),
    (f"{CASE}  - text\n", r":4: a case has a name"),
    (f"{CASE}  - {{name: 5, match: false, event: {{}}}}\n", r":4: the name of a case is text, not 5"),
    (f"{CASE}  - {{name: c, match: false, event: {{Image: {{a: b}}}}}}\n", r":4: 'Image': a field is text"),
    (f"{CASE}  - {{name: c, match: false, event: {{}}, age_minutes: old}}\n", r":4: age_minutes is a whole number"),
    (f"{CASE}  - {{name: c, match: false, event: {{}}, kind: file_evnt}}\n", r":4: no platform has .*'file_evnt'"),
    (CASE, ": at least one case must match and two must not"),
]


@pytest.mark.parametrize(("content", "pattern"), FIXTURE_FAULTS)
def test_a_fault_in_a_fixture_has_its_line(root: Path, content: str, pattern: str) -> None:
    """Each fault of a fixture file is one message with the line of its case."""
    (root / FIXTURE).write_text(content)
    told = messages(refused(root))
    assert len(told) == 1, told
    assert re.match(FIXTURE + pattern, told[0]), told


# --- manifests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("title", None, "the key 'title' is missing"),
        ("title", "5", "'title' must be text, not 5"),
        ("parts", "text", "'parts' must be a list, not 'text'"),
        ("parts", "[]", "a detection has at least one part"),
        ("parts", "[text]", "each of parts is a mapping, not 'text'"),
        ("parts", "[{rule: sigma/none.yml, label: X}]", "part sigma/none.yml is not a rule of the library"),
        ("parts", f"[{{rule: {PROCESS}}}]", "parts: 'label' must be there and be text"),
        ("lookback_hours", "a day", "'lookback_hours' must be a whole number, not 'a day'"),
        ("lookback_hours", "0", "lookback_hours must be at least 1"),
        ("columns", "Image", "'columns' must be a list, not 'Image'"),
        ("columns", "[1]", "columns must be a list of Sigma fields"),
        ("severity", "urgent", "severity 'urgent' is none of"),
        ("deviations", "text", "'deviations' must be a list"),
        ("deviations", "[{name: x}]", "deviations: 'part' must be there and be text"),
    ],
)
def test_a_fault_in_a_manifest_is_named(root: Path, key: str, value: str | None, message: str) -> None:
    """A manifest is checked like a rule."""
    _section(root / MANIFEST, key, value)
    told = messages(refused(root))
    assert any(message in line for line in told), told
    assert all(line.startswith(MANIFEST) for line in told), told


# --- several faults, and none -----------------------------------------------------------------------------------------


def test_all_faults_are_reported_in_one_run(root: Path) -> None:
    """Two broken rules (one with three faults), a fixture and a setting: each has its message, sorted by place."""
    level = change(root, PROCESS, "level: critical", "level: urgent")
    condition = change(root, PROCESS, "    condition: all of selection_*", "    condition: selection")
    child = change(root, PROCESS, "        Image|endswith:", "        Image|ends:")
    (root / NETWORK).write_text("title: 'x\n")
    fixture = root / FILE.replace("sigma/", "tests/fixtures/", 1)
    fixture.write_text("cases: 7\n")
    told = messages(refused(root, "build"))
    places = [line.split(": ")[0] for line in told]
    assert places == sorted(places, key=lambda p: (p.split(":")[0], int([*p.split(":"), "0"][1])))
    assert [p for p in places if p.startswith(PROCESS)] == [f"{PROCESS}:{n}" for n in (child, condition, level)]
    expected = {NETWORK, fixture.relative_to(root).as_posix(), PROCESS}
    assert {p.split(":")[0] for p in places} == expected


def test_an_empty_library_is_an_error(root: Path) -> None:
    """No rules is not a success."""
    shutil.rmtree(root / "sigma")
    (root / "sigma").mkdir()
    shutil.rmtree(root / "tests")
    assert messages(refused(root, "build")) == ["sigma/: no rules found"]


def test_outside_a_project_the_command_says_so(tmp_path: Path) -> None:
    """There is nothing to guess."""
    result = parity(tmp_path, "build")
    assert result.exit_code == 1
    assert "no project here" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("verify",), ("build", "--check"), ("show", "web_shell", "-t", "defender")])
def test_every_command_reports_a_broken_rule(root: Path, command: tuple[str, ...]) -> None:
    """Whatever reads the library says the same of it."""
    line = change(root, PROCESS, "level: critical", "level: urgent")
    assert [m.split(": ")[0] for m in messages(refused(root, *command))] == [f"{PROCESS}:{line}"]


# --- wrong usage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("build", "--target", "defnder"), "unknown target 'defnder'", "Did you mean 'defender'?"),
        (("build", "--target", "zzz"), "unknown target 'zzz'", "one of: defender, "),
        (("build", "--rule", "web_shel"), "unknown rule 'web_shel'", "Did you mean 'web_shell'?"),
        (("build", "--rule", "zzz"), "unknown rule 'zzz'", "`parity list rules`"),
        (("show", "web_shell", "-t", "splnk-sysmon"), "unknown target", "Did you mean 'splunk-sysmon'?"),
        (("verify", "--target", "sentnel"), "unknown target", "Did you mean 'sentinel'?"),
        (("biuld",), "no such command 'biuld'", "Did you mean 'build'?"),
        (("show", "web_shell"), "Missing option '--target'", ""),
        (("list", "things"), "'things' is not one of", ""),
        (("verify", "--format", "html"), "'html' is not one of", ""),
        (("build", "--chek"), "No such option", "--check"),
    ],
)
def test_wrong_usage_exits_with_2_and_a_hint(root: Path, arguments: tuple[str, ...], message: str, hint: str) -> None:
    """The nearest right word is offered."""
    before = output(root)
    result = parity(root, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert hint in result.stderr
    assert output(root) == before


# --- build ------------------------------------------------------------------------------------------------------------


def test_building_twice_gives_identical_bytes(root: Path) -> None:
    """Nothing in output/ depends on when or where it was made."""
    first = output(root)
    assert first
    assert parity(root, "build").exit_code == 0
    assert output(root) == first
    shutil.rmtree(root / "output")
    assert parity(root, "build").exit_code == 0
    assert output(root) == first


def test_check_tells_fresh_from_stale(root: Path) -> None:
    """0 when output/ is what the rules give; 1, with each file named and nothing written, when it is not."""
    fresh = parity(root, "build", "--check")
    assert (fresh.exit_code, fresh.stdout) == (0, "")
    change(root, PROCESS, "            - '\\wsgi.py'\n", "")
    query = next(p for p in output(root) if p.startswith("sentinel/windows/file_event"))
    (root / "output" / query).unlink()
    (root / "output" / "old.kql").write_text("x")
    before = output(root)
    stale = parity(root, "build", "--check")
    assert stale.exit_code == 1
    told = stale.stdout.splitlines()
    assert f"output/{query} is missing" in told
    assert "output/old.kql is no longer made by anything" in told
    assert sum("spawns_shell" in line and "differs" in line for line in told) == len(targets())
    assert f"stale in {len(told)} places" in stale.stderr
    assert output(root) == before
    assert parity(root, "build").exit_code == 0
    assert parity(root, "build", "--check").exit_code == 0


def test_a_target_and_a_rule_touch_only_theirs(root: Path) -> None:
    """A partial build changes the files of that target and rule, and their entries in the manifest."""
    change(root, PROCESS, "            - '\\wsgi.py'\n", "")
    before = output(root)
    result = parity(root, "build", "--target", "splunk-sysmon", "--rule", PROCESS)
    assert result.exit_code == 0
    changed = {path for path, data in output(root).items() if before.get(path) != data}
    stem = PROCESS.removeprefix("sigma/").removesuffix(".yml")
    assert changed == {f"splunk-sysmon/{stem}.spl", "manifest.json"}
    assert output(root).keys() == before.keys()
    old, new = (json.loads(o["manifest.json"])["queries"] for o in (before, output(root)))
    assert [e["path"] for e in old] == [e["path"] for e in new]
    assert {e["path"] for e, f in zip(old, new, strict=True) if e != f} == {f"splunk-sysmon/{stem}.spl"}


@pytest.mark.parametrize("name", [PROCESS, PROCESS.rsplit("/", 1)[-1], Path(PROCESS).stem, "web_shell"])
def test_show_prints_exactly_the_file(root: Path, name: str) -> None:
    """By path, file name, stem or manifest, the query goes to stdout byte for byte as it stands in output/."""
    result = parity(root, "show", name, "-t", "elastic-eql")
    assert result.exit_code == 0
    assert result.stdout_bytes in output(root).values()
    assert result.stderr.startswith("AGREE, over records ")
    assert "ecs-process-long-values" in result.stderr


# --- verify, list, help -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def verified(pristine: Path) -> Callable[[str], Result]:
    """`parity verify` of the KQL and SPL of one rule, in a format."""
    chosen = ("--rule", PROCESS, "--target", "splunk-sysmon", "--target", "defender")
    return lambda form: parity(pristine, "verify", *chosen, "--format", form)


def test_verify_as_json(verified: Callable[[str], Result]) -> None:
    """One document with every check."""
    result = verified("json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert {v["target"] for v in report["verdicts"]} == {"splunk-sysmon", "defender"}
    assert {v["source"] for v in report["verdicts"]} == {PROCESS}
    assert all(v["outcome"] in ("AGREE", "NOT_RUN") for v in report["verdicts"])
    assert all(v["matched"] > 0 for v in report["verdicts"] if v["events"])


def test_verify_as_junit(verified: Callable[[str], Result]) -> None:
    """As many test cases as it says, none failed."""
    suite = ElementTree.fromstring(verified("junit").stdout)
    cases = suite.findall("testcase")
    assert int(suite.attrib["tests"]) == len(cases) > 0
    assert not suite.findall(".//failure")


def test_verify_as_markdown(verified: Callable[[str], Result]) -> None:
    """A table with as many cells in each row as in its head."""
    lines = verified("markdown").stdout.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) >= 4
    assert len({line.count("|") for line in table}) == 1
    assert "AGREE" in table[-1]


def test_verify_as_text_has_no_colour_away_from_a_terminal(verified: Callable[[str], Result]) -> None:
    """Escape codes in a pipe or a log help nobody."""
    result = verified("text")
    assert "AGREE" in result.stdout
    assert "\x1b[" not in result.output


def test_verify_fails_on_a_changed_query(root: Path) -> None:
    """What is verified is what stands in output/: a file edited by hand is not passed over."""
    query = next(p for p in output(root) if p.startswith("defender/windows/process_creation"))
    path = root / "output" / query
    path.write_text(path.read_text().replace('"cmd.exe", ', "", 1))
    result = parity(root, "verify", "--target", "defender")
    assert result.exit_code == 1
    assert f"output/{query} differs" in result.stderr


@pytest.mark.parametrize(
    ("what", "count"), [("rules", 3 + 1), ("targets", len(targets())), ("engines", len(engines()))]
)
def test_list_as_json_and_text(root: Path, what: str, count: int) -> None:
    """The same rows in both forms."""
    rows = json.loads(parity(root, "list", what, "--format", "json").stdout)
    lines = parity(root, "list", what).stdout.splitlines()
    assert len(rows) == len(lines) == count
    for row, line in zip(rows, lines, strict=True):
        assert all(cell in line for cell in row.values())


def test_every_command_explains_itself() -> None:
    """--help is there for each, begins with a sentence, and says what every option does."""
    whole = CliRunner().invoke(main, ["--help"])
    assert whole.exit_code == 0, whole.output
    assert "\x1b[" not in whole.output
    for name, command in main.commands.items():
        assert name in whole.stdout
        told = CliRunner().invoke(main, [name, "-h"])
        assert told.exit_code == 0, f"{name}: {told.output}"
        assert (command.help or "").strip().split("\n")[0].endswith((".", ":"))
        for parameter in command.params:
            if parameter.param_type_name == "option" and not parameter.hidden:  # type: ignore[attr-defined]
                assert parameter.opts[0] in told.stdout


def test_no_command_says_what_commands_there_are() -> None:
    """`parity` alone is a question, not an error without a word."""
    told = CliRunner().invoke(main, [])
    assert "build" in told.output
    assert "Traceback" not in told.output


def test_the_module_runs_as_the_command_does(root: Path) -> None:
    """`python -m converter` from a folder inside the project finds it; errors carry no colour in a pipe."""
    inside = root / "sigma" / "windows"
    run = [sys.executable, "-m", "converter"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    good, bad = (
        subprocess.run([*run, *more], check=False, cwd=inside, env=environment, capture_output=True, text=True)
        for more in (["build", "--check"], ["build", "-t", "defnder"])
    )
    assert (good.returncode, good.stdout) == (0, ""), good.stderr
    assert bad.returncode == 2
    assert bad.stderr.startswith("error: unknown target 'defnder'")
    assert "\x1b[" not in bad.stderr


def test_colour_is_for_terminals(root: Path) -> None:
    """On a terminal the word "error" is coloured."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    run = [sys.executable, "-m", "converter", "build", "-t", "defnder"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "TERM": "xterm", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(run, check=False, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    told = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 2
    assert "\x1b[31m" in told
    assert "Did you mean 'defender'?" in told
