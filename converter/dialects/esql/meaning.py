"""ES|QL conditions as two-valued predicates: when is a condition true, when is it false (and else null).

Both questions are answered side by side (`holds(condition, True)` and `holds(condition, False)`), so NOT swaps them,
AND and OR are monotone, and nothing needs the null case except IS NULL and COALESCE.
https://www.elastic.co/docs/reference/query-languages/esql/esql-null-values
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from converter.core.errors import OutOfFragment
from converter.dialects.esql.ast import Binary, Call, Expr, Field, In, IsNull, Like, Literal, Match, Not, Several
from converter.dialects.esql.nulls import conjuncts, refuse_null_beside
from converter.dialects.esql.patterns import is_text
from converter.dialects.esql.sets import Constants, blocks, constant_set, pattern_set, range_set, text_set, union
from converter.dialects.esql.types import BOOLEAN, DATE, IP, SPAN, STRING, Columns, type_of
from converter.semantics.decide.evaluate import contains
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    Atom,
    Predicate,
    Present,
    SameAs,
    conjunction,
    disjunction,
    negation,
)

_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
#: a call of `CONTAINS` is what `LOCATE(…) > 0` is read as
_AFFIXES = {"STARTS_WITH": "startswith", "ENDS_WITH": "endswith", "CONTAINS": "contains"}
_ELEMENTWISE = ("TO_LOWER", "TO_UPPER", "TO_STRING")
_BOOLEAN_CALLS = (*_AFFIXES, "CIDR_MATCH")

#: what a pattern takes that takes everything
_ANYTHING = ("", "a", "A", "0", " ", "\n", "é", "a b\tc", "\U0001f600", "x" * 40)


class Meaning:
    """Reads checked expressions; `arrays` are the columns that may hold several values."""

    def __init__(self, columns: Columns, arrays: frozenset[str]) -> None:
        self.columns, self.arrays = columns, arrays

    def holds(self, expr: Expr, wanted: bool) -> Predicate:
        """When `expr` is true (`wanted`) or false. Raises OutOfFragment."""
        match expr:
            case Literal(value):
                return TRUE if value is wanted else FALSE
            case Not(part):
                return self.holds(part, not wanted)
            case Binary("AND" | "OR" as op, left, right):
                if op == "AND":
                    refuse_null_beside(conjuncts(expr))
                sides = (self.holds(left, wanted), self.holds(right, wanted))
                return conjunction(sides) if (op == "AND") is wanted else disjunction(sides)
            case IsNull(value):
                return self.null(value) if wanted else negation(self.null(value))
            case Match(name, Literal(str() as text)):
                found = Atom(name, text_set(text, ""))
                return found if wanted else negation(found)
            case Binary("==", left, right) if counted := _counted(left, right):
                name, text = counted
                found = Atom(name, text_set(text, ""))
                return found if wanted else conjunction((Atom(name, Present()), negation(found)))
            case Field():
                return self.member(expr, lambda: text_set("true", ""), wanted)
            case Binary("!=", left, right):
                return self.holds(Binary("==", left, right), not wanted)
            case Binary("==" | "<" | "<=" | ">" | ">=" as op, left, right):
                return self.each((left, right), lambda sides: self.compared(op, sides[0], sides[1], wanted))
            case In(value, options):
                return self.each((value,), lambda values: self.one_of(values[0], options, wanted))
            case Like(value, patterns, regex):
                return self.each((value,), lambda values: self.like(values[0], patterns, regex, wanted))
            case Call("COALESCE", (first, Literal(bool() as default))):
                known = self.holds(first, not default)  # the only way not to end at the default
                return known if wanted is not default else negation(known)
            case Call("COALESCE" | "CASE"):
                return self.each((expr,), lambda values: self.holds(values[0], wanted))
            case Call(name, args) if name in _BOOLEAN_CALLS:
                return self.each(args[:1], lambda values: self.call(name, (values[0], *args[1:]), wanted))
        raise OutOfFragment(f"ES|QL: no symbolic meaning for {_named(expr)} as a condition")

    def null(self, expr: Expr) -> Predicate:
        """When `expr` is null. Raises OutOfFragment."""
        match expr:
            case Field(name):
                return negation(Atom(name, Present()))
            case Literal(value):
                return TRUE if value is None else FALSE
            case Several() | IsNull() | Match() | Call("NOW" | "TO_IP" | "TO_DATETIME"):
                return FALSE
            case Call(name, (value,)) if name in _ELEMENTWISE:
                return self.null(value)
            case Call("COALESCE", args):
                return conjunction([self.null(arg) for arg in args])
            case Call("CASE"):
                return disjunction([conjunction((guard, self.null(value))) for guard, value in self.alternatives(expr)])
            case _ if type_of(expr, self.columns) == BOOLEAN:
                return conjunction([negation(self.holds(expr, True)), negation(self.holds(expr, False))])
        raise OutOfFragment(f"ES|QL: no symbolic meaning for {_named(expr)} being null")

    def alternatives(self, expr: Expr) -> Iterator[tuple[Predicate, Expr]]:
        """The values `expr` may stand for, free of CASE and COALESCE, each with when it does."""
        match expr:
            case Call("CASE", args):
                rest: Predicate = TRUE
                for index in range(0, len(args) - 1, 2):
                    chosen = self.holds(args[index], True)
                    yield from self.guarded(conjunction((rest, chosen)), args[index + 1])
                    rest = conjunction((rest, negation(chosen)))
                yield from self.guarded(rest, args[-1] if len(args) % 2 else Literal(None))
            case Call("COALESCE", args):
                rest = TRUE
                for arg in args:
                    yield from self.guarded(conjunction((rest, negation(self.null(arg)))), arg)
                    rest = conjunction((rest, self.null(arg)))
                yield rest, Literal(None)
            case Call(name, (value,)) if name in _ELEMENTWISE:
                yield from ((guard, _folded(name, inner)) for guard, inner in self.alternatives(value))
            case _:
                yield TRUE, expr

    def guarded(self, guard: Predicate, expr: Expr) -> Iterator[tuple[Predicate, Expr]]:
        yield from ((conjunction((guard, inner)), value) for inner, value in self.alternatives(expr) if guard != FALSE)

    def each(self, exprs: tuple[Expr, ...], test: Callable[[tuple[Expr, ...]], Predicate]) -> Predicate:
        """`test` of every combination of the expressions' alternatives, each under its guards."""
        out = []
        for combination in product(*(list(self.alternatives(expr)) for expr in exprs)):
            guard = conjunction([guard for guard, _ in combination])
            if guard != FALSE:
                out.append(conjunction((guard, test(tuple(value for _, value in combination)))))
        return disjunction(out)

    # -- tests of one column

    def subject(self, expr: Expr) -> tuple[str, str]:
        """The column behind `expr` and the case function on it (or ""). Raises OutOfFragment.

        A column with several values makes every operator null.
        """
        match expr:
            case Field(name):
                if name in self.arrays:
                    raise OutOfFragment(f"ES|QL: {name} may hold several values; test it with `:`")
                return name, ""
            case Call("TO_STRING", (Field() as value,)) if type_of(value, self.columns) not in (IP, DATE, SPAN):
                return self.subject(value)
            case Call("TO_LOWER" | "TO_UPPER" as name, (value,)):
                return self.subject(value)[0], name
        raise OutOfFragment(f"ES|QL: no symbolic meaning for {_named(expr)} as an operand")

    def fold(self, expr: Expr) -> str:
        """The case function on the column behind `expr`, "" when there is none or `expr` is a constant."""
        return "" if isinstance(expr, Literal) else self.subject(expr)[1]

    def member(self, expr: Expr, values: Callable[[], Constants], wanted: bool) -> Predicate:
        """Whether the column behind `expr` is in a set: false needs the column to be there. A constant is or is not."""
        if isinstance(expr, Literal):
            inside = expr.value is not None and contains(values(), expr.value)
            return TRUE if expr.value is not None and inside is wanted else FALSE
        name, _ = self.subject(expr)
        atom = Atom(name, values())
        return atom if wanted else conjunction((Atom(name, Present()), negation(atom)))

    def compared(self, op: str, left: Expr, right: Expr, wanted: bool) -> Predicate:
        if isinstance(left, Literal) and not isinstance(right, Literal):
            return self.compared(_FLIPPED[op], right, left, wanted)
        if Literal(None) in (left, right):
            return FALSE
        if isinstance(left, Literal) and isinstance(right, Literal):
            return TRUE if _COMPARISONS[op](left.value, right.value) is wanted else FALSE
        if isinstance(right, Literal) or (isinstance(right, Call) and right.name == "TO_IP"):
            return self.against_constant(op, left, right, wanted)
        if op == "==" and type_of(left, self.columns) == STRING:
            return self.same("equals", left, right, wanted)
        raise OutOfFragment(f"ES|QL: no symbolic meaning for {_named(left)} {op} {_named(right)}")

    def against_constant(self, op: str, left: Expr, right: Expr, wanted: bool) -> Predicate:
        match left, right:
            case Call("LENGTH", (text,)), Literal(int() as size):
                return self.each((text,), lambda v: self.member(v[0], lambda: range_set(op, size, "length"), wanted))
            case Call("LOCATE", (text, part)), Literal(int() as place) if (op, place) in ((">", 0), (">=", 1)):
                return self.each((text,), lambda v: self.call("CONTAINS", (v[0], part), wanted))
        fold = self.fold(left)
        if op == "==":
            _pushed(right, fold)
            return self.member(left, lambda: constant_set(right, fold), wanted)
        kind = type_of(left, self.columns)
        if isinstance(right, Literal) and isinstance(right.value, int | float):
            number = right.value
            return self.member(left, lambda: range_set(op, number, kind), wanted)
        raise OutOfFragment(f"ES|QL: no symbolic meaning for {_named(left)} {op} {_named(right)}")

    def one_of(self, value: Expr, options: tuple[Expr, ...], wanted: bool) -> Predicate:
        constants = [x for x in options if isinstance(x, Literal) or (isinstance(x, Call) and x.name == "TO_IP")]
        if Literal(None) in options:
            raise OutOfFragment("ES|QL: null among the options of IN")
        if isinstance(value, Literal) or len(constants) < len(options):
            tests = [self.holds(Binary("==", value, option), wanted) for option in options]
            return disjunction(tests) if wanted else conjunction(tests)
        fold = self.fold(value)
        if len(options) == 1:
            _pushed(options[0], fold)
        return self.member(value, lambda: union([constant_set(option, fold) for option in constants]), wanted)

    def like(self, value: Expr, patterns: tuple[str, ...], regex: bool, wanted: bool) -> Predicate:
        fold = self.fold(value)
        if fold and not all(text.isascii() for text in patterns) and (regex or any(map(is_text, patterns))):
            raise OutOfFragment("ES|QL: beyond ASCII, what is pushed down to the index folds otherwise")
        found = union([pattern_set(pattern, regex, fold) for pattern in patterns])
        if not wanted and all(contains(found, text) for text in _ANYTHING):
            # ReplaceRegexMatch makes IS NOT NULL of it, whose NOT is true of a missing field
            raise OutOfFragment("ES|QL: the negation of a pattern that matches every value holds of missing fields too")
        return self.member(value, lambda: found, wanted)

    def call(self, name: str, args: tuple[Expr, ...], wanted: bool) -> Predicate:
        if name == "CIDR_MATCH":
            return self.member(
                args[0], lambda: blocks([str(x.value) for x in args[1:] if isinstance(x, Literal)]), wanted
            )
        if name in _AFFIXES:
            if not isinstance(args[1], Literal):
                return self.same(_AFFIXES[name], args[0], args[1], wanted)
            text = args[1].value
            fold = self.fold(args[0])
            return (
                self.member(args[0], lambda: text_set(str(text), fold, _AFFIXES[name]), wanted)
                if text is not None
                else FALSE
            )
        raise OutOfFragment(f"ES|QL: no symbolic meaning for {name} as a condition")

    def same(self, how: str, left: Expr, right: Expr, wanted: bool) -> Predicate:
        (column, fold), (other, other_fold) = self.subject(left), self.subject(right)
        if fold != other_fold:
            raise OutOfFragment(f"ES|QL: {column} and {other} are compared with only one of them folded")
        atom = Atom(column, SameAs(other, how, ignore_case=bool(fold)))
        if wanted:
            return atom
        return conjunction((Atom(column, Present()), Atom(other, Present()), negation(atom)))


def _folded(name: str, value: Expr) -> Expr:
    """An element-wise function of a constant is one; of anything else it stays a call."""
    match name, value:
        case _, Literal(None):
            return value
        case "TO_LOWER", Literal(str() as text):
            return Literal(text.lower())
        case "TO_UPPER", Literal(str() as text):
            return Literal(text.upper())
        case "TO_STRING", Literal(bool() | int() | str() as constant):
            return Literal(str(constant).lower() if isinstance(constant, bool) else str(constant))
    return Call(name, (value,))


def _counted(left: Expr, right: Expr) -> tuple[str, str] | None:
    """The column and the text of `MV_COUNT(MV_DEDUPE(MV_APPEND(f, "x"))) == MV_COUNT(f)`: "x" is among the values.

    A keyword's values are kept once each (https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/keyword).
    """
    match left, right:
        case (
            Call("MV_COUNT", (Call("MV_DEDUPE", (Call("MV_APPEND", (Field(name), Literal(str() as text))),)),)),
            Call("MV_COUNT", (Field(other),)),
        ) if name == other:
            return name, text
    return None


def _pushed(constant: Expr, fold: str) -> None:
    """Raises OutOfFragment for an equality without case with letters beyond ASCII that have another case.

    ReplaceStringCasingWithInsensitiveEquals makes a term query of it, which folds ASCII only, where the index answers;
    TO_LOWER itself folds all of Unicode.
    """
    if fold and isinstance(constant, Literal) and isinstance(constant.value, str) and has_other_case(constant.value):
        raise OutOfFragment(f"ES|QL: {constant.value!r} without case: beyond ASCII, letters may or may not be folded")


def has_other_case(text: str) -> bool:
    """Whether a character beyond ASCII is in the text that is written otherwise in another case."""
    return any(c.lower() != c or c.upper() != c for c in text if not c.isascii())


def _named(expr: Expr) -> str:
    return expr.name if isinstance(expr, Field | Call) else type(expr).__name__
