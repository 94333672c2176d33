"""Query DSL, executed by osmem-server: the shipped search body, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

from converter.engines.osmem import OsmemServer
from converter.model import Hit, Record, Schema


class QueryDslOsmem:
    """Executes a JSON search body (`query`, `_source`, `sort`) over the records."""

    name = "osmem-query-dsl"
    dialect = "dsl"
    provenance = "executed by osmem-server"

    def run(self, text: str, records: Sequence[Record], schema: Schema) -> list[Hit]:
        """The hits in the server's order; a row is the filtered `_source` with flat dotted names.

        Named queries (`_name`) that a record met are in `row["matched_queries"]`, a list, absent if there are none:
        https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-bool-query#named-queries
        Raises QueryError, NotRepresentable (see `OsmemServer.search`) and EngineUnavailable.
        """
        hits = []
        for found in OsmemServer.shared().hits(records, schema, text):
            row = dict(found.source)
            if found.matched_queries:
                row["matched_queries"] = list(found.matched_queries)
            hits.append(Hit(found.position, row))
        return hits


ENGINE = QueryDslOsmem()
