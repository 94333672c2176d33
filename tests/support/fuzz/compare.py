"""What reader, interpreter and Elasticsearch say of one random query over the awkward records, and where they differ.

`wrong`: two decided answers differ. `taken`: decided here, and Elasticsearch refuses the query, or makes a part of it
match nothing without an error. `crash`: neither an answer nor one of our own errors; `slow`: no answer in `PATIENCE`
seconds of computing. Each of these is a fault. `invalid` is none of an answer: called an error here, and Elasticsearch
takes it.
`assumed`: two answers in ES|QL's TO_LOWER or TO_UPPER differ on values with a letter without a pair of cases (Kelvin
sign, long s, dotted i), of which `semantics.regular.language` assumes that no value turns on one.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from types import ModuleType
from typing import Any

from converter.core.errors import EngineError, OutOfFragment, ParityError
from converter.core.platform import Record, Schema
from converter.core.verdict import Engine
from converter.dialects.registry import dialect
from converter.engines.elastic.elasticsearch_dsl import ENGINE as DSL
from converter.engines.elastic.elasticsearch_eql import ENGINE as EQL
from converter.engines.elastic.elasticsearch_esql import ENGINE as ESQL
from converter.engines.elastic.elasticsearch_lucene import ENGINE as LUCENE
from converter.engines.eql.interpreter import ENGINE as EQL_INTERPRETER
from converter.engines.esql.interpreter import ENGINE as ESQL_INTERPRETER
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import disjunction
from tests.support.fuzz import dsl, eql, esql, lucene, records
from tests.support.fuzz.trees import Tree, forms, smaller

#: seconds of computing within which Elasticsearch has long answered
PATIENCE = 10
FAULTS = ("wrong", "taken", "crash", "slow")
KINDS = (*FAULTS, "assumed", "invalid")
#: what some shard refused after others had answered, and what Elasticsearch fails at (status 500): no answer either
_ANSWERED = re.compile(r"answered in part only|refused the query \(500\)")
#: a query is made smaller in so many steps at most
STEPS = 60


@dataclass(frozen=True)
class Language:
    """One dialect: its grammar, the node, and Parity's interpreters."""

    grammar: ModuleType
    node: Engine
    interpreters: tuple[Engine, ...] = ()


LANGUAGES = {
    "dsl": Language(dsl, DSL),
    "lucene": Language(lucene, LUCENE),
    "esql": Language(esql, ESQL, (ESQL_INTERPRETER,)),
    "eql": Language(eql, EQL, (EQL_INTERPRETER,)),
}


@dataclass(frozen=True)
class Answer:
    """The positions that match, or, if None, why there is no answer: `state` is decided, out,
    invalid, crash, slow, or unasked."""

    found: frozenset[int] | None
    state: str = "decided"
    why: str = ""


@dataclass(frozen=True)
class Difference:
    """One kind of difference with its least query: whose (`reader`, or an engine's name), what, and what was said."""

    dialect: str
    judge: str
    kind: str
    forms: str
    text: str
    told: str


class Comparison:
    """One dialect's judges over the records."""

    def __init__(self, name: str, found: Sequence[Record] | None = None, schema: Schema | None = None) -> None:
        self.name, self.language = name, LANGUAGES[name]
        self.records = tuple(records.records() if found is None else found)
        self.schema = schema or records.schema()

    def node(self, text: str) -> Answer:
        """Raises EngineError when there is no node to ask."""
        try:
            return Answer(frozenset(h.position for h in self.language.node.run(text, self.records, self.schema, None)))
        except EngineError as error:
            if not _ANSWERED.search(str(error)):
                raise
            return Answer(None, "invalid", str(error))
        except ParityError as error:
            # what only Parity's own translation of EQL refuses was never asked
            return Answer(None, "invalid" if "Elasticsearch" in str(error) else "unasked", str(error))

    def judges(self) -> Iterator[tuple[str, Callable[[str], frozenset[int]]]]:
        yield "reader", self._read
        for engine in self.language.interpreters:
            yield engine.name, lambda text, e=engine: self._run(e, text)  # type: ignore[misc]

    def _read(self, text: str) -> frozenset[int]:
        predicate = disjunction(b.predicate for b in dialect(self.name).read(text, self.schema))
        return frozenset(at for at, record in enumerate(self.records) if holds(predicate, record.fields))

    def _run(self, engine: Engine, text: str) -> frozenset[int]:
        return frozenset(hit.position for hit in engine.run(text, self.records, self.schema, None))

    def differences(self, text: str, node: Answer | None = None) -> dict[str, tuple[str, str]]:
        """judge -> (kind, what was said), for each judge that differs from the node."""
        said = node or self.node(text)
        out = {}
        for name, judge in self.judges():
            found = self._kind(text, _answer(judge, text), said)
            if found is not None:
                out[name] = found
        return out

    def _kind(self, text: str, ours: Answer, node: Answer) -> tuple[str, str] | None:
        if ours.state in ("crash", "slow"):
            return ours.state, ours.why
        if node.state == "unasked":
            return None
        if ours.found is None:
            return ("invalid", ours.why) if ours.state == "invalid" and node.found is not None else None
        if node.found is None:
            return "taken", f"Elasticsearch: {node.why}"
        if node.found == ours.found:
            return None
        odd = sorted(node.found ^ ours.found)
        at = min(odd, key=lambda place: (len(str(self.records[place].fields)), place))
        fields = {k: v for k, v in self.records[at].fields.items() if not k.startswith(("@", "_"))}
        says = "finds it" if at in node.found else "does not find it"
        folded = self.name == "esql" and ("TO_LOWER" in text or "TO_UPPER" in text)
        kind = "assumed" if folded and all(_unpaired(self.records[place]) for place in odd) else "wrong"
        return kind, f"{len(odd)} records, e.g. {str(fields)[:200]}: Elasticsearch {says}"

    def least(self, tree: Tree, judge: str, kind: str) -> Tree:
        """The tree made smaller as long as the judge differs in the same way."""
        steps = 0
        while True:
            for less in smaller(tree):
                steps += 1
                if steps > STEPS:
                    return tree
                if self.differences(self.language.grammar.written(less)).get(judge, ("",))[0] == kind:
                    tree = less
                    break
            else:
                return tree


@dataclass
class Tally:
    """What a run counted: queries, those that the node takes, those that each judge decided."""

    queries: int = 0
    taken: int = 0
    decided: dict[str, int] | None = None


def run(
    name: str, seed: int, count: int, tally: Tally, told: Callable[[int], None] = lambda at: None
) -> Iterator[Difference]:
    """The differences of `count` random queries; query number n of a seed is always the same."""
    comparison = Comparison(name)
    tally.decided = dict.fromkeys((judge for judge, _ in comparison.judges()), 0)
    for at in range(count):
        told(at)
        tree = comparison.language.grammar.condition(Random(f"{name} {seed} {at}"))
        text = comparison.language.grammar.written(tree)
        node = comparison.node(text)
        tally.queries += 1
        tally.taken += node.found is not None
        for judge, ask in comparison.judges():
            ours = _answer(ask, text)
            tally.decided[judge] += ours.found is not None and node.found is not None
            found = comparison._kind(text, ours, node)
            if found is not None:
                yield _difference(comparison, tree, judge, found)


def _difference(comparison: Comparison, tree: Tree, judge: str, found: tuple[str, str]) -> Difference:
    kind = found[0]
    least = comparison.least(tree, judge, kind)
    text = comparison.language.grammar.written(least)
    told = comparison.differences(text).get(judge, found)[1]
    return Difference(comparison.name, judge, kind, ", ".join(forms(least)), text, told)


def _answer(ask: Callable[[str], frozenset[int]], text: str) -> Answer:
    try:
        with _patience():
            return Answer(ask(text))
    except OutOfFragment as error:
        return Answer(None, "out", str(error))
    except ParityError as error:
        # an interpreter has only one kind of error for "refused" and "not covered"
        return Answer(None, "out" if _uncovered(error) else "invalid", str(error))
    except TimeoutError:
        return Answer(None, "slow", f"no answer in {PATIENCE} s of computing")
    except Exception as error:
        return Answer(None, "crash", f"{type(error).__name__}: {error}")


def _unpaired(record: Record) -> bool:
    """Whether some value has a letter that is not one of two that differ in case only."""
    return any(
        c not in (c.lower(), c.upper()) or c.lower().upper() != c.upper() or c.upper().lower() != c.lower()
        for value in record.fields.values()
        for c in str(value)
    )


def _uncovered(error: ParityError) -> bool:
    return isinstance(error.__cause__, OutOfFragment) or "not covered" in str(error)


@contextmanager
def _patience() -> Iterator[None]:
    def late(number: int, frame: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
