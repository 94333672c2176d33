"""The parsers of the commands' arguments, all but search."""

from __future__ import annotations

import re
from collections.abc import Callable

from converter.dialects.spl.expressions import parse_expression
from converter.dialects.spl.nodes import (
    Aggregate,
    Bin,
    Command,
    Dedup,
    Eval,
    Expr,
    Fields,
    Head,
    Regex,
    Rename,
    Rex,
    Sort,
    Stats,
    StreamStats,
    Table,
    Where,
)
from converter.dialects.spl.tokens import Scanner, unescape_argument

#: Without a number, sort keeps this many rows: https://help.splunk.com/splunk-enterprise/search/
#: spl-search-reference/10.0/search-commands/sort ("sort 0" keeps them all).
SORT_LIMIT = 10_000

_FIELD = re.compile(r"[A-Za-z_*][A-Za-z0-9_.:{}@*-]*")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COUNT = re.compile(r"\d+(?!\w)")
_SPAN = re.compile(r"(\d+)([smhd])(?!\w)")
_ASSIGN = re.compile(r"=(?!=)")
_END = re.compile(r"\||\]|$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_OPTION = re.compile(r"(?:current|window|global|time_window)=\w+(?!\S)")
_TRUE = ("t", "true")
_BOOLEAN = re.compile(r"t|f|true|false")
_OPTIONS = {"current": _BOOLEAN, "window": re.compile(r"\d+"), "global": _BOOLEAN, "time_window": _SPAN}
_AGGREGATES = ("count", "values", "dc", "min", "max")


def parse_command(name: str, scanner: Scanner) -> Command:
    """The arguments of the command `name`, up to the next pipe. Raises QueryError on any it doesn't know."""
    if name not in _PARSERS:
        scanner.at -= len(name)
        scanner.fail(f"the command {name!r} is not covered")
    command = _PARSERS[name](scanner)
    if not scanner.looking_at(_END):
        scanner.fail(f"{name} does not take this")
    return command


def _field(scanner: Scanner, wildcard: bool = False) -> str:
    """A field as a command's argument: bare, or in double quotes."""
    raw = scanner.string()
    name = unescape_argument(raw) if raw is not None else scanner.match(_FIELD)
    if not name:
        scanner.fail("expected a field")
    if "*" in name and not wildcard:
        scanner.fail("a wildcard field is not covered here")
    return name


def _field_list(scanner: Scanner, wildcard: bool = False) -> tuple[str, ...]:
    names = [_field(scanner, wildcard)]
    while scanner.take(",") or not scanner.looking_at(_END):
        names.append(_field(scanner, wildcard))
    return tuple(names)


def _where(scanner: Scanner) -> Where:
    return Where(parse_expression(scanner))


def _pattern(scanner: Scanner) -> str:
    raw = scanner.string()
    if raw is None:
        scanner.fail("expected a regular expression in double quotes")
    return unescape_argument(raw)


def _regex(scanner: Scanner) -> Regex:
    start = scanner.at
    alone = scanner.string()
    if alone is not None and scanner.looking_at(_END):
        return Regex("_raw", False, unescape_argument(alone))
    scanner.at = start
    field = _field(scanner)
    negated = scanner.take("!=")
    if not negated:
        scanner.expect("=")
    return Regex(field, negated, _pattern(scanner))


def _rex(scanner: Scanner) -> Rex:
    field = "_raw"
    if scanner.take_word("field"):
        scanner.expect("=")
        field = _field(scanner)
    return Rex(field, _pattern(scanner))


def _eval(scanner: Scanner) -> Eval:
    assignments: list[tuple[str, Expr]] = []
    while True:
        target = scanner.match(re.compile(r"'[^'\\]+'|\"[^\"\\]+\""))
        field = target[1:-1] if target is not None else scanner.match(_PLAIN)
        if not field or not scanner.match(_ASSIGN):
            scanner.fail("expected field = expression")
        assignments.append((field, parse_expression(scanner)))
        if not scanner.take(","):
            return Eval(tuple(assignments))


def _fields(scanner: Scanner) -> Fields:
    keep = scanner.take("+") or not scanner.take("-")
    return Fields(_field_list(scanner, wildcard=True), keep)


def _table(scanner: Scanner) -> Table:
    return Table(_field_list(scanner, wildcard=True))


def _rename(scanner: Scanner) -> Rename:
    pairs: list[tuple[str, str]] = []
    while True:
        old = _field(scanner)
        if not scanner.take_word("as", ignore_case=True):
            scanner.fail("expected AS")
        pairs.append((old, _field(scanner)))
        scanner.take(",")
        if scanner.looking_at(_END):
            return Rename(tuple(pairs))


def _sort(scanner: Scanner) -> Sort:
    given = scanner.match(_COUNT)
    limit = SORT_LIMIT if given is None else int(given)
    keys: list[tuple[str, bool]] = []
    while True:
        descending = scanner.take("-")
        if not descending:
            scanner.take("+")
        field = _field(scanner)
        if field in ("d", "desc"):
            scanner.fail("sort's trailing desc is not covered; write -field")
        keys.append((field, descending))
        scanner.take(",")
        if scanner.looking_at(_END):
            return Sort(limit, tuple(keys))


def _bin(scanner: Scanner) -> Bin:
    field, seconds = None, None
    while not scanner.looking_at(_END):
        if scanner.take_word("span"):
            scanner.expect("=")
            span = scanner.match(_SPAN)
            if span is None:
                scanner.fail("expected a span of seconds, minutes, hours or days")
            seconds = int(span[:-1]) * _SECONDS[span[-1]]
        elif field is None:
            field = _field(scanner)
        else:
            scanner.fail("bin takes a span and one field")
    if field is None or not seconds:
        scanner.fail("bin needs a span and a field")
    return Bin(field, seconds)


def _aggregate(scanner: Scanner) -> Aggregate:
    function = scanner.word()
    if function not in _AGGREGATES:
        scanner.fail(f"stats covers {', '.join(_AGGREGATES)}")
    field = None
    if scanner.take("("):
        field = _field(scanner)
        scanner.expect(")")
    elif function != "count":
        scanner.fail(f"{function} needs a field")
    alias = function if field is None else f"{function}({field})"
    if scanner.take_word("as", ignore_case=True):
        alias = _field(scanner)
    return Aggregate(function, field, alias)


def _stats(scanner: Scanner) -> Stats:
    aggregates = [_aggregate(scanner)]
    while True:
        if scanner.take_word("by", ignore_case=True):
            return Stats(tuple(aggregates), _field_list(scanner))
        if scanner.looking_at(_END):
            return Stats(tuple(aggregates), ())
        scanner.take(",")
        aggregates.append(_aggregate(scanner))


def _streamstats(scanner: Scanner) -> StreamStats:
    """https://help.splunk.com/splunk-enterprise/search/spl-search-reference/9.4/search-commands/streamstats"""
    options: dict[str, str] = {}
    while found := scanner.match(_OPTION):
        key, value = found.split("=")
        if key in options:
            scanner.fail(f"{key} is given twice")
        options[key] = value
    for key, known in _OPTIONS.items():
        if key in options and not known.fullmatch(options[key]):
            scanner.fail(f"streamstats: {key}={options[key]} is not covered")
    span = _SPAN.fullmatch(options.get("time_window", ""))
    stats = _stats(scanner)
    return StreamStats(
        stats.aggregates,
        stats.by,
        int(options.get("window", 0)),
        options.get("global", "t") in _TRUE,
        int(span[1]) * _SECONDS[span[2]] if span else 0,
        options.get("current", "t") in _TRUE,
    )


def _head(scanner: Scanner) -> Head:
    given = scanner.match(_COUNT)
    return Head(10 if given is None else int(given))


def _dedup(scanner: Scanner) -> Dedup:
    given = scanner.match(_COUNT)
    count = 1 if given is None else int(given)
    if not count:
        scanner.fail("dedup keeps at least one row")
    fields = _field_list(scanner)
    if "sortby" in fields:
        scanner.fail("dedup's sortby is not covered; sort first")
    return Dedup(count, fields)


_PARSERS: dict[str, Callable[[Scanner], Command]] = {
    "where": _where,
    "regex": _regex,
    "rex": _rex,
    "eval": _eval,
    "fields": _fields,
    "table": _table,
    "rename": _rename,
    "sort": _sort,
    "bin": _bin,
    "bucket": _bin,
    "stats": _stats,
    "streamstats": _streamstats,
    "head": _head,
    "dedup": _dedup,
}
