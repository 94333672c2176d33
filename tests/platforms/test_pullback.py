"""What a query says of a record and what its pulled-back predicate says of the event behind it are one answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from converter.core.errors import NotRepresentable, OutOfFragment
from converter.core.platform import Column, Kind, Schema
from converter.core.taxonomy import FieldType, field_type
from converter.platforms.domains import NUMERIC_TYPES
from converter.platforms.losses import guarantee, held
from converter.platforms.project import project
from converter.platforms.pullback import filled, free, known, pull_back
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import Addresses, Atom, Numbers, Predicate, Present, SameAs, Strings
from converter.semantics.regular.language import ANY_STRING, Seq, literal
from tests.platforms.shapes import ALL, PLAIN, name
from tests.support.generated import Maker, Source

#: events tried for each kind
EVENTS = 4
#: every tenth kind of a platform is enough of those that differ in a constant alone
KINDS = [pair for number, pair in enumerate(ALL) if number % 10 == 0 or not pair[1].name.startswith("none/")]


def source_of(kind: Kind) -> Source:
    fields = tuple(dict.fromkeys(column.source for column in kind.columns))
    return Source(kind.logsource, fields, {field: (value,) for field, value in kind.sigma.items()})


def event_of(random: Random, kind: Kind) -> dict[str, Any]:
    """An event that may be recorded as the kind, paths as its system has them, and one name for what has two."""
    event = Maker(random, source_of(kind)).event()
    named: dict[str, str] = {}
    for column in kind.columns:
        if column.derive == "same" and named.setdefault(column.name, column.source) != column.source:
            event.pop(column.source, None)
    for test in kind.holds:
        own = [c.source for c in kind.columns if c.name == test.column and c.derive == "same"]
        if not test.negated and "*" not in str(test.values):
            event |= {field: random.choice(test.values) for field in own}
    if kind.logsource.product in ("linux", "macos"):
        paths = {column.source for column in kind.columns if field_type(column.source) is FieldType.PATH}
        event |= {field: "/usr/bin/" + str(event.get(field, "a")).rpartition("\\")[2] for field in paths}
    return event


def column_tests(random: Random, column: Column, value: Any, columns: list[Column]) -> list[Predicate]:
    """Tests of a column, some of which its value meets: as text in all places, as number, address, and presence."""
    text = "x" if value is None or isinstance(value, list) else str(value)
    cut = text[: random.randint(0, len(text))], text[random.randint(0, len(text)) :]
    fold = random.choice([True, False])
    languages = [
        literal(text, fold),
        literal(text.swapcase(), fold),
        Seq((ANY_STRING, literal(cut[1], fold))),
        Seq((literal(cut[0], fold), ANY_STRING)),
        Seq((ANY_STRING, literal(cut[0][1:], fold), ANY_STRING)),
        ANY_STRING,
    ]
    tests: list[Predicate] = [Atom(column.name, Present())]
    if column.type in NUMERIC_TYPES:
        number = int(value) if isinstance(value, int) else 7
        return [*tests, Atom(column.name, Numbers(((number, number),))), Atom(column.name, Numbers(((None, 80),)))]
    if column.type == "ip":
        return [*tests, Atom(column.name, Addresses(((4, 0, 2**31),)))]
    plain = [c for c in columns if c.derive == column.derive == "same" and c.type == column.type and c != column]
    tests += [Atom(column.name, SameAs(other.name, "equals", fold)) for other in plain[:1]]
    return [*tests, *(Atom(column.name, Strings(language)) for language in languages)]


def recorded(pair: tuple[Schema, Kind]) -> Iterator[tuple[Random, dict[str, Any], Mapping[str, Any]]]:
    """Random choices, an event made by them, and its record."""
    schema, kind = pair
    for seed in range(EVENTS):
        random = Random(f"{name(pair)} {seed}")
        event = event_of(random, kind)
        with suppress(NotRepresentable):
            yield random, event, project(schema, kind, event, 1, "2026-01-01T00:00:00.000Z").fields


@pytest.mark.parametrize("pair", KINDS, ids=name)
def test_a_test_of_a_record_is_a_test_of_its_event(pair: tuple[Schema, Kind]) -> None:
    """holds(pull_back(test), held(event)) is holds(test, project(event)), for every column and any test of it."""
    schema, kind = pair
    told = 0
    for random, event, record in recorded(pair):
        kept = held(event, kind, schema)
        columns = list(filled(kind, frozenset(event)).values())
        for column in columns:
            for test in column_tests(random, column, record.get(column.name), columns):
                with suppress(OutOfFragment):
                    pulled = pull_back(test, kind, schema, frozenset(event))
                    if holds(known(kind, schema), kept) and holds(guarantee((pulled,), kind, schema), kept):
                        assert holds(pulled, kept) == holds(test, record), (test, pulled, event, dict(record))
                        told += holds(test, record)
    assert told > len(kind.columns)


@pytest.mark.parametrize("pair", KINDS, ids=name)
def test_a_column_that_no_field_fills_is_free(pair: tuple[Schema, Kind]) -> None:
    """A test of such a column is one of a variable of its own; one that the kind fixes is decided at once."""
    schema, kind = pair
    taken = {column.name for column in kind.columns} | set(kind.native)
    others = [column for column in schema.types[kind.table] if column not in taken]
    for column in others[:3]:
        assert pull_back(Atom(column, Present()), kind, schema) == Atom(free(column), Present())
    for column, value in kind.native.items():
        pulled = pull_back(Atom(column, Present()), kind, schema)
        assert holds(pulled, {}) == (value is not None or schema.missing == "null-text")


@pytest.mark.parametrize("pair", [pair for pair in KINDS if pair in PLAIN], ids=name)
def test_what_is_held_makes_the_same_record(pair: tuple[Schema, Kind]) -> None:
    """Losses strike once: the record of what a record still tells is that record."""
    schema, kind = pair
    for _, event, record in recorded(pair):
        kept = {field: value for field, value in held(event, kind, schema).items() if ":" not in field}
        assert project(schema, kind, kept, 1, "2026-01-01T00:00:00.000Z").fields == record, event
