"""EQL sequences as Elasticsearch matches them, over events that each stage's query has found.

Each stage keeps, for each join key, the sequences that have come so far, in order. An event of the next stage takes the
latest one before it; that one and all older ones are gone, so that a later event replaces the candidates before it, and
one that is too old for maxspan is gone as well. maxspan includes its end.
x-pack/plugin/eql/src/main/java/org/elasticsearch/xpack/eql/execution/sequence/SequenceMatcher.java (match,
exceedsMaxSpan) and OrdinalGroup.java (trimBefore) in https://github.com/elastic/elasticsearch.

An event that lacks a join key is in no sequence, unless the key is optional: then those that lack it have it in common.
https://github.com/elastic/elasticsearch/pull/79677
Events of one moment are in the order of the index here: no tiebreaker is set, and Elasticsearch then goes by the
shard's own order (https://www.elastic.co/docs/reference/query-languages/eql, "Specify a sort tiebreaker").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: when an event happened (seconds), and its place in the index
Ordinal = tuple[float, int]
Key = tuple[object, ...]


@dataclass(frozen=True)
class Found:
    """A sequence on its way: the join key and the ordinals of its events."""

    key: Key
    events: tuple[Ordinal, ...]


def sequences(stages: Sequence[Sequence[tuple[Key, Ordinal]]], maxspan: float | None) -> list[Found]:
    """The complete sequences; `stages` gives the events of each stage with their join keys, in any order."""
    waiting: dict[Key, list[Found]] = {}
    for key, ordinal in sorted(stages[0], key=lambda event: event[1]):
        waiting.setdefault(key, []).append(Found(key, (ordinal,)))
    for stage in stages[1:]:
        waiting = _advanced(waiting, stage, maxspan)
    return sorted((one for group in waiting.values() for one in group), key=lambda one: one.events[0])


def _advanced(
    waiting: Mapping[Key, list[Found]], stage: Sequence[tuple[Key, Ordinal]], maxspan: float | None
) -> dict[Key, list[Found]]:
    """What waits after one more stage."""
    left = {key: list(group) for key, group in waiting.items()}
    out: dict[Key, list[Found]] = {}
    for key, ordinal in sorted(stage, key=lambda event: event[1]):
        group = left.get(key, [])
        before = [number for number, one in enumerate(group) if one.events[-1] < ordinal]
        if not before:
            continue
        taken = group[before[-1]]
        del group[: before[-1] + 1]
        if maxspan is None or ordinal[0] - taken.events[0][0] <= maxspan:
            out.setdefault(key, []).append(Found(key, (*taken.events, ordinal)))
    return out
