"""From pySigma's condition tree, fields already mapped, to a Condition over native columns.

Here a port becomes a number, a boolean its text, and a test of a path's end the test of the file-name column that the
schema derives from that path. What a column cannot hold is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
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
    SigmaRegularExpressionFlag,
    SigmaString,
    SpecialChars,
)

from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    Missing,
    Not,
    NumberIn,
    Or,
    Pattern,
    Regex,
    SameAs,
    Wild,
)
from converter.errors import Unsupported
from converter.model import Kind
from converter.schemas.derive import CLASSIFYING
from converter.schemas.project import NUMERIC_TYPES

_INLINE_FLAGS = re.compile(r"\(\?([ims]+)\)")
_OPERATORS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}


@dataclass(frozen=True)
class Columns:
    """The columns of the records a rule is about, by native name."""

    types: Mapping[str, str]
    sources: Mapping[str, str]
    #: path column -> the column that holds its last component
    file_names: Mapping[str, str]
    constants: frozenset[str]

    @classmethod
    def of(cls, kinds: tuple[Kind, ...], types: Mapping[str, str]) -> Columns:
        sources = {c.name: c.source for kind in kinds for c in kind.columns if c.source and c.derive not in CLASSIFYING}
        paths = {c.source: c.name for kind in kinds for c in kind.columns if c.source and c.derive == "same"}
        names = {c.source: c.name for kind in kinds for c in kind.columns if c.source and c.derive == "basename"}
        constants = frozenset(name for kind in kinds for name in kind.native)
        file_names = {paths[source]: names[source] for source in paths if source in names}
        return cls(types, sources, file_names, constants)


def lower(node: Any, columns: Columns) -> Condition:
    """The condition for a pySigma condition item. Raises Unsupported with the feature that is missing."""
    if isinstance(node, ConditionAND):
        return And(tuple(lower(arg, columns) for arg in node.args))
    if isinstance(node, ConditionOR):
        return Or(tuple(lower(arg, columns) for arg in node.args))
    if isinstance(node, ConditionNOT):
        return Not(lower(node.args[0], columns))
    if isinstance(node, ConditionValueExpression):
        raise Unsupported(
            "keywords search whole events, which this target does not keep as text",
            "keyword",
            hint="name the fields to search in",
        )
    assert isinstance(node, ConditionFieldEqualsValueExpression)
    return _leaf(node.field, node.value, columns)


def _leaf(field: str, value: Any, columns: Columns) -> Condition:
    if field not in columns.sources and field not in columns.constants:
        raise Unsupported(
            f"the field {field!r} has no column here", f"field {field}", hint="map it in a pipeline, or drop the target"
        )
    if isinstance(value, SigmaExpansion):
        return Or(tuple(_leaf(field, v, columns) for v in value.values))
    if isinstance(value, SigmaNull):
        return Missing(field)
    if isinstance(value, SigmaExists):
        return Not(Missing(field)) if bool(value) else Missing(field)
    if isinstance(value, SigmaFieldReference):
        return _same_as(field, value, columns)
    if isinstance(value, SigmaCIDRExpression):
        return InNetworks(field, (str(value.network),))
    if isinstance(value, SigmaCompareExpression):
        return _compare(field, value, columns)
    if isinstance(value, SigmaRegularExpression):
        return _regex(field, value, columns)
    return _value(field, value, columns)


def _value(field: str, value: Any, columns: Columns) -> Condition:
    type_ = columns.types.get(field, "string")
    if isinstance(value, SigmaBool):
        value = SigmaString("true" if bool(value) else "false")
    if isinstance(value, SigmaNumber):
        number = value.number
        if type_ in NUMERIC_TYPES:
            if int(number) != number:
                raise Unsupported(f"{field} holds whole numbers, not {number}", "fraction")
            return NumberIn(field, (int(number),))
        return Match(field, (Pattern((str(number),)),), True)
    if not isinstance(value, SigmaString):
        raise Unsupported(f"a value of kind {type(value).__name__} is not covered", f"value {type(value).__name__}")
    pattern = _pattern(value)
    if type_ in NUMERIC_TYPES:
        return _numeric(field, pattern)
    if type_ == "ip":
        return _address(field, pattern)
    cased = isinstance(value, SigmaCasedString) or field in columns.constants
    return _file_name(Match(field, (pattern,), cased), columns)


def _pattern(value: SigmaString) -> Pattern:
    parts: list[str | Wild] = []
    for part in value.s:
        if isinstance(part, str):
            parts.append(part)
        elif part is SpecialChars.WILDCARD_MULTI:
            if not (parts and parts[-1] is Wild.ANY):
                parts.append(Wild.ANY)
        elif part is SpecialChars.WILDCARD_SINGLE:
            parts.append(Wild.ONE)
        else:
            raise Unsupported("a placeholder (%name%) was not resolved", "placeholder", hint="give it a value first")
    return Pattern(tuple(p for p in parts if p != ""))


def _numeric(field: str, pattern: Pattern) -> Condition:
    if pattern.shape == "any":
        return Not(Missing(field))
    if pattern.shape == "equals" and pattern.text.isdecimal():
        return NumberIn(field, (int(pattern.text),))
    raise Unsupported(
        f"{field} is a number here: no pattern can be matched against it", "numeric pattern", hint="list the numbers"
    )


def _address(field: str, pattern: Pattern) -> Condition:
    """On a column of addresses: one address, or a prefix that ends at an octet."""
    if pattern.shape == "any":
        return Not(Missing(field))
    text = pattern.text
    if pattern.shape == "equals" and text:
        return InNetworks(field, (f"{text}/{128 if ':' in text else 32}",))
    octets = text.rstrip(".").split(".")
    if pattern.shape == "startswith" and text.endswith(".") and len(octets) < 4 and all(o.isdecimal() for o in octets):
        network = ".".join([*octets, *["0"] * (4 - len(octets))])
        return InNetworks(field, (f"{network}/{8 * len(octets)}",))
    raise Unsupported(
        f"{field} holds addresses, not text: {text!r} cannot be matched", "address pattern", hint="use |cidr"
    )


def _file_name(match: Match, columns: Columns) -> Condition:
    r"""`path ends with \name` as `file name is name`, where the schema derives the one from the other."""
    column = columns.file_names.get(match.field)
    pattern = match.patterns[0]
    if column is None or pattern.shape != "endswith" or not pattern.text.startswith("\\"):
        return match
    name = pattern.text[1:]
    return match if "\\" in name or not name else Match(column, (Pattern((name,)),), match.cased)


def _compare(field: str, value: SigmaCompareExpression, columns: Columns) -> Condition:
    number = value.number.number
    if columns.types.get(field) not in NUMERIC_TYPES or int(number) != number:
        raise Unsupported(f"{field} is not compared as a whole number here", "comparison")
    if value.op.name == "NEQ":
        return Not(NumberIn(field, (int(number),)))
    return Compare(field, _OPERATORS[value.op.name], int(number))


def _regex(field: str, value: SigmaRegularExpression, columns: Columns) -> Condition:
    if columns.types.get(field) in (*NUMERIC_TYPES, "ip"):
        raise Unsupported(f"{field} is not text here: no expression can be matched against it", "numeric pattern")
    pattern, flags = str(value.regexp), value.flags
    inline = _INLINE_FLAGS.match(pattern)
    # written inside or as modifiers, they mean the same; as fields of the condition every writer sees them
    letters = inline[1] if inline else ""
    return Regex(
        field,
        pattern[inline.end() :] if inline else pattern,
        "i" in letters or SigmaRegularExpressionFlag.IGNORECASE in flags,
        "m" in letters or SigmaRegularExpressionFlag.MULTILINE in flags,
        "s" in letters or SigmaRegularExpressionFlag.DOTALL in flags,
    )


def _same_as(field: str, value: SigmaFieldReference, columns: Columns) -> Condition:
    if value.field not in columns.sources:
        raise Unsupported(f"the field {value.field!r} has no column here", f"field {value.field}")
    if {columns.types.get(field), columns.types.get(value.field)} & {*NUMERIC_TYPES, "ip"}:
        raise Unsupported("only text fields are compared with each other", "fieldref numeric")
    how = {(False, False): "equals", (True, False): "startswith", (False, True): "endswith"}.get(
        (value.starts_with, value.ends_with), "contains"
    )
    return SameAs(field, value.field, how)
