"""A user's own Elasticsearch, for which Parity's node stands here: it lacks EQL, security and two field types."""

from __future__ import annotations

import json
import os
import signal
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from click.testing import CliRunner

from converter.cli.main import main
from converter.core.errors import EngineError, EngineUnavailable, NotRepresentable, QueryError, UsageError
from converter.core.platform import Record, Schema
from converter.core.verdict import Engine
from converter.engines.elastic import cluster, installation
from converter.engines.elastic import shared_node as node
from converter.engines.elastic.cluster import API_KEY, CA_FILE, PASSWORD, USER, ClusterPlace
from converter.engines.elastic.corpora import Corpora, Corpus
from converter.engines.elastic.transport import Reply
from tests.project import ROOT

STREAM, THEIRS = "logs-endpoint.events.file-default", "logs-endpoint.events.file-theirs"
TYPES = {"@timestamp": "date", "k": "keyword", "event.category": "keyword"}


def schema_of(types: dict[str, dict[str, str]]) -> Schema:
    return Schema("test", "Test", (), (), time="@timestamp", identity="_id", missing="absent", types=types)


SCHEMA = schema_of({STREAM: TYPES})
ROWS = [Record(STREAM, {"_id": "one", "k": "a"}), Record(STREAM, {"k": "b"})]


@pytest.fixture(scope="module")
def url() -> str:
    """The node's; without an installation, or without Elastic's client, NOT_RUN."""
    try:
        pytest.importorskip("elasticsearch") if not os.environ.get("PARITY_REQUIRE_ELASTICSEARCH") else None
        installation.find()
    except EngineUnavailable as error:
        if os.environ.get("PARITY_REQUIRE_ELASTICSEARCH"):
            pytest.fail(str(error))
        pytest.skip(f"NOT_RUN: {error}")
    return f"http://{address()}"


def address() -> str:
    node.on_node(lambda place: None)
    assert node._shared.node is not None
    return node._shared.node.process.address


def send(method: str, path: str, body: object = None) -> Reply:
    data = None if body is None else json.dumps(body).encode()
    return node.on_node(lambda place: place._transport.send(method, path, data))


def ours() -> set[str]:
    return set(send("GET", "/parity_*/_alias").body)


def by_dialect(engines: Sequence[Engine]) -> dict[str, Engine]:
    return {engine.dialect: engine for engine in engines}


@pytest.fixture
def theirs(url: str) -> Iterator[None]:
    """An index of the user's, which the shipped patterns would find."""
    assert send("PUT", f"/{THEIRS}", {"mappings": {"properties": {"k": {"type": "keyword"}}}}).status == 200
    assert send("PUT", f"/{THEIRS}/_doc/0?refresh=true", {"k": "a"}).status == 201
    yield
    send("DELETE", f"/{THEIRS}")


@pytest.mark.usefixtures("theirs")
def test_only_our_indices_are_read(url: str) -> None:
    """The patterns of a query find our records, and none of the user's that they would find as they stand."""
    with cluster.engines(url) as engines:
        found = by_dialect(engines)
        assert {e.provenance for e in engines} == {f"executed by Elasticsearch {installation.VERSION}, your cluster"}
        source = "// x\nFROM logs-*, logs-endpoint.events.file-* METADATA _id, _index"
        text = source + '\n| WHERE k == "a"\n| KEEP _id, _index, k'
        assert [(h.position, h.row) for h in found["esql"].run(text, ROWS, SCHEMA)] == [
            (0, {"_id": "one", "_index": STREAM, "k": "a"})
        ]
        assert [h.position for h in found["dsl"].run('{"query": {"term": {"k": "a"}}}', ROWS, SCHEMA)] == [0]
        assert [h.position for h in found["lucene"].run("k:a", ROWS, SCHEMA)] == [0]
        assert ours()
    assert ours() == set()
    assert send("GET", f"/{THEIRS}/_count").body["count"] == 1


def test_silence_is_an_error_there_too(url: str) -> None:
    """The same reading of answers as at the node, warnings included, of which the client's own way says nothing."""
    with cluster.engines(url) as engines, warnings.catch_warnings():
        warnings.simplefilter("error")
        found = by_dialect(engines)
        with pytest.raises(QueryError, match="match nothing, without an error"):
            found["lucene"].run("k:/(/", ROWS, SCHEMA)
        with pytest.raises(QueryError, match=r"Unknown column \[z\]"):
            found["esql"].run("FROM logs-* METADATA _id | WHERE z == 1", ROWS, SCHEMA)
        with pytest.raises(QueryError, match=r"Elasticsearch warns: .*overflow"):
            found["esql"].run("FROM logs-* METADATA _id | EVAL x = 9223372036854775807 + LENGTH(k)", ROWS, SCHEMA)


@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit, ZeroDivisionError, signal.SIGTERM])
def test_our_indices_are_deleted_whatever_happens(url: str, how: Any) -> None:
    """An error, an interrupt, a SIGTERM: what was made is gone, an index that was never listed as well."""
    with pytest.raises(SystemExit if how is signal.SIGTERM else how):
        _interrupted(url, how)
    assert ours() == set()


def _interrupted(url: str, how: Any) -> None:
    with cluster.engines(url) as engines:
        by_dialect(engines)["lucene"].run("k:a", ROWS, SCHEMA)
        prefix = next(iter(ours())).split("-")[0]
        assert send("PUT", f"/{prefix}-unlisted").status == 200
        assert len(ours()) == 3
        if how is signal.SIGTERM:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        raise how


def test_what_the_cluster_lacks_is_said(url: str) -> None:
    """There are no stand-ins: real field types are asked for by name, and EQL is asked as EQL."""
    schema = schema_of({STREAM: {**TYPES, "w": "wildcard"}})
    with cluster.engines(url) as engines:
        found = by_dialect(engines)
        with pytest.raises(EngineUnavailable, match="no field type wildcard"):
            found["dsl"].run('{"query": {"match_all": {}}}', ROWS, schema)
        with pytest.raises(EngineUnavailable, match="no EQL"):
            found["eql"].run('any where k == "a"', ROWS, SCHEMA)
        with pytest.raises(NotRepresentable, match="has no table"):
            found["dsl"].run('{"query": {"match_all": {}}}', [Record("elsewhere", {})], schema)
    assert ours() == set()


RULE = "proc_creation_win_webserver_spawns_shell"


def verified(url: str, *arguments: str) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    """The exit code of `parity verify --elasticsearch`, and the verdicts by target and check."""
    done = CliRunner().invoke(
        main, ["--root", str(ROOT), "verify", RULE, *arguments, "--elasticsearch", url, "--format", "json"]
    )
    rows = json.loads(done.stdout)["verdicts"] if done.stdout else []
    return done.exit_code, {(row["target"], row["check"]): row for row in rows}


@pytest.mark.usefixtures("theirs")
def test_verify_runs_what_is_shipped_on_the_cluster(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the other engines, in indices that are gone afterwards; the node's missing field types are replaced here,
    and its missing EQL is not run, which --strict does not let pass."""
    own = cluster.Corpora
    monkeypatch.setattr(cluster, "Corpora", lambda transport, prefix, _: own(transport, prefix, node.STAND_INS))
    chosen = ("-t", "elastic-dsl", "-t", "elastic-eql", "-t", "elastic-esql", "-t", "elastic-lucene")
    code, rows = verified(url, *chosen)
    assert code == 0
    for dialect in ("dsl", "esql", "lucene"):
        row = rows[f"elastic-{dialect}", f"cluster-{dialect}"]
        assert (row["outcome"], row["provenance"][-14:]) == ("AGREE", ", your cluster")
        assert 0 < row["matched"] < row["events"]
    missing = rows["elastic-eql", "cluster-eql"]
    assert (missing["outcome"], "no EQL" in missing["detail"]) == ("NOT_RUN", True)
    assert ours() == set()
    assert send("GET", f"/{THEIRS}/_count").body["count"] == 1
    assert verified(url, "-t", "elastic-eql", "--strict")[0] == 1


def test_correlations_run_on_the_cluster(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """ES|QL as it is shipped, over the sequences of its fixture; EQL where the cluster has it."""
    own = cluster.Corpora
    monkeypatch.setattr(cluster, "Corpora", lambda transport, prefix, _: own(transport, prefix, node.STAND_INS))
    names = ("win_webserver_command_burst", "win_script_dropped_then_shell")
    rules = [arg for name in names for arg in ("-r", f"correlation_{name}")]
    done = CliRunner().invoke(
        main,
        [
            "--root",
            str(ROOT),
            "verify",
            *rules,
            "-t",
            "elastic-esql",
            "-t",
            "elastic-eql",
            "--elasticsearch",
            url,
            "--format",
            "json",
        ],
    )
    rows = json.loads(done.stdout)["verdicts"]
    found = {row["check"]: (row["outcome"], row["detail"]) for row in rows if row["check"].startswith("cluster-")}
    assert found["cluster-esql"][0] == "AGREE", found
    assert found["cluster-eql"][0] == "NOT_RUN", found
    assert "no EQL" in found["cluster-eql"][1]
    assert ours() == set()


def test_verify_says_which_field_type_the_cluster_lacks(url: str) -> None:
    """There is no stand-in on a cluster of the user's."""
    code, rows = verified(url, "-t", "elastic-dsl")
    row = rows["elastic-dsl", "cluster-dsl"]
    assert (code, row["outcome"]) == (0, "NOT_RUN")
    assert "this cluster has no field type" in row["detail"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-t", "defender", "--elasticsearch", "https://127.0.0.1:9"), 2, "no chosen target has queries for"),
        (("-t", "elastic-dsl", "--elasticsearch", "https://me:secret@host"), 2, "on the command line"),
        (("-t", "elastic-dsl", "--elasticsearch", "http://127.0.0.1:9"), 1, "did not answer"),
        (("-t", "elastic-dsl", "--elasticsearch", "https://host", "--ca-file", "no/file"), 2, "--ca-file names no"),
        (("-t", "elastic-dsl", "--ca-file", "no/file"), 2, "goes with --elasticsearch"),
    ],
)
def test_wrong_usage_of_verify(arguments: tuple[str, ...], code: int, message: str) -> None:
    """It is said before anything is run, without a secret."""
    pytest.importorskip("elasticsearch")
    done = CliRunner().invoke(main, ["--root", str(ROOT), "verify", RULE, *arguments])
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr
    assert "secret" not in done.stderr


class Scripted:
    """Answers as a cluster with EQL would: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-eql-search"""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, Any]] = []

    def send(self, method: str, path: str, body: bytes | None = None, media: str = "application/json") -> Reply:
        self.asked.append((method, path, body))
        if path == "/_bulk":
            return Reply(200, {"items": [{"index": {}}, {"index": {}}]})
        return Reply(200, self.answer if path.endswith("_eql/search") else {})


def test_eql_is_sent_byte_for_byte_and_read_whole() -> None:
    """The request and the answer in their documented shape; of a sequence the last event; a part of an answer is an
    error."""
    text = '// made by hand\nany where k : "A"'
    events = [{"_index": "i", "_id": "1", "_source": {}}, {"_index": "i", "_id": "0", "_source": {}}]
    scripted = Scripted({"timed_out": False, "is_partial": False, "hits": {"events": events}})
    place = ClusterPlace(scripted, Corpora(scripted, "parity_x", {}))
    assert [(hit.position, hit.row) for hit in place.eql(text, ROWS, SCHEMA)] == [
        (0, ROWS[0].fields),
        (1, ROWS[1].fields),
    ]
    _, path, body = scripted.asked[-1]
    assert path.startswith("/parity_x-")
    assert path.endswith("/_eql/search")
    assert json.loads(body) == {"query": text, "size": 2, "timestamp_field": "@timestamp"}
    scripted.answer = {"is_partial": True, "hits": {"events": []}}
    with pytest.raises(EngineError, match="in part only"):
        place.eql(text, ROWS, SCHEMA)
    ended = [{"join_keys": ["h"], "events": [{"_id": "0"}, {"_id": "1"}]}, {"events": [{"_id": "1"}, {"_id": "0"}]}]
    scripted.answer = {"hits": {"sequences": ended}}
    assert [hit.position for hit in place.eql(text, ROWS, SCHEMA)] == [0, 1]
    ended[0]["events"] = [{"_id": "0"}, {"_index": "", "_id": "", "missing": True}]
    with pytest.raises(QueryError, match="does not happen"):
        place.eql(text, ROWS, SCHEMA)


@pytest.mark.parametrize(
    ("text", "addressed"),
    [
        ("FROM a-* METADATA _id | LIMIT 1", "FROM p-1-a-*, p-2-a-* METADATA _id | LIMIT 1"),
        ("// FROM x\nfrom a,b* | LIMIT 1", "// FROM x\nfrom p-1-a, p-2-a, p-1-b*, p-2-b* | LIMIT 1"),
        ('/* | */ FROM "a-*"', "/* | */ FROM p-1-a-*, p-2-a-* "),
    ],
)
def test_every_index_pattern_is_put_below_our_names(text: str, addressed: str) -> None:
    """Nothing else of the text changes."""
    scripted = Scripted({})
    place = ClusterPlace(scripted, Corpora(scripted, "p", {}))
    assert place._addressed(text, Corpus("p-1-*,p-2-*", {}, {})) == addressed


@pytest.mark.parametrize(
    ("at", "environment", "message"),
    [
        ("ftp://host", {}, "no URL"),
        ("host:9200", {}, "no URL"),
        ("https://me:secret@host:9200", {}, "do not belong on the command line"),
        ("http://host:9200", {API_KEY: "k"}, "not sent over http"),
        ("http://host:9200", {USER: "u", PASSWORD: "p"}, "not sent over http"),
        ("https://host:9200", {USER: "u"}, f"{PASSWORD} is not"),
        ("https://host:9200", {CA_FILE: "no/such/file"}, "names no file"),
    ],
)
def test_how_the_cluster_is_reached_is_checked_first(
    at: str, environment: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong usage is said before anything is sent, and no secret is repeated."""
    for name in (API_KEY, USER, PASSWORD, CA_FILE):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=message) as told, cluster.engines(at):
        pass
    assert "secret" not in str(told.value)


def test_credentials_reach_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment; an API key goes before a user."""
    monkeypatch.setenv(USER, "u")
    monkeypatch.setenv(PASSWORD, "p")
    monkeypatch.setenv(CA_FILE, __file__)
    assert cluster._options("https://host:9200") == {"basic_auth": ("u", "p"), "ca_certs": __file__}
    monkeypatch.setenv(API_KEY, "k")
    assert cluster._options("https://host:9200") == {"api_key": "k", "ca_certs": __file__}


def test_a_cluster_that_does_not_answer_is_an_engine_error() -> None:
    """Nothing listens there."""
    pytest.importorskip("elasticsearch")
    with pytest.raises(EngineError, match="did not answer"), cluster.engines("http://127.0.0.1:9"):
        pass
