"""Runs every chosen query on every engine of its dialect over the fixtures, and gathers the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from converter import binder_check, prove
from converter.build import Built
from converter.discovery import engines_for, schema_of, targets
from converter.evaluator import compile_rule
from converter.fixtures import Bench, bench, load_all
from converter.library import Library
from converter.model import Case, Event, Outcome, Report, Rule, Target, Verdict
from converter.verify import Judge, Subject, verify

Progress = Callable[[int, int, str], None]


def subjects(library: Library, built: Built) -> list[Subject]:
    """Every query of a build as something to verify, by rule, then target."""
    detections = {d.path: d for d in library.detections.values()}
    out = []
    for query in sorted(built.queries, key=lambda q: (q.source, q.target)):
        target = targets()[query.target]
        if query.source in detections:
            out.append(Subject.of_detection(query, target, detections[query.source], library.rules))
        else:
            out.append(Subject.of_rule(query, target, library.rules[query.source]))
    return out


def _remembering(judge: Judge) -> Judge:
    """The judge with its answers kept by event: each case comes as many records, to many engines.

    Events are told apart by identity; the closure keeps them alive, so that no identity is used twice.
    """
    answers: dict[int, tuple[Event, bool]] = {}

    def remembered(event: Event) -> bool:
        key = id(event)
        if key not in answers:
            answers[key] = (event, judge(event))
        return answers[key][1]

    return remembered


class Benches:
    """The fixtures of a library, projected once for each platform schema; every time is relative to `now`."""

    def __init__(self, library: Library, root: Path, now: datetime | None = None) -> None:
        self.rules: Mapping[str, Rule] = library.rules
        self.cases: dict[str, tuple[Case, ...]] = load_all(library.rules.values(), root)
        self.judges: dict[str, Judge] = {path: _remembering(compile_rule(rule)) for path, rule in library.rules.items()}
        self._now = now or datetime.now(UTC)
        self._by_schema: dict[str, Bench] = {}

    def of(self, target: Target) -> Bench:
        if target.schema not in self._by_schema:
            self._by_schema[target.schema] = bench(schema_of(target), self.cases, self.rules, self._now)
        return self._by_schema[target.schema]


def check(library: Library, built: Built, root: Path, progress: Progress | None = None) -> Report:
    """All verdicts. Raises Faults for broken fixtures; what an engine finds is a verdict, never an exception."""
    benches = Benches(library, root)
    verdicts: list[Verdict] = []
    todo = subjects(library, built)
    # what looks at the text alone goes to a process of its own, beside the engines
    with ProcessPoolExecutor(max_workers=1) as pool:
        texts = [pool.submit(_text_checks, subject) for subject in todo]
        for number, (subject, text) in enumerate(zip(todo, texts, strict=True)):
            if progress:
                progress(number, len(todo), f"{subject.target.name}: {subject.query.source}")
            verdicts.extend(_executions(subject, benches))
            verdicts.extend(text.result())
    verdicts.extend(_unsupported(built))
    return Report(tuple(verdicts))


def _executions(subject: Subject, benches: Benches) -> Iterator[Verdict]:
    found = engines_for(subject.target.dialect)
    for engine in found:
        yield verify(subject, engine, benches.of(subject.target), benches.judges)
    if not found:
        yield Verdict(subject.query.source, subject.target.name, "none", Outcome.NOT_RUN, detail="no engine runs this")


def _text_checks(subject: Subject) -> list[Verdict]:
    """The proof, and for KQL Microsoft's own binder: names and types, against the real columns."""
    query, target = subject.query, subject.target
    # the proof names a detection's parts by their labels
    parts = {subject.labels.get(path, path): rule for path, rule in subject.rules.items()}
    found = [prove.verdict(query, target, parts)]
    if query.dialect == "kql":
        found.insert(0, binder_check.verdict(query, target, schema_of(target).types))
    return found


def _unsupported(built: Built) -> Iterator[Verdict]:
    for (source, target), why in sorted(built.unsupported.items()):
        yield Verdict(source, target, "convert", Outcome.UNSUPPORTED, detail=why)
