"""Query DSL, executed by osmem-server: the shipped search body, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from converter.core.platform import Record, Schema
from converter.core.verdict import Hit
from converter.engines.clock import moved
from converter.engines.elastic.osmem import OsmemServer
from converter.engines.versions import distributions


class QueryDslOsmem:
    """Executes a JSON search body (`query`, `_source`, `sort`) over the records."""

    name = "osmem-query-dsl"
    dialect = "dsl"
    provenance = "executed by osmem-server"

    def version(self) -> str:
        return distributions("osmem-server")

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """The hits in the server's order; a row is the filtered `_source` with flat dotted names.

        Named queries (`_name`) that a record met are in `row["matched_queries"]`, a list, absent if there are none:
        https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-bool-query#named-queries
        Raises QueryError, NotRepresentable (see `OsmemServer.search`) and EngineUnavailable.
        """
        hits = []
        for found in OsmemServer.shared().hits(moved(text, records, schema, now), schema, text):
            row = dict(found.source)
            if found.matched_queries:
                row["matched_queries"] = list(found.matched_queries)
            hits.append(Hit(found.position, row))
        return hits


ENGINE = QueryDslOsmem()
