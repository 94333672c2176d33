"""What a shipped KQL text returns: tables, window and columns, read from the text itself by the dialect's reader."""

from __future__ import annotations

from dataclasses import dataclass

from converter.core.discovery import find_target, schema_of
from converter.core.errors import ParityError
from converter.core.model import Query
from converter.dialects.kql.reader import read


@dataclass(frozen=True)
class Shape:
    """`tables` in the text's order; `window` in minutes, None if the text has none; `columns` of every returned row."""

    tables: tuple[str, ...]
    window: int | None
    columns: tuple[str, ...]

    def first(self, *names: str) -> str | None:
        """The first of some columns that the query returns."""
        return next((name for name in names if name in self.columns), None)


def shape(query: Query) -> Shape:
    """The shape of a KQL query. Raises ParityError when its parts look back differently, or project nothing."""
    branches = read(query.text, schema_of(find_target(query.target)))
    windows = {branch.window_minutes for branch in branches}
    if len(windows) != 1:
        raise ParityError("the parts of the query look back differently far", query.path)
    if any(branch.columns is None for branch in branches):
        raise ParityError("the query returns whole rows", query.path, "name the rule's `fields`")
    return Shape(
        tuple(dict.fromkeys(table for branch in branches for table in branch.tables)),
        windows.pop(),
        tuple(dict.fromkeys(name for branch in branches for name in branch.columns or ())),
    )
