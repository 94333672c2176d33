"""From a rule's detection section to a Condition over native columns, for one view of the records.

Here a port becomes a number, a test of a path's end the test of the file-name column derived from it, an account a test
of its two halves, and a field that the kind of record fixes is decided. What a column cannot hold is refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from converter.convert.constants import decided
from converter.convert.derived import derived_match
from converter.convert.forms import asks_for_one_of, recoded, recoded_regex, regex_in_forms, takes_any_text
from converter.convert.simplify import FALSE, TRUE, all_of, any_of, negated
from converter.convert.values import patterns
from converter.convert.views import View, any_case, dropped, recodings
from converter.core.errors import OutOfFragment, QueryError, Unsupported
from converter.core.platform import Column
from converter.dialects.condition import (
    Compare,
    Condition,
    InNetworks,
    Missing,
    NumberIn,
    Pattern,
    Regex,
    SameAs,
)
from converter.platforms.derive import is_whole
from converter.platforms.domains import NUMERIC_TYPES
from converter.rules.condition import AllOf, Negated, Selection
from converter.rules.condition import Condition as RuleCondition
from converter.rules.detection import DetectionSection, Item
from converter.rules.values import Value

_NEGATED_LETTERS = re.compile(r"\[\^[^\]]*[A-Za-z]")
_INLINE_FLAGS = re.compile(r"\(\?([ims]+)\)")
_OPERATORS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_PLACES = ("contains", "startswith", "endswith")
#: texts that a platform cannot tell from a missing value, by what a missing value is there
NOTHING_THERE = {"empty": ("",), "null-text": ("null",), "absent": ()}


@dataclass(frozen=True)
class Place:
    """Where a rule is lowered to: a view of records, the native types, and what a missing value looks like."""

    view: View
    types: Mapping[str, str]
    missing: str
    #: fields that some view has a column for: where this one has none, they are missing
    elsewhere: frozenset[str] = frozenset()

    def gone(self, field: str) -> tuple[str, ...]:
        """The texts of a field that every kind of the view leaves out: asking for them asks for nothing to be there."""
        left_out = dropped(self.view.kinds, field)
        return (*NOTHING_THERE[self.missing], *sorted(left_out)) if left_out else NOTHING_THERE[self.missing]


def lower(section: DetectionSection, place: Place) -> Condition:
    """The condition of a rule, constants folded. Raises Unsupported with the feature that is missing."""
    selections = {
        name: any_of(all_of(_item(item, place) for item in group) for group in groups)
        for name, groups in section.selections.items()
        if name not in section.unused
    }
    return _combined(section.condition, selections)


def _combined(condition: RuleCondition, selections: Mapping[str, Condition]) -> Condition:
    if isinstance(condition, Selection):
        return selections[condition.name]
    if isinstance(condition, Negated):
        return negated(_combined(condition.part, selections))
    parts = [_combined(part, selections) for part in condition.parts]
    return all_of(parts) if isinstance(condition, AllOf) else any_of(parts)


def _item(item: Item, place: Place) -> Condition:
    if item.field is None:
        raise Unsupported(
            "keywords search whole events, which this target does not keep as text",
            "keyword",
            item.where,
            hint="name the fields to search in",
        )
    try:
        link = all_of if "all" in item.modifiers else any_of
        found = link(_value(item, value, place) for value in item.values)
    except Unsupported as error:
        raise Unsupported(error.message, error.feature, error.where or item.where, error.hint) from error
    except (OutOfFragment, QueryError) as error:
        raise Unsupported(error.message, "regex", item.where, error.hint or "rewrite the expression") from error
    return negated(found) if "neq" in item.modifiers else found


def _value(item: Item, value: Value, place: Place) -> Condition:
    field = item.field or ""
    if field in place.view.fixed:
        return TRUE if decided(item, value, place.view.fixed[field]) else FALSE
    columns = place.view.columns.get(field, ())
    if not columns and field in place.elsewhere:
        return TRUE if decided(item, value, None) else FALSE
    if not columns:
        hint = "the platform does not record it for this log source"
        raise Unsupported(f"the field {field!r} has no column here", f"field {field}", hint=hint)
    if value is None or "exists" in item.modifiers:
        gone = _missing(columns, place)
        return gone if value is None or value is False else negated(gone)
    if "fieldref" in item.modifiers:
        return _same_as(item, str(value), place)
    if "cidr" in item.modifiers:
        return any_of(InNetworks(column.name, (str(value),)) for column in _whole(field, columns))
    if "re" in item.modifiers:
        return _regex(item, str(value), place)
    operator = next((_OPERATORS[modifier] for modifier in item.modifiers if modifier in _OPERATORS), None)
    if operator is not None:
        return _compare(field, operator, value, place)
    return _equals(item, value, place)


def _whole(field: str, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns that hold the whole value, each once. Raises Unsupported where only parts of it are kept."""
    names = {column.name: column for column in columns if is_whole(column.derive)}
    if not names:
        kept = ", ".join(column.name for column in columns)
        raise Unsupported(
            f"of {field} only a part is recorded ({kept})", f"field {field}", hint="test its last component"
        )
    return tuple(names.values())[:1]


def _missing(columns: tuple[Column, ...], place: Place) -> Condition:
    """No column of the field holds anything; one that is always filled when the field is there says it alone."""
    for column in columns:
        if is_whole(column.derive) or column.derive in ("basename", "leaf", "posix_basename"):
            return Missing(column.name)
    return all_of(Missing(column.name) for column in columns)


def _equals(item: Item, value: Value, place: Place) -> Condition:
    field, columns = item.field or "", place.view.columns[item.field or ""]
    cased = "cased" in item.modifiers
    if isinstance(value, (int, float)):
        whole = next((c for c in columns if is_whole(c.derive)), None)
        if whole is not None and place.types.get(whole.name, "string") in NUMERIC_TYPES:
            return NumberIn(whole.name, (_integer(field, value),))
        value = str(value)
    tests = [_text_test(field, one, columns, cased, place) for one in patterns(str(value), item.modifiers)]
    return any_of(tests)


def _text_test(field: str, wanted: Pattern, columns: tuple[Column, ...], cased: bool, place: Place) -> Condition:
    if wanted.shape == "equals" and wanted.text in place.gone(field):
        return _missing(columns, place)
    if wanted.shape == "any":
        return negated(_missing(columns, place))
    whole = next((c for c in columns if is_whole(c.derive)), None)
    if whole is None:
        return derived_match(field, wanted, columns, cased, place.types)
    type_ = place.types.get(whole.name, "string")
    if type_ in NUMERIC_TYPES:
        return _numeric(whole.name, wanted)
    if type_ == "ip":
        return _address(whole.name, wanted)
    if cased and (any_case(place.view.kinds, field) or not any(map(str.isalpha, wanted.characters))):
        cased = False
    found = (recoded(wanted, name) for name in recodings(place.view.kinds, field))
    return any_of(derived_match(field, one, columns, cased, place.types) for one in dict.fromkeys(found))


def _integer(field: str, number: int | float) -> int:
    if int(number) != number:
        raise Unsupported(f"{field} holds whole numbers, not {number}", "fraction")
    return int(number)


def _numeric(column: str, wanted: Pattern) -> Condition:
    if wanted.shape == "equals" and wanted.text.isdecimal():
        return NumberIn(column, (int(wanted.text),))
    raise Unsupported(
        f"{column} is a number here: no pattern can be matched against it", "numeric pattern", hint="list the numbers"
    )


def _address(column: str, wanted: Pattern) -> Condition:
    """On a column of addresses: one address, or a prefix that ends at an octet."""
    text, network = wanted.text, ""
    octets = text.rstrip(".").split(".")
    if wanted.shape == "equals" and "%" not in text:  # no zone: what is recorded has none
        network = f"{text}/{128 if ':' in text else 32}"
    elif wanted.shape == "startswith" and text.endswith(".") and len(octets) < 4:
        network = f"{'.'.join([*octets, *['0'] * (4 - len(octets))])}/{8 * len(octets)}"
    with suppress(ValueError):  # no address at all, or the beginning of none
        ipaddress.ip_network(network)
        return InNetworks(column, (network,))
    raise Unsupported(
        f"{column} holds addresses, not text: {text!r} cannot be matched", "address pattern", hint="use |cidr"
    )


def _compare(field: str, operator: str, value: Value, place: Place) -> Condition:
    (column,) = _whole(field, place.view.columns[field])
    if place.types.get(column.name) not in NUMERIC_TYPES or not isinstance(value, (int, float)):
        raise Unsupported(f"{field} is not compared as a whole number here", "comparison")
    return Compare(column.name, operator, _integer(field, value))


def _regex(item: Item, text: str, place: Place) -> Condition:
    field = item.field or ""
    (column,) = _whole(field, place.view.columns[field])
    if place.types.get(column.name) in (*NUMERIC_TYPES, "ip"):
        raise Unsupported(f"{field} is not text here: no expression can be matched against it", "numeric pattern")
    expression = _expression(item, text, column.name)
    if any_case(place.view.kinds, field) and not expression.ignore_case:
        if _excludes_letters(text):
            raise Unsupported(
                f"{field} is kept in any case here, of which a class that leaves letters out says nothing",
                "negated letters",
                hint="add the modifier i",
            )
        expression = replace(expression, ignore_case=True)
    if takes_any_text(expression):
        return negated(_missing(place.view.columns[field], place))
    if asks_for_one_of(expression, place.gone(field)):
        return _missing(place.view.columns[field], place)
    recoded_regex(expression, recodings(place.view.kinds, field))
    return regex_in_forms(expression, place.view.columns[field])


def _excludes_letters(text: str) -> bool:
    """Whether an expression has a negated class with letters in it."""
    return _NEGATED_LETTERS.search(re.sub(r"\\.", "", text)) is not None


def _expression(item: Item, text: str, column: str) -> Regex:
    inline = _INLINE_FLAGS.match(text)
    # written inside or as modifiers, they mean the same; as fields of the condition every writer sees them
    letters = (inline[1] if inline else "") + "".join(m for m in item.modifiers if m in ("i", "m", "s"))
    body = text[inline.end() :] if inline else text
    return Regex(column, body, "i" in letters, "m" in letters, "s" in letters)


def _same_as(item: Item, other: str, place: Place) -> Condition:
    field = item.field or ""
    if not place.view.columns.get(other):
        raise Unsupported(f"the field {other!r} has no column here", f"field {other}")
    one, its = (_whole(name, place.view.columns[name])[0] for name in (field, other))
    if {place.types.get(one.name), place.types.get(its.name)} & {*NUMERIC_TYPES, "ip"}:
        raise Unsupported("only text fields are compared with each other", "fieldref numeric")
    if any(recodings(place.view.kinds, name) != ("",) for name in (field, other)):
        raise Unsupported(f"{field} and {other} are written in another encoding here", "fieldref encoded")
    how = next((modifier for modifier in item.modifiers if modifier in _PLACES), "equals")
    cased = "cased" in item.modifiers and not (any_case(place.view.kinds, field) or any_case(place.view.kinds, other))
    return SameAs(one.name, its.name, how, cased)
