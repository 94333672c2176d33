"""A small conflict-driven clause learner with a hook for a theory (DPLL(T)).

Literals are non-zero integers. Variables are decided false first, which asks a theory for as little as possible. Where
that ends in a conflict after many decisions, some are tried true: of a long disjunction, no part of which can be, each
is then ruled out by one decision, and not by one after all the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

Clause = list[int]
#: literals from which on a clause is long
_LONG = 16
#: decisions for each variable, and for each conflict
_FEW, _DECISIONS = 20, 160
#: the usual `many`
_MANY = 64


class GaveUpError(Exception):
    """More conflicts, or decisions, than the budget allows."""


class Solver:
    """Clauses over variables 1..`count`, of which `inputs` are decided, in that order; the others must follow.

    `many` is how many decisions a conflict undoes for the next variables to be tried true.
    """

    def __init__(self, count: int, inputs: Sequence[int], conflicts: int, many: int = _MANY) -> None:
        size = 2 * count + 1
        # A negative literal indexes from the end, so that value[-x] is its own cell.
        self.value = [0] * size
        self._watches: list[list[Clause]] = [[] for _ in range(size)]
        self._level = [0] * (count + 1)
        self._reason: list[Clause | None] = [None] * (count + 1)
        self._trail: list[int] = []
        self._limits: list[int] = []
        self._head = 0
        self._inputs = inputs
        self._next = 0
        #: whether the next variable is to be tried true, whether the last was, and where it is
        self._try_next, self._tried, self._trial = False, False, 0
        self._many = many
        self._left = conflicts
        #: each conflict may undo many decisions, which cost as much as it does
        self._decisions = count * _FEW + conflicts * _DECISIONS
        self._broken = False
        #: decisions made so far
        self.decided = 0
        #: by the identity of a long clause, where the search for another literal to watch goes on
        self._places: dict[int, int] = {}

    def add(self, literals: Sequence[int]) -> None:
        """Add a clause, undoing as many decisions as needed for it to be neither false nor silently unit."""
        clause = list(dict.fromkeys(literals))
        if not clause:
            self._broken = True
            return
        clause.sort(key=self._rank, reverse=True)
        if self.value[clause[0]] < 0 or (len(clause) > 1 and self.value[clause[0]] == 0 > self.value[clause[1]]):
            self._cancel(self._safe_level(clause))
            clause.sort(key=self._rank, reverse=True)
        if len(clause) == 1:
            self._cancel(0)
            if self.value[clause[0]] < 0:
                self._broken = True
            elif self.value[clause[0]] == 0:
                self._assign(clause[0], None)
            return
        self._watches[clause[0]].append(clause)
        self._watches[clause[1]].append(clause)
        if self.value[clause[0]] == 0 > self.value[clause[1]]:
            self._assign(clause[0], clause)
        elif self.value[clause[0]] < 0:
            self._broken = True

    def _rank(self, literal: int) -> tuple[int, int]:
        """True and free literals before false ones, and of these the most recently falsified first."""
        value = self.value[literal]
        return (1 if value >= 0 else 0, self._level[abs(literal)] if value < 0 else 0)

    def _safe_level(self, clause: Clause) -> int:
        """The last level at which the sorted clause has a free literal and is unit only by its own level."""
        levels = sorted((self._level[abs(x)] for x in clause if self.value[x] < 0), reverse=True)
        if self.value[clause[0]] == 0:  # all but one are false: it follows at the level of the highest
            return levels[0]
        if len(levels) == 1:
            return 0
        return levels[1] if levels[0] > levels[1] else max(levels[0] - 1, 0)

    def solve(self, assumptions: Sequence[int], check: Callable[[], list[Clause]]) -> bool:
        """Whether there is an assignment with all `assumptions` that `check` accepts by returning no clauses.

        `check` is called on complete assignments; the clauses that it returns are added, and the search goes on.
        Raises GaveUpError when the conflicts run out. After True, `value` holds the assignment.
        """
        self._cancel(0)
        while not self._broken:
            conflict = self._propagate()
            if conflict is not None:
                if not self._limits:
                    self._broken = True
                    break
                if not self._tried:  # a trial is one decision: those are counted
                    self._spend()
                self._learn(conflict)
                continue
            decision = self._decide(assumptions)
            if decision is None:
                return False
            if decision:
                self._limits.append(len(self._trail))
                self._decisions -= 1
                self.decided += 1
                if self._decisions < 0:
                    raise GaveUpError
                if self.value[decision] == 0:
                    self._assign(decision, None)
                continue
            lemmas = check()
            if not lemmas:
                return True
            self._spend()
            for lemma in lemmas:
                self.add(lemma)
        return False

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise GaveUpError

    def _decide(self, assumptions: Sequence[int]) -> int | None:
        """The next literal to assume, 0 when all are assigned, None when an assumption is false."""
        if len(self._limits) < len(assumptions):
            literal = assumptions[len(self._limits)]
            return None if self.value[literal] < 0 else literal
        inputs, value = self._inputs, self.value
        self._tried = self._try_next
        self._try_next = False
        for _ in inputs if self._tried else ():
            self._trial = (self._trial + 1) % len(inputs)
            if value[inputs[self._trial]] == 0:
                return inputs[self._trial]
        while self._next < len(inputs):
            if value[inputs[self._next]] == 0:
                return -inputs[self._next]
            self._next += 1
        return 0

    def _assign(self, literal: int, reason: Clause | None) -> None:
        self.value[literal], self.value[-literal] = 1, -1
        self._level[abs(literal)] = len(self._limits)
        self._reason[abs(literal)] = reason
        self._trail.append(literal)

    def _cancel(self, level: int) -> None:
        if len(self._limits) <= level:
            return
        stop = self._limits[level]
        for literal in self._trail[stop:]:
            self.value[literal] = self.value[-literal] = 0
        del self._trail[stop:], self._limits[level:]
        self._head = min(self._head, stop)
        self._next = 0

    def _propagate(self) -> Clause | None:
        value, watches = self.value, self._watches
        while self._head < len(self._trail):
            false = -self._trail[self._head]
            self._head += 1
            watching = watches[false]
            if not watching:
                continue
            kept: list[Clause] = []
            watches[false] = kept
            for index, clause in enumerate(watching):
                if clause[0] == false:
                    clause[0], clause[1] = clause[1], false
                first = clause[0]
                if value[first] > 0:
                    kept.append(clause)
                    continue
                place = self._free_place(clause)
                if place:
                    clause[1], clause[place] = clause[place], false
                    watches[clause[1]].append(clause)
                else:
                    kept.append(clause)
                    if value[first] < 0:
                        kept.extend(watching[index + 1 :])
                        return clause
                    self._assign(first, clause)
        return None

    def _free_place(self, clause: Clause) -> int:
        """Where, behind the two that are watched, a literal is not false; 0 if nowhere.

        The search goes on where the last one ended: a long clause of which one literal after the other is falsified
        would else be walked through anew each time.
        """
        value, start = self.value, self._places.get(id(clause), 2)
        for place in chain(range(start, len(clause)), range(2, min(start, len(clause)))):
            if value[clause[place]] >= 0:
                if len(clause) > _LONG:
                    self._places[id(clause)] = place
                return place
        return 0

    def _learn(self, conflict: Clause) -> None:
        """First unique implication point: add what the conflict teaches and go back to where it is unit."""
        level, seen, learned = len(self._limits), set[int](), list[int]()
        open_count, position, reason, pivot = 0, len(self._trail), conflict, 0
        while True:
            for literal in reason:
                variable = abs(literal)
                if literal == pivot or variable in seen or self._level[variable] == 0:
                    continue
                seen.add(variable)
                if self._level[variable] == level:
                    open_count += 1
                else:
                    learned.append(literal)
            position -= 1
            while abs(self._trail[position]) not in seen:
                position -= 1
            pivot = self._trail[position]
            open_count -= 1
            if open_count <= 0:
                break
            reason = self._reason[abs(pivot)] or []
        learned.sort(key=lambda literal: self._level[abs(literal)], reverse=True)
        back = self._level[abs(learned[0])] if learned else 0
        # a trial that failed at once is followed by another
        self._try_next = self._tried or len(self._limits) - back > self._many
        self._cancel(back)
        clause = [-pivot, *learned]
        if len(clause) > 1:
            self._watches[clause[0]].append(clause)
            self._watches[clause[1]].append(clause)
        self._assign(-pivot, clause if len(clause) > 1 else None)
