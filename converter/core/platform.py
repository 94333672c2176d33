"""A platform's records as its tables describe them: columns, kinds, what is destroyed, and what a schema is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converter.core.model import LogSource, Rule


@dataclass(frozen=True)
class Column:
    """One native column and where its value comes from.

    `source` is a Sigma field and `derive` how the value is made of it, as `platforms.derive` defines: `same`,
    `basename`, `dirname`, `hash:MD5` … `type` is the platform's own type name (`string`, `long`, `keyword`, `ip` …).
    `array` says that the platform documents the field as multi-valued.
    """

    name: str
    type: str
    source: str
    derive: str = "same"
    array: bool = False


@dataclass(frozen=True)
class Loss:
    """Something a platform destroys in the values of some Sigma fields, so that it cannot answer every rule exactly.

    `effect` is one of `platforms.losses.EFFECTS`; `values` and `length` are its parameters.
    """

    id: str
    effect: str
    fields: tuple[str, ...]
    text: str
    url: str
    values: tuple[str, ...] = ()
    length: int = 0


@dataclass(frozen=True)
class Assumption:
    """Something a platform's table stands on that no page and no sample shows."""

    id: str
    text: str
    url: str


@dataclass(frozen=True)
class Evidence:
    """What a kind of record stands on: an evidence file (`path`, below `platforms/`), else a page or an assumption.

    `assumption` is the id of what the form stands on besides. `platforms.evidence` reads the file.
    """

    path: str = ""
    page: str = ""
    assumption: str = ""


@dataclass(frozen=True, eq=False)
class Kind:
    """One shape of record that a platform writes for one log source.

    `name` is `<category>/<variant>`, e.g. `file_event/creation` (a service stands for a category where there is none).
    `sigma` holds Sigma fields the kind fixes (`{"Initiated": "true"}`; None: the field is missing); `native` the
    constants each such record carries (`{"ActionType": "FileModified"}`; None: the column is always empty). `holds`
    says what is true of every record of the kind beyond its constants. `table` is the KQL table, the Elastic data
    stream, or "" in Splunk. `passes_for` names further log sources of which its records may be, where nothing in
    them tells: an assumption says so.
    """

    name: str
    logsource: LogSource
    table: str
    columns: tuple[Column, ...]
    sigma: Mapping[str, str | None] = field(default_factory=dict)
    native: Mapping[str, Any] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    evidence: Evidence = Evidence()
    holds: tuple[ColumnTest, ...] = ()
    passes_for: tuple[LogSource, ...] = ()

    @property
    def logsources(self) -> tuple[LogSource, ...]:
        """Every log source of which a record of the kind may be, its own first."""
        return (self.logsource, *self.passes_for)

    def meant_by(self, other: Rule | LogSource) -> bool:
        """Whether a rule or a log source is about records of the kind."""
        return any(other.covers(source) for source in self.logsources)

    @property
    def category(self) -> str:
        return self.logsource.category or ""


@dataclass(frozen=True)
class ColumnTest:
    """A test of one native column: it has one of `values` (exact; a text may end in one `*`), or, if `negated`, none.

    `any_of` holds alternative tests instead; then `column` is "".
    """

    column: str
    values: tuple[str | int, ...] = ()
    negated: bool = False
    any_of: tuple[ColumnTest, ...] = ()


@dataclass(frozen=True)
class Table:
    """What a platform has for one log source: where to look, which records are meant, and where each field is.

    All of `scope` must hold. `columns` maps a Sigma field to its columns, the closest to the event's own value first.
    `path` is the table's file, for messages.
    """

    logsource: LogSource
    table: str
    indices: tuple[str, ...]
    scope: tuple[ColumnTest, ...]
    columns: Mapping[str, tuple[Column, ...]]
    path: str


@dataclass(frozen=True, eq=False)
class Schema:
    """How events look on one platform: its tables, loaded.

    `missing` says what a missing text becomes: `absent`, `empty` or `null-text`. `time` is the column holding the
    event's time. `identity` is the column by which a returned row is traced back to its record, "" if there is none;
    `identities` names the tables that have another one. `identity_within` are columns without which, and without the
    time, two records may share an identity.
    `types` gives, per KQL table or data stream ("" in Splunk), every column of the platform, also those no event fills.
    """

    name: str
    title: str
    kinds: tuple[Kind, ...]
    tables: tuple[Table, ...]
    time: str
    identity: str
    missing: str
    types: Mapping[str, Mapping[str, str]]
    assumptions: tuple[Assumption, ...] = ()
    identities: Mapping[str, str] = field(default_factory=dict)
    identity_within: tuple[str, ...] = ()

    def telling(self, table: str) -> tuple[str, ...]:
        """The columns that together tell every row of `table` from every other."""
        names = (self.time, *self.identity_within, self.identity_of(table))
        return tuple(name for name in names if name in self.types.get(table, {}))

    def identity_of(self, table: str) -> str:
        """The column by which a row of `table` is traced back to its record, "" if there is none."""
        return self.identities.get(table, self.identity)


@dataclass(frozen=True)
class Record:
    """One native record: its table (or data stream) and its flat, dotted fields; an absent key is a missing field."""

    table: str
    fields: Mapping[str, Any]


#: the type of a column that holds properties (https://learn.microsoft.com/en-us/kusto/query/scalar-data-types/dynamic)
DYNAMIC = "dynamic"


def is_property(name: str, types: Mapping[str, str]) -> bool:
    """Whether a column of a table's `types` lies in a dynamic one."""
    holder, dot, _ = name.partition(".")
    return bool(dot) and types.get(holder) == DYNAMIC


def plain(types: Mapping[str, str]) -> dict[str, str]:
    """The columns that a table has by itself."""
    return {name: type_ for name, type_ in types.items() if not is_property(name, types)}
