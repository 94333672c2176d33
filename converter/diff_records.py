"""What a test of a rule or a query comes to on one kind of record, and why where the kind decides it."""

from __future__ import annotations

from dataclasses import replace

from converter.describe import describe
from converter.model import Column, Kind, Schema
from converter.outline import Inverse, Leaf, Some, Tree
from converter.schemas.derive import CLASSIFYING
from converter.schemas.ip_types import NAMES
from converter.schemas.pullback import fix, pull_back
from converter.semantics.evaluate import matches
from converter.semantics.language import literal
from converter.semantics.predicate import FALSE, Atom, Present, Strings, negation


def of_rule(leaf: Leaf, kind: Kind) -> Leaf:
    """A rule's test over the Sigma fields that the kind leaves open."""
    predicate = fix(leaf.predicate, kind)
    if predicate != FALSE or not isinstance(leaf.predicate, Atom):
        return replace(leaf, predicate=predicate)
    return replace(leaf, predicate=predicate, remark=_remark(kind.sigma.get(leaf.predicate.field)))


def of_query(atom: Atom, kind: Kind, schema: Schema) -> Tree:
    """A query's test over the Sigma fields behind the records.

    A column of sorts that has to be one of them becomes "none of the others", sort by sort: a query that does not ask
    for the column differs from one that does in each of them, and for reasons of their own.
    """
    column = next((column for column in kind.columns if column.name == atom.field), None)
    if column is not None and column.derive in CLASSIFYING and isinstance(atom.values, Strings):
        others = [name for name in NAMES if not matches(atom.values.language, name)]
        unfilled = any(matches(atom.values.language, text) for text in ("", "null"))
        if not unfilled and 0 < len(others) < len(NAMES):
            return Inverse(Some((_missing(column), *(_sort(name, column, kind, schema) for name in others))))
    predicate = pull_back(atom, kind, schema)
    decided = predicate == FALSE and (column is None or atom.field in kind.native)
    return Leaf(describe(atom), predicate, remark=_remark(kind.native.get(atom.field)) if decided else "")


def _missing(column: Column) -> Leaf:
    assert column.source is not None
    return Leaf(describe(negation(Atom(column.name, Present()))), negation(Atom(column.source, Present())))


def _sort(name: str, column: Column, kind: Kind, schema: Schema) -> Leaf:
    alone = Atom(column.name, Strings(literal(name, True)))
    return Leaf(f"{column.name} is {name!r}", pull_back(alone, kind, schema))


def _remark(value: object) -> str:
    return "never filled in these records" if value is None else f"always {value!r} in these records"
