"""The sets of values that ES|QL's tests against constants stand for. `fold` is TO_LOWER, TO_UPPER or "" (none)."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence

from converter.core.addresses import both_spellings
from converter.core.errors import OutOfFragment, QueryError
from converter.dialects.esql.ast import Call, Expr, Literal
from converter.dialects.esql.patterns import wildcard_parts
from converter.dialects.esql.types import INTEGER, LONG
from converter.semantics.decide.predicate import Addresses, Numbers, Strings
from converter.semantics.regular import lucene_limits as limits
from converter.semantics.regular.flavours import from_lucene
from converter.semantics.regular.language import (
    ANY_CHAR,
    ANY_STRING,
    NOTHING,
    Alt,
    Language,
    Repeat,
    Seq,
    char,
    literal,
)

#: What a test against constants may stand for.
Constants = Strings | Numbers | Addresses

_MAPPED = ipaddress.ip_network("::ffff:0:0/96")
_AROUND = {"equals": (False, False), "startswith": (False, True), "endswith": (True, False), "contains": (True, True)}


def text_set(text: str, fold: str, how: str = "equals") -> Strings:
    """The strings that are, start with, end with or contain `text`, once folded. Raises QueryError for a long one."""
    folded = {"TO_LOWER": text.lower(), "TO_UPPER": text.upper()}.get(fold, text)
    if folded != text:
        return Strings(NOTHING)
    before, after = _AROUND[how]
    _within(limits.affix(text, before, after) or limits.term(text, bool(fold) and how == "equals"))
    core = literal(text, bool(fold))
    return (
        Strings(Seq((*((ANY_STRING,) * before), core, *((ANY_STRING,) * after)))) if before or after else Strings(core)
    )


def pattern_set(pattern: str, regex: bool, fold: str) -> Strings:
    """The strings that LIKE or RLIKE accepts. Raises OutOfFragment, and QueryError for what is too complex."""
    if regex:
        return Strings(from_lucene(pattern, bool(fold)))
    if not pattern:
        raise OutOfFragment(
            'ES|QL: LIKE "" matches nothing in WHERE and the empty string elsewhere', hint='write == ""'
        )
    parts: list[Language] = []
    for kind, text in wildcard_parts(pattern):
        parts.append(ANY_STRING if kind == "any" else ANY_CHAR if kind == "one" else char(text, bool(fold)))
    language = Seq(tuple(parts))
    _within(limits.wildcard(language))
    return Strings(language)


def _within(excess: str) -> None:
    if excess:
        raise QueryError(f"ES|QL: {excess}", hint="split it")


def constant_set(constant: Expr, fold: str) -> Constants:
    """The one value of a constant. Raises OutOfFragment."""
    match constant:
        case Literal(bool() as value):
            return text_set(str(value).lower(), "")
        case Literal(int() | float() as value):
            if not LONG[0] <= value <= LONG[1]:
                raise OutOfFragment(
                    f"ES|QL: {value} is beyond a long: Elasticsearch compares it as a double, or not at all"
                )
            return range_set("==", value, INTEGER)
        case Literal(str() as value):
            return text_set(value, fold)
        case Call("TO_IP", (Literal(str() as value),)):
            return blocks([value])
    raise OutOfFragment(f"ES|QL: no symbolic meaning for {constant} as a constant")


def range_set(op: str, bound: int | float, kind: str) -> Constants:
    """The whole numbers, or (kind `length`) the strings of such a length, that stand in a relation to `bound`."""
    low: int | None = None
    high: int | None = None
    if op in ("==", ">="):
        low = math.ceil(bound)
    if op in ("==", "<="):
        high = math.floor(bound)
    if op == ">":
        low = math.floor(bound) + 1
    if op == "<":
        high = math.ceil(bound) - 1
    if kind == "length":
        low = max(low or 0, 0)
        return Strings(NOTHING if high is not None and high < low else Repeat(ANY_CHAR, low, high))
    if kind != INTEGER:
        raise OutOfFragment(f"ES|QL: no symbolic meaning for {op} on {kind}")
    return Numbers(() if low is not None and high is not None and high < low else ((low, high),))


def blocks(texts: Sequence[str]) -> Addresses:
    """The addresses in any of the CIDR blocks.

    An IPv4 address and its `::ffff:` form are one to Elasticsearch, so both are named; a block that spans the latter
    is refused. Raises OutOfFragment.
    """
    networks = [ipaddress.ip_network(text, strict=False) for text in texts]
    if any(network.version == 6 and network.overlaps(_MAPPED) for network in networks):
        raise OutOfFragment("ES|QL: a block with IPv4-mapped addresses is not covered")
    return Addresses(both_spellings((n.version, int(n.network_address), int(n.broadcast_address)) for n in networks))


def union(sets: Sequence[Constants]) -> Constants:
    """The values in any of several sets of one sort. Raises OutOfFragment."""
    if len(sets) == 1:
        return sets[0]
    languages = [s.language for s in sets if isinstance(s, Strings)]
    if len(languages) == len(sets):
        return Strings(Alt(tuple(languages)))
    numbers = [r for s in sets if isinstance(s, Numbers) for r in s.ranges]
    if all(isinstance(s, Numbers) for s in sets):
        return Numbers(tuple(sorted(set(numbers), key=lambda r: (r[0] is not None, r[0] or 0))))
    addresses = [r for s in sets if isinstance(s, Addresses) for r in s.ranges]
    if all(isinstance(s, Addresses) for s in sets):
        return Addresses(tuple(sorted(set(addresses))))
    raise OutOfFragment("ES|QL: values of different sorts in one list")
