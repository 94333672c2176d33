"""What `lint` reports: the kinds of finding, and one finding with what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from converter.core.model import LogSource, Rule
from converter.explain.outline import Outline
from converter.semantics.decide.compare import Unknown
from converter.semantics.decide.domain import Budget, Domain
from converter.semantics.decide.predicate import Predicate

#: Enough for nearly every rule of the public corpus; what needs more is reported as not decided.
BUDGET = Budget(steps=200_000, conflicts=500)
PROVED = "proved"

#: kind -> (severity, what it means)
_KINDS = {
    "never-matches": ("error", "A selection that no event can match."),
    "rule-never-matches": ("error", "A condition that no event can satisfy."),
    "rule-always-matches": ("error", "A condition that every event satisfies."),
    "dead-value": ("warning", "A value of a list that no event can have."),
    "idle-filter": ("warning", "A filter that excludes nothing: the rule means the same without it."),
    "covered-value": ("warning", "A value that another value of the same list covers."),
    "subsumed-rule": ("warning", "A rule that fires only where another rule of its log source does."),
    "duplicate-rule": ("warning", "Two rules of one log source that fire on the same events."),
    "unused-selection": ("warning", "A selection that the condition does not mention."),
    "never-fires-on-platform": ("warning", "A rule that can never fire on a platform, because of what that destroys."),
    "lost-value": ("warning", "A value that no record of a platform can hold, because of what that destroys."),
    "scans": ("warning", "A rule whose query no index of a platform narrows down."),
    "blind": ("note", "A field that some kinds of record of a platform do not have: the rule does not see them."),
    "not-decided": ("note", "A rule that could not be examined in full."),
}
KINDS = {kind: text for kind, (_, text) in _KINDS.items()}


@dataclass(frozen=True)
class Finding:
    """One finding. `evidence` is `proved` or what else it rests on; `event` an example where there is one."""

    kind: str
    path: str
    line: int
    message: str
    evidence: str = PROVED
    event: Mapping[str, Any] | None = None
    subject: str = ""

    @property
    def severity(self) -> str:
        """`error`, `warning` or `note`."""
        return _KINDS[self.kind][0]


@dataclass
class Examined:
    """A rule that could be read: what it means, the values its fields can have, and events on which it fires."""

    rule: Rule
    outline: Outline
    whole: Predicate
    domain: Domain
    samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def source(self) -> LogSource:
        return self.rule.logsource

    def finding(
        self, kind: str, line: int, message: str, evidence: str = PROVED, event: Mapping[str, Any] | None = None,
        subject: str = "",
    ) -> Finding:  # fmt: skip
        return Finding(kind, self.rule.path, line, message, evidence, event, subject)

    def undecided(self, answer: object, what: str) -> Iterator[Finding]:
        """A note, where an answer is none."""
        if isinstance(answer, Unknown):
            line = self.outline.line("condition")
            yield self.finding("not-decided", line, f"it was not decided {what}", answer.reason)


def failed(findings: Iterable[Finding]) -> bool:
    """Whether something is an error."""
    return any(finding.severity == "error" for finding in findings)
