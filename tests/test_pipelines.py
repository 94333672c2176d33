"""The pipelines as pySigma and sigma-cli see them, without Parity: they load, and every query names its source."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from sigma.cli.convert import convert
from sigma.processing.pipeline import ProcessingPipeline

from converter.discovery import targets
from converter.model import Rule
from tests.project import ROOT, library

PIPELINES = sorted((ROOT / "pipelines").glob("*.yml"))
EVERY = pytest.mark.parametrize("path", PIPELINES, ids=lambda p: p.stem)
RULES = list(library().rules.values())

SYSMON = 'source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational" EventCode='
EVENT_HUB = 'sourcetype="mscs:azure:eventhub:defender:advancedhunting" category="AdvancedHunting-'

#: (pipelines, sigma-cli's target) -> for each log source category, how the query begins and what it must also hold
Expected = dict[str, tuple[str, tuple[str, ...]]]
ECS_CATEGORIES = {"process_creation": "process", "file_event": "file", "network_connection": "network"}
TABLES = {
    "process_creation": "DeviceProcessEvents",
    "file_event": "DeviceFileEvents",
    "network_connection": "DeviceNetworkEvents",
}
EVENT_CODES = {"process_creation": 1, "file_event": 11, "network_connection": 3}


def _elastic(begin: str, sign: str) -> Expected:
    quote = "" if begin == "(" else '"'
    return {c: (begin, (f"event.category{sign}{quote}{v}{quote}",)) for c, v in ECS_CATEGORIES.items()}


ELASTIC = {
    "lucene": _elastic("(", ":"),
    "eql": _elastic("any where ", ":"),
    "esql": _elastic("from ", "=="),
}
CHAINS: dict[tuple[str, tuple[str, ...]], Expected] = {
    ("kusto", ("mde",)): {c: (f"{table}\n| where ", ("ActionType",)) for c, table in TABLES.items()},
    ("splunk", ("splunk_sysmon",)): {c: (f"{SYSMON}{code} ", ()) for c, code in EVENT_CODES.items()},
    ("splunk", ("mde", "splunk_defender")): {
        c: (f'{EVENT_HUB}{table}" ', ("properties.ActionType",)) for c, table in TABLES.items()
    },
    **{(target, (name,)): expected for target, expected in ELASTIC.items() for name in ("ecs", "m365_defender")},
}
CASES = [
    pytest.param(target, names, expected, id=f"{target}-{'+'.join(names)}")
    for (target, names), expected in CHAINS.items()
]


@EVERY
def test_a_pipeline_loads_in_pysigma_alone(path: Path) -> None:
    """Its own YAML format, nothing of ours: a name, a priority, the backends it is for, transformations with ids."""
    text = path.read_text("utf-8")
    pipeline = ProcessingPipeline.from_yaml(text)
    assert pipeline.name
    assert pipeline.priority
    assert pipeline.allowed_backends
    ids = [item.identifier for item in pipeline.items]
    assert all(ids)
    assert len(ids) == len(set(ids))
    assert "https://" in text or "Source:" in text, "where the mapping's facts come from"


@EVERY
def test_a_pipeline_serves_a_target(path: Path) -> None:
    """Each file is used, and every target's pipelines are files here."""
    used = {name for target in targets().values() for name in target.pipelines}
    assert path.stem in used
    assert used <= {p.stem for p in PIPELINES}


def test_every_chain_of_the_targets_is_tried_here() -> None:
    """A new chain of pipelines needs its line in the table above."""
    assert {target.pipelines for target in targets().values()} == {names for _, names in CHAINS}


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.stem.rsplit("/", 1)[-1])
@pytest.mark.parametrize(("target", "names", "expected"), CASES)
def test_sigma_cli_names_the_right_source(target: str, names: tuple[str, ...], expected: Expected, rule: Rule) -> None:
    """With our pipelines alone, sigma-cli's query says which table, source or kind of event it is about."""
    chain = [part for name in names for part in ("-p", str(ROOT / "pipelines" / f"{name}.yml"))]
    result = CliRunner().invoke(convert, ["-t", target, *chain, str(ROOT / rule.path)])
    assert result.exit_code == 0, result.output
    begin, more = expected[rule.category]
    query = result.stdout.strip()
    assert query.startswith(begin), query[:120]
    assert [part for part in more if part not in query] == []
    others = [text for c, (text, _) in expected.items() if c != rule.category and text != begin]
    assert [text for text in others if text in query] == []


@EVERY
def test_no_two_fields_share_a_column(path: Path) -> None:
    """Within one log source, different Sigma fields are different columns."""
    for item in yaml.safe_load(path.read_text("utf-8"))["transformations"]:
        if item["type"] == "field_name_mapping":
            natives = list(item["mapping"].values())
            assert len(natives) == len(set(natives)), item["id"]
