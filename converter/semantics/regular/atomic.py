"""Atomic groups and possessive repetition, where they change nothing: as plain as the rest of the tree.

`[^"]*+"` finds what `[^"]*"` finds: nothing that the loop could give back can go on to a quotation mark.
Source: https://www.pcre.org/current/doc/html/pcre2pattern.html, "Atomic grouping and possessive quantifiers".
"""

from __future__ import annotations

from dataclasses import dataclass

from converter.core.errors import OutOfFragment
from converter.semantics.regular.language import Chars, chars
from converter.semantics.regular.regex_tree import NEWLINE, Assert, Choice, Concat, Node, Times


@dataclass(frozen=True)
class Atomic(Concat):
    """One part that gives nothing back once it has matched; only between a parser and `settled`."""


#: What may come next: one of these characters, or nothing more; None: unknown, a test of the position.
After = Chars | None
_NOTHING = Chars(())
#: The end of the value comes next, a character that no set holds.
_END = Chars(((-1, -1),))


def settled(node: Node, pattern: str) -> Node:
    """The tree without Atomic nodes; OutOfFragment where one changes which texts match."""
    return _settled(node, _NOTHING, pattern) if _has_atomic(node) else node


def _has_atomic(node: Node) -> bool:
    if isinstance(node, Concat):
        return isinstance(node, Atomic) or any(map(_has_atomic, node.parts))
    if isinstance(node, Choice):
        return any(map(_has_atomic, node.options))
    return isinstance(node, Times) and _has_atomic(node.item)


def _settled(node: Node, after: After, pattern: str) -> Node:
    if isinstance(node, Atomic):
        if not _indifferent(node.parts[0], after):
            raise OutOfFragment(
                f"an atomic group or possessive repetition that matters in regular expression {pattern!r}",
                hint="write it so that what follows cannot begin inside it, or without `+` and `?>`",
            )
        return _settled(node.parts[0], after, pattern)
    if isinstance(node, Concat):
        parts: list[Node] = []
        for part in reversed(node.parts):
            parts.insert(0, _settled(part, after, pattern))
            after = _first(parts[0], after)
        return Concat(tuple(parts))
    if isinstance(node, Choice):
        return Choice(tuple(_settled(option, after, pattern) for option in node.options))
    if isinstance(node, Times):
        inside = after if node.high == 1 else _union(after, _first(_stripped(node.item), _NOTHING))
        return Times(_settled(node.item, inside, pattern), node.low, node.high)
    return node


def _indifferent(item: Node, after: After) -> bool:
    """Whether to give back would find nothing more."""
    if after == _NOTHING or _one_way(item):
        return True
    if isinstance(item, Times) and isinstance(item.item, Chars):
        return after is not None and not _meet(item.item, after)
    return False


def _one_way(item: Node) -> bool:
    """Whether `item` can match from a place in one way at most: nothing is left to be tried."""
    if isinstance(item, Concat):
        return all(map(_one_way, item.parts))
    if isinstance(item, Times):
        return item.low == item.high and _one_way(item.item)
    return isinstance(item, Chars | Assert)


def _first(node: Node, after: After) -> After:
    """The characters that may come next at the beginning of `node`, which `after` follows."""
    if isinstance(node, Chars):
        return node
    if isinstance(node, Concat):
        for part in reversed(node.parts):
            after = _first(part, after)
        return after
    if isinstance(node, Choice):
        found: After = _NOTHING
        for option in node.options:
            found = _union(found, _first(option, after))
        return found
    if isinstance(node, Times):
        first = _first(node.item, after)
        return _union(first, after) if node.low == 0 else first
    if node.kind == "end":
        return _END
    return chars([*_END.ranges, *NEWLINE.ranges]) if node.kind == "line end" else None


def _stripped(node: Node) -> Node:
    if isinstance(node, Concat):
        return Concat(tuple(map(_stripped, node.parts)))
    if isinstance(node, Choice):
        return Choice(tuple(map(_stripped, node.options)))
    return Times(_stripped(node.item), node.low, node.high) if isinstance(node, Times) else node


def _union(one: After, other: After) -> After:
    return None if one is None or other is None else chars([*one.ranges, *other.ranges])


def _meet(one: Chars, other: Chars) -> bool:
    return any(max(a, c) <= min(b, d) for a, b in one.ranges for c, d in other.ranges)
