"""For a query, a wrong one that looks much like it, and the event on which the two differ: why a proof is worth having.

Of the systematic mutants (`mutation.mutate`) the first that the proof tells apart is taken, starting with the operator
that the query's own path draws: neighbouring pages show different mistakes, and each page always the same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import yaml

from converter.catalogue.model import Wrong
from converter.core.discovery import schema_of, targets
from converter.core.model import Query, Rule
from converter.core.processes import pool, usual_count
from converter.core.verdict import Outcome
from converter.mutation.mutate import OPERATORS, Mutant, Surroundings, mutants
from converter.platforms.domains import is_free
from converter.prove.prove import Witness, prove

#: what a person or a converter gets wrong most easily comes first; the scope's constants are of less interest
_ORDER = ("lose case", "drop value", "mangle escape", "widen anchor", "drop negation", "swap connective")
#: characters of the query to show on each side of a change
_AROUND = 70
#: proofs for one query at most
_TRIES = 12

Asked = tuple[Query, Mapping[str, Rule]]


def wrong_queries(asked: Sequence[Asked], workers: int | None = None) -> list[Wrong | None]:
    """A wrong query for each query of some rules (by label, or by path), None where none was told apart."""
    several = workers or usual_count()
    if several == 1 or len(asked) < 8:
        return [wrong_query(*one) for one in asked]
    with pool(several, _begin, (asked,)) as executor:
        return list(executor.map(_work, range(len(asked)), chunksize=8))


_asked: Sequence[Asked] = ()


def _begin(asked: Sequence[Asked]) -> None:
    global _asked  # noqa: PLW0603
    _asked = asked


def _work(number: int) -> Wrong | None:
    return wrong_query(*_asked[number])


def wrong_query(query: Query, rules: Mapping[str, Rule]) -> Wrong | None:
    """The first mutant that a proof tells from the rules, with its event."""
    target = targets()[query.target]
    around = Surroundings.of(schema_of(target), rules.values())
    found = mutants(query.text, query.dialect, around)
    for mutant in _chosen(found, query.path):
        proof = prove(replace(query, text=mutant.text), target, rules)
        if proof.outcome is Outcome.DISAGREE and proof.witness is not None and _telling(proof.witness):
            return _shown(query.text, mutant, proof.witness)
    return None


def _telling(witness: Witness) -> bool:
    """Whether a reader can see something in the event: it has fields, and all of them are Sigma's."""
    return bool(witness.event) and not any(is_free(name) for name in witness.event)


def _chosen(found: Sequence[Mutant], path: str) -> Iterator[Mutant]:
    """Up to _TRIES mutants, a few of each operator in turn, beginning with one that the path draws."""
    first = hashlib.sha256(path.encode()).digest()[0] % len(_ORDER)
    names = [*_ORDER[first:], *_ORDER[:first], *(name for name in OPERATORS if name not in _ORDER)]
    tries = 0
    for name in names:
        own = [mutant for mutant in found if mutant.operator == name]
        for mutant in own[len(own) // 2 :][:3]:  # the middle of a list says more than its first entry's scope
            if tries == _TRIES:
                return
            tries += 1
            yield mutant


def _shown(text: str, mutant: Mutant, witness: Witness) -> Wrong:
    """The change within the lines around it."""
    same = _alike(text, mutant.text)
    rest, other = text[same:], mutant.text[same:]
    tail = _alike(rest[::-1], other[::-1])
    end = len(text) - tail
    before, after = text[max(0, same - _AROUND) : same], text[end : end + _AROUND]
    kept = {name: value for name, value in witness.event.items() if value is not None}
    return Wrong(
        meaning=OPERATORS[mutant.operator],
        line=text.count("\n", 0, same) + 1,
        before=("…" if same > _AROUND else "") + before,
        old=text[same:end],
        new=mutant.text[same : len(mutant.text) - tail],
        after=after + ("…" if end + _AROUND < len(text) else ""),
        kind=witness.kind,
        event=yaml.safe_dump(kept, allow_unicode=True, sort_keys=False, width=10_000).rstrip(),
        rule=witness.rule,
        query=witness.query,
    )


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
