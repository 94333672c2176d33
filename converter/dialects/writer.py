"""What all writers share: walking a condition with explicit parentheses.

A writer is our own rather than a subclass of the stock backend: over the lists and file names that `lower` makes,
hardly a method of the stock backends would be left unchanged, and their faults (docs/stock-faults.md) are what we are
here to avoid. A dialect's `writer.py` has the functions `write` and `write_detection` of its `Dialect`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from converter.core.errors import Unsupported
from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    Missing,
    Not,
    NumberIn,
    Or,
    Pattern,
    Regex,
    SameAs,
    Words,
)
from converter.dialects.draft import Draft
from converter.dialects.layout import chained


class Writer(ABC):
    """The conditions of one Draft as text; made for that draft, so nothing of another rule is left in it.

    Subclasses give one method for each kind of leaf; each returns text that may stand as an operand of and/or/not
    without further parentheses. Raises Unsupported for what the language cannot say.
    """

    and_word = "and"
    or_word = "or"
    #: a longer chain is put in parentheses part by part, since a chain nests as deeply as it is long
    longest_chain = 0
    #: levels that the platform follows; 0 where no limit is known
    most_levels = 0

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        if self.most_levels and (deep := self._levels(draft.condition)) > self.most_levels:
            raise refuse("depth", f"the condition nests {deep} levels deep; the platform follows {self.most_levels}")

    def _levels(self, condition: Condition) -> int:
        """How deeply the text nests at most: a chain of n nests n deep, parentheses and functions two more."""
        if isinstance(condition, (And, Or)):
            return self._chained(len(condition.parts), 2 + max(map(self._levels, condition.parts), default=0))
        if isinstance(condition, Not):
            return 4 + self._levels(condition.part)
        return self._chained(len(condition.patterns), 8) if isinstance(condition, Match) else 12

    def _chained(self, count: int, inside: int) -> int:
        while self.longest_chain and count > self.longest_chain:
            count, inside = -(-count // self.longest_chain), self.longest_chain + 2 + inside
        return count + inside

    @abstractmethod
    def not_(self, inner: str, part: Condition) -> str: ...
    @abstractmethod
    def match(self, leaf: Match) -> str: ...
    @abstractmethod
    def regex(self, leaf: Regex) -> str: ...
    @abstractmethod
    def in_networks(self, leaf: InNetworks) -> str: ...
    @abstractmethod
    def number_in(self, leaf: NumberIn) -> str: ...
    @abstractmethod
    def compare(self, leaf: Compare) -> str: ...
    @abstractmethod
    def missing(self, leaf: Missing) -> str: ...
    @abstractmethod
    def same_as(self, leaf: SameAs) -> str: ...

    def words(self, leaf: Words) -> str:
        """Only writers that make such a leaf are asked for it."""
        raise AssertionError("no index of words")

    def conjuncts(self, condition: Condition) -> list[str]:
        """The top-level conjuncts, each as text that may stand alone."""
        parts = condition.parts if isinstance(condition, And) else (condition,)
        return [self.text(part) for part in parts]

    def text(self, condition: Condition) -> str:
        """A condition as text, without outer parentheses."""
        if isinstance(condition, And):
            return self.join(self.and_word, [self.operand(p) for p in condition.parts])
        if isinstance(condition, Or):
            return self.join(self.or_word, [self.operand(p) for p in condition.parts])
        if isinstance(condition, Not):
            return self.not_(self.text(condition.part), condition.part)
        leaf: Callable[[Any], str] = getattr(self, _LEAVES[type(condition)])
        return leaf(condition)

    def operand(self, condition: Condition) -> str:
        """A condition as an operand of and/or: and/or inside it stand in parentheses."""
        text = self.text(condition)
        return f"({text})" if isinstance(condition, (And, Or)) else text

    def join(self, word: str, parts: list[str]) -> str:
        most = self.longest_chain
        while most and len(parts) > most:
            groups = [parts[i : i + most] for i in range(0, len(parts), most)]
            parts = [group[0] if len(group) == 1 else f"({chained(word, group)})" for group in groups]
        return chained(word, parts)

    def any_of(self, parts: list[str]) -> str:
        """Alternatives made out of one leaf, in parentheses if there are several."""
        return parts[0] if len(parts) == 1 else f"({self.join(self.or_word, parts)})"


#: the method of a writer for each kind of leaf
_LEAVES: dict[type, str] = {
    Match: "match",
    Regex: "regex",
    InNetworks: "in_networks",
    NumberIn: "number_in",
    Compare: "compare",
    Missing: "missing",
    SameAs: "same_as",
    Words: "words",
}
_SHAPES = ("equals", "startswith", "endswith", "contains", "general", "any")


def by_shape(leaf: Match) -> dict[str, list[Pattern]]:
    """The leaf's patterns grouped by shape, `equals` first."""
    groups: dict[str, list[Pattern]] = {}
    for pattern in leaf.patterns:
        groups.setdefault(pattern.shape, []).append(pattern)
    return {shape: groups[shape] for shape in _SHAPES if shape in groups} if len(groups) > 1 else groups


def refuse(feature: str, message: str, hint: str = "") -> Unsupported:
    """The error for what a language cannot say."""
    return Unsupported(message, feature, hint=hint)
