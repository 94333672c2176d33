"""(A correlation's query, engine, sequences) -> verdict: does it fire where the evaluator says that it does?

Each sequence is played alone, and all of them at once, as the records that a platform would write. What a query should
return is said by `rules.correlating`. A query whose windows slide must return exactly the ends of the windows in which
the correlation holds, one whose windows are tumbling exactly the windows; a sequence, in which an event serves one
answer only, must return nothing else, and in every window that holds something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from converter.build import sequences as fixtures
from converter.build.bench import NOW, assumed_away, kinds_for
from converter.core.correlation import Correlation
from converter.core.discovery import schema_of
from converter.core.errors import EngineUnavailable, NotRepresentable, ParityError
from converter.core.model import Event, LogSource, Query, Rule, Target
from converter.core.platform import Kind, Record, Schema
from converter.core.verdict import UNTRACED, Case, Engine, Hit, Outcome, Verdict
from converter.dialects.registry import dialect
from converter.platforms.losses import held, losses_of
from converter.platforms.project import project
from converter.platforms.pullback import known
from converter.rules.correlating import Firing, Judge, Match, firings_of, matches
from converter.semantics.decide.evaluate import holds

#: when a sequence begins: midnight, a boundary of every timespan that divides a day
START = datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC) - timedelta(days=2)


class Recorded(dict[str, Any]):
    """An event with the log source that records it: a rule sees the events of its own ones only."""

    def __init__(self, event: Event, logsource: LogSource) -> None:
        super().__init__(event)
        self.logsource = logsource


def _seeing(rule: Rule, judge: Judge) -> Judge:
    """The judge of a rule on recorded events."""
    return lambda event: isinstance(event, Recorded) and rule.covers(event.logsource) and judge(event)


@dataclass(frozen=True)
class Played:
    """A sequence as records of one platform: `events` are the fixture's, `held` what the records tell of them."""

    name: str
    match: bool | None
    records: tuple[Record, ...]
    events: tuple[tuple[float, Event], ...]
    held: tuple[tuple[float, Event], ...]
    losses: frozenset[str]


def correlates(engine: Engine) -> bool:
    """Whether an engine executes correlations of its dialect."""
    return bool(_how(engine))


def _how(engine: Engine) -> str:
    """`each` where an engine plays every sequence and all at once, `together` where the latter only, "" where none."""
    return str(getattr(engine, "correlates", ""))


def verify_correlation(
    query: Query,
    target: Target,
    engine: Engine,
    correlation: Correlation,
    rules: Mapping[str, Rule],
    judges: Mapping[str, Judge],
    cases: Sequence[fixtures.Sequence],
) -> Verdict:
    """The verdict of one engine on one correlation's query; `rules` and `judges` go by reference."""
    schema = schema_of(target)
    played, missed = play(correlation, rules, cases, schema)
    judges = {name: _seeing(rules[name], judges[name]) for name in correlation.references}
    language = dialect(target.dialect)
    windows, keys = language.windows, language.correlated(query.text, schema).legs[0].keys
    told: list[str] = []
    losses: set[str] = set()
    fired = 0

    def end(outcome: Outcome, detail: str) -> Verdict:
        return Verdict(
            query.source, target.name, engine.name, outcome, engine.provenance, detail, fired, len(played), missed,
            tuple(sorted(losses)), unit="sequence",
        )  # fmt: skip

    for one in played:
        wanted = firings_of(correlation, matches(correlation, judges, one.events))
        if one.match is not None and bool(wanted) != one.match:
            return end(Outcome.FIXTURE_ODDS, f"{one.name}: the evaluator says {'it fires' if wanted else 'nothing'}")
        if _how(engine) == "together" and one is not played[-1]:
            continue
        try:
            hits = engine.run(query.text, one.records, schema, NOW)
        except EngineUnavailable as error:
            return end(Outcome.NOT_RUN, str(error))
        except ParityError as error:
            return end(Outcome.ERROR, f"{one.name}: {error}")
        answer = _Answer(correlation, judges, one.records, hits, windows, keys)
        fault = answer.fault(one.events)
        if fault and one.losses:
            # what the records hold may be less than the events, and the answer right for it
            fault = answer.fault(one.held)
            losses |= set() if fault else one.losses
        if fault:
            return end(Outcome.DISAGREE, f"{one.name}: {fault}\n{_shown(one)}")
        fired += bool(hits)
        if windows == "tumbling" and wanted and not hits:
            told.append(f"missed, since its windows are tumbling: {one.name}")
    if not played:
        return end(Outcome.NOT_RUN, "no sequence can be recorded on this platform")
    return end(Outcome.AGREE, "\n".join(told))


def play(
    correlation: Correlation, rules: Mapping[str, Rule], cases: Sequence[fixtures.Sequence], schema: Schema
) -> tuple[list[Played], int]:
    """The sequences as records, as the first and the last kind of record writes them, then all at once; and how many
    the platform cannot hold."""
    played: list[Played] = []
    missed = 0
    for case in cases:
        found = list(_variants(case, rules, schema))
        missed += not found
        played += found
    if len(played) > 1:
        whole = [event for case in cases for event in case.events]
        ordered = tuple(sorted(whole, key=lambda event: event.seconds))
        together = fixtures.Sequence("all sequences at once", None, ordered)
        with suppress(NotRepresentable):
            played.append(_played(together, rules, schema, 0))
    return played, missed


def _variants(case: fixtures.Sequence, rules: Mapping[str, Rule], schema: Schema) -> Iterator[Played]:
    seen: set[tuple[str, ...]] = set()
    for which in (0, -1):
        with suppress(NotRepresentable):
            one = _played(case, rules, schema, which)
            shape = tuple(repr(record) for record in one.records)
            if shape not in seen:
                seen.add(shape)
                yield one


def _played(case: fixtures.Sequence, rules: Mapping[str, Rule], schema: Schema, which: int) -> Played:
    """Raises NotRepresentable for an event that the platform has no record for."""
    records, events, kept, losses = [], [], [], set()
    for number, one in enumerate(case.events):
        kind = _kind(one, rules[one.rule], schema, which)
        moment = START + timedelta(seconds=one.seconds)
        records.append(project(schema, kind, one.event, number, moment.isoformat(timespec="milliseconds")[:23] + "Z"))
        events.append((moment.timestamp(), Recorded(one.event, kind.logsource)))
        kept.append((moment.timestamp(), Recorded(held(one.event, kind, schema), kind.logsource)))
        losses |= {loss.id for loss in losses_of(kind, schema)}
    return Played(case.name, case.match, tuple(records), tuple(events), tuple(kept), frozenset(losses))


def _kind(one: fixtures.Happening, rule: Rule, schema: Schema, which: int) -> Kind:
    found = kinds_for(schema, Case("", one.event, True), rule)
    fitting = [k for k in found if holds(known(k, schema), one.event) and not assumed_away(k, one.event, schema)]
    if not fitting:
        raise NotRepresentable(f"{schema.name} has no record for this event")
    return fitting[which]


@dataclass(frozen=True)
class _Answer:
    """What an engine returned for a correlation; `keys` are the columns that group its rows."""

    correlation: Correlation
    judges: Mapping[str, Judge]
    records: Sequence[Record]
    hits: Sequence[Hit]
    windows: str
    keys: Sequence[str]

    def fault(self, events: Sequence[tuple[float, Event]]) -> str:
        """What is wrong with the answer over these events; "" if all is well."""
        seconds, tumbling = self.correlation.seconds, self.windows == "tumbling"
        found: set[Firing] = set()
        own = matches(self.correlation, self.judges, events)
        wanted = firings_of(self.correlation, own, tumbling)
        for hit in self.hits:
            firings = self._named_by(hit, own) if hit.position == UNTRACED else self._ended_by(hit.position, own)
            if not firings:
                which = "a group" if hit.position == UNTRACED else f"event {hit.position + 1}"
                return f"{which} is returned, which is part of no window: {dict(hit.row)}"
            # an event may be in several groups, by another field for each rule, and is returned for one that fires
            found |= firings & wanted or firings
        for firing in sorted(found - wanted):
            return f"fires for {_told(firing)}, where it does not hold"
        for firing in sorted(wanted - found):
            near = any(f.group == firing.group and firing.time - seconds <= f.time <= firing.time for f in found)
            if self.windows != "sequence" or not near:
                return f"does not fire for {_told(firing)}"
        return ""

    def _ended_by(self, position: int, own: Sequence[Match]) -> set[Firing]:
        """The windows that a returned event ends, or, of tumbling ones, that it lies in."""
        seconds, tumbling = self.correlation.seconds, self.windows == "tumbling"
        references = self.correlation.references
        # of rules in order the last one ends the window; a tumbling one returns all its events
        enders = references[-1:] if self.correlation.ordered and not tumbling else references
        ending = [match for match in own if match.event == position and match.rule in enders]
        return {Firing(m.group, m.time // seconds * seconds if tumbling else m.time) for m in ending}

    def _named_by(self, hit: Hit, own: Sequence[Match]) -> set[Firing]:
        """The window that a row of many records names by its columns."""
        moment = datetime.fromisoformat(str(hit.row["Window"])).timestamp()
        wanted = [hit.row.get(key) for key in self.keys]
        alike = (m for m in own if [self.records[m.event].fields.get(key) for key in self.keys] == wanted)
        return {Firing(match.group, moment) for match in alike}


def _told(firing: Firing) -> str:
    moment = datetime.fromtimestamp(firing.time, UTC) - START
    return f"{', '.join(firing.group)} at {moment}"


def _shown(one: Played) -> str:
    """The events as YAML."""
    rows: list[dict[str, Any]] = [
        {"at": f"{int(time - START.timestamp())}s", "event": dict(event)} for time, event in one.events[:40]
    ]
    return yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=10_000).rstrip()
