"""From the tests that must and must not hold to an event, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from converter.semantics.decide.candidates import candidates
from converter.semantics.decide.domain import Domain, FieldDomain
from converter.semantics.decide.evaluate import as_text
from converter.semantics.decide.formula import Variable
from converter.semantics.decide.interval_theory import AddressTheory, NumberTheory
from converter.semantics.decide.predicate import SameAs
from converter.semantics.decide.text_theory import Extra, TextTheory
from converter.semantics.decide.theory import MISSING, Answer, Conflict, Found, GaveUp, conflict
from converter.semantics.regular.automata import Meter
from converter.semantics.regular.language import ANY_STRING, Language, Seq, chars, literal
from converter.semantics.regular.sequences import Alternatives, alternatives

MAX_TRIES = 12
_VALUE_KINDS = ("text", "number", "address")


class Field:
    """One field with all the variables that test it."""

    def __init__(self, name: str, variables: list[Variable], domain: FieldDomain, compared: bool, meter: Meter) -> None:
        self.name, self.domain = name, domain
        own = [variable for variable in variables if variable.kind in _VALUE_KINDS]
        kinds = {variable.kind for variable in own}
        sort = domain.sort
        if sort == "any":
            sort = kinds.pop() if len(kinds) == 1 and not compared else "string"
            kinds = {variable.kind for variable in own}
        plain = not compared and domain.language == ANY_STRING
        self.theory: NumberTheory | AddressTheory | TextTheory
        if sort == "number" and kinds <= {"number"} and plain:
            self.theory = NumberTheory(domain)
        elif sort == "address" and kinds <= {"address"} and plain:
            self.theory = AddressTheory(domain)
        else:
            self.theory = TextTheory(name, own, domain, sort, meter)

    def solve(self, required: list[Variable], forbidden: list[Variable], present: bool, extra: Extra) -> Answer:
        """A value, MISSING, or the conflicts, where the tests may include presence.

        `present` asks for a value even when no test does.
        """
        values = [variable for variable in required if variable.kind != "present"]
        banned = [variable for variable in forbidden if variable.kind != "present"]
        if len(banned) < len(forbidden):
            absence = [variable for variable in forbidden if variable.kind == "present"]
            if required:
                return conflict(required[:1], absence)
            return Found(MISSING) if self.domain.optional else conflict([], absence)
        if not required and not present and self.domain.optional:
            return Found(MISSING)
        answer = self._present(values, banned, extra)
        if isinstance(answer, tuple) and self.domain.optional:
            if present and not required:
                return GaveUp(f"field {self.name} has no value to compare with another field")
            # A conflict without a required test says what every present value does.
            return tuple(
                found if found.required else Conflict(frozenset(_presence(required)), found.forbidden)
                for found in answer
            )
        return answer

    def _present(self, values: list[Variable], banned: list[Variable], extra: Extra) -> Answer:
        answer = self._scalar(values, banned, extra)
        if not self.domain.many or isinstance(answer, Found) or len(values) < 2:
            return answer
        found = []
        for variable in values:  # a list: each required test by an element of its own
            answer = self._scalar([variable], banned, extra)
            if not isinstance(answer, Found):
                return answer
            found.append(answer.value)
        return Found(found)

    def _scalar(self, values: list[Variable], banned: list[Variable], extra: Extra) -> Answer:
        if isinstance(self.theory, TextTheory):
            return self.theory.solve(values, banned, extra)
        return self.theory.solve(values, banned)


def _presence(required: list[Variable]) -> list[Variable]:
    """A test that only a present value passes: presence itself where it is asked."""
    return [variable for variable in required if variable.kind == "present"][:1] or required[:1]


class Events:
    """All fields of a comparison."""

    def __init__(self, variables: Iterable[Variable], domain: Domain, meter: Meter) -> None:
        self.domain, self.meter = domain, meter
        self._by_field: dict[str, list[Variable]] = {}
        self._compared: set[str] = set()
        self._fields: dict[str, Field] = {}
        for variable in variables:
            if variable.kind == "same":
                self._compared |= {variable.field, variable.piece.other}
            else:
                self._by_field.setdefault(variable.field, []).append(variable)
        # An event of the domain has these, whether or not their values matter.
        names = sorted(self._compared | self._by_field.keys())
        self._always = [name for name in names if not domain.of(name).optional]

    def field(self, name: str) -> Field:
        if name not in self._fields:
            variables, compared = self._by_field.get(name, []), name in self._compared
            self._fields[name] = Field(name, variables, self.domain.of(name), compared, self.meter)
        return self._fields[name]

    def realise(self, required: list[Variable], forbidden: list[Variable]) -> dict[str, Any] | Answer:
        """An event on which all required tests and none of the forbidden ones hold, or why not."""
        same = [variable for variable in required if variable.kind == "same"]
        differ = [variable for variable in forbidden if variable.kind == "same"]
        tests: dict[str, tuple[list[Variable], list[Variable]]] = {}
        for side, variables in enumerate((required, forbidden)):
            for variable in variables:
                if variable.kind != "same":
                    tests.setdefault(variable.field, ([], []))[side].append(variable)
        present = {name for variable in same for name in (variable.field, variable.piece.other)}
        event: dict[str, Any] = {}
        conflicts = [
            Conflict(frozenset((variable,)), frozenset((absent,)))
            for variable in same
            for name in (variable.field, variable.piece.other)
            for absent in tests.get(name, ((), ()))[1]
            if absent.kind == "present"
        ]
        failure: GaveUp | None = None
        for name in dict.fromkeys((*tests, *sorted(present), *self._always)):
            answer = self.field(name).solve(*tests.get(name, ([], [])), name in present, ((), ()))
            if isinstance(answer, tuple):
                conflicts.extend(answer)
            elif isinstance(answer, GaveUp):
                failure = answer
            elif answer.value is not MISSING:
                event[name] = answer.value
        if conflicts:
            return tuple(conflicts)
        if failure is not None:
            return failure
        return self._compare(event, tests, same, differ) if same or differ else event

    def _compare(
        self,
        event: dict[str, Any],
        tests: dict[str, tuple[list[Variable], list[Variable]]],
        same: list[Variable],
        differ: list[Variable],
    ) -> dict[str, Any] | Answer:
        """Adapt the values to comparisons between fields: what is compared follows the value it is compared with."""
        done: set[str] = set()
        for name in dict.fromkeys(variable.field for variable in (*same, *differ)):
            equal = [v for v in same if v.field == name]
            unequal = [v for v in differ if v.field == name]
            if not equal and name not in event:
                continue
            others = [variable.piece.other for variable in (*equal, *unequal)]
            free = not done & set(others) and name not in others and others[0] in event
            first = others[0] if free else None
            value = None
            for base in self._bases(event, tests, name, first):
                trial = event if first is None else {**event, first: base}
                extra = (_patterns(equal, trial), _patterns(unequal, trial))
                answer = self.field(name).solve(*tests.get(name, ([], [])), True, extra)
                if isinstance(answer, Found):
                    event, value = {**trial, name: answer.value}, answer.value
                    break
            if value is None:
                return GaveUp(f"no values were found for fields {name} and {others[0]} that compare as asked")
            done |= {name, *others}
        return event

    def _bases(
        self,
        event: dict[str, Any],
        tests: dict[str, tuple[list[Variable], list[Variable]]],
        name: str,
        other: str | None,
    ) -> Iterator[Any]:
        """Values for the field compared with: its own first, then what suits both fields."""
        if other is None:
            yield None
            return
        yield event[other]
        yield from self._lettered(tests, other)
        theories = [self.field(field).theory for field in (name, other)]
        joint: list[Alternatives] = []
        for field, theory in zip((name, other), theories, strict=True):
            if isinstance(theory, TextTheory):
                wanted = [variable for variable in tests.get(field, ([], []))[0] if variable.kind != "present"]
                joint += [*(theory.texts[theory.index[variable]] for variable in wanted), *theory.inside]
        tried = 0
        for text in candidates(joint):
            extra = ((alternatives(literal(text, False)),), ())
            answer = self.field(other).solve(*tests.get(other, ([], [])), True, extra)
            if isinstance(answer, Found):
                yield answer.value
                tried += 1
            if tried >= MAX_TRIES:
                return

    def _lettered(self, tests: dict[str, tuple[list[Variable], list[Variable]]], other: str) -> Iterator[Any]:
        """Values with a letter, which comparisons that keep and ignore case can tell apart."""
        for letters in (chars([(65, 90), (97, 122)]), chars([(97, 102)])):
            extra = ((alternatives(Seq((ANY_STRING, letters, ANY_STRING))),), ())
            answer = self.field(other).solve(*tests.get(other, ([], [])), True, extra)
            if isinstance(answer, Found):
                yield answer.value


def _patterns(variables: list[Variable], event: dict[str, Any]) -> tuple[Alternatives, ...]:
    return tuple(
        alternatives(_pattern(variable.piece, as_text(event[variable.piece.other])))
        for variable in variables
        if variable.piece.other in event
    )


def _pattern(same: SameAs, text: str) -> Language:
    """The texts that compare as asked with `text`."""
    before = (ANY_STRING,) if same.how in ("endswith", "contains") else ()
    after = (ANY_STRING,) if same.how in ("startswith", "contains") else ()
    return Seq((*before, literal(text, same.ignore_case), *after))
