"""What Defender calls the sort of an address, and which addresses are of each sort.

https://learn.microsoft.com/en-us/defender-xdr/advanced-hunting-devicenetworkevents-table lists the values of
`RemoteIPType` but not the ranges. ASSUMPTION: those that no route leads to are Reserved, and the ranges for
documentation are Public, since the fixtures use them so. The first range that fits counts; what is in none is Public.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from itertools import pairwise

from converter.core.addresses import Range

PUBLIC = "Public"
ADDRESS_TYPES = (
    ("Broadcast", "255.255.255.255/32"),
    ("Loopback", "127.0.0.0/8 ::1/128"),
    ("FourToSixMapping", "::ffff:0:0/96"),
    ("Teredo", "2001::/32"),
    ("Private", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7"),
    ("CarrierGradeNat", "100.64.0.0/10"),
    ("Reserved", "0.0.0.0/8 169.254.0.0/16 224.0.0.0/4 240.0.0.0/4 ::/128 fe80::/10 ff00::/8"),
)
_NETWORKS = tuple((name, ipaddress.ip_network(block)) for name, blocks in ADDRESS_TYPES for block in blocks.split())
_BITS = {4: 32, 6: 128}


def address_type(text: str) -> str:
    """The sort of an address; "" for a text that is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    return _type(address.version, int(address))


def addresses_of(wanted: Callable[[str], bool]) -> tuple[Range, ...]:
    """The addresses whose sort is wanted, as sorted and disjoint ranges that do not touch."""
    found: list[Range] = []
    for name, (version, first, last) in _PIECES:
        if wanted(name):
            touches = found and found[-1][0] == version and found[-1][2] + 1 == first
            found.append((version, found.pop()[1] if touches else first, last))
    return tuple(found)


def _type(version: int, number: int) -> str:
    for name, network in _NETWORKS:
        if network.version == version and int(network[0]) <= number <= int(network[-1]):
            return name
    return PUBLIC


def _pieces() -> tuple[tuple[str, Range], ...]:
    """All addresses, cut wherever a range of the table begins or has ended."""
    out = []
    for version, bits in _BITS.items():
        own = [network for _, network in _NETWORKS if network.version == version]
        cuts = {0, 2**bits, *(int(network[0]) for network in own), *(int(network[-1]) + 1 for network in own)}
        out += [(_type(version, first), (version, first, end - 1)) for first, end in pairwise(sorted(cuts))]
    return tuple(out)


_PIECES = _pieces()
#: the sorts there are
NAMES = tuple(dict.fromkeys((PUBLIC, *(name for name, _ in ADDRESS_TYPES))))
