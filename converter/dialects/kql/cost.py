"""What a KQL query asks, operator by operator: `converter.dialects.costing`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from converter.core.platform import Schema
from converter.dialects.costing import All, AnyOf, Asked, Negated, Search, Test, conjuncts
from converter.dialects.kql import nodes
from converter.dialects.kql.syntax import parse

#: Kusto's index has terms of three characters and more
_TERM = re.compile(r"[0-9A-Za-z]{3,}")
_SCANNING = ("contains", "startswith", "endswith", "matches regex")


def cost(text: str, schema: Schema) -> tuple[Search, ...]:
    """One search for each table that the query reads. Raises as `syntax.parse` does."""
    query = parse(text)
    pipelines = [*(let.body for let in query.lets), query.body]
    found = [one for pipeline in pipelines for one in _searches(pipeline, schema)]
    return tuple(found)


def _searches(pipeline: nodes.Pipeline, schema: Schema) -> Iterator[Search]:
    made: set[str] = set()
    asked: list[Asked] = []
    for operator in (*([pipeline.source] if isinstance(pipeline.source, nodes.Union) else []), *pipeline.operators):
        if isinstance(operator, nodes.Union):
            for leg in operator.legs:
                yield from _searches(leg, schema)
        elif isinstance(operator, nodes.Extend):
            made.update(column.name for column in operator.columns if column.name)
        elif isinstance(operator, nodes.Where):
            asked.append(_Asker(made, schema.time).of(operator.condition))
    if asked:
        yield Search(tuple(conjuncts(asked)))


class _Asker:
    """`made` are the columns that the query computes, `time` the one by which data is kept in pieces."""

    def __init__(self, made: set[str], time: str) -> None:
        self.made, self.time = made, time

    def of(self, node: nodes.Expression) -> Asked:
        if isinstance(node, nodes.Binary):
            if node.operator in ("and", "or"):
                parts = tuple(map(self.of, _flat(node, node.operator)))
                return All(parts) if node.operator == "and" else AnyOf(parts)
            return self._test(node.operator, node.left, (node.right,))
        if isinstance(node, nodes.Membership):
            return self._test(node.operator, node.left, node.items)
        if isinstance(node, nodes.Between):
            inside = self._test("between", node.left, (node.low, node.high))
            return Negated(inside) if node.negated else inside
        if isinstance(node, nodes.Call) and node.function == "not":
            return Negated(self.of(node.arguments[0]))
        if isinstance(node, nodes.Call):
            return Test(tuple(dict.fromkeys(_columns(node))), f"{node.function}()", "computed")
        return Test(tuple(dict.fromkeys(_columns(node))), "bool", "computed")

    def _test(self, operator: str, left: nodes.Expression, items: tuple[nodes.Expression, ...]) -> Asked:
        negated = operator.startswith("!") or operator == "!="
        plain = {"!=": "==", "!~": "=~"}.get(operator, operator.removeprefix("!"))
        values = tuple(str(item.value) for item in items if isinstance(item, nodes.Literal))
        columns = tuple(dict.fromkeys(c for side in (left, *items) for c in _columns(side)))
        constant = len(values) == len(items)
        test = Test(columns, plain, self._fact(plain, left, items, values if constant else ()), values)
        return Negated(test) if negated else test

    def _fact(
        self, operator: str, left: nodes.Expression, items: tuple[nodes.Expression, ...], values: tuple[str, ...]
    ) -> str:
        if isinstance(left, nodes.Name) and left.name == self.time:
            return "time"
        if not isinstance(left, nodes.Name) or left.name in self.made or not values:
            return "computed"
        numbers = all(isinstance(item, nodes.Literal) and item.type != "string" for item in items)
        if numbers:
            return "number"
        name = operator.removesuffix("_cs")
        if name in _SCANNING:
            return "substring"
        if not all(map(_TERM.search, values)):
            return "short"
        return "term" if name.startswith("has") else "equality"


def _flat(node: nodes.Expression, operator: str) -> Iterator[nodes.Expression]:
    operands: list[nodes.Expression] = []
    while isinstance(node, nodes.Binary) and node.operator == operator:
        operands.append(node.right)
        node = node.left
    yield node
    yield from reversed(operands)


def _columns(node: nodes.Expression) -> Iterator[str]:
    if isinstance(node, nodes.Name):
        yield node.name
    elif isinstance(node, nodes.Call):
        for argument in node.arguments:
            yield from _columns(argument)
    elif isinstance(node, nodes.Path):
        for name in _columns(node.base):
            yield f"{name}.{node.key}"
    elif isinstance(node, nodes.Binary):
        yield from _columns(node.left)
        yield from _columns(node.right)
    elif isinstance(node, nodes.Membership | nodes.Between):
        yield from _columns(node.left)
    elif isinstance(node, nodes.Minus):
        yield from _columns(node.part)
