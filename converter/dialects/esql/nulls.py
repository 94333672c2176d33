"""What Elasticsearch's optimizer makes of two tests of the same column that stand beside each other.

8.19 (PropagateNullable, package org.elasticsearch.xpack.esql.core.optimizer) takes every conjunct that mentions f for
null once `f IS NULL` stands beside it, COALESCE around it or not, and then no row is found; newer versions put null in
f's place. `NOT (f IS NOT NULL)` is left alone by all of them.

Two comparisons of one value that cannot both hold (`f == "a" AND f == "b"`) become false, also where f is missing, for
which the documentation has null (PropagateEquals, CombineBinaryComparisons). A WHERE drops the row either way, but
what stands below a NOT tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from converter.core.errors import OutOfFragment
from converter.dialects.esql.ast import Binary, Call, Expr, Field, In, IsNull, Like, Literal, Match, Not


def conjuncts(condition: Expr) -> Iterator[Expr]:
    """What all must hold, however it is bracketed."""
    if isinstance(condition, Binary) and condition.op == "AND":
        yield from conjuncts(condition.left)
        yield from conjuncts(condition.right)
    else:
        yield condition


def _plain(part: Expr) -> Expr:
    """The test without two negations of each other, which the optimizer takes away first."""
    while isinstance(part, Not) and isinstance(part.part, Not):
        part = part.part.part
    return part


def refuse_null_beside(parts: Iterable[Expr]) -> None:
    """Raises OutOfFragment where versions differ: `f IS NULL` and another conjunct that mentions f."""
    found = [_plain(part) for part in parts]
    missing = {part.value.name for part in found if isinstance(part, IsNull) and isinstance(part.value, Field)}
    if not missing:
        return
    for part in found:
        if isinstance(part, IsNull) and isinstance(part.value, Field):
            continue
        both = missing & set(_fields(part))
        if both:
            name = min(both)
            raise OutOfFragment(
                f"ES|QL: beside {name} IS NULL, 8.19 takes every other test of {name} for null",
                hint=f"write NOT ({name} IS NOT NULL)",
            )


def refuse_contradiction(expr: Expr, told: bool) -> None:
    """Raises OutOfFragment for comparisons of one value under AND where false and null differ.

    `told`: what stands around `expr` tells false from null.
    """
    match expr:
        case Binary("AND", left, right):
            values = [value for part in conjuncts(expr) if (value := _compared(part)) is not None]
            if told and len(set(values)) < len(values):
                raise OutOfFragment(
                    "ES|QL: 8.19 may take two comparisons of one value for false where the value is missing",
                    hint="put COALESCE(…, false) around them",
                )
            for side in (left, right):
                refuse_contradiction(side, told)
        case Binary("OR", left, right):
            for side in (left, right):
                refuse_contradiction(side, told)
        case Call("COALESCE", (first, Literal(False))):
            refuse_contradiction(first, False)
        case Call("CASE", args):
            for at, arg in enumerate(args):
                refuse_contradiction(arg, told and (at % 2 == 1 or at == len(args) - 1))
        case Not(part) | IsNull(part):
            refuse_contradiction(part, True)
        case Call(_, args):
            for arg in args:
                refuse_contradiction(arg, True)
        case Binary(_, left, right):
            for side in (left, right):
                refuse_contradiction(side, True)


def _compared(part: Expr) -> Expr | None:
    """The value that a comparison with constants tests."""
    match part:
        case Not(inner):
            return _compared(inner)
        case Binary("==" | "!=" | "<" | "<=" | ">" | ">=", left, right):
            return right if isinstance(left, Literal) else left
        case In(value, _) | Like(value, _, _):
            return value
        case Match(name, _):
            return Field(name)
    return None


def _fields(expr: Expr) -> Iterator[str]:
    match expr:
        case Field(name) | Match(name):
            yield name
        case Call(_, args):
            for arg in args:
                yield from _fields(arg)
        case Not(part) | IsNull(part) | Like(part):
            yield from _fields(part)
        case Binary(_, left, right):
            yield from _fields(left)
            yield from _fields(right)
        case In(value, options):
            for option in (value, *options):
                yield from _fields(option)
