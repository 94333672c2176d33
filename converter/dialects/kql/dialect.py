"""KQL as one record: see `converter.dialects.dialect`."""

from converter.dialects.dialect import Dialect, Requirement, deferred
from converter.dialects.kql.correlation_writer import write_correlation
from converter.dialects.kql.writer import write, write_detection

DIALECT = Dialect(
    name="kql",
    title="KQL",
    extension="kql",
    comment="//",
    fence="kusto",
    write=write,
    write_detection=write_detection,
    read=deferred("converter.dialects.kql.reader", "read"),
    cost=deferred("converter.dialects.kql.cost", "cost"),
    write_correlation=write_correlation,
    read_correlation=deferred("converter.dialects.kql.correlation_reader", "read_correlation"),
    requirements=(
        Requirement(
            "Kusto",
            "",
            "the newest functions in use are ipv4_is_in_any_range and ipv6_is_in_any_range, which both services have",
            "https://learn.microsoft.com/en-us/kusto/query/ipv6-is-in-any-range-function",
        ),
    ),
)
