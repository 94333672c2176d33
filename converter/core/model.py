"""The words of DESIGN as frozen dataclasses. No input or output happens here, and pySigma is not imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from converter.core.places import Path, Place, line_at

#: A Sigma event: taxonomy field -> string, int, float, bool or a list of them. A missing field is an absent key.
Event = Mapping[str, Any]

#: the end of a rule's path, with the number of its document where its file holds several rules
_DOCUMENT = re.compile(r"\.yml(#\d+)?$")
#: the folder of a project's rules (`core.config`)
_LIBRARY = re.compile(r"\A(?:sigma|rules)/")


#: a category that names several others: Sigma's `registry_event` is every event of the registry
#: (https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-appendix-taxonomy.md, Sysmon 12 to 14)
_PARTS = {"registry_event": ("registry_add", "registry_delete", "registry_rename", "registry_set")}


@dataclass(frozen=True)
class LogSource:
    """Which records a rule is about, or which a platform's table describes; None leaves an attribute open.

    Source: Sigma specification 2.1, rules, "Log source"
    (https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-rules-specification.md).
    """

    product: str | None = None
    category: str | None = None
    service: str | None = None

    def covers(self, other: LogSource) -> bool:
        """Whether all that `other` names is meant by this one as well: what is None here covers everything."""
        return (
            self.product in (None, other.product)
            and (self.category in (None, other.category) or other.category in _PARTS.get(self.category or "", ()))
            and self.service in (None, other.service)
        )

    @property
    def label(self) -> str:
        """What names the log source in short: its category, or its service where it has none."""
        return self.category or self.service or ""

    def __str__(self) -> str:
        service = self.service and f"service {self.service}"
        return " ".join(part for part in (self.product, self.category, service) if part) or "any log source"


@dataclass(frozen=True, eq=False)
class SigmaDocument:
    """One document of a rule file.

    `path` is relative to the project root and `/`-separated (`sigma/windows/process_creation/x.yml`); of a file that
    holds several documents each has its number behind it (`x.yml#2`). `raw` is the parsed YAML document, never mutated;
    `lines` maps a top-level key to its line in the file, `places` each part of the document to its own; `sha256` is of
    the file's bytes. `warnings` are what a reader should know of a document that is used all the same.
    """

    path: str
    raw: Mapping[str, Any]
    sha256: str
    lines: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[Path, Place] = field(default_factory=dict, repr=False, compare=False)
    warnings: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The path of the file that holds the document."""
        return _DOCUMENT.sub(".yml", self.path)

    @property
    def title(self) -> str:
        return str(self.raw["title"])

    @property
    def name(self) -> str:
        """The name that the rule gives itself, or else its file's name without extension (`x`, `x#2`)."""
        return str(self.raw.get("name") or self.stem.rsplit("/", 1)[-1])

    @property
    def id(self) -> str:
        """The rule's id, or its name where it has none (the Sigma specification leaves the id optional)."""
        return str(self.raw.get("id") or self.name)

    @property
    def stem(self) -> str:
        """The path below `sigma/`, or `rules/`, without its extension: where outputs and fixture live."""
        return _DOCUMENT.sub(r"\1", _LIBRARY.sub("", self.path))

    def at(self, *path: str | int) -> str:
        """`file:line` of a part of the rule, or the file alone: where lines are not known, and for the whole rule."""
        if not path and self.path != self.file:
            return f"{self.file}:{min(self.lines.values(), default=1)}"
        if path and self.places:
            return f"{self.file}:{line_at(self.places, path)}"
        line = self.lines.get(str(path[0])) if path else None
        return f"{self.file}:{line}" if line else self.file


class Rule(SigmaDocument):
    """One Sigma rule as it stands in the library."""

    @property
    def category(self) -> str:
        return str(self.raw["logsource"].get("category", ""))

    @cached_property
    def logsource(self) -> LogSource:
        """The log source that the rule names."""
        named = self.raw["logsource"]
        product, category, service = (named.get(key) or None for key in ("product", "category", "service"))
        return LogSource(product, category, service)

    @cached_property
    def logsources(self) -> tuple[LogSource, ...]:
        """The rule's log source and, after it, the categories of the same product that its `parity: records:` adds.

        `parity` is a custom attribute, which the Sigma specification allows: a rule about files that are written may
        count other changes too, which Sigma keeps in another category.
        """
        own = self.logsource
        further = (self.raw.get("parity") or {}).get("records") or ()
        return (own, *(LogSource(own.product, category) for category in further))

    def covers(self, logsource: LogSource) -> bool:
        """Whether the rule is about records of a log source."""
        return any(source.covers(logsource) for source in self.logsources)

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.raw.get("fields") or ())


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
class Gap:
    """Something a dialect or target cannot do: `status` is `notimpl`, `notyet` or `never`."""

    feature: str
    status: str
    reason: str
    url: str = ""


@dataclass(frozen=True)
class Target:
    """One place to deploy to: a dialect over a platform's schema, and options of its queries.

    `backend` is pySigma's for those who have only that, with the pipeline of the name `pipeline`; "" where it has none.
    """

    name: str
    title: str
    dialect: str
    schema: str
    data: str
    options: Mapping[str, Any] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    backend: str = ""
    pipeline: str = ""


@dataclass(frozen=True)
class Query:
    """The text shipped for one rule or detection at one target: exactly the bytes of its file in `output/`."""

    source: str
    target: str
    dialect: str
    text: str
    path: str
