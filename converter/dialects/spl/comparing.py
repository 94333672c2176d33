"""Comparisons of eval expressions, as the predicates under which they are true and false."""

from __future__ import annotations

from dataclasses import dataclass

from converter.core.errors import OutOfFragment
from converter.dialects.spl.nodes import Binary, Call, Expr, Literal, Name, Unary
from converter.dialects.spl.scope import Scope
from converter.dialects.spl.search_reading import number_set
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    Atom,
    Numbers,
    Predicate,
    Present,
    SameAs,
    Strings,
    ValueSet,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.regular.language import Language, literal

FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
ANY_NUMBER = Numbers(((None, None),))
_EMPTY = Strings(literal("", ignore_case=False))


@dataclass(frozen=True)
class Tri:
    """A three-valued condition: the predicates under which it is true and false; null under neither."""

    true: Predicate
    false: Predicate

    @property
    def null(self) -> Predicate:
        return negation(disjunction((self.true, self.false)))


@dataclass(frozen=True)
class Term:
    """A field in a comparison: its column, the function that folds its case away ("" for none), what stands in for
    null, and whether tonumber() makes null of what isn't a number."""

    column: str
    folded: str = ""
    default: str | None = None
    numeric: bool = False

    @property
    def plain(self) -> bool:
        return not self.folded and self.default is None and not self.numeric


def choice(test: Predicate, yes: Tri, no: Tri) -> Tri:
    """`yes` where `test` holds, `no` elsewhere."""
    other = negation(test)
    return Tri(
        disjunction((conjunction((test, yes.true)), conjunction((other, no.true)))),
        disjunction((conjunction((test, yes.false)), conjunction((other, no.false)))),
    )


def on_field(column: str, values: ValueSet) -> Tri:
    """A test of one field: null where the field is missing."""
    atom = Atom(column, values)
    return Tri(atom, conjunction((Atom(column, Present()), negation(atom))))


def comparison(op: str, left: Expr, right: Expr, scope: Scope) -> Tri:
    if isinstance(left, Literal) and not isinstance(right, Literal):
        return comparison(FLIPPED[op], right, left, scope)
    if op == "!=":
        equal = comparison("=", left, right, scope)
        columns = _columns(left, scope) + _columns(right, scope)
        if any(scope.is_array(column) or not scope.knows(column) for column in columns):
            raise OutOfFragment("!= on a field that may have several values")
        return Tri(equal.false, equal.true)
    if isinstance(right, Literal):
        return _with_literal(op, term_of(left, scope), right.value, scope)
    if op == "=":
        return _between_fields(left, right, scope)
    raise OutOfFragment(f"an order between fields is not read: {show(left)} {op} {show(right)}")


def _columns(expr: Expr, scope: Scope) -> list[str]:
    if isinstance(expr, Name):
        return [scope.column(expr.field)]
    return [column for arg in expr.args for column in _columns(arg, scope)] if isinstance(expr, Call) else []


def term_of(expr: Expr, scope: Scope) -> Term:
    """A field, bare or under tonumber(), lower(), upper() or coalesce() with a text."""
    if isinstance(expr, Name):
        return Term(scope.column(expr.field))
    if isinstance(expr, Call) and expr.function == "tonumber" and isinstance(expr.args[0], Name):
        return Term(scope.column(expr.args[0].field), numeric=True)
    if isinstance(expr, Call) and expr.function in ("lower", "upper"):
        inner = term_of(expr.args[0], scope)
        if inner.plain:
            return Term(inner.column, expr.function)
    if isinstance(expr, Call) and expr.function == "coalesce" and len(expr.args) == 2:
        inner, default = term_of(expr.args[0], scope), expr.args[1]
        if (
            inner.default is None
            and not inner.numeric
            and isinstance(default, Literal)
            and isinstance(default.value, str)
        ):
            return Term(inner.column, inner.folded, default.value)
    raise OutOfFragment(f"this value is not read symbolically: {show(expr)}")


def _with_literal(op: str, term: Term, value: str | int | float, scope: Scope) -> Tri:
    if isinstance(value, str):
        if op != "=" or term.numeric:
            raise OutOfFragment(f"{term.column} {op} {value!r} compares texts by order, or a number with a text")
        test = on_field(term.column, Strings(_folded_literal(value, term)))
        default = TRUE if term.default == value else FALSE
        return with_default(test, term, default)
    if isinstance(value, float) or term.folded or term.default is not None:
        raise OutOfFragment(f"{term.column} {op} {value} does not compare a whole number with a number")
    if not scope.is_number(term.column):
        # "5.0" and "05" are texts that equal 5 under eval's comparison and under tonumber()
        raise OutOfFragment(f"{term.column} {op} {value}: the column is not known to hold whole numbers only")
    if term.numeric:
        atom = Atom(term.column, number_set(op, value))
        return Tri(atom, conjunction((Atom(term.column, ANY_NUMBER), negation(atom))))
    return on_field(term.column, number_set(op, value))


def with_default(test: Tri, term: Term, default: Predicate) -> Tri:
    if term.default is None:
        return test
    return choice(Atom(term.column, Present()), test, Tri(default, negation(default)))


def _folded_literal(value: str, term: Term) -> Language:
    """The texts that equal `value` once the term's case folding is done to them."""
    if not term.folded:
        return literal(value, ignore_case=False)
    if value != getattr(value, term.folded)():
        raise OutOfFragment(f"{term.folded}() never gives {value!r}, so this comparison is never true")
    return literal(value, ignore_case=True)


def _between_fields(left: Expr, right: Expr, scope: Scope) -> Tri:
    """Two fields that are equal, or one that starts or ends with the other in one of the spellings of `_part`."""
    subject, how = left, "equals"
    for whole, part in ((left, right), (right, left)):
        found = _part(whole, part, scope)
        if found:
            subject, right, how = found[0], part, found[1]
            break
    one, other = term_of(subject, scope), term_of(right, scope)
    if one.folded != other.folded or any(t.numeric or t.default is not None for t in (one, other)):
        raise OutOfFragment(f"two fields are compared under different functions: {show(left)}, {show(right)}")
    same: Predicate = Atom(one.column, SameAs(other.column, how.removesuffix("*"), ignore_case=bool(one.folded)))
    if how == "endswith*":
        nothing = Atom(other.column, _EMPTY)
        both_empty = conjunction((nothing, Atom(one.column, _EMPTY)))
        same = disjunction((conjunction((same, negation(nothing))), both_empty))
    present = conjunction((Atom(one.column, Present()), Atom(other.column, Present())))
    return Tri(same, conjunction((present, negation(same))))


def _part(whole: Expr, part: Expr, scope: Scope) -> tuple[Expr, str] | None:
    """The subject of a substr() that is compared with `part`, and which end of it: `substr(a, 1, len(b)) = b` is
    startswith, `substr(a, 1+len(a)-len(b)) = b` endswith. `substr(a, 0-len(b)) = b` is endswith but for the empty b,
    where position 0 gives all of a (substr counts as SQLite's does): "endswith*"."""
    if not (isinstance(whole, Call) and whole.function == "substr"):
        return None
    subject, start = whole.args[:2]
    if len(whole.args) == 3:
        is_prefix = start == Literal(1) and _is_length(whole.args[2], part, scope)
        return (subject, "startswith") if is_prefix else None
    if isinstance(start, Unary) and start.op == "-":
        start = Binary("-", Literal(0), start.operand)
    if not (isinstance(start, Binary) and start.op == "-" and _is_length(start.right, part, scope)):
        return None
    if start.left == Literal(0):
        return subject, "endswith*"
    offset = start.left
    is_suffix = isinstance(offset, Binary) and offset.op == "+" and offset.left == Literal(1)
    if is_suffix and isinstance(offset, Binary) and _is_length(offset.right, subject, scope):
        return subject, "endswith"
    return None


def _is_length(expr: Expr, of: Expr, scope: Scope) -> bool:
    """Whether `expr` is the length of `of`; folding case doesn't change it."""
    return (
        isinstance(expr, Call)
        and expr.function == "len"
        and term_of(expr.args[0], scope).column == term_of(of, scope).column
    )


def show(expr: Expr) -> str:
    """An expression in a message: enough to find it in the query."""
    if isinstance(expr, Literal):
        return repr(expr.value)
    if isinstance(expr, Name):
        return expr.field
    if isinstance(expr, Call):
        return f"{expr.function}({', '.join(show(arg) for arg in expr.args)})"
    if isinstance(expr, Unary):
        return f"{expr.op} {show(expr.operand)}"
    return f"{show(expr.left)} {expr.op} {show(expr.right)}"
