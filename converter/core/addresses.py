"""IP ranges in the spellings that platforms keep apart."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def mapped(network: ipaddress.IPv4Network) -> str:
    """The IPv4-mapped IPv6 range of an IPv4 range (RFC 4291, 2.5.5.2), in hexadecimal groups.

    Written by hand: the dotted form that newer Pythons print is one that not every platform documents.
    """
    number = int(network.network_address)
    return f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}/{96 + network.prefixlen}"


def spellings(networks: tuple[str, ...]) -> list[str]:
    """Each range, an IPv4 range followed by its mapped form: for platforms that compare addresses as they are written.

    A range of Sigma's `cidr` means addresses, and `::ffff:10.0.0.1` is the address 10.0.0.1.
    """
    out: list[str] = []
    for text in networks:
        network = ipaddress.ip_network(text)
        out.append(text)
        if isinstance(network, ipaddress.IPv4Network):
            out.append(mapped(network))
    return list(dict.fromkeys(out))


#: version, first, last address, inclusive
Range = tuple[int, int, int]
_MAPPED_FIRST = 0xFFFF << 32
_MAPPED_LAST = _MAPPED_FIRST + 2**32 - 1


def both_spellings(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The ranges with every IPv4 address in both its spellings, sorted and merged.

    Sigma's `cidr` and Elasticsearch's `ip` fields are about addresses: `10.0.0.1` and `::ffff:10.0.0.1` are one.
    """
    found: list[Range] = []
    for version, first, last in ranges:
        found.append((version, first, last))
        if version == 4:
            found.append((6, first + _MAPPED_FIRST, last + _MAPPED_FIRST))
        else:
            low, high = max(first, _MAPPED_FIRST), min(last, _MAPPED_LAST)
            if low <= high:
                found.append((4, low - _MAPPED_FIRST, high - _MAPPED_FIRST))
    merged: list[Range] = []
    for version, first, last in sorted(found):
        if merged and merged[-1][0] == version and first <= merged[-1][2] + 1:
            merged[-1] = (version, merged[-1][1], max(merged[-1][2], last))
        else:
            merged.append((version, first, last))
    return tuple(merged)
