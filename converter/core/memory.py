"""What was worked out for the last few of many things, which are each asked for several times in a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
#: enough for the parts of a detection
_MOST = 32


class LastFew(Generic[_Key, _Value]):
    """Values by key; all are forgotten once they are more than a few."""

    def __init__(self) -> None:
        self._values: dict[_Key, _Value] = {}

    def of(self, key: _Key, make: Callable[[], _Value]) -> _Value:
        """The value of a key, made when it is not there."""
        if key not in self._values:
            value = make()
            if len(self._values) >= _MOST:
                self._values.clear()
            self._values[key] = value
        return self._values[key]
