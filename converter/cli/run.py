"""What a command examined and what it did not: the one place that decides whether that is fine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from converter.build.gate import Pair, Refusal
from converter.build.named import Named
from converter.core.errors import Faults, ParityError
from converter.core.verdict import Outcome

_FAILED = (Outcome.DISAGREE, Outcome.ERROR)


def outcome(pair: Pair) -> Outcome:
    """How a pair ended, in one word."""
    if pair.proof is not None:
        return pair.proof.outcome
    return pair.refusal.outcome if pair.refusal is not None else Outcome.ERROR


def reason(pair: Pair) -> str:
    """Why a pair did not end with a proof."""
    if pair.refusal is not None:
        return pair.refusal.reason
    if pair.fault is not None:
        return pair.fault.message
    return pair.proof.reason if pair.proof is not None else ""


@dataclass(frozen=True)
class Run:
    """The pairs of a run, and what it left out: `broken` files and rules, `other` documents that are no rules, rules
    `without` data at any chosen target (path, why).

    With `judging` a query that its rule contradicts is a failure; without, it is refused like any other. `strict` makes
    failures of all that was refused or not examined.
    """

    pairs: tuple[Pair, ...]
    broken: tuple[ParityError, ...] = ()
    other: tuple[ParityError, ...] = ()
    without: tuple[tuple[str, str], ...] = ()
    strict: bool = False
    judging: bool = True

    @classmethod
    def of(cls, pairs: tuple[Pair, ...], named: Named, strict: bool, judging: bool = True) -> Run:
        """The run over what a command was asked to work on."""
        broken = {str(fault): fault for fault in named.broken}
        for pair in pairs:
            for fault in _faults(pair):
                broken.setdefault(str(fault).replace(f"{pair.target}: ", "", 1), fault)
        own: dict[str, list[Pair]] = {source.path: [] for source in named.sources}
        for pair in pairs:
            own[pair.source].append(pair)
        without = tuple((path, why) for path, found in own.items() if (why := _no_data(found)) is not None)
        gone = {source for source, _ in without}
        kept = tuple(pair for pair in pairs if pair.source not in gone and pair.fault is None)
        return cls(kept, tuple(broken.values()), tuple(named.other), without, strict, judging)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The pairs without a query."""
        return tuple(pair.refusal for pair in self.pairs if pair.refusal is not None)

    @property
    def counts(self) -> Counter[Outcome]:
        """How many pairs ended how."""
        return Counter(outcome(pair) for pair in self.pairs)

    @property
    def nothing(self) -> bool:
        """Whether the run shows nothing: no proof, and where queries are what is wanted, no query either."""
        queries = any(pair.query is not None for pair in self.pairs)
        return not (self.counts[Outcome.AGREE] or (queries and not self.judging))

    def fails(self, pair: Pair) -> bool:
        """Whether a pair is a reason for exit code 1."""
        if self.strict:
            return outcome(pair) is not Outcome.AGREE
        return self.judging and outcome(pair) in _FAILED

    @property
    def unexamined(self) -> int:
        """How many files or documents nothing is known of, the broken ones left aside."""
        return len(self.other) + len(self.without)

    @property
    def ok(self) -> bool:
        """Whether the exit code is 0; every format says the same."""
        if self.broken or self.nothing or (self.strict and self.unexamined):
            return False
        return not any(self.fails(pair) for pair in self.pairs)


def _faults(pair: Pair) -> tuple[ParityError, ...]:
    if pair.fault is None:
        return ()
    return pair.fault.faults if isinstance(pair.fault, Faults) else (pair.fault,)


def _no_data(own: list[Pair]) -> str | None:
    """Why nothing is known of a source: no chosen target has data for it, or it is for none of them; else None."""
    if not own:
        return "not meant for a chosen target"
    features = {pair.refusal.feature if pair.refusal is not None else "" for pair in own}
    feature = features.pop() if len(features) == 1 else ""
    log_source = feature.removeprefix("logsource ")
    return f"no chosen target has data for {log_source}" if log_source != feature else None
