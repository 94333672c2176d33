"""What a platform guarantees of each field, and how much work a decision may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converter.semantics.regular.language import ANY_STRING, Language


@dataclass(frozen=True)
class FieldDomain:
    """The values one field can have.

    `sort` is `string`, `number` (integers), `address`, or `any`: numbers, addresses and other texts alike. Every
    present text is in `language`, every number in one of `numbers` (inclusive, None is unbounded). `optional`: the
    field may be missing. `empty_is_missing`: the platform keeps no empty string apart from a missing one, so the empty
    string never occurs. `many`: the field may hold several values. `samples` are plausible values, tried first when an
    event is made up.
    """

    sort: str = "any"
    language: Language = ANY_STRING
    numbers: tuple[tuple[int | None, int | None], ...] = ((None, None),)
    optional: bool = True
    empty_is_missing: bool = False
    many: bool = False
    samples: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Domain:
    """The fields of a platform's events; a field not named is as `default` says."""

    fields: Mapping[str, FieldDomain] = field(default_factory=dict)
    default: FieldDomain = field(default_factory=FieldDomain)

    def of(self, name: str) -> FieldDomain:
        return self.fields.get(name, self.default)


ANYTHING = Domain()


@dataclass(frozen=True)
class Budget:
    """Limits in counted steps, so that an answer never depends on the machine: automaton steps and conflicts."""

    steps: int = 1_500_000
    conflicts: int = 5_000


DEFAULT_BUDGET = Budget()
