"""Queries and rules with their words coloured: Pygments does it, and escapes the text while it does."""

from __future__ import annotations

from typing import ClassVar

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import RegexLexer
from pygments.lexers.data import YamlLexer
from pygments.token import Comment, Keyword, Number, Operator, String, Text

from converter.catalogue.plain import markup_safe


class _QueryLexer(RegexLexer):
    """What KQL, SPL, EQL, ES|QL, Lucene and a JSON body have in common: texts, numbers, comments and a few words."""

    name = "query"
    tokens: ClassVar[dict[str, list[tuple[str, object]]]] = {
        "root": [
            (r"//[^\n]*|```.*?```", Comment),
            (r'@"(?:[^"]|"")*"|"""(?:.|\n)*?"""|"(?:\\.|[^"\\])*"', String),
            (r"(?<![\w.])\d+(?![\w.])", Number),
            (
                r"(?i)\b(?:and|or|not|in|where|from|union|let|project|extend|sort|by|search|table|eval|keep|rlike|like"
                r"|startswith|endswith|contains|has|matches|regex|isnull|process|file|network|registry|any)\b[~]?(?!\.)",
                Keyword,
            ),
            (r"[|=!<>~:]+", Operator),
            (r"[A-Za-z_][\w.]*", Text),
            (r"\s+|.", Text),
        ]
    }


_FORMAT = HtmlFormatter(nowrap=True, classprefix="c-")


def query(text: str) -> str:
    """A query as HTML."""
    return str(highlight(markup_safe(text), _QueryLexer(stripnl=False), _FORMAT))


def yaml(text: str) -> str:
    """A rule or an event as HTML."""
    return str(highlight(markup_safe(text), YamlLexer(stripnl=False), _FORMAT))
