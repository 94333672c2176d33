"""ES|QL expressions evaluated over one row, in Python: three-valued logic and multi-valued fields as documented.

A value is None, a single value, or a tuple of two or more. Sources:
https://www.elastic.co/docs/reference/query-languages/esql/esql-null-values and
https://www.elastic.co/docs/reference/query-languages/esql/esql-multivalued-fields.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from converter.core.errors import QueryError
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
from converter.dialects.esql.patterns import wildcard_parts
from converter.engines.elastic.lucene_pattern import compile_wildcard
from converter.engines.esql.refusals import exact, folds
from converter.semantics.decide.evaluate import matches
from converter.semantics.regular.flavours import from_lucene
from converter.semantics.regular.language import Language

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


class Evaluator:
    """Evaluates checked expressions (`types.check`) over rows; `now` is one moment for the whole query."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def value(self, expr: Expr, row: Mapping[str, Any]) -> Any:
        """The value of `expr` on `row` (column name -> value; an absent key is null)."""
        if isinstance(expr, Field):
            return row.get(expr.name)
        if isinstance(expr, Literal):
            return expr.value
        if isinstance(expr, Several):
            return tuple(item.value for item in expr.items)
        if isinstance(expr, Span):
            return timedelta(seconds=expr.seconds)
        if isinstance(expr, Match):
            # any value equals the constant; never null
            return self.value(expr.value, row) in _several(row.get(expr.field))
        if isinstance(expr, IsNull):
            return self.value(expr.value, row) is None
        if isinstance(expr, Not):
            part = self.single(expr.part, row)
            return None if part is None else not part
        if isinstance(expr, Like):
            return self.like(expr, self.single(expr.value, row), row)
        if isinstance(expr, In):
            if len(expr.options) == 1:
                return self.binary(Binary("==", expr.value, expr.options[0]), row)
            return self.member(self.single(expr.value, row), [self.value(option, row) for option in expr.options])
        if isinstance(expr, Binary):
            return self.binary(expr, row)
        assert isinstance(expr, Call)
        return self.call(expr, row)

    def single(self, expr: Expr, row: Mapping[str, Any]) -> Any:
        """A value for an operator that takes one: null where there are several."""
        value = self.value(expr, row)
        return None if isinstance(value, tuple) else value

    def binary(self, expr: Binary, row: Mapping[str, Any]) -> Any:
        left, right = self.single(expr.left, row), self.single(expr.right, row)
        if expr.op in ("AND", "OR"):
            decisive = expr.op == "OR"
            if left is decisive or right is decisive:
                return decisive
            return None if left is None or right is None else not decisive
        if left is None or right is None:
            return None
        if expr.op in ("==", "!="):
            for side, constant in ((expr.left, right), (expr.right, left)):
                if folds(side) and isinstance(expr.right if side is expr.left else expr.left, Literal):
                    return self.insensitive(side, constant, row) is (expr.op == "==")
        return _within_bounds(_OPERATORS[expr.op](left, right))

    def insensitive(self, folded: Expr, constant: str, row: Mapping[str, Any]) -> bool:
        """Whether what stands in TO_LOWER or TO_UPPER equals a constant of that case: only ASCII is folded then."""
        assert isinstance(folded, Call)
        return _ascii_lower(str(self.single(folded.args[0], row))) == _ascii_lower(constant)

    def like(self, expr: Like, text: str | None, row: Mapping[str, Any]) -> bool | None:
        if text is None:
            return None
        only = exact(expr)
        if only is not None and folds(expr.value):
            return self.insensitive(expr.value, only, row)
        if expr.regex:
            return any(matches(_lucene(pattern), text) for pattern in expr.patterns)
        return any(_wildcard(pattern)(text) for pattern in expr.patterns)

    @staticmethod
    def member(value: Any, options: Sequence[Any]) -> bool | None:
        if value is None:
            return None
        # an option of several values is passed over
        if any(option is not None and option == value for option in options):
            return True
        return None if None in options else False

    def call(self, expr: Call, row: Mapping[str, Any]) -> Any:
        if expr.name == "NOW":
            return self.now
        if expr.name == "CASE":
            return self.case(expr.args, row)
        if expr.name == "DATE_TRUNC":
            return _truncated(expr.args[0], self.single(expr.args[1], row))
        args = [self.value(arg, row) for arg in expr.args]
        if expr.name == "COALESCE":
            return next((arg for arg in args if arg is not None), None)
        if any(arg is None for arg in args):
            return None
        if expr.name in _ELEMENTWISE:
            return _map(_ELEMENTWISE[expr.name], args[0])
        if expr.name in _MULTIVALUE:
            return _MULTIVALUE[expr.name](_several(args[0]), *args[1:])
        return None if any(isinstance(arg, tuple) for arg in args) else _SCALAR[expr.name](*args)

    def case(self, args: Sequence[Expr], row: Mapping[str, Any]) -> Any:
        for index in range(0, len(args) - 1, 2):
            if self.single(args[index], row) is True:
                return self.value(args[index + 1], row)
        return self.value(args[-1], row) if len(args) % 2 else None


def _truncated(span: Expr, value: datetime | None) -> datetime | None:
    """A time down to whole spans since the epoch, which hours, minutes and seconds are.

    https://www.elastic.co/docs/reference/query-languages/esql/functions-operators/date-time-functions/date_trunc
    """
    if not isinstance(span, Span) or span.calendar:
        raise QueryError("ES|QL: DATE_TRUNC is covered with a span of hours, minutes or seconds")
    return None if value is None else value - (value - datetime(1970, 1, 1)) % timedelta(seconds=span.seconds)


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _together(items: Iterable[Any]) -> Any:
    """Several values as a tuple, one as itself."""
    values = tuple(items)
    return values[0] if len(values) == 1 else values


def _map(function: Callable[[Any], Any], value: Any) -> Any:
    return tuple(map(function, value)) if isinstance(value, tuple) else function(value)


#: ASCII letters in lower case, every other character as it is
_ASCII = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _ascii_lower(text: str) -> str:
    return text.translate(_ASCII)


def _within_bounds(value: Any) -> Any:
    """A result that no column's type may hold is null in Elasticsearch, with a warning: not covered."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**31) <= value < 2**31:
        raise QueryError(f"ES|QL: arithmetic up to {value}, which may be beyond its type, is not covered")
    return value


def _to_string(value: Any) -> str:
    if isinstance(value, float | datetime):
        raise QueryError(f"ES|QL: TO_STRING of a {type(value).__name__} is not covered")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _in_blocks(ip: int, *blocks: str) -> bool:
    return any(low <= ip <= high for low, high in map(block, blocks))


@lru_cache(maxsize=4096)
def _lucene(pattern: str) -> Language:
    return from_lucene(pattern)


@lru_cache(maxsize=4096)
def _wildcard(pattern: str) -> Callable[[str], bool]:
    return compile_wildcard(wildcard_parts(pattern))


# These work on each value of a multi-valued field (ConvertEvaluator, https://github.com/elastic/elasticsearch).
_ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "TO_LOWER": str.lower,
    "TO_UPPER": str.upper,
    "TO_STRING": _to_string,
    "TO_IP": address,
    "TO_DATETIME": moment,
}
_MULTIVALUE: dict[str, Callable[..., Any]] = {
    "MV_COUNT": len,
    "MV_DEDUPE": lambda items: _together(dict.fromkeys(items)),
    "MV_APPEND": lambda items, more: _together((*items, *_several(more))),
    "MV_CONCAT": lambda items, delimiter: None if isinstance(delimiter, tuple) else delimiter.join(items),
    "MV_FIRST": lambda items: items[0],
    "MV_LAST": lambda items: items[-1],
    "MV_MIN": min,
    "MV_MAX": max,
}
# CIDR_MATCH of a missing or multi-valued address is null up to 9.5 and false (any value) from 9.6 on; the older
# answer is given, so that a query right here is right on both:
# https://www.elastic.co/docs/reference/query-languages/esql/functions-operators/ip-functions/cidr_match
_SCALAR: dict[str, Callable[..., Any]] = {
    "CIDR_MATCH": _in_blocks,
    "CONCAT": lambda *parts: "".join(parts),
    "LENGTH": len,
    "LOCATE": lambda text, part: text.find(part) + 1,
    "STARTS_WITH": str.startswith,
    "ENDS_WITH": str.endswith,
}
