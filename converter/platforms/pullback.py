"""From a Predicate over a platform's columns back to one over Sigma fields, for one kind of record.

A column that a kind fixes is decided at once; one that is derived from a Sigma field becomes the inverse image of its
set (`converter.platforms.inverse`); one that no Sigma field fills is a free variable of its own, about which a rule
says nothing: it may hold anything, so a query that depends on it differs from every rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache, lru_cache, partial
from typing import Any

from converter.core.errors import OutOfFragment, UnknownColumn
from converter.core.platform import Column, ColumnTest, Kind, Schema
from converter.core.taxonomy import NO_PATH, FieldType, field_type
from converter.platforms.constants import constant
from converter.platforms.derive import CLASSIFYING, algorithm_of
from converter.platforms.halves import half, half_of
from converter.platforms.hashes import component
from converter.platforms.inverse import has, inverse, numbers_of, present
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    And,
    Atom,
    Not,
    Numbers,
    Or,
    Predicate,
    Present,
    SameAs,
    Strings,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.decide.transform import transform
from converter.semantics.regular.images import nullable
from converter.semantics.regular.language import ANY_STRING, Alt, Language, Seq, literal

#: What stands before a native column's name where it is a variable of its own: no Sigma field is called so.
FREE = "column "


def free(column: str) -> str:
    """The variable of a column that no Sigma field fills."""
    return FREE + column


def pull_back(predicate: Predicate, kind: Kind, schema: Schema, tested: Collection[str] = ()) -> Predicate:
    """What `predicate`, over native columns, says of the Sigma event behind a record of `kind`.

    Where two fields fill one column (`md5` and `Hashes`), the one among `tested` is meant. Raises UnknownColumn for a
    column that the platform does not have, and OutOfFragment for a comparison of columns that are no plain copies.
    """
    columns = filled(kind, frozenset(tested))
    parts = predicate.parts if isinstance(predicate, And) else (predicate,)
    return conjunction(_part(part, kind, schema, columns) for part in parts)


def _part(part: Predicate, kind: Kind, schema: Schema, columns: Mapping[str, Column]) -> Predicate:
    """One conjunct, which kinds that keep its columns alike share."""
    found: dict[str, Column] = {}
    fixed: list[Any] = []
    for name in part.fields:
        column = columns.get(name)
        if column is not None:
            found[name] = column
        elif name in kind.native:
            value = kind.native[name]
            fixed += (name, tuple(value) if isinstance(value, list) else value)
        elif name not in schema.types.get(kind.table, {}) and name not in (schema.time, schema.identity_of(kind.table)):
            raise UnknownColumn(f"{schema.name} has no column {name}")
    key = (part, schema.missing, *fixed, *found.values())
    if key not in _PARTS:
        if len(_PARTS) >= _REMEMBERED:
            _PARTS.pop(next(iter(_PARTS)))
        _PARTS[key] = transform(part, partial(_pulled, columns=found, kind=kind, schema=schema))
    return _PARTS[key]


#: The last conjuncts that were pulled back.
_PARTS: dict[object, Predicate] = {}
_REMEMBERED = 16384


def _pulled(item: Atom, columns: Mapping[str, Column], kind: Kind, schema: Schema) -> Predicate:
    """One test of a native column, as far as `columns` and the constants of `kind` tell."""
    decided = constant(item, kind, schema)
    if decided is not None:
        return TRUE if decided else FALSE
    column = columns.get(item.field)
    return _free(item, columns) if column is None else _atom(item, column, columns, schema)


@lru_cache(maxsize=4096)
def filled(kind: Kind, tested: frozenset[str] = frozenset()) -> dict[str, Column]:
    """native name -> the column, by the tested field where several fill it."""
    found: dict[str, Column] = {}
    for column in kind.columns:
        if column.name in kind.native:
            continue
        other = found.get(column.name)
        if other is None or (column.source in tested and other.source not in tested):
            found[column.name] = column
    return found


def fix(predicate: Predicate, kind: Kind) -> Predicate:
    """The predicate over Sigma fields with the fields that `kind` fixes decided."""

    def atom(item: Atom) -> Predicate:
        if item.field not in kind.sigma:
            return item
        value = kind.sigma[item.field]
        return TRUE if holds(item, {} if value is None else {item.field: value}) else FALSE

    return transform(predicate, atom)


@cache
def known(kind: Kind, schema: Schema) -> Predicate:
    """What the kind says of all its records (`holds`), over Sigma fields."""
    return pull_back(conjunction(map(column_test, kind.holds)), kind, schema)


def column_test(test: ColumnTest) -> Predicate:
    """A scope test as a predicate over native columns."""
    if test.any_of:
        return disjunction(map(column_test, test.any_of))
    anyone = disjunction(_value_test(test.column, value) for value in test.values)
    return negation(anyone) if test.negated else anyone


def _value_test(column: str, value: str | int) -> Predicate:
    if isinstance(value, int):
        return Atom(column, Numbers(((value, value),)))
    if value.endswith("*"):
        return Atom(column, Strings(Seq((literal(value[:-1], True), ANY_STRING))))
    return Atom(column, Strings(literal(value, False)))


def _free(item: Atom, columns: Mapping[str, Column]) -> Predicate:
    if not isinstance(item.values, SameAs):
        return Atom(free(item.field), item.values)
    other = item.values.other
    if other in columns and columns[other].derive != "same":
        raise OutOfFragment(f"{item.field} and {other} are not plain copies of Sigma fields")
    source = columns[other].source if other in columns else free(other)
    return Atom(free(item.field), SameAs(source, item.values.how, item.values.ignore_case))


def _atom(item: Atom, column: Column, columns: Mapping[str, Column], schema: Schema) -> Predicate:
    values = item.values
    if isinstance(values, SameAs):
        return _same_as(column, values, columns, schema)
    found = _valued(item, column)
    if schema.missing == "null-text" and (_takes_null(item) or _beyond_digits(values)):
        # a missing value arrives as the text "null", which is among those asked for
        found = disjunction([found, negation(Atom(_field(column), present(column.derive) or Present()))])
    return found


def _field(column: Column) -> str:
    """The field that a column is of: where only parts of a field have columns, each part is one of its own."""
    algorithm, side = algorithm_of(column.derive), half_of(column.derive)
    if algorithm is not None:
        return component(column.source, algorithm)
    return column.source if side is None else half(column.source, side)


def _takes_null(item: Atom) -> bool:
    """Whether the text "null" passes a test; most texts are told from it by their literal."""
    values = item.values
    return has(values.language, "null") if isinstance(values, Strings) else holds(item, {item.field: "null"})


def _beyond_digits(values: object) -> bool:
    """Whether an order is asked that the text "null" may pass: Splunk compares with a text as text, and letters come
    after digits (https://help.splunk.com/en/splunk-enterprise/search/search-manual)."""
    return isinstance(values, Numbers) and any(high is None for _, high in values.ranges)


def _valued(item: Atom, column: Column) -> Predicate:
    values, given = item.values, present(column.derive)
    if _field(column) != column.source:
        return Atom(_field(column), values)
    if isinstance(values, Present):
        return Atom(column.source, given or values)
    if isinstance(values, Strings):
        words = NO_PATH if field_type(column.source) is FieldType.PATH else None
        found = Atom(column.source, inverse(column.derive, words)(values.language))
        # a value of which nothing is derived leaves the column empty, and an empty column has no text
        return conjunction([Atom(column.source, given), found]) if given and nullable(values.language) else found
    if column.derive in CLASSIFYING:
        return FALSE  # the name of a sort is neither a number nor an address
    return Atom(column.source, numbers_of(column.derive, values) if isinstance(values, Numbers) else values)


def _same_as(column: Column, values: SameAs, columns: Mapping[str, Column], schema: Schema) -> Predicate:
    other = columns.get(values.other)
    if other is None or not _comparable(column, other, values.how):
        raise OutOfFragment(f"{column.name} and {values.other} are not plain copies of Sigma fields")
    found: Predicate = Atom(column.source, SameAs(other.source, values.how, values.ignore_case))
    if schema.missing != "null-text":
        return found
    # two missing values arrive as the same text, and one missing value is compared as that text
    gone = [negation(Atom(field, Present())) for field in (column.source, other.source)]
    around = Atom(column.source, Strings(_around(values.how)))
    return disjunction([found, conjunction(gone), conjunction([around, gone[1]])])


def _comparable(column: Column, other: Column, how: str) -> bool:
    """Whether two columns compare as their fields do: copies, or values in one form, which is one-to-one."""
    alike = column.derive == other.derive
    return alike and (column.derive == "same" or (how == "equals" and column.derive.startswith("form:")))


def _around(how: str) -> Language:
    """The texts that compare as asked with the text "null"; equality with it is excluded by the domain."""
    null = literal("null", True)
    return {
        "startswith": Seq((null, ANY_STRING)),
        "endswith": Seq((ANY_STRING, null)),
        "contains": Seq((ANY_STRING, null, ANY_STRING)),
    }.get(how, Alt(()))


def atoms(predicate: Predicate) -> Iterator[Atom]:
    """Every atom of a predicate, from left to right."""
    if isinstance(predicate, Atom):
        yield predicate
    elif isinstance(predicate, Not):
        yield from atoms(predicate.part)
    else:
        assert isinstance(predicate, And | Or)
        for part in predicate.parts:
            yield from atoms(part)
