"""What a platform destroys, and what a rule still means there.

A record tells the *held* value of a field: trimmed, without what the platform drops, written in another form. `reading`
is the rule over held values, and a query must equal it on all of them. Where the rule on the event and its reading on
what is held differ, the platform itself no longer tells the event apart: a named loss, with an event that shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

from converter.core.model import Event
from converter.core.platform import Kind, Loss, Schema
from converter.platforms.derive import algorithm_of, is_whole
from converter.platforms.domains import event_domain
from converter.platforms.effects import (
    CAPITAL,
    NULL,
    PARTS,
    concerns,
    image_of,
    kept_value,
    mistakes_escaped,
    reading_of,
    with_part,
)
from converter.platforms.forms import Form, form
from converter.platforms.halves import by_half, half, half_of, halved_fields, halves
from converter.platforms.hashes import HASHES, algorithms, by_component, component, components
from converter.platforms.inverse import NEVER, present
from converter.platforms.pullback import atoms
from converter.platforms.recodings import recoding
from converter.semantics.decide.compare import Decision, Different, compare, satisfiable
from converter.semantics.decide.domain import DEFAULT_BUDGET, Budget
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import (
    Atom,
    Predicate,
    Present,
    Strings,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.decide.transform import transform
from converter.semantics.regular.language import literal


@dataclass(frozen=True)
class NamedLoss:
    """A loss that touches a rule: the fields concerned, and an event that the platform no longer tells from another."""

    loss: Loss
    kind: str
    fields: tuple[str, ...]
    event: Mapping[str, Any] | None


@cache
def losses_of(kind: Kind, schema: Schema) -> tuple[Loss, ...]:
    """The losses of a kind: those of its table, and those that its column types bring with them."""
    found = list(kind.losses)
    if schema.missing == "null-text":
        text = 'A missing value arrives as the text "null", which it cannot be told from.'
        found.append(Loss(f"{schema.name}-null-text", "drops", ("*",), text, "", (NULL,)))
        whole = {column.source for column in kind.columns if is_whole(column.derive)}
        parted = sorted({column.source for column in kind.columns if column.derive in PARTS} - whole)
        if parted:
            found.append(Loss(f"{schema.name}-null-text", "drops_part", tuple(parted), text, "", (NULL,)))
    for field in {column.source for column in kind.columns if algorithms(kind, column.source)}:
        for name in sorted(HASHES.keys() - algorithms(kind, field)):
            found.append(
                Loss(f"{schema.name}-no-{name}", "no_algorithm", (field,), f"{name} has no column.", "", (name,))
            )
    typed = tuple(sorted({column.source for column in kind.columns if column.type == "ip"}))
    if typed:
        text = "An address field keeps the address, not its spelling: ::ffff:10.0.0.1 is 10.0.0.1."
        url = "https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/ip"
        found.append(Loss(f"{schema.name}-address-spelling", "respelled", typed, text, url))
    return tuple(found)


@lru_cache(maxsize=4096)
def reading(predicate: Predicate, kind: Kind, schema: Schema) -> Predicate:
    """What a rule's predicate over events says of the values that a record of `kind` still holds."""
    losses = losses_of(kind, schema)

    halved = halved_fields(kind)
    concerning = {name: tuple(loss for loss in losses if concerns(loss, name)) for name in predicate.fields}

    def atom(item: Atom) -> Predicate:
        found = by_component(item, kind)
        for loss in concerning[item.field]:
            found = transform(found, partial(reading_of, loss=loss))
        return transform(found, by_half) if item.field in halved else found

    return transform(predicate, atom)


@cache
def _guarded(kind: Kind, schema: Schema) -> frozenset[str]:
    """The fields of which `guarantee` may say something."""
    struck = [loss for loss in losses_of(kind, schema) if loss.effect in ("drops", "drops_part", "lowers", "not_sent")]
    fields = [(column.source, column.derive) for column in kind.columns]
    fields += [
        (component(column.source, name), "same") for column in kind.columns if (name := algorithm_of(column.derive))
    ]
    fields += [(half(column.source, side), "same") for column in kind.columns if (side := half_of(column.derive))]
    return frozenset(
        field
        for field, derive in fields
        if present(derive) or derive in NEVER or any(concerns(loss, field) for loss in struck)
    )


@lru_cache(maxsize=16384)
def _with_texts(predicate: Predicate) -> frozenset[str]:
    """The fields that are tested for a text, or for being there."""
    return frozenset(item.field for item in atoms(predicate) if isinstance(item.values, Strings | Present))


def guarantee(predicates: tuple[Predicate, ...], kind: Kind, schema: Schema) -> Predicate:
    """What holds of every held value of the fields that the predicates test, beyond the domain.

    A guard of equality is far cheaper to decide with than a domain that leaves the text out.
    """
    guarded = _guarded(kind, schema)
    tested = sorted(guarded & frozenset[str]().union(*map(_with_texts, predicates)))
    guards: list[Predicate] = []
    for field in tested:
        for loss in losses_of(kind, schema):
            if not concerns(loss, field):
                continue
            if loss.effect == "drops":
                guards += [negation(Atom(field, Strings(literal(text, True)))) for text in loss.values if text]
            elif loss.effect == "drops_part":
                guards += [negation(Atom(field, with_part(text))) for text in loss.values]
            elif loss.effect == "lowers":
                guards.append(negation(Atom(field, CAPITAL)))
            elif loss.effect == "not_sent":
                guards.append(negation(Atom(field, Present())))
        never = [NEVER[c.derive] for c in kind.columns if c.source == field and c.derive in NEVER]
        guards += [negation(Atom(field, values)) for values in never]
        derived = [present(column.derive) for column in kind.columns if column.source == field]
        if derived and all(derived):
            # only parts are recorded, and those only of values that have them (the platform's assumption says why)
            parts = [Atom(field, given) for given in derived if given]
            guards.append(disjunction([negation(Atom(field, Present())), *parts]))
    return conjunction(guards)


def held(event: Event, kind: Kind, schema: Schema) -> dict[str, Any]:
    """The event as a record of `kind` still tells it, each value in the form in which it is written."""
    out: dict[str, Any] = {}
    forms = {column.source: written for column in kind.columns if (written := form(column.derive)) is not None}
    losses = losses_of(kind, schema)
    for field, value in event.items():
        kept: Any = value
        for loss in losses:
            if kept is not None and concerns(loss, field):
                kept = kept_value(kept, loss)
        if kept is not None:
            out[field] = written_as(kept, forms[field]) if field in forms else kept
            out |= components(str(kept), kind, field)
            if field in halved_fields(kind):
                out |= {half(field, side): text for side, text in halves(str(out[field])).items()}
    return out


def written_as(value: Any, written: Form) -> Any:
    """A value, or each of a list, in a form."""
    return [written.value(str(item)) for item in value] if isinstance(value, list) else written.value(str(value))


@lru_cache(maxsize=4096)
def touched(rule: Predicate, kind: Kind, schema: Schema, budget: Budget = DEFAULT_BUDGET) -> tuple[NamedLoss, ...]:
    """The losses of a kind that make a rule mean less there, each with an event that shows it where one was found."""
    tested = rule.fields
    found = []
    for loss in losses_of(kind, schema):
        fields = tuple(sorted(tested & ({*loss.fields} if "*" not in loss.fields else tested)))
        if not fields or loss.effect == "renamed":
            continue  # nothing is destroyed by another word for the same thing
        left = _left(rule, loss)
        if left == rule and not (loss.effect == "escapes" and mistakes_escaped(rule, loss)):
            continue
        if loss.effect == "no_algorithm":
            found.append(NamedLoss(loss, kind.name, fields, None))
            continue
        if loss.effect == "ignore_above":
            found.append(NamedLoss(loss, kind.name, fields, _long(rule, fields, loss.length)))
            continue
        if loss.effect == "recoded":
            found.append(NamedLoss(loss, kind.name, fields, _respelled(rule, fields, loss)))
            continue
        answer = _compared(rule, left, kind.logsource.product, budget)
        if isinstance(answer, Different) or left == rule:
            event = answer.event if isinstance(answer, Different) else None
            found.append(NamedLoss(loss, kind.name, fields, event))
    return tuple(found)


@lru_cache(maxsize=4096)
def _left(rule: Predicate, loss: Loss) -> Predicate:
    """What a loss leaves of a rule; kinds share their losses."""
    return transform(rule, partial(image_of, loss=loss))


@lru_cache(maxsize=4096)
def _compared(rule: Predicate, left: Predicate, product: str | None, budget: Budget) -> Decision:
    """Whether an event tells a rule from what is left of it; many kinds leave the same."""
    return compare(rule, left, event_domain(rule.fields, product), budget)


def _respelled(rule: Predicate, fields: tuple[str, ...], loss: Loss) -> Mapping[str, Any] | None:
    """An event on which the rule does not fire, though it does on one of which the same is left, if one is found.

    Only one event of the rule is looked at: to compare the rule with what is left of it would cost far more, as every
    character of a language may be encoded.
    """
    event, one = example(rule), recoding(loss.values[0])
    if event is None:
        return None
    for field in fields:
        value = event.get(field)
        for other in one.siblings(value) if isinstance(value, str) else ():
            if not holds(rule, {**event, field: other}):
                return {**event, field: other}
    return None


@lru_cache(maxsize=4096)
def example(rule: Predicate) -> Mapping[str, Any] | None:
    """An event of any product on which a rule fires, None where none was found."""
    event = satisfiable(rule, event_domain(rule.fields, None))
    return event if isinstance(event, dict) else None


@lru_cache(maxsize=4096)
def _long(rule: Predicate, fields: tuple[str, ...], length: int) -> Mapping[str, Any] | None:
    """An event on which the rule fires for a value that is too long to be found, if padding makes one."""
    event = example(rule)
    if event is None:
        return None
    for field in fields:
        value = event.get(field)
        if isinstance(value, str) and value:
            for padded in (value + "x" * length, value[0] * length + value, value + value[-1] * length):
                if holds(rule, {**event, field: padded}):
                    return {**event, field: padded}
    return None
