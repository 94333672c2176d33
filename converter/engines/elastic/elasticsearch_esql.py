"""ES|QL, executed by Elasticsearch: the shipped query, byte for byte, its index patterns included."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from converter.core.platform import Record, Schema
from converter.core.verdict import Hit
from converter.engines.clock import moved
from converter.engines.elastic import installation
from converter.engines.elastic.shared_node import PROVENANCE, on_node


class ElasticsearchEsql:
    """Executes an ES|QL query that returns `_id`, or groups records."""

    name = "elasticsearch-esql"
    dialect = "esql"
    #: correlations too, over all sequences at once: each set of records costs an index of its own
    correlates = "together"
    provenance = PROVENANCE
    missing_parts = installation.MISSING_PARTS

    def version(self) -> str:
        return installation.version()

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """The rows in Elasticsearch's order (`Place.esql`).

        Raises QueryError, NotRepresentable (a record that Elasticsearch refuses), EngineUnavailable and EngineError.
        """
        return on_node(lambda place: place.esql(text, moved(text, records, schema, now), schema))


ENGINE = ElasticsearchEsql()
