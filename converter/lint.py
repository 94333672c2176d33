"""What is wrong with a rule that only its meaning shows: dead selections, idle filters, values and rules covered twice.

Each finding comes with what it rests on: "proved" over all events of the rule's category, or an event.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converter.diff import fields_of
from converter.errors import ParityError
from converter.model import Rule
from converter.outline import Every, Inverse, Leaf, Named, Outline, Some, Tree, generic_domain, predicate_of
from converter.semantics.decide import Equivalent, Unknown, compare, implies, satisfiable
from converter.semantics.domain import Budget, Domain
from converter.semantics.evaluate import holds
from converter.semantics.predicate import And, Atom, Or, Predicate, negation
from converter.sigma_condition import Condition, Negated, Selection

#: Enough for nearly every rule of the public corpus; what needs more is reported as not decided.
BUDGET = Budget(steps=200_000, conflicts=500)
#: Longer lists are compared by form only where a sample shows that they may overlap; beyond this not at all.
MAX_VALUES = 400
PROVED = "proved"

KINDS = {
    "never-matches": "A selection that no event can match.",
    "rule-never-matches": "A condition that no event can satisfy.",
    "rule-always-matches": "A condition that every event satisfies.",
    "idle-filter": "A filter that excludes nothing: the rule means the same without it.",
    "covered-value": "A value that another value of the same list covers.",
    "subsumed-rule": "A rule that fires only where another rule of its category does.",
    "duplicate-rule": "Two rules of one category that fire on the same events.",
    "unused-selection": "A selection that the condition does not mention.",
    "not-decided": "A rule that could not be examined in full.",
}
_ERRORS = ("never-matches", "rule-never-matches", "rule-always-matches")


@dataclass(frozen=True)
class Finding:
    """One finding. `evidence` is `proved` or what was not decided; `event` an example where there is one."""

    kind: str
    path: str
    line: int
    message: str
    evidence: str = PROVED
    event: Mapping[str, Any] | None = None
    subject: str = ""

    @property
    def severity(self) -> str:
        """`error`, `warning` or, for what could not be examined, `note`."""
        return "error" if self.kind in _ERRORS else "note" if self.kind == "not-decided" else "warning"


@dataclass
class _Examined:
    """A rule that could be read: what it means, and events on which it fires."""

    rule: Rule
    outline: Outline
    whole: Predicate
    domain: Domain
    samples: list[dict[str, Any]] = field(default_factory=list)


Progress = Callable[[int, int], None]


def lint(rules: Iterable[Rule], root: Path | None = None, progress: Progress | None = None) -> list[Finding]:
    """Everything found, by rule and line. `root` is the folder that the rules' paths start from, for the lines."""
    found: list[Finding] = []
    examined: list[_Examined] = []
    domains: dict[object, Domain] = {}
    todo = list(rules)
    for number, rule in enumerate(todo):
        if progress:
            progress(number, len(todo))
        try:
            outline = Outline(rule, root)
            source = rule.category, rule.raw["logsource"].get("product")
            if source not in domains:
                domains[source] = generic_domain([rule])
            one = _Examined(rule, outline, predicate_of(outline.tree), domains[source])
        except ParityError as fault:
            found.append(_finding("not-decided", rule, rule.lines.get("detection", 1), fault.message, fault.message))
            continue
        findings = list(_of_rule(one))
        found.extend(findings)
        if not any(finding.severity == "error" for finding in findings):
            examined.append(one)
    found.extend(_between(examined))
    return sorted(found, key=lambda finding: (finding.path, finding.line, finding.kind, finding.message))


def _finding(
    kind: str, rule: Rule, line: int, message: str, evidence: str = PROVED, event: Mapping[str, Any] | None = None,
    subject: str = "",
) -> Finding:  # fmt: skip
    return Finding(kind, rule.path, line, message, evidence, event, subject)


# -- one rule


def _of_rule(one: _Examined) -> Iterator[Finding]:
    outline, rule = one.outline, one.rule
    for name in outline.section.unused:
        message = f"selection {name!r} is not used by the condition"
        yield _finding("unused-selection", rule, outline.line(name), message, "the condition", subject=name)
    dead = set()
    for name, named in outline.selections.items():
        answer = satisfiable(predicate_of(named), one.domain, BUDGET)
        if answer is None:
            dead.add(name)
            message = f"selection {name!r} can never match"
            yield _finding("never-matches", rule, outline.line(name), message, subject=name)
        yield from _undecided(one, answer, f"whether selection {name!r} can match")
        yield from _covered(one, named)
    yield from _constant(one, bool(dead))
    yield from _idle(one, dead)


def _constant(one: _Examined, explained: bool) -> Iterator[Finding]:
    """A condition that never or always holds; `explained`: a selection that can never match says it already."""
    line = one.outline.line("condition")
    answer = satisfiable(one.whole, one.domain, BUDGET)
    if isinstance(answer, dict):
        one.samples.append(answer)
    elif answer is None:
        because = " because of a selection that never matches" if explained else ""
        yield _finding("rule-never-matches", one.rule, line, f"the condition can never hold{because}")
    yield from _undecided(one, answer, "whether the condition can hold")
    answer = satisfiable(negation(one.whole), one.domain, BUDGET)
    if answer is None:
        yield _finding("rule-always-matches", one.rule, line, "the condition holds on every event of this category")


def _idle(one: _Examined, dead: set[str]) -> Iterator[Finding]:
    """Selections that the condition negates, and without which the rule means the same."""
    condition = one.outline.section.condition
    for name in dict.fromkeys(_negated(condition, False)):
        if name in dead:
            continue
        without = one.outline.combined(condition, {name: Some(())})
        answer = compare(one.whole, predicate_of(without), one.domain, BUDGET)
        if isinstance(answer, Equivalent):
            message = f"filter {name!r} excludes nothing: the rule means the same without it"
            yield _finding("idle-filter", one.rule, one.outline.line(name), message, subject=name)
        yield from _undecided(one, answer, f"whether filter {name!r} excludes anything")


def _negated(condition: Condition, inside: bool) -> Iterator[str]:
    if isinstance(condition, Selection):
        if inside:
            yield condition.name
    elif isinstance(condition, Negated):
        yield from _negated(condition.part, not inside)
    else:
        for part in condition.parts:
            yield from _negated(part, inside)


def _covered(one: _Examined, named: Named) -> Iterator[Finding]:
    """Values of one list of which the other value covers all that this one matches."""
    for values, every in _lists(named.part):
        if len(values) > MAX_VALUES:
            continue
        told: set[Leaf] = set()
        for narrow, wide in _pairs(values, one.domain):
            if narrow in told or wide in told:
                continue
            if implies(narrow.predicate, wide.predicate, one.domain, BUDGET) is not None:
                continue
            # in a list of which all must hold it is the wide value that adds nothing
            idle, other = (wide, narrow) if every else (narrow, wide)
            told.add(idle)
            word = "is implied by" if every else "is covered by"
            message = f"{idle.text} {word} {other.text} of the same list"
            yield _finding("covered-value", one.rule, idle.line, message, subject=named.name)


def _lists(tree: Tree) -> Iterator[tuple[list[Leaf], bool]]:
    """Lists of values of one field, and whether all of them must hold."""
    if isinstance(tree, Leaf):
        return
    if isinstance(tree, Inverse | Named):
        yield from _lists(tree.part)
        return
    values = [part for part in tree.parts if isinstance(part, Leaf)]
    if len(values) == len(tree.parts) > 1 and len({(leaf.text.partition(":")[0]) for leaf in values}) == 1:
        yield values, isinstance(tree, Every)
        return
    for part in tree.parts:
        yield from _lists(part)


def _pairs(values: Sequence[Leaf], domain: Domain) -> Iterator[tuple[Leaf, Leaf]]:
    """Pairs of which the first may be covered by the second: an event of the first matches the second too."""
    for leaf in values:
        sample = satisfiable(leaf.predicate, domain, BUDGET)
        if isinstance(sample, dict):
            for other in values:
                if other is not leaf and holds(other.predicate, sample):
                    yield leaf, other


def _undecided(one: _Examined, answer: object, what: str) -> Iterator[Finding]:
    if isinstance(answer, Unknown):
        line = one.outline.line("condition")
        yield _finding("not-decided", one.rule, line, f"it was not decided {what}", answer.reason)


# -- between rules


def _between(examined: list[_Examined]) -> Iterator[Finding]:
    """Rules of the same log source of which one fires only where the other does."""

    def source(one: _Examined) -> str:
        return repr(sorted((str(k), str(v)) for k, v in one.rule.raw["logsource"].items() if k != "definition"))

    for _, group in itertools.groupby(sorted(examined, key=source), source):
        rules = list(group)
        needs = [_needs(one.whole) for one in rules]
        equal: set[tuple[str, str]] = set()
        for narrow in rules:
            for wide, needed in zip(rules, needs, strict=True):
                if wide is not narrow and (wide.rule.path, narrow.rule.path) not in equal:
                    finding = _subsumed(narrow, wide, needed)
                    if finding is not None:
                        yield finding
                        if finding.kind == "duplicate-rule":
                            equal.add((narrow.rule.path, wide.rule.path))


def _subsumed(narrow: _Examined, wide: _Examined, needed: list[frozenset[str]]) -> Finding | None:
    for sample in narrow.samples:
        # inexpensive: most pairs do not even test the same fields
        if any(not fields & sample.keys() for fields in needed) or not holds(wide.whole, sample):
            return None
    if not narrow.samples or implies(narrow.whole, wide.whole, narrow.domain, BUDGET) is not None:
        return None
    line, other = narrow.outline.line("condition"), f"{wide.rule.title!r} ({wide.rule.path})"
    beyond = implies(wide.whole, narrow.whole, narrow.domain, BUDGET)
    if beyond is None:
        return _finding("duplicate-rule", narrow.rule, line, f"fires on the same events as {other}")
    event = beyond if isinstance(beyond, dict) else None
    return _finding(
        "subsumed-rule", narrow.rule, line, f"fires only where {other} does, which fires on more", event=event
    )


def _needs(predicate: Predicate) -> list[frozenset[str]]:
    """Sets of fields of each of which at least one must be present for the predicate to hold."""
    parts = predicate.parts if isinstance(predicate, And) else (predicate,)
    return [fields_of(part) for part in parts if _positive(part)]


def _positive(predicate: Predicate) -> bool:
    if isinstance(predicate, Atom):
        return True
    return isinstance(predicate, And | Or) and bool(predicate.parts) and all(map(_positive, predicate.parts))


def failed(findings: Iterable[Finding]) -> bool:
    """Whether something is an error."""
    return any(finding.severity == "error" for finding in findings)
