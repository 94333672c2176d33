"""Reads a shipped EQL query back into the Predicate it means.

A condition is two-valued: Elasticsearch executes it as Query DSL, where NOT keeps an event without the field
(`resolve.py`). EQL names no index, so the branch names no table. Case is folded as `language.char` folds it, that is
Unicode's one-to-one pairs: Elasticsearch does so since https://github.com/elastic/elasticsearch/pull/153513, and
folded ASCII letters only before.
"""

from __future__ import annotations

import math

from converter.core.addresses import both_spellings
from converter.core.errors import OutOfFragment, QueryError
from converter.core.platform import Schema
from converter.dialects.eql import plan as p
from converter.dialects.eql.addresses import Network
from converter.dialects.eql.resolve import resolve
from converter.dialects.eql.syntax import Query, parse
from converter.dialects.reading import Branch
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    Addresses,
    Atom,
    Numbers,
    Predicate,
    Present,
    Strings,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.regular import lucene_limits as limits
from converter.semantics.regular.flavours import from_lucene
from converter.semantics.regular.language import ANY_CHAR, ANY_STRING, Language, Seq, char, literal


def read(text: str, schema: Schema) -> tuple[Branch, ...]:
    """The one branch of an EQL query; the event category is an atom of its predicate.

    Raises QueryError for a query that is refused or not covered, OutOfFragment where there is no symbolic meaning
    (string order, length, comparison with a fraction, complement and intersection in a regular expression, its case
    beyond ASCII, on which versions differ) and for an optional field that the platform's table does not name: it may be
    mapped there, so it is no constant.
    """
    return (read_query(parse(text), schema),)


def read_query(query: Query, schema: Schema) -> Branch:
    """The branch of a parsed query. Raises as `read` does."""
    plan = resolve(query, schema, complete=False)
    if excess := limits.clauses(_tests(plan)):
        raise QueryError(f"EQL: {excess}")
    return Branch((), _predicate(plan))


def _tests(node: p.Plan) -> int:
    if isinstance(node, p.All | p.Any):
        return sum(map(_tests, node.parts))
    return _tests(node.part) if isinstance(node, p.Not) else 1


def _predicate(node: p.Plan) -> Predicate:
    if isinstance(node, p.All):
        return conjunction([_predicate(part) for part in node.parts])
    if isinstance(node, p.Any):
        return disjunction([_predicate(part) for part in node.parts])
    if isinstance(node, p.Not):
        return negation(_predicate(node.part))
    if isinstance(node, p.Truth):
        return TRUE if node.value else FALSE
    if isinstance(node, p.Exists):
        return Atom(node.field, Present())
    if isinstance(node, p.Text):
        return Atom(node.field, Strings(_language(node)))
    if isinstance(node, p.Flag):
        return Atom(node.field, Strings(literal("true" if node.value else "false", False)))
    if isinstance(node, p.Number):
        return _number(node)
    if isinstance(node, p.Address):
        ranges = sorted(_range(network) for network in node.networks)
        return Atom(node.field, Addresses(both_spellings(ranges)))
    raise OutOfFragment(f"EQL: the {'order' if isinstance(node, p.Order) else 'length'} of the strings of {node.field}")


def _language(node: p.Text) -> Language:
    if excess := _excess(node):
        raise QueryError(f"EQL: {node.field}: {excess}", hint="split it")
    if node.how == "regexp":
        if node.ignore_case and not node.text.isascii():
            raise OutOfFragment("EQL: regex~ with characters beyond ASCII", hint="use regex and spell both cases")
        return from_lucene(node.text, node.ignore_case)
    if node.how == "wildcard":
        signs: dict[str, Language] = {"*": ANY_STRING, "?": ANY_CHAR}
        return Seq(tuple(signs.get(sign) or char(sign, node.ignore_case) for sign in node.text))
    text = literal(node.text, node.ignore_case)
    around = {"is": (text,), "starts": (text, ANY_STRING), "ends": (ANY_STRING, text)}
    return Seq(around.get(node.how, (ANY_STRING, text, ANY_STRING)))


def _excess(node: p.Text) -> str:
    """What is too much about a text or a pattern; of a regular expression `from_lucene` tells."""
    if node.how == "is":
        return limits.term(node.text, node.ignore_case)
    if node.how == "wildcard":
        return limits.wildcard(limits.sequence(node.text))
    if node.how == "regexp":
        return ""
    return limits.affix(node.text, node.how in ("ends", "has"), node.how in ("starts", "has"))


def _number(node: p.Number) -> Predicate:
    """Numbers are sets of integers, so that a bound with a fraction is out of their reach."""
    if not math.isfinite(node.value) or node.value != int(node.value):
        raise OutOfFragment(f"EQL: {node.field} {node.operator} {node.value}: a number with a fraction")
    value = int(node.value)
    ranges: dict[str, tuple[int | None, int | None]] = {
        "==": (value, value),
        "<": (None, value - 1),
        "<=": (None, value),
        ">": (value + 1, None),
        ">=": (value, None),
    }
    return Atom(node.field, Numbers((ranges[node.operator],)))


def _range(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), int(network.broadcast_address)
