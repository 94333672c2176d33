"""EQL as Query DSL, executed by Elasticsearch, which runs a single-event EQL query in this way itself.

The plugin that parses EQL is not to be had, so what the text means is Parity's reading (engines/eql/as_query_dsl.py);
what the clauses match, and whether they are refused, is Elasticsearch's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from converter.core.platform import Record, Schema
from converter.core.verdict import Hit
from converter.dialects.eql.resolve import resolve
from converter.dialects.eql.syntax import parse
from converter.engines.elastic import installation
from converter.engines.elastic.shared_node import PROVENANCE, on_node
from converter.engines.eql.as_query_dsl import translate


class ElasticsearchEql:
    """Executes the Query DSL of a single-event EQL query."""

    name = "elasticsearch-eql"
    dialect = "eql"
    provenance = f"{PROVENANCE} through Parity's EQL-to-Query-DSL translation"
    missing_parts = installation.MISSING_PARTS

    def version(self) -> str:
        return installation.version()

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """The matching records in their given order, each row being the record's fields.

        Raises QueryError, NotRepresentable (a record that Elasticsearch refuses), EngineUnavailable and EngineError.
        """
        body = json.dumps({"query": translate(resolve(parse(text), schema)), "_source": False})
        hits = on_node(lambda place: place.search(body, records, schema))
        return [Hit(position, records[position].fields) for position in sorted(hit.position for hit in hits)]


ENGINE = ElasticsearchEql()
