"""What a Lucene query string asks, operator by operator: `converter.dialects.costing`."""

from __future__ import annotations

from converter.core.platform import Schema
from converter.dialects.costing import All, AnyOf, Asked, Negated, Search, Test, conjuncts
from converter.dialects.elastic_cost import regex_fact, wildcard_fact
from converter.dialects.lucene import syntax
from converter.dialects.lucene.syntax import Node


def cost(text: str, schema: Schema) -> tuple[Search, ...]:
    """One search. Raises as `syntax.parse` does."""
    return (Search(tuple(conjuncts([asked(syntax.parse(text.strip()))]))),)


def asked(node: Node, field: str = "*") -> Asked:
    """A clause on a field."""
    if isinstance(node, syntax.Fielded):
        return asked(node.node, node.name)
    if isinstance(node, syntax.All | syntax.AnyOf):
        parts = tuple(asked(part, field) for part in node.parts)
        return All(parts) if isinstance(node, syntax.All) else AnyOf(parts)
    if isinstance(node, syntax.Negated):
        return Negated(asked(node.part, field))
    if isinstance(node, syntax.Word | syntax.Quoted):
        return Test((field,), "term", "term", (node.text,))
    if isinstance(node, syntax.Pattern):
        fact = "exists" if node.text == "*" else wildcard_fact([node.text])
        return Test((field,), "wildcard", fact, (node.text,))
    if isinstance(node, syntax.Regex):
        return Test((field,), "regex", regex_fact([node.pattern]), (node.pattern,))
    if isinstance(node, syntax.Span):
        return Test((field,), "range", "range")
    return Test((field,), "*:*", "exists")
