"""What Kusto's index can do for a condition: a test that it answers is put before those that read each value.

Nothing changes what a query means: a word is asked for that every match has anyway, and only where nothing else in the
condition is looked up already. https://learn.microsoft.com/en-us/kusto/query/best-practices
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from converter.dialects.condition import And, Condition, Match, Not, Or, Regex, Words
from converter.dialects.kql.words import Word, narrows, words_of

#: of more words in one list readers lose sight, and each is looked up by itself; beginnings have no list
_MOST_WORDS = 60
_MOST_BEGINNINGS = 4
#: with more patterns than this their words are surely too many
_MOST_PATTERNS = 300


@dataclass(frozen=True)
class Narrowing:
    """`scope` are the columns whose values tell only which records are meant, `computed` those that no index has."""

    scope: frozenset[str]
    computed: frozenset[str] = frozenset()

    def of(self, condition: Condition, asking: bool = True) -> Condition:
        """The condition with what narrows it first, behind its scope; if `asking`, with one more where nothing did."""
        found = (self._guarded(condition) if asking else None) or condition
        if not isinstance(found, And):
            return found
        told = next((n for n, part in enumerate(found.parts) if not self._is_scope(part)), len(found.parts))
        return And((*found.parts[:told], *sorted(found.parts[told:], key=self._place)))

    def _place(self, condition: Condition) -> tuple[bool, bool]:
        """What narrows goes first, what excludes last."""
        return not self._narrows(condition), isinstance(condition, Not)

    def _is_scope(self, condition: Condition) -> bool:
        """Whether it only tells which records are meant. Of other columns that is said by a negation."""
        return isinstance(condition, Match) and condition.field in self.scope

    def _is_looked_up(self, column: str) -> bool:
        return column not in self.scope and column not in self.computed

    def _narrows(self, condition: Condition) -> bool:
        """Whether the index finds the few rows on which it may hold."""
        if isinstance(condition, And):
            return any(map(self._narrows, condition.parts))
        if isinstance(condition, Or):
            return all(map(self._narrows, condition.parts))
        if isinstance(condition, Words):
            return True
        if isinstance(condition, Match) and self._is_looked_up(condition.field):
            return all(map(narrows, condition.patterns))
        return False

    def _guarded(self, condition: Condition) -> Condition | None:
        """The condition with as few words asked for as narrow it; None where that cannot be."""
        if self._narrows(condition):
            return condition
        if isinstance(condition, And):
            choices = [(self._guarded(part), part) for part in condition.parts]
            found = [(choice, part) for choice, part in choices if choice is not None]
            if not found:
                return None
            best, old = min(found, key=lambda pair: _width(pair[0]))
            return And(tuple(one for part in condition.parts for one in (_flat(best) if part is old else (part,))))
        if isinstance(condition, Or):
            parts = [self._guarded(part) for part in condition.parts]
            return Or(tuple(part for part in parts if part is not None)) if all(parts) else None
        return self._asked(condition)

    def _asked(self, leaf: Condition) -> Condition | None:
        """A test with its words before it; those of its values that are looked up anyway stand apart."""
        if isinstance(leaf, Regex) and self._is_looked_up(leaf.field):
            asked = _asking(leaf.field, [words_of(leaf)])
            return asked and And((asked, leaf))
        if not isinstance(leaf, Match) or not self._is_looked_up(leaf.field):
            return None
        alone = tuple(filter(narrows, leaf.patterns))
        apart = frozenset(alone)
        rest = tuple(pattern for pattern in leaf.patterns if pattern not in apart)
        if len(rest) > _MOST_PATTERNS:
            return None
        asked = _asking(leaf.field, map(words_of, rest))
        if asked is None:
            return None
        guarded = And((asked, Match(leaf.field, rest, leaf.cased)))
        return Or((Match(leaf.field, alone, leaf.cased), guarded)) if alone else guarded


def _asking(field: str, each: Iterable[tuple[Word, ...]]) -> Words | None:
    """The test for words of which there is one in whatever matches any of some patterns; None if one has none."""
    found = list(each)
    if not found or not all(found):
        return None
    whole: dict[str, str] = {}
    begun: dict[str, str] = {}
    for word in (word for one in found for word in one):
        (begun if word.open else whole).setdefault(word.text.lower(), word.text)
    # a word that begins so is found with the beginning
    words = tuple(text for key, text in whole.items() if not key.startswith(tuple(begun)))
    beginnings = tuple(text for key, text in begun.items() if not any(key != b and key.startswith(b) for b in begun))
    few = len(words) <= _MOST_WORDS and len(beginnings) <= _MOST_BEGINNINGS
    return Words(field, words, beginnings) if few else None


def _flat(condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, And) else (condition,)


def _width(condition: Condition) -> tuple[int, int]:
    """How much a guarded condition may still let through, and how long it is: how many words it asks for, a beginning
    as three of them, and how short they are."""
    asked = list(_asked_for(condition))
    words = [word for one in asked for word in (*one.words, *one.beginnings)]
    beginnings = sum(len(one.beginnings) for one in asked)
    return len(words) + 2 * beginnings, -min(map(len, words), default=0)


def _asked_for(condition: Condition) -> Iterator[Words]:
    if isinstance(condition, Words):
        yield condition
    elif isinstance(condition, And | Or):
        for part in condition.parts:
            yield from _asked_for(part)
