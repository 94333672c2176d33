"""What a query text means, as its dialect's reader reports it."""

from __future__ import annotations

from dataclasses import dataclass, field

from converter.semantics.decide.predicate import Predicate


@dataclass(frozen=True)
class Branch:
    """One source of rows in a query; a union of three tables reads as three branches.

    `tables` are the tables, indices or index patterns searched, () where the language names none. `predicate` is over
    the platform's own column names, null logic resolved. Comparisons of the time column with "now minus n" are not in
    the predicate but in `window_minutes`. `labels` are constant columns given to every row (`DetectionType`), `columns`
    the projection in order, None for all.
    """

    tables: tuple[str, ...]
    predicate: Predicate
    window_minutes: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class CorrelatedLeg:
    """Events that a correlation query gathers: their branches, the native columns that group them, the one whose values
    are counted ("" where events are), and the label by which the query tells them apart ("" where it does not). Of the
    columns those in `without` may be missing: events that lack one are in a group of their own."""

    branches: tuple[Branch, ...]
    keys: tuple[str, ...]
    value: str = ""
    label: str = ""
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Correlated:
    """What a correlation query means, as its dialect's reader reports it.

    `type` is Sigma's, `legs` stand in the order that the query asks for, `least` is the least count for which it
    returns rows. `windows` is `sliding` (a window ends at every event), `tumbling` (timespans since the epoch) or
    `sequence` (EQL: sliding, but each event serves one answer).
    """

    type: str
    legs: tuple[CorrelatedLeg, ...]
    seconds: int
    least: int
    windows: str
