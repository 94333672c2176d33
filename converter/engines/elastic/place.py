"""One Elasticsearch with corpora in it, and how each language is asked of it and its answers are read.

An answer counts only if it is whole: a failed shard, a time-out, a cut result and a part of a query that Elasticsearch
gave up in silence are errors here, though each of them comes with status 200.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from converter.core.errors import EngineError, QueryError
from converter.core.platform import Record, Schema
from converter.core.verdict import UNTRACED, Hit
from converter.dialects.esql.ast import Stats
from converter.dialects.esql.syntax import parse
from converter.engines.elastic.corpora import Corpora, Corpus
from converter.engines.elastic.mapping import flat
from converter.engines.elastic.transport import Transport, accepted

#: Kibana wraps its search bar's text in a `query_string` query with the options of `query:queryString:options`, by
#: default analyze_wildcard; default_field stays unset, which means every field, and lenient:
#: https://www.elastic.co/docs/reference/kibana/advanced-settings
#: https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-query-string-query
QUERY_STRING_OPTIONS = {"analyze_wildcard": True}
#: Rows that ES|QL returns without a LIMIT, and with any (esql.query.result_truncation_default_size and …_max_size).
#: https://www.elastic.co/docs/reference/query-languages/esql/limitations
ESQL_DEFAULT_ROWS, ESQL_MOST_ROWS = 1_000, 10_000

#: In the text of a Lucene query: what a lenient query_string makes of a part that it could not build.
_GIVEN_UP = re.compile(r'MatchNoDocsQuery\("failed \[(.*?)\] query, caused by (.*?)"\)', re.DOTALL)
_UNMAPPED = re.compile(r'MatchNoDocsQuery\("unmapped fields \[([^*\]]+)\]"\)')
#: A word that is looked for in every field is no value, or a pattern no test, of some of them: what leniency is for.
_NO_VALUE = re.compile(
    r"number_format_exception|is not an IP string literal|failed to parse date field|Can't parse boolean|Can only use"
)
_STATS = re.compile(r"\|\s*STATS\b", re.IGNORECASE)
_NO_LIMIT = "No limit defined"
#: ES|QL's way with a field of several values where one is wanted: the result is null, and a warning says so.
#: https://www.elastic.co/docs/reference/query-languages/esql/esql-multivalued-fields
_MULTIVALUE = "single-value function encountered multi-value"
_NULLED = re.compile(r"Line \d+:\d+: evaluation of \[.*\] failed, treating result as null\.", re.DOTALL)


class Place:
    """An Elasticsearch behind a transport. `row_limits` are its two limits of ES|QL's rows."""

    def __init__(
        self, transport: Transport, corpora: Corpora, row_limits: tuple[int, int] = (ESQL_DEFAULT_ROWS, ESQL_MOST_ROWS)
    ) -> None:
        self._transport = transport
        self.corpora = corpora
        self._default_rows, self._most_rows = row_limits

    def search(self, text: str, records: Sequence[Record], schema: Schema) -> list[Hit]:
        """The hits of a search body, sent byte for byte, in its order; size and totals are set in the URL.

        A row is the filtered `_source` with flat dotted names; the named queries that a record met are in
        `row["matched_queries"]`: https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-bool-query
        """
        corpus = self.corpora.of(records, schema)
        options = f"size={max(len(records), 1)}&track_total_hits=true&allow_partial_search_results=false"
        body = self._ask(f"/{corpus.path}/_search?{options}", text.encode())
        found = list(map(_hit, body["hits"]["hits"]))
        if body["hits"]["total"] != {"value": len(found), "relation": "eq"}:
            raise EngineError(f"Elasticsearch gave {len(found)} hits of {json.dumps(body['hits']['total'])}")
        if "query_string" in text:
            self._nothing_given_up(corpus, {"query": json.loads(text).get("query", {"match_all": {}})}, text)
        return found

    def query_string(self, text: str, records: Sequence[Record], schema: Schema) -> list[Hit]:
        """The hits of a bare query string, asked as Kibana asks it; a row is the whole record."""
        body = json.dumps({"query": {"query_string": {"query": text, **QUERY_STRING_OPTIONS}}})
        return self.search(body, records, schema)

    def esql(self, text: str, records: Sequence[Record], schema: Schema) -> list[Hit]:
        """The rows of an ES|QL query, sent byte for byte; those of one that groups records are UNTRACED.

        Raises QueryError also when other rows have no `_id`, by which each is traced to its record, and for a warning
        that says the result is not what the query asks for.
        """
        corpus = self.corpora.of(records, schema, apart=True)
        if _EVERYWHERE.search(text):
            self.corpora.keep_only(corpus)  # a pattern that fits every index would find the other corpora's too
        addressed = self._addressed(text, corpus)
        answer = self._transport.send("POST", "/_query", json.dumps({"query": addressed}).encode())
        body = accepted(answer, "the query")
        _whole(body)
        unlimited = any(warning.startswith(_NO_LIMIT) for warning in answer.warnings)
        _warned(w for w in answer.warnings if not w.startswith(_NO_LIMIT))
        most = min(self._default_rows, self._most_rows) if unlimited else self._most_rows
        if len(body["values"]) >= most:
            raise QueryError(f"Elasticsearch cuts the result at {most} rows", hint="run it over fewer records")
        return _groups(body) if _grouped(text) else _rows(body, records, schema)

    def profile(self, text: str, records: Sequence[Record], schema: Schema) -> Mapping[str, Any]:
        """How an ES|QL query is carried out: its drivers and their operators, as Elasticsearch profiles them.

        https://www.elastic.co/docs/reference/query-languages/esql/esql-rest (`profile`)
        """
        addressed = self._addressed(text, self.corpora.of(records, schema, apart=True))
        answer = self._transport.send("POST", "/_query", json.dumps({"query": addressed, "profile": True}).encode())
        body = accepted(answer, "the query")
        _whole(body)
        found: Mapping[str, Any] = body["profile"]
        return found

    def _addressed(self, text: str, corpus: Corpus) -> str:
        """The text of an ES|QL query that reads from this corpus alone: the text as it is."""
        self.corpora.name(corpus)
        return text

    def _ask(self, path: str, data: bytes) -> Mapping[str, Any]:
        answer = self._transport.send("POST", path, data)
        body = accepted(answer, "the query")
        _whole(body)
        _warned(iter(answer.warnings))
        return body

    def _nothing_given_up(self, corpus: Corpus, body: Mapping[str, Any], text: str) -> None:
        """Raises QueryError if a part of a lenient query matches nothing because it could not be built.

        The explanation is of the query before it is rewritten: a rewritten one has lost the parts that match nothing
        below a NOT or beside an AND. https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-validate-query
        """
        path = f"/{corpus.path}/_validate/query?explain=true&rewrite=false"
        answer = self._ask(path, json.dumps(body).encode())
        told = [str(part.get("explanation", part.get("error", ""))) for part in answer["explanations"]]
        if not answer["valid"] or not told:
            raise EngineError(f"Elasticsearch did not explain the query: {json.dumps(answer)[:300]}")
        for explanation in told:
            for field, cause in _GIVEN_UP.findall(explanation):
                if f"{field}:" in text or not _NO_VALUE.search(cause):
                    raise QueryError(
                        f"Elasticsearch makes the part on {field} match nothing, without an error: {cause}",
                        hint="simplify it; a NOT of it would match everything",
                    )
        nowhere = set.intersection(*(set(_UNMAPPED.findall(explanation)) for explanation in told))
        if nowhere:
            raise QueryError(f"no data stream has the field {min(nowhere)}: the part on it matches nothing")


#: a FROM with a pattern that fits any name
_EVERYWHERE = re.compile(r"(?i)\bfrom\s+(?:[^|]*,\s*)?\*")


def _whole(body: Mapping[str, Any]) -> None:
    """Raises EngineError unless the answer is whole."""
    shards = body.get("_shards", {})
    if body.get("timed_out") or body.get("is_partial") or body.get("terminated_early") or shards.get("failed"):
        told = {k: body[k] for k in ("_shards", "timed_out", "is_partial", "terminated_early", "failures") if k in body}
        causes = "; ".join(dict.fromkeys(_reasons(body.get("_clusters", {}))))
        raise EngineError(f"Elasticsearch answered in part only: {causes or json.dumps(told)[:500]}")


def _reasons(value: object) -> Iterator[str]:
    """Each cause that is told in an answer: ES|QL tells them by cluster, `_clusters.details.*.failures[].reason`."""
    if isinstance(value, Mapping):
        if isinstance(value.get("reason"), str):
            yield f"{value.get('type', 'error')}: {value['reason'][:300]}"
        for inner in value.values():
            yield from _reasons(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _reasons(inner)


def _warned(warnings: Iterator[str]) -> None:
    """Raises QueryError for a warning that is not one of ES|QL's about a multi-valued field, whose meaning is settled.

    Such a warning comes in two: where an evaluation failed, and why.
    """
    told = list(warnings)
    causes = [text for text in told if not _NULLED.match(text)]
    strange = [text for text in causes if not text.endswith(_MULTIVALUE)]
    if strange or (told and not causes):
        raise QueryError("Elasticsearch warns: " + "; ".join(strange or told))


def _hit(hit: Mapping[str, Any]) -> Hit:
    row = flat(hit.get("_source", {}))
    if hit.get("matched_queries"):
        row["matched_queries"] = list(hit["matched_queries"])
    return Hit(int(hit["_id"]), row)


def _grouped(text: str) -> bool:
    """Whether a query's rows are groups of records."""
    return bool(_STATS.search(text)) and any(isinstance(command, Stats) for command in parse(text).commands)


def _groups(body: Mapping[str, Any]) -> list[Hit]:
    """The rows of a query that groups records."""
    names = [column["name"] for column in body["columns"]]
    return [Hit(UNTRACED, dict(zip(names, values, strict=True))) for values in body["values"]]


def _rows(body: Mapping[str, Any], records: Sequence[Record], schema: Schema) -> list[Hit]:
    """The rows as hits; a row's `_id` and `_index` are shown as the record's own, not as those of the indexed copy."""
    names = [column["name"] for column in body["columns"]]
    if "_id" not in names:
        raise QueryError("the query does not return _id, so no row can be traced to its record", hint="METADATA _id")
    out = []
    for values in body["values"]:
        row = dict(zip(names, values, strict=True))
        position = int(row["_id"])
        row["_id"] = records[position].fields.get(schema.identity_of(records[position].table), row["_id"])
        if "_index" in row:
            row["_index"] = records[position].table
        out.append(Hit(position, row))
    return out
