"""Dates, addresses and address blocks as values.

Dates are naive UTC datetimes; an IP is the integer of its 16 bytes, an IPv4 one as `::ffff:a.b.c.d`, the way Lucene
indexes it (https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/ip).
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

MAPPED_IPV4 = 0xFFFF_0000_0000


def moment(text: str) -> datetime:
    """A date as a naive datetime in UTC. Raises ValueError."""
    parsed = datetime.fromisoformat(text)
    return parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed


def address(text: str) -> int:
    """An IP address as the integer of its 16 bytes. Raises ValueError."""
    parsed = ipaddress.ip_address(text)
    return int(parsed) + (MAPPED_IPV4 if parsed.version == 4 else 0)


def block(text: str) -> tuple[int, int]:
    """The first and last address of a CIDR block (a bare address is one), as `address` counts them.

    Host bits are masked away, as https://github.com/elastic/elasticsearch (CIDRUtils) does. Raises ValueError.
    """
    network = ipaddress.ip_network(text, strict=False)
    shift = MAPPED_IPV4 if network.version == 4 else 0
    return int(network.network_address) + shift, int(network.broadcast_address) + shift
