"""Lucene query strings, executed by Elasticsearch the way Kibana's search bar sends them in its Lucene mode."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from converter.core.platform import Record, Schema
from converter.core.verdict import Hit
from converter.engines.clock import moved
from converter.engines.elastic import installation
from converter.engines.elastic.shared_node import PROVENANCE, on_node


class ElasticsearchLucene:
    """Executes a bare query string over the records."""

    name = "elasticsearch-lucene"
    dialect = "lucene"
    provenance = PROVENANCE
    missing_parts = installation.MISSING_PARTS

    def version(self) -> str:
        return installation.version()

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """The hits in Elasticsearch's order (`Place.query_string`).

        Raises QueryError, also for a part that would match nothing without an error, NotRepresentable (a record that
        Elasticsearch refuses), EngineUnavailable and EngineError.
        """
        return on_node(lambda place: place.query_string(text, moved(text, records, schema, now), schema))


ENGINE = ElasticsearchLucene()
