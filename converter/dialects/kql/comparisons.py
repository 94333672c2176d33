"""One operator between two values, as a Truth: strings against needles, numbers against numbers, columns pairwise."""

from __future__ import annotations

import operator as operators
import re

from converter.core.errors import OutOfFragment, QueryError
from converter.dialects.kql.text import empty, needle_language, text_in
from converter.dialects.kql.truth import NO, NULL, YES, Truth, certain, settled, unless
from converter.dialects.kql.values import NUMBERS, Constant, Field, Value, type_of
from converter.semantics.decide.evaluate import matches
from converter.semantics.decide.predicate import (
    FALSE,
    Atom,
    Numbers,
    Predicate,
    Present,
    SameAs,
    Strings,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.regular.flavours import from_kql_regex
from converter.semantics.regular.language import EMPTY_STRING, Language, literal

_ORDER = {"<": operators.lt, "<=": operators.le, ">": operators.gt, ">=": operators.ge}
_MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def compare(operator: str, left: Value, right: Value, line: int) -> Truth:
    """`left operator right` for `== != < <= > >=` and every string operator.

    Raises QueryError where Kusto rejects the types (a number against a string) and OutOfFragment for operands or
    types that the predicates do not cover.
    """
    negated = operator.startswith("!")
    if operator in ("==", "!="):
        return unless(_equal(left, right, line), negated)
    if operator in _MIRROR:
        return _ordered(operator, left, right, line)
    kind, ignore_case = _string_operator(operator)
    return unless(text_test(kind, ignore_case, left, right, line), negated)


def _string_operator(operator: str) -> tuple[str, bool]:
    if operator in ("=~", "!~"):
        return "equals", True
    if operator == "matches regex":
        return operator, False
    name = operator.removeprefix("!")
    return name.removesuffix("_cs"), not name.endswith("_cs")


def _equal(left: Value, right: Value, line: int) -> Truth:
    types = type_of(left), type_of(right)
    if types == ("string", "string"):
        return text_test("equals", False, left, right, line)
    if "string" in types and (types[0] in (*NUMBERS, "real") or types[1] in (*NUMBERS, "real")):
        raise QueryError(f"a {types[0]} and a {types[1]} cannot be compared", f"line {line}", "match the column's type")
    if "bool" in types:
        return _equal_bool(left, right, line)
    if isinstance(left, Constant):
        left, right = right, left
    if isinstance(left, Constant) and isinstance(right, Constant) and types[0] in NUMBERS and types[1] in NUMBERS:
        if left.value is None and right.value is None:
            return NULL
        return certain_if(left.value == right.value)
    if isinstance(left, Field) and isinstance(right, Constant) and type_of(left) in NUMBERS:
        if right.value is None:  # null == null is null, null == 5 is false
            return Truth(FALSE, Atom(left.column, Present()))
        number = _whole(right, line)
        return certain(Atom(left.column, Numbers(((number, number),))))
    raise OutOfFragment(f"comparing a {types[0]} with a {types[1]} here", f"line {line}")


def certain_if(answer: bool) -> Truth:
    return YES if answer else NO


def _equal_bool(left: Value, right: Value, line: int) -> Truth:
    if isinstance(left, Constant):
        left, right = right, left
    if not isinstance(right, Constant) or not isinstance(right.value, bool):
        raise OutOfFragment("a bool compared with anything but true or false", f"line {line}")
    condition = as_truth(left, line)  # null == true is false, not null
    return certain(condition.true if right.value else settled(condition, line).false)


def as_truth(value: Value, line: int) -> Truth:
    """A value where a condition is wanted. Raises QueryError when its type is not bool."""
    if isinstance(value, Truth):
        return value
    if isinstance(value, Constant) and value.type == "bool":
        return NULL if value.value is None else certain_if(value.value is True)
    if isinstance(value, Field) and value.type == "bool" and not value.spelled:
        true, false = (Atom(value.column, Strings(literal(word, False))) for word in ("true", "false"))
        return Truth(true, false)
    raise QueryError(f"expected a condition, found a {type_of(value)}", f"line {line}")


def _whole(constant: Constant, line: int) -> int:
    if isinstance(constant.value, float) and constant.value.is_integer():
        return int(constant.value)
    if isinstance(constant.value, int) and not isinstance(constant.value, bool):
        return constant.value
    raise OutOfFragment(f"a number column compared with {constant.value!r}", f"line {line}")


def _ordered(operator: str, left: Value, right: Value, line: int) -> Truth:
    """Ordering with null on either side is null."""
    types = type_of(left), type_of(right)
    if "string" in types:
        raise OutOfFragment("ordering strings", f"line {line}")
    if isinstance(left, Constant):
        left, right, operator = right, left, _MIRROR[operator]
    if isinstance(left, Constant) and isinstance(right, Constant) and {*types} <= {*NUMBERS}:
        if left.value is None or right.value is None:
            return NULL
        return certain_if(_ORDER[operator](_whole(left, line), _whole(right, line)))
    if not isinstance(left, Field) or not isinstance(right, Constant) or type_of(left) not in NUMBERS:
        raise OutOfFragment(f"ordering a {types[0]} against a {types[1]} here", f"line {line}")
    if right.value is None:
        return NULL
    at = _whole(right, line)
    below, above = (at if operator in ("<=", ">") else at - 1), (at + 1 if operator in ("<=", ">") else at)
    low = Atom(left.column, Numbers(((None, below),)))
    high = Atom(left.column, Numbers(((above, None),)))
    return Truth(low, high) if operator in ("<", "<=") else Truth(high, low)


def text_test(kind: str, ignore_case: bool, left: Value, right: Value, line: int) -> Truth:
    """A string operator without its negation; never null."""
    for side in (left, right):
        if type_of(side) in (*NUMBERS, "real", "bool", "datetime"):
            if kind == "equals":
                raise QueryError(f"a {type_of(side)} where a string is compared", f"line {line}")
            raise OutOfFragment(f"`{kind}` on a {type_of(side)}", f"line {line}")
        if type_of(side) != "string":
            raise OutOfFragment(f"`{kind}` on a {type_of(side)}", f"line {line}")
    if isinstance(left, Field) and isinstance(right, Field):
        return _pair(kind, ignore_case, left, right, line)
    if isinstance(left, Constant) and isinstance(right, Field):
        if kind != "equals":
            raise OutOfFragment(f"a constant on the left of `{kind}`", f"line {line}")
        left, right = right, left
    if not isinstance(right, Constant):
        raise OutOfFragment(f"`{kind}` against a computed string", f"line {line}")
    needle = str(right.value)
    if isinstance(left, Constant):
        return certain_if(matches(_language(kind, needle, ignore_case, line), str(left.value)))
    if not isinstance(left, Field):
        raise OutOfFragment(f"`{kind}` of a computed string", f"line {line}")
    return certain(_field_test(kind, ignore_case, left, needle, line))


def _language(kind: str, needle: str, ignore_case: bool, line: int) -> Language:
    if kind != "matches regex":
        return needle_language(kind, needle, ignore_case)
    try:
        return from_kql_regex(needle)
    except OutOfFragment as error:
        raise OutOfFragment(error.message, error.where or f"line {line}", error.hint) from None


def _field_test(kind: str, ignore_case: bool, field: Field, needle: str, line: int) -> Predicate:
    if field.case and not ignore_case:
        if kind == "matches regex":
            raise OutOfFragment(f"`matches regex` on to{field.case}()", f"line {line}")
        if needle != (needle.lower() if field.case == "lower" else needle.upper()):
            return FALSE  # a letter of the other case is never found in it
        ignore_case = True
    if field.spelled and field.type in NUMBERS and kind == "equals":
        return _spelled_number(field.column, needle)
    return text_in(field.column, _language(kind, needle, ignore_case, line))


def _spelled_number(column: str, needle: str) -> Predicate:
    """`tostring(number) == needle`; null is spelled as the empty string."""
    if not needle:
        return negation(Atom(column, Present()))
    if not re.fullmatch(r"0|-?[1-9][0-9]*", needle):
        return FALSE
    return Atom(column, Numbers(((int(needle), int(needle)),)))


def _pair(kind: str, ignore_case: bool, left: Field, right: Field, line: int) -> Truth:
    """Two columns against each other; a missing one is the empty string, which everything starts with and contains."""
    if kind not in ("equals", "contains", "startswith", "endswith") or left.spelled or right.spelled:
        raise OutOfFragment(f"`{kind}` between two columns", f"line {line}")
    if left.case != right.case and not ignore_case:
        raise OutOfFragment("comparing a folded column with an unfolded one", f"line {line}")
    same: Predicate = Atom(left.column, SameAs(right.column, kind, ignore_case or bool(left.case)))
    blank = empty(right.column)
    if kind == "equals":
        return certain(disjunction([same, conjunction([empty(left.column), blank])]))
    return certain(disjunction([blank, same]))


def is_empty(value: Value, line: int) -> Truth:
    """`isempty`: the empty string, or null of any other type. https://learn.microsoft.com/kusto/query/isempty-function"""
    if isinstance(value, Field) and type_of(value) == "string":
        return certain(text_in(value.column, EMPTY_STRING))
    if isinstance(value, Constant) and value.type == "string":
        return certain_if(value.value == "")
    return is_null(value, line)


def is_null(value: Value, line: int) -> Truth:
    """`isnull`, always false of a string. https://learn.microsoft.com/kusto/query/isnull-function"""
    if type_of(value) == "string":
        return NO
    if isinstance(value, Field) and value.type in (*NUMBERS, "bool", "datetime", "guid"):
        return certain(negation(Atom(value.column, Present())))
    if isinstance(value, Constant):
        return certain_if(value.value is None)
    raise OutOfFragment(f"isnull or isempty of a {type_of(value)}", f"line {line}")
