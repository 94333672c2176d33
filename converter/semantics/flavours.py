r"""Regular expressions of each flavour as languages of whole values.

Two things hold for PCRE and RE2 here. They *search*: the language is of the values in which the pattern matches
somewhere. And `$` and `\Z` stand for the end of the value; PCRE also lets them stand before a final newline, which no
field of the schemas has (the assumption `NO_FINAL_NEWLINE`).
"""

from __future__ import annotations

from functools import lru_cache

from converter.semantics import lucene_regex, regex_syntax
from converter.semantics.anchors import search_language
from converter.semantics.language import Language

NO_FINAL_NEWLINE = "no field's value ends in a newline, so PCRE's `$` is the end of the value"


@lru_cache(maxsize=4096)
def from_pcre(pattern: str, ignore_case: bool = False) -> Language:
    """The values that contain a match of a PCRE pattern (Splunk, Sigma's `re`).

    Raises OutOfFragment naming the construct (look-around, back-reference, atomic …), QueryError on a broken pattern.
    """
    return search_language(regex_syntax.parse(pattern, "pcre", ignore_case))


@lru_cache(maxsize=4096)
def from_re2(pattern: str, ignore_case: bool = False) -> Language:
    """The values that contain a match of an RE2 pattern (KQL). Raises as `from_pcre` does."""
    return search_language(regex_syntax.parse(pattern, "re2", ignore_case))


@lru_cache(maxsize=4096)
def from_lucene(pattern: str, ignore_case: bool = False, flags: str = "ALL") -> Language:
    """The values that a Lucene pattern describes as a whole (Query DSL, query_string, EQL, ES|QL).

    `flags` are Elasticsearch's names of the optional operators. Raises OutOfFragment for `~` and `&`, QueryError on a
    broken pattern.
    """
    return lucene_regex.parse(pattern, ignore_case, flags)
