"""What is wrong with a rule that only its meaning shows: dead selections, idle filters, values and rules covered twice.

Each finding comes with what it rests on: "proved" over all events of the rule's log source, or an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from converter.core.discovery import schemas
from converter.core.errors import ParityError
from converter.core.model import Rule, Target
from converter.core.platform import Schema
from converter.explain.generic import generic_domain
from converter.explain.outline import (
    Conjunction,
    Disjunction,
    Leaf,
    Named,
    Negation,
    Outline,
    Tree,
    predicate_of,
)
from converter.lint.finding import BUDGET, Examined, Finding
from converter.lint.on_platforms import on_platforms
from converter.lint.pairs import between
from converter.lint.scans import scans
from converter.rules.condition import Condition, Negated, Selection
from converter.semantics.decide.compare import Equivalent, compare, implies, satisfiable
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import negation

#: Longer lists are not compared value by value.
MAX_VALUES = 400

Progress = Callable[[int, int], None]


def lint(
    rules: Iterable[Rule],
    progress: Progress | None = None,
    platforms: Iterable[Schema] | None = None,
    targets: Iterable[Target] = (),
) -> list[Finding]:
    """Everything found, by rule and line; on `platforms` (all of them by default) also what these do to a rule, and at
    `targets` whether its queries scan."""
    findings: list[Finding] = []
    examined: list[Examined] = []
    places = list(schemas().values() if platforms is None else platforms)
    chosen = list(targets)
    todo = list(rules)
    for number, rule in enumerate(todo):
        if progress:
            progress(number, len(todo))
        try:
            one = _examined(rule)
        except ParityError as fault:
            line = rule.lines.get("detection", 1)
            findings.append(Finding("not-decided", rule.path, line, fault.message, fault.message))
            continue
        of_rule = list(_of_rule(one))
        if not any(finding.severity == "error" for finding in of_rule):
            of_rule += on_platforms(one, places)
            of_rule += scans(one, chosen)
            examined.append(one)
        findings.extend(of_rule)
    findings.extend(between(examined))
    return sorted(findings, key=lambda finding: (finding.path, finding.line, finding.kind, finding.message))


def _examined(rule: Rule) -> Examined:
    outline = Outline(rule)
    whole = predicate_of(outline.tree)
    tested = whole.fields.union(*(predicate_of(named).fields for named in outline.selections.values()))
    return Examined(rule, outline, whole, generic_domain(rule.logsource, tested))


def _of_rule(one: Examined) -> Iterator[Finding]:
    outline = one.outline
    for name in outline.section.unused:
        message = f"selection {name!r} is not used by the condition"
        yield one.finding("unused-selection", outline.line(name), message, "the condition", subject=name)
    dead = set()
    for name, named in outline.selections.items():
        answer = satisfiable(predicate_of(named), one.domain, BUDGET)
        if answer is None:
            dead.add(name)
            message = f"selection {name!r} can never match"
            yield one.finding("never-matches", outline.line(name), message, subject=name)
        else:
            yield from _values(one, named)
        yield from one.undecided(answer, f"whether selection {name!r} can match")
    yield from _constant(one, bool(dead))
    yield from _idle(one, dead)


def _constant(one: Examined, explained: bool) -> Iterator[Finding]:
    """A condition that never or always holds; `explained`: a selection that can never match says it already."""
    line = one.outline.line("condition")
    answer = satisfiable(one.whole, one.domain, BUDGET)
    if isinstance(answer, dict):
        one.samples.append(answer)
    elif answer is None:
        because = " because of a selection that never matches" if explained else ""
        yield one.finding("rule-never-matches", line, f"the condition can never hold{because}")
    yield from one.undecided(answer, "whether the condition can hold")
    answer = satisfiable(negation(one.whole), one.domain, BUDGET)
    if answer is None:
        yield one.finding("rule-always-matches", line, "the condition holds on every event of this log source")


def _idle(one: Examined, dead: set[str]) -> Iterator[Finding]:
    """Selections that the condition negates, and without which the rule means the same."""
    condition = one.outline.section.condition
    for name in dict.fromkeys(_negated(condition, False)):
        if name in dead:
            continue
        without = one.outline.combined(condition, {name: Disjunction(())})
        answer = compare(one.whole, predicate_of(without), one.domain, BUDGET)
        if isinstance(answer, Equivalent):
            message = f"filter {name!r} excludes nothing: the rule means the same without it"
            yield one.finding("idle-filter", one.outline.line(name), message, subject=name)
        yield from one.undecided(answer, f"whether filter {name!r} excludes anything")


def _negated(condition: Condition, inside: bool) -> Iterator[str]:
    if isinstance(condition, Selection):
        if inside:
            yield condition.name
    elif isinstance(condition, Negated):
        yield from _negated(condition.part, not inside)
    else:
        for part in condition.parts:
            yield from _negated(part, inside)


def _values(one: Examined, named: Named) -> Iterator[Finding]:
    """Values of one list that no event can have, and those that another value of the list covers."""
    for values, all_must_hold in _lists(named.part):
        if len(values) > MAX_VALUES:
            continue
        samples = [(leaf, satisfiable(leaf.predicate, one.domain, BUDGET)) for leaf in values]
        for leaf, answer in samples:
            if answer is None and not all_must_hold:
                message = f"{leaf.text} can never match"
                yield one.finding("dead-value", leaf.line, message, subject=named.name)
        living = [(leaf, sample) for leaf, sample in samples if isinstance(sample, dict)]
        pairs = [(n, w) for n, sample in living for w in values if w is not n and holds(w.predicate, sample)]
        yield from _covered(one, named.name, pairs, all_must_hold)


def _covered(one: Examined, name: str, pairs: Sequence[tuple[Leaf, Leaf]], all_must_hold: bool) -> Iterator[Finding]:
    """Those of the pairs (narrow, wide) in which the wide value matches all that the narrow one does."""
    told: set[Leaf] = set()
    for narrow, wide in pairs:
        if narrow in told or wide in told:
            continue
        if implies(narrow.predicate, wide.predicate, one.domain, BUDGET) is not None:
            continue
        # in a list of which all must hold it is the wide value that adds nothing
        idle, other = (wide, narrow) if all_must_hold else (narrow, wide)
        told.add(idle)
        word = "is implied by" if all_must_hold else "is covered by"
        message = f"{idle.text} {word} {other.text} of the same list"
        yield one.finding("covered-value", idle.line, message, subject=name)


def _lists(tree: Tree) -> Iterator[tuple[list[Leaf], bool]]:
    """Lists of values of one field, and whether all of them must hold."""
    if isinstance(tree, Leaf):
        return
    if isinstance(tree, Negation | Named):
        yield from _lists(tree.part)
        return
    values = [part for part in tree.parts if isinstance(part, Leaf)]
    if len(values) == len(tree.parts) > 1 and len({(leaf.text.partition(":")[0]) for leaf in values}) == 1:
        yield values, isinstance(tree, Conjunction)
        return
    for part in tree.parts:
        yield from _lists(part)
