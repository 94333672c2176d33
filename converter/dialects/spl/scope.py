"""What the field names of a query stand for at one point of its pipeline."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from converter.core.errors import OutOfFragment
from converter.core.platform import Schema

_NUMERIC = frozenset({"number", "int", "integer", "long", "short", "byte", "float", "double", "real", "unsigned_long"})

#: What `fields` keeps unless it is told to remove them: https://help.splunk.com/splunk-cloud-platform/
#: spl-search-reference/10.1.2507/search-commands/fields.
INTERNAL = ("_raw", "_time")


@dataclass(frozen=True)
class Constant:
    """A field that eval has set to the same text on every row."""

    text: str


@dataclass(frozen=True)
class Computed:
    """A field whose value is not followed symbolically."""

    how: str


@dataclass
class Scope:
    """`names` holds the fields that differ from the platform's columns: a str is the column a field was renamed
    from. `visible` are the fields that a table or fields command has left, None for all."""

    schema: Schema
    names: dict[str, str | Constant | Computed] = field(default_factory=dict)
    visible: frozenset[str] | None = None

    def copy(self) -> Scope:
        return Scope(self.schema, dict(self.names), self.visible)

    def origin(self, name: str) -> str | Constant | Computed:
        """The column, constant or computation behind a field name."""
        if name in self.names:
            return self.names[name]
        if self.visible is not None and name not in self.visible:
            return Computed("an earlier table or fields command removed it")
        return name

    def column(self, name: str) -> str:
        """The platform's column behind a field name. Raises OutOfFragment when there is none."""
        origin = self.origin(name)
        if isinstance(origin, str):
            return origin
        why = origin.how if isinstance(origin, Computed) else "eval gave it a constant"
        raise OutOfFragment(f"a condition on {name} is not read: {why}")

    def assign(self, name: str, origin: str | Constant | Computed) -> None:
        self.names[name] = origin
        if self.visible is not None:
            self.visible |= {name}

    def is_number(self, column: str) -> bool | None:
        """Whether the schema types the column as a number; None when it doesn't know the column."""
        found = {columns[column] in _NUMERIC for columns in self.schema.types.values() if column in columns}
        return found.pop() if len(found) == 1 else None

    def knows(self, column: str) -> bool:
        return any(column in columns for columns in self.schema.types.values())

    def is_array(self, column: str) -> bool:
        return any(c.name == column and c.array for kind in self.schema.kinds for c in kind.columns)


def integer(text: str) -> int | None:
    """The number that a text is in its only spelling: `80`, not `080` or `8e1`."""
    return int(text) if re.fullmatch(r"0|-?[1-9][0-9]*", text) else None
