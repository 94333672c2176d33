"""One in-memory, OpenSearch-compatible server per process, which the Elastic engines share (osmem-server on PyPI, MIT).

It speaks Elasticsearch's search API, so a shipped body goes to it as it is. Measured differences from Elasticsearch are
listed in tests/engines/test_osmem_engines.py: the main one is that `case_insensitive` folds every letter there in a
`term` query (ASCII only in `wildcard`, `prefix` and `regexp`), while Elasticsearch documents ASCII folding for all.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from converter.core.errors import EngineError, EngineUnavailable, NotRepresentable, QueryError
from converter.core.platform import Record, Schema
from converter.engines.elastic.recent import Recent

STARTUP_SECONDS = 30.0
REQUEST_SECONDS = 60.0
_MOST_RESTARTS = 1
#: Corpora kept on the server; the one used longest ago is dropped first.
MAX_CORPORA = 64
#: Elasticsearch's default is 10,000 hits; a corpus of fixtures plus witnesses may be larger.
MAX_RESULT_WINDOW = 1_000_000

_SHARED_LOCK = threading.Lock()
# https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create (naming rules)
_ILLEGAL_IN_INDEX = re.compile(r"[^a-z0-9._-]")


@dataclass(frozen=True)
class Found:
    """One hit as the server gave it: the record's position, its (filtered) flat `_source`, the named queries it met."""

    position: int
    source: Mapping[str, Any]
    matched_queries: tuple[str, ...]


class _Gone(EngineError):
    """The program does not take requests any more."""


class OsmemServer:
    """A running server. Use `OsmemServer.shared()`; `close()` is called at exit."""

    _instance: OsmemServer | None = None
    #: why the program did not start: asked once, not waited for with every query
    _refusal: EngineError | None = None
    #: how often this process started another one in place of one that died
    _restarts = 0

    def __init__(self) -> None:
        """Start the program and wait until it says where it listens. Raises EngineUnavailable and EngineError."""
        self._process, address = _start()
        self._connection = http.client.HTTPConnection(address, timeout=REQUEST_SECONDS)
        self._lock = threading.RLock()
        self._corpora: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._recent: Recent[str] = Recent()

    @classmethod
    def shared(cls) -> OsmemServer:
        """The server of this process, started on first use (and again if it has ended)."""
        with _SHARED_LOCK:
            if cls._refusal is not None:
                raise cls._refusal
            if cls._instance is None or cls._instance._process.poll() is not None:
                try:
                    cls._instance = cls()
                except EngineError as error:
                    cls._refusal = error
                    raise
                atexit.register(cls._instance.close)
            return cls._instance

    def close(self) -> None:
        """Stop the program; it also stops by itself when its stdin closes or this process disappears."""
        self._connection.close()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def search(self, records: Sequence[Record], schema: Schema, body: Mapping[str, Any]) -> list[int]:
        """Positions of the records that `body` (a search request) returns, in its order.

        Raises QueryError with the server's reason when it refuses the request, and NotRepresentable when it refuses
        a record (an `ip` field with an empty string, a column that `schema.types` does not know).
        """
        return [found.position for found in self.hits(records, schema, json.dumps(body))]

    def hits(self, records: Sequence[Record], schema: Schema, text: str) -> list[Found]:
        """As `search`, for the text of a request body, sent byte for byte; size and totals are set in the URL."""
        with self._lock:
            try:
                answer = self._searched(records, schema, text)
            except _Gone:
                self._restart()
                answer = self._searched(records, schema, text)
        if answer.get("timed_out") or answer.get("_shards", {}).get("failed"):
            raise QueryError(f"osmem-server answered in part only: {json.dumps(answer.get('_shards'))}")
        return [
            Found(int(hit["_id"]), flat(hit.get("_source", {})), tuple(hit.get("matched_queries", ())))
            for hit in answer["hits"]["hits"]
        ]

    def _searched(self, records: Sequence[Record], schema: Schema, text: str) -> dict[str, Any]:
        indices = self._corpora[self._indexed(records, schema)]
        # ignore_unavailable etc. stay at their defaults: every index searched was made a moment ago.
        path = f"/{','.join(map(quote, indices))}/_search?size={max(len(records), 1)}&track_total_hits=true"
        return self._request("POST", path, text.encode(), QueryError)

    def _restart(self) -> None:
        """Another program in place of one that died, as may happen on a machine under load: once, and said aloud. A
        second death is a fault to be told, EngineError."""
        if OsmemServer._restarts >= _MOST_RESTARTS:
            raise EngineError("osmem-server died again", hint="run again; report it if it stays")
        OsmemServer._restarts += 1
        print("osmem-server died: it is started again, once", file=sys.stderr)
        self.close()
        self._process, address = _start()
        self._connection = http.client.HTTPConnection(address, timeout=REQUEST_SECONDS)
        self._corpora.clear()
        self._recent.clear()

    def _indexed(self, records: Sequence[Record], schema: Schema) -> str:
        """The key of the corpus that holds exactly these records under this schema, indexed now if it is new.

        Keyed by content, so no corpus is ever served from another's index; the last ones are recognised by their
        records being the same objects.
        """
        known = self._recent.key(records, schema)
        if known is not None and known in self._corpora:
            self._corpora.move_to_end(known)
            return known
        documents, mappings = _documents(records, schema), _mappings(records, schema)
        digest = hashlib.sha256(json.dumps([documents, mappings], sort_keys=True).encode()).hexdigest()[:16]
        if digest not in self._corpora:
            self._index(digest, documents, mappings)
        self._corpora.move_to_end(digest)
        self._recent.add(records, schema, digest)
        return digest

    def _index(self, digest: str, documents: list[tuple[str, str]], mappings: Mapping[str, Any]) -> None:
        names = {table: f"{index_name(table)}-{digest}" for table in mappings}
        try:
            for table, mapping in mappings.items():
                settings = {"number_of_replicas": 0, "max_result_window": MAX_RESULT_WINDOW, "analysis": _ANALYSIS}
                index = json.dumps({"settings": settings, "mappings": mapping}).encode()
                self._request("PUT", f"/{quote(names[table])}", index, NotRepresentable)
            if documents:
                self._bulk([(names[table], document) for table, document in documents])
        except BaseException:
            self._drop(tuple(names.values()))
            raise
        self._corpora[digest] = tuple(names.values())
        while len(self._corpora) > MAX_CORPORA:
            self._drop(self._corpora.popitem(last=False)[1])

    def _bulk(self, documents: list[tuple[str, str]]) -> None:
        lines = []
        for position, (index, document) in enumerate(documents):
            lines += [json.dumps({"index": {"_index": index, "_id": str(position)}}), document]
        answer = self._request("POST", "/_bulk?refresh=true", ("\n".join(lines) + "\n").encode(), NotRepresentable)
        for position, item in enumerate(answer["items"]):
            error = item["index"].get("error")
            if error is not None:
                message = f"record {position}: Elasticsearch would reject this document: {_reason(error)}"
                raise NotRepresentable(message, hint="fix the event or the schema's types; nothing was searched")

    def _drop(self, indices: tuple[str, ...]) -> None:
        for index in indices:
            with contextlib.suppress(QueryError):
                self._request("DELETE", f"/{quote(index)}", None, QueryError)

    def _request(
        self, method: str, path: str, body: bytes | None, refusal: type[QueryError] | type[NotRepresentable]
    ) -> dict[str, Any]:
        try:
            try:
                status, data = self._exchange(method, path, body)
            except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
                # a kept-alive connection that the server has closed; it has not read the request
                status, data = self._exchange(method, path, body)
        except TimeoutError as error:
            self._process.kill()  # it is still at it, and would keep the next query waiting too
            message = f"osmem-server gave no answer within {REQUEST_SECONDS:.0f} s"
            raise EngineError(message, hint="look for repetitions within each other in the query") from error
        except (OSError, http.client.HTTPException) as error:
            raise _Gone(f"osmem-server did not answer: {error!r}", hint="run again; report it if it stays") from error
        try:
            answer = json.loads(data) if data else {}
        except ValueError:
            answer = {"error": data.decode(errors="replace")}
        if status >= 400:
            raise refusal(f"osmem-server refused the request ({status}): {_reason(answer.get('error'))}")
        if not isinstance(answer, dict):
            raise refusal(f"osmem-server gave an answer that is not an object: {data[:80]!r}")
        return answer

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            return response.status, response.read()
        except BaseException:
            self._connection.close()  # opened afresh by the next request
            raise


def index_name(table: str) -> str:
    """A data stream's name as a legal index name: lower case, a plain alphabet, not starting with `-` or `_`."""
    return _ILLEGAL_IN_INDEX.sub("-", table.lower()).lstrip("-_.") or "records"


def flat(source: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`source` with dotted names instead of nested objects, as records are written."""
    out: dict[str, Any] = {}
    for name, value in source.items():
        if isinstance(value, Mapping):
            out.update(flat(value, f"{prefix}{name}."))
        else:
            out[f"{prefix}{name}"] = value
    return out


#: What Elastic Defend's `.caseless` multi-fields use.
_ANALYSIS = {"normalizer": {"lowercase": {"type": "custom", "filter": ["lowercase"]}}}


#: Types that osmem-server lacks or treats differently. In Elasticsearch every document of an index has the value of a
#: `constant_keyword`, given or not, which OpenSearch wants in the mapping; here it is what each record says it is.
#: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/keyword#constant-keyword-field-type
_STAND_INS = {"constant_keyword": "keyword"}
#: It has no `flattened`; no record of ours fills such a field, and one that is not indexed is missing to every query.
_NOT_INDEXED = {"type": "object", "enabled": False}


def _mappings(records: Sequence[Record], schema: Schema) -> dict[str, Any]:
    """The explicit mapping of each table the records are in; of the schema's first table if there are none.

    `strict` makes a record with an unmapped column an error: Elasticsearch's dynamic mapping would guess a type.
    """
    tables = sorted({record.table for record in records}) or sorted(schema.types)[:1]
    out: dict[str, Any] = {}
    for table in tables:
        if table not in schema.types:
            raise NotRepresentable(f"the schema {schema.name!r} has no table {table!r}")
        types = schema.types[table]
        properties: dict[str, Any] = {}
        for name, type_ in types.items():
            parent, _, last = name.rpartition(".")
            mapped = _field(type_, last)
            if parent in types and types[parent] not in ("object", "nested"):
                properties.setdefault(parent, _field(types[parent], parent)).setdefault("fields", {})[last] = mapped
            elif type_ != "object" and not name.startswith("_"):
                properties.setdefault(name, mapped)
        out[table] = {"dynamic": "strict", "properties": properties}
    return out


def _field(type_: str, last: str) -> dict[str, Any]:
    if last == "caseless":
        return {"type": "keyword", "normalizer": "lowercase"}
    return dict(_NOT_INDEXED) if type_ == "flattened" else {"type": _STAND_INS.get(type_, type_)}


def _documents(records: Sequence[Record], schema: Schema) -> list[tuple[str, str]]:
    """(table, JSON document) per record. Dotted keys are allowed in documents; `_id` is metadata and stays out.

    https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/subobjects
    """
    return [
        (
            r.table,
            json.dumps(
                {k: v for k, v in r.fields.items() if k != schema.identity_of(r.table) or not k.startswith("_")}
            ),
        )
        for r in records
    ]


def _reason(error: Any) -> str:
    """The innermost reason in an Elasticsearch error object."""
    if not isinstance(error, Mapping):
        return str(error)
    causes = [error, *error.get("root_cause", ())]
    reasons = [f"{cause.get('type', 'error')}: {cause.get('reason', '')}" for cause in causes]
    if isinstance(error.get("caused_by"), Mapping):
        reasons.append(_reason(error["caused_by"]))
    return "; ".join(dict.fromkeys(reasons))


def _start() -> tuple[subprocess.Popen[str], str]:
    """The running program and its `host:port`, read from the JSON line it prints when it is ready."""
    hint = "pip install osmem-server==0.1.6, or set OSMEM_SERVER_BIN to the program"
    try:
        import importlib

        binary = importlib.import_module("osmem_server").resolve_binary()
    except Exception as error:  # ImportError, or the package's own OsmemError, a RuntimeError
        raise EngineUnavailable(f"osmem-server is not available: {error}", hint=hint) from error
    # The program leaves when stdin closes, which the kernel does when this process is killed; and it watches our id.
    arguments = [binary, "--addr", "127.0.0.1:0", "--no-ja", "--parent-pid", str(os.getpid())]
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for this process, which then ends the program
        )
    except FileNotFoundError as error:
        raise EngineUnavailable(f"osmem-server is not installed: {error}", hint=hint) from error
    except OSError as error:
        raise EngineError(f"osmem-server could not be started: {error}", hint=hint) from error
    timer = threading.Timer(STARTUP_SECONDS, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict) and "url" in message:
                    return process, urlsplit(message["url"]).netloc
    finally:
        timer.cancel()
    process.kill()
    process.wait()
    raise EngineError(f"osmem-server did not become ready within {STARTUP_SECONDS:.0f} s", hint=hint)
