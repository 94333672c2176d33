"""The engines that execute on a real Elasticsearch node, and the node's life.

Without an installation they read NOT_RUN, so the tests are skipped; PARITY_REQUIRE_ELASTICSEARCH=1 makes that a
failure.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from converter.core.errors import EngineError, EngineUnavailable, NotRepresentable, QueryError
from converter.core.platform import Record, Schema
from converter.engines.elastic import corpora, installation, place, process, transport
from converter.engines.elastic import shared_node as node
from converter.engines.elastic.elasticsearch_dsl import ENGINE as DSL
from converter.engines.elastic.elasticsearch_eql import ENGINE as EQL
from converter.engines.elastic.elasticsearch_esql import ENGINE as ESQL
from converter.engines.elastic.elasticsearch_lucene import ENGINE as LUCENE
from converter.engines.elastic.transport import Reply

FILES, NETWORK = "logs-endpoint.events.file-default", "logs-endpoint.events.network-default"
TYPES = {
    "@timestamp": "date",
    "k": "keyword",
    "w": "wildcard",
    "c": "constant_keyword",
    "t": "match_only_text",
    "ip": "ip",
    "n": "long",
    "event.category": "keyword",
    "process.name": "keyword",
    "process.name.caseless": "keyword",
}
NETWORK_TYPES = {"@timestamp": "date", "k": "keyword", "x": "ip"}


def schema_of(types: dict[str, dict[str, str]]) -> Schema:
    return Schema("test", "Test", (), (), time="@timestamp", identity="_id", missing="absent", types=types)


SCHEMA = schema_of({FILES: TYPES, NETWORK: NETWORK_TYPES})


def pieces(names: str) -> str:
    return "/(" + "|".join(rf".*\.{name}.*" for name in names.split()) + ")/"


#: One alternative more than Lucene determinizes within Elasticsearch's limit.
TOO_COMPLEX = pieces("ace arj bz2 cab dmg gz iso lzh rar tgz xz zip")


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    try:
        installation.find()
    except EngineUnavailable as error:
        if os.environ.get("PARITY_REQUIRE_ELASTICSEARCH"):
            pytest.fail(str(error))
        pytest.skip(f"NOT_RUN: {error}")


def records(*rows: dict[str, Any], table: str = FILES) -> list[Record]:
    return [Record(table, row) for row in rows]


def matched(query: dict[str, Any], rows: Sequence[Record], **body: Any) -> list[int]:
    return [hit.position for hit in DSL.run(json.dumps({"query": query, **body}), rows, SCHEMA)]


def found(text: str, rows: Sequence[Record]) -> list[int]:
    return sorted(hit.position for hit in LUCENE.run(text, rows, SCHEMA))


def rows_of(text: str, rows: Sequence[Record], schema: Schema = SCHEMA) -> list[int]:
    return [hit.position for hit in ESQL.run(text, rows, schema)]


# What comes back


def test_hits_come_back_by_position_in_the_order_and_shape_the_body_asks_for() -> None:
    """A hit is its record's position; the row is the filtered source, flat, plus the named queries it met."""
    rows = records(
        {"_id": "x", "k": "a", "process.name": "CMD.exe", "@timestamp": "2026-03-01T18:00:00.000Z"},
        {"k": "c", "@timestamp": "2026-03-01T18:02:00.000Z"},
        {"k": ["a", "b"], "@timestamp": "2026-03-01T18:01:00.000Z"},
    )
    named = [{"term": {"k": {"value": v, "_name": v.upper()}}} for v in ("a", "b")]
    body = {"query": {"bool": {"should": named}}, "_source": ["process.*", "k"], "sort": [{"@timestamp": "desc"}]}
    hits = DSL.run(json.dumps({**body, "size": 1}), rows, SCHEMA)
    assert [hit.position for hit in hits] == [2, 0], "a size in the body must not hide hits"
    assert hits[0].row == {"k": ["a", "b"], "matched_queries": ["A", "B"]}
    assert hits[1].row == {"k": "a", "process.name": "CMD.exe", "matched_queries": ["A"]}
    assert LUCENE.run("k:c", rows, SCHEMA)[0].row == dict(rows[1].fields)


def test_an_esql_row_shows_its_record() -> None:
    """Rows come in the query's order, with the record's own `_id` and its data stream's name."""
    rows = [*records({"_id": "one", "k": "a", "n": 1}, {"k": "b", "n": 2}), *records({"k": "c"}, table=NETWORK)]
    hits = ESQL.run("FROM logs-* METADATA _id, _index | SORT k DESC | KEEP _id, _index, k, n", rows, SCHEMA)
    assert [hit.position for hit in hits] == [2, 1, 0]
    assert hits[2].row == {"_id": "one", "_index": FILES, "k": "a", "n": 1}
    assert hits[0].row == {"_id": "2", "_index": NETWORK, "k": "c", "n": None}


def test_an_index_pattern_means_data_streams() -> None:
    """A pattern finds the streams it names; a stream without a record is there, with its columns; no other is."""
    rows = [*records({"k": "a"}), *records({"k": "a", "x": "10.0.0.1"}, table=NETWORK)]
    assert rows_of(f"FROM {FILES} METADATA _id | KEEP _id", rows) == [0]
    assert rows_of("FROM logs-endpoint.events.net*-* METADATA _id | KEEP _id", rows) == [1]
    assert rows_of("FROM logs-*-default METADATA _id | WHERE x IS NULL | KEEP _id", rows[:1]) == [0]
    assert rows_of("FROM logs-endpoint.events.network-* METADATA _id | KEEP _id", rows[:1]) == []
    with pytest.raises(QueryError, match=r"Unknown index \[logs-windows\.\*\]"):
        rows_of("FROM logs-windows.* METADATA _id", rows)


def test_no_corpus_is_seen_through_another() -> None:
    """Neither the records nor the columns of another corpus are there, though it has the same data streams."""
    other = schema_of({FILES: {"@timestamp": "date", "elsewhere": "long"}})
    assert rows_of("FROM logs-* METADATA _id | WHERE elsewhere == 1", records({"elsewhere": 1}), other) == [0]
    assert rows_of('FROM logs-* METADATA _id | WHERE k == "a"', records({"k": "a"})) == [0]
    with pytest.raises(QueryError, match=r"Unknown column \[elsewhere\]"):
        rows_of("FROM logs-* METADATA _id | WHERE elsewhere == 1", records({"k": "a"}))
    assert found("*:*", records({"k": "a"})) == [0]


def test_missing_field_types_have_stand_ins() -> None:
    """The types whose modules are missing answer as the type in their place, and are named as missing parts."""
    rows = records({"w": "C:\\Windows\\cmd.exe /c dir", "c": "endpoint", "t": "Command Prompt"})
    assert matched({"wildcard": {"w": {"value": "*CMD.EXE*", "case_insensitive": True}}}, rows) == [0]
    assert matched({"term": {"c": "endpoint"}}, rows) == [0]
    assert matched({"match": {"t": "prompt"}}, rows) == [0]
    for type_ in node.STAND_INS:
        assert any(part.startswith(f"field type {type_} ") for part in installation.MISSING_PARTS)


def test_multi_fields_are_fed_by_their_parent() -> None:
    """`.caseless` folds as Elastic Defend's does, and no record gives it."""
    rows = records({"process.name": "CMD.exe"})
    assert matched({"term": {"process.name.caseless": "cmd.EXE"}}, rows) == [0]
    assert matched({"term": {"process.name": "cmd.exe"}}, rows) == []


def test_eql_runs_as_query_dsl() -> None:
    """A single-event query finds what it describes, in the records' order, whole."""
    rows = records({"process.name": "a.exe"}, {"process.name": "CMD.exe"}, {"process.name": "cmd.exe"})
    hits = EQL.run('any where process.name : "cmd.exe"', rows, SCHEMA)
    assert [(hit.position, hit.row) for hit in hits] == [(1, rows[1].fields), (2, rows[2].fields)]
    assert "through Parity's EQL-to-Query-DSL translation" in EQL.provenance


def test_more_hits_than_elasticsearch_returns_by_default() -> None:
    """Ten thousand hits are Elasticsearch's default; the engine widens it, and indexes in several requests."""
    rows = records(*({"k": str(i), "w": "x" * 500} for i in range(10_500)))
    assert len(matched({"match_all": {}}, rows)) == 10_500
    with pytest.raises(QueryError, match="cuts the result at 10000 rows"):
        rows_of("FROM logs-* METADATA _id | KEEP _id", rows)
    assert len(rows_of("FROM logs-* METADATA _id | KEEP _id | LIMIT 20000", rows)) == 10_500


# What is refused


@pytest.mark.parametrize("body", ["{", "{}x", '{"query": {"zork": {}}}', '{"query": {"bool": {"zork": []}}}'])
@pytest.mark.parametrize("rows", [records({"k": "a"}), []], ids=["records", "none"])
def test_a_body_that_elasticsearch_refuses_is_a_query_error(body: str, rows: list[Record]) -> None:
    """Also over no records at all."""
    with pytest.raises(QueryError, match=r"Elasticsearch refused the query \(400\)"):
        DSL.run(body, rows, SCHEMA)


@pytest.mark.parametrize("text", ["k:", "k:(a", "k:a AND", "ip:fc00::/7", "k:/a/b/"])
def test_a_query_string_with_a_fault_is_a_query_error(text: str) -> None:
    """A syntax error is loud."""
    with pytest.raises(QueryError, match="Failed to parse query"):
        found(text, records({"k": "a"}))


@pytest.mark.parametrize("text", ["FROM logs-* METADATA _id |", "FROM logs-* METADATA _id | WHERE NOPE(k)"])
def test_an_esql_query_with_a_fault_is_a_query_error(text: str) -> None:
    """Syntax and unknown functions are loud, with Elasticsearch's own words."""
    with pytest.raises(QueryError, match=r"parsing_exception|Unknown function"):
        rows_of(text, records({"k": "a"}))


@pytest.mark.parametrize(
    "text",
    [
        f"k:{TOO_COMPLEX}",
        f"NOT k:{TOO_COMPLEX}",
        f"k:a AND NOT k:{TOO_COMPLEX}",
        f"(k:a OR k:{TOO_COMPLEX}) AND n:1",
        TOO_COMPLEX,
        "k:/(/",
        "n:high",
        "n:[1 TO 99999999999999999999]",
    ],
)
def test_a_part_that_silently_matches_nothing_is_an_error(text: str) -> None:
    """A lenient query string answers with status 200 though a part was given up; below a NOT that is everything."""
    with pytest.raises(QueryError, match="match nothing, without an error"):
        found(text, records({"k": "a", "n": 1}))


def test_the_same_within_a_search_body() -> None:
    """A query string in a body is as lenient as one alone."""
    body = {"query": {"bool": {"must_not": [{"query_string": {"query": f"k:{TOO_COMPLEX}"}}]}}}
    with pytest.raises(QueryError, match="match nothing, without an error"):
        DSL.run(json.dumps(body), records({"k": "a"}), SCHEMA)
    with pytest.raises(QueryError, match="would require more than 10000 effort"):
        matched({"regexp": {"k": TOO_COMPLEX.strip("/")}}, records({"k": "a"}))


@pytest.mark.parametrize("text", ["zork:a", "NOT zork:a", "k:a OR zork:a"])
def test_a_field_that_no_stream_has_is_an_error(text: str) -> None:
    """It matches nothing in silence as well; a field that only another stream has is none."""
    with pytest.raises(QueryError, match="no data stream has the field zork"):
        found(text, records({"k": "a"}))
    assert found("k:a OR x:10.0.0.1", records({"k": "a"})) == [0]


@pytest.mark.parametrize("text", ["a", "a*", "/[a]/", '"a"', "[a TO b]", "NOT b", "a~"])
def test_a_word_without_a_field_is_looked_for_where_it_can_be(text: str) -> None:
    """What leniency is for: a word is no value of the numbers, dates and addresses, which is no fault of the query."""
    assert found(text, records({"k": "a"})) == [0]


def test_an_esql_warning_is_an_error_unless_its_meaning_is_settled() -> None:
    """A field of several values where one is wanted is null by definition; an overflow is a wrong result."""
    rows = records({"k": ["a", "b"], "n": 2}, {"k": "a"})
    assert rows_of('FROM logs-* METADATA _id | WHERE k == "a"', rows) == [1]
    with pytest.raises(QueryError, match=r"Elasticsearch warns: .*long overflow"):
        rows_of("FROM logs-* METADATA _id | EVAL m = n + 9223372036854775807", rows)


def test_esql_rows_without_an_id_are_no_hits() -> None:
    """A row that can't be traced to a record is never guessed."""
    with pytest.raises(QueryError, match="does not return _id"):
        rows_of("FROM logs-* | KEEP k", records({"k": "a"}))


@pytest.mark.parametrize("row", [{"ip": ""}, {"ip": "nope"}, {"n": "x"}, {"zork": "a"}, {"k": "x" * 40_000}])
def test_a_record_that_elasticsearch_rejects_is_not_left_out(row: dict[str, Any]) -> None:
    """A value that its type can't hold, an unmapped column, a keyword beyond Lucene's 32,766 bytes."""
    with pytest.raises(NotRepresentable, match="record 1"):
        matched({"match_all": {}}, records({"k": "a"}, row))
    with pytest.raises(NotRepresentable, match="no table"):
        matched({"match_all": {}}, records({"k": "a"}, table="elsewhere"))


@pytest.mark.parametrize(
    "body",
    [
        {"_shards": {"failed": 1}},
        {"timed_out": True},
        {"is_partial": True},
        {"terminated_early": True},
    ],
)
def test_half_an_answer_is_an_engine_error(body: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comes with status 200."""
    whole = {"hits": {"hits": [], "total": {"value": 0, "relation": "eq"}}, "columns": [{"name": "_id"}], "values": []}
    rows = records({"k": "half"})
    assert found("k:a", rows) == rows_of('FROM logs-* METADATA _id | WHERE k == "a" | KEEP _id', rows) == []
    monkeypatch.setattr(transport.Loopback, "send", lambda self, method, path, *rest: Reply(200, {**whole, **body}))
    for run in (found, rows_of):
        with pytest.raises(EngineError, match="in part only"):
            run("k:a", rows)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_elasticsearch_could_not_do_is_an_engine_error(status: int) -> None:
    """A full queue or memory, or a fault of its own, says nothing of the query."""
    with pytest.raises(EngineError, match="went wrong"):
        transport.accepted(Reply(status, {"error": {"type": "x", "reason": "went wrong"}}), "the query")
    with pytest.raises(QueryError, match="went wrong"):
        transport.accepted(Reply(400, {"error": {"type": "x", "reason": "went wrong"}}), "the query")


def test_warning_headers_are_read() -> None:
    """One header may hold several warnings, with escaped quotes and commas in them."""
    header = '299 Elasticsearch-8.19.21-4fe44c2 "one, \\"quoted\\"", 299 Elasticsearch-8.19.21-4fe44c2 "two \\\\"'
    assert transport.warning_texts([header]) == ('one, "quoted"', "two \\")


# Corpora


def test_records_are_indexed_once_and_never_served_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same records are indexed once; a changed list or another schema is a corpus of its own."""
    calls: list[str] = []
    send = transport.Loopback.send

    def counted(self: transport.Loopback, method: str, path: str, *rest: Any) -> Reply:
        calls.append(path)
        return send(self, method, path, *rest)

    monkeypatch.setattr(transport.Loopback, "send", counted)
    rows = records({"k": "once"}, {"k": "twice"})
    assert found("k:once", rows) == [0]
    assert found("k:twice", list(rows)) == [1]
    assert found("k:twice", records({"k": "once"}, {"k": "twice"})) == [1]
    assert calls.count("/_bulk") == 1
    rows[0] = Record(FILES, {"k": "thrice"})
    assert found("k:thrice", rows) == [0]
    assert calls.count("/_bulk") == 2


def test_a_corpus_costs_few_indices() -> None:
    """Tables with the same columns share an index, but those with records have their own where they are named."""
    node.on_node(lambda there: there.corpora.drop_all())
    types = {"k": "keyword"}
    tables = [f"logs-{name}-default" for name in ("a", "b", "c", "d", "e")]
    wide = schema_of({**dict.fromkeys(tables, types), "logs-f-default": {**types, "n": "long"}})
    rows = [Record(tables[0], {"k": "x"}), Record(tables[1], {"k": "x"})]
    assert [hit.position for hit in LUCENE.run("k:x", rows, wide)] == [0, 1]
    assert len(indices()) == 2
    for pattern, positions in {
        "*": [0, 1],
        "a-*": [0],
        "b-default": [1],
        "c-*, logs-d-*": [],
        "b*,logs-f-*": [1],
    }.items():
        assert (
            rows_of(f'FROM logs-{pattern} METADATA _id | WHERE k == "x" | SORT _id | KEEP _id', rows, wide) == positions
        )
    assert len(indices()) == 2 + 2 + 2


def indices() -> list[str]:
    """The names of all indices of the node."""
    path = "/_settings?filter_path=*.settings.index.uuid"
    return list(node.on_node(lambda there: there._transport.send("GET", path).body))


def test_old_corpora_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than MAX_INDICES are kept, and one that was dropped is indexed again when asked for."""
    monkeypatch.setattr(corpora, "MAX_INDICES", 6)
    rows = [records({"k": f"corpus {i}"}) for i in range(6)]
    for i in (0, 1, 2, 3, 4, 5, 0):
        assert rows_of(f'FROM logs-* METADATA _id | WHERE k == "corpus {i}" | KEEP _id', rows[i]) == [0]
    assert len(indices()) <= 6


# The node's life


def test_the_node_lives_in_memory_where_there_is_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Elsewhere, or where TMPDIR wants another place, it lives where temporary files do."""
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(process, "MEMORY", tmp_path)
    monkeypatch.setattr(process, "ROOM", 0)
    assert process.place() == tmp_path
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert process.place() is None
    monkeypatch.delenv("TMPDIR")
    monkeypatch.setattr(process, "ROOM", 2**70)
    assert process.place() is None
    monkeypatch.setattr(process, "MEMORY", tmp_path / "nowhere")
    assert process.place() is None


def test_a_node_that_dies_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    """Between two queries and in the middle of one; the corpora come back, and the log says it."""
    rows = records({"k": "survivor"})
    assert found("k:survivor", rows) == [0]
    shared = node._shared.node
    assert shared is not None
    os.kill(shared.process._process.pid, signal.SIGKILL)
    shared.process._process.wait()
    assert found("k:survivor", rows) == [0]
    assert "started again" in caplog.text
    assert not shared.process._folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="has no sessions")
def test_an_interrupt_at_the_terminal_does_not_reach_the_node() -> None:
    """It goes to the foreground group; a node that died of it would look like one that was never there."""
    assert found("k:a", records({"k": "a"})) == [0]
    running = node._shared.node
    assert running is not None
    assert os.getsid(running.process._process.pid) != os.getsid(0)


def test_a_node_that_dies_twice_of_a_query_is_an_error_and_not_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash reads ERROR, never NOT_RUN; and the next query has a node again."""
    rows = records({"k": "deadly"})
    search = place.Place.search

    def deadly(self: place.Place, *rest: Any) -> Any:
        running = node._shared.node
        assert running is not None
        os.kill(running.process._process.pid, signal.SIGKILL)
        return search(self, *rest)

    monkeypatch.setattr(place.Place, "search", deadly)
    with pytest.raises(EngineError, match="did not answer"):
        found("k:deadly", rows)
    monkeypatch.undo()
    assert found("k:deadly", rows) == [0]


def test_a_query_that_takes_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out reads ERROR, and does not spoil the answers after it."""
    rows = records({"k": "slow"})
    assert found("k:slow", rows) == [0]
    running = node._shared.node
    assert running is not None
    loopback = running.place._transport
    assert isinstance(loopback, transport.Loopback)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = http.client.HTTPConnection(*silent.getsockname(), timeout=0.2)
        monkeypatch.setattr(loopback, "_connection", connection)
        with pytest.raises(EngineError, match="did not answer within"):
            found("k:slow", rows)
    monkeypatch.undo()
    assert node._shared.node is running
    assert found("k:slow", rows) == [0]


def test_a_node_that_does_not_start_is_an_error_at_once_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that is installed and fails is no reason for NOT_RUN, nor to wait for it once a query."""
    starts: list[int] = []
    popen = subprocess.Popen

    def failing(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        starts.append(1)
        return popen([sys.executable, "-c", "print('no room for a node')"], **options)

    monkeypatch.setattr(node, "_shared", node._Shared())
    monkeypatch.setattr(process.subprocess, "Popen", failing)
    for _ in range(2):
        with pytest.raises(EngineError, match="no room for a node"):
            found("k:a", records({"k": "a"}))
    assert len(starts) == 1


_CHILD = """
import sys, time
from converter.core.platform import Record, Schema
from converter.engines.elastic import shared_node as node
from converter.engines.elastic.elasticsearch_lucene import ENGINE
types = {"logs-a-default": {"@timestamp": "date", "k": "keyword"}}
schema = Schema("test", "Test", (), (), time="@timestamp", identity="_id", missing="absent", types=types)
assert ENGINE.run("k:a", [Record("logs-a-default", {"k": "a"})], schema)
running = node._shared.node.process
print(running._process.pid, running._folder, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="looks into /proc and forks")
@pytest.mark.parametrize(
    ("then", "signal_"),
    [
        ("", None),
        ("time.sleep(60)", signal.SIGKILL),
        ("time.sleep(60)", signal.SIGTERM),
        ("import os\nif os.fork() == 0: time.sleep(20); os._exit(0)\ntime.sleep(60)", signal.SIGKILL),
    ],
    ids=["ends", "killed", "terminated", "killed with a forked child alive"],
)
def test_the_node_goes_with_its_process(then: str, signal_: signal.Signals | None) -> None:
    """However the process ends, no node stays behind, and nothing of its data."""
    child = subprocess.Popen([sys.executable, "-c", _CHILD + then], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    pid, folder = child.stdout.readline().split()
    time.sleep(0.3)
    if signal_ is not None:
        child.send_signal(signal_)
    child.wait(30)
    end = time.monotonic() + 15
    while time.monotonic() < end and _alive(int(pid)):
        time.sleep(0.1)
    assert not _alive(int(pid))
    assert not Path(folder).exists()


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


# The installation


def test_without_an_installation_the_engine_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, with the command that would bring it; also when what is there was made from other parts."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(node, "_shared", node._Shared())
        monkeypatch.setenv(installation.VARIABLE, folder)
        for text in (None, '{"version": "7.17.0"}'):
            if text is not None:
                Path(folder, "installed.json").write_text(text)
            with pytest.raises(EngineUnavailable, match="parity engines install elasticsearch"):
                found("k:a", records({"k": "a"}))


def test_a_java_that_is_missing_or_too_old_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With what to install."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(EngineUnavailable, match=r"java was not found in JAVA_HOME(.|\n)*JDK of version 17"):
        installation.find()
    (tmp_path / "bin").mkdir()
    java = tmp_path / "bin" / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\n")
    java.chmod(0o755)
    with pytest.raises(EngineUnavailable, match="is of Java 8"):
        installation.find()


def test_every_jar_is_compared(tmp_path: Path) -> None:
    """One that is missing, one too many and one with another content stop the installation."""
    for name in installation.checksums():
        os.link(installation.folder() / "lib" / name, tmp_path / name)
    installation.verify(tmp_path)
    (tmp_path / "more.jar").write_bytes(b"")
    with pytest.raises(EngineError, match=r"more\.jar was not asked for"):
        installation.verify(tmp_path)
    (tmp_path / "more.jar").unlink()
    name = sorted(installation.checksums())[0]
    (tmp_path / name).unlink()
    with pytest.raises(EngineError, match="is missing among"):
        installation.verify(tmp_path)
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(EngineError, match=f"{name} has the SHA-256"):
        installation.verify(tmp_path)


def test_a_step_that_fails_leaves_the_installation_as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Maven's words are told, and nothing is left behind."""
    (tmp_path / "mvn").write_text("#!/bin/sh\necho '[ERROR] no such artefact'; exit 1\n")
    (tmp_path / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(installation.VARIABLE, str(tmp_path / "cache" / "here"))
    with pytest.raises(EngineError, match=r"Maven failed: \[ERROR\] no such artefact"):
        installation.install()
    assert list((tmp_path / "cache").iterdir()) == []
