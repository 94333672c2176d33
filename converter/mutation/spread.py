"""A fixed sample of a query's mutants, a few of every operator rather than many of the most frequent."""

from __future__ import annotations

import random
from collections.abc import Sequence

from converter.mutation.mutate import Mutant


def spread(found: Sequence[Mutant], seed: str, count: int) -> list[Mutant]:
    """At most `count` mutants; the same for the same seed."""
    shuffled = random.Random(seed).sample(list(found), len(found))
    rank: dict[str, int] = {}
    order: list[tuple[int, int, Mutant]] = []
    for mutant in shuffled:
        rank[mutant.operator] = rank.get(mutant.operator, 0) + 1
        order.append((rank[mutant.operator], len(order), mutant))
    return [mutant for _, _, mutant in sorted(order, key=lambda item: item[:2])[:count]]
