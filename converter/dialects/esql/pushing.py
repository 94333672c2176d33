"""What 8.19 hands to the index, and one test more where it would hand over nothing that narrows a query down.

Measured on 8.19.21: a comparison of a bare column is handed over, and so is one folded value, `TO_LOWER(f) == "x"`.
A list of folded values and a pattern of a folded column are not, and then each row is loaded and computed (107 to 1,514
ms of 279,972 rows; 5 to 112 ms as an expression of the bare column with both cases spelled). One expression of several
alternatives costs one walk through the values of a field, where each pattern alone would cost one (101 against 2,353 ms
for twenty). So of a query that nothing narrows one test is written as expressions; the others read better as they are,
and are computed for the few rows that are left.
"""

from __future__ import annotations

from collections.abc import Sequence

from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    NumberIn,
    OneOf,
    Or,
    Pattern,
    Regex,
    Wild,
)
from converter.dialects.elastic import excess, folds_beyond_ascii, lucene_pattern, numerals

#: more expressions for one test are more text than they are worth
_MOST = 4
#: columns with the most different values: a walk through them took 74 ms where one through paths of programs took 8
_LONG = ("command_line", "CommandLine", "ScriptBlockText", "Payload", ".path")
#: what begins a path, such as `C:\\`, has so many characters
_ROOT = 3


class Pushing:
    """`scope` are the columns that tell only which records are meant, `arrays` those that hold several values."""

    def __init__(self, scope: frozenset[str], arrays: frozenset[str]) -> None:
        self.scope, self.arrays = scope, arrays

    def chosen(self, condition: Condition) -> dict[int, list[str]]:
        """The tests to be written as expressions, by identity, with these; none where something narrows already, or
        nothing can."""
        found = self._chosen(condition)
        return {} if found is None else {id(leaf): texts for leaf, texts in found}

    def _chosen(self, condition: Condition) -> list[tuple[Match, list[str]]] | None:
        if self.narrows(condition):
            return []
        if isinstance(condition, And):
            ways = [way for way in map(self._chosen, condition.parts) if way is not None]
            return min(ways, key=_price, default=None)
        if isinstance(condition, Or):
            parts = [self._chosen(part) for part in condition.parts]
            return None if None in parts else [one for part in parts for one in part or ()]
        if isinstance(condition, Match) and condition.field not in self.arrays | self.scope:
            texts = None if handed_over(condition) else expressions_of(condition)
            return [(condition, texts)] if texts else None
        return None

    def narrows(self, condition: Condition) -> bool:
        """Whether the index finds the few rows on which it may hold, as it is written."""
        if isinstance(condition, And):
            return any(map(self.narrows, condition.parts))
        if isinstance(condition, Or):
            return all(map(self.narrows, condition.parts))
        if isinstance(condition, Match) and condition.field not in self.arrays | self.scope:
            return handed_over(condition) and not any(map(_is_wide, condition.patterns))
        return isinstance(condition, Regex | NumberIn | Compare | InNetworks) and condition.field not in self.scope


def handed_over(leaf: Match) -> bool:
    """Whether a test of a column with one value is handed to the index, as it is usually written."""
    if any(pattern.shape == "any" for pattern in leaf.patterns):
        return False
    if numerals(leaf).cased:
        return True
    values = [p for p in leaf.patterns if p.shape == "equals" and not folds_beyond_ascii(p)]
    spelled = [p for p in leaf.patterns if any(isinstance(x, OneOf) for x in p.parts) or not p.is_ascii]
    return len(values) < 2 and len({*values, *spelled}) == len(leaf.patterns)


def _is_wide(pattern: Pattern) -> bool:
    """Whether it asks for no more than a root, as `/` tells paths of Linux."""
    return pattern.shape == "startswith" and len(pattern.text) <= _ROOT


def expressions_of(leaf: Match) -> list[str] | None:
    """Expressions of which any fits whatever any of the patterns does; None where Elasticsearch would not take them."""
    if any(not p.characters or p.shape == "any" for p in leaf.patterns):
        return None
    groups: dict[tuple[bool, bool], list[Pattern]] = {}
    for pattern in leaf.patterns:
        open_ends = pattern.parts[0] is Wild.ANY, len(pattern.parts) > 1 and pattern.parts[-1] is Wild.ANY
        groups.setdefault(open_ends, []).append(pattern)
    out: list[str] = []
    for (begins, ends), patterns in groups.items():
        cores = [Pattern(p.parts[begins : len(p.parts) - ends]) for p in patterns]
        bodies = list(dict.fromkeys(lucene_pattern(core, leaf.cased, True) for core in cores))
        found = _joined(bodies, ".*" * begins, ".*" * ends)
        if found is None or len(out := out + found) > _MOST:
            return None
    return out


def _joined(bodies: Sequence[str], before: str, after: str) -> list[str] | None:
    """As few expressions as Elasticsearch takes."""
    text = before + (bodies[0] if len(bodies) == 1 else f"({'|'.join(bodies)})") + after
    if not excess(text):
        return [text]
    if len(bodies) == 1 or len(bodies) > 200:
        return None
    half = len(bodies) // 2
    parts = [_joined(some, before, after) for some in (bodies[:half], bodies[half:])]
    return None if None in parts else [text for part in parts for text in part or ()]


def _price(way: Sequence[tuple[Match, list[str]]]) -> tuple[int, int, int, int]:
    """What a choice costs: walks through columns of long texts, walks at all, and what it may let through: how many
    patterns there are, and how short the shortest is."""
    walks = [leaf.field for leaf, texts in way for text in texts if text.startswith(".*")]
    patterns = [pattern for leaf, _ in way for pattern in leaf.patterns]
    shortest = min((len(pattern.characters) for pattern in patterns), default=0)
    return sum(field.endswith(_LONG) for field in walks), len(walks), len(patterns), -shortest
