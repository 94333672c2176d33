"""Ranges of addresses, whichever way an address is written."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from converter.core.addresses import both_spellings, mapped, spellings

V4 = st.integers(0, 2**32 - 1)
MAPPED = 0xFFFF << 32


@given(V4, V4)
def test_an_ipv4_address_and_its_mapped_form_are_in_or_out_together(a: int, b: int) -> None:
    """Closing a range adds exactly the mapped form of each of its addresses, and closing twice adds nothing."""
    low, high = sorted((a, b))
    closed = both_spellings([(4, low, high)])
    assert closed == ((4, low, high), (6, MAPPED + low, MAPPED + high))
    assert both_spellings(closed) == closed
    assert both_spellings([(6, MAPPED + low, MAPPED + high)]) == closed


def test_ranges_are_merged_and_a_wide_ipv6_range_holds_all_ipv4() -> None:
    """Neighbouring ranges become one, and ::/0 covers every IPv4 address."""
    assert both_spellings([(4, 0, 9), (4, 10, 20)]) == ((4, 0, 20), (6, MAPPED, MAPPED + 20))
    assert both_spellings([(6, 0, 2**128 - 1)]) == ((4, 0, 2**32 - 1), (6, 0, 2**128 - 1))


@given(V4, st.integers(0, 32))
def test_the_mapped_range_holds_the_mapped_addresses_and_no_others(address: int, length: int) -> None:
    """`mapped` writes a range that Python reads back as the IPv4 range shifted into ::ffff:0:0/96."""
    network = ipaddress.IPv4Network((address, length), strict=False)
    found = ipaddress.IPv6Network(mapped(network))
    assert int(found.network_address) == MAPPED + int(network.network_address)
    assert found.num_addresses == network.num_addresses
    assert spellings((str(network),)) == [str(network), mapped(network)]
