"""How well the records are known that a rule's verdict stands on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from converter.core.model import LogSource, Rule
from converter.core.platform import Kind, Schema
from converter.platforms.evidence import LEVELS, level


def stands_on(rules: Iterable[Rule], schema: Schema) -> str:
    """The least level of evidence among the kinds of record that the rules are about; "" where there are none."""
    found = [level(kind) for rule in rules for kind in _covered(rule.logsources, schema)]
    return max(found, key=LEVELS.index, default="")


def concerned(rule: Rule, schema: Schema) -> tuple[Kind, ...]:
    """The kinds of record that a rule is about."""
    return _covered(rule.logsources, schema)


@lru_cache(maxsize=1024)
def _covered(logsources: tuple[LogSource, ...], schema: Schema) -> tuple[Kind, ...]:
    return tuple(kind for kind in schema.kinds if any(kind.meant_by(source) for source in logsources))
