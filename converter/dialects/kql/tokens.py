"""KQL text to tokens: names, operators, and literals already decoded.

String forms, escapes, concatenation and obfuscation: https://learn.microsoft.com/kusto/query/scalar-data-types/string
Timespan suffixes: https://learn.microsoft.com/kusto/query/scalar-data-types/timespan
"""

from __future__ import annotations

import re
from typing import NamedTuple

from converter.core.errors import QueryError
from converter.dialects.kql.nodes import Scalar


class Token(NamedTuple):
    """`kind` is `name`, `op`, `end`, or the Kusto type of a literal; `text` is as written, `value` decoded."""

    kind: str
    text: str
    start: int
    end: int
    line: int
    value: Scalar = None


#: Minutes in one unit, by every spelling of it.
_MINUTES = {
    unit: minutes
    for units, minutes in (
        ("d day days", 1440.0),
        ("h hr hrs hour hours", 60.0),
        ("m min minute minutes", 1.0),
        ("s sec second seconds", 1 / 60),
        ("ms milli millis millisecond milliseconds", 1 / 60_000),
        ("micro micros microsecond microseconds", 1 / 60_000_000),
        ("nano nanos nanosecond nanoseconds", 1 / 60_000_000_000),
        ("tick ticks", 1 / 600_000_000),
    )
    for unit in units.split()
}
_UNIT = "|".join(sorted(_MINUTES, key=len, reverse=True))

_TOKEN = re.compile(
    rf"""
    (?P<space>\s+|//[^\n]*)
  | (?P<lines>```.*?```|~~~.*?~~~)
  | (?P<verbatim>[hH]?@(?:"(?:[^"\r\n]|"")*"|'(?:[^'\r\n]|'')*'))
  | (?P<string>[hH]?(?:"(?:[^"\\\r\n]|\\[^\r\n])*"|'(?:[^'\\\r\n]|\\[^\r\n])*'))
  | (?P<typed>(?:datetime|date|timespan|time|guid|decimal|int|long|real|double|bool|boolean)\s*\([^()"'\r\n]*\))
  | (?P<timespan>[0-9]+(?:\.[0-9]+)?(?:{_UNIT})(?![A-Za-z0-9_]))
  | (?P<hex>0[xX][0-9a-fA-F]+)(?![A-Za-z0-9_])
  | (?P<real>[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+))(?![A-Za-z0-9_])
  | (?P<long>[0-9]+)(?![A-Za-z0-9_])
  | (?P<op>!(?:in~|[a-z][a-z_]*)|in~|!=|!~|=~|==|<=|>=|<>|\.\.|[|;,()\[\]{{}}:=<>+\-*/%.])
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_SIMPLE = {**{c: c for c in "\"'\\"}, **dict(zip("abfnrtv0", "\a\b\f\n\r\t\v\0", strict=True))}


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, ending in one of kind `end`. Raises QueryError at a character no token starts with."""
    tokens: list[Token] = []
    at, counted, line = 0, 0, 1
    while at < len(text):
        line, counted = line + text.count("\n", counted, at), at
        found = _TOKEN.match(text, at)
        if found is None:
            raise QueryError(f"unexpected character {text[at]!r}", f"line {line}", _advice(text[at]))
        if found.lastgroup != "space":
            tokens.append(_token(str(found.lastgroup), found.group(), found.start(), line))
        at = found.end()
    tokens.append(Token("end", "end of query", at, at, text.count("\n") + 1))
    return tokens


def _advice(character: str) -> str:
    return "a string is not closed on its line" if character in "\"'@`" else ""


def _token(group: str, text: str, start: int, line: int) -> Token:
    kind, value = _decode(group, text, line)
    return Token(kind, text, start, start + len(text), line, value)


def _decode(group: str, text: str, line: int) -> tuple[str, Scalar]:
    if group == "lines":
        return "string", text[3:-3]
    if group == "verbatim":
        body = text.lstrip("hH")[1:]
        return "string", body[1:-1].replace(body[0] * 2, body[0])
    if group == "string":
        return "string", _unescape(text.lstrip("hH")[1:-1], line)
    if group == "typed":
        return _typed(text, line)
    if group == "timespan":
        return "timespan", _minutes(text, line)
    if group in ("hex", "long"):
        return "long", int(text, 0 if group == "hex" else 10)
    if group == "real":
        return "real", float(text)
    return group, None


def _unescape(body: str, line: int) -> str:
    def one(found: re.Match[str]) -> str:
        code = found.group(1) or found.group(2) or found.group(3)
        if code:
            if int(code, 16) > 0x10FFFF:
                raise QueryError(f"{found.group()} is no character", f"line {line}")
            return chr(int(code, 16))
        if found.group(4) not in _SIMPLE:
            raise QueryError(
                f"unknown escape {found.group()} in a string", f"line {line}", 'write \\\\ for a backslash, or @"..."'
            )
        return _SIMPLE[found.group(4)]

    return _ESCAPE.sub(one, body)


def _minutes(text: str, line: int) -> float:
    found = re.fullmatch(rf"([0-9]+(?:\.[0-9]+)?)\s*({_UNIT})", text)
    if found is None:
        raise QueryError(f"not a timespan: {text}", f"line {line}")
    return float(found.group(1)) * _MINUTES[found.group(2)]


def _typed(text: str, line: int) -> tuple[str, Scalar]:
    """A literal written with its type, such as `long(5)`, `bool(null)` or `datetime(2024-01-01)`."""
    name, _, inner = text.partition("(")
    kind = {"date": "datetime", "time": "timespan", "double": "real", "boolean": "bool"}.get(name.strip(), name.strip())
    inner = inner[:-1].strip()
    if inner == "null":
        return kind, None
    try:
        if kind in ("int", "long"):
            return kind, int(inner, 0 if inner.lower().startswith("0x") else 10)
        if kind == "real":
            return kind, float(inner)
    except ValueError:
        raise QueryError(f"not a literal of its type: {text}", f"line {line}") from None
    if kind == "bool":
        if inner not in ("true", "false"):
            raise QueryError(f"not a literal of its type: {text}", f"line {line}")
        return kind, inner == "true"
    return kind, _minutes(inner, line) if kind == "timespan" else inner
