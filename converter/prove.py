"""(Rule, query text, target) -> proof verdict: is the shipped text equivalent to the rule, over all events?

The text is read back by its dialect's reader, pulled back to Sigma fields for each kind of record the platform
writes, and compared with the rule's own meaning; kinds of other categories must be matched by nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from converter.dialects.reading import Branch
from converter.discovery import dialect_module, schema_of
from converter.errors import OutOfFragment, ParityError
from converter.meaning import meaning
from converter.model import Kind, Outcome, Query, Rule, Schema, Target, Verdict
from converter.plausible import plausible
from converter.schemas.pullback import domain_of, fix, guarantee, pull_back
from converter.semantics.decide import Decision, Different, Equivalent, Unknown, compare
from converter.semantics.domain import DEFAULT_BUDGET, Budget, Domain
from converter.semantics.evaluate import holds
from converter.semantics.predicate import FALSE, Predicate, conjunction, disjunction

CHECK = "proof"


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
    """How a proof ended: AGREE, DISAGREE with a witness, or OUT_OF_FRAGMENT / ERROR with the reason."""

    outcome: Outcome
    reason: str = ""
    witness: Witness | None = None


def prove(query: Query, target: Target, rules: Mapping[str, Rule], budget: Budget = DEFAULT_BUDGET) -> Proof:
    """The proof for a query of one rule, or of a detection whose parts `rules` maps from their labels."""
    schema = schema_of(target)
    try:
        branches = dialect_module(target.dialect, "reader").read(query.text, schema)
        labelled = all(b.labels for b in branches) and len(rules) > 1
        for label, part in rules.items() if labelled else [("", None)]:
            wanted = [part] if part is not None else list(rules.values())
            chosen = [b for b in branches if not labelled or label in b.labels.values()]
            answer = _compare(wanted, chosen, schema, budget)
            if answer is not None:
                return answer
    except OutOfFragment as fault:
        return Proof(Outcome.OUT_OF_FRAGMENT, fault.message)
    except ParityError as fault:
        return Proof(Outcome.ERROR, str(fault))
    return Proof(Outcome.AGREE)


def _compare(rules: list[Rule], branches: list[Branch], schema: Schema, budget: Budget) -> Proof | None:
    """None when the branches mean what the rules mean, on every kind of record."""
    unknown: Proof | None = None
    meanings = {rule.path: meaning(rule) for rule in rules}
    for kind in schema.kinds:
        wanted = disjunction(fix(meanings[r.path], kind) for r in rules if r.category == kind.category)
        found = disjunction(_of_kind(branches, kind, schema))
        if wanted == FALSE == found:
            continue
        sure = guarantee(schema, (wanted, found))
        sides = conjunction([sure, wanted]), conjunction([sure, found])
        domain = domain_of(kind, schema)
        decision = _decide(*sides, domain, budget)
        if isinstance(decision, Different):
            witness = _witness(kind, decision, sides, domain)
            return Proof(Outcome.DISAGREE, witness.describe(), witness)
        if isinstance(decision, Unknown):
            unknown = unknown or Proof(Outcome.OUT_OF_FRAGMENT, decision.reason)
        assert isinstance(decision, (Equivalent, Unknown))
    return unknown


def _witness(kind: Kind, found: Different, sides: tuple[Predicate, Predicate], domain: Domain) -> Witness:
    """The event that separates the two, with values a reader knows where they separate them just as well."""
    answers = (found.left_value, found.right_value)
    event = plausible(found.event, domain, lambda trial: (holds(sides[0], trial), holds(sides[1], trial)) == answers)
    fixed = {name: value for name, value in kind.sigma.items() if value is not None}
    return Witness(kind.name, {**fixed, **event}, *answers)


#: The last questions: kinds of record, and targets over the same data, often pull back to the very same predicates.
_ANSWERS: dict[object, Decision] = {}
_REMEMBERED = 64


def _decide(wanted: Predicate, found: Predicate, domain: Domain, budget: Budget) -> Decision:
    key = (wanted, found, frozenset(domain.fields.items()), domain.default, budget)
    if key not in _ANSWERS:
        if len(_ANSWERS) >= _REMEMBERED:
            _ANSWERS.pop(next(iter(_ANSWERS)))
        _ANSWERS[key] = compare(wanted, found, domain, budget)
    return _ANSWERS[key]


def _of_kind(branches: list[Branch], kind: Kind, schema: Schema) -> Iterator[Predicate]:
    for branch in branches:
        if not branch.tables or any(fnmatchcase(kind.table, pattern) for pattern in branch.tables):
            yield pull_back(branch.predicate, kind, schema)


def verdict(query: Query, target: Target, rules: Mapping[str, Rule], budget: Budget = DEFAULT_BUDGET) -> Verdict:
    """`prove` as a verdict for a report."""
    proof = prove(query, target, rules, budget)
    return Verdict(query.source, target.name, CHECK, proof.outcome, "decided by Parity", proof.reason)
