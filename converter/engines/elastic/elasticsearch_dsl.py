"""Query DSL, executed by Elasticsearch: the shipped search body, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from converter.core.platform import Record, Schema
from converter.core.verdict import Hit
from converter.engines.clock import moved
from converter.engines.elastic import installation
from converter.engines.elastic.shared_node import PROVENANCE, on_node


class ElasticsearchDsl:
    """Executes a JSON search body (`query`, `_source`, `sort`) over the records."""

    name = "elasticsearch-dsl"
    dialect = "dsl"
    provenance = PROVENANCE
    missing_parts = installation.MISSING_PARTS

    def version(self) -> str:
        return installation.version()

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """The hits in Elasticsearch's order (`Place.search`).

        Raises QueryError, NotRepresentable (a record that Elasticsearch refuses), EngineUnavailable and EngineError.
        """
        return on_node(lambda place: place.search(text, moved(text, records, schema, now), schema))


ENGINE = ElasticsearchDsl()
