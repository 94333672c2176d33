"""What a query costs: which of its tests an index answers, and whether any of them narrows down what has to be read.

The model knows no data: a test that an index answers may still be true of half the rows. It says what a platform *can*
look up, by the facts of `converter/dialects/cost.yml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from converter.core.discovery import schema_of
from converter.core.model import Query, Target
from converter.core.platform import Schema
from converter.dialects.costing import All, Answer, AnyOf, Asked, Fact, Negated, Search, Test, facts, tests
from converter.dialects.registry import dialect

_ORDER = (Answer.INDEX, Answer.WALK, Answer.SCAN)
#: facts of tests that leave nearly every row, though an index answers them
_WIDE = frozenset({"exists", "time"})
#: tests of one conjunct that are told one by one
_SHOWN = 3


@dataclass(frozen=True)
class Conjunct:
    """One of the tests that must all hold.

    `scope` says that it only tells which records are meant; `narrows` that it leaves few of them, as far as the model
    can tell. `why` is the fact that decides its answer.
    """

    text: str
    answer: Answer
    why: Fact
    scope: bool
    narrows: bool


@dataclass(frozen=True)
class Cost:
    """A query's: the conjuncts of each of its searches, and its length."""

    searches: tuple[tuple[Conjunct, ...], ...]
    characters: int
    longest_line: int

    @property
    def scans(self) -> bool:
        """Whether one of its searches has to read every row of its log source: nothing that is looked up narrows it."""
        return any(not any(one.narrows for one in search) for search in self.searches)


def cost(query: Query, target: Target) -> Cost:
    """The cost of a query as it stands. Raises QueryError or OutOfFragment for a text that cannot be read."""
    return cost_of(query.text, target)


def cost_of(text: str, target: Target) -> Cost:
    """The same of a text."""
    schema = schema_of(target)
    found = dialect(target.dialect).cost(text, schema)
    weigh = _Weigher(facts()[target.dialect], scope_of(schema))
    longest = max(map(len, text.splitlines()), default=0)
    return Cost(tuple(weigh.search(search) for search in found), len(text), longest)


@dataclass(frozen=True)
class Scope:
    """What tells only which kind of record a row is: columns that no Sigma field fills, and of others the values that
    kinds are told by (lower-cased)."""

    columns: frozenset[str]
    values: Mapping[str, frozenset[str]]

    def holds(self, test: Test) -> bool:
        """Whether a test asks for nothing else."""
        if self.columns.issuperset(test.columns):
            return True
        known = self.values.get(test.columns[0], frozenset()) if len(test.columns) == 1 else frozenset()
        return bool(test.values) and all(value.lower() in known for value in test.values)


@lru_cache(maxsize=64)
def scope_of(schema: Schema) -> Scope:
    """That of a platform's tables."""
    values: dict[str, set[str]] = {}
    for kind in schema.kinds:
        for name, value in kind.native.items():
            values.setdefault(name, set()).update(map(str, value if isinstance(value, list) else [value]))
    for table in schema.tables:
        for test in (one for scope in table.scope for one in (scope, *scope.any_of)):
            values.setdefault(test.column, set()).update(map(str, test.values))
    filled = {column.name for kind in schema.kinds for column in kind.columns}
    folded = {name: frozenset(map(str.lower, texts)) for name, texts in values.items() if name}
    return Scope(frozenset(folded) - filled, folded)


class _Weigher:
    def __init__(self, known: Mapping[str, Fact], scope: Scope) -> None:
        self.known, self.scope = known, scope

    def search(self, search: Search) -> tuple[Conjunct, ...]:
        return tuple(map(self._conjunct, search.conjuncts))

    def _conjunct(self, asked: Asked) -> Conjunct:
        answer, why = self._answer(asked, False)
        scope = all(test.fact == "time" or self.scope.holds(test) for test in tests(asked))
        return Conjunct(told(asked), answer, why, scope, not scope and self._narrows(asked, False))

    def _answer(self, asked: Asked, negated: bool) -> tuple[Answer, Fact]:
        if isinstance(asked, Negated):
            return self._answer(asked.part, not negated)
        if isinstance(asked, Test):
            fact = self.known[asked.fact]
            if negated and fact.answer is Answer.INDEX:
                fact = self.known["negation"]
            return fact.answer, fact
        parts = [self._answer(part, negated) for part in asked.parts]
        best = min if isinstance(asked, All) is not negated else max
        return best(parts, key=lambda part: _ORDER.index(part[0]))

    def _narrows(self, asked: Asked, negated: bool) -> bool:
        if isinstance(asked, Negated):
            return self._narrows(asked.part, not negated)
        if isinstance(asked, Test):
            wide = asked.fact in _WIDE or self.scope.holds(asked)
            return not negated and not wide and self.known[asked.fact].answer is not Answer.SCAN
        some: Callable[[Iterator[bool]], bool] = any if isinstance(asked, All) is not negated else all
        return some(self._narrows(part, negated) for part in asked.parts)


def told(asked: Asked) -> str:
    """A conjunct in short: its tests, each once, with the number of values."""
    groups: dict[tuple[str, bool], int] = {}
    for test, negated in _signed(asked, False):
        key = (f"{', '.join(test.columns)} {test.operator}".strip(), negated)
        groups[key] = groups.get(key, 0) + max(len(test.values), 1)
    texts = [
        f"{'not ' if negated else ''}{text}{f' ({count} values)' if count > 1 else ''}"
        for (text, negated), count in groups.items()
    ]
    word = " and " if isinstance(asked, Negated | All) else " or "
    more = [f"{len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
    return word.join([*texts[:_SHOWN], *more])


def _signed(asked: Asked, negated: bool) -> Iterator[tuple[Test, bool]]:
    if isinstance(asked, Test):
        yield asked, negated
    elif isinstance(asked, Negated):
        yield from _signed(asked.part, not negated)
    else:
        assert isinstance(asked, All | AnyOf)
        for part in asked.parts:
            yield from _signed(part, negated)
