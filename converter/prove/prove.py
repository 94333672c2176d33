"""(Rule, query text, target) -> proof verdict: is the shipped text equivalent to the rule, over all events?

The text is read back by its dialect's reader, pulled back to Sigma fields for each kind of record the platform
writes, and compared with the rule's own meaning; kinds of other log sources must be matched by nothing. What a platform
destroys is no way around: the rule is compared as it reads on what is left, and each loss that touches it is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from converter.core.discovery import schema_of
from converter.core.errors import OutOfFragment, ParityError, QueryError
from converter.core.model import Query, Rule, Target
from converter.core.platform import Kind, Schema
from converter.core.verdict import Outcome, Verdict
from converter.dialects.limits import excess
from converter.dialects.reading import Branch
from converter.dialects.registry import dialect
from converter.platforms.constants import covered, members, possible
from converter.platforms.domains import domain_of, event_domain
from converter.platforms.losses import NamedLoss, example, guarantee, reading, touched
from converter.platforms.pullback import fix, known, pull_back
from converter.prove.evidence import stands_on
from converter.prove.plausible import plausible
from converter.rules.meaning import meaning
from converter.semantics.decide.compare import Decision, Different, Unknown, compare, satisfiable
from converter.semantics.decide.domain import DEFAULT_BUDGET, Budget, Domain
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import FALSE, And, Not, Predicate, conjunction, disjunction, negation

CHECK = "proof"
Meaning = Callable[[Rule], Predicate]
#: the meanings of the last rules, which each target asks for again
_meaning = lru_cache(maxsize=64)(meaning)


@dataclass(frozen=True)
class Witness:
    """An event on which query and rule differ: as which kind of record, and both answers."""

    kind: str
    event: Mapping[str, Any]
    rule: bool
    query: bool

    def describe(self) -> str:
        fields = ", ".join(f"{k}={v!r}" for k, v in self.event.items()) or "an event without any of the fields"
        said = {True: "fires", False: "does not fire"}
        return f"the rule {said[self.rule]}, the query {said[self.query]} on {self.kind}: {fields}"


@dataclass(frozen=True)
class Proof:
    """How a proof ended: AGREE with the losses that touch the rule, DISAGREE with a witness, or out of its reach.

    `evidence` is the least level of evidence of the kinds of record that the rule is about.
    """

    outcome: Outcome
    reason: str = ""
    witness: Witness | None = None
    losses: tuple[NamedLoss, ...] = ()
    evidence: str = ""


def prove(
    query: Query,
    target: Target,
    rules: Mapping[str, Rule],
    budget: Budget = DEFAULT_BUDGET,
    means: Meaning = _meaning,
) -> Proof:
    """The proof for a query of one rule, or of a detection whose parts `rules` maps from their labels.

    A label's rows are those of its part; where a row has but the first label, without those of the parts before.
    `means` gives a rule's meaning, with a site's placeholders filled in where it has some.
    """
    schema = schema_of(target)
    try:
        if too_long := excess(query.text, target):
            raise QueryError(too_long)
        branches = dialect(target.dialect).read(query.text, schema)
        groups = [Group(list(rules.values()), list(branches))]
        if all(branch.labels for branch in branches) and len(rules) > 1:
            groups = list(_labelled(rules, branches, dialect(target.dialect).abilities.first_label))
        return decided(groups, schema, budget, means)
    except OutOfFragment as fault:
        return Proof(Outcome.OUT_OF_FRAGMENT, fault.message)
    except ParityError as fault:
        return Proof(Outcome.ERROR, str(fault))


@dataclass(frozen=True)
class Group:
    """Rules and branches that must mean the same, but for what rules `before` take."""

    rules: Sequence[Rule]
    branches: Sequence[Branch]
    before: Sequence[Rule] = ()


def _labelled(rules: Mapping[str, Rule], branches: Iterable[Branch], first: bool) -> Iterator[Group]:
    """One group a part: its rule, and the branches with its label."""
    every, parts = list(rules.values()), list(branches)
    for number, (name, rule) in enumerate(rules.items()):
        own = [branch for branch in parts if name in branch.labels.values()]
        yield Group([rule], own, every[:number] if first else ())


def decided(groups: Iterable[Group], schema: Schema, budget: Budget, means: Meaning) -> Proof:
    """Whether, for each group, what some rules mean together is what some branches mean together."""
    losses: list[NamedLoss] = []
    rules: list[Rule] = []
    for group in groups:
        rules += group.rules
        comparison = _Comparison(group, schema, budget, means)
        answer = comparison.differs()
        if answer is not None:
            return answer
        losses += comparison.losses()
        dead = comparison.dead(losses)
        if dead is not None:
            return dead
    return Proof(Outcome.AGREE, losses=_each_once(losses), evidence=stands_on(rules, schema))


def _each_once(losses: Sequence[NamedLoss]) -> tuple[NamedLoss, ...]:
    """The first of the losses with the same id and fields."""
    found: dict[object, NamedLoss] = {}
    for loss in losses:
        found.setdefault((loss.loss.id, loss.fields), loss)
    return tuple(found.values())


class _Comparison:
    """Some rules against the branches of a query, kind by kind."""

    def __init__(self, group: Group, schema: Schema, budget: Budget, means: Meaning) -> None:
        self.rules, self.before, self.branches = group.rules, group.before, group.branches
        self.schema, self.budget = schema, budget
        self.meanings = {rule.path: means(rule) for rule in (*group.rules, *group.before)}
        self._wanted: dict[object, Predicate] = {}
        sources = tuple(source for rule in self.rules for source in rule.logsources)
        self._about = covered(sources, schema)
        self._categories = {source.category for source in sources}

    def wanted(self, kind: Kind) -> Predicate:
        """What the rules ask of events of a kind."""
        key = (kind.logsources, *kind.sigma.items())
        if key not in self._wanted:
            asked, taken = (self._any(rules, kind) for rules in (self.rules, self.before))
            self._wanted[key] = asked if taken == FALSE else conjunction([asked, negation(taken)])
        return self._wanted[key]

    def _any(self, rules: Iterable[Rule], kind: Kind) -> Predicate:
        return disjunction(fix(self.meanings[rule.path], kind) for rule in rules if kind.meant_by(rule))

    def _nearest_first(self, kinds: int) -> list[tuple[int, Kind]]:
        """`members`, so that a witness is a record of the rules' own log source or else of one like it."""
        own, others = members(kinds & self._about, self.schema), members(kinds & ~self._about, self.schema)
        return [*own, *sorted(others, key=lambda member: member[1].logsource.category not in self._categories)]

    def differs(self) -> Proof | None:
        """None when the branches mean what the rules mean, on every kind of record."""
        unknown: Proof | None = None
        found_on = [possible(branch.predicate, branch.tables, self.schema) for branch in self.branches]
        concerned = self._about
        for kinds in found_on:
            concerned |= kinds
        for position, kind in self._nearest_first(concerned):
            wanted = self.wanted(kind)
            found = disjunction(
                pull_back(branch.predicate, kind, self.schema, wanted.fields)
                for branch, kinds in zip(self.branches, found_on, strict=True)
                if kinds >> position & 1
            )
            if wanted == FALSE == found:
                continue
            answer = separated(wanted, found, kind, self.schema, self.budget)
            if isinstance(answer, Witness):
                return Proof(Outcome.DISAGREE, answer.describe(), answer)
            if isinstance(answer, Unknown):
                unknown = unknown or Proof(Outcome.OUT_OF_FRAGMENT, answer.reason)
        return unknown

    def losses(self) -> list[NamedLoss]:
        """What the platform destroys that makes the rules mean less."""
        found: list[NamedLoss] = []
        for _, kind in members(self._about, self.schema):
            wanted = self.wanted(kind)
            if wanted != FALSE:
                found += touched(wanted, kind, self.schema, self.budget)
        return found

    def dead(self, losses: Sequence[NamedLoss]) -> Proof | None:
        """DISAGREE when a loss leaves nothing on which a rule could fire, though events exist on which it does."""
        if not losses:
            return None
        possible_at_all = False
        for _, kind in members(self._about, self.schema):
            wanted = self.wanted(kind)
            if wanted == FALSE:
                continue
            if _fires(wanted, kind, self.schema, self.budget):
                return None
            domain = event_domain(wanted.fields, kind.logsource.product)
            possible_at_all |= satisfiable(wanted, domain, self.budget) is not None
        if not possible_at_all:
            return None  # nothing of it is the platform's doing
        first = losses[0]
        event = dict(first.event or {})
        witness = Witness(first.kind, event, True, False)
        return Proof(
            Outcome.DISAGREE, f"the query can never fire here: {first.loss.text} {witness.describe()}", witness
        )


def separated(
    wanted: Predicate, found: Predicate, kind: Kind, schema: Schema, budget: Budget = DEFAULT_BUDGET
) -> Witness | Unknown | None:
    """The event behind a record of `kind` on which a rule and a query, both over Sigma fields, differ; None without."""
    read = reading(wanted, kind, schema)
    sure = conjunction([known(kind, schema), guarantee((read, found), kind, schema)])
    sides = _both(sure, read), _both(sure, found)
    domain = domain_of(kind, schema)
    decision = _decide(*sides, domain, budget)
    if isinstance(decision, Different):
        return _witness(kind, decision, sides, domain)
    return decision if isinstance(decision, Unknown) else None


@lru_cache(maxsize=4096)
def _fires(wanted: Predicate, kind: Kind, schema: Schema, budget: Budget) -> bool:
    """Whether a rule fires on anything that a record of the kind can still hold, as far as can be decided."""
    read = reading(wanted, kind, schema)
    sure = conjunction([known(kind, schema), guarantee((read,), kind, schema)])
    asked, domain = _both(sure, read), domain_of(kind, schema)
    event = example(wanted)
    if event is not None and _is_held(event, domain) and holds(asked, event):
        return True
    return satisfiable(asked, domain, budget) is not None


def _is_held(event: Mapping[str, Any], domain: Domain) -> bool:
    """Whether the values of an event are surely of a domain: where it is no narrower than that of events."""
    usual = event_domain(event, None)
    return all(
        (own.sort, own.language, own.numbers) == (of.sort, of.language, of.numbers) and value not in ("", [])
        for name, value in event.items()
        for own, of in ((usual.of(name), domain.of(name)),)
    )


def _both(sure: Predicate, side: Predicate) -> Predicate:
    """Both, FALSE at once where `side` denies what is sure."""
    facts = sure.parts if isinstance(sure, And) else (sure,)
    denied = {part.part for part in (side.parts if isinstance(side, And) else (side,)) if isinstance(part, Not)}
    return FALSE if denied.intersection(facts) else conjunction([sure, side])


def _witness(kind: Kind, found: Different, sides: tuple[Predicate, Predicate], domain: Domain) -> Witness:
    """The event that separates the two, with values a reader knows where they separate them just as well."""
    answers = (found.left_value, found.right_value)
    event = plausible(found.event, domain, lambda trial: (holds(sides[0], trial), holds(sides[1], trial)) == answers)
    fixed = {name: value for name, value in kind.sigma.items() if value is not None}
    return Witness(kind.name, {**fixed, **event}, *answers)


#: The last questions: kinds of record, and targets over the same data, often pull back to the very same predicates.
_ANSWERS: dict[object, Decision] = {}
_REMEMBERED = 4096


def _decide(wanted: Predicate, found: Predicate, domain: Domain, budget: Budget) -> Decision:
    fields = wanted.fields | found.fields
    key = (wanted, found, frozenset((name, domain.of(name)) for name in fields), budget)
    if key not in _ANSWERS:
        if len(_ANSWERS) >= _REMEMBERED:
            _ANSWERS.pop(next(iter(_ANSWERS)))
        _ANSWERS[key] = compare(wanted, found, domain, budget)
    return _ANSWERS[key]


def verdict(
    query: Query,
    target: Target,
    rules: Mapping[str, Rule],
    budget: Budget = DEFAULT_BUDGET,
    means: Meaning = meaning,
) -> Verdict:
    """`prove` as a verdict for a report."""
    proof = prove(query, target, rules, budget, means)
    losses = tuple(dict.fromkeys(found.loss.id for found in proof.losses))
    return Verdict(query.source, target.name, CHECK, proof.outcome, "decided by Parity", proof.reason, losses=losses)
