"""The words of DESIGN as frozen dataclasses. No input or output happens here, and pySigma is not imported."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

#: A Sigma event: taxonomy field -> string, int, float, bool or a list of them. A missing field is an absent key.
Event = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One Sigma rule as it stands in the library.

    `path` is relative to the project root and `/`-separated (`sigma/windows/process_creation/x.yml`); `raw` is the
    parsed YAML document, never mutated; `lines` maps a top-level key to its line in the file; `sha256` is of the bytes.
    """

    path: str
    raw: Mapping[str, Any]
    sha256: str
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.raw["id"])

    @property
    def title(self) -> str:
        return str(self.raw["title"])

    @property
    def category(self) -> str:
        return str(self.raw["logsource"].get("category", ""))

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.raw.get("fields") or ())

    @property
    def stem(self) -> str:
        """The rule's path below `sigma/` without its extension: where its outputs and fixture live."""
        return self.path.removeprefix("sigma/").removesuffix(".yml")


@dataclass(frozen=True)
class Part:
    """One rule of a detection with the `DetectionType` label its rows carry."""

    rule: str
    label: str


@dataclass(frozen=True)
class Deviation:
    """A named class of events on which the detection deliberately differs from the original it was written after."""

    name: str
    part: str
    reason: str
    event: Event
    kind: str | None
    original: bool
    parity: bool


@dataclass(frozen=True)
class Detection:
    """A manifest over several rules: what one alert is made of (DESIGN, "Detection")."""

    name: str
    path: str
    title: str
    description: str
    parts: tuple[Part, ...]
    lookback_hours: int
    columns: tuple[str, ...]
    severity: str
    confidence: str
    deviations: tuple[Deviation, ...]
    raw: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True)
class Column:
    """One native column and where its value comes from.

    `source` is a Sigma field and `derive` how the value is made of it: `same`, `basename` (after the last backslash),
    `dirname` (before it), `lower`, `port`… as `schemas.derive` defines. A column without a source is never filled from
    an event. `type` is the platform's own type name (`string`, `long`, `keyword`, `ip` …). `array` says that the
    platform documents the field as multi-valued.
    """

    name: str
    type: str
    source: str | None = None
    derive: str = "same"
    array: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of record that a platform writes for one kind of Sigma event.

    `name` is `<sigma category>/<variant>`, e.g. `file_event/modification`. `sigma` holds Sigma fields the kind fixes
    (`{"Initiated": "true"}`; None: the field is missing); `native` the constants each such record carries
    (`{"ActionType": "FileModified"}`). `table` is the KQL table, the Elastic data stream, or "" in Splunk.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    sigma: Mapping[str, str | None] = field(default_factory=dict)
    native: Mapping[str, Any] = field(default_factory=dict)

    @property
    def category(self) -> str:
        return self.name.split("/", 1)[0]


@dataclass(frozen=True)
class Schema:
    """How events look on one platform. `missing` says what a missing string becomes: `absent`, `empty` or `null-text`.

    `time` is the column holding the event's time. `identity` is the column by which a returned row is traced back to
    its record. `types` gives, per table, every column of the platform (name -> native type), also those no event fills.
    """

    name: str
    kinds: tuple[Kind, ...]
    time: str
    identity: str
    missing: str
    types: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Record:
    """One native record: its table (or data stream) and its flat, dotted fields; an absent key is a missing field."""

    table: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Gap:
    """Something a dialect or target cannot do: `status` is `notimpl`, `notyet` or `never`."""

    feature: str
    status: str
    reason: str
    url: str = ""


@dataclass(frozen=True)
class Target:
    """One place to deploy to: a dialect, a schema, the pipelines that map fields, and options of its scope."""

    name: str
    title: str
    dialect: str
    schema: str
    pipelines: tuple[str, ...]
    data: str
    options: Mapping[str, Any] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class Query:
    """The text shipped for one rule or detection at one target: exactly the bytes of its file in `output/`."""

    source: str
    target: str
    dialect: str
    text: str
    path: str


@dataclass(frozen=True)
class Case:
    """One fixture: an event, the verdict a human expects of the rule, and optionally the record kind and age."""

    name: str
    event: Event
    match: bool
    kind: str | None = None
    age_minutes: int | None = None
    where: str = ""


@dataclass(frozen=True)
class Hit:
    """One row a query returned: the position of its record among those given, and the row as the query shaped it."""

    position: int
    row: Mapping[str, Any]


class Engine(Protocol):
    """Something that executes the shipped text of one dialect, byte for byte, over native records."""

    name: str
    dialect: str
    #: What a report says of it: "executed by DuckDB (duckdb-kql)" or "interpreted by Parity".
    provenance: str

    def run(self, text: str, records: Sequence[Record], schema: Schema) -> list[Hit]:
        """The rows that `text` returns over `records`, in the query's order.

        Raises QueryError when the text is not accepted and EngineUnavailable when the engine is not installed.
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
