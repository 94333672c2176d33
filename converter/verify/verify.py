"""(Queries, engines, fixtures) -> verdicts: does every query return exactly the records it should?

Every query runs over the fixtures of *all* rules of its platform, so each rule's events are the others' near misses.
What a record should do is said by the evaluator, which shares no code with any writer, reader or engine; for a rule's
own fixtures it must agree with the hand-written expectation first. Where the platform itself no longer tells an event
from another one, the answer is judged by what the record still holds, and the loss is named (`excuses`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import yaml

from converter.build.bench import Bench, Sample
from converter.core.errors import EngineUnavailable, ParityError
from converter.core.model import Detection, Event, Query, Rule, Target
from converter.core.verdict import Engine, Hit, Outcome, Verdict
from converter.dialects.registry import dialect, gaps_of
from converter.verify.excuses import Excuses

Judge = Callable[[Event], bool]
#: labels of a detection's parts, in their order; "" for a rule alone
Labels = tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """A query under test: `rules` are the one rule, or a detection's parts, each with its label."""

    query: Query
    target: Target
    rules: Mapping[str, Rule]
    labels: Mapping[str, str]
    lookback_minutes: int | None = None

    @classmethod
    def of_rule(cls, query: Query, target: Target, rule: Rule) -> Subject:
        return cls(query, target, {rule.path: rule}, {})

    @classmethod
    def of_detection(cls, query: Query, target: Target, detection: Detection, rules: Mapping[str, Rule]) -> Subject:
        parts = {part.rule: rules[part.rule] for part in detection.parts}
        labels = {part.rule: part.label for part in detection.parts}
        return cls(query, target, parts, labels, detection.lookback_hours * 60)


def odds(rule: Rule, samples: tuple[Sample, ...], judge: Judge) -> list[Sample]:
    """The rule's own samples on which the evaluator contradicts the hand-written expectation."""
    own = [s for s in samples if s.owner == rule.path]
    return [s for s in own if (s.kind.meant_by(rule) and judge(s.case.event)) != s.case.match]


def verify(subject: Subject, engine: Engine, bench: Bench, judges: Mapping[str, Judge]) -> Verdict:
    """The verdict of one engine on one query. `judges` maps a rule's path to its evaluator."""
    for path, rule in subject.rules.items():
        strange = odds(rule, bench.samples, judges[path])
        if strange:
            return _verdict(subject, engine, bench, Outcome.FIXTURE_ODDS, _tell(strange[0], "evaluator disagrees"))
    try:
        hits = engine.run(subject.query.text, bench.records, bench.schema, bench.now)
    except EngineUnavailable as error:
        return _verdict(subject, engine, bench, Outcome.NOT_RUN, str(error))
    except ParityError as error:
        return _verdict(subject, engine, bench, Outcome.ERROR, str(error))
    except RecursionError:
        return _verdict(subject, engine, bench, Outcome.ERROR, "the query nests too deeply for this engine")
    expected = expected_positions(subject, bench, judges)
    lost = _excused(subject, bench, expected, hits)
    fault = next(_faults(subject, bench, expected, hits, lost), None)
    outcome = Outcome.DISAGREE if fault else Outcome.AGREE
    verdict = _verdict(subject, engine, bench, outcome, fault or _told(lost), matched=len(expected))
    return replace(verdict, losses=tuple(sorted({loss for ids in lost.values() for loss in ids})), lost=len(lost))


def _excused(
    subject: Subject, bench: Bench, expected: Mapping[int, Labels], hits: list[Hit]
) -> dict[int, tuple[str, ...]]:
    """position -> ids of the losses, for each answer that is not the rule's but right for what the record holds."""
    excuses = Excuses(bench.schema)
    found = {hit.position for hit in hits}
    lost: dict[int, tuple[str, ...]] = {}
    for position in sorted(found ^ expected.keys()):
        if position not in expected and _outside_window(subject, bench.samples[position]):
            continue
        named = excuses.of(subject.rules.values(), bench.samples[position], position in found)
        if named:
            lost[position] = named
    for position, labels in _labelled(subject, hits).items():
        wanted = expected.get(position)
        if wanted and not _is_labelled(labels, wanted, subject):
            kept, named = _kept_labels(subject, bench.samples[position], wanted, excuses)
            if named and _is_labelled(labels, kept, subject):
                lost[position] = named
    return lost


def _labelled(subject: Subject, hits: list[Hit]) -> dict[int, list[str]]:
    """position -> the labels of its rows; nothing where rows carry none."""
    column = dialect(subject.target.dialect).abilities.label_column if subject.labels else ""
    found: dict[int, list[str]] = {}
    for hit in hits if column else ():
        label = hit.row.get(column)
        found.setdefault(hit.position, []).extend(map(str, label if isinstance(label, list) else [label]))
    return found


def _is_labelled(labels: list[str], wanted: Labels, subject: Subject) -> bool:
    """Whether a record has the labels of the parts that match it, or the first of them where a row has but one."""
    first = dialect(subject.target.dialect).abilities.first_label
    return sorted(labels) == sorted(wanted[:1] if first else wanted)


def _kept_labels(subject: Subject, sample: Sample, wanted: Labels, excuses: Excuses) -> tuple[Labels, tuple[str, ...]]:
    """The labels of the parts that match what the record still holds, and the losses that make them other ones."""
    kept: list[str] = []
    named: list[str] = []
    for path, rule in subject.rules.items():
        label = subject.labels[path]
        losses = excuses.of([rule], sample, label not in wanted)
        kept += [label] if (label in wanted) != bool(losses) else []
        named += losses
    return tuple(kept), tuple(dict.fromkeys(named))


def _told(lost: Mapping[int, tuple[str, ...]]) -> str:
    counts = Counter(loss for ids in lost.values() for loss in ids)
    return "\n".join(f"{loss}: {count} records answered by what they still hold" for loss, count in counts.items())


def expected_positions(subject: Subject, bench: Bench, judges: Mapping[str, Judge]) -> dict[int, Labels]:
    """position -> the labels of the parts that match, in their order, of every sample that the query should return."""
    found: dict[int, Labels] = {}
    for position, sample in enumerate(bench.samples):
        if _outside_window(subject, sample):
            continue
        for path, rule in subject.rules.items():
            if sample.kind.meant_by(rule) and judges[path](sample.case.event):
                found[position] = (*found.get(position, ()), subject.labels.get(path, ""))
    return found


def _outside_window(subject: Subject, sample: Sample) -> bool:
    """Whether the query itself looks at a time in which the record does not lie."""
    windowed = subject.lookback_minutes is not None and dialect(subject.target.dialect).abilities.windowed
    return windowed and (sample.case.age_minutes or 0) > (subject.lookback_minutes or 0)


def _faults(
    subject: Subject, bench: Bench, expected: Mapping[int, Labels], hits: list[Hit], lost: Mapping[int, tuple[str, ...]]
) -> Iterator[str]:
    """What is wrong with the hits, as sentences; nothing if all is well."""
    gaps = {g.feature for g in gaps_of(subject.target)}
    found = [hit.position for hit in hits]
    for position, sample in enumerate(bench.samples):
        if (position in expected) == (position in found) or position in lost:
            continue
        if not _foreseen(sample, subject, gaps):
            word = "is not returned" if position in expected else "is returned"
            yield _tell(sample, f"{word} by the query")
    yield from _repeated(subject, bench, hits)
    if subject.labels:
        yield from _label_faults(subject, bench, expected, hits, lost)


def _repeated(subject: Subject, bench: Bench, hits: list[Hit]) -> Iterator[str]:
    """A record comes once, and in a detection at most once with each label."""
    column = dialect(subject.target.dialect).abilities.label_column if subject.labels else ""
    rows = Counter((hit.position, str(hit.row.get(column)) if column else "") for hit in hits)
    for (position, _), count in rows.items():
        if count > 1:
            yield _tell(bench.samples[position], "is returned twice")


def _label_faults(
    subject: Subject, bench: Bench, expected: Mapping[int, Labels], hits: list[Hit], lost: Mapping[int, tuple[str, ...]]
) -> Iterator[str]:
    for position, labels in _labelled(subject, hits).items():
        wanted = expected.get(position)
        if wanted and position not in lost and not _is_labelled(labels, wanted, subject):
            yield _tell(bench.samples[position], f"is labelled {labels}, not {list(wanted)}")
    abilities = dialect(subject.target.dialect).abilities
    if abilities.ordered:
        times = [str(bench.samples[h.position].record.fields[bench.schema.time]) for h in hits]
        if times != sorted(times, reverse=True):
            yield "the rows are not in order, newest first"


def _foreseen(sample: Sample, subject: Subject, gaps: set[str]) -> bool:
    """Whether a declared Gap of the dialect foresees another answer for this sample."""
    has_list = any(isinstance(value, list) for value in sample.case.event.values())
    return "multi-valued field" in gaps and has_list


def open_gap(subject: Subject, engine: Engine, bench: Bench, judges: Mapping[str, Judge]) -> bool:
    """Whether some sample that a Gap foresees still gets another answer: a Gap that no longer shows must go."""
    expected = expected_positions(subject, bench, judges)
    found = {hit.position for hit in engine.run(subject.query.text, bench.records, bench.schema, bench.now)}
    gaps = {g.feature for g in gaps_of(subject.target)}
    return any((i in expected) != (i in found) and _foreseen(s, subject, gaps) for i, s in enumerate(bench.samples))


def _tell(sample: Sample, what: str) -> str:
    """What is wrong with a sample, with its event and its record as YAML."""
    parts = {"event": dict(sample.case.event), "record": dict(sample.record.fields)}
    shown = yaml.safe_dump(parts, sort_keys=False, allow_unicode=True, width=10_000).rstrip()
    return f"{what}: {sample.case.name!r} as {sample.kind.name}\n{shown}"


def _verdict(
    subject: Subject, engine: Engine, bench: Bench, outcome: Outcome, detail: str, matched: int = 0
) -> Verdict:
    return Verdict(
        source=subject.query.source,
        target=subject.target.name,
        check=engine.name,
        outcome=outcome,
        provenance=engine.provenance,
        detail=detail,
        matched=matched,
        checked=len(bench.samples),
        not_representable=sum(bench.not_representable.get(path, 0) for path in subject.rules),
    )
