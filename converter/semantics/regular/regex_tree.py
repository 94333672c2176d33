"""The syntax tree of a regular expression with zero-width assertions, as PCRE and RE2 have them."""

from __future__ import annotations

from dataclasses import dataclass

from converter.semantics.regular.build import either, join, repeat
from converter.semantics.regular.language import Chars, Language, chars

WORD = chars([(48, 57), (65, 90), (95, 95), (97, 122)])
NEWLINE = chars([(10, 10)])


@dataclass(frozen=True)
class Assert:
    """A zero-width test: `begin`, `end`, `line begin`, `line end`, `not before newline`, `boundary` or `no boundary`.

    Word boundaries are of ASCII words; lines end in a line feed.
    """

    kind: str


@dataclass(frozen=True)
class Concat:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    options: tuple[Node, ...]


@dataclass(frozen=True)
class Times:
    item: Node
    low: int
    high: int | None


Node = Chars | Assert | Concat | Choice | Times


def plain(node: Node) -> Language:
    """A node without assertions as a language."""
    if isinstance(node, Chars):
        return node
    if isinstance(node, Concat):
        return join(plain(part) for part in node.parts)
    if isinstance(node, Choice):
        return either(plain(option) for option in node.options)
    if isinstance(node, Times):
        return repeat(plain(node.item), node.low, node.high)
    raise AssertionError("an assertion is not a language")


def asserts(node: Node) -> bool:
    """Whether an assertion stands anywhere in `node`."""
    if isinstance(node, Assert):
        return True
    if isinstance(node, Concat | Choice):
        return any(asserts(part) for part in (node.parts if isinstance(node, Concat) else node.options))
    return isinstance(node, Times) and asserts(node.item)
