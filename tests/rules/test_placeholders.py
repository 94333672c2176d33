"""The placeholders of `expand`: values that a site gives, and the refusal where it gives none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from converter.cli.main import main
from converter.core.errors import LibraryError, Unsupported
from converter.core.model import Rule
from converter.rules.detection import read_detection
from converter.rules.evaluator import compile_rule
from converter.rules.meaning import meaning
from converter.rules.placeholders import asks, given, names_in
from converter.semantics.decide.evaluate import holds

GIVEN = {
    "hosts": ["srv*", "db-1"],
    "dir": ["C:\\apps\\", "D:\\"],
    "empty": [],
    "ports": ["22", "3389"],
    "nets": ["10.0.0.0/8"],
}


def rule(key: str, value: Any) -> dict[str, Any]:
    return {"detection": {"sel": {key: value}, "condition": "sel"}}


@pytest.mark.parametrize(
    ("key", "value", "hits", "misses"),
    [
        ("f|expand", "%hosts%", ["SRV-9", "db-1"], ["%hosts%", "db-10", "x"]),
        ("f|expand", ["%hosts%", "plain"], ["plain", "srv"], ["x"]),
        ("f|contains|expand", "on %hosts%!", ["go on db-1!", "on srv9!"], ["on db-2!"]),
        ("f|expand", "%dir%*.exe", ["C:\\apps\\x.exe", "D:\\.exe"], ["C:\\apps\\*.exe"[:-4], "D:*.exe"]),
        ("f|expand", "\\%hosts%x", ["%hosts%x"], ["srvx", "\\%hosts%x"]),
        ("f|expand", "\\%plain%hosts%", ["%plainsrv"], ["%plain%hosts%"]),
        ("f|expand", "%%", ["%%"], ["%"]),
        ("f|expand", "50%", ["50%"], ["50"]),
        ("f|expand|base64", "a%dir%", [], ["a%dir%"]),
        ("DestinationPort|expand", "%ports%", [22, "3389"], [80]),
        ("f|cidr|expand", "%nets%", ["10.1.2.3"], ["11.1.2.3"]),
        ("f|expand|all|contains", ["%hosts%", "x"], [], ["%hosts%"]),
    ],
)
def test_values(key: str, value: Any, hits: list[Any], misses: list[Any]) -> None:
    """A placeholder stands for each of its values, which are patterns; evaluator and meaning agree on what that is."""
    raw = rule(key, value)
    field = key.partition("|")[0]
    fires, predicate = compile_rule(raw, GIVEN), meaning(raw, GIVEN)
    replaced = given(Rule("sigma/x.yml", raw, ""), GIVEN)
    assert compile_rule(given(replaced, {**GIVEN, "plain": ["no"]}), {"plain": ["no"]})({field: "no"}) == fires({})
    alone, other = compile_rule(replaced), meaning(replaced)
    for expected, contents in ((True, hits), (False, misses)):
        for content in contents:
            assert fires({field: content}) == alone({field: content}) == expected, content
            assert holds(predicate, {field: content}) == holds(other, {field: content}) == expected, content


@pytest.mark.parametrize(
    "raw",
    [
        rule("f|expand", "%unknown%"),
        rule("f|expand", ["%hosts%", "%unknown%"]),
        rule("f|expand", ["%hosts%", 5]),
        rule("f|expand|all|contains", "%hosts%"),
        rule("f|expand", "%hosts%" * 20),
        rule("f|expand", "\\\\%hosts%"),
        rule("f", "%hosts%"),
        {"detection": 5},
    ],
)
def test_what_cannot_be_replaced_stays(raw: dict[str, Any]) -> None:
    """Whoever reads such a rule refuses it for the same reason as before."""
    assert given(Rule("sigma/x.yml", raw, ""), GIVEN).raw == raw


def test_a_rule_asks_for_values_only_under_expand() -> None:
    """In maps, lists of maps and lists of them; a rule that does not ask is not touched."""
    nested = {"detection": {"sel": [{"g": "%a%"}, {"f|expand": "%a%"}], "condition": "sel"}}
    assert asks(Rule("x.yml", nested, ""))
    plain = Rule("x.yml", rule("f|contains", "%a%"), "")
    assert not asks(plain)
    assert given(plain, {"a": ["b"]}) is plain


PROJECT_RULE = r"""title: Tools
id: 6f0a5a1e-92d7-4f0b-8a52-0f2e27a0c301
description: A tool that the site names.
logsource: {category: process_creation, product: windows}
detection:
    sel:
        Image|expand: '%tools%'
    condition: sel
level: medium
"""
PROJECT_QUERY = """\
DeviceProcessEvents
| where ActionType == "ProcessCreated"
| where not(FolderPath startswith_cs "/")
| where FileName =~ "copytool.exe"
"""
PROJECT_FIXTURE = r"""cases:
    - {name: by name, match: true, event: {Image: 'C:\x\copytool.exe'}}
    - {name: another, match: false, event: {Image: 'C:\x\copytool.com'}}
    - {name: a part, match: false, event: {Image: 'C:\x\mycopytool.exe'}}
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lint",), "warning[scans]"),
        (("show", "tools", "-t", "defender"), 'FileName =~ "copytool.exe"'),
        (("convert", "tools", "-t", "splunk-sysmon"), '"*\\\\copytool.exe"'),
        (("prove", "tools", "-t", "elastic-dsl"), "1 AGREE"),
        (("build", "-t", "elastic-dsl"), "wrote 1 quer"),
        (("package", "-t", "elastic-eql"), "wrote 2 artefacts"),
        (("verify", "-r", "tools", "-t", "elastic-eql"), "AGREE"),
        (("diff", "tools", "{query}", "-t", "defender"), "Same"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_every_command_has_the_values_of_the_site(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """What parity.toml gives reaches whatever reads a rule; without it each refuses, or says that it is not decided."""
    for name, text in (
        ("sigma/windows/tools.yml", PROJECT_RULE),
        ("tests/fixtures/windows/tools.yml", PROJECT_FIXTURE),
        ("parity.toml", ""),
        ("query.kql", PROJECT_QUERY),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    command = ["--root", str(tmp_path), *(a.format(query=tmp_path / "query.kql") for a in arguments)]
    without = CliRunner().invoke(main, command)
    assert said not in without.output
    told = without.output + str(without.exception or "")
    assert "the placeholder %tools% has no value" in told or "UNSUPPORTED modifier:expand" in told
    (tmp_path / "parity.toml").write_text("[placeholders]\ntools = ['*\\copytool.exe']\n", "utf-8")
    if arguments[0] == "verify":
        CliRunner().invoke(main, ["--root", str(tmp_path), "build", "-t", "elastic-eql"])
    done = CliRunner().invoke(main, command)
    assert said in done.output, done.output
    assert done.exit_code == 0


def test_without_expand_a_percent_sign_is_one() -> None:
    """Only the modifier makes a placeholder of `%name%`."""
    assert compile_rule(rule("f", "%hosts%"), GIVEN)({"f": "%hosts%"})


@pytest.mark.parametrize("given", [{}, {"hosts": []}, {"Hosts": ["x"]}])
def test_no_value(given: dict[str, list[str]]) -> None:
    """A placeholder without a value is refused, and where to give it one is said."""
    text = Rule("sigma/x.yml", rule("f|expand", "%hosts%"), "", {"detection": 4})
    for use in (compile_rule, meaning, read_detection):
        with pytest.raises(Unsupported) as fault:
            use(text, given)
        assert str(fault.value).startswith("sigma/x.yml:4: f|expand: the placeholder %hosts% has no value")
        assert "parity.toml, [placeholders], hosts" in fault.value.hint
        assert fault.value.feature == "modifier:expand"


def test_the_form_keeps_placeholders() -> None:
    """Whoever looks at the form alone sees the placeholder as written."""
    ((item,),) = read_detection(rule("f|expand", "a%x%b%y%")).selections["sel"]
    assert item.values == ("a%x%b%y%",)
    assert names_in("a%x%b%y%") == ("x", "y")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("f|expand", "\\\\%hosts%", "read in two ways"),
        ("f|expand", "%hosts%" * 20, "more than 50,000"),
        ("f|windash|expand", "%hosts%", "'expand' must come before 'windash'"),
        ("f|base64|expand", "%hosts%", "'expand' must come before an encoding"),
        ("f|re|expand", "%hosts%", "does not combine"),
        ("f|expand", 5, "put it in quotes"),
    ],
)
def test_fault(key: str, value: Any, message: str) -> None:
    """What could be read in two ways, or does not end, is refused."""
    with pytest.raises(LibraryError) as fault:
        compile_rule(rule(key, value), GIVEN)
    assert message in str(fault.value)
