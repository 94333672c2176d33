"""What a query language offers the rest of Parity: one frozen record, with all of it typed.

`converter/dialects/<name>/dialect.py` holds `DIALECT`; `converter.dialects.registry` finds it. Reader and writer share
no code (`tests/test_layers.py`): they meet in that file and nowhere else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from converter.core.errors import OutOfFragment, ParityError, Unsupported
from converter.core.model import Gap
from converter.core.platform import Schema
from converter.dialects.costing import Search
from converter.dialects.draft import Composition, CorrelationDraft, Draft
from converter.dialects.reading import Branch, Correlated

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Abilities:
    """What a detection of several rules can do in the language.

    `windowed`: the query itself keeps to a time window. `ordered`: its rows come newest first. `label_column`: the
    column (or key) of a row that names the part it belongs to, "" where rows carry no label. `first_label`: an event of
    several parts is one row, with the label of the first of them; otherwise it is a row for each, or a row of all
    labels. `macros`: a site may wrap its sources in named macros (Splunk's `savedsearches`).
    """

    windowed: bool = True
    ordered: bool = True
    label_column: str = "DetectionType"
    first_label: bool = False
    macros: bool = False


@dataclass(frozen=True)
class Requirement:
    """The oldest version of a product on which the dialect's queries run, what needs it, and where that is said.

    `version` is "" for a service, of which there is one at a time.
    """

    product: str
    version: str
    reason: str
    source: str

    def __str__(self) -> str:
        return f"{self.product} {self.version}" if self.version else f"{self.product} (a service, without versions)"


@dataclass(frozen=True)
class Dialect:
    """One query language.

    `name` is the folder and what a Target names; `title` is for people; `extension` is the file's, without the dot;
    `comment` begins a comment line, "" where the language has none; `fence` is the language of a fenced block in
    Markdown. `limits` says, in sentences, what a detection in this language cannot express.

    `write` and `write_detection` give the whole text of a file and raise Unsupported for what the language cannot say;
    neither keeps state between calls. `read` gives the branches of a text over a schema's columns and raises QueryError
    for a text that the platform refuses and OutOfFragment for what the semantics does not cover. All of them walk trees
    by recursion: what nests too deeply for that is refused here, whatever the language.
    """

    name: str
    title: str
    extension: str
    comment: str
    fence: str
    write: Callable[[Draft], str]
    write_detection: Callable[[Composition], str]
    read: Callable[[str, Schema], tuple[Branch, ...]]
    #: what a text asks, operator by operator, for its cost
    cost: Callable[[str, Schema], tuple[Search, ...]]
    #: reader and writer of correlations; a language that has none says why in a Gap
    write_correlation: Callable[[CorrelationDraft], str] | None = None
    read_correlation: Callable[[str, Schema], Correlated] | None = None
    #: what `Correlated.windows` says of its queries
    windows: str = "sliding"
    abilities: Abilities = field(default_factory=Abilities)
    gaps: tuple[Gap, ...] = ()
    limits: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()

    def __post_init__(self) -> None:
        """Puts the bound on depth around reader and writers."""
        object.__setattr__(self, "read", _bounded(self.read, lambda: OutOfFragment("the query nests too deeply")))
        for name in ("write", "write_detection"):
            object.__setattr__(self, name, _bounded(getattr(self, name), _too_deep))

    def correlation(self, draft: CorrelationDraft) -> str:
        """The query of a correlation. Raises Unsupported with the language's Gap where it has no correlations."""
        if self.write_correlation is None:
            gap = next((gap for gap in self.gaps if gap.feature == "correlation"), None)
            reason = gap.reason if gap else f"{self.title} relates no event to another"
            raise Unsupported(reason, "correlation", hint="use another target on the same platform")
        return _bounded(self.write_correlation, _too_deep)(draft)

    def correlated(self, text: str, schema: Schema) -> Correlated:
        """What a correlation's query means. Raises as `read` does."""
        if self.read_correlation is None:
            raise OutOfFragment(f"{self.title} has no correlations")
        return _bounded(self.read_correlation, lambda: OutOfFragment("the query nests too deeply"))(text, schema)


def deferred(module: str, name: str) -> Callable[..., Any]:
    """A function of a module that is imported with the first call: whoever only writes does without the readers."""

    def called(*args: object) -> object:
        return getattr(importlib.import_module(module), name)(*args)

    return called


def _too_deep() -> Unsupported:
    return Unsupported("the condition nests too deeply", "condition nesting")


def _bounded(function: Callable[_P, _R], refusal: Callable[[], ParityError]) -> Callable[_P, _R]:
    @wraps(function)
    def bounded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except RecursionError:
            raise refusal() from None

    return bounded
