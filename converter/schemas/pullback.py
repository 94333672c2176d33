"""From a Predicate over a platform's columns back to one over Sigma fields, for one kind of record.

A column that a kind fixes is decided at once; one that is derived from a Sigma field becomes the inverse image of its
set under the derivation of `converter.schemas.derive`. What the platform guarantees is the Domain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from converter.errors import OutOfFragment
from converter.model import Column, Kind, Schema
from converter.schemas.derive import CLASSIFYING
from converter.schemas.ip_types import addresses_of
from converter.semantics.domain import Domain, FieldDomain
from converter.semantics.evaluate import holds, matches
from converter.semantics.language import (
    ANY_STRING,
    EMPTY_STRING,
    MAX_CHAR,
    Alt,
    Chars,
    Language,
    Repeat,
    Seq,
    char,
    chars,
    literal,
)
from converter.semantics.predicate import (
    FALSE,
    TRUE,
    Addresses,
    And,
    Atom,
    Not,
    Or,
    Predicate,
    Present,
    SameAs,
    Strings,
    conjunction,
    disjunction,
    negation,
)

_BACKSLASH = ord("\\")
_NOT_BACKSLASH = chars([(_BACKSLASH, _BACKSLASH)], negated=True)
_PRINTABLE = chars([(32, MAX_CHAR)])
_NAME = chars([(32, _BACKSLASH - 1), (_BACKSLASH + 1, MAX_CHAR)])
#: an absolute path that ends in a file name, without control characters
PATH: Language = Seq((Repeat(_PRINTABLE, 0, None), char("\\", False), Repeat(_NAME, 1, None)))
ACCOUNT: Language = Seq((Repeat(_NAME, 1, None), char("\\", False), Repeat(_NAME, 1, None)))
_PATHS = ("Image", "ParentImage", "TargetFilename", "SourceFilename")
_SAMPLES = {
    "Image": ("C:\\Windows\\System32\\svchost.exe",),
    "ParentImage": ("C:\\Windows\\explorer.exe",),
    "TargetFilename": ("C:\\Users\\u\\report.txt",),
    "CommandLine": ("app.exe /x",),
    "User": ("CORP\\alice",),
}


def pull_back(predicate: Predicate, kind: Kind, schema: Schema) -> Predicate:
    """What `predicate`, over native columns, says of the Sigma event behind a record of `kind`.

    Raises OutOfFragment for a column that no Sigma field fills, or a comparison of columns that are not plain copies.
    """
    columns = {column.name: column for column in kind.columns}

    def atom(item: Atom) -> Predicate:
        if item.field in kind.native:
            return TRUE if holds(item, {item.field: kind.native[item.field]}) else FALSE
        column = columns.get(item.field)
        if column is None:
            known = schema.types.get(kind.table, {})
            if item.field in known and schema.missing != "null-text":
                return FALSE  # a column that this kind of record leaves empty
            if item.field in known:
                return TRUE if holds(item, {}) else FALSE
            raise OutOfFragment(f"{schema.name} has no column {item.field}")
        return _atom(item, column, columns, schema)

    return transform(predicate, atom)


def transform(predicate: Predicate, atom: Callable[[Atom], Predicate]) -> Predicate:
    """The predicate with every atom replaced, constants folded."""
    if isinstance(predicate, And):
        return conjunction(transform(p, atom) for p in predicate.parts)
    if isinstance(predicate, Or):
        return disjunction(transform(p, atom) for p in predicate.parts)
    if isinstance(predicate, Not):
        return negation(transform(predicate.part, atom))
    return atom(predicate)


def fix(predicate: Predicate, kind: Kind) -> Predicate:
    """The predicate over Sigma fields with the fields that `kind` fixes decided."""

    def atom(item: Atom) -> Predicate:
        if item.field not in kind.sigma:
            return item
        value = kind.sigma[item.field]
        return TRUE if holds(item, {} if value is None else {item.field: value}) else FALSE

    return transform(predicate, atom)


def _atom(item: Atom, column: Column, columns: Mapping[str, Column], schema: Schema) -> Predicate:
    assert column.source is not None
    values = item.values
    if isinstance(values, SameAs):
        other = columns.get(values.other)
        if other is None or other.source is None or (column.derive, other.derive) != ("same", "same"):
            raise OutOfFragment(f"{item.field} and {values.other} are not plain copies of Sigma fields")
        return Atom(column.source, SameAs(other.source, values.how, values.ignore_case))
    if isinstance(values, Strings):
        values = INVERSE[column.derive](values.language)
    elif column.derive in CLASSIFYING and not isinstance(values, Present):
        return FALSE  # the name of a sort is neither a number nor an address
    found: Predicate = Atom(column.source, values)
    if schema.missing == "null-text" and holds(item, {item.field: "null"}):
        # a missing value arrives as the text "null", which is among those asked for
        found = disjunction([found, negation(Atom(column.source, Present()))])
    return found


def guarantee(schema: Schema, predicates: tuple[Predicate, ...]) -> Predicate:
    """What holds of every event of the platform beyond the Domain, for the fields that the predicates test.

    Where a missing value arrives as the text "null", no field holds that text of its own: the platform could not tell.
    A guard of equality is far cheaper to decide with than a Domain that leaves the text out.
    """
    if schema.missing != "null-text":
        return TRUE
    fields = sorted({atom.field for p in predicates for atom in atoms(p) if isinstance(atom.values, Strings)})
    null = Strings(literal("null", True))
    return conjunction(negation(Atom(field, null)) for field in fields)


def atoms(predicate: Predicate) -> Iterator[Atom]:
    """Every atom of a predicate, from left to right."""
    if isinstance(predicate, Atom):
        yield predicate
    elif isinstance(predicate, Not):
        yield from atoms(predicate.part)
    else:
        for part in predicate.parts:
            yield from atoms(part)


def domain_of(kind: Kind, schema: Schema) -> Domain:
    """What the platform guarantees of the Sigma fields behind a kind of record."""
    fields: dict[str, FieldDomain] = {}
    for column in kind.columns:
        if column.source is None or column.derive != "same":
            continue
        fields[column.source] = _field(column.source, column, schema)
    for column in kind.columns:
        if column.source is not None and column.source not in fields:
            fields[column.source] = _field(column.source, column, schema)
    return Domain(fields, FieldDomain(empty_is_missing=schema.missing == "empty"))


def _field(source: str, column: Column, schema: Schema) -> FieldDomain:
    empty = schema.missing == "empty"
    samples = _SAMPLES.get(source, ())
    if source.endswith("Port"):
        return FieldDomain("number", numbers=((0, 65535),))
    if source.endswith("ProcessId"):
        return FieldDomain("number", numbers=((0, 2**32 - 1),))
    if source.endswith("Ip"):
        return FieldDomain("address")
    language = PATH if source in _PATHS else ACCOUNT if source in ("User", "ParentUser") else ANY_STRING
    if column.derive == "trim":
        language = TRIMMED  # the platform cuts outer blanks off, so it cannot tell such values apart
    return FieldDomain("string", language, empty_is_missing=empty, samples=samples)


def _without_backslash(language: Language) -> Language:
    """The words of a language that hold no backslash."""
    if isinstance(language, Chars):
        out: list[tuple[int, int]] = []
        for low, high in language.ranges:
            if low <= _BACKSLASH <= high:
                out.extend(r for r in ((low, _BACKSLASH - 1), (_BACKSLASH + 1, high)) if r[0] <= r[1])
            else:
                out.append((low, high))
        return Chars(tuple(out)) if out else Alt(())
    return _mapped(language, _without_backslash)


def _mapped(language: Language, function: Callable[[Language], Language]) -> Language:
    if isinstance(language, Seq):
        return Seq(tuple(function(p) for p in language.parts))
    if isinstance(language, Alt):
        return Alt(tuple(function(p) for p in language.options))
    assert isinstance(language, Repeat)
    return Repeat(function(language.item), language.low, language.high)


def _basename(language: Language) -> Language:
    name = _without_backslash(language)
    return Alt((Seq((ANY_STRING, char("\\", False), name)), name))


def _dirname(language: Language) -> Language:
    whole = Seq((language, char("\\", False), Repeat(_NOT_BACKSLASH, 0, None)))
    if holds(Atom("x", Strings(language)), {"x": ""}):
        return Alt((whole, Repeat(_NOT_BACKSLASH, 0, None)))
    return whole


def _lower(language: Language) -> Language:
    """Values whose lower-case form is in the language; letters beyond ASCII are taken as they are (ASSUMPTION)."""
    if not isinstance(language, Chars):
        return _mapped(language, _lower)
    out: list[tuple[int, int]] = []
    for low, high in language.ranges:
        out.extend(r for r in ((low, min(high, 64)), (max(low, 91), high)) if r[0] <= r[1])
        a, b = max(low, 97), min(high, 122)
        if a <= b:
            out.append((a - 32, b - 32))
    return chars(out) if out else Alt(())


def _blank_free_ends() -> Language:
    blanks = [(9, 13), (32, 32)]
    solid = chars(blanks, negated=True)
    return Alt((EMPTY_STRING, solid, Seq((solid, ANY_STRING, solid))))


def _ip_type(language: Language) -> Addresses:
    """The addresses whose sort has a name in the language; exact on the domain, where every value is an address."""
    return Addresses(addresses_of(lambda name: matches(language, name)))


def _text(inverse: Callable[[Language], Language]) -> Callable[[Language], Strings]:
    return lambda language: Strings(inverse(language))


#: derivation -> the values whose derived text is in a language
INVERSE: dict[str, Callable[[Language], Strings | Addresses]] = {
    "same": Strings,
    "basename": _text(_basename),
    "dirname": _text(_dirname),
    "lower": _text(_lower),
    # exact on the domain, where values have no outer blanks
    "trim": Strings,
    "ip_type": _ip_type,
}
TRIMMED = _blank_free_ends()
