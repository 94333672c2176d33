"""The normal form of an EQL condition that the engines and the reader work on; `resolve.py` makes it.

Each leaf tests one column; it is false where the column is missing, and holds of a list when it holds of an element.
"""

from __future__ import annotations

from dataclasses import dataclass

from converter.dialects.eql.addresses import Network


@dataclass(frozen=True)
class Truth:
    value: bool


@dataclass(frozen=True)
class All:
    parts: tuple[Plan, ...]


@dataclass(frozen=True)
class Any:
    parts: tuple[Plan, ...]


@dataclass(frozen=True)
class Not:
    part: Plan


@dataclass(frozen=True)
class Exists:
    field: str


@dataclass(frozen=True)
class Text:
    """A string field; `how` it meets `text`: `is`, `wildcard` (`*` `?`), `regexp` (Lucene), `starts`, `ends`, `has`."""

    field: str
    how: str
    text: str
    ignore_case: bool


@dataclass(frozen=True)
class Order:
    """A string field in code-point order; `operator` is one of < <= > >=."""

    field: str
    operator: str
    text: str


@dataclass(frozen=True)
class Number:
    """A numeric field; `operator` is one of == < <= > >=."""

    field: str
    operator: str
    value: int | float


@dataclass(frozen=True)
class Flag:
    field: str
    value: bool


@dataclass(frozen=True)
class Address:
    """An `ip` field within any of the networks; a single address is a network of one."""

    field: str
    networks: tuple[Network, ...]


@dataclass(frozen=True)
class Length:
    """The number of UTF-16 units of a string field, as Java counts; a script query in Elasticsearch."""

    field: str
    operator: str
    value: int | float


Plan = Truth | All | Any | Not | Exists | Text | Order | Number | Flag | Address | Length
