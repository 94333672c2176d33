"""What a where expression means: when it is true and when it is false, as two predicates.

An eval expression on a missing field is neither, it is null; `where` keeps the rows on which it is true. ASSUMPTION
(shared with the interpreter): a comparison or a matching function on a null field is null, and so is its NOT. The
combinations with AND, OR, XOR are Kleene's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce

from converter.core.errors import OutOfFragment, QueryError
from converter.dialects.spl.comparing import (
    ANY_NUMBER,
    FLIPPED,
    Tri,
    choice,
    comparison,
    on_field,
    show,
    term_of,
    with_default,
)
from converter.dialects.spl.nodes import Binary, Call, Expr, Literal, Unary
from converter.dialects.spl.scope import Scope
from converter.dialects.spl.search_reading import address_set
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    Atom,
    Predicate,
    Present,
    Strings,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.regular.flavours import from_pcre
from converter.semantics.regular.language import ANY_CHAR, ANY_STRING, Language, Seq, char


def where_predicate(expr: Expr, scope: Scope) -> Predicate:
    """The rows that `where` keeps. Raises OutOfFragment on expressions that are not followed symbolically."""
    return condition(expr, scope).true


def condition(expr: Expr, scope: Scope) -> Tri:
    if isinstance(expr, Unary) and expr.op == "NOT":
        inner = condition(expr.operand, scope)
        return Tri(inner.false, inner.true)
    if isinstance(expr, Binary):
        if expr.op in _LOGIC:
            return _LOGIC[expr.op](condition(expr.left, scope), condition(expr.right, scope))
        if expr.op in FLIPPED:
            return comparison(expr.op, expr.left, expr.right, scope)
    if isinstance(expr, Call) and expr.function in _CONDITIONS:
        return _CONDITIONS[expr.function](expr.args, scope)
    raise OutOfFragment(f"this where condition is not read symbolically: {show(expr)}")


def _and(left: Tri, right: Tri) -> Tri:
    return Tri(conjunction((left.true, right.true)), disjunction((left.false, right.false)))


def _or(left: Tri, right: Tri) -> Tri:
    return Tri(disjunction((left.true, right.true)), conjunction((left.false, right.false)))


def _xor(left: Tri, right: Tri) -> Tri:
    differ = disjunction((conjunction((left.true, right.false)), conjunction((left.false, right.true))))
    agree = disjunction((conjunction((left.true, right.true)), conjunction((left.false, right.false))))
    return Tri(differ, agree)


_LOGIC: dict[str, Callable[[Tri, Tri], Tri]] = {"AND": _and, "OR": _or, "XOR": _xor}


def _match(args: tuple[Expr, ...], scope: Scope) -> Tri:
    term = term_of(args[0], scope)
    if not term.plain:
        raise OutOfFragment("match() is read on a plain field only")
    return on_field(term.column, Strings(from_pcre(_literal_text(args[1]))))


def _like(args: tuple[Expr, ...], scope: Scope) -> Tri:
    term, pattern = term_of(args[0], scope), _literal_text(args[1])
    if re.search(r"\\[%_]", pattern):
        raise QueryError("like() has no documented way to escape % and _: use match()")
    if term.default is not None or term.numeric or (term.folded and pattern != getattr(pattern, term.folded)()):
        raise OutOfFragment("this like() is not read symbolically")
    parts: list[Language] = [
        ANY_STRING if c == "%" else ANY_CHAR if c == "_" else char(c, bool(term.folded)) for c in pattern
    ]
    return on_field(term.column, Strings(Seq(tuple(parts))))


def _cidrmatch(args: tuple[Expr, ...], scope: Scope) -> Tri:
    addresses = address_set(_literal_text(args[0]))
    if addresses is None:
        raise QueryError(f"{show(args[0])} is not an address range")
    term = term_of(args[1], scope)
    if term.folded or term.numeric or term.default not in (None, ""):
        raise OutOfFragment('cidrmatch() is read on a field, or on coalesce(field, "")')
    return with_default(on_field(term.column, addresses), term, FALSE)


def _in(args: tuple[Expr, ...], scope: Scope) -> Tri:
    return reduce(_or, (comparison("=", args[0], arg, scope) for arg in args[1:]))


def _presence(args: tuple[Expr, ...], scope: Scope) -> Tri:
    term = term_of(args[0], scope)
    if term.default is not None:
        return Tri(TRUE, FALSE)
    if term.numeric and not scope.is_number(term.column):
        raise OutOfFragment(f"tonumber({term.column}): the column is not known to hold whole numbers only")
    there = Atom(term.column, ANY_NUMBER if term.numeric else Present())
    return Tri(there, negation(there))


def _absence(args: tuple[Expr, ...], scope: Scope) -> Tri:
    there = _presence(args, scope)
    return Tri(there.false, there.true)


def _if(args: tuple[Expr, ...], scope: Scope) -> Tri:
    return choice(condition(args[0], scope).true, condition(args[1], scope), condition(args[2], scope))


def _case(args: tuple[Expr, ...], scope: Scope) -> Tri:
    if not args:
        return Tri(FALSE, FALSE)
    return choice(condition(args[0], scope).true, condition(args[1], scope), _case(args[2:], scope))


def _coalesce(args: tuple[Expr, ...], scope: Scope) -> Tri:
    first = condition(args[0], scope)
    return first if len(args) == 1 else choice(negation(first.null), first, _coalesce(args[1:], scope))


def _literal_text(expr: Expr) -> str:
    if isinstance(expr, Literal) and isinstance(expr.value, str):
        return expr.value
    raise OutOfFragment(f"a pattern that is computed is not read: {show(expr)}")


_CONDITIONS: dict[str, Callable[[tuple[Expr, ...], Scope], Tri]] = {
    "match": _match,
    "like": _like,
    "cidrmatch": _cidrmatch,
    "in": _in,
    "isnull": _absence,
    "isnotnull": _presence,
    "if": _if,
    "case": _case,
    "coalesce": _coalesce,
    "true": lambda args, scope: Tri(TRUE, FALSE),
    "false": lambda args, scope: Tri(FALSE, TRUE),
}
