"""What the interpreter does not evaluate: what Elasticsearch refuses, and what its optimizer makes something else of.

All of it is looked for before the first row, because Elasticsearch looks for it before it reads one. Measured on 8.19;
the optimizer's rules are ReplaceRegexMatch and ReplaceStringCasingWithInsensitiveEquals in package
org.elasticsearch.xpack.esql.optimizer.rules.logical, https://github.com/elastic/elasticsearch.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from converter.core.errors import OutOfFragment, QueryError
from converter.dialects.esql.ast import Binary, Call, Eval, Expr, In, Like, Literal, Where, walk
from converter.dialects.esql.nulls import conjuncts, refuse_contradiction, refuse_null_beside
from converter.dialects.esql.patterns import wildcard_parts
from converter.dialects.esql.types import LONG
from converter.semantics.decide.evaluate import matches
from converter.semantics.regular import lucene_limits as limits
from converter.semantics.regular.flavours import from_lucene
from converter.semantics.regular.language import ANY_CHAR, ANY_STRING, Language, Seq, char

#: what a pattern takes that takes everything
_ANYTHING = ("", "a", "A", "0", " ", "\n", "é", "a b\tc", "\U0001f600", "x" * 40)
_CASES = ("TO_LOWER", "TO_UPPER")
#: functions that become a pattern where the index answers them -> whether anything may stand before and after the text
_AFFIXES = {"STARTS_WITH": (False, True), "ENDS_WITH": (True, False)}
#: what stands for itself in a regular expression of Lucene's: an escaped character, a class, a text in quotes
_LITERAL = re.compile(r'\\.|\[(?:\\.|[^\]\\])*\]|"[^"]*"', re.DOTALL)


def check(commands: Sequence[object]) -> None:
    """Look through a query's commands and all their expressions. Raises QueryError and OutOfFragment."""
    # what several WHERE ask stands side by side for the optimizer
    asked = [part for command in commands if isinstance(command, Where) for part in conjuncts(command.condition)]
    refuse_null_beside(asked)
    for command in commands:
        _check(command)


def _check(node: object) -> None:
    if isinstance(node, Where):
        refuse_contradiction(node.condition, False)
    elif isinstance(node, Eval):
        for _, value in node.assignments:
            refuse_contradiction(value, True)
    for item in walk(node):
        if isinstance(item, Like):
            _pattern(item)
        elif isinstance(item, Binary) and item.op == "AND":
            refuse_null_beside(conjuncts(item))
        elif isinstance(item, Binary) and item.op in ("<", "<=", ">", ">="):
            for side in (item.left, item.right):
                _within(limits.order(side.value) if isinstance(side, Literal) and isinstance(side.value, str) else "")
        elif isinstance(item, Call) and item.name == "CIDR_MATCH":
            _blocks(item)
        elif isinstance(item, Call) and item.name in _AFFIXES and isinstance(item.args[1], Literal):
            _within(limits.affix(str(item.args[1].value), *_AFFIXES[item.name]))
        elif isinstance(item, Binary) and item.op in ("==", "!="):
            _compared(item.left, item.right)
        elif isinstance(item, In) and any(_beyond_long(option) for option in item.options):
            raise OutOfFragment("ES|QL: a number beyond a long in IN is compared as a double, or refused")
        elif isinstance(item, In) and Literal(None) in item.options:
            raise OutOfFragment("ES|QL: null among the options of IN: its negation is null also where one is met")
        elif isinstance(item, In) and len(item.options) == 1:
            _compared(item.value, item.options[0])


def _beyond_long(option: Expr) -> bool:
    number = option.value if isinstance(option, Literal) else None
    return isinstance(number, int | float) and not LONG[0] <= number <= LONG[1]


def _within(excess: str) -> None:
    if excess:
        raise QueryError(f"ES|QL: {excess}")


def folds(value: Expr) -> bool:
    """Whether a value is one in lower or upper case."""
    return isinstance(value, Call) and value.name in _CASES


def exact(item: Like) -> str | None:
    """The one text that a LIKE with a single pattern takes, None where it takes others."""
    if item.regex or len(item.patterns) != 1:
        return None
    parts = wildcard_parts(item.patterns[0])
    return None if any(kind != "char" for kind, _ in parts) else "".join(text for _, text in parts)


def _pattern(item: Like) -> None:
    """A pattern that takes everything becomes IS NOT NULL: true of several values, its NOT of a missing one."""
    for pattern in item.patterns:
        if item.regex:
            if "#" in _LITERAL.sub("", pattern):
                raise OutOfFragment(f"ES|QL: RLIKE {pattern!r}: the empty language ends in a failure (500) of 8.19")
            language = from_lucene(pattern)
            total = all(matches(language, text) for text in _ANYTHING)
            if folds(item.value) and not pattern.isascii():
                raise OutOfFragment(f"ES|QL: RLIKE {pattern!r} without case beyond ASCII differs between versions")
        else:
            parts = wildcard_parts(pattern)
            signs: dict[str, Language] = {"any": ANY_STRING, "one": ANY_CHAR}
            excess = limits.wildcard(Seq(tuple(signs.get(kind) or char(text, False) for kind, text in parts)))
            _within(excess)
            total = bool(parts) and all(kind == "any" for kind, _ in parts)
            if not parts:
                raise OutOfFragment('ES|QL: LIKE "" matches nothing in WHERE and the empty string elsewhere')
        if total:
            raise OutOfFragment(f"ES|QL: the pattern {pattern!r}, which takes everything, becomes IS NOT NULL")
    text = exact(item)
    if text is not None and folds(item.value):
        _ascii(text)


def _blocks(call: Call) -> None:
    for arg in call.args[1:]:
        text = str(arg.value) if isinstance(arg, Literal) else ""
        address, slash, _ = text.partition("/")
        if slash and ":" in address and ipaddress.IPv6Address(address).ipv4_mapped is not None:
            raise QueryError(f"ES|QL: {text}: CIDR notation is not allowed with IPv6-mapped IPv4 addresses")


def _compared(one: Expr, other: Expr) -> None:
    for value, constant in ((one, other), (other, one)):
        if folds(value) and isinstance(constant, Literal) and isinstance(constant.value, str):
            _ascii(constant.value)
            _within(limits.term(constant.value, ignore_case=True))


def _ascii(text: str) -> None:
    """An equality without case folds ASCII only where the index answers it, and all letters elsewhere."""
    if any(c.lower() != c or c.upper() != c for c in text if not c.isascii()):
        raise OutOfFragment(f"ES|QL: {text!r} is compared without case: beyond ASCII, letters may or may not be folded")
