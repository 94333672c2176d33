"""The pipelines: pySigma's own format, made of the platform tables, and right there with the stock backends.

Whatever pySigma makes of a rule with them is read by our readers and judged by the proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("sigma.backends.kusto")
pytest.importorskip("sigma.backends.splunk")
pytest.importorskip("sigma.backends.elasticsearch")

from click.testing import CliRunner
from sigma.cli.convert import convert
from sigma.exceptions import SigmaTransformationError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaRule

from converter.build.pipelines import pipeline_files
from converter.core.discovery import schema_of, targets
from converter.core.errors import LibraryError
from converter.core.model import LogSource, Query, Rule
from converter.core.platform import Column, Schema, Table, is_property
from converter.core.verdict import Outcome
from converter.platforms.pipelines import transformations
from converter.prove.prove import prove
from converter.rules.meaning import meaning
from tests import stock
from tests.project import ROOT, library, sample

FILES = pipeline_files()
EVERY = pytest.mark.parametrize("path", FILES)
WHY: Mapping[str, Any] = yaml.safe_load((ROOT / "tests" / "data" / "stock_pipelines.yml").read_text("utf-8"))
#: outcome of a rule that the pipeline itself refuses
REFUSED = "REFUSED"

SOURCES = [
    pytest.param(target.pipeline, schema_of(target), table, id=f"{target.pipeline}-{table.logsource.category}")
    for target in {target.pipeline: target for target in targets().values() if target.pipeline}.values()
    for table in schema_of(target).tables
]


def test_the_files_are_what_the_tables_give() -> None:
    """Nobody edits them: `parity build` writes them, and takes away what no target uses."""
    there = {f"pipelines/{path.name}": path.read_text("utf-8") for path in (ROOT / "pipelines").glob("*.yml")}
    assert there == FILES, "run `parity build`"


@EVERY
def test_a_pipeline_loads_in_pysigma_alone(path: str) -> None:
    """Its own YAML format, nothing of ours: a name, a priority, the backends it is for, transformations with ids."""
    found = ProcessingPipeline.from_yaml(FILES[path])
    assert found.name
    assert found.allowed_backends == {t.backend for t in targets().values() if f"pipelines/{t.pipeline}.yml" == path}
    ids = [item.identifier for item in found.items]
    assert len(ids) == len(set(ids))


def test_targets_that_share_a_pipeline_have_the_same_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two platforms that differ cannot be served by one file."""
    with monkeypatch.context() as patch:
        every = {**targets(), "sentinel": stock.PAIRS["splunk splunk_sysmon"]}
        other = {**every, "sentinel": type(every["defender"])("sentinel", "x", "kql", "ecs", "x", pipeline="mde")}
        patch.setattr("converter.build.pipelines.targets", lambda: other)
        with pytest.raises(LibraryError, match="defender and ecs differ"):
            pipeline_files()


def _is_part(rule: Rule) -> bool:
    """Whether a rule is one of the web-shell detection's, which every pipeline must serve."""
    return any(part.rule == rule.path for part in library().detections["web_shell"].parts)


@pytest.mark.parametrize("pair", stock.PAIRS)
@pytest.mark.parametrize("rule", sample(), ids=lambda rule: rule.name)
def test_sigma_cli_converts_the_library(pair: str, rule: Rule, tmp_path: Path) -> None:
    """`sigma convert -p` with the file alone gives a query, and it names where it looks; a log source that the file
    has no table for is refused by name, and so is a field that its format cannot ask for as the rule does."""
    target = stock.PAIRS[pair]
    path = tmp_path / "pipeline.yml"
    path.write_text(FILES[f"pipelines/{target.pipeline}.yml"], "utf-8")
    result = CliRunner().invoke(convert, ["-t", target.backend, "-p", str(path), str(ROOT / rule.file)])
    if not any(rule.covers(table.logsource) for table in schema_of(target).tables):
        assert result.exit_code != 0
        assert "has no table for this log source" in result.output
        return
    if result.exit_code != 0 and not _is_part(rule):
        told = re.search(r"(\w+) cannot be asked for in this way of", result.output)
        assert told, result.output
        assert told[1] in meaning(rule).fields
        assert told[1] in _header(target.pipeline).split(), "what the file cannot ask for, its head says"
        return
    assert result.exit_code == 0, result.output
    table = next(t for t in schema_of(target).tables if t.logsource == rule.logsource)
    for first in [scope for scope in table.scope if scope.values][:1]:
        assert first.column in result.stdout
        # Lucene's query language has an escape before a hyphen or a slash
        plain = result.stdout.replace("\\", "") if target.dialect == "lucene" else result.stdout
        assert str(first.values[0]) in plain
    if target.dialect == "kql":
        assert result.stdout.startswith(f"{table.table}\n| where ")
    if target.dialect == "esql":
        assert result.stdout.startswith(f"from {','.join(table.indices)} ")


# Every field of every table


def _header(name: str) -> str:
    """What a pipeline's comments say above its first key, without commas."""
    return FILES[f"pipelines/{name}.yml"].split("\nname:")[0].replace(",", " ")


@pytest.mark.parametrize(("name", "schema", "table"), SOURCES)
def test_every_field_is_in_the_column_of_the_table(name: str, schema: Schema, table: Table) -> None:
    """A test of a field is a test of the column that the kinds of record keep it in, or the header says what is not."""
    header = _header(name)
    for field in stock.fields(schema, table.logsource):
        wanted = _whole_columns(schema, table.logsource, field)
        types = schema.types.get(table.table, {})
        plain = not any(is_property(column, types) for column in wanted)  # a property is refused
        exact = len(wanted) == 1 and plain and field not in stock.virtual(schema, table.logsource)
        asked = _columns_asked(name, table.logsource, field)
        if exact:
            assert asked == wanted, field
        else:
            own = {c.name for k in stock.kinds_of(schema, table.logsource) for c in k.columns if c.source == field}
            carriers = {column for k in stock.kinds_of(schema, table.logsource) for column in k.native}
            assert field in header.split(), field
            assert asked <= (carriers if field in stock.virtual(schema, table.logsource) else own), field


def _whole_columns(schema: Schema, logsource: LogSource, field: str) -> set[str]:
    """The columns that hold the whole value in some kind of record, the closest to the event's own of each kind."""
    found: set[str] = set()
    for kind in stock.kinds_of(schema, logsource):
        own: list[Column] = [c for c in kind.columns if c.source == field and c.derive in ("same", "lower")]
        found |= {own[0].name} if own else set()
    return found


def _columns_asked(name: str, logsource: LogSource, field: str) -> set[str]:
    """The columns that the pipeline makes of a test of a field, over the shapes that it does not refuse."""
    asked: set[str] = set()
    for _, selection, _ in stock.shapes(field, is_virtual=True):
        asked |= _applied(name, logsource, selection)
    for _, selection, _ in stock.shapes(field, is_virtual=False):
        asked |= _applied(name, logsource, selection)
    return asked


def _applied(name: str, logsource: LogSource, selection: Mapping[str, Any]) -> set[str]:
    rule = SigmaRule.from_dict(dict(stock.rule(logsource, selection).raw))
    try:
        stock.pipeline(name).apply(rule)
    except SigmaTransformationError:
        return set()
    return set(_fields(rule.detection.detections["selection"]))


def _fields(detection: SigmaDetection | SigmaDetectionItem) -> Iterator[str]:
    if isinstance(detection, SigmaDetectionItem):
        yield str(detection.field)
        return
    for item in detection.detection_items:
        yield from _fields(item)


@pytest.mark.parametrize(("name", "schema", "table"), SOURCES)
def test_what_cannot_be_said_is_refused(name: str, schema: Schema, table: Table) -> None:
    """A field that the log source lacks, a native column, a keyword, another log source: no query, and a message."""
    mapped = {c.name for k in stock.kinds_of(schema, table.logsource) for c in k.columns}
    native = sorted(mapped - set(stock.fields(schema, table.logsource)))[:1]
    for unknown in ("NoSuchField", *native):
        with pytest.raises(SigmaTransformationError, match="no column for this field"):
            stock.pipeline(name).apply(_sigma(table.logsource, {unknown: "x"}))
    with pytest.raises(SigmaTransformationError, match="no column for this field"):
        stock.pipeline(name).apply(_sigma(table.logsource, {"|all": ["x", "y"]}))
    elsewhere = LogSource("solaris", table.logsource.category if table.logsource.product else "no_such_category")
    with pytest.raises(SigmaTransformationError, match="no table for this log source"):
        stock.pipeline(name).apply(_sigma(elsewhere, {"Image": "x"}))


def _sigma(logsource: LogSource, selection: Mapping[str, Any]) -> SigmaRule:
    return SigmaRule.from_dict(dict(stock.rule(logsource, selection).raw))


@pytest.mark.parametrize("name", ["mde", "splunk_defender", "m365_defender"])
def test_accepted_connections_are_refused_where_their_columns_cross(name: str) -> None:
    """Initiated false with a test of an end asks for columns that the format cannot choose; true, or none, is said."""
    source = LogSource("windows", "network_connection")
    for value in (False, "false", "False"):
        with pytest.raises(SigmaTransformationError, match="in other columns where Initiated is false"):
            stock.pipeline(name).apply(_sigma(source, {"Initiated": value, "DestinationPort": 3389}))
    stock.pipeline(name).apply(_sigma(source, {"Initiated": True, "DestinationPort": 3389}))
    stock.pipeline(name).apply(_sigma(source, {"Initiated": False, "Image|endswith": "\\x.exe"}))


# The proof


@pytest.mark.parametrize("pair", stock.PAIRS)
def test_the_stock_query_means_the_rule_or_a_reason_is_known(pair: str) -> None:
    """Rules about every field, converted by a stock backend: AGREE, refused, or exactly what the data file foresees."""
    target = stock.PAIRS[pair]
    header = FILES[f"pipelines/{target.pipeline}.yml"].split("\nname:")[0].replace(",", " ").split()
    wrong, used = [], set()
    for shape, field, rule in stock.cases(pair):
        outcome, reason = _judged(pair, rule)
        if outcome == REFUSED:
            assert field.split(".", 1)[1] in header, f"{field} is refused and the header does not say so"
            continue
        why = _why(pair, shape, field)
        used.add((why, shape, field))
        foreseen = WHY[why]["outcome"] if why else Outcome.AGREE.value
        if outcome != foreseen:
            wrong.append(f"{pair}: {shape} of {field} is {outcome}, not {foreseen} ({why or 'no reason'}): {reason}")
    assert not wrong, "\n".join(wrong[:20])
    named = {(why, shape, field) for why, shape, field in _named(pair) if shape != "*"}
    assert named <= used, f"cases that there are no more: {sorted(named - used)}"


def _judged(pair: str, rule: Rule) -> tuple[str, str]:
    target = stock.PAIRS[pair]
    try:
        text = stock.converted(pair, rule)
    except SigmaTransformationError as refusal:
        return REFUSED, str(refusal)
    proof = prove(Query(rule.path, target.name, target.dialect, text, ""), target, {rule.path: rule})
    return proof.outcome.value, proof.reason


def _named(pair: str) -> Iterator[tuple[str, str, str]]:
    for why, entry in WHY.items():
        for shape, fields in entry["cases"].get(pair, {}).items():
            yield from ((why, shape, field) for field in fields)


def _why(pair: str, shape: str, field: str) -> str | None:
    """The reason that names a case, or the one that has all others of the pair."""
    named = list(_named(pair))
    exact = [why for why, *case in named if case == [shape, field]]
    assert len(exact) <= 1, f"{pair}: {shape} of {field} has several reasons"
    return next(iter([*exact, *(why for why, *case in named if case == ["*", "*"])]), None)


def test_notes_name_log_sources_and_fields_of_the_platform() -> None:
    """What a header says it says of a field of a log source that there is."""
    for target in targets().values():
        schema = schema_of(target)
        sources = {str(table.logsource): table.logsource for table in schema.tables}
        for note in transformations(schema, schema.title)[1]:
            assert note.field == "every text" or note.field in stock.fields(schema, sources[note.source])
