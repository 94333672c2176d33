"""IP addresses and CIDR blocks as an Elasticsearch `ip` field understands them."""

from __future__ import annotations

import ipaddress

from converter.core.errors import QueryError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED, _ALL_IPV4 = ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv4Network("0.0.0.0/0")


def networks(text: str) -> tuple[Network, ...]:
    """The network of an address or CIDR block (host bits are dropped), with the IPv4 addresses it covers as IPv4.

    An `ip` field stores IPv4 addresses mapped into IPv6 (::ffff:0:0/96), so that a mapped address is that IPv4 address
    and a block as wide as ::/1 covers all of IPv4; a block of mapped addresses is refused:
    https://lucene.apache.org/core/10_1_0/core/org/apache/lucene/document/InetAddressPoint.html
    """
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise QueryError(f"EQL: {text!r} is not an IP address or CIDR block") from error
    if isinstance(found, ipaddress.IPv4Network):
        return (found,)
    mapped = found.network_address.ipv4_mapped
    if mapped is not None and found.prefixlen < 128:
        raise QueryError(f"EQL: CIDR notation is not allowed with the IPv6-mapped address {text!r}")
    if mapped is not None:
        return (ipaddress.ip_network(mapped),)
    return (found, _ALL_IPV4) if found.supernet_of(_MAPPED) else (found,)
