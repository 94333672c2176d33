"""The IP functions of KQL as sets of addresses. Each answers null on a value that is no address of its version.

https://learn.microsoft.com/kusto/query/ipv4-is-in-any-range-function and its siblings: null when a string does not
convert. The ipv6 functions take IPv4 text too and compare it as `::ffff:a.b.c.d`, an IPv4 prefix counting from bit 96:
https://learn.microsoft.com/kusto/query/ipv6-is-match-function says and shows so; the pages of `ipv6_is_in_range` and
`ipv6_is_in_any_range` name IPv6 only, and are assumed to convert the way their sibling and `parse_ipv6` do.
Assumed too: a column holds plain addresses, without a `/prefix` of their own.
"""

from __future__ import annotations

import ipaddress

from converter.core.errors import OutOfFragment
from converter.dialects.kql.truth import NULL, Truth
from converter.semantics.decide.predicate import FALSE, Addresses, Atom, Predicate

_Interval = tuple[int, int]
_MAPPED = 0xFFFF << 32
_SPACE = {4: (1 << 32) - 1, 6: (1 << 128) - 1}
#: RFC 1918, as https://learn.microsoft.com/kusto/query/ipv4-is-private-function lists it.
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def address_test(column: str, version: int, ranges: tuple[str, ...], prefix: int | None = None) -> Truth:
    """Whether the column's address is in one of `ranges`; `prefix` shortens all of them as `ipvN_is_match` does.

    A range that the function cannot convert makes the answer null; raises OutOfFragment where only some of several
    cannot, which no documentation settles.
    """
    intervals = [_interval(text, version, prefix) for text in ranges]
    good = [interval for interval in intervals if interval is not None]
    if not good:
        return NULL
    if len(good) < len(intervals):
        bad = next(text for text, interval in zip(ranges, intervals, strict=True) if interval is None)
        raise OutOfFragment(f"{bad!r} is no IPv{version} range, unlike others in its list")
    inside = _merged(good)
    return Truth(_atom(column, version, inside), _atom(column, version, _outside(inside, _SPACE[version])))


def _interval(text: str, version: int, prefix: int | None) -> _Interval | None:
    _check_spelling(text)
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
        if prefix is not None:
            prefix = prefix if version == network.version else prefix - 96
            if prefix < 0:
                return None
            length = min(prefix, network.prefixlen)
            network = ipaddress.ip_network(f"{network.network_address}/{length}", strict=False)
    except ValueError:
        return None
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.version == version:
        return first, last
    return (first + _MAPPED, last + _MAPPED) if version == 6 else None


def _check_spelling(text: str) -> None:
    """Refuses IPv6 ranges that end in a dotted quad, except a whole `::ffff:a.b.c.d`.

    The page of `ipv6_is_match` shows `::192.168.1.1/30` in the network of `192.168.1.255/24`: neither the bits before
    the quad nor the prefix length count as the notation says, and nothing documents how they do.
    """
    if ":" in text and "." in text and ("/" in text or not text.strip().lower().startswith("::ffff:")):
        hint = "write the last four bytes as two hexadecimal groups, such as ::ffff:a00:0/104"
        raise OutOfFragment(f"an IPv6 range with a dotted tail, {text!r}", hint=hint)


def _merged(intervals: list[_Interval]) -> list[_Interval]:
    merged: list[_Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _outside(intervals: list[_Interval], top: int) -> list[_Interval]:
    out, start = [], 0
    for first, last in intervals:
        if start < first:
            out.append((start, first - 1))
        start = last + 1
    return [*out, (start, top)] if start <= top else out


def _atom(column: str, version: int, intervals: list[_Interval]) -> Predicate:
    ranges = [(version, first, last) for first, last in intervals]
    if version == 6:
        mapped = ((max(first, _MAPPED), min(last, _MAPPED + _SPACE[4])) for first, last in intervals)
        ranges = [(4, first - _MAPPED, last - _MAPPED) for first, last in mapped if first <= last] + ranges
    return Atom(column, Addresses(tuple(ranges))) if ranges else FALSE
