"""SPL as one record: see `converter.dialects.dialect`."""

from converter.dialects.dialect import Abilities, Dialect, Requirement, deferred
from converter.dialects.spl.correlation_writer import write_correlation
from converter.dialects.spl.writer import write, write_detection

DIALECT = Dialect(
    name="spl",
    title="SPL",
    extension="spl",
    comment="```",
    fence="spl",
    write=write,
    write_detection=write_detection,
    read=deferred("converter.dialects.spl.reader", "read"),
    cost=deferred("converter.dialects.spl.cost", "cost"),
    write_correlation=write_correlation,
    read_correlation=deferred("converter.dialects.spl.correlation_reader", "read_correlation"),
    abilities=Abilities(macros=True),
    requirements=(
        Requirement(
            "Splunk",
            "8.1",
            "comments between three backticks, which it brought; the rest is taken from the manuals of 9.x and 10.0",
            "https://github.com/gjanders/SplunkAdmins/releases/tag/4.0.0",
        ),
    ),
)
