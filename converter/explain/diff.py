"""What a change of a rule or query loses and gains: one example event for each cause.

A difference is found, brought down to the few tests that cause it, and excluded; then the next is looked for. When
none is left, what is listed is all there is: every event that is lost or gained has one of the causes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from converter.explain.causes import Search
from converter.explain.changes import View
from converter.explain.model import DIRECTIONS, Cause, Diff, Direction
from converter.explain.outline import is_never, predicate_of
from converter.semantics.decide.domain import DEFAULT_BUDGET, Budget

#: Causes in each direction; a change of more values than this is better read as a change.
MAX_CAUSES = 60


def diff(
    old: str,
    new: str,
    views: Iterable[View],
    limit: int = MAX_CAUSES,
    budget: Budget = DEFAULT_BUDGET,
    notes: Sequence[str] = (),
) -> Diff:
    """The causes over all views, at most `limit` in each direction; `old` and `new` are names to show."""
    causes: dict[Direction, list[Cause]] = {"lost": [], "gained": []}
    undecided: list[str] = []
    complete = True
    for view, kinds in _distinct(views):
        search = Search(view, kinds, budget)
        for direction in DIRECTIONS:
            room = limit - len(causes[direction])
            for cause in itertools.islice(search.causes(direction, undecided), room + 1):
                if len(causes[direction]) == limit:
                    complete = False
                    break
                causes[direction].append(cause)
    lost, gained = (_merged(causes[direction]) for direction in DIRECTIONS)
    return Diff(old, new, lost, gained, complete, tuple(dict.fromkeys(undecided)), tuple(notes))


def _distinct(views: Iterable[View]) -> Iterator[tuple[View, tuple[str, ...]]]:
    """Each question once, with all kinds of record that ask it: kinds often have the same columns."""
    asked: list[tuple[object, View, list[str]]] = []
    for view in views:
        silent = tuple(map(is_never, (view.old, view.new)))
        sides = predicate_of(view.old), predicate_of(view.new)
        key = (sides, silent, view.guard, view.relevant(), dict(view.fixed), view.records if any(silent) else "")
        same = next((kinds for known, _, kinds in asked if known == key), None)
        if same is None:
            asked.append((key, view, same := []))
        same += [view.kind] if view.kind else []
    for _, view, kinds in asked:
        yield view, tuple(dict.fromkeys(kinds))


def _merged(causes: list[Cause]) -> tuple[Cause, ...]:
    """Causes of the same tests on several kinds of record are one."""
    out: dict[str, Cause] = {}
    for cause in causes:
        first = out.get(cause.text)
        kinds = (*first.kinds, *cause.kinds) if first else cause.kinds
        out[cause.text] = Cause(cause.direction, kinds, cause.text, (first or cause).event, cause.tests)
    return tuple(out.values())
