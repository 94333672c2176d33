"""`-p`: a user's pySigma pipelines change the rules, and what is converted and proved is the changed rule."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from sigma.rule import SigmaRule

from converter.build.transform import Pipelines
from converter.build.written import detection_of
from converter.cli.main import main
from converter.core.discovery import schemas
from converter.core.model import Rule
from converter.platforms.domains import domain_of
from converter.rules.meaning import meaning
from converter.semantics.decide.compare import Equivalent, compare
from tests.project import ROOT, library

HEAD = {
    "title": "A tool of our own",
    "id": "0d0e8a5b-9f83-4a39-8c88-1b1d6f2f3b01",
    "logsource": {"product": "windows", "category": "process_creation"},
}
RULE: Mapping[str, Any] = {
    **HEAD,
    "fields": ["tool"],
    "detection": {
        "sel": {"tool|endswith": ["\\one.exe", "\\two.exe"], "CommandLine|contains|all": ["-a", "-b"]},
        "filter": {"User|expand": "%admins%"},
        "condition": "sel and not filter",
    },
}
PIPELINE: Mapping[str, Any] = {
    "name": "our names",
    "priority": 10,
    "vars": {"admins": ["adm1", "adm2"]},
    "transformations": [
        {"type": "field_name_mapping", "mapping": {"tool": ["Image", "OriginalFileName"]}},
        {"type": "value_placeholders"},
        {"type": "add_condition", "conditions": {"Computer|startswith": "web"}},
    ],
}
#: the rule as a person would write it after the pipeline
BY_HAND: Mapping[str, Any] = {
    **HEAD,
    "detection": {
        "computer": {"Computer|startswith": "web"},
        "tool": [
            {"Image|endswith": ["\\one.exe", "\\two.exe"]},
            {"OriginalFileName|endswith": ["\\one.exe", "\\two.exe"]},
        ],
        "args": {"CommandLine|contains|all": ["-a", "-b"]},
        "filter": {"User": ["adm1", "adm2"]},
        "condition": "computer and tool and args and not filter",
    },
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is no project, with the rule and the pipeline."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rule.yml").write_text(yaml.safe_dump(dict(RULE), sort_keys=False), "utf-8")
    (tmp_path / "p.yml").write_text(yaml.safe_dump(dict(PIPELINE), sort_keys=False), "utf-8")
    return tmp_path


def parity(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two rules fire on the same events."""
    schema = schemas()["defender"]
    domain = domain_of(schema.kinds[0], schema)
    return isinstance(compare(meaning(Rule("a.yml", one, "")), meaning(Rule("b.yml", other, "")), domain), Equivalent)


SELECTIONS: list[dict[str, Any]] = [
    {"sel": {"Image|endswith": ["\\a.exe", "\\b\\*.exe"], "CommandLine|contains": "a\\*b?c"}, "condition": "sel"},
    {"sel": {"CommandLine": ["C:\\\\\\\\x\\", "\\\\server\\share\\\\*", "??", ""]}, "condition": "not sel"},
    {"sel": {"CommandLine": None}, "o": {"CommandLine": ""}, "condition": "sel or o"},
    {"sel": {"Image|cased": "A*b"}, "o": {"Image|re|i|s": "^a.*\\\\[b*?]$"}, "condition": "1 of them"},
    {"sel": {"ProcessId|gte": 5, "ParentProcessId": [1, 2]}, "condition": "sel"},
    {"sel": {"DestinationIp|cidr": ["10.0.0.0/8", "fe80::/10"]}, "condition": "sel"},
    {"sel": {"Image|fieldref|endswith": "ParentImage"}, "condition": "sel"},
    {"sel": {"User|exists": True, "LogonId|exists": False}, "condition": "sel"},
    {"sel": {"CommandLine|windash|contains|all": [" -enc", "/x "]}, "condition": "sel"},
    {"sel": {"CommandLine|base64offset|contains": "secret"}, "condition": "sel"},
    {"sel": [{"Image": "a", "User": "b"}, {"Image": "c"}], "f_1": {"User": "x"}, "f_2": {"User": "y"},
     "condition": "sel and not 1 of f_*"},
    {"sel": {"Image|neq": ["a", "b"]}, "condition": "sel"},
]  # fmt: skip


@pytest.mark.parametrize("detection", SELECTIONS)
def test_what_pysigma_holds_is_written_as_the_same_rule(detection: dict[str, Any]) -> None:
    """Writing a rule again from pySigma's form of it changes nothing that it means."""
    raw = {**HEAD, "detection": detection}
    again = {**HEAD, "detection": detection_of(SigmaRule.from_dict(copy.deepcopy(raw)))}
    assert same(raw, again), again


def test_so_are_the_rules_of_the_library() -> None:
    """With their lists, filters and conditions over several selections."""
    for rule in library().rules.values():
        assert same(
            rule.raw, {**rule.raw, "detection": detection_of(SigmaRule.from_dict(copy.deepcopy(dict(rule.raw))))}
        )


def test_the_changed_rule_is_the_one_a_person_would_write(place: Path) -> None:
    """A field split in two, values for a placeholder and a condition: the same meaning as by hand."""
    changed = Pipelines(["p.yml"]).apply(Rule("rule.yml", RULE, ""))
    assert same(changed.raw, BY_HAND)
    assert changed.fields == ("Image", "OriginalFileName")
    assert RULE["detection"]["sel"]["tool|endswith"] == ["\\one.exe", "\\two.exe"]


def test_a_rule_that_is_not_changed_stays_as_it_is(place: Path) -> None:
    """Byte for byte: it is not written anew."""
    rule = Rule("x.yml", {**HEAD, "detection": {"s": {"Image|endswith": "x"}, "condition": "s"}}, "")
    pipeline = {**PIPELINE, "transformations": PIPELINE["transformations"][:2]}
    (place / "other.yml").write_text(yaml.safe_dump(pipeline), "utf-8")
    assert Pipelines(["other.yml"]).apply(rule) is rule


def test_query_and_data_say_what_was_proved(place: Path) -> None:
    """In the header, beside a query without comments, and in the manifest with the rule as it is after the pipeline."""
    done = parity("convert", "rule.yml", "-t", "defender", "-t", "elastic-dsl", "-p", "p.yml", "-o", "out")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "p.yml: 1 rule changed" in done.stderr
    note = "The rule was changed by p.yml; what is proved is the rule as it is after that."
    assert note in (place / "out/defender/rule.kql").read_text("utf-8").splitlines()[2]
    assert note in (place / "out/elastic-dsl/rule.limits.md").read_text("utf-8")
    body = json.loads((place / "out/manifest.json").read_text("utf-8"))
    assert [pair["verdict"] for pair in body["pairs"]] == ["AGREE", "AGREE"]
    assert body["pipelines"] == ["p.yml"]
    assert same({**HEAD, **body["changed"]["rule.yml"]}, BY_HAND)
    shown = parity("show", "rule.yml", "-t", "defender", "-p", str(place / "p.yml"))
    assert (shown.exit_code, note in shown.stdout) == (0, True)
    assert parity("prove", "rule.yml", "-t", "defender", "-p", "p.yml").exit_code == 0
    assert parity("prove", "rule.yml", "-t", "defender").exit_code == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"postprocessing": [{"type": "embed", "prefix": "x"}]}, "postprocessing would change a query after its proof"),
        ({"finalizers": [{"type": "concat"}]}, "finalizers would change a query after its proof"),
        ({"transformations": [{"type": "set_state", "key": "index", "val": "x"}]}, "set_state (index)"),
        ({"transformations": [{"type": "no_such"}]}, "is no pySigma pipeline"),
        (
            {"transformations": [{"type": "nest", "items": [{"type": "set_state", "key": "a", "val": "b"}]}]},
            "set_state",
        ),
    ],
)
def test_a_pipeline_that_cannot_be_followed_is_wrong_usage(
    place: Path, change: dict[str, Any], message: str
) -> None:  # fmt: skip
    """Nothing of it is passed over."""
    (place / "p.yml").write_text(yaml.safe_dump({**PIPELINE, **change}), "utf-8")
    done = parity("convert", "rule.yml", "-t", "defender", "-p", "p.yml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize("text", ["a: [", "[]", "7", "\x00", "transformations: 5"])
def test_a_file_that_is_no_pipeline_is_wrong_usage(place: Path, text: str) -> None:
    """Whatever is in it: no traceback."""
    (place / "p.yml").write_text(text, "utf-8")
    done = parity("convert", "rule.yml", "-t", "defender", "-p", "p.yml")
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert "p.yml" in done.stderr


def test_a_name_that_is_no_pipeline(place: Path) -> None:
    """Neither a file nor an installed one."""
    done = parity("convert", "rule.yml", "-t", "defender", "-p", "nix")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nix" in done.stderr


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([{"type": "rule_failure", "message": "not for us"}], "p.yml refuses the rule: not for us"),
        (
            [{"type": "query_expression_placeholders", "expression": "{field} in x"}],
            "leaves what Sigma cannot say: a value of the kind SigmaQueryExpression",
        ),
    ],
)
def test_a_rule_that_the_pipeline_refuses_is_left_out(place: Path, items: list[Any], message: str) -> None:
    """With the reason, as not examined; the others go on."""
    (place / "p.yml").write_text(yaml.safe_dump({**PIPELINE, "transformations": items}), "utf-8")
    done = parity("convert", "rule.yml", "-t", "defender", "-p", "p.yml")
    assert (done.exit_code, done.stdout) == (1, "")
    assert message in done.stderr


def test_a_platforms_own_column_is_refused(place: Path) -> None:
    """A pipeline for a stock backend leaves names that are no fields of Sigma: nothing is guessed from them."""
    items = [{"type": "field_name_mapping", "mapping": {"tool": "FileName"}}, {"type": "value_placeholders"}]
    (place / "p.yml").write_text(yaml.safe_dump({**PIPELINE, "transformations": items}), "utf-8")
    done = parity("convert", "rule.yml", "-t", "defender", "-p", "p.yml")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "field FileName" in done.stderr


def test_without_pysigma_it_is_said_what_to_install(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else works without it."""
    for name in [name for name in sys.modules if name == "sigma" or name.startswith("sigma.")]:
        monkeypatch.setitem(sys.modules, name, None)
    done = parity("convert", "rule.yml", "-t", "defender", "-p", "p.yml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "sigma-parity[pysigma]" in done.stderr
    written = (ROOT / "sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml").read_text("utf-8")
    (place / "plain.yml").write_text(written, "utf-8")
    assert parity("convert", "plain.yml", "-t", "defender").exit_code == 0
