"""A recursive-descent parser of the covered part of ES|QL; the tree is in `ast.py`.

Covered: FROM, WHERE, EVAL, STATS, KEEP, DROP, RENAME, SORT and LIMIT with the operators and literals of
https://www.elastic.co/docs/reference/query-languages/esql/esql-syntax. Anything else is a QueryError. Which functions
exist, and of which types, is the business of `analysis.py`.
"""

from __future__ import annotations

import re

from converter.core.errors import QueryError
from converter.dialects.esql.ast import (
    Aggregate,
    Command,
    Drop,
    Eval,
    Expr,
    Field,
    From,
    Keep,
    Limit,
    Query,
    Rename,
    Sort,
    SortKey,
    Stats,
    Where,
)
from converter.dialects.esql.grammar import ExpressionParser
from converter.dialects.esql.tokens import tokens, unquoted

_AGGREGATES = ("COUNT", "MIN", "MAX")


def parse(text: str) -> Query:
    """The syntax tree of one ES|QL query.

    Raises QueryError for anything outside the covered syntax, with the line it stands on.
    """
    return _Parser(tokens(text)).query()


class _Parser(ExpressionParser):
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
        if name == "stats":
            return self.stats()
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

    def stats(self) -> Stats:
        """https://www.elastic.co/docs/reference/query-languages/esql/commands/stats-by"""
        aggregates = () if self.is_word("by") else self.listed(self.aggregate)
        by = self.listed(self.grouping) if self.take_word("by") else ()
        if not aggregates and not by:
            raise self.fail("an aggregate or BY")
        names = [one.name for one in aggregates] + [name for name, _ in by]
        if len(set(names)) < len(names):
            raise QueryError("ES|QL: STATS makes two columns of one name")
        return Stats(aggregates, by)

    def aggregate(self) -> Aggregate:
        name = self.column()
        self.expect_op("=")
        function = self.expect("name", "an aggregate function").upper()
        if function not in _AGGREGATES:
            raise QueryError(f"ES|QL: the aggregate {function} is not covered")
        self.expect_op("(")
        value = None if function == "COUNT" and self.take_op("*") else self.operation()
        self.expect_op(")")
        return Aggregate(name, function, value)

    def grouping(self) -> tuple[str, Expr]:
        """A column, or a new one that is computed."""
        name = self.column()
        return (name, self.operation()) if self.take_op("=") else (name, Field(name))

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
