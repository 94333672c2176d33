"""The values that the Sigma fields behind a kind of record can have, and those of events before any platform saw them.

Types come from Sigma's taxonomy. Where a platform destroys something, the domain of a kind is what is left: what is
gone is no event less but a named loss (`converter.platforms.losses`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from converter.core.platform import Column, Kind, Schema
from converter.core.taxonomy import NO_PATH, FieldType, field_type, samples_of
from converter.platforms.derive import SEPARATORS
from converter.platforms.forms import Form, form
from converter.platforms.halves import NAMES, half, half_of
from converter.platforms.prefixes import BECOMES, renamed_values, renamings
from converter.platforms.pullback import FREE, free
from converter.semantics.decide.domain import Domain, FieldDomain
from converter.semantics.regular.images import NO_BLANK
from converter.semantics.regular.language import ANY_STRING, MAX_CHAR, Alt, Language, Repeat, Seq, char, chars, literal

NUMERIC_TYPES = frozenset({"int", "long", "real", "decimal", "integer", "short", "float", "double", "number"})
_PRINTABLE = chars([(32, MAX_CHAR)])
_RANGES = {"Port": (0, 65535), "port": (0, 65535)}
_LARGEST = 2**63 - 1
#: texts without blanks at either end
_TRIMMED = Alt((Seq(()), NO_BLANK, Seq((NO_BLANK, ANY_STRING, NO_BLANK))))


@cache
def paths(separator: str) -> Language:
    """Absolute paths that end in a file name, without control characters, and the words that stand in their place."""
    point = ord(separator)
    name = Repeat(chars([(32, point - 1), (point + 1, MAX_CHAR)]), 1, None)
    start = () if separator == "\\" else (char(separator, False),)
    rest = (
        (Repeat(_PRINTABLE, 0, None), char(separator, False)) if separator == "\\" else (Repeat(_PRINTABLE, 0, None),)
    )
    absolute = Seq((*start, *rest, name))
    return Alt((absolute, *(literal(word, False) for word in NO_PATH))) if separator == "\\" else absolute


@cache
def accounts() -> Language:
    """`DOMAIN\\name`, or a name alone."""
    name = Repeat(chars([(32, 91), (93, MAX_CHAR)]), 1, None)
    return Seq((Alt((Seq(()), Seq((name, char("\\", False))))), name))


def field_domain(field: str, product: str | None, empty_is_missing: bool = False) -> FieldDomain:
    """The values of a Sigma field in events of a product."""
    kind, samples = field_type(field), samples_of(field)
    if kind is FieldType.NUMBER:
        largest = next((high for end, (_, high) in _RANGES.items() if field.endswith(end)), _LARGEST)
        return FieldDomain("number", numbers=((0, largest),))
    if kind is FieldType.ADDRESS:
        return FieldDomain("address")
    language: Language = ANY_STRING
    if kind is FieldType.PATH:
        separator = SEPARATORS.get(product or "", "\\")
        language = paths(separator)
        samples = samples if separator == "\\" else ("/usr/bin/app",)
    elif kind is FieldType.ACCOUNT and product not in SEPARATORS:
        language = accounts()
    return FieldDomain("string", language, empty_is_missing=empty_is_missing, samples=samples)


def event_domain(fields: Iterable[str], product: str | None) -> Domain:
    """The values of fields in events, whatever a platform makes of them."""
    return Domain({field: field_domain(field, product) for field in fields})


@cache
def domain_of(kind: Kind, schema: Schema) -> Domain:
    """The values of the Sigma fields as a record of `kind` still tells them, and of the columns that none fills."""
    empty = schema.missing == "empty" or any(loss.effect == "drops" and "" in loss.values for loss in kind.losses)
    fields: dict[str, FieldDomain] = {}
    for column in kind.columns:
        if column.source not in fields or column.derive.startswith("form:"):
            fields[column.source] = _held(column, kind, empty)
        written = form(column.derive)
        if half_of(column.derive) == "key" and written is not None:
            # the roots, and the keys below them
            keys = Alt((renamed_values(renamings(written.name)), *(literal(root, True) for root in _roots(written))))
            fields[half(column.source, "key")] = FieldDomain("string", keys, empty_is_missing=empty)
        if half_of(column.derive) == "value":
            fields[half(column.source, "value")] = FieldDomain("string", NAMES, empty_is_missing=empty)
    for name, type_ in schema.types.get(kind.table, {}).items():
        if name not in kind.native:
            fields[free(name)] = _column(type_, schema.missing == "empty")
    return Domain(fields, FieldDomain(empty_is_missing=empty))


def _roots(written: Form) -> tuple[str, ...]:
    return tuple(dict.fromkeys(instead for _, instead in renamings(written.name)))


def _column(type_: str, empty: bool) -> FieldDomain:
    if type_ in NUMERIC_TYPES:
        return FieldDomain("number", numbers=((-_LARGEST - 1, _LARGEST),))
    return FieldDomain("address") if type_ == "ip" else FieldDomain("string", empty_is_missing=empty)


def _held(column: Column, kind: Kind, empty: bool) -> FieldDomain:
    own = field_domain(column.source, kind.logsource.product, empty)
    if own.sort != "string":
        return own
    language = own.language
    effects = {loss.effect for loss in kind.losses if "*" in loss.fields or column.source in loss.fields}
    if "trims" in effects and language == ANY_STRING:
        language = _TRIMMED
    written = form(column.derive)
    if written is not None:
        language = renamed_values(renamings(written.name)) if BECOMES in written.name else written.image(language)
    samples = own.samples if written is None else tuple(written.value(text) for text in own.samples)
    return FieldDomain("string", language, empty_is_missing=empty, samples=samples)


def is_free(field: str) -> bool:
    """Whether a variable is a native column rather than a Sigma field."""
    return field.startswith(FREE)
