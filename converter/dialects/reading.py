"""What a query text means, as its dialect's reader reports it."""

from __future__ import annotations

from dataclasses import dataclass, field

from converter.semantics.predicate import Predicate


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
