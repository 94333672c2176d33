"""The events that a rule asks for by itself: made by the prover, executed on every engine.

For every test of a rule's meaning there is a pair of events that differ in that test alone and flip the verdict (the
"unique cause" form of MC/DC, https://doi.org/10.1049/sej.1994.0025); for every alternative inside a pattern an event
that matches through it only; for every edge of a range the two values at either side; for every text its other
spellings. What proof and evaluator say of them must be what an engine does: a contradiction is a fault of Parity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from converter.core.model import Event, Rule
from converter.core.platform import Kind, Schema
from converter.core.verdict import Case
from converter.dialects import registry
from converter.dialects.reading import Branch
from converter.platforms.domains import event_domain
from converter.platforms.hashes import HASHES
from converter.platforms.losses import held
from converter.platforms.project import fixed_fields
from converter.platforms.pullback import known, pull_back
from converter.rules.meaning import meaning
from converter.semantics.decide.compare import Unknown, satisfiable
from converter.semantics.decide.domain import DEFAULT_BUDGET, Budget, Domain, FieldDomain
from converter.semantics.decide.evaluate import as_address, holds, matches
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    And,
    Atom,
    Not,
    Or,
    Predicate,
    Present,
    SameAs,
    Strings,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.decide.transform import transform
from converter.semantics.regular.language import Alt, Language, literal
from tests.support.variants import edges, options, spellings

#: alternatives of one pattern that get an event of their own
MAX_OPTIONS = 64
#: Sysmon's list of hashes (https://learn.microsoft.com/en-us/sysinternals/downloads/sysmon, "HashAlgorithms")
_HASH = "|".join(f"{name}=[0-9a-f]{{{digits}}}" for name, digits in HASHES.items())
_HASHES = re.compile(rf"(?:{_HASH})(?:,(?:{_HASH}))*", re.IGNORECASE)
#: the fields that hold such a list: Hash is that of the event of a new stream (15)
_HASHED = ("Hashes", "Hash")
#: what marks the second event's field while both events of a pair are looked for at once
_TWIN = "\N{PRIME}"

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Probe:
    """One event with the rule's verdict on it; `purpose` is `pair`, `option`, `edge`, `spelling` or `missing`."""

    name: str
    event: Event = field(hash=False)
    match: bool
    purpose: str


@dataclass(frozen=True)
class Probes:
    """The probes of a rule on one platform.

    `atoms` counts the tests of the meaning. `coupled` names those that no pair of events can isolate, because another
    test covers them; `unsettled` those for which the budget ended the search; `passed` counts the tests that were not
    looked at, because no more than `most` were asked for.
    """

    probes: tuple[Probe, ...]
    atoms: int
    coupled: tuple[str, ...]
    unsettled: tuple[str, ...]
    passed: int = 0

    def cases(self) -> tuple[Case, ...]:
        """The probes as fixtures."""
        return tuple(Case(probe.name, probe.event, probe.match) for probe in self.probes)


def probe(
    predicate: Predicate,
    domain: Domain,
    budget: Budget = DEFAULT_BUDGET,
    most: int | None = None,
    alternatives: int = MAX_OPTIONS,
) -> Probes:
    """The probes for a meaning over Sigma fields. Deterministic: the same meaning gives the same events.

    `most` tests, taken evenly from all, are looked at, and as many `alternatives` of each pattern: what a test costs
    grows with the number of tests beside it.
    """
    search = _Search(predicate, domain, budget, alternatives)
    chosen = evenly(list(enumerate(search.atoms, 1)), len(search.atoms) if most is None else most)
    for number, atom in chosen:
        search.isolate(atom, f"test {number} ({atom.field})")
    unique: dict[str, Probe] = {}
    for item in search.found:
        unique.setdefault(repr(sorted(item.event.items())), item)
    atoms = len(search.atoms)
    coupled, unsettled = tuple(search.coupled), tuple(search.unsettled)
    return Probes(tuple(unique.values()), atoms, coupled, unsettled, atoms - len(chosen))


def evenly(items: Sequence[_Item], count: int) -> list[_Item]:
    """At most `count` of the items, at even distances, the first among them."""
    step = max(1.0, len(items) / max(count, 1))
    return [items[int(number * step)] for number in range(min(count, len(items)))]


def domain_for(rule: Rule, schema: Schema) -> Domain:
    """What holds of the fields of a rule's events, and which of them a platform has records for."""
    kinds = [kind for kind in schema.kinds if kind.meant_by(rule)]
    domain = event_domain(meaning(rule).fields, rule.logsource.product)
    fields = dict(domain.fields)
    for name in sorted({name for kind in kinds for name in kind.sigma}):
        values = [kind.sigma.get(name) for kind in kinds]
        texts = tuple(dict.fromkeys(value for value in values if value is not None))
        language = Alt(tuple(literal(text, False) for text in texts))
        fields[name] = FieldDomain("string", language, optional=None in values, samples=texts)
    return Domain(fields, domain.default)


class _Search:
    def __init__(self, predicate: Predicate, domain: Domain, budget: Budget, alternatives: int) -> None:
        self.predicate, self.domain, self.budget, self.alternatives = predicate, domain, budget, alternatives
        self.atoms = tuple(dict.fromkeys(atoms_of(predicate)))
        self.found: list[Probe] = []
        self.coupled: list[str] = []
        self.unsettled: list[str] = []

    def isolate(self, atom: Atom, name: str) -> None:
        """All probes for one test of the meaning."""
        effect = _effect(self.predicate, atom)
        pair = self._pair(atom, effect)
        if not isinstance(pair, tuple):
            (self.coupled if pair is None else self.unsettled).append(name)
            return
        yes, no = pair
        self._add(f"{name} holds", yes, "pair")
        self._add(f"{name} does not hold", no, "pair")
        self._add(f"{name} is missing", {k: v for k, v in yes.items() if k != atom.field}, "missing")
        if isinstance(atom.values, Strings):
            self._options(atom, effect, name, atom.values.language)
            for spelling, value in spellings(yes.get(atom.field)):
                own = self.domain.of(atom.field)
                if matches(own.language, value) and (own.sort != "address" or as_address(value)):
                    self._add(f"{name} {spelling}", {**yes, atom.field: value}, "spelling")
        for number, value in enumerate(edges(atom.values)):
            self._add(f"{name} edge {number}", {**yes, atom.field: value}, "edge")

    def _pair(self, atom: Atom, effect: Predicate) -> tuple[dict[str, Any], dict[str, Any]] | Unknown | None:
        """Two events: the test holds on the first only, every other test alike on both, and the verdict flips.

        One question finds both. The second event differs in the test's own field, whose value there stands under a
        name of its own; where no two tests compare fields with each other, that loses no pair.
        """
        twin = atom.field + _TWIN
        others = [a for a in self.atoms if a != atom and _touches(a, atom.field)]
        alike = [_iff(a, _renamed(a, atom.field, twin)) for a in others]
        domain = Domain({**self.domain.fields, twin: self.domain.of(atom.field)}, self.domain.default)
        base = [effect, atom, Not(_renamed(atom, atom.field, twin)), *alike]
        answer: dict[str, Any] | Unknown | None
        for extra in ([Atom(twin, Present())], []):  # a near miss tells more than an event without the field
            answer = satisfiable(conjunction([*base, *extra]), domain, self.budget)
            if isinstance(answer, dict):
                first = {k: v for k, v in answer.items() if k != twin}
                second = {k: v for k, v in first.items() if k != atom.field}
                return first, second | ({atom.field: answer[twin]} if twin in answer else {})
        return answer if isinstance(answer, Unknown) else None

    def _options(self, atom: Atom, effect: Predicate, name: str, language: Language) -> None:
        for number, (one, others) in enumerate(options(language)):
            if number >= self.alternatives:
                break
            only = conjunction([effect, Atom(atom.field, Strings(one)), Not(Atom(atom.field, Strings(others)))])
            answer = satisfiable(only, self.domain, self.budget)
            if isinstance(answer, dict):
                self._add(f"{name} alternative {number}", answer, "option")

    def _add(self, name: str, event: Mapping[str, Any], purpose: str) -> None:
        if not any(field in _HASHED and not _HASHES.fullmatch(str(value)) for field, value in event.items()):
            self.found.append(Probe(name, dict(event), holds(self.predicate, event), purpose))


def atoms_of(predicate: Predicate) -> Iterator[Atom]:
    """The tests of a predicate in their order, repeated as often as they occur."""
    if isinstance(predicate, (And, Or)):
        for part in predicate.parts:
            yield from atoms_of(part)
    elif isinstance(predicate, Not):
        yield from atoms_of(predicate.part)
    else:
        yield predicate


def _effect(predicate: Predicate, atom: Atom) -> Predicate:
    """Holds where the verdict depends on the test."""

    def with_(value: Predicate) -> Predicate:
        return transform(predicate, lambda item: value if item == atom else item)

    return _differ(with_(TRUE), with_(FALSE))


def _differ(left: Predicate, right: Predicate) -> Predicate:
    return disjunction([conjunction([left, negation(right)]), conjunction([negation(left), right])])


def _iff(left: Predicate, right: Predicate) -> Predicate:
    return disjunction([conjunction([left, right]), conjunction([negation(left), negation(right)])])


def _touches(atom: Atom, name: str) -> bool:
    return atom.field == name or (isinstance(atom.values, SameAs) and atom.values.other == name)


def _renamed(atom: Atom, old: str, new: str) -> Atom:
    values = atom.values
    if isinstance(values, SameAs) and values.other == old:
        values = replace(values, other=new)
    return Atom(new if atom.field == old else atom.field, values)


@dataclass(frozen=True)
class Predictor:
    """What a query's text says of an event recorded as one kind, if its dialect's reader is right."""

    branches: tuple[Branch, ...]
    schema: Schema
    #: the fields that the rule tests: they are meant where several fill one column
    tested: frozenset[str]
    _kinds: dict[str, Predicate] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, text: str, dialect: str, schema: Schema, tested: Iterable[str] = ()) -> Predictor:
        """Raises as the reader does."""
        return cls(tuple(registry.dialect(dialect).read(text, schema)), schema, frozenset(tested))

    def __call__(self, kind: Kind, event: Event) -> bool:
        if kind.name not in self._kinds:
            searched = [b for b in self.branches if not b.tables or any(fnmatchcase(kind.table, t) for t in b.tables)]
            found = (pull_back(b.predicate, kind, self.schema, self.tested) for b in searched)
            self._kinds[kind.name] = disjunction(found)
        return holds(self._kinds[kind.name], held(event, kind, self.schema))


def probes_for(rule: Rule, schema: Schema, budget: Budget = DEFAULT_BUDGET) -> Probes:
    """The probes of a rule on a platform; what its kinds of record fix is in each event."""
    fixed = {**telling(rule, schema), **fixed_fields([schema], rule.logsources)}
    found = probe(meaning(rule), domain_for(rule, schema), budget)
    return replace(found, probes=tuple(replace(p, event={**fixed, **p.event}) for p in found.probes))


def telling(rule: Rule, schema: Schema) -> dict[str, Any]:
    """Values for what tells records of the rule's log sources from others (a path's first character), if untested."""
    kinds = [kind for kind in schema.kinds if rule.covers(kind.logsource)]
    names = frozenset[str]().union(*(known(kind, schema).fields for kind in kinds)) - meaning(rule).fields
    domain = event_domain(names, rule.logsource.product)
    told: dict[str, Any] = {name: domain.of(name).samples[0] for name in sorted(names) if domain.of(name).samples}
    # where each kind has a value of its own, an event is of one of them
    own = {name: value for kind in kinds[:1] for name, value in kind.sigma.items() if value is not None}
    untested = own.keys() - meaning(rule).fields
    return told | {name: own[name] for name in untested if all(kind.sigma.get(name) for kind in kinds)}
