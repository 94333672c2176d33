"""Do two Predicates mean the same? Decided over all events of a domain, with the event that separates them if not.

The tests are made Boolean variables. If the formulas are equal whatever the variables say, they are equal; sorting
alone settles most pairs. Otherwise a solver proposes an assignment on which they differ, a justification picks the
tests that matter for it, and the theories of the fields look for an event on which just these hold. Where there is
none, the tests that exclude each other are learned as a clause. Every event is evaluated on both Predicates first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from converter.core.errors import OutOfFragment
from converter.semantics.decide.boolean import Clause, GaveUpError, Solver
from converter.semantics.decide.domain import ANYTHING, DEFAULT_BUDGET, Budget, Domain
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.events import Events
from converter.semantics.decide.formula import FALSE, TRUE, Formula, Variable
from converter.semantics.decide.predicate import And, Not, Predicate
from converter.semantics.decide.theory import Conflict, GaveUp
from converter.semantics.regular.automata import Meter

#: Assignments that no theory could settle before the decision ends as Unknown.
MAX_UNSETTLED = 20


@dataclass(frozen=True)
class Equivalent:
    """Equal on every event of the domain."""


@dataclass(frozen=True)
class Different:
    """The event on which `left` and `right` differ, with both answers."""

    event: dict[str, Any] = field(hash=False)
    left_value: bool
    right_value: bool


@dataclass(frozen=True)
class Unknown:
    """Neither shown equal nor told apart, and why."""

    reason: str


Decision = Equivalent | Different | Unknown


def compare(left: Predicate, right: Predicate, domain: Domain = ANYTHING, budget: Budget = DEFAULT_BUDGET) -> Decision:
    """Whether `left` and `right` have the same answer on every event of `domain`.

    Exact but for the budget and the few combinations that the theories say they give up on, which are Unknown.
    """
    try:
        formula = Formula([left, right])
    except OutOfFragment as fault:
        return Unknown(fault.message)
    one, other = formula.roots
    if one == other:
        return Equivalent()
    question = _Question(formula, domain, budget)
    unknown = None
    for value in (True, False):
        sides = [one, -other] if value else [-one, other]

        def differs(event: dict[str, Any], value: bool = value) -> bool:
            return holds(left, event) == value and holds(right, event) != value

        answer = question.ask(sides, differs)
        if isinstance(answer, dict):
            return Different(answer, value, not value)
        unknown = unknown or answer
    return unknown or Equivalent()


def satisfiable(
    predicate: Predicate, domain: Domain = ANYTHING, budget: Budget = DEFAULT_BUDGET
) -> dict[str, Any] | Unknown | None:
    """An event of `domain` on which `predicate` holds, None when there is none."""
    try:
        formula = Formula([predicate])
    except OutOfFragment as fault:
        return Unknown(fault.message)
    return _Question(formula, domain, budget).ask(formula.roots, lambda event: holds(predicate, event))


def implies(
    left: Predicate, right: Predicate, domain: Domain = ANYTHING, budget: Budget = DEFAULT_BUDGET
) -> dict[str, Any] | Unknown | None:
    """None when `right` holds wherever `left` does, else an event on which only `left` holds."""
    return satisfiable(And((left, Not(right))), domain, budget)


class _Question:
    """The solver and the theories over the variables of one formula."""

    def __init__(self, formula: Formula, domain: Domain, budget: Budget) -> None:
        self.formula, self.domain = formula, domain
        nodes = range(2, len(formula.nodes))
        self.variables = {node: found for node in nodes if (found := formula.variable(node)) is not None}
        self.node_of = {variable: node for node, variable in self.variables.items()}
        self.events = Events(self.variables.values(), domain, Meter(budget.steps))
        self.solver = Solver(len(formula.nodes) - 1, list(self.variables), budget.conflicts)
        self.solver.add([TRUE])
        for node in nodes:
            content = formula.nodes[node]
            if isinstance(content, tuple):
                self.solver.add([-node, *content])
                for item in content:
                    self.solver.add([node, -item])
        for clause in self._presence():
            self.solver.add(clause)
        self.unsettled: list[str] = []

    def _presence(self) -> Iterator[Clause]:
        """A value that passes a test is there: said at once, or each test would have to be learned by a conflict."""
        for variable, node in self.node_of.items():
            fields = (variable.field, variable.piece.other) if variable.kind == "same" else (variable.field,)
            for name in fields if variable.kind != "present" else ():
                present = self.node_of.get(Variable(name, "present", None))
                if present is not None:
                    yield [-node, present]

    def ask(self, literals: list[int], confirms: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | Unknown | None:
        """An event on which the literals are true, minimal and confirmed; None when there is none."""
        if FALSE in literals:
            return None
        found: list[dict[str, Any]] = []

        def check() -> list[Clause]:
            return self._check(literals, confirms, found)

        self.unsettled = []
        try:
            satisfied = self.solver.solve([item for item in literals if item != TRUE], check)
        except GaveUpError:
            return Unknown("the comparison went over its budget of conflicts")
        if satisfied and found:
            return self._minimal(found[0], confirms)
        return Unknown(self.unsettled[0]) if self.unsettled else None

    def _check(
        self, literals: list[int], confirms: Callable[[dict[str, Any]], bool], found: list[dict[str, Any]]
    ) -> list[Clause]:
        """No clauses when the solver's assignment is an event's (or all hope is given up), else what was learned."""
        required, forbidden = self._justification(literals)
        answer = self.events.realise(required, forbidden)
        if isinstance(answer, dict):
            if confirms(answer):
                found.append(answer)
                return []
            answer = GaveUp("an event was found that the evaluator does not confirm")
        if isinstance(answer, GaveUp):
            self.unsettled.append(answer.reason)
            if len(self.unsettled) > MAX_UNSETTLED:
                return []
            answer = (Conflict(frozenset(required), frozenset(forbidden)),)
        assert isinstance(answer, tuple)
        # Sorted, for a set of variables has an order of its own in every process.
        return [
            [*sorted(-self.node_of[v] for v in lemma.required), *sorted(self.node_of[v] for v in lemma.forbidden)]
            for lemma in answer
        ]

    def _justification(self, literals: list[int]) -> tuple[list[Variable], list[Variable]]:
        """Few variables, with their values, that by themselves make the literals true."""
        costs: dict[int, int] = {TRUE: 0}
        for node in range(2, len(self.formula.nodes)):
            content = self.formula.nodes[node]
            if isinstance(content, Variable):
                # A test that must not hold costs nothing to a missing field: prefer those.
                costs[node] = 2 if self.solver.value[node] > 0 else 1
            elif self.solver.value[node] > 0:
                costs[node] = min(costs[abs(item)] for item in content if self.solver.value[item] > 0)
            else:
                costs[node] = sum(costs[abs(item)] for item in content)
        required: dict[Variable, None] = {}
        forbidden: dict[Variable, None] = {}
        todo, seen = [abs(item) for item in literals], set[int]()
        while todo:
            node = todo.pop()
            if node in seen or node == TRUE:
                continue
            seen.add(node)
            content = self.formula.nodes[node]
            if isinstance(content, Variable):
                (required if self.solver.value[node] > 0 else forbidden)[content] = None
            elif self.solver.value[node] > 0:
                true = [abs(item) for item in content if self.solver.value[item] > 0]
                todo.append(min(true, key=lambda item: 0 if item in seen else costs[item] + 1))
            else:
                todo.extend(abs(item) for item in content)
        return list(required), list(forbidden)

    def _minimal(self, event: dict[str, Any], confirms: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The event without the fields that do not matter."""
        for name in list(event):
            smaller = {key: value for key, value in event.items() if key != name}
            if self.domain.of(name).optional and confirms(smaller):
                event = smaller
        return event
