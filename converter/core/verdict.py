"""What is executed and what comes of it: fixtures, hits, the contract of an engine, outcomes and reports."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from converter.core.model import Event
from converter.core.platform import Record, Schema


@dataclass(frozen=True)
class Case:
    """One fixture: an event, the verdict a human expects of the rule, and optionally the record kind and age."""

    name: str
    event: Event
    match: bool
    kind: str | None = None
    age_minutes: int | None = None
    where: str = ""


#: the position of a row that an engine cannot trace back to the records it was made of
UNTRACED = -1


@dataclass(frozen=True)
class Hit:
    """One row a query returned: the position of its record among those given (UNTRACED for a row of many, where the
    engine does not say which), and the row as the query shaped it."""

    position: int
    row: Mapping[str, Any]


class Engine(Protocol):
    """Something that executes the shipped text of one dialect, byte for byte, over native records."""

    name: str
    dialect: str
    #: What a report says of it: "executed by DuckDB (duckdb-kql)" or "interpreted by Parity".
    provenance: str

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime) -> list[Hit]:
        """The rows that `text` returns over `records`, in the query's order, when it is asked at the moment `now`.

        Raises QueryError when the text is not accepted, EngineUnavailable when the engine is not installed, and
        EngineError when it is installed and fails.
        """
        ...


class Outcome(enum.StrEnum):
    """What a check of one (rule, target, engine) found; only AGREE passes (DESIGN, "Verdicts")."""

    AGREE = "AGREE"
    DISAGREE = "DISAGREE"
    FIXTURE_ODDS = "FIXTURE_ODDS"
    UNSUPPORTED = "UNSUPPORTED"
    ERROR = "ERROR"
    NOT_RUN = "NOT_RUN"
    OUT_OF_FRAGMENT = "OUT_OF_FRAGMENT"


@dataclass(frozen=True)
class Verdict:
    """The outcome for one (rule, target, check), with what is needed to reproduce it."""

    source: str
    target: str
    check: str
    outcome: Outcome
    provenance: str = ""
    detail: str = ""
    matched: int = 0
    checked: int = 0
    not_representable: int = 0
    #: ids of the platform's losses that explain another answer than the rule's, and how many records got one
    losses: tuple[str, ...] = ()
    lost: int = 0
    #: what `matched`, `checked` and `not_representable` count
    unit: str = "event"


@dataclass(frozen=True)
class Report:
    """All verdicts of one run, in the order of rule, target, check."""

    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Whether everything was run and agrees; an empty report is not fine."""
        return self.passes(tolerate_not_run=False)

    def passes(self, tolerate_not_run: bool) -> bool:
        """Whether nothing failed and something agreed; UNSUPPORTED counts as foreseen, NOT_RUN only if tolerated."""
        fine = {Outcome.AGREE, Outcome.UNSUPPORTED} | ({Outcome.NOT_RUN} if tolerate_not_run else set())
        outcomes = [v.outcome for v in self.verdicts]
        return Outcome.AGREE in outcomes and all(outcome in fine for outcome in outcomes)
