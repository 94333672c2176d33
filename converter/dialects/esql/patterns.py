r"""What a pattern, or a constant compared with TO_LOWER(…) or TO_UPPER(…), must look like to mean one thing.

Elasticsearch rewrites `TO_LOWER(f) == "x"`, `… LIKE "x"` and `… RLIKE "x"` to case-insensitive operations on `f`
(ReplaceStringCasingWithInsensitiveEquals and -RegexMatch, package org.elasticsearch.xpack.esql.optimizer, in
https://github.com/elastic/elasticsearch).
Two consequences are refused here, since the text would not mean what it says:
- with a letter of the other case anywhere in the constant or pattern (`\W` counts), the test becomes constant false,
  even on a missing field;
- Lucene keeps a range such as `[a-z]` to the letters it names when it ignores case
  (https://github.com/apache/lucene/issues/14378), so `TO_LOWER(f) RLIKE "[^a-z]"` accepts an `A`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from converter.core.errors import OutOfFragment, QueryError
from converter.dialects.esql.ast import Call, Expr

_WRONG_CASE = {"TO_LOWER": "Lu", "TO_UPPER": "Ll"}
_RANGE_IN_CLASS = re.compile(r"\\.|(?P<range>[^\\\[\]]-[^\\\]])|(?P<bracket>[\[\]])|.", re.DOTALL)


def check_case(value: Expr, texts: Iterable[str]) -> None:
    """Refuse constants that a TO_LOWER or TO_UPPER on the other side can never equal."""
    if not isinstance(value, Call) or value.name not in _WRONG_CASE:
        return
    for text in texts:
        if any(unicodedata.category(c) == _WRONG_CASE[value.name] for c in text):
            raise OutOfFragment(f"ES|QL: {value.name}(…) never meets {text!r}: write the constant in that case")


def check_regex_case(value: Expr, patterns: Iterable[str]) -> None:
    """Refuse a range of letters in a class that is matched under TO_LOWER or TO_UPPER."""
    if not isinstance(value, Call) or value.name not in _WRONG_CASE:
        return
    for pattern in patterns:
        inside = False
        for found in _RANGE_IN_CLASS.finditer(pattern):
            if found["bracket"]:
                inside = found["bracket"] == "["
            elif found["range"] and inside and any(chr(c).isalpha() for c in _span(found["range"])):
                raise OutOfFragment(
                    f"ES|QL: {value.name}(…) RLIKE ignores case but not in the range {found['range']} of {pattern!r}",
                    hint="match the bare field and spell both cases, e.g. [a-zA-Z]",
                )


def _span(text: str) -> range:
    return range(ord(text[0]), ord(text[2]) + 1)


def check_wildcard(pattern: str) -> None:
    r"""Refuse a LIKE pattern whose `\` stands before anything but `*`, `?` and `\`, as Elasticsearch does."""
    rest = re.sub(r"\\[*?\\]", "", pattern)
    if "\\" in rest:
        raise QueryError(f"ES|QL: in the LIKE pattern {pattern!r} a backslash stands before no wildcard or backslash")


def is_text(pattern: str) -> bool:
    """Whether a LIKE pattern has no wildcard."""
    return all(kind == "char" for kind, _ in wildcard_parts(pattern))


def wildcard_parts(pattern: str) -> list[tuple[str, str]]:
    """A LIKE pattern as (kind, text) with kind `any` (`*`), `one` (`?`) or `char`."""
    kinds = {"*": "any", "?": "one"}
    parts = re.findall(r"\\(.)|(.)", pattern, re.DOTALL)
    return [("char", escaped) if escaped else (kinds.get(plain, "char"), plain) for escaped, plain in parts]
