"""Which corpora were asked of last, by the records themselves: they are immutable, and need not be read again."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Generic, TypeVar

from converter.core.platform import Record, Schema

_Key = TypeVar("_Key")
#: how many are kept in mind
_MOST = 8


class Recent(Generic[_Key]):
    """The key under which the corpus of some records is kept, for the last few."""

    def __init__(self) -> None:
        self._found: list[tuple[tuple[Record, ...], Schema, _Key]] = []

    def key(self, records: Sequence[Record], schema: Schema) -> _Key | None:
        """The key of exactly these records under this schema, None where they are not among the last few."""
        for known, other, key in self._found:
            if other == schema and len(known) == len(records) and all(map(operator.is_, known, records)):
                return key
        return None

    def add(self, records: Sequence[Record], schema: Schema, key: _Key) -> None:
        self._found = [(tuple(records), schema, key), *self._found[: _MOST - 1]]

    def clear(self) -> None:
        self._found = []
