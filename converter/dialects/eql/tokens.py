r"""Tokens of EQL.

Source: https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax (strings, raw strings, escapes, comments)
and Elasticsearch's grammar, x-pack/plugin/eql/src/main/antlr/EqlBase.g4. Keywords are lower case only. A string knows
`\b \t \n \f \r \" \\` and `\u{200f}`; anything else after a backslash is an error. In a raw string `\"\"\"…\"\"\"` a
backslash is an ordinary character; neither kind of string may hold a line break.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from converter.core.errors import QueryError

#: Words that cannot be a field name without backticks.
KEYWORDS = frozenset(
    {"and", "any", "by", "false", "in", "join", "like", "maxspan", "not", "null", "of", "or"}
    | {"regex", "sample", "sequence", "true", "until", "where", "with"}
)

_TOKEN = re.compile(
    r"""
      (?P<space>   [ \t\r\n]+ | //[^\r\n]* | /\*.*?\*/ )
    | (?P<raw>     \"{3} (?P<text>[^\r\n]*?) \"{3} (?P<more>\"{0,2}) )
    | (?P<string>  "(?:\\u\{[0-9A-Fa-f]{2,8}\}|\\[btnfr"\\]|[^\r\n"\\])*" )
    | (?P<number>  (?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]+)? )
    | (?P<quoted>  `(?:[^`]|``)*` )
    | (?P<name>    [A-Za-z_@][A-Za-z0-9_]*~? )
    | (?P<sign>    ==|!=|<=|>=|[<>:(),.?\[\]|=+*/%-] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\u\{([0-9A-Fa-f]+)\}|\\(.)")
_CONTROL = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


class Token(NamedTuple):
    """`kind` is `string`, `number`, `quoted` (a backticked name), `name`, `keyword`, `sign` or `end`."""

    kind: str
    text: str
    line: int


def tokenize(source: str) -> list[Token]:
    """The tokens of a query, closed by an `end` token. Raises QueryError at the first text that is none."""
    tokens: list[Token] = []
    at, line = 0, 1
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise QueryError(f"EQL, line {line}: cannot read {source[at : at + 20]!r}", hint=_hint(source[at]))
        if match.lastgroup != "space":
            tokens.append(_token(match, line))
        line += match.group().count("\n")
        at = match.end()
    return [*tokens, Token("end", "end of query", line)]


def _token(match: re.Match[str], line: int) -> Token:
    text = match.group()
    if match["raw"] is not None:
        # Up to two quotes before the closing three belong to the string, as in the grammar.
        return Token("string", match["text"] + match["more"], line)
    if match["string"] is not None:
        return Token("string", _ESCAPE.sub(_unescaped, text[1:-1]), line)
    if match["quoted"] is not None:
        return Token("quoted", text[1:-1].replace("``", "`"), line)
    kind = "number" if match["number"] is not None else "sign" if match["sign"] is not None else "name"
    if kind == "name" and text.removesuffix("~") in KEYWORDS:
        kind = "keyword"
    return Token(kind, text, line)


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return _CONTROL.get(match[2], match[2])
    code = int(match[1], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise QueryError(f"EQL: \\u{{{match[1]}}} is not a character")
    return chr(code)


def _hint(character: str) -> str:
    if character == '"':
        return 'inside "…" write a backslash as \\\\ and a quote as \\", or use a raw string """…"""'
    return "EQL strings take double quotes" if character == "'" else ""
