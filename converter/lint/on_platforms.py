"""What platforms do to a rule: kinds of record that it does not see, values and whole rules that a loss makes dead.

Every platform with records of the rule's log source is asked; the query language makes no difference to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from converter.convert.convert import tested_fields
from converter.convert.sources import kinds_for
from converter.convert.views import blind
from converter.core.errors import ParityError
from converter.core.platform import Kind, Loss, Schema
from converter.explain.model import without_forms
from converter.explain.outline import Leaf, leaves
from converter.lint.finding import BUDGET, Examined, Finding
from converter.platforms.domains import domain_of
from converter.platforms.effects import concerns
from converter.platforms.losses import guarantee, losses_of, reading
from converter.platforms.pullback import fix, known
from converter.semantics.decide.compare import satisfiable
from converter.semantics.decide.domain import Domain
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import Atom, Predicate, conjunction

#: effects of a loss after which a value may not be found at all
_DEADLY = frozenset({"trims", "drops", "not_sent", "no_algorithm"})


def on_platforms(one: Examined, platforms: Iterable[Schema]) -> Iterator[Finding]:
    """The findings of a rule on some platforms, one for each that they share."""
    shared: dict[tuple[str, int, str], tuple[Finding, list[str]]] = {}
    for schema in platforms:
        try:
            kinds = kinds_for(one.rule, schema)
        except ParityError:
            continue  # no records of the rule's log source: it has no query there
        if not tested_fields(one.outline.section) <= _recorded(kinds):
            continue  # a field that no record has: it has no query there either
        for finding in _on_platform(one, kinds, schema):
            _, names = shared.setdefault((finding.kind, finding.line, finding.message), (finding, []))
            names.append(schema.name)
    for finding, names in shared.values():
        yield replace(finding, message=f"{finding.message} ({', '.join(names)})")


def _on_platform(one: Examined, kinds: tuple[Kind, ...], schema: Schema) -> Iterator[Finding]:
    line = one.outline.line("condition")
    for field, without in blind(kinds, tested_fields(one.outline.section)).items():
        message = f"{field} is not in records of {', '.join(without_forms(without))}: the rule does not see them"
        yield one.finding("blind", line, message, "the platform's table", subject=field)
    if one.samples and not any(_possible(one.whole, kind, schema) for kind in kinds):
        message = "the rule can never fire here" + _because(one.whole.fields, kinds, schema)
        yield one.finding("never-fires-on-platform", line, message, event=one.samples[0])
        return
    for name, named in one.outline.selections.items():
        for leaf in dict.fromkeys(leaves(named)):
            if _struck(leaf, kinds, schema) and not any(_possible(leaf.predicate, kind, schema) for kind in kinds):
                message = f"{leaf.text} can never be found here" + _because(leaf.predicate.fields, kinds, schema)
                yield one.finding("lost-value", leaf.line, message, subject=name)


def _recorded(kinds: Iterable[Kind]) -> frozenset[str]:
    """The fields that some of the kinds hold."""
    return frozenset(name for kind in kinds for name in (*kind.sigma, *(column.source for column in kind.columns)))


def _struck(leaf: Leaf, kinds: Iterable[Kind], schema: Schema) -> bool:
    """Whether a loss concerns the field of a test, in a way after which it may hold of nothing."""
    test = leaf.predicate
    return isinstance(test, Atom) and any(_strikes(loss, test) for kind in kinds for loss in losses_of(kind, schema))


def _strikes(loss: Loss, test: Atom) -> bool:
    if loss.effect not in _DEADLY or not concerns(loss, test.field):
        return False
    return loss.effect != "drops" or any(holds(test, {test.field: text}) for text in loss.values)


def _possible(predicate: Predicate, kind: Kind, schema: Schema) -> bool:
    """Whether the predicate, as it reads on what a kind of record holds, can hold of one (or it was not decided)."""
    read = reading(fix(predicate, kind), kind, schema)
    guard = conjunction([known(kind, schema), guarantee((read,), kind, schema)])
    return satisfiable(conjunction([guard, read]), _domain(schema, kind), BUDGET) is not None


#: by identity, with the kind itself so that it stays alive: making a domain takes longer than most questions
_DOMAINS: dict[int, tuple[Kind, Domain]] = {}


def _domain(schema: Schema, kind: Kind) -> Domain:
    if id(kind) not in _DOMAINS:
        _DOMAINS[id(kind)] = kind, domain_of(kind, schema)
    return _DOMAINS[id(kind)][1]


def _because(fields: Iterable[str], kinds: Iterable[Kind], schema: Schema) -> str:
    """The losses of the fields, in words."""
    tested = set(fields)
    losses = {
        loss.text
        for kind in kinds
        for loss in losses_of(kind, schema)
        if loss.effect in _DEADLY and any(concerns(loss, field) for field in tested) and loss.values != ("",)
    }
    return f": {' '.join(sorted(losses))}" if losses else ""
