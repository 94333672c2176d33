"""Tests on string columns. A Kusto string is never null: a missing one behaves as the empty string.

https://learn.microsoft.com/kusto/query/scalar-data-types/null-values (strings)
https://learn.microsoft.com/kusto/query/datatypes-string-operators (operators, terms)
"""

from __future__ import annotations

import sys
import unicodedata
from functools import lru_cache

from converter.semantics.decide.predicate import FALSE, TRUE, Atom, Predicate, Present, Strings, disjunction, negation
from converter.semantics.regular.language import (
    ANY_STRING,
    EMPTY_STRING,
    NOTHING,
    Alt,
    Chars,
    Language,
    Repeat,
    Seq,
    chars,
    literal,
)


def text_in(column: str, language: Language) -> Predicate:
    """The column's value, `""` where it is missing, is in the language."""
    if language == NOTHING:
        return FALSE
    if language == ANY_STRING:
        return TRUE
    atom = Atom(column, Strings(language))
    return disjunction([negation(Atom(column, Present())), atom]) if accepts_empty(language) else atom


def empty(column: str) -> Predicate:
    return text_in(column, EMPTY_STRING)


def accepts_empty(language: Language) -> bool:
    if isinstance(language, Chars):
        return False
    if isinstance(language, Seq):
        return all(accepts_empty(part) for part in language.parts)
    if isinstance(language, Alt):
        return any(accepts_empty(option) for option in language.options)
    return language.low == 0 or accepts_empty(language.item)


def needle_language(kind: str, needle: str, ignore_case: bool) -> Language:
    """The values that `kind` (`equals`, `contains`, `startswith`, `endswith`, `has`, …) finds the needle in."""
    word = literal(needle, ignore_case)
    if kind == "equals":
        return word
    if not needle:  # every string starts with, ends with and contains the empty string; measured true of `has` as well
        return ANY_STRING
    if kind == "startswith":
        return Seq((word, ANY_STRING))
    if kind == "endswith":
        return Seq((ANY_STRING, word))
    if kind == "contains":
        return Seq((ANY_STRING, word, ANY_STRING))
    before = _edge(needle[0]) if kind in ("has", "hasprefix") else ANY_STRING
    after = _edge(needle[-1]) if kind in ("has", "hassuffix") else ANY_STRING
    return Seq((before, word, _mirrored(after)))


def _edge(neighbour: str) -> Language:
    """What may stand before a needle that begins with `neighbour`: it must not continue a term.

    A term is a maximal run of alphanumeric characters (the page above; older versions of it said ASCII). That a
    needle's own separator at an edge asks for no boundary there, and that letters and digits of every script belong
    to terms while `_` does not, are measurements on Microsoft's emulator reported in the sources of duckdb-kql
    (`term_match_sql`, https://pypi.org/project/duckdb-kql/).
    """
    if not _is_term(ord(neighbour)):
        return ANY_STRING
    return Alt((EMPTY_STRING, Seq((ANY_STRING, _separator()))))


def _mirrored(edge: Language) -> Language:
    if isinstance(edge, Repeat):
        return edge
    return Alt((EMPTY_STRING, Seq((_separator(), ANY_STRING))))


def _is_term(code: int) -> bool:
    return unicodedata.category(chr(code))[0] in "LN"


@lru_cache(maxsize=1)
def _separator() -> Chars:
    runs: list[tuple[int, int]] = []
    start: int | None = None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and _is_term(code)
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            runs.append((start, code - 1))
            start = None
    return chars(runs, negated=True)
