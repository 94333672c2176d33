"""Kusto's three-valued logic: a condition as the predicate on which it is true and the one on which it is false.

Where neither holds it is null. `where` keeps only true rows, so the first predicate of a whole condition is its
two-valued meaning. https://learn.microsoft.com/kusto/query/scalar-data-types/null-values says: `not(null)` is null;
`false and null` is false, `true or null` is true, other pairs with null are null; `==` and `!=` between null and a
value are false and true, never null; ordering against null is null; `in` is an `or` of `==`, `!in` an `and` of `!=`.

https://learn.microsoft.com/kusto/query/logical-operators contradicts one of these: to it `null and true` is false. The
two readings differ only where such a condition is negated or tested for null, so that is refused (`settled`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from converter.core.errors import OutOfFragment
from converter.semantics.decide.predicate import FALSE, TRUE, Predicate, conjunction, disjunction, negation


@dataclass(frozen=True)
class Truth:
    """Where a condition is true and where it is false; the two never hold at once.

    `nullable` says that neither may hold; `doubtful` that where neither holds the documentation does not agree
    whether it is null or false.
    """

    true: Predicate
    false: Predicate
    nullable: bool = True
    doubtful: bool = False


def certain(predicate: Predicate) -> Truth:
    """A condition that is never null."""
    return Truth(predicate, negation(predicate), nullable=False)


YES = certain(TRUE)
NO = certain(FALSE)
NULL = Truth(FALSE, FALSE)


def both(parts: Iterable[Truth]) -> Truth:
    parts = tuple(parts)
    true, false = conjunction(part.true for part in parts), disjunction(part.false for part in parts)
    return Truth(true, false, *_doubts(parts))


def either(parts: Iterable[Truth]) -> Truth:
    parts = tuple(parts)
    true, false = disjunction(part.true for part in parts), conjunction(part.false for part in parts)
    return Truth(true, false, *_doubts(parts))


def _doubts(parts: tuple[Truth, ...]) -> tuple[bool, bool]:
    nullable = any(part.nullable for part in parts)
    return nullable, any(part.doubtful for part in parts) or (nullable and len(parts) > 1)


def settled(part: Truth, line: int) -> Truth:
    """The condition, where it matters whether it is false or null. Raises OutOfFragment if nothing settles that."""
    if part.doubtful:
        hint = "wrap comparisons of numbers and IP functions in coalesce(…, false)"
        raise OutOfFragment("`and`/`or` of what may be null, negated or tested for null", f"line {line}", hint)
    return part


def opposite(part: Truth) -> Truth:
    """`not`, of a settled condition."""
    return Truth(part.false, part.true, part.nullable, part.doubtful)


def unless(part: Truth, negated: bool) -> Truth:
    return opposite(part) if negated else part


def known(part: Truth) -> Truth:
    """Whether a settled condition is not null."""
    return certain(disjunction([part.true, part.false]))


def first_known(parts: Iterable[Truth], line: int) -> Truth:
    """`coalesce`: the first that is not null. https://learn.microsoft.com/kusto/query/coalesce-function"""
    result = NULL
    for part in reversed(tuple(parts)):
        if result == NO:  # false and null come to the same
            result = certain(part.true)
            continue
        settled(part, line)
        result = Truth(
            disjunction([part.true, conjunction([negation(part.false), result.true])]),
            disjunction([part.false, conjunction([negation(part.true), result.false])]),
            part.nullable and result.nullable,
            result.doubtful,
        )
    return result


def chosen(condition: Truth, then: Truth, otherwise: Truth) -> Truth:
    """`iff`: a null condition chooses `otherwise`. https://learn.microsoft.com/kusto/query/iff-function"""
    rest = negation(condition.true)
    return Truth(
        disjunction([conjunction([condition.true, then.true]), conjunction([rest, otherwise.true])]),
        disjunction([conjunction([condition.true, then.false]), conjunction([rest, otherwise.false])]),
        then.nullable or otherwise.nullable,
        then.doubtful or otherwise.doubtful,
    )
