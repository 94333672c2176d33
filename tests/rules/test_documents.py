"""Rule files as documents: several in one file, correlations and filters among them, and what every rule must have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from converter.cli.main import main
from converter.core.errors import LibraryError, Unsupported
from converter.core.model import Rule
from converter.rules.detection import read_detection
from converter.rules.form import form_faults
from converter.rules.library import load_rule, read, read_folder, read_rules

RULE = """\
title: {title}
id: {id}
logsource: {{category: process_creation, product: windows}}
detection:
    sel:
        Image|endswith: '\\{title}.exe'
    condition: sel
"""
IDS = ("0c7d6a52-0d0a-4b52-9a39-6f8f0f3c1a01", "0c7d6a52-0d0a-4b52-9a39-6f8f0f3c1a02")
CORRELATION = """\
title: Often
correlation:
    type: event_count
    rules: [one]
    group-by: [Computer]
    timespan: 10m
    condition: {gte: 5}
"""
FILTER = """\
title: Quiet
logsource: {category: process_creation, product: windows}
filter:
    rules: any
    quiet: {User: 'CORP\\quiet'}
    condition: not quiet
"""


def one(title: str = "one", number: int = 0) -> str:
    return RULE.format(title=title, id=IDS[number])


def rules_of(root: Path, text: str | bytes, name: str = "x.yml") -> tuple[list[Rule], list[str]]:
    path = root / "sigma" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    rules, faults = read_rules(path, root)
    return rules, [str(fault) for fault in faults]


def test_several_rules_in_a_file(tmp_path: Path) -> None:
    """Each rule of a file that holds several is called by the number of its document, and has its own lines."""
    rules, faults = rules_of(tmp_path, "---\n" + one() + "---\n" + one("two", 1) + "---\n")
    assert not faults
    assert [rule.path for rule in rules] == ["sigma/x.yml#1", "sigma/x.yml#2"]
    assert [rule.stem for rule in rules] == ["x#1", "x#2"]
    assert [rule.file for rule in rules] == ["sigma/x.yml"] * 2
    assert rules[1].lines["title"] == 10
    assert rules[1].at("detection", "sel", "Image|endswith") == "sigma/x.yml:15"
    file = tmp_path / "sigma" / "x.yml"
    assert load_rule(file.with_name("x.yml#2"), tmp_path).title == "two"
    with pytest.raises(LibraryError, match="holds 2 rules") as fault:
        load_rule(file, tmp_path)
    assert "x.yml#1, x.yml#2" in fault.value.hint
    with pytest.raises(LibraryError, match="has no rule #3"):
        load_rule(file.with_name("x.yml#3"), tmp_path)


def test_correlation_is_named(tmp_path: Path) -> None:
    """A correlation rule is refused as what it is, at its line, and the rule beside it is read."""
    rules, faults = rules_of(tmp_path, one() + "---\n" + CORRELATION)
    assert [rule.path for rule in rules] == ["sigma/x.yml"]
    assert len(faults) == 1
    assert faults[0].startswith("sigma/x.yml:10: is a correlation rule (event_count), which is none of its own")
    rules_of(tmp_path, CORRELATION, "y.yml")
    with pytest.raises(Unsupported) as fault:
        load_rule(tmp_path / "sigma" / "y.yml", tmp_path)
    assert fault.value.feature == "correlation"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FILTER, "sigma/x.yml:3: is a filter, not a rule"),
        ("action: global\ntitle: x\n", "rule collections"),
        ("- a\n- b\n", "a rule is a mapping"),
        ("", "the file is empty"),
        ("---\n---\n", "the file is empty"),
        ("title: [", "broken YAML"),
        ("title: !!bool x", "x.yml:1: broken YAML: this is no value of the type bool"),
        ("a: 1\ntitle: !!timestamp x", "x.yml:2: broken YAML: this is no value of the type timestamp"),
        ("title: !!int ''", "x.yml:1: broken YAML"),
        ("title: !!python/name:os.system", "x.yml:1: broken YAML"),
    ],
)
def test_other_documents(tmp_path: Path, text: str, message: str) -> None:
    """A document that is no rule is refused as what it is."""
    rules, faults = rules_of(tmp_path, text)
    assert not rules
    assert len(faults) == 1
    assert message in faults[0]


def test_rule_without_id(tmp_path: Path) -> None:
    """The specification leaves the id optional: the rule gets its name, or its file's, and a warning says so."""
    text = one().replace(f"id: {IDS[0]}\n", "")
    (rule,), faults = rules_of(tmp_path, text)
    assert not faults
    assert (rule.id, rule.name) == ("x", "x")
    assert len(rule.warnings) == 1
    assert "sigma/x.yml: the rule has no id and is called 'x' after its file" in rule.warnings[0]
    (rule,), _ = rules_of(tmp_path, text + "name: odd_child\n")
    assert rule.id == "odd_child"
    (rule,), _ = rules_of(tmp_path, one())
    assert rule.warnings == ()


def test_a_character_that_yaml_made_of_an_escape(tmp_path: Path) -> None:
    """In double quotes YAML reads escapes: a value with a character that nobody sees is used, with a warning."""
    text = one().replace("Image|endswith: '\\one.exe'", 'Image|endswith: ["x", "C:\\temp\\new"]')
    (rule,), faults = rules_of(tmp_path, text)
    assert not faults
    (warning,) = rule.warnings
    assert warning.startswith("sigma/x.yml:6: a value holds the character U+0009")
    quoted = text.replace('"C:\\temp\\new"', "'C:\\temp\\new'")
    assert rules_of(tmp_path, quoted)[0][0].warnings == ()


@pytest.mark.parametrize("written", ["1e3", "0o17", "-.5", "08", "1e+3"])
@pytest.mark.parametrize("listed", [False, True])
def test_a_number_of_another_yaml(tmp_path: Path, written: str, listed: bool) -> None:
    """What YAML 1.1 reads as text and YAML 1.2 as a number is text, with a warning; in quotes it has none."""
    for value, warned in ((written, True), (f"'{written}'", False), (f"{written}x", False)):
        item = f"CommandLine: [a, {value}]" if listed else f"CommandLine: {value}"
        (rule,), faults = rules_of(tmp_path, one().replace("Image|endswith: '\\one.exe'", item))
        assert not faults
        assert bool(rule.warnings) == warned
        assert not warned or rule.warnings[0].startswith(f"sigma/x.yml:6: {written} is text here, and a number")


@pytest.mark.parametrize("command", ["lint", "convert", "prove", "build", "show", "verify"])
def test_every_command_tells_the_warnings(tmp_path: Path, command: str) -> None:
    """On stderr, whatever the result; of many the first ten and their number."""
    for number in range(12):
        name = f"many{number}"
        rules_of(tmp_path, one(name).replace(f"id: {IDS[0]}\n", ""), f"{name}.yml")
    (tmp_path / "parity.toml").write_text("", "utf-8")
    asked = {"show": ["many3"], "convert": [str(tmp_path / "sigma")]}.get(command, [])
    targets = [] if command == "lint" else ["-t", "elastic-dsl"]
    done = CliRunner().invoke(main, ["--root", str(tmp_path), command, *asked, *targets])
    shown = 1 if command == "show" else 10
    assert len(re.findall("warning: (sigma/)?many", done.stderr)) == shown, done.stderr
    assert ("and 2 more" in done.stderr) == (command != "show")


def test_two_rules_of_one_name(tmp_path: Path) -> None:
    """Rules that would be called by one name, or have one id, are told apart by neither: the library refuses them."""
    for folder in ("a", "b"):
        (tmp_path / "sigma" / folder).mkdir(parents=True)
        (tmp_path / "sigma" / folder / "x.yml").write_text(one().replace(f"id: {IDS[0]}\n", ""))
    _, faults = read(tmp_path)
    assert [str(f).partition("\n")[0] for f in faults] == ["sigma/b/x.yml:1: name x is already that of sigma/a/x.yml"]


@pytest.mark.parametrize(
    "identity",
    [
        IDS[0].replace("-", ""),
        "{" + IDS[0] + "}",
        "urn:uuid:" + IDS[0],
        IDS[0].replace("0", "\u0660"),
        IDS[0] + "\\n",
        IDS[0][:-1],
    ],
)
def test_strict_id(tmp_path: Path, identity: str) -> None:
    """An id is 8-4-4-4-12 hexadecimal digits and nothing around them."""
    rules, faults = rules_of(tmp_path, one().replace(f"id: {IDS[0]}", f'id: "{identity}"'))
    assert not rules
    assert "is not a UUID" in faults[0]
    assert faults[0].startswith("sigma/x.yml:2: ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('title: "a\\nb"', "title holds a line break"),
        ('title: "a\\u2028b"', "title holds the character U+2028"),
        ('title: "a\\u202eb"', "title holds the character U+202E"),
        ('name: "a\\rb"', "name holds a line break"),
        ('fields: [Image, "a\\n| take 5"]', "fields holds a line break"),
        ('description: "a\\x07b"', "description holds the character U+0007"),
        ('author: "a\\nb"', "author holds a line break"),
        ('references: ["a\\x1bb"]', "references holds the character U+001B"),
        ('logsource: {category: "a\\nb"}', "logsource holds a line break"),
        ("logsource: {category: 5}", "'category' must be text, not 5"),
        ("logsource: {definition: x}", "names no category, product or service"),
        ("id: 5", "'id' must be text"),
        ("parity: {records: file_change}", "`parity` holds `records`"),
        ("parity: {recods: [file_change]}", "`parity` holds `records`"),
        ("parity: {records: ['a\"b']}", "`parity` `records` are names"),
        ("parity: {records: [5]}", "`parity` holds `records`"),
    ],
)
def test_metadata_fault(tmp_path: Path, line: str, message: str) -> None:
    """What could leave its line in a query's header, or has not the form that it must have, is refused at its line."""
    key = line.partition(":")[0]
    lines = [old for old in one().splitlines() if not old.startswith(f"{key}:")]
    rules, faults = rules_of(tmp_path, "\n".join([*lines, line]) + "\n")
    assert not rules
    assert any(message in fault for fault in faults), faults
    assert faults[0].startswith(f"sigma/x.yml:{len(lines) + 1}: ")


def test_description_of_several_lines(tmp_path: Path) -> None:
    """Line breaks are fine in a description."""
    assert rules_of(tmp_path, one() + 'description: "a\\n\\tb"\n')[1] == []


def test_each_fault_has_its_line(tmp_path: Path) -> None:
    """Every fault of a detection is found in one run, each with the line of its item or value."""
    text = """\
title: Many faults
id: 0c7d6a52-0d0a-4b52-9a39-6f8f0f3c1a01
logsource: {category: process_creation, product: windows}
detection:
    first:
        Image|endwith: x
        CommandLine|contains:
            - fine
            - 4444
        ProcessId|hour: 5
    second:
        - Image: a
        - CommandLine|re: '('
          User: 2026-01-01
    condition: first or third
"""
    (rule,), faults = rules_of(tmp_path, text)
    assert not faults
    found = [str(fault).partition("\n")[0] for fault in form_faults(rule)]
    places = [fault.split(" ")[0] for fault in found]
    assert sorted(places) == [f"sigma/x.yml:{line}:" for line in (13, 14, 15, 6, 9)]
    with pytest.raises(LibraryError) as fault:
        read_detection(rule)
    assert fault.value.where == "sigma/x.yml:6"


def test_time_modifier_is_refused_at_its_line(tmp_path: Path) -> None:
    """A time modifier is named, with the line it stands on."""
    (rule,), _ = rules_of(tmp_path, one().replace("Image|endswith: '\\one.exe'", "UtcTime|hour: 3"))
    with pytest.raises(Unsupported, match="the time modifier 'hour'") as fault:
        read_detection(rule)
    assert (fault.value.where, fault.value.feature) == ("sigma/x.yml:6", "modifier:hour")


#: a value as written, what becomes of it on a text field: its text, or the refusal's word
WRITTEN = [
    ("7", "7"),
    ("-7", "-7"),
    ("1.5", "1.5"),
    ("1000000000000000000000000000000", "1" + "0" * 30),
    ("'010'", "010"),
    ("1e30", "1e30"),
    ("true", "true"),
    ("True", "true"),
    ("=", "="),
    ("0x1g", "0x1g"),
    ("010", "YAML reads 010 as the number 8"),
    ("0x10", "YAML reads 0x10 as the number 16"),
    ("1_000", "YAML reads 1_000 as the number 1000"),
    ("1:30", "YAML reads 1:30 as the number 90"),
    ("+5", "YAML reads +5 as the number 5"),
    ("-0", "YAML reads -0 as the number 0"),
    ("1.50", "YAML reads 1.50 as the number 1.5"),
    ("1.0e+30", "YAML reads 1.0e+30 as the number 1e+30"),
    (".inf", "YAML reads .inf as no finite number"),
    (".nan", "YAML reads .nan as no finite number"),
    ("yes", "YAML reads yes as true"),
    ("off", "YAML reads off as false"),
    ("2026-01-01", "YAML reads 2026-01-01 as a date"),
    ("2026-01-01 10:00:00", "as a date"),
    ("!!binary YQ==", "not a bytes"),
    ("{a: b}", "not a map"),
]


@pytest.mark.parametrize(("written", "expected"), WRITTEN)
@pytest.mark.parametrize("listed", [False, True])
def test_values_are_what_was_written(tmp_path: Path, written: str, expected: str, listed: bool) -> None:
    """On a text field a value is the text that was written; where YAML read anything else, it is refused."""
    value = f"[a, {written}]" if listed else written
    (rule,), _ = rules_of(tmp_path, one().replace("Image|endswith: '\\one.exe'", f"CommandLine: {value}"))
    if "YAML" not in expected and "not a" not in expected and "as a date" not in expected:
        ((item,),) = read_detection(rule).selections["sel"]
        assert item.values[-1] == expected
        return
    with pytest.raises(LibraryError) as fault:
        read_detection(rule)
    assert expected in fault.value.message
    assert fault.value.where == "sigma/x.yml:6"


def test_number_fields(tmp_path: Path) -> None:
    """On a field that is numeric by the taxonomy, quoted and unquoted digits are one number."""
    for written in ("80", "'80'", "'080'", "80.0"):
        (rule,), _ = rules_of(tmp_path, one().replace("Image|endswith: '\\one.exe'", f"DestinationPort: {written}"))
        ((item,),) = read_detection(rule).selections["sel"]
        assert item.values == (80,)
        assert isinstance(item.values[0], int)


def test_merged_keys_are_read_strictly(tmp_path: Path) -> None:
    """What an alias brings in is held to what was written, as everything else is."""
    text = one().replace("    sel:\n", "    _base: &base {CommandLine: 010}\n    sel:\n        <<: *base\n")
    (rule,), _ = rules_of(tmp_path, text)
    with pytest.raises(LibraryError, match="reads 010"):
        read_detection(rule)
    raw = {key: value for key, value in rule.raw["detection"].items() if key != "_base"}
    only = Rule(rule.path, {**rule.raw, "detection": raw}, "", rule.lines, rule.places)
    with pytest.raises(LibraryError, match="reads 010"):
        read_detection(only)


def test_folder(tmp_path: Path) -> None:
    """One bad file never stops a folder: the sound rules are there, each other file is named once."""
    for name, text in (("a.yml", one()), ("b.yml", "title: ["), ("c.yml", CORRELATION), ("d.yml", one("two", 1))):
        (tmp_path / name).write_text(text)
    rules, faults = read_folder(tmp_path)
    assert [rule.path for rule in rules] == ["a.yml", "d.yml"]
    assert [fault.where.partition(":")[0] for fault in faults] == ["b.yml", "c.yml"]
