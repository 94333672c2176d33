"""What a platform has for the log sources of a rule, worked out once for all rules about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from converter.convert.views import scope
from converter.core.errors import Unsupported
from converter.core.model import LogSource, Rule
from converter.core.platform import Kind, Schema
from converter.dialects.condition import Condition


@dataclass(frozen=True, eq=False)
class Sources:
    """Where rules about some log sources look on a platform.

    `kinds` are the kinds of record that they are about; `table`, `indices` and `types` those of the tables that hold
    these; `scope` is the test that keeps to them. `constants` are the columns that the platform itself fills, in one
    spelling, `arrays` those of them that hold several values; `preferred` tell kinds apart better than others.
    """

    kinds: tuple[Kind, ...]
    table: str
    indices: tuple[str, ...]
    types: Mapping[str, str]
    scope: Condition
    constants: frozenset[str]
    arrays: frozenset[str]
    preferred: tuple[str, ...]


def sources_for(rule: Rule, schema: Schema) -> Sources:
    """What a rule is about. Raises Unsupported when the platform has no table for it."""
    found = _sources(rule.logsources, schema)
    if found is None:
        has = ", ".join(sorted({str(table.logsource) for table in schema.tables}))
        raise Unsupported(
            f"{schema.title} has no data for the log source {rule.logsource}",
            f"logsource {rule.logsource}",
            f"{rule.path}:{rule.lines.get('logsource', 1)}",
            hint=f"it has {has}",
        )
    return found


def kinds_for(rule: Rule, schema: Schema) -> tuple[Kind, ...]:
    """The kinds of record that a rule is about. Raises as `sources_for`."""
    return sources_for(rule, schema).kinds


@lru_cache(maxsize=1024)
def _sources(logsources: tuple[LogSource, ...], schema: Schema) -> Sources | None:
    """What is there for a rule's own log source, which is the first, and for its further ones."""
    tables = [table for table in schema.tables if any(source.covers(table.logsource) for source in logsources)]
    meant = {table.logsource for table in tables}
    kinds = tuple(kind for kind in schema.kinds if meant.intersection(kind.logsources))
    if not any(kind.meant_by(logsources[0]) for kind in kinds):
        return None
    # the tables that hold the kinds are asked first what tells records apart
    ordered = sorted(schema.tables, key=lambda table: table.logsource not in meant)
    tests = [one for table in ordered for test in table.scope for one in (test, *test.any_of)]
    constants = [(name, value) for kind in kinds for name, value in kind.native.items() if value is not None]
    return Sources(
        kinds,
        tables[0].table,
        tuple(dict.fromkeys(pattern for table in tables for pattern in table.indices)),
        schema.types[kinds[0].table],
        scope(tables),
        frozenset(name for name, _ in constants),
        frozenset(name for name, value in constants if isinstance(value, list)),
        tuple(dict.fromkeys(test.column for test in tests if test.column)),
    )
