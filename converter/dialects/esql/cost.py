"""What an ES|QL query asks, operator by operator: `converter.dialects.costing`.

Which tests a node hands to the index was measured, form by form (`cost.yml`), and can be measured for each query of a
folder of rules: `benchmarks/esql_profile.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from converter.core.platform import Schema
from converter.dialects.costing import All, AnyOf, Asked, Negated, Search, Test, conjuncts
from converter.dialects.elastic_cost import regex_fact, wildcard_fact
from converter.dialects.esql.ast import (
    Binary,
    Call,
    Eval,
    Expr,
    Field,
    In,
    IsNull,
    Like,
    Literal,
    Match,
    Not,
    Where,
    walk,
)
from converter.dialects.esql.syntax import parse

_COMPARED = ("==", "!=", "<", "<=", ">", ">=")


def cost(text: str, schema: Schema) -> tuple[Search, ...]:
    """One search. Raises as `syntax.parse` does."""
    made: set[str] = set()
    asked: list[Asked] = []
    for command in parse(text).commands:
        if isinstance(command, Eval):
            made.update(name for name, _ in command.assignments)
        elif isinstance(command, Where):
            asked.append(_Asker(made).of(command.condition))
    return (Search(tuple(conjuncts(asked))),)


class _Asker:
    def __init__(self, made: set[str]) -> None:
        self.made = made

    def of(self, node: Expr) -> Asked:
        if isinstance(node, Binary) and node.op in ("AND", "OR"):
            parts = (self.of(node.left), self.of(node.right))
            return All(parts) if node.op == "AND" else AnyOf(parts)
        if isinstance(node, Not):
            return Negated(self.of(node.part))
        found = self._test(node)
        columns = tuple(dict.fromkeys(_columns(node)))
        if self.made.intersection(columns):
            return Test(columns, "computed", "computed")
        if isinstance(node, Binary) and node.op == "!=" and found.fact == "folded":
            return Negated(found)
        return found

    def _test(self, node: Expr) -> Test:
        columns = tuple(dict.fromkeys(_columns(node)))
        if isinstance(node, Match):
            return Test(columns, ":", "term", _texts([node.value]))
        if isinstance(node, IsNull):
            return Test(columns, "IS NULL", "exists" if isinstance(node.value, Field) else "computed")
        if isinstance(node, In):
            return Test(columns, "IN", self._in(node), _texts(node.options))
        if isinstance(node, Like):
            return Test(columns, "RLIKE" if node.regex else "LIKE", self._like(node), node.patterns)
        if isinstance(node, Binary) and node.op in _COMPARED:
            return Test(columns, node.op, self._compared(node), _texts([node.left, node.right]))
        if isinstance(node, Call):
            pushed = node.name in ("CIDR_MATCH", "STARTS_WITH") and node.args and isinstance(node.args[0], Field)
            return Test(columns, f"{node.name}()", "term" if pushed else "computed")
        return Test(columns, type(node).__name__, "computed")

    def _in(self, node: In) -> str:
        if isinstance(node.value, Field):
            return "term"
        return "folded" if _folded(node.value) and len(node.options) == 1 else "folded list"

    def _like(self, node: Like) -> str:
        plain = isinstance(node.value, Field)
        wild = any(re.search(r"[*?.\[(|+]" if node.regex else r"[*?]", pattern) for pattern in node.patterns)
        if plain:
            return regex_fact(node.patterns) if node.regex else wildcard_fact(node.patterns)
        return "folded pattern" if wild or not _folded(node.value) else "folded"

    def _compared(self, node: Binary) -> str:
        sides = [side for side in (node.left, node.right) if not isinstance(side, Literal)]
        if len(sides) != 1:
            return "computed"
        if isinstance(sides[0], Field):
            return "term" if node.op in ("==", "!=") else "range"
        return "folded" if _folded(sides[0]) and node.op in ("==", "!=") else "computed"


def _folded(node: Expr) -> bool:
    return isinstance(node, Call) and node.name in ("TO_LOWER", "TO_UPPER") and isinstance(node.args[0], Field)


def _columns(node: Expr) -> Iterator[str]:
    for part in walk(node):
        if isinstance(part, Field):
            yield part.name
        elif isinstance(part, Match):
            yield part.field


def _texts(nodes: object) -> tuple[str, ...]:
    assert isinstance(nodes, list | tuple)
    return tuple(str(node.value) for node in nodes if isinstance(node, Literal))
