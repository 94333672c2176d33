"""How mutants fare: does the proof tell each from its rule, and do the fixtures?

A mutant is `equivalent` when the proof says that it still means its rule, `invalid` when its dialect's reader does not
accept it, else it should be killed: by the proof with a witness, and by an engine that returns other fixtures than it
does for the shipped text. Engines run every witness too; proof and execution may never contradict each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from converter.build.bench import Bench, Sample
from converter.core.discovery import schema_of
from converter.core.errors import NotRepresentable, OutOfFragment, ParityError
from converter.core.model import Event, Rule
from converter.core.platform import Kind, Record, Schema
from converter.core.verdict import Case, Engine, Outcome
from converter.dialects.registry import dialect
from converter.mutation.mutate import Mutant
from converter.platforms.domains import domain_of, is_free
from converter.platforms.forms import form
from converter.platforms.losses import held
from converter.platforms.project import project
from converter.platforms.pullback import FREE
from converter.prove.prove import Proof, prove
from converter.semantics.decide.evaluate import as_address, as_number, as_text, matches
from converter.verify.verify import Subject


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
    samples = list(bench.samples)
    proved = []
    for mutant in chosen:
        proof = _proof(subject, mutant, parts)
        sample = _witness(proof, bench, len(samples))
        proved.append(_Proved(mutant, proof, len(samples) if sample else None))
        samples.extend([sample] if sample else [])
    witnesses = replace(bench, samples=tuple(samples[len(bench.samples) :]))
    run = _Run(subject, engines, bench, witnesses)
    return [run.fate(item) for item in proved]


def _proof(subject: Subject, mutant: Mutant, parts: dict[str, Rule]) -> Proof:
    """The proof; ERROR too for what a reader refuses to give a meaning, though the platform would."""
    try:
        dialect(subject.target.dialect).read(mutant.text, schema_of(subject.target))
    except OutOfFragment as fault:
        return Proof(Outcome.ERROR, fault.message)
    except ParityError:
        pass  # the proof says why
    return prove(replace(subject.query, text=mutant.text), subject.target, parts)


def _witness(proof: Proof, bench: Bench, number: int) -> Sample | None:
    """The witness of a proof as a record of its kind."""
    if proof.witness is None:
        return None
    kind = next(k for k in bench.schema.kinds if k.name == proof.witness.kind)
    time = (bench.now - timedelta(minutes=5)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    try:
        record = record_of(bench.schema, kind, proof.witness.event, number, time)
    except NotRepresentable:
        return None
    return Sample("", Case("witness", proof.witness.event, proof.witness.rule), kind, record)


def record_of(schema: Schema, kind: Kind, kept: Event, number: int, time: str) -> Record:
    """The record that holds this: values in the form in which they are written, and columns that no field fills."""
    plain = replace(kind, columns=tuple(replace(c, derive="same") if form(c.derive) else c for c in kind.columns))
    event = {field: value for field, value in kept.items() if ":" not in field and not is_free(field)}
    lists: dict[str, list[str]] = {}
    for field, value in kept.items():
        if ":" in field and not is_free(field):
            whole, _, algorithm = field.partition(":")
            lists.setdefault(whole, []).append(f"{algorithm}={value}")
    event |= {field: ",".join(pairs) for field, pairs in lists.items() if field not in event}
    record = project(schema, plain, event, number, time)
    columns = {field.removeprefix(FREE): value for field, value in kept.items() if is_free(field)}
    return replace(record, fields={**record.fields, **columns})


class _Run:
    """Executes the mutants of one query over fixtures, which many queries share, and witnesses."""

    def __init__(self, subject: Subject, engines: Sequence[Engine], bench: Bench, witnesses: Bench) -> None:
        self.subject, self.engines, self.bench, self.witnesses = subject, engines, bench, witnesses
        self.fixtures = len(bench.samples)
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
        found: set[int] = set()
        for first, part in ((0, self.bench), (self.fixtures, self.witnesses)):
            if part.samples:
                hits = engine.run(text, part.records, part.schema, part.now)
                found |= {first + hit.position for hit in hits}
        return found

    def _contradiction(self, item: _Proved, engine: Engine, found: set[int], other: list[int]) -> str:
        witness = item.proof.witness
        if witness is not None and item.position is not None and (item.position in found) != witness.query:
            record = dict(self.witnesses.samples[item.position - self.fixtures].record.fields)
            return f"{engine.name} contradicts the proof: {witness.describe()}\n  record: {record}"
        if item.proof.outcome is Outcome.AGREE:
            for position in other:
                sample = self.bench.samples[position]
                if within(sample, self.bench.schema):
                    return f"{engine.name} tells a mutant apart that is proved equivalent, by {sample.describe()}"
        return ""


def within(sample: Sample, schema: Schema) -> bool:
    """Whether a proof speaks of the record: what it holds is in the platform's domain, with no several values."""
    domain = domain_of(sample.kind, schema)
    for name, value in held(sample.case.event, sample.kind, schema).items():
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
