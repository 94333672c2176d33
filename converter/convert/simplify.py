"""And, or and not over Conditions with constants folded, and what views have in common taken out."""

from __future__ import annotations

from collections.abc import Iterable

from converter.dialects.condition import And, Condition, Match, Not, Or, gathered, simplify

TRUE = And(())
FALSE = Or(())


def all_of(parts: Iterable[Condition]) -> Condition:
    """Each part holds."""
    kept = [part for part in parts if part.__class__ is not And or part != TRUE]
    if any(part.__class__ is Or and part == FALSE for part in kept):
        return FALSE
    return kept[0] if len(kept) == 1 else And(tuple(kept))


def any_of(parts: Iterable[Condition]) -> Condition:
    """At least one part holds; what tests one field is one list at once, as `simplify` would make it."""
    kept = [part for part in parts if part.__class__ is not Or or part != FALSE]
    if any(part.__class__ is And and part == TRUE for part in kept):
        return TRUE
    if len(kept) > 1 and all(part.__class__ is Match for part in kept):
        kept = gathered(kept)
    return kept[0] if len(kept) == 1 else Or(tuple(kept))


def negated(part: Condition) -> Condition:
    """The part does not hold."""
    if part == TRUE:
        return FALSE
    if part == FALSE:
        return TRUE
    return part.part if isinstance(part, Not) else Not(part)


def joined(scope: Condition, cases: list[tuple[Condition, Condition]]) -> Condition:
    """`scope`, and of each case (what tells it apart, what is asked there) one; what all cases ask is asked once."""
    asked = [_conjuncts(simplify(condition)) for _, condition in cases]
    common = [part for part in asked[0] if all(part in other for other in asked[1:])]
    rests = [
        all_of([apart, *(part for part in parts if part not in common)])
        for (apart, _), parts in zip(cases, asked, strict=True)
    ]
    return simplify(all_of([*_conjuncts(scope), *common, any_of(rests)]))


def _conjuncts(condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, And) else (condition,)
