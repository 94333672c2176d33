r"""Regular expressions of each flavour as languages of whole values.

Two things hold for PCRE, RE2 and KQL here. They *search*: the language is of the values in which the pattern matches
somewhere. And `$` and `\Z` stand for the end of the value; PCRE also lets them stand before a final newline, which no
field of the schemas has (the assumption `NO_FINAL_NEWLINE`).
"""

from __future__ import annotations

from functools import lru_cache

from converter.semantics.regular import lucene_regex, pcre, re2
from converter.semantics.regular.anchors import search_language
from converter.semantics.regular.language import Language

NO_FINAL_NEWLINE = "no field's value ends in a newline, so PCRE's `$` is the end of the value"
KQL_ENGINE = "KQL's regular expressions are RE2's or, as Microsoft documents now, of the family of Rust's regex crate"


@lru_cache(maxsize=4096)
def from_pcre(pattern: str, ignore_case: bool = False, multi_line: bool = False, dot_all: bool = False) -> Language:
    """The values that contain a match of a PCRE pattern (Splunk, Sigma's `re`); see pcre for how it is read.

    Raises OutOfFragment naming the construct (look-around, back-reference …), QueryError on a broken pattern.
    """
    return search_language(pcre.parse(pattern, ignore_case, multi_line, dot_all))


@lru_cache(maxsize=4096)
def from_re2(pattern: str, ignore_case: bool = False) -> Language:
    """The values that contain a match of an RE2 pattern. Raises as `from_pcre` does."""
    return search_language(re2.parse(pattern, ignore_case))


@lru_cache(maxsize=4096)
def from_kql_regex(pattern: str, ignore_case: bool = False) -> Language:
    """The values that contain a match of a KQL pattern, whichever engine KQL has (the assumption `KQL_ENGINE`).

    Raises OutOfFragment where RE2 and the engine that Microsoft documents differ, with what both read alike as the
    hint; QueryError where both refuse the pattern.
    """
    return search_language(re2.parse(pattern, ignore_case, re2.Both))


@lru_cache(maxsize=4096)
def from_lucene(pattern: str, ignore_case: bool = False, flags: str = "ALL") -> Language:
    """The values that a Lucene pattern describes as a whole (Query DSL, query_string, EQL, ES|QL).

    `flags` are Elasticsearch's names of the optional operators. Raises OutOfFragment for `~` and `&`, QueryError on a
    broken pattern.
    """
    return lucene_regex.parse(pattern, ignore_case, flags)
