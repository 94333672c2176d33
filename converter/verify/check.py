"""Runs every chosen query on every engine of its dialect over the fixtures, and gathers the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from converter.build.bench import NOW, Bench, bench
from converter.build.build import Built
from converter.build.fixtures import NOWHERE, load_all
from converter.build.sequences import load_sequences
from converter.build.settings import DEFAULTS, Settings, local_detection, local_rule
from converter.core.discovery import engines_for, schema_of, targets
from converter.core.errors import Unsupported
from converter.core.model import Event, LogSource, Query, Rule
from converter.core.processes import pool
from converter.core.verdict import Case, Engine, Outcome, Report, Verdict
from converter.prove import correlation as prove_correlation
from converter.prove import prove
from converter.rules.evaluator import compile_rule
from converter.rules.library import Library
from converter.rules.meaning import meaning
from converter.rules.placeholders import Placeholders
from converter.verify import binder_check
from converter.verify.correlations import correlates, verify_correlation
from converter.verify.verify import Judge, Subject, verify

Progress = Callable[[int, int, str], None]


def subjects(library: Library, built: Built, settings: Settings = DEFAULTS) -> list[Subject]:
    """Every query of a build as something to verify, by rule, then target; rules and windows as the site has them."""
    detections = {d.path: d for d in library.detections.values()}
    rules = narrowed(library, settings)
    out = []
    for query in sorted(built.queries, key=lambda q: (q.source, q.target)):
        target = targets()[query.target]
        if query.source in library.correlations:
            continue
        if query.source in detections:
            detection = local_detection(detections[query.source], target, settings)
            out.append(Subject.of_detection(query, target, detection, rules))
        else:
            out.append(Subject.of_rule(query, target, rules[query.source]))
    return out


def narrowed(library: Library, settings: Settings) -> dict[str, Rule]:
    """path -> rule with the site's exclusions."""
    return {path: local_rule(rule, settings) for path, rule in library.rules.items()}


def _judges(rules: Mapping[str, Rule], placeholders: Placeholders) -> Iterator[tuple[str, Judge]]:
    """The evaluator of each rule that has one: a rule that cannot be read here has no query either."""
    for path, rule in rules.items():
        with suppress(Unsupported):
            yield path, _remembering(compile_rule(rule, placeholders))


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
    """The fixtures of a library as each platform schema's records; every time is relative to `now`.

    Rules are judged as a site has them. A fixture is of the rule itself: where the site excludes its event, no match is
    expected any more.
    """

    def __init__(
        self,
        library: Library,
        root: Path,
        now: datetime = NOW,
        settings: Settings = DEFAULTS,
        bases: Mapping[str, Path] = NOWHERE,
    ) -> None:
        self.rules: Mapping[str, Rule] = narrowed(library, settings)
        self.judges: dict[str, Judge] = dict(_judges(self.rules, settings.placeholders))
        judged = [rule for path, rule in library.rules.items() if path in self.judges]
        self.cases: dict[str, tuple[Case, ...]] = load_all(judged, root, bases)
        for path, rule in library.rules.items():
            if self.rules[path] is not rule and path in self.cases:
                own = compile_rule(rule, settings.placeholders)
                self.cases[path] = tuple(_at_site(case, own, self.judges[path]) for case in self.cases[path])
        self._now = now
        self._made: dict[tuple[str, frozenset[LogSource]], Bench] = {}

    def of(self, subject: Subject) -> Bench:
        """The records for a query: those of every rule of its log sources, and some of each other rule.

        A library's every query over a library's every record would cost its square.
        """
        sources = frozenset(source for rule in subject.rules.values() for source in rule.logsources)
        key = subject.target.schema, sources
        if key not in self._made:
            about = [path for path, rule in self.rules.items() if not sources.isdisjoint(rule.logsources)]
            self._made[key] = bench(schema_of(subject.target), self.cases, self.rules, self._now, about)
        return self._made[key]


def _at_site(case: Case, own: Judge, site: Judge) -> Case:
    """The case with what is expected where the site has narrowed the rule."""
    excluded = case.match and own(case.event) and not site(case.event)
    return replace(case, match=False) if excluded else case


def check(
    library: Library,
    built: Built,
    root: Path,
    progress: Progress | None = None,
    settings: Settings = DEFAULTS,
    further: Sequence[Engine] = (),
    bases: Mapping[str, Path] = NOWHERE,
) -> Report:
    """All verdicts; `further` engines run beside those that are installed, `bases` are those of `load_all`.

    Raises Faults for broken fixtures; what an engine finds is a verdict, never an exception.
    """
    benches = Benches(library, root, settings=settings, bases=bases)
    verdicts: list[Verdict] = []
    todo = subjects(library, built, settings)
    # what looks at the text alone goes to a process of its own, beside the engines
    with pool(1) as executor:
        texts = [executor.submit(_text_checks, subject, settings.placeholders) for subject in todo]
        for number, (subject, text) in enumerate(zip(todo, texts, strict=True)):
            if progress:
                progress(number, len(todo), f"{subject.target.name}: {subject.query.source}")
            verdicts.extend(_executions(subject, benches, further))
            verdicts.extend(text.result())
    verdicts.extend(_correlations(library, built, benches, root, settings, bases, further))
    verdicts.extend(_refused(built))
    return Report(tuple(verdicts))


def _correlations(
    library: Library,
    built: Built,
    benches: Benches,
    root: Path,
    settings: Settings,
    bases: Mapping[str, Path],
    further: Sequence[Engine],
) -> Iterator[Verdict]:
    """The proof of each correlation's query, and its execution over the sequences of its fixture."""
    found = load_sequences(library.correlations.values(), root, bases)
    for query in sorted(built.queries, key=lambda q: (q.source, q.target)):
        if query.source not in library.correlations:
            continue
        correlation, target = library.correlations[query.source], targets()[query.target]
        rules = dict(correlation.parts(benches.rules))
        judges = {name: benches.judges[rule.path] for name, rule in rules.items()}
        means = partial(meaning, placeholders=settings.placeholders)
        cases = found.get(query.source, ())
        if any(rule is not library.rules[rule.path] for rule in rules.values()):
            # what a human expects is said of the rules themselves, and the site has narrowed one
            cases = tuple(replace(case, match=None) for case in cases)
        engines = [engine for engine in _engines(target.dialect, further) if correlates(engine)]
        play = partial(
            verify_correlation, query, target, correlation=correlation, rules=rules, judges=judges, cases=cases
        )
        told = "docs/correlations.md has its form"
        yield from _run(query, engines, play, "" if cases else f"no fixture: proved, not executed; {told}")
        if query.dialect == binder_check.DIALECT:
            yield binder_check.verdict(query, target, schema_of(target).types)
        yield prove_correlation.verdict(query, target, correlation, rules, means)


def _engines(dialect: str, further: Sequence[Engine]) -> list[Engine]:
    return [*engines_for(dialect), *(engine for engine in further if engine.dialect == dialect)]


def _executions(subject: Subject, benches: Benches, further: Sequence[Engine]) -> Iterator[Verdict]:
    dialect = subject.target.dialect
    found = _engines(dialect, further)
    tested = any(path in benches.cases for path in subject.rules)
    told = "" if tested else "no fixture: proved, not executed; `parity fixture RULE` writes one"
    yield from _run(subject.query, found, lambda one: verify(subject, one, benches.of(subject), benches.judges), told)


def _run(query: Query, engines: Sequence[Engine], run: Callable[[Engine], Verdict], untested: str) -> Iterator[Verdict]:
    """Each engine's verdict on a query; `untested` is why it is run by none, "" where it is."""
    if untested or not engines:
        check, told = ("fixture", untested) if untested else ("none", "no engine runs this")
        yield Verdict(query.source, query.target, check, Outcome.NOT_RUN, detail=told)
        return
    for engine in engines:
        try:
            yield run(engine)
        except Exception as error:  # a fault of an engine's is its verdict, and no reason to run no other
            told = f"a fault of Parity's own: {type(error).__name__}: {str(error)[:200]}"
            yield Verdict(query.source, query.target, engine.name, Outcome.ERROR, engine.provenance, told)


def _text_checks(subject: Subject, placeholders: Placeholders) -> list[Verdict]:
    """The proof, and where the vendor has a binder, what it says: names and types, against the real columns."""
    query, target = subject.query, subject.target
    # the proof names a detection's parts by their labels
    parts = {subject.labels.get(path, path): rule for path, rule in subject.rules.items()}
    found = [prove.verdict(query, target, parts, means=partial(meaning, placeholders=placeholders))]
    if query.dialect == binder_check.DIALECT:
        found.insert(0, binder_check.verdict(query, target, schema_of(target).types))
    return found


def _refused(built: Built) -> Iterator[Verdict]:
    """The pairs without a query: what a platform cannot say is a gap, what was written and refuted is a failure."""
    for refusal in sorted(built.refusals, key=lambda refusal: (refusal.source, refusal.target)):
        check = "convert" if refusal.outcome is Outcome.UNSUPPORTED else prove.CHECK
        yield Verdict(refusal.source, refusal.target, check, refusal.outcome, detail=refusal.reason)
