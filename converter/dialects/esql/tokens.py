"""The tokens of ES|QL (https://www.elastic.co/docs/reference/query-languages/esql/esql-syntax)."""

from __future__ import annotations

import re
from typing import NamedTuple

from converter.core.errors import QueryError

# An identifier starts with a letter, or with `_` or `@` and something more; else it is backquoted (esql-syntax).
_PART = r"(?:[A-Za-z][A-Za-z0-9_]*|[_@][A-Za-z0-9_]+|`(?:[^`]|``)+`)"
_TRIVIA = r"(?P<trivia>\s+|//[^\r\n]*|/\*.*?\*/)"
_STRING = r'(?P<triple>"""[^\r\n]*?"""(?:""|")?)|(?P<string>"(?:\\[tnr"\\]|[^\r\n"\\])*")'
_MODES = {
    # An unquoted index pattern runs up to one of these separators; a remote cluster's `:` is not covered.
    "source": re.compile(rf'{_TRIVIA}|{_STRING}|(?P<name>[^\s:"=|,\[\]/()]+)|(?P<op>[|,])', re.DOTALL),
    "columns": re.compile(rf"{_TRIVIA}|(?P<name>(?:{_PART}|[A-Za-z0-9_@*.])+)|(?P<op>[|,])", re.DOTALL),
    "expression": re.compile(
        rf"{_TRIVIA}|{_STRING}|(?P<name>{_PART}(?:\.{_PART})*)"
        r"|(?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)"
        r"|(?P<op>==|!=|<=|>=|[<>=+*,:()\[\]|-])",
        re.DOTALL,
    ),
}
_MODE_OF = {"from": "source", "keep": "columns", "drop": "columns", "rename": "columns"}
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n", "\\r": "\r", "\\t": "\t"}


class Token(NamedTuple):
    """`kind` is name, string, number, op or end; `text` is a name as written, a string's value, else the source."""

    kind: str
    text: str
    line: int


def tokens(text: str) -> list[Token]:
    """The tokens of a query without blanks and comments, ended by one of kind `end`. Raises QueryError."""
    out: list[Token] = []
    position, mode, starts, line, counted = 0, "expression", True, 1, 0
    while position < len(text):
        found = _MODES[mode].match(text, position)
        line, counted = line + text.count("\n", counted, position), position
        if found is None or found.lastgroup is None:
            raise QueryError(f"ES|QL: unexpected {text[position : position + 12]!r} on line {line}")
        position, kind, source = found.end(), found.lastgroup, found.group()
        if kind == "trivia":
            continue
        if kind == "triple":
            # Quotes straight before the closing three belong to the value (grammar: '"""' … '"""' '"'? '"'?).
            kind, source = "string", source[3:-3]
        elif kind == "string":
            source = re.sub(r"\\.", lambda escape: _ESCAPES[escape.group()], source[1:-1])
        out.append(Token(kind, source, line))
        if starts:
            mode = _MODE_OF.get(source.lower(), "expression")
        starts = kind == "op" and source == "|"
        if starts:
            mode = "expression"
    out.append(Token("end", "the end of the query", text.count("\n") + 1))
    return out


def unquoted(name: str) -> str:
    """A column name without its backquotes."""
    return re.sub(r"`((?:[^`]|``)+)`", lambda quoted: quoted.group(1).replace("``", "`"), name)
