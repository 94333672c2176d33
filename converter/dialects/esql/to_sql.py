"""ES|QL expressions as DuckDB SQL: every column is a list (NULL when missing), and SQL's own null logic does the rest.

This is the second opinion to `evaluate.py` and shares none of its code. `one(list)` is the value of a list of one,
NULL for any other; `many(value)` the list of one value. Functions: https://duckdb.org/docs/stable/sql/functions/overview.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from converter.dialects.esql.ast import (
    Binary,
    Call,
    Expr,
    Field,
    In,
    IsNull,
    Like,
    Literal,
    Not,
    Several,
    Span,
)
from converter.dialects.esql.constants import address, block, moment
from converter.dialects.esql.re2 import to_re2
from converter.dialects.esql.types import BOOLEAN, DATE, DOUBLE, INTEGER, IP, NULL, STRING, Columns, type_of
from converter.errors import QueryError

MACROS = (
    "CREATE MACRO one(l) AS CASE WHEN len(l) = 1 THEN l[1] END",
    "CREATE MACRO many(v) AS CASE WHEN v IS NOT NULL THEN [v] END",
)
SQL_TYPE = {
    STRING: "VARCHAR",
    INTEGER: "HUGEINT",
    DOUBLE: "DOUBLE",
    BOOLEAN: "BOOLEAN",
    DATE: "TIMESTAMP",
    IP: "UHUGEINT",
    NULL: "VARCHAR",
}
_LIST_FUNCTIONS = {
    "TO_LOWER": "list_transform({0}, lambda x: lower(x))",
    "TO_UPPER": "list_transform({0}, lambda x: upper(x))",
    "TO_STRING": "list_transform({0}, lambda x: x::VARCHAR)",
}
_FROM_LISTS = {
    "MV_CONTAINS": "coalesce(list_has_all({0}, {1}), FALSE)",
    "MV_INTERSECTS": "coalesce(list_has_any({0}, {1}), FALSE)",
    "MV_COUNT": "len({0})",
    "MV_FIRST": "{0}[1]",
    "MV_LAST": "{0}[-1]",
    "MV_MIN": "list_min({0})",
    "MV_MAX": "list_max({0})",
    "MV_CONCAT": "array_to_string({0}, one({1}))",
}
_FROM_VALUES = {
    "LENGTH": "length({0})",
    "LOCATE": "instr({0}, {1})",
    "STARTS_WITH": "starts_with({0}, {1})",
    "ENDS_WITH": "ends_with({0}, {1})",
    "CONTAINS": "contains({0}, {1})",
}


def quoted(text: str) -> str:
    """A SQL string constant."""
    return "'" + text.replace("'", "''") + "'"


class Translator:
    """`idents` is column name -> SQL identifier, `columns` column name -> type family; `now` is NOW()."""

    def __init__(self, idents: Mapping[str, str], columns: Columns, now: datetime) -> None:
        self.idents, self.columns, self.now = idents, columns, now

    def many(self, expr: Expr) -> str:
        """SQL for all the values of `expr` as a list."""
        if isinstance(expr, Field):
            return self.idents[expr.name]
        if isinstance(expr, Several):
            return f"[{', '.join(self.one(item) for item in expr.items)}]"
        if isinstance(expr, Call):
            if expr.name == "COALESCE":
                return f"coalesce({', '.join(map(self.many, expr.args))})"
            if expr.name == "CASE":
                return self.case(expr)
            if expr.name in _LIST_FUNCTIONS:
                if expr.name == "TO_STRING" and type_of(expr.args[0], self.columns) not in (STRING, INTEGER, BOOLEAN):
                    raise QueryError("ES|QL: TO_STRING of this type has no translation to SQL")
                return _LIST_FUNCTIONS[expr.name].format(self.many(expr.args[0]))
        return f"many({self.one(expr)})"

    def one(self, expr: Expr) -> str:
        """SQL for the value of `expr`, NULL where it has none or several."""
        if isinstance(expr, Literal):
            return _constant(expr)
        if isinstance(expr, Not):
            return f"(NOT {self.one(expr.part)})"
        if isinstance(expr, IsNull):
            return f"({self.many(expr.value)} IS NULL)"
        if isinstance(expr, In):
            return f"({self.one(expr.value)} IN ({', '.join(map(self.one, expr.options))}))"
        if isinstance(expr, Like):
            return (
                "(" + " OR ".join(_like(self.one(expr.value), pattern, expr.regex) for pattern in expr.patterns) + ")"
            )
        if isinstance(expr, Binary):
            op = {"==": "=", "!=": "<>"}.get(expr.op, expr.op)
            return f"({self.one(expr.left)} {op} {self.one(expr.right)})"
        if isinstance(expr, Span):
            return f"to_microseconds({round(expr.seconds * 1_000_000)})"
        if isinstance(expr, Call) and (sql := self.call(expr)):
            return sql
        return f"one({self.many(expr)})"

    def call(self, expr: Call) -> str | None:
        """SQL for a call that gives one value, None for those that may give several."""
        if expr.name == "NOW":
            return _timestamp(self.now)
        if expr.name == "CIDR_MATCH":
            ip = self.one(expr.args[0])
            spans = [block(str(arg.value)) for arg in expr.args[1:] if isinstance(arg, Literal)]
            return "(" + " OR ".join(f"{ip} BETWEEN {low}::UHUGEINT AND {high}::UHUGEINT" for low, high in spans) + ")"
        if expr.name in ("TO_IP", "TO_DATETIME") and isinstance(expr.args[0], Literal):
            text = str(expr.args[0].value)
            return f"{address(text)}::UHUGEINT" if expr.name == "TO_IP" else _timestamp(moment(text))
        if expr.name == "CONCAT":
            return f"({' || '.join(map(self.one, expr.args))})"
        if expr.name in _FROM_LISTS:
            return _FROM_LISTS[expr.name].format(*map(self.many, expr.args))
        if expr.name in _FROM_VALUES:
            return _FROM_VALUES[expr.name].format(*map(self.one, expr.args))
        return None

    def case(self, expr: Call) -> str:
        pairs = range(0, len(expr.args) - 1, 2)
        whens = [f"WHEN {self.one(expr.args[i])} THEN {self.many(expr.args[i + 1])}" for i in pairs]
        default = f"ELSE {self.many(expr.args[-1])} " if len(expr.args) % 2 else ""
        return f"CASE {' '.join(whens)} {default}END"


def _constant(literal: Literal) -> str:
    value = literal.value
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return quoted(value)
    return f"{value!r}::{'HUGEINT' if isinstance(value, int) else 'DOUBLE'}"


def _timestamp(value: datetime) -> str:
    return f"TIMESTAMP {quoted(value.isoformat(sep=' '))}"


def _like(value: str, pattern: str, regex: bool) -> str:
    if regex:
        return f"regexp_full_match({value}, {quoted(to_re2(pattern))})"
    out, escaped = "", False
    for character in pattern:
        if character == "\\" and not escaped:
            escaped = True
            continue
        special = {"*": "%", "?": "_"}.get(character) if not escaped else None
        out += special or (f"!{character}" if character in "%_!" else character)
        escaped = False
    return f"{value} LIKE {quoted(out)} ESCAPE '!'"
