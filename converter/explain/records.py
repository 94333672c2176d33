"""What a test of a rule or a query comes to on one kind of record, and why where the kind decides it.

Both are compared over what the record still tells of the event: a rule's test as it reads on values as the platform
holds them, a query's test pulled back to the Sigma fields behind its columns. A column that no Sigma field fills stays
a variable of its own, called `column X`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from converter.core.discovery import did_you_mean
from converter.core.errors import QueryError
from converter.core.platform import Column, Kind, Schema
from converter.explain.describe import describe
from converter.explain.outline import Disjunction, Leaf, Negation, Tree
from converter.platforms.derive import CLASSIFYING
from converter.platforms.hashes import HASHES
from converter.platforms.ip_types import NAMES
from converter.platforms.losses import reading
from converter.platforms.pullback import filled, fix, pull_back
from converter.semantics.decide.evaluate import matches
from converter.semantics.decide.predicate import FALSE, TRUE, Atom, Present, SameAs, Strings, negation
from converter.semantics.regular.language import literal


def of_rule(leaf: Leaf, kind: Kind, schema: Schema) -> Leaf:
    """A rule's test over the Sigma fields that the kind leaves open, as it reads on what the platform holds."""
    fixed = fix(leaf.predicate, kind)
    predicate = reading(fixed, kind, schema)
    if predicate != FALSE or not isinstance(leaf.predicate, Atom):
        return replace(leaf, predicate=predicate)
    name = leaf.predicate.field
    remark = _remark(kind.sigma.get(name)) if name in kind.sigma else "never recorded here"
    return replace(leaf, predicate=predicate, remark=remark)


def of_query(atom: Atom, kind: Kind, schema: Schema, tested: frozenset[str] = frozenset()) -> Tree:
    """A query's test over the Sigma fields behind the records; of two fields in one column those `tested` are meant.

    A column of sorts that has to be one of them becomes "none of the others", sort by sort: a query that does not ask
    for the column differs from one that does in each of them, and for reasons of their own.

    Raises QueryError, with the nearest name, for a column that the platform does not have.
    """
    _check_column(atom, kind, schema)
    column = filled(kind, tested).get(atom.field)
    if column is not None and column.derive in CLASSIFYING and isinstance(atom.values, Strings):
        others = [name for name in NAMES if not matches(atom.values.language, name)]
        unfilled = any(matches(atom.values.language, text) for text in ("", "null"))
        if not unfilled and 0 < len(others) < len(NAMES):
            return Negation(Disjunction((_missing(column), *(_sort(name, column, kind, schema) for name in others))))
    predicate = pull_back(atom, kind, schema, tested)
    decided = predicate in (FALSE, TRUE) and atom.field in kind.native
    return Leaf(describe(atom), predicate, remark=_remark(kind.native[atom.field]) if decided else "")


def _check_column(atom: Atom, kind: Kind, schema: Schema) -> None:
    known = {*schema.types.get(kind.table, {}), schema.time, schema.identity_of(kind.table), *kind.native}
    known |= {column.name for column in kind.columns}
    for name in (atom.field, *((atom.values.other,) if isinstance(atom.values, SameAs) else ())):
        if name not in known:
            place = f"{schema.title} ({kind.table})" if kind.table else schema.title
            hint = did_you_mean(name, known) or "columns are listed in the platform's columns.yml"
            raise QueryError(f"{place} has no column {name}", hint=hint)


def _missing(column: Column) -> Leaf:
    return Leaf(describe(negation(Atom(column.name, Present()))), negation(Atom(column.source, Present())))


def _sort(name: str, column: Column, kind: Kind, schema: Schema) -> Leaf:
    alone = Atom(column.name, Strings(literal(name, True)))
    return Leaf(f"{column.name} is {name!r}", pull_back(alone, kind, schema, frozenset((column.source,))))


def _remark(value: object) -> str:
    return "never filled in these records" if value is None else f"always {value!r} in these records"


def shown(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event for a reader: the components of a list of hashes, which are compared one by one, in one text again."""
    out: dict[str, Any] = {}
    for name, value in event.items():
        field, _, algorithm = name.rpartition(":")
        if field and algorithm in HASHES:
            out[field] = f"{out[field]},{algorithm}={value}" if field in out else f"{algorithm}={value}"
        else:
            out[name] = value
    return out
