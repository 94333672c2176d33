"""A correlation rule as it stands in a file: which rules, grouped by what, how many within which time.

Source: Sigma correlation rules specification 2.x,
https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-correlation-rules-specification.md
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from converter.core.model import Rule, SigmaDocument

#: the types that tell their rules apart; the others count over all of them together
TEMPORAL = ("temporal", "temporal_ordered")


@dataclass(frozen=True)
class Count:
    """What a count must be: every `(operator, number)` holds, the operators being gt, gte, lt, lte, eq and neq."""

    tests: tuple[tuple[str, int], ...]

    def met(self, count: int) -> bool:
        """Whether a count meets the condition."""
        answers = {
            "gt": lambda number: count > number,
            "gte": lambda number: count >= number,
            "lt": lambda number: count < number,
            "lte": lambda number: count <= number,
            "eq": lambda number: count == number,
            "neq": lambda number: count != number,
        }
        return all(answers[operator](number) for operator, number in self.tests)

    @property
    def least(self) -> int | None:
        """The least count that meets the condition if every greater one does too, else None."""
        if any(operator not in ("gt", "gte") for operator, _ in self.tests):
            return None
        return max(number + (operator == "gt") for operator, number in self.tests)

    def __str__(self) -> str:
        return ", ".join(f"{operator} {number}" for operator, number in self.tests)


@dataclass(frozen=True, eq=False, kw_only=True)
class Correlation(SigmaDocument):
    """One correlation rule.

    `references` name the rules as written, `rules` are their paths in the same order, () until they are looked up.
    `seconds` is the timespan. `field` is what value_count counts, "" otherwise. `aliases` maps an alias to the field of
    each rule, by its reference.
    """

    type: str
    references: tuple[str, ...]
    group_by: tuple[str, ...]
    seconds: int
    count: Count
    field: str = ""
    aliases: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    generate: bool = False
    rules: tuple[str, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether the rules must match in the order in which they are named."""
        return self.type == "temporal_ordered"

    def at(self, *path: str | int) -> str:
        """As of any document; the correlation itself where no part of it is named."""
        return super().at(*(path or ("correlation",)))

    def fields_of(self, reference: str) -> tuple[str, ...]:
        """The Sigma fields, in the order of `group_by`, whose values group the events of a rule."""
        return tuple(self.aliases[name][reference] if name in self.aliases else name for name in self.group_by)

    def parts(self, rules: Mapping[str, Rule]) -> tuple[tuple[str, Rule], ...]:
        """(reference, rule) of every rule referred to, in order; `rules` maps a path to its rule."""
        return tuple((name, rules[path]) for name, path in zip(self.references, self.rules, strict=True))


def unit(seconds: int) -> str:
    """A timespan in the largest unit that it is a whole number of: `90m`, `1d`."""
    for size, letter in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"
