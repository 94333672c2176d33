"""How mutants fare: does the proof tell each from its rule, and do the fixtures?

A mutant is `equivalent` when the proof says that it still means its rule, `invalid` when its dialect's reader does not
accept it, else it should be killed: by the proof with a witness, and by an engine that returns other fixtures than it
does for the shipped text. Engines run every witness too; proof and execution may never contradict each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from converter.discovery import schema_of
from converter.errors import EngineUnavailable, NotRepresentable, ParityError
from converter.fixtures import Bench, Sample
from converter.model import Case, Engine, Event, Outcome, Rule, Schema
from converter.mutate import Mutant
from converter.prove import Proof, prove
from converter.schemas.project import project
from converter.schemas.pullback import domain_of
from converter.semantics.domain import Domain
from converter.semantics.evaluate import as_address, as_number, as_text, matches
from converter.verify import Subject


@dataclass(frozen=True)
class Fate:
    """What became of one mutant.

    `killed` says that the fixtures told it apart, `engine` which engine ran it ("" if none accepted its text), and
    `contradiction` is "" unless proof and execution differ on an event.
    """

    path: str
    mutant: Mutant
    proof: Proof
    engine: str
    killed: bool
    contradiction: str = ""

    @property
    def invalid(self) -> bool:
        return self.proof.outcome is Outcome.ERROR

    @property
    def equivalent(self) -> bool:
        return self.proof.outcome is Outcome.AGREE


@dataclass(frozen=True)
class _Proved:
    mutant: Mutant
    proof: Proof
    #: where the witness stands among the records, None without one
    position: int | None


def fates(subject: Subject, chosen: Sequence[Mutant], engines: Sequence[Engine], bench: Bench) -> list[Fate]:
    """The fate of each mutant of a query; engines are asked in turn until one accepts the text."""
    parts = {subject.labels.get(path, path): rule for path, rule in subject.rules.items()}
    schema = schema_of(subject.target)
    samples = list(bench.samples)
    proved = []
    for mutant in chosen:
        proof = _proof(subject, mutant, parts)
        sample = _witness(proof, schema, len(samples))
        proved.append(_Proved(mutant, proof, len(samples) if sample else None))
        samples.extend([sample] if sample else [])
    both = Bench(schema, tuple(samples), {}, tuple(sample.record for sample in samples))
    run = _Run(subject, engines, both, len(bench.samples))
    return [run.fate(item) for item in proved]


def _proof(subject: Subject, mutant: Mutant, parts: dict[str, Rule]) -> Proof:
    return prove(replace(subject.query, text=mutant.text), subject.target, parts)


def _witness(proof: Proof, schema: Schema, number: int) -> Sample | None:
    """The witness of a proof as a record of its kind."""
    if proof.witness is None:
        return None
    kind = next(k for k in schema.kinds if k.name == proof.witness.kind)
    time = (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    try:
        record = project(schema, kind, proof.witness.event, number, time)
    except NotRepresentable:
        return None
    return Sample("", Case("witness", proof.witness.event, proof.witness.rule), kind, record)


class _Run:
    """Executes the mutants of one query over fixtures and witnesses."""

    def __init__(self, subject: Subject, engines: Sequence[Engine], bench: Bench, fixtures: int) -> None:
        self.subject, self.engines, self.bench, self.fixtures = subject, engines, bench, fixtures
        self.shipped: dict[str, set[int]] = {}

    def fate(self, item: _Proved) -> Fate:
        path = self.subject.query.path
        if item.proof.outcome is Outcome.ERROR:
            return Fate(path, item.mutant, item.proof, "", False)
        for engine in self.engines:
            try:
                found = self._found(engine, item.mutant.text)
            except ParityError:
                continue  # not installed, or an engine of a narrower fragment: the next one may know the construct
            if engine.name not in self.shipped:
                self.shipped[engine.name] = self._found(engine, self.subject.query.text)
            other = sorted(p for p in found ^ self.shipped[engine.name] if p < self.fixtures)
            told = self._contradiction(item, engine, found, other)
            return Fate(path, item.mutant, item.proof, engine.name, bool(other), told)
        return Fate(path, item.mutant, item.proof, "", False)

    def _found(self, engine: Engine, text: str) -> set[int]:
        try:
            hits = engine.run(text, self.bench.records, self.bench.schema)
        except EngineUnavailable:  # a server that was slow to start under load gets a second chance
            hits = engine.run(text, self.bench.records, self.bench.schema)
        return {hit.position for hit in hits}

    def _contradiction(self, item: _Proved, engine: Engine, found: set[int], other: list[int]) -> str:
        witness = item.proof.witness
        if witness is not None and item.position is not None and (item.position in found) != witness.query:
            record = dict(self.bench.samples[item.position].record.fields)
            return f"{engine.name} contradicts the proof: {witness.describe()}\n  record: {record}"
        if item.proof.outcome is Outcome.AGREE:
            for position in other:
                sample = self.bench.samples[position]
                if within(domain_of(sample.kind, self.bench.schema), sample.case.event):
                    return f"{engine.name} tells a mutant apart that is proved equivalent, by {sample.describe()}"
        return ""


def within(domain: Domain, event: Event) -> bool:
    """Whether a platform's domain allows the event; lists are outside of it unless the field may hold many values."""
    for name, value in event.items():
        field = domain.of(name)
        if isinstance(value, list):
            return False
        if field.sort == "number":
            number = as_number(value)
            fits = number is not None and any(
                (low is None or low <= number) and (high is None or number <= high) for low, high in field.numbers
            )
        elif field.sort == "address":
            fits = as_address(value) is not None
        else:
            fits = matches(field.language, as_text(value)) and not (field.empty_is_missing and value == "")
        if not fits:
            return False
    return True
