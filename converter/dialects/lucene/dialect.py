"""Lucene query strings as one record: see `converter.dialects.dialect`."""

from converter.core.model import Gap
from converter.dialects.dialect import Abilities, Dialect, Requirement, deferred
from converter.dialects.lucene.writer import LIMITS, write, write_detection

DIALECT = Dialect(
    name="lucene",
    title="Lucene query string",
    extension="lucene",
    comment="",
    fence="text",
    write=write,
    write_detection=write_detection,
    read=deferred("converter.dialects.lucene.reader", "read"),
    cost=deferred("converter.dialects.lucene.cost", "cost"),
    abilities=Abilities(windowed=False, ordered=False, label_column=""),
    gaps=(
        Gap(
            "correlation",
            "never",
            "a Lucene query tests each document alone",
            "https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-query-string-query",
        ),
    ),
    limits=LIMITS,
    requirements=(
        Requirement(
            "Elasticsearch",
            "8.19",
            "the oldest version that its queries were executed on; every release after it is meant to take them",
            "https://www.elastic.co/support/eol",
        ),
    ),
)
