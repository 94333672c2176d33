r"""Values that a platform keeps in two columns: a registry key, and the name of a value in it.

Sysmon writes both as one text with a backslash between (https://learn.microsoft.com/en-us/sysinternals/downloads/sysmon,
event 13). A value's name may hold backslashes itself, so the text does not say where it begins: a test of the whole is
one of the two halves for each backslash that may be the one between. A name with a backslash is taken for a path: it
begins with a backslash, a drive, a variable or a folder's GUID (`C:\…`, `%ProgramFiles%\…`, `{…}\…`), as Windows itself
names values of AppCompatFlags, SharedDLLs or UserAssist; the tables have the assumption.
"""

from __future__ import annotations

from functools import cache, lru_cache

from converter.core.platform import Kind
from converter.semantics.decide.predicate import (
    TRUE,
    Atom,
    Predicate,
    Present,
    Strings,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.regular.build import join, repeat
from converter.semantics.regular.images import nullable
from converter.semantics.regular.language import (
    ANY_STRING,
    EMPTY_STRING,
    Alt,
    Chars,
    Language,
    Repeat,
    Seq,
    char,
    chars,
)

#: derivation -> which side of the backslash its column holds
HALVES = ("key", "value")
_JOINT = char("\\", False)
#: what ends the first part of a name that holds a backslash, if there is one
PATH_ENDS = ":%}"
_PART = chars(_JOINT.ranges, negated=True)
#: the names of values
NAMES = Alt(
    (
        Repeat(_PART, 1, None),
        join(
            (
                Alt((EMPTY_STRING, join((Repeat(_PART, 0, None), chars([(ord(c), ord(c)) for c in PATH_ENDS]))))),
                char("\\", False),
                ANY_STRING,
            )
        ),
    )
)


def half_of(derive: str) -> str | None:
    """`key` or `value` for a derivation that keeps this half of a value, in whatever form."""
    name = derive.partition("|")[0]
    return name if name in HALVES else None


def half(field: str, name: str) -> str:
    """The name of a half as a field."""
    return f"{field}:{name}"


def halves(value: str) -> dict[str, str]:
    """The halves about the last backslash, where they meet unless a value's name holds one."""
    key, joint, name = value.rpartition("\\")
    return {"key": key, "value": name} if joint else {"key": value}


@cache
def halved_fields(kind: Kind) -> frozenset[str]:
    """The fields of which a kind keeps the halves."""
    return frozenset(column.source for column in kind.columns if half_of(column.derive))


def by_half(item: Atom) -> Predicate:
    """A test of the whole as tests of the halves."""
    key, name = (half(item.field, side) for side in HALVES)
    if isinstance(item.values, Present):
        return disjunction([Atom(key, Present()), Atom(name, Present())])
    if not isinstance(item.values, Strings):
        return item
    pairs = splits(item.values.language)
    return disjunction(conjunction([_in(key, left), _in(name, right)]) for left, right in pairs)


def _in(field: str, language: Language) -> Predicate:
    if language == ANY_STRING:
        return TRUE
    found: Predicate = Atom(field, Strings(language))
    return disjunction([found, negation(Atom(field, Present()))]) if nullable(language) else found


@lru_cache(maxsize=4096)
def splits(language: Language) -> tuple[tuple[Language, Language], ...]:
    """Pairs of languages whose texts, with a backslash between, are the texts of a language that hold one."""
    return tuple(dict.fromkeys(pair for pair in _splits(language) if _may_be_name(pair[1])))


def _may_be_name(language: Language) -> bool:
    """False where every text begins like a key, with a plain word before a backslash."""
    last = ""
    for part in language.parts if isinstance(language, Seq) else (language,):
        if not isinstance(part, Chars) or part.size > 2:
            return True
        if part == _JOINT:
            return last in ("", *PATH_ENDS)
        last = chr(part.ranges[0][0])
    return True


def _splits(language: Language) -> list[tuple[Language, Language]]:
    if isinstance(language, Chars):
        return [(EMPTY_STRING, EMPTY_STRING)] if "\\" in language else []
    if isinstance(language, Alt):
        return [pair for option in language.options for pair in _splits(option)]
    if isinstance(language, Repeat):
        return _splits_repeat(language)
    return [
        (join((*language.parts[:at], left)), join((right, *language.parts[at + 1 :])))
        for at, part in enumerate(language.parts)
        for left, right in _splits(part)
    ]


def _splits_repeat(language: Repeat) -> list[tuple[Language, Language]]:
    item, low, high = language.item, language.low, language.high
    inner = _splits(item)
    counts: list[tuple[int, int | None, int, int | None]]
    if high is None:
        # of at least `low` items any number may lie before; beyond `low` of them it makes no difference for the rest
        counts = [(n, n if n < low else None, max(low - n - 1, 0), None) for n in range(low + 1)]
    else:
        counts = [(n, n, max(low - n - 1, 0), high - n - 1) for n in range(high)]
    return [
        (join((repeat(item, least, most), left)), join((right, repeat(item, rest, limit))))
        for least, most, rest, limit in counts
        for left, right in inner
    ]
