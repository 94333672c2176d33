"""Which native columns a query shows for the Sigma fields that a rule or a detection names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache

from converter.core.model import LogSource
from converter.core.platform import Column, Kind, Schema
from converter.core.taxonomy import shown_fields
from converter.dialects.draft import Draft
from converter.platforms.derive import CLASSIFYING

#: columns first by how well they read: a file's name before its path
_ORDER = ("basename", "posix_basename", "leaf", "same")


def columns_of(
    asked: Sequence[str], logsource: LogSource, tested: Collection[str], kinds: Sequence[Kind]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The native columns that a query shows, and the fields asked for that have none.

    A rule that asks for no fields gets the usual ones of its log source and those that it tests, where there are any.
    """
    if asked:
        return shown_columns(asked, kinds)
    usual = shown_fields(logsource)
    return shown_columns([*usual, *sorted(set(tested) - set(usual))], kinds)[0], ()


def shown_columns(fields: Sequence[str], kinds: Sequence[Kind]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The native columns for Sigma fields, and the fields that have none."""
    shown: list[str] = []
    unmapped: list[str] = []
    for field in fields:
        found = _shown(field, tuple(kinds))
        if not found and not any(field in kind.sigma for kind in kinds):
            unmapped.append(field)
        shown.extend(found)
    return tuple(dict.fromkeys(shown)), tuple(unmapped)


@lru_cache(maxsize=4096)
def _shown(field: str, kinds: tuple[Kind, ...]) -> tuple[str, ...]:
    """The native columns of one field, each once."""
    found = [c for kind in kinds for c in kind.columns if c.source == field and c.derive not in CLASSIFYING]
    return tuple(dict.fromkeys(column.name for column in sorted(found, key=_rank)))


def _rank(column: Column) -> int:
    return _ORDER.index(column.derive) if column.derive in _ORDER else len(_ORDER)


def common_names(
    parts: Sequence[Draft], sources: Sequence[LogSource], schema: Schema, common: Collection[str]
) -> tuple[Draft, ...]:
    """Fields that the manifest calls common get, in every part, the column names of the first part that has them."""
    names: dict[tuple[str, str], str] = {}
    out = []
    for part, source in zip(parts, sources, strict=True):
        columns = next(kind.columns for kind in schema.kinds if kind.meant_by(source))
        renames = {}
        for column in columns:
            if column.source in common and column.name in part.columns:
                name = names.setdefault((column.source, column.derive), column.name)
                if name != column.name:
                    renames[column.name] = name
        out.append(replace(part, renames=renames))
    return tuple(out)
