"""A recursive-descent parser of the covered part of ES|QL; the tree is in `ast.py`.

Covered: FROM, WHERE, EVAL, KEEP, DROP, RENAME, SORT and LIMIT with the operators and literals of
https://www.elastic.co/docs/reference/query-languages/esql/esql-syntax. Anything else is a QueryError. Which functions
exist, and of which types, is the business of `analysis.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from converter.dialects.esql.ast import (
    Binary,
    Call,
    Command,
    Drop,
    Eval,
    Expr,
    Field,
    From,
    In,
    IsNull,
    Keep,
    Like,
    Limit,
    Literal,
    Match,
    Not,
    Query,
    Rename,
    Several,
    Sort,
    SortKey,
    Span,
    Where,
)
from converter.dialects.esql.tokens import Token, tokens, unquoted
from converter.errors import QueryError

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
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_T = TypeVar("_T")
_RESERVED = {"and", "or", "not", "in", "is", "like", "rlike", "null", "true", "false"}
_RESERVED |= {"asc", "desc", "nulls", "first", "last", "by", "as"}


def parse(text: str) -> Query:
    """The syntax tree of one ES|QL query.

    Raises QueryError for anything outside the covered syntax, with the line it stands on.
    """
    return _Parser(tokens(text)).query()


def _balanced(op: str, parts: list[Expr]) -> Expr:
    """A chain of AND or OR as a tree of little depth: both are associative, and chains of thousands do occur."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return Binary(op, _balanced(op, parts[:middle]), _balanced(op, parts[middle:]))


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    # -- tokens

    def peek(self, ahead: int = 0) -> Token:
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def next(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def is_op(self, *ops: str, ahead: int = 0) -> bool:
        return self.peek(ahead).kind == "op" and self.peek(ahead).text in ops

    def is_word(self, *words: str, ahead: int = 0) -> bool:
        return self.peek(ahead).kind == "name" and self.peek(ahead).text.lower() in words

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

    # -- commands

    def query(self) -> Query:
        source, commands = self.source(), []
        while self.take_op("|"):
            commands.append(self.command())
        if self.peek().kind != "end":
            raise self.fail("`|`")
        return Query(source, tuple(commands))

    def source(self) -> From:
        if not self.take_word("from"):
            raise self.fail("FROM")
        patterns = self.listed(self.index_pattern)
        metadata: tuple[str, ...] = ()
        if self.take_word("metadata"):
            metadata = self.listed(lambda: self.expect("name", "a metadata field"))
        return From(patterns, metadata)

    def index_pattern(self) -> str:
        if self.peek().kind not in ("name", "string"):
            raise self.fail("an index pattern")
        pattern = self.next().text
        if pattern.startswith("-") or re.search(r"[<>:,]", pattern):
            raise QueryError(
                f"ES|QL: index pattern {pattern!r} (exclusion, date math or remote cluster) is not covered"
            )
        return pattern

    def command(self) -> Command:
        name = self.expect("name", "a command").lower()
        if name == "where":
            return Where(self.expression())
        if name == "eval":
            return Eval(self.listed(self.assignment))
        if name in ("keep", "drop"):
            names = self.listed(lambda: unquoted(self.expect("name", "a column")))
            return Keep(names) if name == "keep" else Drop(names)
        if name == "rename":
            return Rename(self.listed(self.renaming))
        if name == "sort":
            return Sort(self.listed(self.sort_key))
        if name == "limit":
            return Limit(self.whole_number())
        raise QueryError(f"ES|QL: the command {name.upper()} is not covered (line {self.peek().line})")

    def assignment(self) -> tuple[str, Expr]:
        name = self.column()
        self.expect_op("=")
        return name, self.expression()

    def renaming(self) -> tuple[str, str]:
        old = unquoted(self.expect("name", "a column"))
        if not self.take_word("as"):
            raise self.fail("AS")
        new = unquoted(self.expect("name", "a column"))
        if "*" in old + new:
            raise QueryError("ES|QL: RENAME takes no wildcard")
        return old, new

    def sort_key(self) -> SortKey:
        value = self.operation()
        descending = self.take_word("desc")
        if not descending:
            self.take_word("asc")
        # Null sorts as the largest value (https://www.elastic.co/docs/reference/query-languages/esql/commands/sort).
        nulls_first = descending
        if self.take_word("nulls"):
            nulls_first = self.take_word("first")
            if not nulls_first and not self.take_word("last"):
                raise self.fail("FIRST or LAST")
        return SortKey(value, descending, nulls_first)

    def whole_number(self) -> int:
        text = self.expect("number", "a whole number")
        if not text.isdigit():
            raise QueryError(f"ES|QL: {text} is not a whole number")
        return int(text)

    def column(self) -> str:
        token = self.peek()
        if token.kind != "name" or token.text.lower() in _RESERVED:
            raise self.fail("a column")
        return unquoted(self.next().text)

    # -- expressions, loosest first: OR, AND, NOT, comparison and IN/LIKE/IS, + and -, *, unary minus

    def expression(self) -> Expr:
        parts = [self.conjunction()]
        while self.take_word("or"):
            parts.append(self.conjunction())
        return _balanced("OR", parts)

    def conjunction(self) -> Expr:
        parts = [self.negation()]
        while self.take_word("and"):
            parts.append(self.negation())
        return _balanced("AND", parts)

    def negation(self) -> Expr:
        return Not(self.negation()) if self.take_word("not") else self.predicate()

    def predicate(self) -> Expr:
        value = self.operation()
        if self.is_op(*_COMPARISONS):
            op = self.next().text
            value = Binary(op, value, self.operation())
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
            inner = self.expression()
            self.expect_op(")")
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

    def number(self) -> Expr:
        text = self.next().text
        value = int(text) if text.isdigit() else float(text)
        if self.peek().kind == "name" and self.peek().text.lower() in _SECONDS:
            return Span(value * _SECONDS[self.next().text.lower()])
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
        args = () if self.is_op(")") else self.listed(self.expression)
        self.expect_op(")")
        return Call(name, args)
