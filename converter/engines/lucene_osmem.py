"""Lucene query strings, executed by osmem-server the way Kibana's search bar sends them in its Lucene mode."""

from __future__ import annotations

import json
from collections.abc import Sequence

from converter.engines.osmem import OsmemServer
from converter.model import Hit, Record, Schema

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

    def run(self, text: str, records: Sequence[Record], schema: Schema) -> list[Hit]:
        """The hits in the server's order; a row is the whole `_source` with flat dotted names.

        Raises QueryError, NotRepresentable (see `OsmemServer.search`) and EngineUnavailable.
        """
        body = json.dumps({"query": {"query_string": {"query": text, **OPTIONS}}})
        return [Hit(found.position, found.source) for found in OsmemServer.shared().hits(records, schema, body)]


ENGINE = LuceneOsmem()
