"""EQL sequences as Elasticsearch matches them: `execution/sequence/SequenceMatcher.java`, `OrdinalGroup.trimBefore`."""

from __future__ import annotations

import pytest

from converter.core.errors import QueryError
from converter.core.platform import Record
from converter.core.verdict import Hit
from converter.engines.eql.interpreter import ENGINE
from converter.engines.eql.sequences import sequences
from tests.support.schemas import columns_only

SCHEMA = columns_only({"logs": {"@timestamp": "date", "tag": "keyword", "host": "keyword"}}, "@timestamp", "_id")


def run(text: str, *events: tuple[int, str, object]) -> list[int]:
    """Positions of the last events of the answers; an event is (seconds, tag, host)."""
    records = [
        Record("logs", {"@timestamp": f"2026-01-01T00:{s // 60:02}:{s % 60:02}Z", "tag": tag, "host": host})
        for s, tag, host in events
    ]
    return [hit.position for hit in ENGINE.run(text, records, SCHEMA) if isinstance(hit, Hit)]


PAIR = 'sequence by host with maxspan=10s [any where tag == "a"] [any where tag == "b"]'


@pytest.mark.parametrize(
    ("events", "ends"),
    [
        ([(0, "a", "x"), (10, "b", "x")], [1]),
        ([(0, "a", "x"), (11, "b", "x")], []),
        ([(0, "a", "x"), (1, "b", "y")], []),
        ([(0, "a", None), (1, "b", None)], []),
        ([(1, "b", "x"), (2, "a", "x")], []),
        # an event is part of one answer
        ([(0, "a", "x"), (1, "b", "x"), (2, "b", "x")], [1]),
        # the latest candidate is taken, and the older ones are gone with it
        ([(0, "a", "x"), (1, "a", "x"), (2, "b", "x"), (3, "b", "x")], [2]),
        ([(0, "a", "x"), (8, "a", "x"), (12, "b", "x")], [2]),
        # one that is too old is taken all the same, and gone
        ([(0, "a", "x"), (20, "b", "x"), (21, "a", "x"), (22, "b", "x")], [3]),
    ],
)
def test_a_sequence(events: list[tuple[int, str, object]], ends: list[int]) -> None:
    """Each event of a stage takes the latest one before it of the stage before, within maxspan, of equal keys."""
    assert run(PAIR, *events) == ends


def test_repeated_events() -> None:
    """`with runs` is the stage that many times over; each further event ends another answer."""
    text = 'sequence by host with maxspan=10s [any where tag == "a"] with runs=3'
    assert run(text, *((second, "a", "x") for second in (0, 1, 2, 3))) == [2, 3]
    assert run(text, (0, "a", "x"), (5, "a", "x"), (11, "a", "x")) == []


def test_an_optional_key_may_be_missing() -> None:
    """Events that both lack an optional key are joined, and with no others."""
    text = 'sequence by ?host with maxspan=1m [any where tag == "a"] [any where tag == "b"]'
    assert run(text, (0, "a", None), (1, "b", "x"), (2, "b", None)) == [2]


def test_keys_of_each_stage() -> None:
    """Stages may be joined by fields of their own, place by place."""
    text = 'sequence with maxspan=1m [any where tag == "a"] by host [any where host == "y"] by tag'
    assert run(text, (0, "a", "z"), (1, "z", "y")) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "sequence [any where true] by host [any where true]",
        "sequence by host with maxspan=5 [any where true] [any where true]",
        "sequence by host with maxspan=5w [any where true] [any where true]",
        "sequence by nosuch [any where true] [any where true]",
        "sequence by host [any where true] with runs=0 [any where true]",
        "sequence by host [any where true]",
    ],
)
def test_refused(text: str) -> None:
    """What Elasticsearch refuses, or is not covered, is an error that says so."""
    with pytest.raises(QueryError):
        run(text, (0, "a", "x"), (1, "b", "x"))


def test_a_key_of_several_values_is_refused() -> None:
    """An event with several values of a join key is not covered, and never passed over."""
    with pytest.raises(QueryError, match="several values"):
        run(PAIR, (0, "a", ["x", "y"]), (1, "b", "x"))


def test_without_maxspan_any_time_will_do() -> None:
    """The bound is maxspan's alone."""
    stages = [[(("x",), (0.0, 0))], [(("x",), (1e9, 1))]]
    assert len(sequences(stages, None)) == 1
    assert not sequences(stages, 1.0)
