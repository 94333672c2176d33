"""The scalar functions of KQL that have a meaning here; https://learn.microsoft.com/kusto/query/scalar-functions"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from converter.core.errors import OutOfFragment, QueryError
from converter.core.platform import DYNAMIC
from converter.dialects.kql.addresses import PRIVATE, address_test
from converter.dialects.kql.comparisons import as_truth, is_empty, is_null
from converter.dialects.kql.truth import NULL, Truth, chosen, first_known, known, opposite, settled
from converter.dialects.kql.values import NUMBERS, Constant, Field, Listing, Moment, Value, type_of

#: Functions of KQL that are common in detections and mean nothing in predicates.
_OUTSIDE_NAMES = """
    abs array_concat array_index_of array_length array_slice around bag_has_key bag_keys base64_decode_tostring
    base64_encode_tostring bin binary_and column_ifexists column_name count_of countof datetime_add datetime_diff
    datetime_part dayofweek endofday extract extract_all extract_json extractjson floor format_datetime
    format_ipv4 format_ipv4_mask format_timespan geo_info_from_ip_address getyear has_any_index has_any_ipv4
    has_any_ipv4_prefix has_ipv4 has_ipv4_prefix hash hash_md5 hash_sha1 hash_sha256 hourofday indexof ingestion_time
    ipv4_compare ipv4_netmask_suffix ipv4_range_to_cidr_list ipv6_compare isascii isutf8 jaccard_index make_datetime
    make_list make_set materialize max_of min_of new_guid pack pack_all pack_array parse_command_line parse_csv
    parse_ipv4 parse_ipv4_mask parse_ipv6 parse_ipv6_mask parse_json parse_path parse_url parse_urlquery parse_version
    parse_xml parsejson punycode_from_string rand replace replace_regex replace_string reverse round row_number
    set_difference set_has_element set_intersect set_union split startofday startofweek strcat_array strcat_delim
    strcmp string_size strlen strrep substring table todatetime todecimal todouble todynamic toguid toobject toreal
    toscalar totimespan translate treepath trim trim_end trim_start typeof unicode_codepoints_from_string
    unixtime_seconds_todatetime url_decode url_encode url_encode_component zip workspace database cluster app
"""
_OUTSIDE = frozenset(_OUTSIDE_NAMES.split())


def call(function: str, arguments: list[Value], line: int) -> Value:
    """The value of one call. Raises QueryError for an unknown function or wrong arguments, else OutOfFragment."""
    if function in _FUNCTIONS:
        low, high, body = _FUNCTIONS[function]
        if not low <= len(arguments) <= high:
            raise QueryError(f"`{function}` does not take {len(arguments)} arguments", f"line {line}")
        return body(arguments, line)
    if function in _OUTSIDE:
        raise OutOfFragment(f"`{function}` has no meaning here", f"line {line}")
    near = difflib.get_close_matches(function, [*_FUNCTIONS, *_OUTSIDE], 1)
    raise QueryError(f"unknown function `{function}`", f"line {line}", f"did you mean `{near[0]}`?" if near else "")


def _not(arguments: list[Value], line: int) -> Value:
    return opposite(settled(as_truth(arguments[0], line), line))


def _isempty(arguments: list[Value], line: int) -> Value:
    return is_empty(arguments[0], line)


def _isnotempty(arguments: list[Value], line: int) -> Value:
    return opposite(is_empty(arguments[0], line))


def _isnull(arguments: list[Value], line: int) -> Value:
    if isinstance(arguments[0], Truth):
        return opposite(known(settled(arguments[0], line)))
    return is_null(arguments[0], line)


def _isnotnull(arguments: list[Value], line: int) -> Value:
    answer = _isnull(arguments, line)
    assert isinstance(answer, Truth)
    return opposite(answer)


def _coalesce(arguments: list[Value], line: int) -> Value:
    if any(type_of(argument) != "bool" for argument in arguments):
        raise OutOfFragment("`coalesce` of anything but conditions", f"line {line}")
    return first_known([as_truth(argument, line) for argument in arguments], line)


def _iff(arguments: list[Value], line: int) -> Value:
    if any(type_of(argument) != "bool" for argument in arguments[1:]):
        raise OutOfFragment("`iff` that chooses anything but conditions", f"line {line}")
    return chosen(*(as_truth(argument, line) for argument in arguments))


def _case(arguments: list[Value], line: int) -> Value:
    """https://learn.microsoft.com/kusto/query/case-function"""
    if len(arguments) % 2 == 0:
        raise QueryError("`case` lacks its value for no case at all", f"line {line}")
    answer = arguments[-1]
    for at in range(len(arguments) - 3, -1, -2):
        answer = _iff([arguments[at], arguments[at + 1], answer], line)
    return answer


def _folded(case: str) -> Callable[[list[Value], int], Value]:
    def fold(arguments: list[Value], line: int) -> Value:
        value = arguments[0]
        if isinstance(value, Constant) and value.type == "string":
            return Constant(str(value.value).lower() if case == "lower" else str(value.value).upper(), "string")
        if isinstance(value, Field) and value.type == "string":
            return Field(value.column, "string", case)
        if isinstance(value, Field) and value.spelled:
            return value
        raise OutOfFragment(f"`to{case}` of a {type_of(value)}", f"line {line}")

    return fold


def _tostring(arguments: list[Value], line: int) -> Value:
    """https://learn.microsoft.com/kusto/query/tostring-function: null becomes the empty string."""
    value = arguments[0]
    if type_of(value) == "string":
        return value
    if isinstance(value, Field) and value.type in NUMBERS:
        return Field(value.column, value.type, spelled=True)
    if isinstance(value, Field) and value.type == DYNAMIC and "." in value.column:
        return Field(value.column, "string")
    if isinstance(value, Constant) and value.type in NUMBERS:
        return Constant("" if value.value is None else str(value.value), "string")
    raise OutOfFragment(f"`tostring` of a {type_of(value)}", f"line {line}")


def _tonumber(arguments: list[Value], line: int) -> Value:
    if type_of(arguments[0]) in NUMBERS:
        return arguments[0]
    raise OutOfFragment(f"a {type_of(arguments[0])} converted to a number", f"line {line}")


def _strcat(arguments: list[Value], line: int) -> Value:
    parts = [argument for argument in arguments if argument != Constant("", "string")]
    if len(parts) == 1 and type_of(parts[0]) == "string":
        return parts[0]
    if all(isinstance(part, Constant) and part.type == "string" for part in parts):
        return Constant("".join(str(part.value) for part in parts if isinstance(part, Constant)), "string")
    raise OutOfFragment("`strcat` of columns with other text", f"line {line}")


def _ago(arguments: list[Value], line: int) -> Value:
    """https://learn.microsoft.com/kusto/query/ago-function"""
    span = arguments[0]
    if isinstance(span, Constant) and span.type == "timespan" and isinstance(span.value, int | float):
        return Moment(float(span.value))
    raise QueryError(f"`ago` takes a timespan, not a {type_of(span)}", f"line {line}", "write for example ago(24h)")


def _now(arguments: list[Value], line: int) -> Value:
    """https://learn.microsoft.com/kusto/query/now-function: an argument is added to the present."""
    if not arguments:
        return Moment(0.0)
    since = _ago(arguments, line)
    assert isinstance(since, Moment)
    return Moment(-since.minutes)


def _column(value: Value, function: str, line: int) -> str:
    if isinstance(value, Field) and type_of(value) == "string" and not value.spelled:
        return value.column
    if isinstance(value, Field) and value.type != "string":
        raise QueryError(f"`{function}` takes a string, not a {type_of(value)}", f"line {line}")
    raise OutOfFragment(f"`{function}` of anything but a column", f"line {line}")


def _ranges(values: list[Value], function: str, line: int) -> tuple[str, ...]:
    texts: list[str] = []
    for value in values:
        for item in value.items if isinstance(value, Listing) else (value,):
            if not isinstance(item, Constant):
                raise OutOfFragment(f"`{function}` with a range that varies", f"line {line}")
            if item.type != "string":
                raise QueryError(f"`{function}` takes ranges as strings", f"line {line}")
            texts.append(str(item.value))
    return tuple(texts)


def _is_blank(value: Value) -> bool:
    """The empty string, also where `union` put it for a column that a leg lacks: no address, so the answer is null."""
    return isinstance(value, Constant) and value.value == ""


def _in_range(version: int, function: str) -> Callable[[list[Value], int], Value]:
    def test(arguments: list[Value], line: int) -> Value:
        if _is_blank(arguments[0]):
            return NULL
        column = _column(arguments[0], function, line)
        if isinstance(arguments[1], Listing) and not arguments[1].items:
            raise OutOfFragment(f"`{function}` of no range at all", f"line {line}")
        return address_test(column, version, _ranges(arguments[1:], function, line))

    return test


def _is_match(version: int, function: str) -> Callable[[list[Value], int], Value]:
    def test(arguments: list[Value], line: int) -> Value:
        if _is_blank(arguments[0]):
            return NULL
        column = _column(arguments[0], function, line)
        prefix = arguments[2].value if len(arguments) > 2 and isinstance(arguments[2], Constant) else None
        if len(arguments) > 2 and (not isinstance(prefix, int) or isinstance(prefix, bool)):
            raise OutOfFragment(f"`{function}` with a prefix that is no whole number", f"line {line}")
        assert prefix is None or isinstance(prefix, int)
        return address_test(column, version, _ranges(arguments[1:2], function, line), prefix)

    return test


def _is_private(arguments: list[Value], line: int) -> Value:
    if _is_blank(arguments[0]):
        return NULL
    return address_test(_column(arguments[0], "ipv4_is_private", line), 4, PRIVATE)


def _bool(arguments: list[Value], line: int) -> Value:
    if type_of(arguments[0]) != "bool":
        raise OutOfFragment(f"a {type_of(arguments[0])} converted to a bool", f"line {line}")
    return as_truth(arguments[0], line)


_MANY = 1_000_000
_FUNCTIONS: dict[str, tuple[int, int, Callable[[list[Value], int], Value]]] = {
    "not": (1, 1, _not),
    "isempty": (1, 1, _isempty),
    "isnotempty": (1, 1, _isnotempty),
    "notempty": (1, 1, _isnotempty),
    "isnull": (1, 1, _isnull),
    "isnotnull": (1, 1, _isnotnull),
    "notnull": (1, 1, _isnotnull),
    "coalesce": (2, 64, _coalesce),
    "iff": (3, 3, _iff),
    "iif": (3, 3, _iff),
    "case": (3, _MANY, _case),
    "tolower": (1, 1, _folded("lower")),
    "toupper": (1, 1, _folded("upper")),
    "tostring": (1, 1, _tostring),
    "toint": (1, 1, _tonumber),
    "tolong": (1, 1, _tonumber),
    "tobool": (1, 1, _bool),
    "strcat": (1, 64, _strcat),
    "ago": (1, 1, _ago),
    "now": (0, 1, _now),
    "ipv4_is_private": (1, 1, _is_private),
    "ipv4_is_in_range": (2, 2, _in_range(4, "ipv4_is_in_range")),
    "ipv4_is_in_any_range": (2, _MANY, _in_range(4, "ipv4_is_in_any_range")),
    "ipv4_is_match": (2, 3, _is_match(4, "ipv4_is_match")),
    "ipv6_is_in_range": (2, 2, _in_range(6, "ipv6_is_in_range")),
    "ipv6_is_in_any_range": (2, _MANY, _in_range(6, "ipv6_is_in_any_range")),
    "ipv6_is_match": (2, 3, _is_match(6, "ipv6_is_match")),
}
