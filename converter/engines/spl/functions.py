"""The value of eval expressions on one row.

An eval expression has three-valued logic, None being null: `where` keeps a row
only when the value is true (https://help.splunk.com/splunk-enterprise/spl-search-reference/9.2/search-commands/where).
ASSUMPTION: a comparison or a matching function on a null field is null, and so is its NOT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from converter.core.errors import QueryError
from converter.dialects.spl.nodes import Binary, Call, Expr, Literal, Name, Unary
from converter.engines.spl import values

Fields = Mapping[str, Any]


def where_holds(expr: Expr, fields: Fields) -> bool:
    """Whether `where` keeps a row: the expression must be a Boolean, and true."""
    return _truth(evaluate(expr, fields)) is True


def evaluate(expr: Expr, fields: Fields) -> Any:
    """The value of an eval expression: text, number, Boolean, list of them, or None for null."""
    if isinstance(expr, Literal):
        return expr.value
    if isinstance(expr, Name):
        items = list(values.elements(fields.get(expr.field)))
        return (items[0] if len(items) == 1 else items) if items else None
    if isinstance(expr, Call):
        return _FUNCTIONS[expr.function](expr.args, fields)
    if isinstance(expr, Unary):
        operand = evaluate(expr.operand, fields)
        if expr.op == "NOT":
            truth = _truth(operand)
            return None if truth is None else not truth
        return _arithmetic("-", 0, operand)
    if expr.op in ("AND", "OR", "XOR"):
        return _logic(expr, fields)
    left, right = evaluate(expr.left, fields), evaluate(expr.right, fields)
    if expr.op == ".":
        return None if left is None or right is None else values.text_of(_single(left)) + values.text_of(_single(right))
    if expr.op in "+-*/%":
        return _arithmetic(expr.op, left, right)
    return compare(expr.op, left, right)


def _truth(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise QueryError(f"{value!r} is not a condition: where, NOT, AND and OR take Booleans")


def _logic(expr: Binary, fields: Fields) -> bool | None:
    left, right = _truth(evaluate(expr.left, fields)), _truth(evaluate(expr.right, fields))
    if expr.op == "XOR":
        return None if left is None or right is None else left != right
    decisive = expr.op == "OR"
    if left is decisive or right is decisive:
        return decisive
    return None if left is None or right is None else not decisive


def compare(op: str, left: Any, right: Any) -> bool | None:
    """A comparison in eval: null if either side is, any pair of values on multivalue fields.

    ASSUMPTION: `=` compares by value when one side is a number and the other looks like one, else as text with case.
    """
    if left is None or right is None:
        return None
    return any(_compare_one(op, a, b) for a in values.elements(left) for b in values.elements(right))


def _compare_one(op: str, left: Any, right: Any) -> bool:
    if op not in ("=", "!="):
        return values.ordered(op, left, right)
    a: Any = values.text_of(left)
    b: Any = values.text_of(right)
    if not (isinstance(left, str) and isinstance(right, str)):
        x, y = values.number_of(left), values.number_of(right)
        if x is not None and y is not None:
            a, b = x, y
    return bool(a == b) == (op == "=")


def _arithmetic(op: str, left: Any, right: Any) -> int | float | None:
    if left is None or right is None:
        return None
    a, b = values.number_of(_single(left)), values.number_of(_single(right))
    if a is None or b is None:
        raise QueryError(f"{op} is covered on numbers only")
    if op in "/%" and b == 0:
        return None
    operations: dict[str, Callable[[], int | float]] = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "/": lambda: a / b,
        "%": lambda: a % b,
    }
    return operations[op]()


def _single(value: Any) -> Any:
    if isinstance(value, list):
        raise QueryError("this function is not covered on multivalue fields")
    return value


def _text(expr: Expr, fields: Fields) -> str | None:
    value = _single(evaluate(expr, fields))
    return None if value is None else values.text_of(value)


def _needs_text(expr: Expr, fields: Fields, what: str) -> str:
    found = _text(expr, fields)
    if found is None:
        raise QueryError(f"{what} is null")
    return found


def _any(test: Callable[[Any], bool], value: Any) -> bool | None:
    """A matching function on a field: null on null, any of the values on a multivalue field."""
    return None if value is None else any(test(item) for item in values.elements(value))


def _map_text(change: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, list):  # ASSUMPTION: lower() and upper() change each value of a multivalue field
        return [change(values.text_of(item)) for item in value]
    return None if value is None else change(values.text_of(value))


def _match(args: tuple[Expr, ...], fields: Fields) -> bool | None:
    """Unanchored PCRE, case-sensitive (https://help.splunk.com/splunk-cloud-platform/spl-search-reference/9.3.2408/
    evaluation-functions/comparison-and-conditional-functions, as for like, cidrmatch, in, if, case and coalesce)."""
    pattern = _needs_text(args[1], fields, "the pattern of match()")
    values.pcre(pattern)
    return _any(lambda item: values.pcre_search(pattern, item) is not None, evaluate(args[0], fields))


def _like(args: tuple[Expr, ...], fields: Fields) -> bool | None:
    pattern = _needs_text(args[1], fields, "the pattern of like()")
    return _any(lambda item: values.like(pattern, values.text_of(item)), evaluate(args[0], fields))


def _cidrmatch(args: tuple[Expr, ...], fields: Fields) -> bool | None:
    text = _needs_text(args[0], fields, "the range of cidrmatch()")
    network = values.network_of(text)
    if network is None:
        raise QueryError(f"{text!r} is not an address range")
    return _any(lambda item: values.in_network(network, item), evaluate(args[1], fields))


def _in(args: tuple[Expr, ...], fields: Fields) -> bool | None:
    subject = evaluate(args[0], fields)
    found = [compare("=", subject, evaluate(arg, fields)) for arg in args[1:]]
    return True if True in found else (None if None in found else False)


def _case(args: tuple[Expr, ...], fields: Fields) -> Any:
    for condition, value in zip(args[::2], args[1::2], strict=True):
        if _truth(evaluate(condition, fields)) is True:
            return evaluate(value, fields)
    return None


def _if(args: tuple[Expr, ...], fields: Fields) -> Any:
    return evaluate(args[1] if where_holds(args[0], fields) else args[2], fields)


def _coalesce(args: tuple[Expr, ...], fields: Fields) -> Any:
    found = (evaluate(arg, fields) for arg in args)
    return next((value for value in found if value is not None), None)


def _mvcount(args: tuple[Expr, ...], fields: Fields) -> int | None:
    """Null without a value (https://docs.splunk.com/Documentation/Splunk/7.3.1/SearchReference/
    MultivalueEvalFunctions)."""
    return len(list(values.elements(evaluate(args[0], fields)))) or None


def _len(args: tuple[Expr, ...], fields: Fields) -> int | None:
    text = _text(args[0], fields)
    return None if text is None else len(text)


def _replace(args: tuple[Expr, ...], fields: Fields) -> str | None:
    text = _text(args[0], fields)
    replacement = _needs_text(args[2], fields, "the replacement of replace()")
    if "\\" in replacement:
        raise QueryError("group references in replace() are not covered")
    pattern = values.pcre(_needs_text(args[1], fields, "the pattern of replace()"))
    if text is None:
        return None
    out, at = [], 0
    for found in pattern.finditer(text):
        out += [text[at : found.start()], replacement]
        at = found.end()
    return "".join(out) + text[at:]


def _substr(args: tuple[Expr, ...], fields: Fields) -> str | None:
    """Counts from 1, or from the end if negative, as SQLite's does (https://help.splunk.com/en/splunk-enterprise/
    search/spl-search-reference/10.4/evaluation-functions/text-functions); there, 0 without a length gives it all."""
    text = _text(args[0], fields)
    start = evaluate(args[1], fields)
    length = evaluate(args[2], fields) if len(args) == 3 else None
    if text is None or start is None or (len(args) == 3 and length is None):
        return None
    if not isinstance(start, int) or not isinstance(length, int | None) or (length or 0) < 0:
        raise QueryError("substr() takes a whole position and a length that isn't negative")
    if start <= 0 and length is not None:
        raise QueryError("substr() with a length is covered from a position counted from the start only")
    begin = start - 1 if start > 0 else max(len(text) + start, 0) if start else 0
    return text[begin:] if length is None else text[begin : begin + length]


def _tonumber(args: tuple[Expr, ...], fields: Fields) -> int | float | None:
    return values.number_of(_single(evaluate(args[0], fields)))


def _tostring(args: tuple[Expr, ...], fields: Fields) -> str | None:
    value = _single(evaluate(args[0], fields))
    if isinstance(value, bool):  # a Boolean reads "True" or "False", unlike the text of a JSON field
        return str(value)
    return None if value is None else values.text_of(value)


_FUNCTIONS: dict[str, Callable[[tuple[Expr, ...], Fields], Any]] = {
    "match": _match,
    "like": _like,
    "cidrmatch": _cidrmatch,
    "in": _in,
    "isnull": lambda args, fields: evaluate(args[0], fields) is None,
    "isnotnull": lambda args, fields: evaluate(args[0], fields) is not None,
    "lower": lambda args, fields: _map_text(str.lower, evaluate(args[0], fields)),
    "upper": lambda args, fields: _map_text(str.upper, evaluate(args[0], fields)),
    "if": _if,
    "case": _case,
    "coalesce": _coalesce,
    "mvcount": _mvcount,
    "len": _len,
    "replace": _replace,
    "substr": _substr,
    "true": lambda args, fields: True,
    "false": lambda args, fields: False,
    "null": lambda args, fields: None,
    "tonumber": _tonumber,
    "tostring": _tostring,
}
