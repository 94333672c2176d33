"""A user's own Elasticsearch: the shipped queries on the real thing, EQL and all field types included.

Indices are made under a prefix of this run's own and deleted at its end. No alias is made and no other index is named
in any request, so nothing of the user's is read or written; for that the index patterns of an ES|QL query are put below
the prefix. Credentials come from the environment only. Python client: https://www.elastic.co/docs/reference/elasticsearch/clients/python
"""

from __future__ import annotations

import importlib
import json
import os
import re
import secrets
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from converter.core.errors import (
    EngineError,
    EngineUnavailable,
    NotRepresentable,
    OutOfFragment,
    QueryError,
    UsageError,
)
from converter.core.platform import Record, Schema
from converter.core.verdict import Engine, Hit
from converter.dialects.esql.syntax import parse
from converter.engines.clock import moved
from converter.engines.elastic.corpora import Corpora, Corpus
from converter.engines.elastic.place import Place
from converter.engines.elastic.transport import REQUEST_SECONDS, Lost, Reply, accepted, warning_texts

API_KEY = "PARITY_ELASTICSEARCH_API_KEY"
USER, PASSWORD = "PARITY_ELASTICSEARCH_USER", "PARITY_ELASTICSEARCH_PASSWORD"
CA_FILE = "PARITY_ELASTICSEARCH_CA_FILE"
#: what a cluster runs
DIALECTS = ("dsl", "lucene", "esql", "eql")
#: those in which a correlation can be written
CORRELATED = ("esql", "eql")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: The FROM of a query up to its METADATA or the next command.
_FROM = re.compile(
    r"(?P<from>(?:\s+|//[^\r\n]*|/\*.*?\*/)*FROM\s+)(?P<patterns>.*?)(?P<end>\bMETADATA\b|\||\Z)",
    re.DOTALL | re.IGNORECASE,
)

#: What an Elasticsearch says that was built, or is run, without a field type's or a language's module.
_LACKING = re.compile(
    r"(?:The mapper type|No handler for type) \[(?P<type>\w+)\]|no handler found for uri \[[^\]]*/_eql/search\]"
)


class ClientTransport:
    """Requests through Elastic's own client."""

    def __init__(self, url: str, ca_file: Path | None = None) -> None:
        """Raises UsageError for a URL or credentials that won't do, EngineUnavailable without the client."""
        options = _options(url, ca_file)
        try:
            self._library: Any = importlib.import_module("elasticsearch")
        except ImportError as error:
            hint = "pip install 'sigma-parity[elasticsearch]'"
            raise EngineUnavailable(f"Elastic's client is not installed: {error}", hint=hint) from error
        self._client = self._library.Elasticsearch(url, request_timeout=REQUEST_SECONDS, max_retries=0, **options)

    def send(self, method: str, path: str, body: bytes | None = None, media: str = "application/json") -> Reply:
        headers = {"accept": "application/json", **({} if body is None else {"content-type": media})}
        try:
            with warnings.catch_warnings():
                # the client repeats the Warning headers in its own way; Place reads them
                warnings.simplefilter("ignore", self._library.exceptions.ElasticsearchWarning)
                answer = self._client.perform_request(method, path, headers=headers, body=body)
        except self._library.ApiError as error:
            answer = error
        except self._library.ConnectionTimeout as error:
            raise EngineError(f"Elasticsearch did not answer within {REQUEST_SECONDS:.0f} s") from error
        except self._library.TransportError as error:
            raise Lost(f"Elasticsearch did not answer: {error}") from error
        found = answer.body if isinstance(answer.body, Mapping) else {"error": str(answer.body)}
        warned = answer.meta.headers.get("warning")
        return Reply(answer.meta.status, found, warning_texts([warned] if warned else []))

    def close(self) -> None:
        self._client.close()


def _options(url: str, ca_file: Path | None = None) -> dict[str, Any]:
    """What the client needs beside the URL, from the environment; a `ca_file` goes before the one named there."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is no URL of an Elasticsearch", hint="https://host:9200")
    if parts.username or parts.password:
        raise UsageError(
            "credentials do not belong on the command line", hint=f"set {API_KEY}, or {USER} and {PASSWORD}"
        )
    key, user, password, ca = (os.environ.get(name) for name in (API_KEY, USER, PASSWORD, CA_FILE))
    if (key or user) and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise UsageError("credentials are not sent over http", hint="use https, or an Elasticsearch on this machine")
    if user and not password:
        raise UsageError(f"{USER} is set and {PASSWORD} is not")
    out: dict[str, Any] = {}
    if key:
        out["api_key"] = key
    elif user:
        out["basic_auth"] = (user, password)
    ca = str(ca_file) if ca_file is not None else ca
    if ca and not Path(ca).is_file():
        raise UsageError(f"{'--ca-file' if ca_file is not None else CA_FILE} names no file: {ca}")
    return out | ({"ca_certs": ca} if ca else {})


class ClusterPlace(Place):
    """A place where nothing but our prefix may be touched, and where EQL is at hand."""

    def eql(self, text: str, records: Sequence[Record], schema: Schema) -> list[Hit]:
        """The events of an EQL query, sent byte for byte, in their given order; of a sequence the last of each answer.

        An event ends one answer of a sequence at most, so that there are no more of them than records.
        https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-eql-search
        """
        corpus = self.corpora.of(records, schema)
        body = {"query": text, "size": max(len(records), 1), "timestamp_field": schema.time}
        found = self._ask(f"/{corpus.path}/_eql/search", json.dumps(body).encode())["hits"]
        events = found["events"] if "events" in found else [one["events"][-1] for one in found["sequences"]]
        if any(event.get("missing") for event in events):
            raise QueryError("a sequence that ends with an event that does not happen is not covered")
        positions = sorted(int(event["_id"]) for event in events)
        return [Hit(position, records[position].fields) for position in positions]

    def _addressed(self, text: str, corpus: Corpus) -> str:
        """The text with each index pattern below the names that the corpus's indices begin with."""
        try:
            patterns = parse(text).source.patterns
        except OutOfFragment as fault:
            raise QueryError(fault.message, fault.where, fault.hint) from fault
        begins = [path.removesuffix("*") for path in corpus.path.split(",")]
        ours = [f"{begin}{pattern}" for pattern in patterns for begin in begins]  # the parser takes no exclusions
        found = _FROM.match(text)
        if found is None:
            raise QueryError("only a query that starts with FROM can be kept to our indices")
        return f"{found['from']}{', '.join(ours)} {found['end']}{text[found.end() :]}"


@dataclass
class ClusterEngine:
    """One language on the user's cluster."""

    name: str
    dialect: str
    provenance: str
    ask: Callable[[str, Sequence[Record], Schema], list[Hit]]
    #: correlations over all sequences at once, where the language has them: each set of records costs many indices
    correlates: str

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """As the engine of the node for the same language.

        Raises EngineError when the cluster is gone, and EngineUnavailable for a part of Elasticsearch that it lacks.
        """
        try:
            return self.ask(text, moved(text, records, schema, now), schema)
        except (NotRepresentable, QueryError) as error:
            lacking = _LACKING.search(error.message)
            if lacking is None:
                raise
            part = f"field type {lacking['type']}" if lacking["type"] else "EQL"
            hint = "Elastic's own distribution of Elasticsearch has it"
            raise EngineUnavailable(f"this cluster has no {part}", hint=hint) from error


@contextmanager
def engines(url: str, ca_file: Path | None = None) -> Iterator[list[Engine]]:
    """The engines of the Elasticsearch at `url`; our indices go when the block ends, by an interrupt or SIGTERM too.

    `ca_file` holds the certificates of the authorities that are trusted besides the usual ones.

    Raises UsageError, EngineUnavailable (no client) and EngineError (no answer, no right to ask, indices not deleted).
    """
    transport = ClientTransport(url, ca_file)
    try:
        version = _version(transport)
        corpora = Corpora(transport, f"parity_{secrets.token_hex(6)}", {})
        place = ClusterPlace(transport, corpora)
        asks = dict(zip(DIALECTS, (place.search, place.query_string, place.esql, place.eql), strict=True))
        how = f"executed by Elasticsearch {version}, your cluster"
        with _terminated_as_interrupted():
            try:
                yield [
                    ClusterEngine(f"cluster-{name}", name, how, ask, "together" if name in CORRELATED else "")
                    for name, ask in asks.items()
                ]
            finally:
                corpora.drop_all()
    finally:
        transport.close()


def _version(transport: ClientTransport) -> str:
    """The cluster's version; a node in pieces, as Parity's own, tells it in another place."""
    answer = transport.send("GET", "/")
    if answer.status == 405:
        nodes = accepted(transport.send("GET", "/_nodes/_local?filter_path=nodes.*.version"), "its version")["nodes"]
        return str(next(iter(nodes.values()))["version"])
    return str(accepted(answer, "its version")["version"]["number"])


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that what has to be cleaned up is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
