"""ES|QL as one record: see `converter.dialects.dialect`."""

from converter.core.model import Gap
from converter.dialects.dialect import Abilities, Dialect, Requirement, deferred
from converter.dialects.esql.correlation_writer import write_correlation
from converter.dialects.esql.writer import write, write_detection

DIALECT = Dialect(
    name="esql",
    title="ES|QL",
    extension="esql",
    comment="//",
    fence="esql",
    write=write,
    write_detection=write_detection,
    read=deferred("converter.dialects.esql.reader", "read"),
    cost=deferred("converter.dialects.esql.cost", "cost"),
    write_correlation=write_correlation,
    read_correlation=deferred("converter.dialects.esql.correlation_reader", "read_correlation"),
    windows="tumbling",
    abilities=Abilities(first_label=True),
    gaps=(
        Gap(
            "multi-valued field",
            "never",
            "an operator on a field with several values gives null and the row is lost; ECS keeps these fields single",
            "https://www.elastic.co/docs/reference/query-languages/esql/esql-multivalued-fields",
        ),
    ),
    requirements=(
        Requirement(
            "Elasticsearch",
            "8.19",
            "the oldest version that its queries were executed on; every release after it is meant to take them",
            "https://www.elastic.co/support/eol",
        ),
    ),
)
