"""Constructors that keep a Language tree small: flattened, without empty parts, without needless alternatives."""

from __future__ import annotations

from collections.abc import Iterable

from converter.semantics.regular.language import EMPTY_STRING, NOTHING, Alt, Chars, Language, Repeat, Seq, chars

EMPTY_CLASS = Chars(())


def join(parts: Iterable[Language]) -> Language:
    """The parts one after another; neighbouring stars of one item are merged, an empty part empties the whole."""
    flat: list[Language] = []
    for part in parts:
        if part in (NOTHING, EMPTY_CLASS):
            return NOTHING
        for item in part.parts if isinstance(part, Seq) else (part,):
            if flat and _is_star(item) and flat[-1] == item:
                continue
            flat.append(item)
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def either(options: Iterable[Language]) -> Language:
    """Any of the options, without duplicates; single characters become one class, a lone option stands for itself."""
    flat: dict[Language, None] = {}
    single: list[tuple[int, int]] = []
    for option in options:
        for item in option.options if isinstance(option, Alt) else (option,):
            if isinstance(item, Chars):
                single.extend(item.ranges)
            else:
                flat[item] = None
    if single:
        flat = {chars(single): None, **flat}
    if len(flat) == 2 and EMPTY_STRING in flat:
        other = next(item for item in flat if item != EMPTY_STRING)
        return optional(other)
    return next(iter(flat)) if len(flat) == 1 else Alt(tuple(flat))


def optional(item: Language) -> Language:
    """`item` or the empty string; one or more becomes any number."""
    if isinstance(item, Repeat) and item.low <= 1:
        return repeat(item.item, 0, item.high)
    if (
        isinstance(item, Seq)
        and len(item.parts) == 2
        and isinstance(item.parts[1], Repeat)
        and item.parts[1] == Repeat(item.parts[0], 0, None)
    ):
        return item.parts[1]
    return repeat(item, 0, 1)


def repeat(item: Language, low: int, high: int | None) -> Language:
    """`item` between `low` and `high` times; trivial counts are resolved."""
    if high == 0 or item == EMPTY_STRING:
        return EMPTY_STRING
    if item in (NOTHING, EMPTY_CLASS):
        return EMPTY_STRING if low == 0 else NOTHING
    if (low, high) == (1, 1):
        return item
    if isinstance(item, Repeat) and item.high is None and item.low <= 1 and low <= 1 and (high is None or high >= 1):
        return repeat(item.item, item.low * low, None)
    return Repeat(item, low, high)


def _is_star(item: Language) -> bool:
    return isinstance(item, Repeat) and item.low == 0 and item.high is None
