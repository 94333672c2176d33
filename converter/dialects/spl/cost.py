"""What an SPL query asks, operator by operator: `converter.dialects.costing`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from converter.core.platform import Schema
from converter.dialects.costing import All, AnyOf, Asked, Negated, Search, Test, conjuncts
from converter.dialects.spl import nodes
from converter.dialects.spl.syntax import parse_both

_CIDR = re.compile(r"[\da-fA-F.:]+/\d{1,3}")


def cost(text: str, schema: Schema) -> tuple[Search, ...]:
    """One search for each that makes events. Raises as `syntax.parse_both` does."""
    return tuple(_searches(parse_both(text)))


def _searches(pipeline: nodes.Pipeline) -> Iterator[Search]:
    asked: list[Asked] = []
    for number, command in enumerate(pipeline.commands):
        if isinstance(command, nodes.Multisearch):
            for search in command.searches:
                yield from _searches(search)
        elif isinstance(command, nodes.Append):
            yield from _searches(command.search)
        elif isinstance(command, nodes.Search):
            # only what stands in the search that makes the events is looked up; a later one reads what comes to it
            asked.append(_searched(command.condition) if number == 0 else _later(command.condition))
        elif isinstance(command, nodes.Regex):
            asked.append(Test((command.field,), "regex", "later"))
        elif isinstance(command, nodes.Where):
            asked.extend(_where(command.condition))
    if asked:
        yield Search(tuple(conjuncts(asked)))


def _searched(node: nodes.SearchExpr) -> Asked:
    if isinstance(node, nodes.All | nodes.AnyOf):
        parts = tuple(map(_searched, node.parts))
        return All(parts) if isinstance(node, nodes.All) else AnyOf(parts)
    if isinstance(node, nodes.Negated):
        return Negated(_searched(node.part))
    if isinstance(node, nodes.Keyword):
        return Test(("_raw",), "term", _fact([node.value]), (node.value.text,))
    if isinstance(node, nodes.In):
        return Test((node.field,), "IN", _fact(node.values), tuple(value.text for value in node.values))
    fact = "range" if node.op in ("<", "<=", ">", ">=") else _fact([node.value])
    test = Test((node.field,), "=" if node.op == "!=" else node.op, fact, (node.value.text,))
    return Negated(test) if node.op == "!=" else test


def _fact(values: list[nodes.Value] | tuple[nodes.Value, ...]) -> str:
    """The slowest of the values: one of an OR that is not looked up is enough to read all."""
    kinds = {_kind(value) for value in values}
    return next(kind for kind in ("range", "leading", "inner", "prefix", "value") if kind in kinds)


def _kind(value: nodes.Value) -> str:
    if _CIDR.fullmatch(value.text):
        return "range"
    if value.text.startswith("*"):
        return "leading"
    if "*" in value.text:
        return "prefix" if value.text.index("*") == len(value.text) - 1 else "inner"
    return "value"


def _later(node: nodes.SearchExpr) -> Asked:
    if isinstance(node, nodes.All | nodes.AnyOf):
        parts = tuple(map(_later, node.parts))
        return All(parts) if isinstance(node, nodes.All) else AnyOf(parts)
    if isinstance(node, nodes.Negated):
        return Negated(_later(node.part))
    return Test(("_raw" if isinstance(node, nodes.Keyword) else node.field,), "search", "later")


def _where(node: nodes.Expr) -> Iterator[Asked]:
    if isinstance(node, nodes.Binary) and node.op == "AND":
        yield from _where(node.left)
        yield from _where(node.right)
    else:
        yield Test(tuple(dict.fromkeys(_names(node))), "where", "later")


def _names(node: nodes.Expr) -> Iterator[str]:
    if isinstance(node, nodes.Name):
        yield node.field
    elif isinstance(node, nodes.Call):
        for argument in node.args:
            yield from _names(argument)
    elif isinstance(node, nodes.Binary):
        yield from _names(node.left)
        yield from _names(node.right)
    elif isinstance(node, nodes.Unary):
        yield from _names(node.operand)
