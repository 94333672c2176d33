"""Where a table looks is where its records are: its own kinds all lie in its scope, and no record of another does."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from converter.core.discovery import schemas
from converter.core.platform import Kind, Schema, Table
from converter.platforms.domains import domain_of
from converter.platforms.pullback import column_test, known, pull_back
from converter.semantics.decide.compare import satisfiable
from converter.semantics.decide.predicate import Predicate, conjunction, negation
from tests.platforms.shapes import PLAIN, name

TABLES = [(schema, table) for schema in schemas().values() for table in schema.tables]


def title(pair: tuple[Schema, Table]) -> str:
    return f"{pair[0].name}-{pair[1].logsource}"


def scope(table: Table, kind: Kind, schema: Schema) -> Predicate:
    """The table's scope as it is for the events behind a kind's records, with what is known of these."""
    inside = pull_back(conjunction(map(column_test, table.scope)), kind, schema)
    return conjunction([known(kind, schema), inside])


def searched(table: Table, kind: Kind) -> bool:
    """Whether the records of a kind lie where the table looks at all."""
    if table.indices:
        return any(fnmatchcase(kind.table, pattern) for pattern in table.indices)
    return kind.table == table.table


def of_table(table: Table, schema: Schema) -> list[Kind]:
    return [kind for kind in schema.kinds if table.logsource in kind.logsources]


def strangers_inside(table: Table, schema: Schema) -> list[str]:
    """Kinds of other log sources of which some record lies in the table's scope."""
    others = [kind for kind in schema.kinds if table.logsource not in kind.logsources and searched(table, kind)]
    return [k.name for k in others if satisfiable(scope(table, k, schema), domain_of(k, schema)) is not None]


@pytest.mark.parametrize("pair", TABLES, ids=title)
def test_a_table_finds_all_of_its_records(pair: tuple[Schema, Table]) -> None:
    """No record of the table's log source lies outside of its scope, whatever the event."""
    schema, table = pair
    own = of_table(table, schema)
    assert own
    for kind in own:
        assert searched(table, kind), kind.name
        inside = pull_back(conjunction(map(column_test, table.scope)), kind, schema)
        outside = conjunction([known(kind, schema), negation(inside)])
        assert satisfiable(outside, domain_of(kind, schema)) is None, kind.name


@pytest.mark.parametrize("pair", TABLES, ids=title)
def test_a_table_finds_no_other_record(pair: tuple[Schema, Table]) -> None:
    """No record of another log source, system or action lies in the table's scope, whatever the event."""
    schema, table = pair
    assert not strangers_inside(table, schema)


def test_a_scope_that_lost_a_test_is_seen() -> None:
    """The laws can fail: nearly every test of a scope keeps some other record out."""
    needed, of = 0, 0
    for schema, table in TABLES:
        for test in table.scope:
            shorter = replace(table, scope=tuple(other for other in table.scope if other != test))
            needed += bool(strangers_inside(shorter, schema))
            of += 1
    assert needed > of / 2, (needed, of)


@pytest.mark.parametrize("pair", PLAIN, ids=name)
def test_every_column_named_exists(pair: tuple[Schema, Kind]) -> None:
    """Columns, constants and what holds of a kind are columns of its place, each of the type given there."""
    schema, kind = pair
    types = schema.types[kind.table]
    for column in kind.columns:
        assert types[column.name] == column.type
    assert set(kind.native) <= set(types)
    tests = [test for each in kind.holds for test in (each.any_of or (each,))]
    assert {test.column for test in tests} <= set(types)
