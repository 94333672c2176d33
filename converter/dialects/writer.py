"""What all writers share: walking a condition with explicit parentheses, and the contract of a writer module.

A writer is our own rather than a subclass of the stock backend: over the lists and file names that `converter.lower`
makes, hardly a method of the stock backends would be left unchanged, and their faults (SEMANTICS) are what we are here
to avoid. A dialect module `writer.py` has `WRITER`, `EXTENSION` and optionally `GAPS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

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
)
from converter.dialects.draft import Composition, Draft
from converter.dialects.layout import chained
from converter.errors import Unsupported


class Writer(ABC):
    """Turns a Draft into the text of a query.

    Subclasses give one method for each kind of leaf; each returns text that may stand as an operand of and/or/not
    without further parentheses. Raises Unsupported for what the language cannot say.
    """

    #: what a detection in this language can do: keep to a time window, sort, and label rows (in which column)
    windowed = True
    ordered = True
    label_column = "DetectionType"
    and_word = "and"
    or_word = "or"

    @abstractmethod
    def query(self, draft: Draft) -> str:
        """The whole file for one rule."""

    @abstractmethod
    def detection(self, composition: Composition) -> str:
        """The whole file for a detection of several rules."""

    def limits(self) -> tuple[str, ...]:
        """What a detection in this language cannot express, as sentences."""
        return ()

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
        leaf: Callable[[Any], str] = self._leaf(type(condition))
        return leaf(condition)

    def operand(self, condition: Condition) -> str:
        """A condition as an operand of and/or: and/or inside it stand in parentheses."""
        text = self.text(condition)
        return f"({text})" if isinstance(condition, (And, Or)) else text

    def join(self, word: str, parts: list[str]) -> str:
        return chained(word, parts)

    def any_of(self, parts: list[str]) -> str:
        """Alternatives made out of one leaf, in parentheses if there are several."""
        return parts[0] if len(parts) == 1 else f"({self.join(self.or_word, parts)})"

    def _leaf(self, kind: type) -> Callable[[Any], str]:
        table: dict[type, Callable[[Any], str]] = {
            Match: self.match,
            Regex: self.regex,
            InNetworks: self.in_networks,
            NumberIn: self.number_in,
            Compare: self.compare,
            Missing: self.missing,
            SameAs: self.same_as,
        }
        return table[kind]


def by_shape(leaf: Match) -> dict[str, list[Pattern]]:
    """The leaf's patterns grouped by shape, `equals` first."""
    groups: dict[str, list[Pattern]] = {}
    for shape in ("equals", "startswith", "endswith", "contains", "general", "any"):
        found = [p for p in leaf.patterns if p.shape == shape]
        if found:
            groups[shape] = found
    return groups


def refuse(feature: str, message: str, hint: str = "") -> Unsupported:
    """The error for what a language cannot say."""
    return Unsupported(message, feature, hint=hint)
