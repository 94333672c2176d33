"""What an EQL query asks, operator by operator: `converter.dialects.costing`."""

from __future__ import annotations

from collections.abc import Iterator

from converter.core.platform import Schema
from converter.dialects.costing import All, AnyOf, Asked, Negated, Search, Test, conjuncts
from converter.dialects.elastic_cost import regex_fact, wildcard_fact
from converter.dialects.eql import syntax
from converter.dialects.eql.syntax import Both, Call, Comparison, Either, Expression, FieldName, Lookup, Negation


def cost(text: str, schema: Schema) -> tuple[Search, ...]:
    """One search for each stage of a sequence, or one. Raises as `syntax.parse_sequence` does."""
    found = syntax.parse_sequence(text)
    queries = [stage.query for stage in found.stages] if isinstance(found, syntax.Sequence) else [found]
    return tuple(Search(tuple(conjuncts([*_category(query), _asked(query.condition)]))) for query in queries)


def _category(query: syntax.Query) -> list[Asked]:
    return [] if query.category is None else [Test(("event.category",), "where", "term", (query.category,))]


def _asked(node: Expression) -> Asked:
    if isinstance(node, Both):
        return All((_asked(node.left), _asked(node.right)))
    if isinstance(node, Either):
        return AnyOf((_asked(node.left), _asked(node.right)))
    if isinstance(node, Negation):
        return Negated(_asked(node.part))
    if isinstance(node, Lookup) and isinstance(node.subject, FieldName):
        values = tuple(map(str, node.values))
        return Test((node.subject.name,), node.operator, _fact(node.operator, values), values)
    if isinstance(node, Comparison) and isinstance(node.left, FieldName) and isinstance(node.right, syntax.Constant):
        plain = node.operator if node.operator != "!=" else "=="
        fact = "term" if plain == "==" else "range"
        test = Test((node.left.name,), plain, fact, () if node.right.value is None else (str(node.right.value),))
        return Negated(test) if node.operator == "!=" else test
    called = node.name if isinstance(node, Call) else "comparison"
    fact = "term" if called == "cidrmatch" else "computed"
    return Test(tuple(dict.fromkeys(_fields(node))), called, fact)


def _fact(operator: str, values: tuple[str, ...]) -> str:
    if operator.startswith("in"):
        return "term"
    return regex_fact(values) if operator.startswith("regex") else wildcard_fact(values)


def _fields(node: Expression) -> Iterator[str]:
    if isinstance(node, FieldName):
        yield node.name
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from _fields(argument)
    elif isinstance(node, Comparison | Both | Either):
        yield from _fields(node.left)
        yield from _fields(node.right)
    elif isinstance(node, Negation):
        yield from _fields(node.part)
    elif isinstance(node, Lookup):
        yield from _fields(node.subject)
