"""The tree of a rule's regular expression, flags resolved: what writers re-emit."""

from __future__ import annotations

from dataclasses import dataclass

from converter.dialects.charset import Ranges


@dataclass(frozen=True)
class Literal:
    """One character; in either case if `fold`."""

    character: str
    fold: bool = False


@dataclass(frozen=True)
class Set:
    """One character of the ranges. Case is folded into them already if `fold` says so."""

    ranges: Ranges
    fold: bool = False


@dataclass(frozen=True)
class Dot:
    """Any character; without `newline` any but the line feed."""

    newline: bool


@dataclass(frozen=True)
class Anchor:
    """`begin`, `end`, `line begin`, `line end`, `boundary` or `no boundary`."""

    kind: str


@dataclass(frozen=True)
class Seq:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Alt:
    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    part: Node
    low: int
    high: int | None


Node = Literal | Set | Dot | Anchor | Seq | Alt | Repeat
EMPTY = Seq(())


def nodes(node: Node) -> list[Node]:
    """The node and everything below it."""
    found, todo = [], [node]
    while todo:
        found.append(todo.pop())
        last = found[-1]
        if isinstance(last, Repeat):
            todo.append(last.part)
        else:
            todo.extend(last.parts if isinstance(last, Seq) else last.options if isinstance(last, Alt) else ())
    return found
