"""Tokens and expressions of ES|QL; the commands around them are in `syntax.py`.

Precedence and depth: https://www.elastic.co/docs/reference/query-languages/esql/esql-syntax and Elasticsearch's
ExpressionBuilder, https://github.com/elastic/elasticsearch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from converter.core.errors import OutOfFragment, QueryError
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
from converter.dialects.esql.tokens import Token, unquoted

# https://www.elastic.co/docs/reference/query-languages/esql/esql-time-spans (units of fixed length)
_UNITS = {
    0.001: ("millisecond", "milliseconds", "ms"),
    1: ("second", "seconds", "sec", "s"),
    60: ("minute", "minutes", "min", "m"),
    3600: ("hour", "hours", "h"),
    86400: ("day", "days", "d"),
    604800: ("week", "weeks", "w"),
}
_SECONDS = {name: seconds for seconds, names in _UNITS.items() for name in names}
_CALENDAR = frozenset({*_UNITS[86400], *_UNITS[604800]})
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_T = TypeVar("_T")
_RESERVED = {"and", "or", "not", "in", "is", "like", "rlike", "null", "true", "false"}
_RESERVED |= {"asc", "desc", "nulls", "first", "last", "by", "as"}


#: ExpressionBuilder.MAX_EXPRESSION_DEPTH on 8.19; newer versions have 400
#: (https://github.com/elastic/elasticsearch/pull/111186)
MAX_DEPTH = 300
#: what this parser follows: Elasticsearch takes 148
_MOST_NESTED = 60


def _balanced(op: str, parts: list[Expr]) -> Expr:
    """A chain of AND or OR as a tree of little depth: both are associative, and chains of thousands do occur."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return Binary(op, _balanced(op, parts[:middle]), _balanced(op, parts[middle:]))


class ExpressionParser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.nesting = 0
        #: how deep the grammar's rules go in the expression that was read last
        self.depth = 0

    def deepen(self, levels: int) -> None:
        """One expression more around the last: Elasticsearch counts them, a chain of n operands as n of them."""
        self.depth += levels
        if self.depth > MAX_DEPTH:
            raise QueryError(
                f"ES|QL: the expression is deeper than Elasticsearch allows ({MAX_DEPTH})",
                hint="put parts of long chains in parentheses",
            )

    # -- tokens

    def peek(self, ahead: int = 0) -> Token:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else self.tokens[-1]

    def next(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def is_op(self, *ops: str, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token.kind == "op" and token.text in ops

    def is_word(self, *words: str, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token.kind == "name" and token.text.lower() in words

    def take_op(self, op: str) -> bool:
        found = self.is_op(op)
        self.at += found
        return found

    def take_word(self, word: str) -> bool:
        found = self.is_word(word)
        self.at += found
        return found

    def fail(self, wanted: str) -> QueryError:
        token = self.peek()
        return QueryError(f"ES|QL: expected {wanted}, found {token.text!r} on line {token.line}")

    def expect(self, kind: str, wanted: str) -> str:
        if self.peek().kind != kind:
            raise self.fail(wanted)
        return self.next().text

    def expect_op(self, op: str) -> None:
        if not self.take_op(op):
            raise self.fail(f"`{op}`")

    def listed(self, item: Callable[[], _T]) -> tuple[_T, ...]:
        out = [item()]
        while self.take_op(","):
            out.append(item())
        return tuple(out)

    def column(self) -> str:
        token = self.peek()
        if token.kind != "name" or token.text.lower() in _RESERVED:
            raise self.fail("a column")
        return unquoted(self.next().text)

    # -- expressions, loosest first: OR, AND, NOT, comparison and IN/LIKE/IS, + and -, *, unary minus

    def expression(self) -> Expr:
        return self.chain("OR", self.conjunction)

    def conjunction(self) -> Expr:
        return self.chain("AND", self.negation)

    def chain(self, op: str, operand: Callable[[], Expr]) -> Expr:
        parts = [operand()]
        deepest = self.depth
        while self.take_word(op.lower()):
            parts.append(operand())
            self.depth = deepest = max(deepest, self.depth)
            self.deepen(1)
            deepest = self.depth
        return _balanced(op, parts)

    def negation(self) -> Expr:
        count = 0
        while self.take_word("not"):
            count += 1
        value = self.predicate()
        self.deepen(count)
        for _ in range(count):
            value = Not(value)
        return value

    def predicate(self) -> Expr:
        self.depth = 0
        value = self.operation()
        if self.is_op(*_COMPARISONS):
            op, deepest = self.next().text, self.depth
            value = Binary(op, value, self.operation())
            self.depth = max(deepest, self.depth)
        self.deepen(3)
        if self.take_op(":"):
            if not isinstance(value, Field):
                raise self.fail("a column before `:`")
            return Match(value.name, self.primary())
        if self.take_word("is"):
            negated = self.take_word("not")
            if not self.take_word("null"):
                raise self.fail("NULL")
            return Not(IsNull(value)) if negated else IsNull(value)
        negated = self.is_word("not") and self.is_word("in", "like", "rlike", ahead=1)
        self.at += negated
        if self.take_word("in"):
            value = In(value, self.parenthesised(self.operation))
        elif self.is_word("like", "rlike"):
            regex = self.next().text.lower() == "rlike"
            patterns = self.parenthesised(self.pattern) if self.is_op("(") else (self.pattern(),)
            value = Like(value, patterns, regex)
        return Not(value) if negated else value

    def pattern(self) -> str:
        return self.expect("string", "a pattern in quotes")

    def parenthesised(self, item: Callable[[], _T]) -> tuple[_T, ...]:
        self.expect_op("(")
        items = self.listed(item)
        self.expect_op(")")
        return items

    def operation(self) -> Expr:
        left = self.product()
        while self.is_op("+", "-"):
            op = self.next().text
            left = Binary(op, left, self.product())
        return left

    def product(self) -> Expr:
        left = self.unary()
        while self.take_op("*"):
            left = Binary("*", left, self.unary())
        return left

    def unary(self) -> Expr:
        if self.take_op("+"):
            return self.unary()
        if not self.take_op("-"):
            return self.primary()
        value = self.unary()
        if isinstance(value, Literal) and isinstance(value.value, int | float) and not isinstance(value.value, bool):
            return Literal(-value.value)
        return Binary("-", Literal(0), value)

    def primary(self) -> Expr:
        token = self.peek()
        if token.kind == "string":
            return Literal(self.next().text)
        if token.kind == "number":
            return self.number()
        if self.take_op("("):
            self.enter()
            inner = self.expression()
            self.leave()
            self.expect_op(")")
            self.depth -= 1  # the predicate that the parentheses are counts three levels, of which they are two
            return inner
        if self.take_op("["):
            return self.several()
        word = token.text.lower()
        if token.kind == "name" and word in ("null", "true", "false"):
            self.at += 1
            return Literal({"null": None, "true": True, "false": False}[word])
        if token.kind == "name" and self.is_op("(", ahead=1) and word not in _RESERVED:
            return self.call()
        return Field(self.column())

    def enter(self) -> None:
        """One nesting more of this parser's own calls, which must end before Python's do."""
        self.nesting += 1
        if self.nesting > _MOST_NESTED:
            raise OutOfFragment(f"ES|QL: parentheses nest more than {_MOST_NESTED} deep")

    def leave(self) -> None:
        self.nesting -= 1

    def number(self) -> Expr:
        text = self.next().text
        value = int(text) if text.isdigit() else float(text)
        if self.peek().kind == "name" and self.peek().text.lower() in _SECONDS:
            unit = self.next().text.lower()
            return Span(value * _SECONDS[unit], unit in _CALENDAR)
        return Literal(value)

    def several(self) -> Expr:
        items = self.listed(self.unary)
        self.expect_op("]")
        literals = tuple(item for item in items if isinstance(item, Literal) and item.value is not None)
        if len(literals) != len(items) or len({type(item.value) for item in literals}) != 1:
            raise QueryError("ES|QL: a list constant holds literals of one type")
        return Several(literals) if len(literals) > 1 else literals[0]

    def call(self) -> Expr:
        name = self.next().text.upper()
        self.expect_op("(")
        self.enter()
        args = () if self.is_op(")") else self.arguments()
        self.leave()
        self.expect_op(")")
        return Call(name, args)

    def arguments(self) -> tuple[Expr, ...]:
        """Expressions between commas; the deepest counts, and the function for one more."""
        deepest = 0

        def one() -> Expr:
            nonlocal deepest
            value = self.expression()
            deepest = max(deepest, self.depth)
            return value

        values = self.listed(one)
        # an argument that is a column or a constant stands in a predicate's place, whose levels it does not have
        self.depth = max(deepest - 2, 1)
        return values
