"""Properties of dynamic columns, which a platform's tables name with dots: `EventData.TargetUserName`.

In a query such a property is a step into the column, whose value has a type of its own: it is read as text by
`tostring`, of which a missing property is the empty text (https://learn.microsoft.com/en-us/kusto/query/tostring-function).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from converter.core.platform import is_property, plain

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def step(name: str) -> str:
    """The expression for a property's value as text."""
    holder, *keys = name.split(".")
    steps = "".join(f".{key}" if _NAME.fullmatch(key) else f'["{key}"]' for key in keys)
    return f"tostring({holder}{steps})"


def name_of(column: str) -> str:
    """What a column is called in a result: by itself, a property by its last key."""
    return re.sub(r"\W", "_", column.rpartition(".")[2], flags=re.ASCII)


def aliases(names: Iterable[str], types: Mapping[str, str]) -> dict[str, str]:
    """property -> the name that a query gives its text: its last key, or all of them where that is taken."""
    found: dict[str, str] = {}
    taken = set(plain(types))
    for name in names:
        if is_property(name, types) and name not in found:
            keys = [re.sub(r"\W", "_", key, flags=re.ASCII) for key in name.split(".")]
            found[name] = "_".join(keys) if keys[-1] in taken or not _NAME.fullmatch(keys[-1]) else keys[-1]
            taken.add(found[name])
    return found
