"""Whether a word stands outside of the literals of a query: lexers of our own, that share nothing with the readers."""

from __future__ import annotations

import json
import re
from typing import Any

#: dialect -> what is a literal or a comment there, as the language's page on lexical elements has it
_LITERALS = {
    # https://learn.microsoft.com/en-us/kusto/query/scalar-data-types/string
    "kql": r"//[^\n]*|[@hH]*@\"(?:[^\"]|\"\")*\"|[@hH]*@'(?:[^']|'')*'|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'",
    # https://help.splunk.com/en/splunk-enterprise/search/search-manual (comments; quotes and escaping)
    "spl": r"```.*?```|\"(?:[^\"\\]|\\.)*\"",
    # https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax
    "eql": r"//[^\n]*|\"\"\".*?\"\"\"+|\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`",
    # https://www.elastic.co/docs/reference/query-languages/esql/esql-syntax
    "esql": r"//[^\n]*|\"\"\".*?\"\"\"+|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`]|``)*`",
}


def found(dialect: str, text: str, word: str) -> bool:
    """Whether `word` is part of the query's own text."""
    if dialect == "dsl":
        return _in_keys(json.loads(text), word)
    if dialect == "lucene":
        return _bare(text, word)
    return word in re.sub(_LITERALS[dialect], "", text, flags=re.DOTALL)


def _in_keys(node: Any, word: str) -> bool:
    if isinstance(node, dict):
        return any(word in key or _in_keys(value, word) for key, value in node.items())
    return any(_in_keys(item, word) for item in node) if isinstance(node, list) else False


#: https://lucene.apache.org/core/10_1_0/queryparser/org/apache/lucene/queryparser/classic/package-summary.html
_LUCENE = re.compile(r"\"(?:[^\"\\]|\\.)*\"|/(?:[^/\\]|\\.)*/|(?:\\.|[^\s\\()\":/\[\]{}])+|.", re.DOTALL)


def _bare(text: str, word: str) -> bool:
    """Whether the word is a field's name, or in a term that stands behind no field and in no field's brackets."""
    tokens = [match[0] for match in _LUCENE.finditer(text)]
    inside = [False]
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        if token in ("(", "[", "{"):
            inside.append(before == ":" or inside[-1])
        elif token in (")", "]", "}") and len(inside) > 1:
            inside.pop()
        elif word in token and (after == ":" or not (before == ":" or inside[-1])):
            return True
    return False
