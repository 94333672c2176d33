"""Syntax trees whose equal nodes are one object (hash-consing), so that comparing and hashing them costs nothing.

The hash that `dataclass` gives walks a whole tree each time, and a proof looks trees up at every turn: with frozen
dataclasses a fifth of its time was hashing. Nodes are kept by weak references, so that what nobody uses is forgotten.
Sets of nodes have no order that two processes share: what is iterated over must be a list or a dict.
"""

from __future__ import annotations

import inspect
from threading import RLock
from typing import Any
from weakref import ref

Key = tuple[Any, ...]


class _Unique(type):
    """The class of node classes: a call with the fields of a node that exists gives that node."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        # the keys of nodes have all fields, so that what is found needs no look at the defaults
        known = None if named else _nodes.get((cls, *arguments))
        node = None if known is None else known()
        if node is not None:
            return node
        if named or len(arguments) < len(cls.__match_args__):  # type: ignore[attr-defined]
            bound = inspect.signature(cls.__init__).bind(None, *arguments, **named)  # type: ignore[misc]
            bound.apply_defaults()
            arguments = bound.args[1:]
        return cls._created((cls, *arguments))

    def _created(cls, key: Key) -> Any:
        with _lock:
            known = _nodes.get(key)
            node = None if known is None else known()
            if node is None:
                node = super().__call__(*key[1:])
                reference = _Reference(node, _forget)
                reference.key = key
                _nodes[key] = reference
            return node


class _Reference(ref["Tree"]):
    """A weak reference that knows its entry, to take it along."""

    __slots__ = ("key",)
    key: Key


def _forget(reference: Any) -> None:
    key = reference.key
    with _lock:
        if _nodes.get(key) is reference:
            del _nodes[key]


_nodes: dict[Key, _Reference] = {}
#: Re-entrant, for creating a node may collect another.
_lock = RLock()


class Tree(metaclass=_Unique):
    """The base of immutable node classes, written as `@dataclass(frozen=True, eq=False)` with hashable fields."""

    __match_args__: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """A copy, or a node from another process, is made like any other: it is the one node with these fields."""
        return type(self), tuple(getattr(self, name) for name in self.__match_args__)
