r"""Tests of a field whose columns are made of it: a path and its last component, an account in two halves, hashes.

Each is exact on the values that the platform's table says the field has; where it could not be, the test is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from converter.convert.forms import spelled
from converter.convert.registry import dword_match, halved_match
from converter.convert.simplify import FALSE, all_of, any_of
from converter.convert.values import Token, pattern
from converter.core.errors import Unsupported
from converter.core.platform import Column
from converter.core.taxonomy import NO_PATH, FieldType, field_type
from converter.dialects.condition import Condition, Match, Missing, Not, NumberIn, Pattern, Wild
from converter.platforms.derive import algorithm_of, is_whole
from converter.platforms.domains import NUMERIC_TYPES
from converter.platforms.halves import half_of
from converter.platforms.hashes import HASHES

_LAST = ("basename", "leaf")
_BACKSLASH = "\\"
_HASH = re.compile(r"(?P<name>[A-Za-z0-9]+)=(?P<digits>[0-9A-Fa-f]+)")


def derived_match(
    field: str, wanted: Pattern, columns: tuple[Column, ...], cased: bool, types: Mapping[str, str]
) -> Condition:
    """The value matches the pattern, asked of the column that answers it best."""
    ways = _ways(columns)
    whole, name, before = ways.whole, ways.name, ways.before
    if ways.halves:
        return halved_match(wanted, ways.halves["key"], ways.halves["value"].name, cased)
    if cased and columns[0].derive == "lower" and any(map(str.isalpha, wanted.characters)):
        raise Unsupported(f"{field} is kept in lower case here ({columns[0].name})", "case", hint="leave |cased out")
    if columns[0].derive == "dword":
        return dword_match(field, wanted, columns[0].name)
    if whole:
        last = _last_component(wanted) if name is not None else None
        if last is not None and name is not None:
            return Match(name.name, (last,), cased)
        return any_of([spelled(column, wanted, cased) for column in whole])
    if before is not None and name is not None:
        return _halves(field, wanted, before.name, name, cased)
    if name is not None:
        return _last_only(field, wanted, name.name, cased)
    if any(algorithm_of(column.derive) for column in columns):
        return _hashes(field, wanted, columns)
    return _hexadecimal(field, wanted, columns[0], types)


@dataclass(frozen=True)
class _Ways:
    """What the columns of a field hold: the whole value in one column's forms, its last component, what precedes
    that, and the halves of a path that is kept in two columns."""

    whole: tuple[Column, ...]
    name: Column | None
    before: Column | None
    halves: Mapping[str, Column]


@lru_cache(maxsize=4096)
def _ways(columns: tuple[Column, ...]) -> _Ways:
    first = next((column.name for column in columns if is_whole(column.derive)), None)
    return _Ways(
        tuple(column for column in columns if column.name == first and is_whole(column.derive)),
        min((c for c in columns if c.derive in _LAST), key=lambda c: _LAST.index(c.derive), default=None),
        next((column for column in columns if column.derive == "dirname"), None),
        {side: column for column in columns if (side := half_of(column.derive)) is not None},
    )


def _last_component(wanted: Pattern) -> Pattern | None:
    r"""`name` of a pattern `*\name` without further backslash or wildcard: then the last component is `name`."""
    if wanted.shape != "endswith" or not wanted.text.startswith(_BACKSLASH):
        return None
    name = wanted.text[1:]
    return Pattern((name,)) if name and _BACKSLASH not in name else None


def _last_only(field: str, wanted: Pattern, column: str, cased: bool) -> Condition:
    r"""Of a path only the last component is kept: a whole last component, or the end of one, can be asked."""
    last = _last_component(wanted)
    if last is not None:
        return Match(column, (last,), cased)
    if wanted.shape == "endswith" and _BACKSLASH not in wanted.text:
        return Match(column, (wanted,), cased)
    raise Unsupported(
        f"of {field} only the last component is recorded ({column})",
        f"field {field}",
        hint=r"test endswith '\name.exe'",
    )


def _halves(field: str, wanted: Pattern, domain: str, name: Column, cased: bool) -> Condition:
    r"""`DOMAIN\name` in two columns: each way in which the pattern can lie about the one backslash."""
    tokens = list(_tokens(wanted))
    backslashes = [index for index, token in enumerate(tokens) if token == _BACKSLASH]
    if len(backslashes) > 1:
        return FALSE  # an account has at most one
    if backslashes:
        at = backslashes[0]
        found = _split(tokens[:at], tokens[at + 1 :], domain, name.name, cased)
        # a name may stand alone, without the backslash that is asked for
        free = name.derive != "leaf" and all(token is Wild.ANY for token in tokens[:at])
        return all_of([found, Not(Missing(domain))]) if free else found
    cases = []
    for index, token in enumerate(tokens):
        if token is Wild.ANY:
            cases.append(_split(tokens[: index + 1], tokens[index:], domain, name.name, cased))
        elif token is Wild.ONE:
            cases.append(_split(tokens[:index], tokens[index + 1 :], domain, name.name, cased))
    alone = Match(name.name, (wanted,), cased)
    if name.derive != "leaf" and not (tokens and tokens[0] is Wild.ANY) and _may_stand_alone(field, wanted):
        cases.append(all_of([Missing(domain), alone]))
    return any_of(dict.fromkeys(cases))


def _may_stand_alone(field: str, wanted: Pattern) -> bool:
    """Whether a value without a backslash may be meant: of a path only the words that stand for none."""
    if field_type(field) is not FieldType.PATH or wanted.shape == "general":
        return True
    text = wanted.text.lower()
    return any(
        (text in word and wanted.shape == "contains")
        or (word.startswith(text) and wanted.shape == "startswith")
        or (word.endswith(text) and wanted.shape == "endswith")
        or (word == text and wanted.shape == "equals")
        for word in map(str.lower, NO_PATH)
    )


def _split(before: list[Token], after: list[Token], domain: str, name: str, cased: bool) -> Condition:
    tests: list[Condition] = []
    for column, tokens in ((domain, before), (name, after)):
        part = pattern(tokens)
        if part.shape != "any":
            tests.append(Match(column, (part,), cased))
    return all_of(tests)


def _tokens(wanted: Pattern) -> Iterator[Token]:
    for part in wanted.parts:
        yield from part if isinstance(part, str) else (part,)


def _hashes(field: str, wanted: Pattern, columns: tuple[Column, ...]) -> Condition:
    """One `ALGORITHM=value` of Sysmon's list, whole; FALSE for an algorithm that is nowhere recorded."""
    match = _HASH.fullmatch(wanted.text) if wanted.shape in ("contains", "startswith", "endswith", "equals") else None
    name = match["name"].upper() if match else ""
    if match is None or len(match["digits"]) != HASHES.get(name):
        hint = "ask for one algorithm's whole value, as in Hashes|contains: 'MD5=…'"
        raise Unsupported(
            f"{field} is kept by algorithm here, and {wanted.text!r} is not one value", f"field {field}", hint=hint
        )
    if wanted.shape != "contains":
        raise Unsupported(f"{field} is kept by algorithm here, in no order", f"field {field}", hint="use |contains")
    column = next((column for column in columns if algorithm_of(column.derive) == name), None)
    return FALSE if column is None else Match(column.name, (Pattern((match["digits"],)),))


def _hexadecimal(field: str, wanted: Pattern, column: Column, types: Mapping[str, str]) -> Condition:
    """A number that is written 0x… in the event and in digits here."""
    if column.derive != "hex" or wanted.shape != "equals":
        raise Unsupported(f"{field} is kept as {column.derive} here, which no such test can ask", f"field {field}")
    if not re.fullmatch(r"0[xX][0-9A-Fa-f]{1,16}", wanted.text):
        return FALSE
    number = int(wanted.text, 16)
    return (
        NumberIn(column.name, (number,))
        if types.get(column.name) in NUMERIC_TYPES
        else Match(column.name, (Pattern((str(number),)),))
    )
