"""What a KQL expression evaluates to while a query is read, and the names it may use."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from converter.core.errors import OutOfFragment, UnknownColumn
from converter.dialects.kql.nodes import Scalar
from converter.dialects.kql.truth import Truth

NUMBERS = ("int", "long")


@dataclass(frozen=True)
class Constant:
    """A literal value of a Kusto type; `padding` marks a column that `union` filled because its leg lacks it."""

    value: Scalar
    type: str
    padding: bool = False


@dataclass(frozen=True)
class Listing:
    """The elements of a dynamic array."""

    items: tuple[Constant, ...]


@dataclass(frozen=True)
class Field:
    """A native column. `case` is `lower` or `upper` under tolower/toupper; `spelled` says it went through tostring."""

    column: str
    type: str
    case: str = ""
    spelled: bool = False


@dataclass(frozen=True)
class Moment:
    """The time `minutes` before now."""

    minutes: float


@dataclass(frozen=True)
class Opaque:
    """A value the fragment cannot express. Harmless while it is only projected; an error once a condition uses it."""

    reason: str


Value = Constant | Listing | Field | Moment | Opaque | Truth


@dataclass(frozen=True)
class Scope:
    """The names an expression sees: columns first, then `let` values (a tabular `let` is Opaque here)."""

    columns: Mapping[str, Value]
    lets: Mapping[str, Value] = field(default_factory=dict)
    #: The column whose comparison with "now minus n" is the query's window.
    time: str = ""

    def look_up(self, name: str, line: int) -> Value:
        """Raises QueryError for a name that is neither, naming the nearest one, and OutOfFragment for Opaque."""
        value = self.find(name, line)
        if isinstance(value, Opaque):
            raise OutOfFragment(f"`{name}`: {value.reason}", f"line {line}")
        return value

    def find(self, name: str, line: int) -> Value:
        if name in self.columns:
            return self.columns[name]
        if name in self.lets:
            return self.lets[name]
        raise UnknownColumn(f"no column `{name}` here", f"line {line}", near(name, [*self.columns, *self.lets]))


def near(name: str, known: Iterable[str]) -> str:
    """A hint naming what was probably meant. Names are case-sensitive, so a spelling by case alone comes first."""
    known = list(known)
    for other in known:
        if other.lower() == name.lower():
            return f"did you mean `{other}`? names are case-sensitive"
    found = difflib.get_close_matches(name, known, 1)
    return f"did you mean `{found[0]}`?" if found else ""


def type_of(value: Value) -> str:
    if isinstance(value, Truth):
        return "bool"
    if isinstance(value, Moment):
        return "datetime"
    if isinstance(value, Field):
        return "string" if value.spelled else value.type
    return value.type if isinstance(value, Constant) else "dynamic"
