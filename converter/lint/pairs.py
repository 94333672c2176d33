"""Rules of one log source of which one fires only where the other does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from converter.explain.generic import generic_domain
from converter.lint.finding import BUDGET, Examined, Finding
from converter.semantics.decide.compare import implies
from converter.semantics.decide.domain import Domain
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import And, Atom, Or, Predicate


def between(examined: list[Examined]) -> Iterator[Finding]:
    """What is found of pairs of rules; rules of other log sources are not compared."""

    def source(one: Examined) -> str:
        return repr([one.source, *one.rule.logsources])

    # what alerts nobody, such as a part of a correlation, may say what an alert says
    alerts = [one for one in examined if one.rule.raw.get("level") != "informational"]
    for _, group in itertools.groupby(sorted(alerts, key=source), source):
        rules = list(group)
        domain = generic_domain(rules[0].source, {field for one in rules for field in one.whole.fields})
        needs = [_needs(one.whole) for one in rules]
        equal: set[tuple[str, str]] = set()
        for narrow in rules:
            for wide, needed in zip(rules, needs, strict=True):
                if wide is not narrow and (wide.rule.path, narrow.rule.path) not in equal:
                    finding = _subsumed(narrow, wide, needed, domain)
                    if finding is not None:
                        yield finding
                        if finding.kind == "duplicate-rule":
                            equal.add((narrow.rule.path, wide.rule.path))


def _subsumed(narrow: Examined, wide: Examined, needed: list[frozenset[str]], domain: Domain) -> Finding | None:
    for sample in narrow.samples:
        # inexpensive: most pairs do not even test the same fields
        if any(not fields & sample.keys() for fields in needed) or not holds(wide.whole, sample):
            return None
    if not narrow.samples or implies(narrow.whole, wide.whole, domain, BUDGET) is not None:
        return None
    line, other = narrow.outline.line("condition"), f"{wide.rule.title!r} ({wide.rule.path})"
    beyond = implies(wide.whole, narrow.whole, domain, BUDGET)
    if beyond is None:
        return narrow.finding("duplicate-rule", line, f"fires on the same events as {other}")
    event = beyond if isinstance(beyond, dict) else None
    return narrow.finding("subsumed-rule", line, f"fires only where {other} does, which fires on more", event=event)


def _needs(predicate: Predicate) -> list[frozenset[str]]:
    """Sets of fields of each of which at least one must be present for the predicate to hold."""
    parts = predicate.parts if isinstance(predicate, And) else (predicate,)
    return [part.fields for part in parts if _positive(part)]


def _positive(predicate: Predicate) -> bool:
    if isinstance(predicate, Atom):
        return True
    return isinstance(predicate, And | Or) and bool(predicate.parts) and all(map(_positive, predicate.parts))
