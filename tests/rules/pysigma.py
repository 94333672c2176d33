"""pySigma's reading of a rule, run on events: its own parsed conditions and values, and nothing of ours."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

import pcre2
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaRule
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

Event = Mapping[str, Any]
_OPERATORS: dict[CompareOperators, Callable[[Any, Any], bool]] = {
    CompareOperators.LT: lambda a, b: a < b,
    CompareOperators.LTE: lambda a, b: a <= b,
    CompareOperators.GT: lambda a, b: a > b,
    CompareOperators.GTE: lambda a, b: a >= b,
}


def fires(raw: Mapping[str, Any], event: Event) -> bool:
    """Whether the rule that pySigma makes of `raw` fires on an event. Raises SigmaError where pySigma refuses it."""
    head = {"title": "x", "logsource": {"category": "process_creation", "product": "windows"}}
    rule = SigmaRule.from_dict({**head, **raw})
    # several conditions are joined by or
    return any(_holds(condition.parsed, event) for condition in rule.detection.parsed_condition)


def _holds(node: Any, event: Event) -> bool:
    if isinstance(node, ConditionAND):
        return all(_holds(part, event) for part in node.args)
    if isinstance(node, ConditionOR):
        return any(_holds(part, event) for part in node.args)
    if isinstance(node, ConditionNOT):
        return not _holds(node.args[0], event)
    if isinstance(node, ConditionValueExpression):
        pattern = _glob(node.value, "*{}*")
        return any(pattern(_text(x)) for name in event for x in _elements(event, name))
    assert isinstance(node, ConditionFieldEqualsValueExpression), node
    return _value(node.field, node.value, event)


def _value(field: str, value: Any, event: Event) -> bool:
    found = _elements(event, field)
    if isinstance(value, SigmaExpansion):
        return any(_value(field, one, event) for one in value.values)
    if isinstance(value, SigmaNull):
        return not found
    if isinstance(value, SigmaExists):
        return bool(found) == bool(value)
    if isinstance(value, SigmaFieldReference):
        return any(
            _refers(value, _fold(_text(a)), _fold(_text(b))) for a in found for b in _elements(event, value.field)
        )
    test = _test(value)
    return any(test(element) for element in found)


def _refers(value: SigmaFieldReference, left: str, right: str) -> bool:
    if value.starts_with and value.ends_with:
        return right in left
    return left.startswith(right) if value.starts_with else left.endswith(right) if value.ends_with else left == right


def _test(value: Any) -> Callable[[Any], bool]:
    if isinstance(value, SigmaBool):
        return lambda x: _fold(_text(x)) == str(bool(value)).lower()
    if isinstance(value, SigmaNumber):
        return lambda x: _text(x) == str(value.number)
    if isinstance(value, SigmaCompareExpression):
        bound, compare = value.number.number, _OPERATORS[value.op]
        return lambda x: (number := _number(x)) is not None and compare(number, bound)
    if isinstance(value, SigmaCIDRExpression):
        return lambda x: _within(x, value.cidr)
    if isinstance(value, SigmaRegularExpression):
        flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
        compiled = pcre2.compile(f"(?{flags}){value.regexp.original}" if flags else value.regexp.original, pcre2.ASCII)
        return lambda x: compiled.search(_text(x)) is not None
    pattern = _glob(value)
    return lambda x: pattern(_text(x))


def _glob(value: SigmaString, around: str = "{}") -> Callable[[str], bool]:
    cased = isinstance(value, SigmaCasedString)
    wild = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    body = "".join(wild[p] if isinstance(p, SpecialChars) else re.escape(p if cased else _fold(p)) for p in value.s)
    compiled = re.compile(around.replace("*", ".*").format(body), re.DOTALL)
    return lambda text: compiled.fullmatch(text if cased else _fold(text)) is not None


def _fold(text: str) -> str:
    return "".join(c.lower() if len(c.lower()) == 1 and c.lower().upper() == c else c for c in text)


def _elements(event: Event, field: str) -> list[Any]:
    value = event.get(field)
    return [element for element in (value if isinstance(value, list) else [value]) if element is not None]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    return value if isinstance(value, int | float) else int(value) if re.fullmatch("-?[0-9]+", value) else None


def _within(value: Any, text: str) -> bool:
    try:
        address = ipaddress.ip_address(str(value))
    except ValueError:
        return False
    network = ipaddress.ip_network(text)
    mapped = getattr(address, "ipv4_mapped", None)
    if address.version == 4 and network.version == 6:
        mapped = ipaddress.ip_address(f"::ffff:{address}")
    return any(one in network for one in (address, mapped) if one is not None)
