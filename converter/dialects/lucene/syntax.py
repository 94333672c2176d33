r"""The grammar of Lucene query strings (the classic query parser with Elasticsearch's additions) as a syntax tree.

https://lucene.apache.org/core/10_1_0/queryparser/org/apache/lucene/queryparser/classic/package-summary.html
https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-query-string-query#query-string-syntax

AND, OR and NOT are not boolean operators there: they mark clauses as required or prohibited, so that `a OR b AND c`
means "b and c". Where that reading differs from the boolean one the text is out of the fragment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from converter.core.errors import OutOfFragment, QueryError


@dataclass(frozen=True)
class Word:
    """A bare term, unescaped."""

    text: str


@dataclass(frozen=True)
class Pattern:
    """A bare term with wildcards, its escapes kept: they are part of the wildcard syntax."""

    text: str


@dataclass(frozen=True)
class Quoted:
    """Text in double quotes, unescaped; wildcards in it are plain characters."""

    text: str


@dataclass(frozen=True)
class Regex:
    """A regular expression without its slashes; `\\/` in it is left to the regular expression's own syntax."""

    pattern: str


@dataclass(frozen=True)
class Span:
    """A range; None is unbounded."""

    low: str | None
    high: str | None
    open_low: bool
    open_high: bool


@dataclass(frozen=True)
class Fielded:
    """`name:` before a value or a group."""

    name: str
    node: Node


@dataclass(frozen=True)
class Everything:
    """`*:*`."""


@dataclass(frozen=True)
class All:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Negated:
    part: Node


Node = Word | Pattern | Quoted | Regex | Span | Fielded | Everything | All | AnyOf | Negated

_START = r"""(?:[^ \t\n\r\u3000+\-!():^\[\]"{}~*?\\/]|\\.)"""
_BLANK = r"[ \t\n\r\u3000]"
#: Token kinds in order of preference; the term swallows `&&`, `||`, AND, OR and NOT, told apart afterwards.
_TOKEN = re.compile(
    rf"""(?P<blank>{_BLANK}+)
    |(?P<term>(?:{_START}|[*?])(?:{_START}|[*?+\-])*)
    |(?P<quoted>"(?:[^"\\]|\\.)*")
    |(?P<regex>/(?:\\/|[^/])*+/)
    |(?P<bare>[+\-!](?={_BLANK}))
    |(?P<span>[\[{{](?:"(?:[^"]|\\")*?"|[^"\]}}])*[\]}}])
    |(?P<sign>[+\-!():^~])""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"AND": "AND", "&&": "AND", "OR": "OR", "||": "OR", "NOT": "NOT"}
_WILD = re.compile(r"(?:[^\\*?]|\\.)*[*?]", re.DOTALL)
_SPAN = re.compile(rf"""{_BLANK}*("[^"]+"|\S+?){_BLANK}+TO{_BLANK}+("[^"]+"|\S+?){_BLANK}*""")
_MAX_DEPTH = 100


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Node:
    """The tree of a query string. Raises QueryError where Elasticsearch refuses it or may surprise its reader."""
    parser = _Parser(text)
    node = parser.query(0, False)
    if parser.kind != "end":
        raise parser.error()
    return node


def unescape(text: str, at: int = 0) -> str:
    r"""Without backslashes; `\uXXXX` is the character of that code. Raises QueryError for one at the end."""

    def plain(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2] in ("u", ""):
            raise QueryError(f"an escape without its character at position {at}")
        return found[2]

    return re.sub(r"\\(?:u([0-9A-Fa-f]{4})|(.?))", plain, text, flags=re.DOTALL)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.at = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    @property
    def kind(self) -> str:
        return self.token.kind

    def error(self, message: str = "") -> QueryError:
        found = self.token.text or "the end"
        return QueryError(f"{message or f'unexpected {found}'} at position {self.token.at} of the query {self.text!r}")

    def take(self, kind: str) -> bool:
        if self.kind == kind:
            self.at += 1
            return True
        return False

    def query(self, depth: int, fielded: bool) -> Node:
        """Clauses up to the closing parenthesis or the end."""
        if depth > _MAX_DEPTH:
            raise OutOfFragment(f"more than {_MAX_DEPTH} nested parentheses")
        joins: set[str] = set()
        clauses: list[tuple[str, Node]] = []
        while not clauses or self.kind not in ("end", ")"):
            join = ""
            if clauses:
                join = self.kind if self.kind in ("AND", "OR") else ""
                self.at += bool(join)
                joins.add(join)
            sign = self.kind if self.kind in ("+", "-", "NOT") else ""
            self.at += bool(sign)
            bare = self.kind == "word"
            node = self.clause(depth, fielded)
            if (
                not join
                and not sign
                and bare
                and clauses
                and isinstance(node, Word)
                and isinstance(clauses[-1][1], Word)
            ):
                raise OutOfFragment(
                    f"words side by side before position {self.token.at}: quote them, or put OR between"
                )
            clauses.append(("-" if sign == "NOT" else sign, node))
        return self.combined(joins, clauses)

    def combined(self, joins: set[str], clauses: list[tuple[str, Node]]) -> Node:
        """Clauses by the parser's own rules, where those agree with reading AND, OR and NOT as boolean operators."""
        if len(joins) > 1:
            raise OutOfFragment(f"operators mixed without parentheses before position {self.token.at} of {self.text!r}")
        signed = [Negated(node) if sign == "-" else node for sign, node in clauses]
        if joins <= {"AND"}:  # one clause alone included
            return _one(All, signed)
        if not any(sign for sign, _ in clauses):
            return _one(AnyOf, [node for _, node in clauses])
        if joins == {"OR"}:
            raise OutOfFragment(
                f"a sign or NOT beside OR needs parentheses before position {self.token.at} of {self.text!r}"
            )
        optional = [node for sign, node in clauses if not sign]
        if optional and any(sign == "+" for sign, _ in clauses):
            raise OutOfFragment(f"a clause without + beside one with + restricts nothing, in {self.text!r}")
        required = [node for node, (sign, _) in zip(signed, clauses, strict=True) if sign]
        return _one(All, [*([_one(AnyOf, optional)] if optional else []), *required])

    def clause(self, depth: int, fielded: bool) -> Node:
        if self.kind in ("word", "pattern") and self.tokens[self.at + 1].kind == ":":
            token = self.token
            self.at += 2
            if token.kind == "pattern":
                return self.everything(token)
            return Fielded(unescape(token.text, token.at), self.value(depth, True))
        return self.value(depth, fielded)

    def everything(self, field: _Token) -> Node:
        if field.text == "*" and self.token.text == "*":
            self.at += 1
            return Everything()
        raise OutOfFragment(f"a pattern as the name of a field at position {field.at}")

    def value(self, depth: int, fielded: bool) -> Node:
        token = self.token
        self.at += 1
        if token.kind == "(":
            node = self.query(depth + 1, fielded)
            if not self.take(")"):
                raise self.error()
        else:
            node = self.leaf(token, fielded)
        if self.kind in ("^", "~"):
            raise OutOfFragment(f"a boost, fuzziness or slop ({self.kind}) at position {self.token.at}")
        return node

    def leaf(self, token: _Token, fielded: bool) -> Node:
        if token.kind == "word":
            return _word(token, fielded)
        if token.kind == "pattern":
            if re.search(r"(?<!\\)(?:\\\\)*\\u", token.text):
                raise OutOfFragment(f"a \\u escape beside a wildcard at position {token.at}")
            return Pattern(token.text)
        if token.kind == "quoted":
            return Quoted(unescape(token.text[1:-1], token.at))
        if token.kind == "regex":
            return Regex(token.text[1:-1])
        if token.kind == "span":
            return _span(token)
        self.at -= 1
        raise self.error()


def _one(kind: type[All] | type[AnyOf], parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _word(token: _Token, fielded: bool) -> Node:
    """A term; after a field's name a leading `<` or `>` makes it a range, escaped or not.

    https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-query-string-query#_reserved_characters
    """
    text = unescape(token.text, token.at)
    found = re.fullmatch(r"([<>])(=?)(.+)", text, re.DOTALL)
    if not found or not fielded:
        return Word(text)
    if token.text[0] == "\\":
        raise QueryError(f"{token.text} at position {token.at} is taken as a range although it is escaped: quote it")
    if found[1] == "<":
        return Span(None, found[3], False, not found[2])
    return Span(found[3], None, not found[2], False)


def _span(token: _Token) -> Span:
    found = _SPAN.fullmatch(token.text[1:-1])
    if found is None:
        raise QueryError(f"the range {token.text} at position {token.at} is not of the form [a TO b]")
    low, high = (
        None if end == "*" else unescape(end[1:-1] if end[0] == '"' else end, token.at) for end in found.groups()
    )
    return Span(low, high, token.text[0] == "{", token.text[-1] == "}")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise QueryError(f"unexpected {text[at]} at position {at} of the query {text!r}")
        kind, body = str(found.lastgroup), found[0]
        if kind == "term":
            kind = _WORDS.get(body) or ("pattern" if _WILD.match(body) else "word")
        elif kind == "bare":  # a sign with a blank behind it is a search for that sign
            kind = "word"
        elif kind == "sign":
            kind = "NOT" if body == "!" else body
        if kind != "blank":
            tokens.append(_Token(kind, body, at))
        at = found.end()
    return [*tokens, _Token("end", "", len(text))]
