"""Places of a sequence that add nothing once a star behind them is reached.

Of `cmd.{0,5}x.*y` a text that has come to the star needs none of the places before it: whatever they would still read
on their way there, the star reads too. That holds where each element in between takes only characters of the star's
class, and it is what keeps the states of a search few for expressions with gaps of bounded length.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from converter.semantics.regular.sequences import ANY_STAR, COMPOUND, STAR, Sequence, class_of, compound_of


def places_before_stars(sequence: Sequence) -> Iterator[tuple[int, range]]:
    """The index of each star that makes places before it redundant, and theirs."""
    for index, element in enumerate(sequence):
        if element & 3 != STAR:
            continue
        first = index
        while first and _reads(element, sequence[first - 1]):
            first -= 1
        if first < index:
            yield index, range(first, index)


@lru_cache(maxsize=20_000)
def _reads(star: int, element: int) -> bool:
    """Whether a star takes every text that an element takes."""
    if star == ANY_STAR:
        return True
    if element & 3 == COMPOUND:
        return all(_reads(star, inner) for option in compound_of(element)[1] for inner in option)
    wide = class_of(star).ranges
    return all(any(low <= first and last <= high for low, high in wide) for first, last in class_of(element).ranges)
