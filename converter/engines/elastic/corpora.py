"""Records in an Elasticsearch: indexed once, told apart by their content, dropped when room is needed.

A data stream is searched by its name or a pattern of it, and the shipped ES|QL names such patterns. So the indices of
the corpus at work bear the names of their data streams as aliases, and those of all others none: `FROM logs-*` means
what it means on a real platform, without a word around the query. (A `filter` beside the query would not do: a column
that the filtered indices lack is looked up again without the filter, and another corpus's passes for it.)

What a corpus costs is its shards, not its columns: an index of 20 is made as slowly as one of 687, and a query is built
once for each (measured on 8.19.21). So a language without names of data streams is asked of one index for all of them,
and streams without a record share one, as far as their columns are the same. Streams with records have an index each
for ES|QL, whose planner looks at which columns of an index have values.
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

#: the digest of a schema, that of the records, and whether the tables are apart
_Key = tuple[str, str, bool]


@dataclass(frozen=True)
class Corpus:
    """Records under a schema: `own` are the indices that hold them, `empty` those of all tables of the schema.

    Both map a table to an index. The empty ones stand for data streams without a record: they are there with columns.
    `path` is the whole as it stands in a URL: two patterns, because names without end do not fit in
    (http.max_initial_line_length is 4 kB).
    """

    path: str
    own: Mapping[str, str]
    empty: Mapping[str, str]


class Corpora:
    """The corpora in one Elasticsearch, all of whose indices have names that begin with `prefix` and a hyphen.

    `prefix` has no hyphen in it; `stand_ins` maps field types that this Elasticsearch lacks to others. `shared` says
    whether tables with the same columns may share an index: not where each has its own value of a `constant_keyword`,
    or is found by its index's name.
    """

    def __init__(self, transport: Transport, prefix: str, stand_ins: Mapping[str, str], shared: bool = False) -> None:
        self._transport = transport
        self._prefix = prefix
        self._stand_ins = stand_ins
        self._shared = shared
        self._empty: dict[str, dict[str, str]] = {}  # by the schema's digest
        self._kept: OrderedDict[_Key, Corpus] = OrderedDict()
        self._recent: Recent[tuple[str, str]] = Recent()
        self._named: Corpus | None = None

    def of(self, records: Sequence[Record], schema: Schema, apart: bool = False) -> Corpus:
        """The corpus of exactly these records under this schema, indexed now if it is new.

        `apart` wants an index for each table with records; only such a corpus can be given its tables' names.
        Raises NotRepresentable for a record that Elasticsearch refuses or whose table the schema lacks.
        """
        apart = apart or not self._shared
        known = self._recent.key(records, schema)
        if known is not None and (*known, apart) in self._kept:
            self._kept.move_to_end((*known, apart))
            return self._kept[*known, apart]
        # "" beside other tables is no data stream, but what several have together
        tables = {table: types for table, types in sorted(schema.types.items()) if table or len(schema.types) == 1}
        mappings = {table: mapping(types, self._stand_ins) for table, types in tables.items()}
        strange = next((record.table for record in records if record.table not in mappings), None)
        if strange is not None:
            raise NotRepresentable(f"the schema {schema.name!r} has no table {strange!r}")
        documents = [(record.table, document(record, schema)) for record in records]
        digests = (_digest(mappings), _digest([_digest(mappings), documents]))
        key = (*digests, apart)
        if key not in self._kept:
            self._make_room(len(mappings) + len({table for table, _ in documents}))
            self._kept[key] = self._indexed(key, mappings, documents)
        self._kept.move_to_end(key)
        self._recent.add(records, schema, digests)
        return self._kept[key]

    def name(self, corpus: Corpus) -> None:
        """Give the corpus's indices, and no others, the names of their data streams."""
        if corpus == self._named:
            return
        self._named = None
        actions: list[object] = [{"remove": {"index": f"{self._prefix}-*", "alias": "*", "must_exist": False}}]
        for table, index in {**corpus.empty, **corpus.own}.items():
            actions.append({"add": {"index": index, "alias": stream_name(table)}})
        self._send("POST", "/_aliases", {"actions": actions})
        self._named = corpus

    def keep_only(self, corpus: Corpus) -> None:
        """Delete the indices of every other corpus."""
        for key in [key for key, other in self._kept.items() if other is not corpus]:
            self._drop(self._kept.pop(key).own)
        for schema in [digest for digest in self._empty if not any(kept[0] == digest for kept in self._kept)]:
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
        for indices in (*(corpus.own for corpus in self._kept.values()), *self._empty.values()):
            yield from set(indices.values())

    def _make_room(self, wanted: int) -> None:
        while self._kept and len(list(self._all())) + wanted > MAX_INDICES:
            (schema, *_), oldest = self._kept.popitem(last=False)
            self._drop(oldest.own)
            if not any(kept[0] == schema for kept in self._kept):
                self._drop(self._empty.pop(schema, {}))

    def _indexed(self, key: _Key, mappings: Mapping[str, object], documents: list[tuple[str, str]]) -> Corpus:
        schema, records, apart = key
        begins = [f"{self._prefix}-{records}{'' if apart else 'all'}-"]
        empty: dict[str, str] = {}
        if apart:
            begins.append(f"{self._prefix}-{schema}-")
            if schema not in self._empty:
                self._empty[schema] = self._created(begins[1], mappings, self._shared)
            empty = self._empty[schema]
            used = {table for table, _ in documents}
            mappings = {table: mapped for table, mapped in mappings.items() if table in used}
        own = self._created(begins[0], mappings, not apart)
        try:
            self._bulk([(own[table], text) for table, text in documents])
            self._send("POST", f"/{begins[0]}*/_refresh")
        except BaseException:
            self._drop(own)
            raise
        return Corpus(",".join(f"{begin}*" for begin in begins), own, empty)

    def _created(self, begin: str, mappings: Mapping[str, object], together: bool) -> dict[str, str]:
        """table -> its new index, whose name begins with `begin`; tables with the same columns `together` in one."""
        first: dict[str, str] = {}
        for table, mapped in mappings.items():
            first.setdefault(_digest(mapped) if together else table, table)
        names = {
            table: f"{begin}{stream_name(first[_digest(mapped) if together else table])}"
            for table, mapped in mappings.items()
        }
        settings = {
            "number_of_shards": 1,
            "number_of_replicas": 0,
            "max_result_window": MAX_RESULT_WINDOW,
            "mapping.total_fields.limit": MAX_FIELDS,
            "analysis": ANALYSIS,
        }
        try:
            for index, mapped in {names[table]: mapped for table, mapped in mappings.items()}.items():
                self._send("PUT", f"/{index}", {"settings": settings, "mappings": mapped})
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
        for index in set(indices.values()):
            with contextlib.suppress(ParityError):
                self._transport.send("DELETE", f"/{index}?ignore_unavailable=true")
        self._named = None

    def _send(self, method: str, path: str, body: object = None) -> None:
        data = None if body is None else json.dumps(body).encode()
        accepted(self._transport.send(method, path, data), f"{method} {path}", NotRepresentable)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
