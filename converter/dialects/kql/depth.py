"""How deeply a KQL text nests, by a count of its tokens that errs on the safe side.

Microsoft's language service gives up on a query of more than `most("kql", "levels")` levels of its syntax tree (KS245).
Measured with @kusto/language-service-next 12.4.1: 492 tests joined by `or`, 491 parentheses, 492 `where`, 245 times
`(a or …)` within each other and 122 `not(` are analysed, one more is not. So an operator, a pipe and parentheses are a
level each, a call is four, and eight are there from the beginning. A chain nests to the left: its first part lies
deepest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from converter.dialects.kql.tokens import Token

_ALWAYS = 8
_PARENTHESES = 1
_CALL = 4
_OPENING, _CLOSING = "([{", ")]}"
_LINKS = ("and", "or", "+", "-", "*", "/", "%")
#: words before a parenthesis that call nothing
_WORDS = ("where", "filter", "in", "has_any", "has_all", "by", "union", "between")


@dataclass
class _Frame:
    """What stands between two brackets so far: `cost` of these, `pipes`, `links` of the chain, the deepest part."""

    cost: int
    pipes: int = 0
    links: int = 0
    inside: int = 0
    deepest: int = 0

    def part(self) -> None:
        """A part ends: an argument, an operator of the pipeline, a statement."""
        self.deepest = max(self.deepest, self.links + self.inside)
        self.links = self.inside = 0

    def levels(self) -> int:
        self.part()
        return self.cost + self.pipes + self.deepest


def levels(tokens: Iterable[Token]) -> int:
    """The levels of the deepest place of a text, at most."""
    frames = [_Frame(_ALWAYS)]
    before = ""
    for token in tokens:
        text = token.text if token.kind in ("op", "name") else ""
        if text in _OPENING and text:
            frames.append(_Frame(_CALL if before == "name" else _PARENTHESES))
        elif text in _CLOSING and text and len(frames) > 1:
            inner = frames.pop().levels()
            frames[-1].inside = max(frames[-1].inside, inner)
        elif text == "|":
            frames[-1].part()
            frames[-1].pipes += 1
        elif text in (",", ";"):
            frames[-1].part()
        elif text in _LINKS:
            frames[-1].links += 1
        before = token.kind if text not in _LINKS and text not in _WORDS else ""
    return max(frame.levels() for frame in frames)
