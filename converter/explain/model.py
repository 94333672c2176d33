"""A difference in words: what is lost and gained, for which causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Part = Literal["old", "new"]
Direction = Literal["lost", "gained"]
DIRECTIONS: tuple[Direction, ...] = ("lost", "gained")


@dataclass(frozen=True)
class CauseTest:
    """A test or selection of a cause: on which side it stands, and whether it holds of the example event.

    `within` is the single test through which a selection holds, `remark` why the kind of record decides the test.
    """

    text: str
    side: Part
    holds: bool
    selection: str = ""
    line: int = 0
    within: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Cause:
    """One reason for events to be lost or gained, with an example. `text` says it in a sentence.

    `tests` are what changed; they are empty when only the way the tests are combined did.
    """

    direction: Direction
    kinds: tuple[str, ...]
    text: str
    event: Mapping[str, Any]
    tests: tuple[CauseTest, ...] = ()


@dataclass(frozen=True)
class Diff:
    """All causes; `complete` says that there are no others, `undecided` why that is not known."""

    old: str
    new: str
    lost: tuple[Cause, ...]
    gained: tuple[Cause, ...]
    complete: bool = True
    undecided: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        return not (self.lost or self.gained or self.undecided)


def sentence(direction: Direction, tests: Sequence[CauseTest]) -> str:
    """A cause in words, in terms of the rule or query."""
    words = {
        # side that has the test, whether it holds of the events
        ("lost", "old", True): "{} is gone",
        ("lost", "new", True): "{} is new and excludes them",
        ("lost", "new", False): "{} is now required",
        ("lost", "old", False): "{} does not hold",
        ("gained", "new", True): "{} is new",
        ("gained", "old", True): "{} no longer excludes them",
        ("gained", "old", False): "{} is no longer required",
        ("gained", "new", False): "{} does not hold",
    }
    groups: dict[tuple[str, bool], list[str]] = {}
    for test in sorted(tests, key=lambda test: (not test.holds, (test.side == "old") != (direction == "lost"))):
        groups.setdefault((test.side, test.holds), []).append(_named(test))
    parts = []
    for (side, value), names in groups.items():
        shown = names if len(names) <= 3 else [*names[:3], f"{len(names) - 3} more"]
        joined = (" and " if value else " or ").join(shown)
        parts.append(words[direction, side, value].format(joined))
    return "; ".join(parts)


def _named(test: CauseTest) -> str:
    return _placed(test) + (f" ({test.remark})" if test.remark else "")


def _placed(test: CauseTest) -> str:
    if test.within and not test.selection:
        return code(test.within)
    if not test.selection:
        return code(test.text)
    if test.text == test.selection:
        return f"selection {code(test.selection)}" + (f" ({code(test.within)})" if test.within else "")
    return f"{code(test.text)} in {code(test.selection)}"


def without_forms(kinds: Sequence[str]) -> list[str]:
    """The kinds of record without those forms of a kind (`found/V4`) that stand beside the kind itself."""
    return [name for name in kinds if not any(name.startswith(f"{other}/") for other in kinds)]


def code(text: str) -> str:
    """`text` between backticks, as many as it takes."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"
