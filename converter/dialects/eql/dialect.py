"""EQL as one record: see `converter.dialects.dialect`."""

from converter.dialects.dialect import Abilities, Dialect, Requirement, deferred
from converter.dialects.eql.correlation_writer import write_correlation
from converter.dialects.eql.writer import LIMITS, write, write_detection

DIALECT = Dialect(
    name="eql",
    title="EQL",
    extension="eql",
    comment="//",
    fence="eql",
    write=write,
    write_detection=write_detection,
    read=deferred("converter.dialects.eql.reader", "read"),
    cost=deferred("converter.dialects.eql.cost", "cost"),
    write_correlation=write_correlation,
    read_correlation=deferred("converter.dialects.eql.correlation_reader", "read_correlation"),
    windows="sequence",
    abilities=Abilities(windowed=False, ordered=False, label_column=""),
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
