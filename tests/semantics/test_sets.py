"""Intervals and addresses as decimal texts."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from converter.semantics.decide.evaluate import contains, matches
from converter.semantics.decide.predicate import Numbers
from converter.semantics.regular import sets

_INTEGERS = st.one_of(st.integers(-30, 30), st.integers(-70_000, 70_000))


@settings(max_examples=150, deadline=None)
@given(st.tuples(_INTEGERS, _INTEGERS), st.booleans(), st.booleans(), _INTEGERS, st.integers(0, 2))
def test_integer_texts(ends: tuple[int, int], below: bool, above: bool, number: int, zeros: int) -> None:
    """A text is in the language of an interval exactly when its number is in the interval."""
    low, high = sorted(ends)
    interval = (None if below else low, None if above else high)
    language = sets.integer_texts(interval)
    for value in (number, low, high, low - 1, high + 1, 0):
        text = ("-" if value < 0 else "") + "0" * zeros + str(abs(value))
        assert matches(language, text) == contains(Numbers((interval,)), text)
    assert matches(language, "-0") == contains(Numbers((interval,)), 0)
    for text in ("", "-", "1x", "+1", " 1"):
        assert not matches(language, text)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.sampled_from([0, 8, 16, 24]))
def test_ipv4_texts(one: int, other: int, number: int, align: int) -> None:
    """An address is in the language of a range exactly when it lies in the range."""
    low, high = sorted((one, other))
    low, high = low >> align << align, high | (1 << align) - 1
    language = sets.ipv4_texts(low, high)
    for value in (number, low, high, (low + high) // 2, max(low - 1, 0), min(high + 1, 2**32 - 1)):
        assert matches(language, sets.address_text(4, value)) == (low <= value <= high)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(_INTEGERS, _INTEGERS), max_size=4))
def test_cut_is_a_partition(pairs: list[tuple[int, int]]) -> None:
    """The parts follow each other without gap, and each lies within or outside every interval."""
    intervals = [(min(pair), max(pair)) for pair in pairs]
    parts = sets.cut(intervals)
    assert parts[0][0] is None
    assert parts[-1][1] is None
    for (_, end), (start, _) in itertools.pairwise(parts):
        assert end is not None
        assert start == end + 1
    for interval in intervals:
        inside = [part for part in parts if sets.within(part, interval)]
        assert inside[0][0] == interval[0]
        assert inside[-1][1] == interval[1]
        assert all(sets.common(part, interval) is None for part in parts if part not in inside)


def test_every_ipv6_text_is_a_lookalike() -> None:
    """The stand-in for IPv6 texts leaves none out."""
    for text in ("::", "::1", "fe80::1%eth0", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8", "FC00::", "1::8"):
        assert matches(sets.IPV6_LOOKALIKE, text)
    assert not matches(sets.IPV6_LOOKALIKE, "10.0.0.1")
