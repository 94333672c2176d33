"""The types of ES|QL expressions: every operand has a type it takes, and constants are cast where they need to be.

Sources: https://www.elastic.co/docs/reference/query-languages/esql/esql-functions-operators (signatures) and
https://www.elastic.co/docs/reference/query-languages/esql/esql-implicit-casting (a string beside an IP or a date).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from converter.core.discovery import did_you_mean
from converter.core.errors import OutOfFragment, QueryError, UnknownColumn
from converter.dialects.esql.ast import (
    Binary,
    Call,
    Expr,
    Field,
    In,
    IsNull,
    Like,
    Literal,
    Match,
    Not,
    Several,
    Span,
)
from converter.dialects.esql.constants import address, block, moment
from converter.dialects.esql.patterns import check_case, check_regex_case, check_wildcard

STRING, INTEGER, DOUBLE, BOOLEAN = "string", "integer", "double", "boolean"
DATE, IP, SPAN, NULL = "date", "ip", "span", "null"
_FAMILIES = {
    STRING: ("keyword", "constant_keyword", "wildcard", "text", "match_only_text", "semantic_text"),
    INTEGER: ("integer", "long", "short", "byte", "unsigned_long"),
    DOUBLE: ("double", "float", "half_float", "scaled_float"),
    BOOLEAN: ("boolean",),
    DATE: ("date", "date_nanos"),
    IP: ("ip",),
}
FAMILY_OF = {name: family for family, names in _FAMILIES.items() for name in names}
NUMERIC = (INTEGER, DOUBLE)

#: Column name -> type family, in the order of the table.
Columns = Mapping[str, str]

# Result and parameter types; the last parameter repeats where a `+` follows it, `same` is the type of the first one.
# https://www.elastic.co/docs/reference/query-languages/esql/esql-functions-operators
_SIGNATURES: dict[str, tuple[str, tuple[str, ...]]] = {
    "TO_LOWER": (STRING, (STRING,)),
    "TO_UPPER": (STRING, (STRING,)),
    "TO_STRING": (STRING, ("any",)),
    "LENGTH": (INTEGER, (STRING,)),
    "LOCATE": (INTEGER, (STRING, STRING)),
    "CONCAT": (STRING, (STRING, STRING, "+")),
    "STARTS_WITH": (BOOLEAN, (STRING, STRING)),
    "ENDS_WITH": (BOOLEAN, (STRING, STRING)),
    "CIDR_MATCH": (BOOLEAN, (IP, STRING, "+")),
    "MV_COUNT": (INTEGER, ("any",)),
    "MV_DEDUPE": ("same", ("any",)),
    "MV_APPEND": ("same", ("any", "same")),
    "MV_CONCAT": (STRING, (STRING, STRING)),
    "MV_FIRST": ("same", ("any",)),
    "MV_LAST": ("same", ("any",)),
    "MV_MIN": ("same", ("any",)),
    "MV_MAX": ("same", ("any",)),
    "COALESCE": ("same", ("any", "same", "+")),
    "NOW": (DATE, ()),
    "DATE_TRUNC": (DATE, (SPAN, DATE)),
}
#: what newer versions have: a query with one of them does not run on 8.19
_NEWER = ("CONTAINS", "MV_CONTAINS", "MV_INTERSECTS")
#: the least and the greatest whole number that compare with any column but one of `unsigned_long`
LONG = (-(1 << 63), (1 << 63) - 1)


def type_of(value: Expr, columns: Columns) -> str:
    """The type family of a checked expression."""
    return check(value, columns)[1]


def typed(value: Expr, columns: Columns, wanted: tuple[str, ...]) -> Expr:
    """The checked expression, which must have one of the wanted types (or be null). Raises QueryError."""
    checked, family = check(value, columns)
    if family not in (*wanted, NULL):
        raise QueryError(f"ES|QL: expected {' or '.join(wanted)}, found {family}: {_shown(value)}")
    return checked


def filtering(value: Expr, columns: Columns, searchable: Columns) -> Expr:
    """The checked condition of a WHERE, in which `:` may stand on a column of the index (`searchable`).

    https://www.elastic.co/docs/reference/query-languages/esql/functions-operators/operators, "Match operator": on a
    keyword it holds when any value equals the constant, and it is never null. Raises QueryError, and OutOfFragment for
    columns whose values are analysed as texts.
    """
    if isinstance(value, Not):
        return Not(filtering(value.part, columns, searchable))
    if isinstance(value, Binary) and value.op in ("AND", "OR"):
        sides = [filtering(side, columns, searchable) for side in (value.left, value.right)]
        return Binary(value.op, sides[0], sides[1])
    if not isinstance(value, Match):
        return typed(value, columns, (BOOLEAN,))
    if value.field not in searchable or value.field not in columns:
        raise QueryError(f"ES|QL: the match operator takes a field of the index, not {value.field}")
    constant = value.value.value if isinstance(value.value, Literal) else None
    if not isinstance(constant, str) or searchable[value.field] != STRING:
        raise OutOfFragment(f"ES|QL: the match operator on {value.field} is covered for texts of keywords only")
    return value


def _shown(value: Expr) -> str:
    if isinstance(value, Field):
        return value.name
    return str(value.value) if isinstance(value, Literal) else type(value).__name__


def check(value: Expr, columns: Columns) -> tuple[Expr, str]:
    """The expression with constants cast, and its type family. Raises QueryError where a name or type is wrong."""
    if isinstance(value, Field):
        if value.name not in columns:
            raise UnknownColumn(f"ES|QL: unknown column {value.name}", hint=did_you_mean(value.name, columns))
        if " " in columns[value.name]:
            raise QueryError(f"ES|QL: column {value.name} has {columns[value.name]}")
        return value, columns[value.name]
    if isinstance(value, Literal):
        if isinstance(value.value, int) and value.value > LONG[1]:
            raise QueryError(f"ES|QL: {value.value} is unsigned_long, which compares with no other type")
        return value, _literal_type(value)
    if isinstance(value, Several):
        return value, _literal_type(value.items[0])
    if isinstance(value, Span):
        return value, SPAN
    if isinstance(value, Not):
        return Not(typed(value.part, columns, (BOOLEAN,))), BOOLEAN
    if isinstance(value, IsNull):
        return IsNull(check(value.value, columns)[0]), BOOLEAN
    if isinstance(value, Like):
        return _like(value, columns), BOOLEAN
    if isinstance(value, In):
        first, *options = _alike((value.value, *value.options), columns)[0]
        check_case(first, _texts(options))
        return In(first, tuple(options)), BOOLEAN
    if isinstance(value, Binary):
        return _binary(value, columns)
    if isinstance(value, Match):
        raise QueryError("ES|QL: the match operator `:` is supported in WHERE only, under AND, OR and NOT")
    return _call(value, columns)


def _literal_type(literal: Literal) -> str:
    if literal.value is None:
        return NULL
    return {str: STRING, bool: BOOLEAN, int: INTEGER, float: DOUBLE}[type(literal.value)]


def _texts(values: Iterable[Expr]) -> list[str]:
    return [x.value for x in values if isinstance(x, Literal) and isinstance(x.value, str)]


def _like(value: Like, columns: Columns) -> Like:
    subject = typed(value.value, columns, (STRING,))
    check_case(subject, value.patterns)
    if value.regex:
        check_regex_case(subject, value.patterns)
    else:
        for pattern in value.patterns:
            check_wildcard(pattern)
    return Like(subject, value.patterns, value.regex)


_CASTS: dict[str, tuple[str, Callable[[str], object]]] = {IP: ("TO_IP", address), DATE: ("TO_DATETIME", moment)}


def _parsed(parser: Callable[[str], object], texts: Iterable[str]) -> None:
    for text in texts:
        try:
            parser(text)
        except ValueError as fault:
            raise QueryError(f"ES|QL: {text!r} is not an address, block or date") from fault


def _alike(values: Iterable[Expr], columns: Columns) -> tuple[list[Expr], str]:
    """Operands that must share one type, with string constants cast to it; numbers mix."""
    checked = [check(value, columns) for value in values]
    families = {family for _, family in checked if family != NULL}
    if families <= set(NUMERIC):
        return [value for value, _ in checked], DOUBLE if DOUBLE in families else next(iter(families), NULL)
    for family, (function, parser) in _CASTS.items():
        if families == {family, STRING} and all(
            kind != STRING or isinstance(value, Literal) for value, kind in checked
        ):
            _parsed(parser, _texts(value for value, _ in checked))
            return [Call(function, (v,)) if kind == STRING else v for v, kind in checked], family
    if len(families) > 1:
        raise QueryError(f"ES|QL: {' and '.join(sorted(families))} do not compare: {_shown(checked[0][0])}")
    return [value for value, _ in checked], families.pop()


def _binary(value: Binary, columns: Columns) -> tuple[Expr, str]:
    if value.op in ("AND", "OR"):
        sides = [typed(side, columns, (BOOLEAN,)) for side in (value.left, value.right)]
        return Binary(value.op, sides[0], sides[1]), BOOLEAN
    if value.op in ("+", "-", "*"):
        (left, kind), (right, other) = check(value.left, columns), check(value.right, columns)
        if kind == DATE and other == SPAN and value.op != "*":
            return Binary(value.op, left, right), DATE
        if {kind, other} - {*NUMERIC, NULL}:
            raise QueryError(f"ES|QL: {kind} {value.op} {other} is not covered")
        return Binary(value.op, left, right), DOUBLE if DOUBLE in (kind, other) else INTEGER
    if Literal(None) in (value.left, value.right):
        raise QueryError("ES|QL: a comparison with null is refused: ask IS NULL")
    (left, right), family = _alike((value.left, value.right), columns)
    if family == SPAN or (value.op not in ("==", "!=") and family == BOOLEAN):
        raise QueryError(f"ES|QL: {value.op} does not take {family}")
    check_case(left, _texts((right,)))
    check_case(right, _texts((left,)))
    return Binary(value.op, left, right), BOOLEAN


def _call(value: Call, columns: Columns) -> tuple[Expr, str]:
    if value.name == "CASE":
        return _case(value, columns)
    for family, (function, parser) in _CASTS.items():
        if value.name == function and len(_texts(value.args)) == len(value.args) == 1:
            _parsed(parser, _texts(value.args))
            return value, family
    if value.name in _NEWER:
        raise QueryError(f"ES|QL: Unknown function [{value.name}] on 8.19")
    if value.name not in _SIGNATURES:
        raise QueryError(f"ES|QL: the function {value.name} is not covered")
    result, wanted = _SIGNATURES[value.name]
    repeats = wanted[-1:] == ("+",)
    named = wanted[:-1] if repeats else wanted
    if len(value.args) < len(named) - (value.name == "COALESCE") or (len(value.args) > len(named) and not repeats):
        raise QueryError(f"ES|QL: {value.name} does not take {len(value.args)} arguments")
    if "same" in named:
        args, family = _alike(value.args, columns)
        return Call(value.name, tuple(args)), family if result == "same" else result
    args = []
    for index, arg in enumerate(value.args):
        parameter = named[min(index, len(named) - 1)]
        args.append(check(arg, columns)[0] if parameter == "any" else typed(arg, columns, (parameter,)))
    if value.name == "TO_STRING" and check(args[0], columns)[1] == IP:
        raise OutOfFragment("ES|QL: TO_STRING of an address is not covered")
    if value.name == "CIDR_MATCH":
        if not all(isinstance(arg, Literal) and arg.value is not None for arg in args[1:]):
            raise QueryError("ES|QL: CIDR_MATCH is covered with constant blocks only")
        _parsed(block, _texts(args[1:]))
    return Call(value.name, tuple(args)), check(args[0], columns)[1] if result == "same" else result


def _case(value: Call, columns: Columns) -> tuple[Expr, str]:
    if len(value.args) < 2:
        raise QueryError("ES|QL: CASE takes a condition and a value at least")
    args = list(value.args)
    conditions = range(0, len(args) - 1, 2)
    for index in conditions:
        args[index] = typed(args[index], columns, (BOOLEAN,))
    places = [index for index in range(len(args)) if index not in conditions]
    results, family = _alike([args[index] for index in places], columns)
    for index, result in zip(places, results, strict=True):
        args[index] = result
    return Call("CASE", tuple(args)), family
