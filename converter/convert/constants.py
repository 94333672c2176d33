"""A test of a field that a kind of record fixes, decided for every modifier, type and spelling."""

from __future__ import annotations

import re

from converter.convert.values import patterns
from converter.core.errors import Unsupported
from converter.core.pcre import searcher
from converter.dialects.condition import OneOf, Pattern, Wild
from converter.rules.detection import Item
from converter.rules.values import Value


def decided(item: Item, value: Value, fixed: str | None) -> bool:
    """Whether the test of one value holds where the field is `fixed` (None: missing)."""
    if value is None:
        return fixed is None
    if "exists" in item.modifiers:
        return (fixed is not None) is bool(value)
    if fixed is None:
        return False
    if "re" in item.modifiers:
        i, m, s = (modifier in item.modifiers for modifier in ("i", "m", "s"))
        return searcher(str(value), i, m, s)(fixed)
    if any(m in item.modifiers for m in ("fieldref", "cidr", "lt", "lte", "gt", "gte")):
        raise Unsupported(f"{item.field} is no such value that {item.label} could test", f"field {item.field}")
    flags_ = re.DOTALL if "cased" in item.modifiers else re.DOTALL | re.IGNORECASE
    return any(re.fullmatch(_expression(one), fixed, flags_) for one in patterns(str(value), item.modifiers))


def _expression(pattern: Pattern) -> str:
    """Each run between two wildcards at its earliest place, which is the best one: nothing is tried twice."""
    runs = [""]
    for part in pattern.parts:
        if part is Wild.ANY:
            runs.append("")
        elif isinstance(part, Wild):
            runs[-1] += "."
        else:
            runs[-1] += f"[{re.escape(part.characters)}]" if isinstance(part, OneOf) else re.escape(part)
    first, *middle = runs
    last = f".*{middle.pop()}" if middle else ""
    return first + "".join(f"(?>.*?{run})" for run in middle) + last
