"""IP ranges in the spellings that platforms keep apart."""

from __future__ import annotations

import ipaddress


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
