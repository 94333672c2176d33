"""The kinds of record that a rule is about, gathered by where they keep the fields that it tests.

Most rules see one view. A field that a kind fixes (`Initiated`), or that lies in another column there (the ends of an
accepted connection), makes several; the rule is then lowered once for each, and the columns that the platform itself
fills (`ActionType`) tell them apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from converter.core.errors import Unsupported
from converter.core.platform import Column, ColumnTest, Kind, Table
from converter.dialects.condition import And, Condition, Match, Not, NumberIn, Or, Pattern, Wild
from converter.platforms.derive import CLASSIFYING
from converter.platforms.effects import concerns
from converter.platforms.forms import is_further
from converter.platforms.prefixes import BECOMES

#: derivations that a test is lowered to alike: a value's forms, and its last component with or without what precedes it
_ALIKE = {"form": "same", "lower": "same", "leaf": "basename"}
#: field -> its columns, the closest to the event's own value first
Placed = Mapping[str, tuple[Column, ...]]


@dataclass(frozen=True)
class View:
    """Kinds that keep the tested fields alike: where, and which fields they fix."""

    kinds: tuple[Kind, ...]
    columns: Placed
    fixed: Mapping[str, str | None]


def views(
    kinds: Sequence[Kind], tested: Collection[str], exact: Mapping[str, Collection[str]], cased: Collection[str] = ()
) -> list[View]:
    """The kinds by view, in their order. Kinds that no column of the platform tells apart share one.

    `exact` holds the whole values that the rule asks for: kinds that leave one of them out differ from the others; so
    do, for the fields whose case the rule minds (`cased`), kinds that do not keep it, and kinds that write a field that
    it tests in another encoding.
    """
    varying = [name for name in tested if _varies(tuple(kinds), name)]
    groups: dict[tuple[object, ...], list[Kind]] = {}
    for alike in _alikes(tuple(kinds)):
        key = (
            *((name, _names(alike, name), _fixed(alike, name)) for name in sorted(varying)),
            *((name, tuple(sorted(set(values) & dropped(alike, name)))) for name, values in sorted(exact.items())),
            *((name, any_case(alike, name)) for name in sorted(cased)),
            *((name, recodings(alike, name)) for name in sorted(tested)),
        )
        groups.setdefault(key, []).extend(alike)
    return [_view(tuple(group), tested) for group in groups.values()]


@lru_cache(maxsize=4096)
def dropped(kinds: tuple[Kind, ...], field: str) -> frozenset[str]:
    """The values of a field that every one of the kinds leaves out of its records."""
    found = [
        {value for loss in kind.losses if loss.effect == "drops" and concerns(loss, field) for value in loss.values}
        for kind in kinds
    ]
    return frozenset(set.intersection(*found)) if found else frozenset()


@lru_cache(maxsize=4096)
def any_case(kinds: tuple[Kind, ...], field: str) -> bool:
    """Whether some of the kinds do not keep the case of a field: a test that minds it would lose their records."""
    return any(
        loss.effect in ("any_case", "lowers") and concerns(loss, field) for kind in kinds for loss in kind.losses
    )


def recodings(kinds: Iterable[Kind], field: str) -> tuple[str, ...]:
    """The encodings in which the kinds that have a field write it, each once; "" is for the field's own."""
    having = (kind for kind in kinds if any(column.source == field for column in kind.columns))
    return tuple(dict.fromkeys(next(_recodings(kind, field), "") for kind in having)) or ("",)


def _recodings(kind: Kind, field: str) -> Iterator[str]:
    for loss in kind.losses:
        if loss.effect == "recoded" and concerns(loss, field):
            yield loss.values[0]


def blind(kinds: Iterable[Kind], tested: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """field -> the kinds that have it nowhere, for the fields that some other kind has."""
    every = tuple(kinds)
    return {name: found for name in sorted(tested) if (found := _without(every, name))}


@lru_cache(maxsize=4096)
def _without(kinds: tuple[Kind, ...], field: str) -> tuple[str, ...]:
    plain = [kind for kind in kinds if not any(map(is_further, kind.columns))]
    without = [k for k in plain if field not in k.sigma and not any(c.source == field for c in k.columns)]
    return tuple(kind.name for kind in without) if len(without) < len(plain) else ()


def _signature(kind: Kind) -> tuple[object, ...]:
    native = sorted((name, repr(value)) for name, value in kind.native.items() if value is not None)
    return (*native, *(test for test in kind.holds if not test.any_of))


@lru_cache(maxsize=1024)
def _alikes(kinds: tuple[Kind, ...]) -> list[tuple[Kind, ...]]:
    """The kinds that no column of the platform tells apart, together."""
    found: dict[tuple[object, ...], list[Kind]] = {}
    for kind in kinds:
        found.setdefault(_signature(kind), []).append(kind)
    return list(map(tuple, found.values()))


@lru_cache(maxsize=4096)
def _varies(kinds: tuple[Kind, ...], field: str) -> bool:
    """Whether the kinds do not all keep a field alike; that some have no column for it makes no difference."""
    places = {_names((kind,), field) for kind in kinds} - {frozenset()}
    return (
        (len(places) > 1 and not _nested(places))
        or any(field in kind.sigma for kind in kinds)
        or any(_misleads(kind, field, places) for kind in kinds)
    )


def _misleads(kind: Kind, field: str, places: set[frozenset[tuple[str, str]]]) -> bool:
    """Whether a kind that does not have the field fills the column in which others keep it."""
    if _names((kind,), field):
        return False
    return any(kind.native.get(name) is not None for place in places for name, _ in place)


def _nested(places: set[frozenset[tuple[str, str]]]) -> bool:
    """Whether the places only differ in how much of the same there is: in more forms, or with a further column."""
    widest = max(places, key=len)
    return (
        all(place <= widest for place in places) and len({name for name, _ in widest}) <= len(min(places, key=len)) + 1
    )


@lru_cache(maxsize=4096)
def _names(kinds: tuple[Kind, ...], field: str) -> frozenset[tuple[str, str]]:
    return frozenset(
        (column.name, column.derive if BECOMES in column.derive else _alike(column.derive))
        for kind in kinds
        for column in kind.columns
        if column.source == field and column.derive not in CLASSIFYING
    )


def _alike(derive: str) -> str:
    return _ALIKE.get(derive.partition(":")[0], derive)


def _fixed(kinds: Sequence[Kind], field: str) -> object:
    return tuple(dict.fromkeys((field in kind.sigma, kind.sigma.get(field)) for kind in kinds))


@lru_cache(maxsize=4096)
def _columns(kinds: tuple[Kind, ...], field: str) -> tuple[Column, ...]:
    """The columns that some of the kinds keep a field in, each once."""
    found = [c for k in kinds for c in k.columns if c.source == field and c.derive not in CLASSIFYING]
    return tuple({(column.name, column.derive): column for column in found}.values())


def _view(kinds: tuple[Kind, ...], tested: Collection[str]) -> View:
    columns: dict[str, tuple[Column, ...]] = {}
    for name in tested:
        columns[name] = _columns(kinds, name)
    fixed: dict[str, str | None] = {}
    for name in tested:
        values = {kind.sigma[name] for kind in kinds if name in kind.sigma}
        if len(values) > 1 or (values and any(name not in kind.sigma for kind in kinds)):
            raise Unsupported(f"records that differ in {name} cannot be told apart here", f"field {name}")
        if values:
            fixed[name] = values.pop()
    return View(kinds, columns, fixed)


def told_apart(view: View, others: Sequence[Kind], preferred: Sequence[str]) -> Condition:
    """A test that the kinds of `view` pass and the others do not: of one column if one tells them apart, or of several.

    Raises Unsupported when neither the columns that the platform fills nor what else holds of them tells them apart.
    """
    names = list(dict.fromkeys([*preferred, *(name for kind in view.kinds for name in sorted(kind.native))]))
    tests = [(name, own) for name in names if (own := _constants(view.kinds, name)) is not None]
    tests.sort(key=lambda test: None in test[1])  # what a record has says more than what it lacks
    for name, own in tests:
        if len(_excluded(name, own, others)) == len(others):
            return _excluding(name, own, others)
    found: list[Condition] = []
    left = list(others)
    for test in _held(view.kinds):
        against = replace(test, negated=not test.negated)
        gone = [kind for kind in left if against in kind.holds]
        if gone:
            found.append(scope_condition(test))
            left = [kind for kind in left if kind not in gone]
    for name, own in tests:
        gone = _excluded(name, own, left)
        if gone:
            found.append(_excluding(name, own, gone))
            left = [kind for kind in left if kind not in gone]
    if left:
        raise Unsupported("the kinds of record that the rule means differently cannot be told apart", "kinds alike")
    return And(tuple(found))


def _held(kinds: Sequence[Kind]) -> list[ColumnTest]:
    """What is true of every record of each of the kinds, beyond constants."""
    return [test for test in kinds[0].holds if not test.any_of and all(test in kind.holds for kind in kinds)]


def _excluded(name: str, own: set[str | int | None], others: Iterable[Kind]) -> list[Kind]:
    """The kinds whose value of a column is none of `own`."""
    fixed = ((kind, kind.native[name]) for kind in others if name in kind.native)
    return [kind for kind, value in fixed if not isinstance(value, list) and value not in own]


def _excluding(name: str, own: set[str | int | None], gone: Sequence[Kind]) -> Condition:
    """A test of a column that keeps `own` and leaves out the kinds that have none of it."""
    if None not in own:
        return values_test(name, sorted(own, key=str))
    return Not(values_test(name, sorted({kind.native[name] for kind in gone}, key=str)))


def _constants(kinds: Iterable[Kind], name: str) -> set[str | int | None] | None:
    """The values of a column in the kinds, None if one of them does not fix it."""
    found: set[str | int | None] = set()
    for kind in kinds:
        if name not in kind.native or isinstance(kind.native[name], list):
            return None
        found.add(kind.native[name])
    return found


def values_test(column: str, values: Sequence[str | int | None]) -> Condition:
    """The column has one of the values, as the platform spells them; a text may end in a star."""
    numbers = tuple(value for value in values if isinstance(value, int))
    if numbers:
        return NumberIn(column, numbers)
    texts = tuple(_spelled(value) for value in values if isinstance(value, str))
    return Match(column, texts, cased=True)


def _spelled(value: str) -> Pattern:
    return Pattern((value[:-1], Wild.ANY)) if value.endswith("*") else Pattern((value,))


def scope_condition(test: ColumnTest) -> Condition:
    """One test of a table's scope."""
    if test.any_of:
        return Or(tuple(scope_condition(one) for one in test.any_of))
    found = values_test(test.column, test.values)
    return Not(found) if test.negated else found


def scope(tables: Sequence[Table]) -> Condition:
    """Which records the tables' log sources mean: what all their scopes ask, and of the rest one."""
    scopes = [table.scope for table in tables]
    common = [test for test in scopes[0] if all(test in other for other in scopes[1:])]
    rests = [And(tuple(scope_condition(test) for test in tests if test not in common)) for tests in scopes]
    tests = tuple(map(scope_condition, common))
    return And((*tests, Or(tuple(rests)))) if any(rest.parts for rest in rests) else And(tests)
