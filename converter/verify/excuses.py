"""Why a platform may answer otherwise than the rule: the named losses that leave a record no way to tell.

The proof compares a rule's reading on what a record still holds, and execution is judged by the same: an answer that
differs from the rule's is excused when it is the reading's, and each loss that makes the difference is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from converter.build.bench import Sample
from converter.core.errors import ParityError
from converter.core.model import Rule
from converter.core.platform import Kind, Schema
from converter.platforms.losses import held, reading, touched
from converter.platforms.pullback import fix
from converter.rules.meaning import meaning
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import Predicate


@dataclass(frozen=True)
class _Reading:
    """What a rule means on records of a kind, and the losses (id, text) that make it mean less than on the event."""

    predicate: Predicate
    losses: tuple[str, ...]


@dataclass(frozen=True)
class Excuses:
    """The excuses of a platform for the answers to some rules."""

    schema: Schema
    _readings: dict[tuple[str, str], _Reading | None] = field(default_factory=dict)

    def of(self, rules: Iterable[Rule], sample: Sample, hit: bool) -> tuple[str, ...]:
        """Ids of the losses because of which the answer `hit` is right for what the record holds; none if it is not."""
        about = [self._of(rule, sample.kind) for rule in rules if sample.kind.meant_by(rule)]
        readings = [found for found in about if found is not None]
        if len(readings) < len(about):
            return ()
        kept = held(sample.case.event, sample.kind, self.schema)
        if any(holds(found.predicate, kept) for found in readings) != hit:
            return ()
        return tuple(dict.fromkeys(loss for found in readings for loss in found.losses))

    def _of(self, rule: Rule, kind: Kind) -> _Reading | None:
        """None for a rule whose meaning is out of the fragment: nothing can be excused then."""
        key = rule.path, kind.name
        if key not in self._readings:
            self._readings[key] = self._read(rule, kind)
        return self._readings[key]

    def _read(self, rule: Rule, kind: Kind) -> _Reading | None:
        try:
            meant = fix(meaning(rule), kind)
            named = touched(meant, kind, self.schema)
            return _Reading(reading(meant, kind, self.schema), tuple(found.loss.id for found in named))
        except ParityError:
            return None
