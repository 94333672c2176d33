"""Query DSL as one record: see `converter.dialects.dialect`."""

from converter.core.model import Gap
from converter.dialects.dialect import Abilities, Dialect, Requirement, deferred
from converter.dialects.dsl.writer import LIMITS, write, write_detection

DIALECT = Dialect(
    name="dsl",
    title="Query DSL",
    extension="json",
    comment="",
    fence="json",
    write=write,
    write_detection=write_detection,
    read=deferred("converter.dialects.dsl.reader", "read"),
    cost=deferred("converter.dialects.dsl.cost", "cost"),
    abilities=Abilities(label_column="matched_queries"),
    gaps=(
        Gap(
            "correlation",
            "never",
            "a Query DSL search tests each document alone; its aggregations count in fixed intervals, without hits",
            "https://www.elastic.co/docs/reference/aggregations/search-aggregations-bucket-datehistogram-aggregation",
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
