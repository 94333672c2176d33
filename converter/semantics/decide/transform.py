"""A Predicate with each atom replaced by another Predicate."""

from __future__ import annotations

from collections.abc import Callable

from converter.semantics.decide.predicate import (
    And,
    Atom,
    Not,
    Or,
    Predicate,
    conjunction,
    disjunction,
    negation,
)


def transform(predicate: Predicate, atom: Callable[[Atom], Predicate]) -> Predicate:
    """The predicate with every atom replaced, constants folded."""
    if isinstance(predicate, And):
        return conjunction(transform(p, atom) for p in predicate.parts)
    if isinstance(predicate, Or):
        return disjunction(transform(p, atom) for p in predicate.parts)
    if isinstance(predicate, Not):
        return negation(transform(predicate.part, atom))
    return atom(predicate)
