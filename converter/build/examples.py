"""Cases of a rule that the prover makes: an event for each value that the rule tests, and events that just miss it.

A part of the rule is taken away or made weaker, and the prover looks for an event on which the rule and what is left of
it differ: one way it is a match that is due to this part alone, the other way a near miss. So a query that loses a
value, an item or a filter fails on the case that was made for it. Every case is judged by the evaluator as well, which
shares no code with the prover.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from converter.core.discovery import schemas
from converter.core.errors import OutOfFragment, ParityError
from converter.core.model import Rule
from converter.platforms.domains import event_domain
from converter.platforms.project import fixed_fields
from converter.prove.plausible import plausible
from converter.rules.evaluator import compile_rule
from converter.rules.meaning import meaning
from converter.rules.placeholders import Placeholders
from converter.semantics.decide.compare import satisfiable
from converter.semantics.decide.domain import Domain
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import Atom, Predicate, Present, conjunction, negation

#: cases of one file; a rule may list thousands of values
MOST_CASES = 300
_PLACES = ("contains", "startswith", "endswith")
#: selections of which no event, and every event, is one
_NEVER = {"Image": None, "Image|exists": True}
_ALWAYS = [{"Image": None}, {"Image|exists": True}]


@dataclass(frozen=True)
class Example:
    """A case: an event, whether the rule fires on it, and what it shows."""

    name: str
    event: Mapping[str, Any]
    match: bool


@dataclass(frozen=True)
class Examples:
    """The cases of a rule; `without` are values for which no event was found: they are dead, or the
    prover gave up."""

    cases: tuple[Example, ...]
    without: tuple[str, ...]


@dataclass(frozen=True)
class _Change:
    """A detection with a part taken away or weakened; `value` is the detection with one value alone."""

    name: str
    detection: Mapping[str, Any]
    value: Mapping[str, Any] | None = None


def examples(
    rule: Rule, placeholders: Placeholders | None = None, done: Callable[[int, int], None] | None = None
) -> Examples:
    """The cases of a rule. Raises ParityError for one without a meaning in the fragment, or that never fires."""
    maker = _Maker(rule, placeholders or {})
    changes = list(_changes(rule.raw["detection"]))[:MOST_CASES]
    for number, change in enumerate(changes):
        maker.add(change)
        if done:
            done(number + 1, len(changes))
    maker.fill()
    return Examples(tuple(maker.cases), tuple(maker.without))


class _Maker:
    """Gathers the cases, each event once."""

    def __init__(self, rule: Rule, placeholders: Placeholders) -> None:
        self.rule, self.placeholders = rule, placeholders
        self.meant = meaning(rule, placeholders)
        self.domain: Domain = event_domain(self.meant.fields, rule.logsource.product)
        self.full = [Atom(name, Present()) for name in sorted(self.meant.fields)]
        self.judge = compile_rule(rule, placeholders)
        fixed = fixed_fields(schemas().values(), rule.logsources)
        self.fixed = {name: value for name, value in fixed.items() if name not in self.meant.fields}
        self.cases: list[Example] = []
        self.without: list[str] = []
        if not isinstance(satisfiable(self.meant, self.domain), dict):
            raise OutOfFragment(
                "no event is found on which the rule fires", rule.at("detection"), "parity lint says why"
            )

    def add(self, change: _Change) -> None:
        """The cases that tell the rule from the changed one."""
        try:
            other = meaning({**self.rule.raw, "detection": change.detection}, self.placeholders)
        except ParityError:
            return  # the change has left no rule, such as a value of which nothing remains
        fires = self._case(conjunction([self.meant, negation(other)]), f"matches by {change.name}")
        misses = self._case(conjunction([other, negation(self.meant)]), f"just misses {change.name}")
        if not (fires or misses) and change.value is not None:
            # another part of the rule covers the value
            try:
                alone = meaning({**self.rule.raw, "detection": change.value}, self.placeholders)
            except ParityError:
                return
            if not self._case(conjunction([self.meant, alone]), f"matches by {change.name}, among others"):
                self.without.append(change.name)

    def fill(self) -> None:
        """A match and two misses at the least, which a fixture must have."""
        if not any(case.match for case in self.cases):
            self._case(self.meant, "matches")
        if sum(not case.match for case in self.cases) < 2:
            self._keep("nothing that the rule tests is there", {})
        if sum(not case.match for case in self.cases) < 2:
            self._case(negation(self.meant), "something else")

    def _case(self, wanted: Predicate, name: str) -> bool:
        """Whether an event was found for which `wanted` holds, or is known already."""
        # an event of which more is told is easier to believe
        found = satisfiable(conjunction([wanted, *self.full]), self.domain)
        if not isinstance(found, dict):
            found = satisfiable(wanted, self.domain)
        if not isinstance(found, dict):
            return False
        self._keep(name, plausible(found, self.domain, lambda trial: holds(wanted, trial)))
        return True

    def _keep(self, name: str, told: Mapping[str, Any]) -> None:
        event = {**self.fixed, **told}
        if any(case.event == event for case in self.cases):
            return
        match = holds(self.meant, event)
        if self.judge(event) != match:
            raise ParityError(f"evaluator and prover differ on {event!r}", self.rule.at("detection"), "report it")
        self.cases.append(Example(self._unused(name), event, match))

    def _unused(self, name: str) -> str:
        known = {case.name for case in self.cases}
        return next(one for one in (name, *(f"{name} ({n})" for n in range(2, 10_000))) if one not in known)


def _changes(detection: Mapping[str, Any]) -> Iterator[_Change]:
    """The detection with one part changed: values first, then items, then whole selections."""
    sections = {name: content for name, content in detection.items() if name != "condition"}
    for name, content in sections.items():
        for number, item in _items(content):
            yield from _values(detection, name, number, item)
    for name, content in sections.items():
        for number, item in _items(content):
            entry = content if number is None else content[number]
            if len(entry) > 1:
                rest = {key: value for key, value in entry.items() if key != item}
                yield _Change(f"{item} of {name}", _with(detection, name, number, rest))
    for name, content in sections.items():
        for number in range(len(content)) if isinstance(content, list) and len(content) > 1 else ():
            fewer = [*content[:number], *content[number + 1 :]]
            yield _Change(f"alternative {number + 1} of {name}", {**detection, name: fewer})
    for name in sections if len(sections) > 1 else ():
        yield _Change(name, {**detection, name: _ALWAYS})
        yield _Change(name, {**detection, name: _NEVER})


def _items(content: Any) -> Iterator[tuple[int | None, str]]:
    """(position in the list of alternatives, key) of every item of a selection."""
    for number, entry in enumerate(content if isinstance(content, list) else [content]):
        if isinstance(entry, Mapping):
            yield from ((number if isinstance(content, list) else None, key) for key in entry)


def _values(detection: Mapping[str, Any], name: str, number: int | None, item: str) -> Iterator[_Change]:
    content = detection[name]
    entry = content if number is None else content[number]
    values = entry[item] if isinstance(entry[item], list) else [entry[item]]
    modifiers = item.split("|")[1:]

    def changed(new: Any, key: str = item) -> Mapping[str, Any]:
        return _with(detection, name, number, {**{k: v for k, v in entry.items() if k != item}, key: new})

    for position, value in enumerate(values):
        label = f"{item} {_brief(value)}"
        rest = [*values[:position], *values[position + 1 :]]
        if rest:
            alone = None if "all" in modifiers else changed([value])
            # `all` wants two values at the least
            key = item.replace("|all", "") if len(rest) == 1 else item
            yield _Change(label, changed(rest, key), alone)
    for shorter in _weaker(values[0], modifiers):
        yield _Change(f"{item} {_brief(values[0])} by a character", changed([shorter, *values[1:]]))


def _weaker(value: Any, modifiers: list[str]) -> Iterator[str]:
    """A text that more events have, by a character less at the end where something may follow, or at the start."""
    place = next((m for m in modifiers if m in _PLACES), "")
    plain = isinstance(value, str) and len(value) > 2 and not set(modifiers) - {*_PLACES, "all", "cased", "neq"}
    if plain and place in ("contains", "startswith") and value[-2] not in "\\*?":
        yield value[:-1]
    if plain and place == "endswith":
        yield value[1:]


def _with(detection: Mapping[str, Any], name: str, number: int | None, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    content = detection[name]
    if number is None:
        return {**detection, name: entry}
    return {**detection, name: [*content[:number], entry, *content[number + 1 :]]}


def _brief(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def as_fixture(found: Examples, rule: Rule) -> str:
    """The cases as the text of a fixture file, whose format `build.fixtures` has."""
    cases = [{"name": case.name, "match": case.match, "event": dict(case.event)} for case in found.cases]
    head = (
        f"# Events for {rule.path}\n"
        "# made by the prover: each is due to one part of the rule, or just misses one.\n"
        "# What it should fire on is for you to say: change a case that is wrong, and add what you have seen.\n"
    )
    body = yaml.safe_dump({"cases": cases}, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return head + body
