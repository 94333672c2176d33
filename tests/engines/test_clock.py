"""Time is an argument: what a query finds depends on the moment it is asked at, and not on the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from converter.core.discovery import engines_for
from converter.core.errors import EngineUnavailable
from converter.core.platform import Record, Schema
from converter.core.verdict import Engine, Hit
from tests.support.schemas import columns_only

LONG_AGO = datetime(2019, 3, 4, 5, 6, 7, tzinfo=UTC)
ELASTIC = columns_only({"logs-a-default": {"@timestamp": "date", "k": "keyword"}})
SCHEMAS = {
    "kql": columns_only(
        {"T": {"Timestamp": "datetime", "ReportId": "long", "k": "string"}}, "Timestamp", "ReportId", "empty"
    ),
    "spl": columns_only({"": {"_time": "string", "k": "string"}}, "_time", ""),
    "esql": ELASTIC,
    "dsl": ELASTIC,
    "lucene": ELASTIC,
}
#: the last 24 hours in each language that has a window
WINDOWS = {
    "kql": "T | where Timestamp > ago(24h) and Timestamp <= now() | project ReportId",
    "spl": "search earliest=-24h k=a",
    "esql": "FROM logs-a-* METADATA _id | WHERE @timestamp > NOW() - 24 hours AND @timestamp <= NOW() | KEEP _id",
    "dsl": '{"query": {"range": {"@timestamp": {"gt": "now-24h", "lte": "now"}}}}',
    "lucene": "@timestamp:{now-24h TO now]",
}
#: ages in minutes, of which only the first two lie in the window
AGES = (1, 1439, 1441, 60 * 24 * 365)
ENGINES = [engine for dialect in WINDOWS for engine in engines_for(dialect)]


def records(schema: Schema, now: datetime) -> list[Record]:
    table = next(iter(schema.types))
    out = []
    for number, age in enumerate(AGES):
        time = (now - timedelta(minutes=age)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        identity = {schema.identity: number} if schema.identity in schema.types[table] else {}
        out.append(Record(table, {schema.time: time, "k": "a", **identity}))
    return out


def found(engine: Engine, text: str, schema: Schema, now: datetime) -> list[Hit]:
    try:
        return engine.run(text, records(schema, now), schema, now)
    except EngineUnavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("now", [LONG_AGO, datetime(2040, 1, 1, tzinfo=UTC)], ids=["past", "future"])
def test_the_window_ends_at_the_moment_asked_for(engine: Engine, now: datetime) -> None:
    """A query about the last day finds the records of the day before `now`, whatever the wall clock says."""
    hits = found(engine, WINDOWS[engine.dialect], SCHEMAS[engine.dialect], now)
    assert sorted(hit.position for hit in hits) == [0, 1]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_the_same_query_can_be_asked_at_another_moment(engine: Engine) -> None:
    """An engine that keeps texts and records keeps no moment: a day later the window is empty, but for what is new."""
    schema, text = SCHEMAS[engine.dialect], WINDOWS[engine.dialect]
    rows = records(schema, LONG_AGO)
    try:
        before = engine.run(text, rows, schema, LONG_AGO)
        later = engine.run(text, rows, schema, LONG_AGO + timedelta(minutes=1430))
    except EngineUnavailable as error:
        pytest.skip(str(error))
    assert (len(before), len(later)) == (2, 1)
