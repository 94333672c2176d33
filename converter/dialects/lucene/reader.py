"""Reads a Lucene query string back to what it means on the fields of a schema.

`Fields` holds what a single query on a field is true of (types, case, addresses, patterns); the reader of Query DSL
uses it too. On string fields everything is case-sensitive here: query_string has no option against it.
https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-query-string-query
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from converter.core.discovery import did_you_mean
from converter.core.errors import OutOfFragment, QueryError, UnknownColumn
from converter.core.platform import Schema
from converter.dialects.lucene import syntax
from converter.dialects.reading import Branch
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    Addresses,
    Atom,
    Numbers,
    Predicate,
    Present,
    Strings,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.regular import lucene_limits as limits
from converter.semantics.regular.flavours import from_lucene
from converter.semantics.regular.language import ANY_CHAR, ANY_STRING, Language, Seq, char

STRINGS = frozenset({"keyword", "wildcard", "constant_keyword"})
#: The least and the greatest value of each type of whole numbers; `unsigned_long` is covered as far as `long` goes.
#: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/number
INTEGERS = {
    "long": (-(1 << 63), (1 << 63) - 1),
    "unsigned_long": (0, (1 << 63) - 1),
    "integer": (-(1 << 31), (1 << 31) - 1),
    "short": (-(1 << 15), (1 << 15) - 1),
    "byte": (-(1 << 7), (1 << 7) - 1),
}
_MAPPED = int(ipaddress.ip_address("::ffff:0:0"))
_MINUTES = {"m": 1, "h": 60, "H": 60, "d": 1440, "w": 10080}


def window_minutes(text: object) -> int:
    """The n of the date expression "now minus n", in minutes; rounding and calendar units aren't covered.

    https://www.elastic.co/docs/reference/elasticsearch/rest-apis/common-options#date-math
    """
    found = re.fullmatch(r"now-(\d+)([mhHdw])", text) if isinstance(text, str) else None
    if found is None:
        raise OutOfFragment(f"the time {text!r} isn't of the form now-24h")
    return int(found[1]) * _MINUTES[found[2]]


@lru_cache(maxsize=8192)
def fold(text: str, ignore_case: bool) -> Language:
    """Exactly `text`; `case_insensitive` folds ASCII letters and no others.

    https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-term-query (case_insensitive)
    """
    return Seq(tuple(char(c, ignore_case and c.isascii()) for c in text))


def wildcard(pattern: str, ignore_case: bool = False) -> Language:
    r"""`*` any run, `?` one character, and a backslash makes whatever follows it literal (Lucene's WildcardQuery).

    https://lucene.apache.org/core/10_1_0/core/org/apache/lucene/search/WildcardQuery.html. Raises QueryError for one
    that is too complex.
    """
    wild: dict[str, Language] = {"*": ANY_STRING, "?": ANY_CHAR}
    found = re.finditer(r"\\(.)|(.)", pattern, re.DOTALL)
    parts: list[Language] = []
    for f in found:
        c = f[1] or f[2]
        parts.append(wild.get(f[2] or "") or char(c, ignore_case and c.isascii()))
    language = Seq(tuple(parts))
    within(limits.wildcard(language))
    return language


def within(excess: str) -> None:
    """Raises QueryError for what is more than Elasticsearch takes."""
    if excess:
        raise QueryError(excess, hint="split it")


def regexp(pattern: str, ignore_case: bool = False, flags: str = "ALL") -> Language:
    """Lucene's regular expression, whole value; Elasticsearch turns all optional operators on unless told."""
    if ignore_case and not pattern.isascii():
        raise OutOfFragment("case_insensitive on a regular expression with characters beyond ASCII")
    return from_lucene(pattern, ignore_case, flags)


@dataclass(frozen=True)
class Fields:
    """The mapping a query is read against: what a query on each field is true of."""

    types: Mapping[str, frozenset[str]]
    time: str

    @classmethod
    @cache
    def of(cls, schema: Schema) -> Fields:
        """Every column of every table: neither language names an index."""
        types: dict[str, set[str]] = {}
        for columns in schema.types.values():
            for name, type_ in columns.items():
                types.setdefault(name, set()).add(type_)
        return cls({name: frozenset(found) for name, found in types.items()}, schema.time)

    def kind(self, field: str) -> str:
        """`string`, `integer`, `ip`, `boolean` or `time`."""
        if field not in self.types:
            message = f"no index of the schema maps the field {field!r}: a query on it would match nothing"
            raise UnknownColumn(message, hint=did_you_mean(field, self.types))
        kinds = {_kind(type_) for type_ in self.types[field]}
        if field == self.time:
            return "time"
        if len(kinds) > 1 or "" in kinds or field.endswith(".caseless"):
            raise OutOfFragment(f"the field {field!r} of type {' or '.join(sorted(self.types[field]))}")
        return kinds.pop()

    def exists(self, field: str) -> Predicate:
        """The field has an indexed value; the empty string is one."""
        self.kind(field)
        return Atom(field, Present())

    def equal(self, field: str, values: Iterable[object], ignore_case: bool = False) -> Predicate:
        """Any of the values, read by the field's type: addresses and CIDR blocks on `ip`, digits on numbers."""
        kind, values = self.kind(field), list(values)
        if not values:
            return FALSE
        if kind == "string":
            texts = [_text(value) for value in values]
            for text in texts:
                within(limits.term(text, ignore_case))
            return disjunction(Atom(field, Strings(fold(text, ignore_case))) for text in texts)
        if ignore_case:
            raise QueryError(f"case_insensitive on {field!r}, which is not a string field")
        if kind == "integer":
            return Atom(field, Numbers(_merged((n, n) for n in (self._integer(field, v) for v in values))))
        if kind == "ip":
            return self._addresses(field, [_block(value) for value in values])
        if kind == "boolean":
            if wrong := [value for value in map(_text, values) if value not in ("true", "false")]:
                raise QueryError(f"{wrong[0]!r} on the boolean field {field!r}")
            return disjunction(Atom(field, Strings(fold(_text(value), False))) for value in values)
        raise OutOfFragment(f"the time column {field!r} compared with a single time")

    def matching(self, field: str, language: Language) -> Predicate:
        """A pattern: only on string fields; elsewhere Elasticsearch refuses it."""
        if self.kind(field) != "string":
            raise QueryError(f"a pattern on {field!r}, which is not a string field")
        return Atom(field, Strings(language))

    def between(self, field: str, low: object, high: object, open_low: bool, open_high: bool) -> Predicate:
        """A range; None is unbounded. `open_low` and `open_high` leave the bound itself out."""
        kind = self.kind(field)
        if kind == "ip":
            first = _address(low) + open_low if low is not None else 0
            last = _address(high) - open_high if high is not None else (1 << 128) - 1
            return self._addresses(field, [(first, last)] if first <= last else [])
        if kind != "integer":
            raise OutOfFragment(f"a range on {field!r}, which is neither a number nor an address")
        low_int = None if low is None else self._integer(field, low) + open_low
        high_int = None if high is None else self._integer(field, high) - open_high
        if low_int is not None and high_int is not None and low_int > high_int:
            return FALSE
        return Atom(field, Numbers(((low_int, high_int),)))

    def _integer(self, field: str, value: object) -> int:
        """A whole number that each of the field's types has; with another Query DSL is refused, a query string matches
        nothing without an error."""
        number = _integer(value)
        for type_ in self.types[field]:
            least, most = INTEGERS[type_]
            if not least <= number <= most:
                raise QueryError(f"{number} on {field!r} is out of range for the type {type_}")
        return number

    @staticmethod
    def _addresses(field: str, blocks: list[tuple[int, int]]) -> Predicate:
        """Blocks of the 128-bit space an `ip` field holds, where a.b.c.d and ::ffff:a.b.c.d are one value.

        https://lucene.apache.org/core/10_1_0/core/org/apache/lucene/document/InetAddressPoint.html
        """
        merged = [(a, b) for a, b in _merged(blocks) if a is not None and b is not None]
        narrow = [(max(a, _MAPPED), min(b, _MAPPED + 0xFFFFFFFF)) for a, b in merged]
        v4 = tuple((4, a - _MAPPED, b - _MAPPED) for a, b in narrow if a <= b)
        ranges = (*v4, *((6, a, b) for a, b in merged))
        return Atom(field, Addresses(ranges)) if ranges else FALSE


def _kind(type_: str) -> str:
    if type_ in STRINGS:
        return "string"
    return "integer" if type_ in INTEGERS else type_ if type_ in ("ip", "boolean") else ""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise QueryError(f"{value!r} is not a value to compare a field with")


def _integer(value: object) -> int:
    if (
        not isinstance(value, bool)
        and isinstance(value, int | str)
        and re.fullmatch(r"-?\d{1,19}", str(value), re.ASCII)
    ):
        number = int(value)
        if -(1 << 63) <= number < 1 << 63:
            return number
    raise QueryError(f"{value!r} on a whole-number field")


def _address(value: object) -> int:
    """An address as its place in the 128-bit space."""
    try:
        address = ipaddress.ip_address(_text(value))
    except ValueError:
        raise QueryError(f"{value!r} is not an IP address") from None
    return int(address) + (_MAPPED if address.version == 4 else 0)


def _block(value: object) -> tuple[int, int]:
    """The first and last address of an address or CIDR block, whose host bits are ignored."""
    text, slash, prefix = _text(value).partition("/")
    first = _address(text)
    if not slash:
        return first, first
    width = 128 if ":" in text else 32
    if width == 128 and _MAPPED <= first <= _MAPPED + 0xFFFFFFFF:
        raise QueryError(f"{value!r}: a CIDR block of IPv4-mapped addresses; write it in IPv4")
    if not re.fullmatch(r"\d{1,3}", prefix, re.ASCII) or int(prefix) > width:
        raise QueryError(f"{value!r} is not a CIDR block")
    size = 1 << (width - int(prefix))
    start = first - (first - (_MAPPED if width == 32 else 0)) % size
    return start, start + size - 1


def _merged(pairs: Iterable[tuple[int, int]]) -> tuple[tuple[int | None, int | None], ...]:
    out: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return tuple(out)


def read(text: str, schema: Schema) -> tuple[Branch, ...]:
    """One branch, without tables or columns: a query string names neither.

    Raises QueryError for what Elasticsearch refuses or quietly takes for "nothing" (a field without mapping, a word
    on a number), and OutOfFragment for text without a field, fuzziness and ranges of strings.
    """
    fields, node = Fields.of(schema), syntax.parse(text)
    within(limits.clauses(_clauses(node)))
    windows, rest = [], []
    for part in node.parts if isinstance(node, syntax.All) else (node,):
        if isinstance(part, syntax.Fielded) and part.name == fields.time and isinstance(part.node, syntax.Span):
            if part.node.high not in (None, "now"):
                raise OutOfFragment("a time range that doesn't end now")
            windows.append(window_minutes(part.node.low))
        else:
            rest.append(_predicate(part, None, fields))
    return (Branch((), conjunction(rest), min(windows, default=None)),)


def tests(text: str) -> int:
    """How many tests a query string makes."""
    return _clauses(syntax.parse(text))


def _clauses(node: syntax.Node) -> int:
    if isinstance(node, syntax.All | syntax.AnyOf):
        return sum(map(_clauses, node.parts))
    if isinstance(node, syntax.Negated):
        return _clauses(node.part)
    return _clauses(node.node) if isinstance(node, syntax.Fielded) else 1


def _predicate(node: syntax.Node, field: str | None, fields: Fields) -> Predicate:
    # each part is read, also where another decides: Elasticsearch refuses a part wherever it stands
    if isinstance(node, syntax.All):
        return conjunction([_predicate(part, field, fields) for part in node.parts])
    if isinstance(node, syntax.AnyOf):
        return disjunction([_predicate(part, field, fields) for part in node.parts])
    if isinstance(node, syntax.Negated):
        return negation(_predicate(node.part, field, fields))
    if isinstance(node, syntax.Fielded):
        return _predicate(node.node, node.name, fields)
    if isinstance(node, syntax.Everything) or (field is None and node == syntax.Pattern("*")):
        return TRUE
    if field is None:
        raise OutOfFragment(f"{node} without a field searches every field")
    if field == "_exists_":
        if not isinstance(node, syntax.Word | syntax.Quoted):
            raise OutOfFragment(f"_exists_ of {node}")
        return fields.exists(node.text)
    return _leaf(node, field, fields)


def _leaf(
    node: syntax.Word | syntax.Quoted | syntax.Pattern | syntax.Regex | syntax.Span, field: str, fields: Fields
) -> Predicate:
    if isinstance(node, syntax.Span):
        return fields.between(field, node.low, node.high, node.open_low, node.open_high)
    if isinstance(node, syntax.Regex):
        return fields.matching(field, regexp(node.pattern))
    if isinstance(node, syntax.Pattern):
        if not node.text.strip("*"):
            return fields.exists(field)
        if re.fullmatch(r"(?:[^*?\\]|\\.)*\*", node.text, re.DOTALL):
            within(limits.prefix(node.text[:-1]))
        return fields.matching(field, wildcard(node.text))
    return fields.equal(field, [node.text])
