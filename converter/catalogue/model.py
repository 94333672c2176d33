"""What a page of the catalogue shows, without any markup: every text here is plain and is escaped where it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from converter.artefacts.core.response import Response
from converter.core.model import Detection, LogSource, SigmaDocument


@dataclass(frozen=True)
class Badge:
    """How one leg of a verdict stands: `leg` is Translation, Data or Platform, `outcome` one word, `text` says how.

    `tone` is good, open (not shown, or less than shown) or bad.
    """

    leg: str
    outcome: str
    text: str
    tone: str


@dataclass(frozen=True)
class Named:
    """A loss or an assumption by its id, with its source and, for a loss, an event that shows it (as YAML)."""

    id: str
    text: str
    url: str = ""
    fields: tuple[str, ...] = ()
    event: str = ""


@dataclass(frozen=True)
class Wrong:
    """A wrong query and the event that gives it away.

    The query's text around the change is `before`, `old` or `new`, `after`; `rule` and `query` are the answers on
    `event` (YAML), a record of `kind`. `meaning` says what such a change does.
    """

    meaning: str
    line: int
    before: str
    old: str
    new: str
    after: str
    kind: str
    event: str
    rule: bool
    query: bool


@dataclass(frozen=True)
class Tab:
    """One target of a source: its query, or why there is none."""

    target: str
    title: str
    requires: str
    language: str
    text: str = ""
    path: str = ""
    refusal: str = ""
    hint: str = ""
    badges: tuple[Badge, ...] = ()
    losses: tuple[Named, ...] = ()
    assumptions: tuple[Named, ...] = ()
    wrong: Wrong | None = None

    @property
    def tone(self) -> str:
        """The worst of the badges; `open` for a target without a query."""
        tones = [badge.tone for badge in self.badges]
        return next((tone for tone in ("bad", "open") if tone in tones), "good") if self.text else "open"


@dataclass(frozen=True)
class History:
    """What a page's rule does that it did not at a revision: `status` in a word, and for each cause of lost and gained
    events its sentence and an example (YAML)."""

    revision: str
    status: str
    lost: tuple[tuple[str, str], ...] = ()
    gained: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Technique:
    """A technique as a rule tags it; one that the data does not hold has its id for a name."""

    id: str
    name: str
    tactics: tuple[str, ...]
    url: str


@dataclass(frozen=True)
class Fixtures:
    """A rule's cases as a table: the fields it tests, then a row a case with its values (None: missing)."""

    fields: tuple[str, ...]
    rows: tuple[tuple[str, bool, tuple[Any, ...], str], ...]


@dataclass(frozen=True)
class Page:
    """A rule, correlation or detection. `href` is its page below the site, `source` its text as it stands in its file.

    `parts` are the pages' hrefs and titles of a detection's rules, `of` those of the detections a rule is part of.
    """

    href: str
    path: str
    name: str
    id: str
    title: str
    description: str
    evades: str
    level: str
    status: str
    author: str
    date: str
    modified: str
    logsources: tuple[LogSource, ...]
    tactics: tuple[str, ...]
    techniques: tuple[Technique, ...]
    source: str
    tabs: tuple[Tab, ...]
    document: SigmaDocument | Detection
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    fixtures: Fixtures | None = None
    response: Response | None = None
    findings: tuple[str, ...] = ()
    parts: tuple[tuple[str, str, str], ...] = ()
    of: tuple[tuple[str, str], ...] = ()
    history: History | None = None

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        if isinstance(self.document, Detection):
            return "detection"
        return "correlation" if "correlation" in self.document.raw else "rule"

    @property
    def document_path(self) -> str:
        """The path of the file that holds it."""
        return self.document.path if isinstance(self.document, Detection) else self.document.file

    @property
    def products(self) -> tuple[str, ...]:
        """The operating systems or products of its log sources."""
        return tuple(dict.fromkeys(source.product or "any" for source in self.logsources))

    @property
    def categories(self) -> tuple[str, ...]:
        """Its log sources, in short."""
        return tuple(dict.fromkeys(source.label for source in self.logsources))

    @property
    def proved(self) -> int:
        """At how many targets it has a query that is proved."""
        return sum(any(b.leg == "Translation" and b.tone == "good" for b in tab.badges) for tab in self.tabs)


@dataclass(frozen=True)
class Catalogue:
    """All pages in the order of the project; `executed` says whether the queries were run, `engines` on what."""

    title: str
    version: str
    pages: tuple[Page, ...]
    executed: bool
    engines: tuple[tuple[str, str, str], ...]
    tactics: tuple[tuple[str, str], ...]
    base_url: str = ""
    manifest: dict[str, Any] = field(default_factory=dict)
