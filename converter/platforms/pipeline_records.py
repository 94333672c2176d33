"""Which records a log source means, in pySigma's format: indices or a table, and the tests of its scope."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from converter.core.platform import ColumnTest
from converter.platforms.pipeline_items import Item, TableItems


def place(made: TableItems) -> Iterator[Item]:
    """Indices for the ES|QL backend, a table for the template that stands before Kusto's conditions."""
    if made.table.indices:
        yield made.item("indices", "set_state", key="index", val=",".join(made.table.indices))
    elif made.table.table:
        yield made.item("table", "set_state", key="query_table", val=made.table.table)


def scope(made: TableItems) -> Iterator[Item]:
    """What the table's scope says; conditions that are added later stand first in the query."""
    tests: list[tuple[Any, bool]] = [_test(made, test) for test in made.table.scope]
    plain: dict[str, Any] = {}
    for definition, negated in tests:
        if isinstance(definition, dict) and not negated:
            plain.update(definition)
    rest = [(definition, negated) for definition, negated in tests if negated or isinstance(definition, list)]
    last = [(plain, False)] if plain else []
    for number, (definition, negated) in enumerate([*reversed(rest), *last], 1):
        name = f"_scope_{number}"
        more = {"negated": True} if negated else {}
        yield made.item(f"scope_{number}", "add_condition", conditions=definition, name=name, **more)


def _test(made: TableItems, test: ColumnTest) -> tuple[Any, bool]:
    """A test of the scope as a detection, and whether it is negated.

    A negation is turned into the values that the log source's own kinds have, where they are constants: stock
    backends of languages with null lose the records that lack the column under NOT.
    """
    if test.any_of:
        return [_test(made, one)[0] for one in test.any_of], False
    if test.negated and all(test.column in kind.native for kind in made.kinds):
        values = list(dict.fromkeys(kind.native[test.column] for kind in made.kinds))
        return [{test.column: value} for value in values], False
    values = list(test.values)
    return {test.column: values if len(values) > 1 else values[0]}, test.negated
