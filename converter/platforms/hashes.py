"""Sysmon's list of hashes where a platform keeps one column an algorithm.

`SHA1=…,MD5=…` has each algorithm at most once, with a value of fixed length
(https://learn.microsoft.com/en-us/sysinternals/downloads/sysmon, "HashAlgorithms"), so that a rule's `contains` of one
whole `ALGORITHM=value` asks for that component. A component is compared as a field of its own.
"""

from __future__ import annotations

import re
from functools import cache

from converter.core.platform import Kind
from converter.platforms.derive import algorithm_of, derive
from converter.platforms.texts import literal_of
from converter.semantics.decide.predicate import Atom, Predicate, Present, Strings, disjunction
from converter.semantics.regular.language import literal

#: digits of each algorithm's value
HASHES = {"SHA1": 40, "MD5": 32, "SHA256": 64, "IMPHASH": 32}
_COMPONENT = re.compile(r"([a-z0-9]+)=([0-9a-f]+)")


def component(field: str, algorithm: str) -> str:
    """The name of a component as a field."""
    return f"{field}:{algorithm}"


@cache
def algorithms(kind: Kind, field: str) -> frozenset[str]:
    """The algorithms of a field that have a column of their own; none where the whole list has one."""
    columns = [column for column in kind.columns if column.source == field]
    if any(algorithm_of(column.derive) is None for column in columns):
        return frozenset()
    return frozenset(found for column in columns if (found := algorithm_of(column.derive)) is not None)


def asked(item: Atom) -> tuple[str, str] | None:
    """(algorithm, value in lower case) when a test asks for one whole component somewhere in the list."""
    if not isinstance(item.values, Strings):
        return None
    found = literal_of(item.values.language)
    match = _COMPONENT.fullmatch(found.text) if found is not None and found.open_start and found.open_end else None
    if match is None or HASHES.get(match[1].upper()) != len(match[2]):
        return None
    return match[1].upper(), match[2]


def by_component(item: Atom, kind: Kind) -> Predicate:
    """The test over the component where the platform keeps it, else as it is."""
    kept = algorithms(kind, item.field)
    if kept and isinstance(item.values, Present):
        return disjunction(Atom(component(item.field, name), Present()) for name in sorted(kept))
    wanted = asked(item) if kept else None
    if wanted is None or wanted[0] not in kept:
        return item
    return Atom(component(item.field, wanted[0]), Strings(literal(wanted[1], True)))


def components(value: str, kind: Kind, field: str) -> dict[str, str]:
    """The components of a list that the kind keeps, beside the list itself or alone."""
    names = [algorithm_of(column.derive) for column in kind.columns if column.source == field]
    found = {component(field, name): derive(f"hash:{name}", value) for name in names if name is not None}
    return {name: text for name, text in found.items() if text is not None}
