"""What a search expression means, as a predicate over the platform's columns.

`search` has two truth values, so the predicate needs no null logic: NOT keeps events without the field, `!=` drops
them (https://docs.splunk.com/Documentation/Splunk/9.0.9/Search/NOTexpressions).
"""

from __future__ import annotations

import ipaddress
import re

from converter.core.errors import OutOfFragment
from converter.dialects.spl.nodes import All, AnyOf, Compare, In, Keyword, Negated, SearchExpr, Value
from converter.dialects.spl.scope import Scope, integer
from converter.semantics.decide.predicate import (
    TRUE,
    Addresses,
    Atom,
    Numbers,
    Predicate,
    Present,
    Strings,
    ValueSet,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.regular.language import ANY_STRING, Language, Seq, literal

_CIDR = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")


def search_predicate(expr: SearchExpr, scope: Scope) -> Predicate:
    """Raises OutOfFragment on keywords, and where the schema leaves the meaning of a comparison open."""
    if isinstance(expr, All):
        return conjunction(search_predicate(part, scope) for part in expr.parts)
    if isinstance(expr, AnyOf):
        return disjunction(search_predicate(part, scope) for part in expr.parts)
    if isinstance(expr, Negated):
        return negation(search_predicate(expr.part, scope))
    if isinstance(expr, Keyword):
        if expr.value.text == "*":
            return TRUE
        raise OutOfFragment(f"the keyword {expr.value.text!r} looks into _raw, which a predicate does not hold")
    if isinstance(expr, In):
        column = scope.column(expr.field)
        return disjunction(Atom(column, equal_set(value, column, scope)) for value in expr.values)
    return _comparison(expr, scope)


def _comparison(expr: Compare, scope: Scope) -> Predicate:
    column = scope.column(expr.field)
    if expr.op in ("=", "!="):
        atom = Atom(column, equal_set(expr.value, column, scope))
        return atom if expr.op == "=" else unequal(atom, scope)
    # Two numbers compare by value, other texts by code point: only a column of numbers has one meaning here.
    number = integer(expr.value.text)
    if number is None or not scope.is_number(column):
        raise OutOfFragment(f"{expr.field}{expr.op}{expr.value.text} compares texts by order")
    return Atom(column, number_set(expr.op, number))


def unequal(atom: Atom, scope: Scope) -> Predicate:
    """`!=`: the field is there and its value is another. With several values it is true when one of them differs,
    which a predicate can't say, so a multivalue column is refused."""
    if scope.is_array(atom.field) or not scope.knows(atom.field):
        raise OutOfFragment(f"{atom.field} != ... on a field that may have several values")
    return conjunction((Atom(atom.field, Present()), negation(atom)))


def equal_set(value: Value, column: str, scope: Scope) -> ValueSet:
    """The values that `column=value` matches: texts in any case, `*` any run, a CIDR range the addresses in it.

    `=` compares texts ("1" isn't "1.0"), which on a column of numbers, each written in its one way, is equality of
    numbers; a column that no schema types may hold `080` or `80.0`. All of it stands on
    https://help.splunk.com/splunk-enterprise/search/spl-search-reference/10.0/search-commands/search.
    """
    text = value.text
    if text.strip("*") == "" and text:
        return Present()
    addresses = address_set(text)
    if addresses is not None:
        return addresses
    number = integer(text)
    if number is not None and scope.is_number(column):
        return Numbers(((number, number),))
    return Strings(glob(text, "*", ignore_case=True))


def number_set(op: str, number: int) -> Numbers:
    """The integers in relation `op` to `number`."""
    return Numbers(
        {
            "=": ((number, number),),
            "<": ((None, number - 1),),
            "<=": ((None, number),),
            ">": ((number + 1, None),),
            ">=": ((number, None),),
        }[op]
    )


def address_set(text: str) -> Addresses | None:
    """The addresses of a range in CIDR notation, None when `text` isn't one."""
    if not _CIDR.fullmatch(text):
        return None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return Addresses(((network.version, int(network.network_address), int(network.broadcast_address)),))


def glob(text: str, star: str, ignore_case: bool) -> Language:
    """The values of a pattern in which `star` is any run of characters."""
    parts: list[Language] = []
    for i, piece in enumerate(re.split(re.escape(star) + "+", text)):
        if i:
            parts.append(ANY_STRING)
        if piece:
            parts.append(literal(piece, ignore_case))
    return parts[0] if len(parts) == 1 else Seq(tuple(parts))
