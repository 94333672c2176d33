"""Records in an Elasticsearch: indexed once, told apart by their content, dropped when room is needed.

A data stream is searched by its name or a pattern of it, and the shipped ES|QL names such patterns. So the indices of
the corpus at work bear the names of their data streams as aliases, and those of all others none: `FROM logs-*` means
what it means on a real platform, without a word around the query. (A `filter` beside the query would not do: a column
that the filtered indices lack is looked up again without the filter, and another corpus's passes for it.)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from converter.core.errors import NotRepresentable, ParityError
from converter.core.platform import Record, Schema
from converter.engines.elastic.mapping import ANALYSIS, document, mapping, stream_name
from converter.engines.elastic.recent import Recent
from converter.engines.elastic.transport import Transport, accepted, reason

#: Indices kept; each is a shard, of which a node takes 1,000 by default (cluster.max_shards_per_node).
MAX_INDICES = 300
#: Elasticsearch returns 10,000 hits by default; a corpus may be larger (index.max_result_window).
MAX_RESULT_WINDOW = 1_000_000
#: The default is 1,000 fields, and Elastic's own data streams have more (index.mapping.total_fields.limit).
MAX_FIELDS = 20_000
#: A request may have 100 MB (http.max_content_length); a node with little memory takes smaller ones better.
BULK_BYTES = 4_000_000


@dataclass(frozen=True)
class Corpus:
    """Records under a schema: `own` are the indices that hold them, `empty` one index for every table of the schema.

    Both map a table to an index. The empty ones stand for data streams without a record: they are there with columns.
    `path` is the whole as it stands in a URL: two patterns, because names without end do not fit in
    (http.max_initial_line_length is 4 kB).
    """

    path: str
    own: Mapping[str, str]
    empty: Mapping[str, str]


class Corpora:
    """The corpora in one Elasticsearch, all of whose indices have names that begin with `prefix` and a hyphen.

    `prefix` has no hyphen in it; `stand_ins` maps field types that this Elasticsearch lacks to others.
    """

    def __init__(self, transport: Transport, prefix: str, stand_ins: Mapping[str, str]) -> None:
        self._transport = transport
        self._prefix = prefix
        self._stand_ins = stand_ins
        self._empty: dict[str, dict[str, str]] = {}  # by the schema's digest
        self._kept: OrderedDict[tuple[str, str], Corpus] = OrderedDict()  # by the schema's and the records' digest
        self._recent: Recent[tuple[str, str]] = Recent()
        self._named: Corpus | None = None

    def of(self, records: Sequence[Record], schema: Schema) -> Corpus:
        """The corpus of exactly these records under this schema, indexed now if it is new.

        Raises NotRepresentable for a record that Elasticsearch refuses or whose table the schema lacks.
        """
        known = self._recent.key(records, schema)
        if known is not None and known in self._kept:
            self._kept.move_to_end(known)
            return self._kept[known]
        # "" beside other tables is no data stream, but what several have together
        tables = {table: types for table, types in sorted(schema.types.items()) if table or len(schema.types) == 1}
        mappings = {table: mapping(types, self._stand_ins) for table, types in tables.items()}
        strange = next((record.table for record in records if record.table not in mappings), None)
        if strange is not None:
            raise NotRepresentable(f"the schema {schema.name!r} has no table {strange!r}")
        documents = [(record.table, document(record, schema)) for record in records]
        key = (_digest(mappings), _digest([_digest(mappings), documents]))
        if key not in self._kept:
            self._make_room(len(mappings) + len({table for table, _ in documents}))
            self._kept[key] = self._indexed(key, mappings, documents)
        self._kept.move_to_end(key)
        self._recent.add(records, schema, key)
        return self._kept[key]

    def name(self, corpus: Corpus) -> None:
        """Give the corpus's indices, and no others, the names of their data streams."""
        if corpus == self._named:
            return
        self._named = None
        actions: list[object] = [{"remove": {"index": f"{self._prefix}-*", "alias": "*", "must_exist": False}}]
        for indices in (corpus.own, corpus.empty):
            actions += [{"add": {"index": index, "alias": stream_name(table)}} for table, index in indices.items()]
        self._send("POST", "/_aliases", {"actions": actions})
        self._named = corpus

    def keep_only(self, corpus: Corpus) -> None:
        """Delete the indices of every other corpus."""
        for key in [key for key, other in self._kept.items() if other is not corpus]:
            self._drop(self._kept.pop(key).own)
        for schema in [digest for digest in self._empty if not any(kept == digest for kept, _ in self._kept)]:
            self._drop(self._empty.pop(schema))

    def drop_all(self) -> None:
        """Delete every index whose name begins as ours do, also one that an interrupt left unlisted.

        Raises EngineError.
        """
        self._empty.clear()
        self._kept.clear()
        self._named = None
        there = accepted(self._transport.send("GET", f"/{self._prefix}-*/_alias"), "to list our indices")
        for index in there:
            accepted(self._transport.send("DELETE", f"/{index}?ignore_unavailable=true"), f"to delete {index}")

    def _all(self) -> Iterator[str]:
        for corpus in self._kept.values():
            yield from corpus.own.values()
        for indices in self._empty.values():
            yield from indices.values()

    def _make_room(self, wanted: int) -> None:
        while self._kept and len(list(self._all())) + wanted > MAX_INDICES:
            (schema, _), oldest = self._kept.popitem(last=False)
            self._drop(oldest.own)
            if not any(kept == schema for kept, _ in self._kept):
                self._drop(self._empty.pop(schema))

    def _indexed(
        self, key: tuple[str, str], mappings: Mapping[str, object], documents: list[tuple[str, str]]
    ) -> Corpus:
        schema, records = key
        if schema not in self._empty:
            self._empty[schema] = self._created(schema, mappings)
        used = {table for table, _ in documents}
        own = self._created(records, {table: m for table, m in mappings.items() if table in used})
        try:
            self._bulk([(own[table], text) for table, text in documents])
            self._send("POST", f"/{self._prefix}-{records}-*/_refresh")
        except BaseException:
            self._drop(own)
            raise
        path = ",".join(f"{self._prefix}-{digest}-*" for digest in key)
        return Corpus(path, own, self._empty[schema])

    def _created(self, digest: str, mappings: Mapping[str, object]) -> dict[str, str]:
        names = {table: f"{self._prefix}-{digest}-{stream_name(table)}" for table in mappings}
        settings = {
            "number_of_shards": 1,
            "number_of_replicas": 0,
            "max_result_window": MAX_RESULT_WINDOW,
            "mapping.total_fields.limit": MAX_FIELDS,
            "analysis": ANALYSIS,
        }
        try:
            for table, mapped in mappings.items():
                self._send("PUT", f"/{names[table]}", {"settings": settings, "mappings": mapped})
        except BaseException:
            self._drop(names)
            raise
        return names

    def _bulk(self, documents: list[tuple[str, str]]) -> None:
        """Index the documents, each under its position. Raises NotRepresentable for the first that is refused."""
        lines: list[str] = []
        size = first = 0
        for position, (index, text) in enumerate(documents):
            lines += [json.dumps({"index": {"_index": index, "_id": str(position)}}), text]
            size += len(text)
            if size > BULK_BYTES or position == len(documents) - 1:
                self._bulk_part(lines, first)
                lines, size, first = [], 0, position + 1

    def _bulk_part(self, lines: list[str], first: int) -> None:
        data = ("\n".join(lines) + "\n").encode()
        answer = accepted(self._transport.send("POST", "/_bulk", data, "application/x-ndjson"), "the records")
        for position, item in enumerate(answer["items"], first):
            error = item["index"].get("error")
            if error is not None:
                message = f"record {position}: Elasticsearch rejects this document: {reason(error)}"
                raise NotRepresentable(message, hint="fix the event or the schema's types; nothing was searched")

    def _drop(self, indices: Mapping[str, str]) -> None:
        for index in indices.values():
            with contextlib.suppress(ParityError):
                self._transport.send("DELETE", f"/{index}?ignore_unavailable=true")
        self._named = None

    def _send(self, method: str, path: str, body: object = None) -> None:
        data = None if body is None else json.dumps(body).encode()
        accepted(self._transport.send(method, path, data), f"{method} {path}", NotRepresentable)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
