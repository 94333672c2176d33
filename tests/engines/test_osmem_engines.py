"""The two engines that execute on osmem-server, and the facts about that server which the Elastic writers rely on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from converter.core.errors import EngineError, EngineUnavailable, NotRepresentable, QueryError
from converter.core.platform import Record
from converter.engines.elastic import osmem
from converter.engines.elastic.lucene_osmem import ENGINE as LUCENE
from converter.engines.elastic.osmem import OsmemServer, flat, index_name
from converter.engines.elastic.query_dsl_osmem import ENGINE as DSL
from tests.support.schemas import columns_only

FILES, NETWORK = "logs-endpoint.events.file-default", "logs-Endpoint.Events/Network"
TYPES = {
    "@timestamp": "date",
    "k": "keyword",
    "w": "wildcard",
    "c": "constant_keyword",
    "ip": "ip",
    "n": "long",
    "process.name": "keyword",
    "process.name.caseless": "keyword",
}
SCHEMA = columns_only({FILES: TYPES, NETWORK: {"k": "keyword", "ip": "ip"}})


def records(*rows: dict[str, Any], table: str = FILES) -> list[Record]:
    return [Record(table, row) for row in rows]


def matched(query: dict[str, Any], rows: Sequence[Record], **body: Any) -> list[int]:
    return [hit.position for hit in DSL.run(json.dumps({"query": query, **body}), rows, SCHEMA)]


def found(text: str, rows: Sequence[Record]) -> list[int]:
    return [hit.position for hit in LUCENE.run(text, rows, SCHEMA)]


def test_hits_come_back_by_position_in_the_order_and_shape_the_body_asks_for() -> None:
    """A hit is its record's position; the row is the filtered source, flat, plus the named queries it met."""
    rows = records(
        {"_id": "x", "k": "a", "process.name": "CMD.exe", "@timestamp": "2026-11-24T18:00:00.000Z"},
        {"k": "c", "@timestamp": "2026-11-24T18:02:00.000Z"},
        {"k": ["a", "b"], "@timestamp": "2026-11-24T18:01:00.000Z"},
    )
    named = [{"term": {"k": {"value": v, "_name": v.upper()}}} for v in ("a", "b")]
    body = {"query": {"bool": {"should": named}}, "_source": ["process.*", "k"], "sort": [{"@timestamp": "desc"}]}
    hits = DSL.run(json.dumps({**body, "size": 1}), rows, SCHEMA)
    assert [hit.position for hit in hits] == [2, 0], "a size in the body must not hide hits"
    assert hits[0].row == {"k": ["a", "b"], "matched_queries": ["A", "B"]}
    assert hits[1].row == {"k": "a", "process.name": "CMD.exe", "matched_queries": ["A"]}
    assert LUCENE.run("k:c", rows, SCHEMA)[0].row == dict(rows[1].fields)


def test_records_of_every_table_are_searched_at_once() -> None:
    """A body names no index, so each table has its own index and mapping and all are searched."""
    rows = [*records({"k": "a"}), *records({"k": "a", "ip": "10.0.0.1"}, table=NETWORK)]
    assert sorted(matched({"term": {"k": "a"}}, rows)) == [0, 1]
    assert matched({"term": {"n": 1}}, rows) == []
    assert matched({"exists": {"field": "ip"}}, rows) == [1]


@pytest.mark.parametrize(
    "body", ["{", "{}x", '{"query": {"zork": {}}}', '{"query": {"bool": {"zork": []}}}', '{"q": 1}']
)
@pytest.mark.parametrize("rows", [records({"k": "a"}), []], ids=["records", "none"])
def test_a_body_the_server_refuses_is_a_query_error(body: str, rows: list[Record]) -> None:
    """Also over no records at all."""
    with pytest.raises(QueryError, match="osmem-server refused"):
        DSL.run(body, rows, SCHEMA)


@pytest.mark.parametrize(
    "text", ["k:", "k:(a", "k:a AND", "NOT NOT k:a", "ip:fc00::/7", "k:/a/b/", "F*:a AND (", "k:a\\"]
)
def test_a_query_string_the_server_refuses_is_a_query_error(text: str) -> None:
    """A syntax error is loud."""
    with pytest.raises(QueryError, match="Failed to parse query"):
        LUCENE.run(text, records({"k": "a"}), SCHEMA)


@pytest.mark.parametrize("row", [{"ip": ""}, {"ip": "nope"}, {"n": "x"}, {"zork": "a"}])
def test_a_record_that_elasticsearch_would_reject_is_not_left_out(row: dict[str, Any]) -> None:
    """An ip field rejects the empty string, a number field a word, and an unmapped column is not guessed."""
    with pytest.raises(NotRepresentable, match="record 1"):
        matched({"match_all": {}}, records({"k": "a"}, row))
    with pytest.raises(NotRepresentable, match="no table"):
        matched({"match_all": {}}, records({"k": "a"}, table="elsewhere"))


def test_records_are_indexed_once_and_never_served_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same records are indexed once; a changed list or another schema is a corpus of its own."""
    server, calls = OsmemServer.shared(), []
    request = server._request
    monkeypatch.setattr(server, "_request", lambda *a: (calls.append(a[:2]), request(*a))[1])
    rows = records({"k": "once"}, {"k": "twice"})
    assert matched({"term": {"k": "once"}}, rows) == [0]
    assert matched({"term": {"k": "twice"}}, list(rows)) == [1]
    assert matched({"term": {"k": "twice"}}, records({"k": "once"}, {"k": "twice"})) == [1]
    assert sum(path.startswith("/_bulk") for _, path in calls) == 1
    rows[0] = Record(FILES, {"k": "thrice"})
    assert matched({"term": {"k": "thrice"}}, rows) == [0]
    assert sum(path.startswith("/_bulk") for _, path in calls) == 2


def test_old_corpora_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than MAX_CORPORA are kept, and one that was dropped is indexed again when asked for."""
    monkeypatch.setattr(osmem, "MAX_CORPORA", 2)
    corpora = [records({"k": f"corpus {i}"}) for i in range(4)]
    for i in (0, 1, 2, 3, 0):
        assert matched({"term": {"k": f"corpus {i}"}}, corpora[i]) == [0]
    assert len(OsmemServer.shared()._corpora) == 2


def test_more_hits_than_elasticsearch_returns_by_default() -> None:
    """Ten thousand is Elasticsearch's default window; the engine widens it."""
    assert len(matched({"match_all": {}}, records(*({"k": str(i)} for i in range(10_500))))) == 10_500


def test_names() -> None:
    """An index name is legal whatever the table is called; nested source objects come back flat."""
    assert index_name("logs-m365_defender.event-*") == "logs-m365_defender.event--"
    assert index_name("_A/b") == "a-b"
    assert index_name("") == "records"
    assert flat({"a": {"b": {"c": 1}}, "d.e": [2]}) == {"a.b.c": 1, "d.e": [2]}


def test_a_missing_program_makes_the_engine_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is not there says what to install; one that is there and does not start is a failure."""
    monkeypatch.setenv("OSMEM_SERVER_BIN", "no/such/program")
    with pytest.raises(EngineUnavailable, match="pip install osmem-server"):
        OsmemServer()
    monkeypatch.setenv("OSMEM_SERVER_BIN", sys.executable)  # a program that starts and leaves again
    with pytest.raises(EngineError, match="did not become ready"):
        OsmemServer()


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in which no server was started or died yet."""
    monkeypatch.setattr(OsmemServer, "_restarts", 0)
    monkeypatch.setattr(OsmemServer, "_refusal", None)
    monkeypatch.setattr(OsmemServer, "_instance", None)


@pytest.mark.usefixtures("untouched")
def test_a_server_that_dies_is_started_again_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Killed between two queries it answers the second one, records and all, and says so; killed again it is an
    error, never an answer."""
    server, rows = OsmemServer.shared(), records({"k": "a"}, {"k": "b"})
    assert server.search(rows, SCHEMA, {"query": {"term": {"k": "b"}}}) == [1]
    server._process.kill()
    server._process.wait()
    assert server.search(rows, SCHEMA, {"query": {"term": {"k": "b"}}}) == [1]
    assert "started again" in capsys.readouterr().err
    server._process.kill()
    server._process.wait()
    with pytest.raises(EngineError, match="died again"):
        server.search(rows, SCHEMA, {"query": {"term": {"k": "b"}}})
    server.close()


@pytest.mark.usefixtures("untouched")
def test_a_server_that_does_not_answer_in_time_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was asked is an error, and the next query has another server and need not wait."""
    server, rows = OsmemServer.shared(), records({"k": "a"})

    def late(*_: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(server, "_exchange", late)
        with pytest.raises(EngineError, match="no answer within 60 s"):
            server.search(rows, SCHEMA, {"query": {"match_all": {}}})
    server._process.wait(10)
    assert OsmemServer.shared() is not server
    assert OsmemServer.shared().search(rows, SCHEMA, {"query": {"match_all": {}}}) == [0]
    OsmemServer.shared().close()


@pytest.mark.usefixtures("untouched")
def test_a_program_that_does_not_start_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every later query is told at once why."""
    calls: list[int] = []

    def refuse() -> None:
        calls.append(1)
        raise EngineError("osmem-server did not become ready within 30 s")

    monkeypatch.setattr(osmem, "_start", refuse)
    for _ in range(3):
        with pytest.raises(EngineError, match="did not become ready"):
            OsmemServer.shared()
    assert calls == [1]


def _gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"  # ended; only its parent, which is gone too, has not asked for it


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads the process table of Linux")
@pytest.mark.parametrize("ending", ["pass", f"os.kill(os.getpid(), {int(signal.SIGKILL)})", "os._exit(3)"])
def test_no_process_stays_behind(ending: str) -> None:
    """However the parent ends, the server ends with it."""
    code = (
        "import os; from converter.engines.elastic.osmem import OsmemServer;"
        f"print(OsmemServer.shared()._process.pid, flush=True); {ending}"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    deadline = time.monotonic() + 5
    while not _gone(int(done.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _gone(int(done.stdout))


VALUES = ["a\\b", "a*b", "axb", "AXB", "a?b", "a\nb", "ab", "a/b", "a𝒳b", "ä", "Ä", ""]
FACTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("a backslash escapes itself, * and ?", {"wildcard": {"F": r"a\\b"}}, ["a\\b"]),
    ("an escaped star is a star", {"wildcard": {"F": r"a\*b"}}, ["a*b"]),
    ("before another character it vanishes", {"wildcard": {"F": r"a\b"}}, ["ab"]),
    (
        "a wildcard spans newlines, ? is one code point",
        {"wildcard": {"F": "a?b"}},
        [*VALUES[:3], *VALUES[4:6], *VALUES[7:9]],
    ),
    ("the empty pattern is the empty value", {"wildcard": {"F": ""}}, [""]),
    ("a regular expression is anchored", {"regexp": {"F": "x"}}, []),
    ("and its dot spans newlines", {"regexp": {"F": "a.b"}}, [*VALUES[:3], *VALUES[4:6], *VALUES[7:9]]),
    ("^ and $ are ordinary", {"regexp": {"F": "^ab$"}}, []),
    ("classes escape a backslash", {"regexp": {"F": r"a[\\/]b"}}, ["a\\b", "a/b"]),
    ("@ is any string unless escaped", {"regexp": {"F": "ax@"}}, ["axb"]),
    ("flags NONE turn that off", {"regexp": {"F": {"value": "ax@", "flags": "NONE"}}}, []),
    (
        "case_insensitive folds single letters",
        {"regexp": {"F": {"value": "ax[b]", "case_insensitive": True}}},
        ["axb", "AXB"],
    ),
    ("but no range of a class", {"regexp": {"F": {"value": "[a-z]+", "case_insensitive": True}}}, ["axb", "ab"]),
    ("a wildcard folds ASCII only", {"wildcard": {"F": {"value": "ä*", "case_insensitive": True}}}, ["ä"]),
    (
        "a term folds all letters, unlike Elasticsearch",
        {"term": {"F": {"value": "ä", "case_insensitive": True}}},
        ["ä", "Ä"],
    ),
    ("no limit on the length of a pattern, unlike Elasticsearch", {"regexp": {"F": "(" + "a?" * 800 + ")b"}}, ["ab"]),
]


@pytest.mark.parametrize("field", ["k", "w"])
@pytest.mark.parametrize(("law", "query", "expected"), FACTS, ids=[law for law, _, _ in FACTS])
def test_facts_about_strings(law: str, query: dict[str, Any], expected: list[str], field: str) -> None:
    """What the writers of the Elastic dialects rely on, and where the server departs from Elasticsearch."""
    query = json.loads(json.dumps(query).replace('"F"', f'"{field}"'))
    assert [VALUES[i] for i in matched(query, records(*({field: v} for v in VALUES)))] == expected, law


def test_facts_about_documents() -> None:
    """Multi-fields stand beside their parent, a constant keyword is the record's, must_not keeps a missing field."""
    rows = records({"process.name": "CMD.exe", "c": "x"}, {"k": ["a", "b"]}, {"k": []})
    assert matched({"term": {"process.name.caseless": "cmd.exe"}}, rows) == [0]
    assert matched({"term": {"c": "x"}}, rows) == [0]
    assert matched({"bool": {"must_not": {"term": {"k": "a"}}}}, rows) == [0, 2]
    assert matched({"exists": {"field": "k"}}, rows) == [1]
    assert found('NOT k:a AND NOT process.name:"CMD.exe"', rows) == [2]
