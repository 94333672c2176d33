"""Queries that others wrote, decided against the rules they stand for: the stock backends', or one from a file.

A query is read by our reader of its language and compared with its rule by the prover, over every kind of record that
the target's platform writes: the same that our own queries go through. What it cannot decide it says.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from converter.audit.stock import stock_query
from converter.convert.sources import kinds_for
from converter.core.discovery import schema_of, targets
from converter.core.errors import OutOfFragment, ParityError, UnknownColumn, Unsupported
from converter.core.model import Query, Rule, Target
from converter.core.platform import Kind
from converter.core.processes import pool, usual_count
from converter.core.verdict import Outcome
from converter.dialects.registry import dialect
from converter.prove.prove import Proof, Witness, prove
from converter.verify import binder_check

Done = Callable[[int, int], None]
#: with fewer rules than this the start of a worker costs more than it saves
_FEW = 8
_CHUNK = 4
#: a further way in which an Elastic data stream keeps a field, such as Elastic Defend's without regard to case
#: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/multi-fields
_MULTI_FIELD = re.compile(r"[\w.]+\.(?:caseless|text)\b")


class Finding(enum.StrEnum):
    """What an audit finds of a query.

    ELSEWHERE: it is right on the records of the rule's own log source, and fires on others, of another system or event.
    REJECTED: it names a column that the platform does not have, or the vendor's own checker does not take it. NOT_READ:
    our reader does not take it, and whether the platform does is not known. UNDECIDED: it is beyond what the prover
    covers. NO_QUERY: the backend makes none. NO_DATA: we have no table for the rule's log
    source on this platform, so nothing is said of the query.
    """

    AGREE = "AGREE"
    DISAGREE = "DISAGREE"
    ELSEWHERE = "ELSEWHERE"
    REJECTED = "REJECTED"
    NOT_READ = "NOT_READ"
    UNDECIDED = "UNDECIDED"
    NO_QUERY = "NO_QUERY"
    NO_DATA = "NO_DATA"


#: what says that a query which is deployed does not do what its rule says
WRONG = (Finding.DISAGREE, Finding.ELSEWHERE, Finding.REJECTED)


@dataclass(frozen=True)
class Audited:
    """A rule at a target: the finding, the query's text ("" without one), why, the proof that it came to, and the event
    that shows best what is wrong."""

    source: str
    target: str
    finding: Finding
    text: str = ""
    reason: str = ""
    proof: Proof | None = None
    witness: Witness | None = None


def audit_query(rule: Rule, target: Target, text: str) -> Audited:
    """What is true of a query that stands for a rule."""
    schema = schema_of(target)
    found = Audited(rule.path, target.name, Finding.NO_DATA, text)
    try:
        own = kinds_for(rule, schema)
    except Unsupported as fault:
        return _with(found, Finding.NO_DATA, fault.message)
    try:
        dialect(target.dialect).read(text, schema)
    except OutOfFragment as fault:
        return _confirmed(_with(found, Finding.UNDECIDED, fault.message), target)
    except ParityError as fault:
        if multi := _MULTI_FIELD.search(fault.message):
            told = f"{multi[0]} is a multi-field, which some data streams have; our tables leave multi-fields out"
            return _with(found, Finding.UNDECIDED, told)
        finding = Finding.REJECTED if isinstance(fault, UnknownColumn) else Finding.NOT_READ
        return _confirmed(_with(found, finding, str(fault)), target)
    proof = prove(Query(rule.path, target.name, target.dialect, text, ""), target, {rule.path: rule})
    if proof.outcome is Outcome.DISAGREE:
        finding = Finding.DISAGREE if proof.witness is None else _place(proof.witness, own)
        return replace(found, finding=finding, reason=proof.reason, proof=proof, witness=proof.witness)
    findings = {Outcome.AGREE: Finding.AGREE, Outcome.ERROR: Finding.NOT_READ}
    return replace(found, finding=findings.get(proof.outcome, Finding.UNDECIDED), reason=proof.reason, proof=proof)


def _place(witness: Witness, own: Sequence[Kind]) -> Finding:
    return Finding.DISAGREE if any(kind.name == witness.kind for kind in own) else Finding.ELSEWHERE


def _with(found: Audited, finding: Finding, reason: str) -> Audited:
    return replace(found, finding=finding, reason=reason)


def _confirmed(found: Audited, target: Target) -> Audited:
    """The finding with what the vendor's own checker says of the text, where there is one and it is installed."""
    if target.dialect != binder_check.DIALECT:
        return found
    query = Query(found.source, target.name, target.dialect, found.text, "")
    said = binder_check.verdict(query, target, schema_of(target).types)
    if said.outcome is Outcome.DISAGREE:
        return _with(found, Finding.REJECTED, f"{binder_check.PROVENANCE}: {said.detail.splitlines()[0]}")
    if said.outcome is Outcome.AGREE:
        return _with(found, Finding.UNDECIDED, f"{binder_check.PROVENANCE} takes it; our reader: {found.reason}")
    return found


def audit_rule(rule: Rule, target: Target) -> Audited:
    """The same of what the stock backend makes of the rule."""
    found = Audited(rule.path, target.name, Finding.NO_QUERY)
    try:
        text = stock_query(rule, target.name)
    except Unsupported as fault:
        return _with(found, Finding.NO_QUERY, fault.message)
    except OutOfFragment as fault:
        return _with(found, Finding.UNDECIDED, fault.message)
    return audit_query(rule, target, text)


def audit(
    rules: Sequence[Rule], chosen: Sequence[Target], done: Done | None = None, workers: int | None = None
) -> Iterator[Audited]:
    """Every rule at every chosen target, in their order; in parallel where it pays."""
    names = [target.name for target in chosen]
    count = workers or usual_count()
    if count == 1 or len(rules) < _FEW:
        for number, rule in enumerate(rules, 1):
            yield from _of_rule(rule, names)
            if done:
                done(number, len(rules))
        return
    with pool(count, _begin, (names,)) as executor:
        for number, found in enumerate(executor.map(_work, rules, chunksize=_CHUNK), 1):
            yield from found
            if done:
                done(number, len(rules))


def _of_rule(rule: Rule, names: Sequence[str]) -> list[Audited]:
    return [audit_rule(rule, targets()[name]) for name in names]


_names: list[str] = []


def _begin(names: list[str]) -> None:
    """What a worker is told once."""
    _names[:] = names


def _work(rule: Rule) -> list[Audited]:
    return _of_rule(rule, _names)
