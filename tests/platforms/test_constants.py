"""Which kinds of record a query's constants rule out."""

from __future__ import annotations

from itertools import product

import pytest

from converter.core.discovery import schemas
from converter.core.platform import Kind, Schema
from converter.platforms.constants import members, possible
from converter.platforms.pullback import column_test, pull_back
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    Atom,
    Predicate,
    Present,
    conjunction,
    disjunction,
    negation,
)


def scopes(schema: Schema) -> list[Predicate]:
    """The scope tests of all tables, each once."""
    return list(dict.fromkeys(column_test(test) for table in schema.tables for test in table.scope))


def known(schema: Schema, kind: Kind, predicate: Predicate) -> bool:
    """Whether the kind's table has the columns: elsewhere a query on them is an error."""
    return all(name in schema.types.get(kind.table, {}) or name in kind.native for name in predicate.fields)


@pytest.mark.parametrize("schema", schemas().values(), ids=lambda schema: schema.name)
def test_no_kind_is_ruled_out_that_a_query_may_find(schema: Schema) -> None:
    """On a kind that is ruled out the query, pulled back, is false; by and, or and not of scopes alike."""
    tests = scopes(schema)[:12]
    assert tests
    every = range(len(schema.kinds))
    for one, other in product(tests, repeat=2):
        for query in (conjunction([one, negation(other)]), disjunction([negation(one), other]), negation(one)):
            left = {position for position, _ in members(possible(query, (), schema), schema)}
            for kind in (schema.kinds[position] for position in set(every) - left):
                assert not known(schema, kind, query) or pull_back(query, kind, schema) == FALSE


@pytest.mark.parametrize("schema", schemas().values(), ids=lambda schema: schema.name)
def test_kinds_of_other_scopes_are_ruled_out(schema: Schema) -> None:
    """A table's scope leaves fewer than all kinds where there are several, its own among them; no test leaves all."""
    everything = (1 << len(schema.kinds)) - 1
    assert possible(TRUE, (), schema) == everything
    assert possible(FALSE, (), schema) == 0
    assert possible(negation(TRUE), (), schema) == 0
    assert possible(Atom(schema.time, Present()), (), schema) == everything
    for table in schema.tables:
        scope = conjunction(map(column_test, table.scope))
        left = [kind for _, kind in members(possible(scope, (table.table,) if table.table else (), schema), schema)]
        assert any(table.logsource in kind.logsources for kind in left), table.path
        assert len(left) < len(schema.kinds), table.path
