"""Tests of text on a column that keeps addresses: which addresses are meant.

An `ip` field has no spellings (https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/ip), so a text
stands for its address, and the start of a dotted address up to a dot for the network of all that begin so.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

from converter.core.addresses import both_spellings
from converter.platforms.texts import literal_of
from converter.semantics.decide.predicate import Addresses, Atom, Predicate, Present, Strings
from converter.semantics.regular.language import ANY_STRING

_START = re.compile(r"(?:\d{1,3}\.){1,3}")


def as_networks(item: Atom) -> Predicate:
    """The test over addresses where its text names an address or a whole network, else as it is."""
    if not isinstance(item.values, Strings):
        return item
    if item.values.language == ANY_STRING:
        return Atom(item.field, Present())
    found = literal_of(item.values.language)
    if found is None or found.open_start:
        return item
    network = _network(found.text, found.open_end)
    return item if network is None else Atom(item.field, Addresses(both_spellings([network])))


def _network(text: str, open_end: bool) -> tuple[int, int, int] | None:
    """(version, first, last) of what a text, or all texts that begin with it, stand for."""
    try:
        if not open_end:
            address = ip_address(text)
            return address.version, int(address), int(address)
        if not _START.fullmatch(text):
            return None
        octets = text.rstrip(".").split(".")
        network = ip_network(f"{'.'.join([*octets, *['0'] * (4 - len(octets))])}/{8 * len(octets)}")
    except ValueError:
        return None
    return 4, int(network[0]), int(network[-1])
