"""Lucene query strings, executed by osmem-server the way Kibana's search bar sends them in its Lucene mode."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from converter.core.platform import Record, Schema
from converter.core.verdict import Hit
from converter.engines.clock import moved
from converter.engines.elastic.osmem import OsmemServer
from converter.engines.versions import distributions

#: Kibana wraps the bar's text in a `query_string` query with the options of its setting `query:queryString:options`,
#: whose default is analyze_wildcard; default_field stays unset, which means every field.
#: https://www.elastic.co/docs/reference/kibana/advanced-settings (query:queryString:options)
#: https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-query-string-query (default_field)
OPTIONS = {"analyze_wildcard": True}


class LuceneOsmem:
    """Executes a bare query string over the records."""

    name = "osmem-lucene"
    dialect = "lucene"
    provenance = "executed by osmem-server"

    def version(self) -> str:
        return distributions("osmem-server")

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """The hits in the server's order; a row is the whole `_source` with flat dotted names.

        Raises QueryError, NotRepresentable (see `OsmemServer.search`) and EngineUnavailable.
        """
        body = json.dumps({"query": {"query_string": {"query": text, **OPTIONS}}})
        found = OsmemServer.shared().hits(moved(text, records, schema, now), schema, body)
        return [Hit(each.position, each.source) for each in found]


ENGINE = LuceneOsmem()
