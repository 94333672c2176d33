"""Whether one row satisfies a search expression, which is true or false, never null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converter.core.errors import QueryError
from converter.dialects.spl.nodes import All, AnyOf, In, Keyword, Negated, SearchExpr, Value
from converter.engines.spl import values
from converter.semantics.decide.evaluate import fold

Fields = Mapping[str, Any]


def search_holds(expr: SearchExpr, fields: Fields) -> bool:
    """Whether a row satisfies a search expression. NOT keeps rows without the field, `!=` drops them (https://docs.
    splunk.com/Documentation/Splunk/9.0.9/Search/NOTexpressions)."""
    if isinstance(expr, All):
        return all(search_holds(part, fields) for part in expr.parts)
    if isinstance(expr, AnyOf):
        return any(search_holds(part, fields) for part in expr.parts)
    if isinstance(expr, Negated):
        return not search_holds(expr.part, fields)
    if isinstance(expr, Keyword):
        return _keyword(expr.value, fields)
    if isinstance(expr, In):
        # IN stands for a disjunction of = (the search page, "Filter using the IN operator"), wildcards included.
        # ASSUMPTION: ranges in CIDR notation as well.
        return any(_search_compare(expr.field, "=", value, fields) for value in expr.values)
    return _search_compare(expr.field, expr.op, expr.value, fields)


def _keyword(value: Value, fields: Fields) -> bool:
    if value.text == "*":
        return True
    raw = fields.get("_raw")
    if raw is None:
        raise QueryError(f"the keyword {value.text!r} needs events with their _raw text")
    return values.has_term(value.text, values.text_of(raw))


def _search_compare(name: str, op: str, value: Value, fields: Fields) -> bool:
    """One comparison. ASSUMPTION: on a multivalue field it holds when it does for any of the values, `!=` too."""
    items = list(values.elements(fields.get(name)))
    if op == "=":
        return any(_search_equals(value.text, item) for item in items)
    if op == "!=":
        return any(not _search_equals(value.text, item) for item in items)
    return any(values.ordered(op, item, value.text) for item in items)


def _search_equals(wanted: str, item: Any) -> bool:
    """`=` in a search. It compares texts ("1" isn't "1.0"), whatever their case; a range in CIDR notation matches the
    addresses in it, version 4 and 6 (all on https://help.splunk.com/splunk-enterprise/search/spl-search-reference/
    10.0/search-commands/search). ASSUMPTION: such a range matches nothing else, not even its own
    text; and letters beyond ASCII are folded too."""
    network = values.network_of(wanted)
    if network is not None:
        return values.in_network(network, item)
    return values.wildcard(fold(wanted), fold(values.text_of(item)))
