"""Fixtures as the records that one platform would write: what a query is run over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from converter.core.errors import NotRepresentable, ParityError
from converter.core.model import Event, LogSource, Rule
from converter.core.platform import Kind, Record, Schema
from converter.core.taxonomy import FieldType, field_type
from converter.core.verdict import Case
from converter.platforms.derive import SEPARATORS, derive
from converter.platforms.forms import is_further
from converter.platforms.inverse import NEVER, present
from converter.platforms.losses import held
from converter.platforms.project import kinds_of, project
from converter.platforms.pullback import known
from converter.rules.meaning import meaning
from converter.semantics.decide.evaluate import holds, matches
from converter.semantics.decide.predicate import Predicate

#: The moment at which all queries over fixtures are asked; any will do, as long as it is always the same.
NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Sample:
    """One case as one platform records it: the rule it was written for, the record kind, and the native record.

    `owner` is "" for a record that no fixture asks for: a case as it looks in records of another log source.
    """

    owner: str
    case: Case
    kind: Kind
    record: Record

    def describe(self) -> str:
        event = ", ".join(f"{k}={v!r}" for k, v in self.case.event.items())
        return f"{self.case.name!r} as {self.kind.name}: {event}"


@dataclass(frozen=True)
class Bench:
    """All cases of all rules as one platform's records, and how often the platform could not hold a case.

    `now` is the moment to which the records' ages are relative; an engine is told it with the query.
    """

    schema: Schema
    samples: tuple[Sample, ...]
    not_representable: Mapping[str, int]
    now: datetime = NOW

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """The samples' records; one object for the bench's life, so that engines can keep what they loaded."""
        return tuple(sample.record for sample in self.samples)


def bench(
    schema: Schema,
    cases: Mapping[str, tuple[Case, ...]],
    rules: Mapping[str, Rule],
    now: datetime = NOW,
    about: Collection[str] | None = None,
) -> Bench:
    """Every case of every rule, projected into a platform's records of each kind the platform may write for it.

    One matching case of each rule is also put into records of every other kind, which the rule is not about: other
    systems, other event ids, aggregated rows. No query may take them for its own.

    `about` are the paths of the rules whose queries the bench is for, None for all: of every other rule it has one
    matching case alone.
    """
    found = _Projection(schema, now)
    for owner, owned in cases.items():
        rule = rules[owner]
        tested = _tested(rule)
        own = next((case for case in owned if case.match and case.kind is None), None)
        whole = about is None or owner in about
        for case in owned if whole else (own,):
            if case is not None:
                found.add(owner, case, rule, tested)
        if own is not None and whole:
            found.add_strangers(own, rule)
    return Bench(schema, tuple(found.samples), found.missed, now)


def _tested(rule: Rule) -> Collection[str] | None:
    """The fields that a rule tests, None where its meaning is out of the fragment."""
    try:
        return meaning(rule).fields
    except ParityError:
        return None


class _Projection:
    """The samples of a bench, as they are made."""

    def __init__(self, schema: Schema, now: datetime) -> None:
        self.schema, self.now = schema, now
        self.samples: list[Sample] = []
        self.missed: dict[str, int] = {}

        self._known: dict[str, Predicate] = {}

    def add(self, owner: str, case: Case, rule: Rule, tested: Collection[str] | None) -> None:
        before = len(self.samples)
        with suppress(NotRepresentable):
            for kind in kinds_for(self.schema, case, rule):
                if _shows(kind, case.event, tested):
                    self._sample(owner, case, kind)
        if len(self.samples) == before:
            self.missed[owner] = self.missed.get(owner, 0) + 1

    def add_strangers(self, case: Case, rule: Rule) -> None:
        for kind in self.schema.kinds:
            if not kind.meant_by(rule):
                event = _elsewhere(case.event, kind)
                self._sample("", Case(f"{case.name}, but as another record", event, False, kind.name), kind)

    def _sample(self, owner: str, case: Case, kind: Kind) -> None:
        """Add the case as a record of a kind, if the kind can hold it and has such records at all."""
        if kind.name not in self._known:
            self._known[kind.name] = known(kind, self.schema)
        number = len(self.samples)
        age = number % 600 + 1 if case.age_minutes is None else case.age_minutes
        with suppress(NotRepresentable):
            record = project(self.schema, kind, case.event, number, _iso(self.now - timedelta(minutes=age)))
            if holds(self._known[kind.name], case.event) and not assumed_away(kind, case.event, self.schema):
                self.samples.append(Sample(owner, case, kind, record))


def assumed_away(kind: Kind, event: Event, schema: Schema) -> bool:
    """Whether the platform's assumptions say that no record of the kind comes of such an event.

    A value is kept by its parts alone and has none, or what is held of it reads like something else (`NEVER`).
    """
    kept = held(event, kind, schema)
    for field, value in event.items():
        columns = [column for column in kind.columns if column.source == field]
        partial = bool(columns) and all(present(column.derive) for column in columns)
        if partial and all(derive(column.derive, value) in (None, []) for column in columns):
            return True
        never = [NEVER[column.derive].language for column in columns if column.derive in NEVER]
        if isinstance(kept.get(field), str) and any(matches(language, kept[field]) for language in never):
            return True
    return False


def _shows(kind: Kind, event: Event, tested: Collection[str] | None) -> bool:
    """Whether a kind of another form writes some value that the rule tests otherwise than its plain kind does."""
    formed = [column for column in kind.columns if is_further(column)]
    values = [
        (column.derive, event.get(column.source)) for column in formed if tested is None or column.source in tested
    ]
    return not formed or any(value is not None and derive(name, value) != value for name, value in values)


def _elsewhere(event: Event, kind: Kind) -> Event:
    """An event as it may happen in records of another kind: with what the kind fixes, and paths as its system has them.

    A backslash is a character like any other in a path that begins with a slash, so that a rule's tests still hold.
    """
    rooted = SEPARATORS.get(kind.logsource.product or "") == "/"
    moved = {
        field: f"/{value}" if rooted and isinstance(value, str) and field_type(field) is FieldType.PATH else value
        for field, value in {**event, **kind.sigma}.items()
    }
    return {field: value for field, value in moved.items() if value is not None}


def kinds_for(schema: Schema, case: Case, rule: Rule) -> list[Kind]:
    """The kinds of record in which a platform may write a case.

    They are those of the rule's log sources; a case with a `kind` names a category, or a kind, of the same product or
    of none. Raises NotRepresentable when the platform has none.
    """
    found: dict[str, Kind] = {}
    if case.kind is not None:
        named = kinds_of(schema, case.event, LogSource(category=case.kind.split("/")[0]), case.kind)
        found = {kind.name: kind for kind in named if kind.logsource.product in (None, rule.logsource.product)}
    for source in rule.logsources if case.kind is None else ():
        # a platform may lack one of several log sources, but not all of them
        with suppress(NotRepresentable):
            found |= {kind.name: kind for kind in kinds_of(schema, case.event, source)}
    if not found:
        raise NotRepresentable(f"{schema.name} has no record for this event of {case.kind or rule.logsource}")
    return list(found.values())


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
