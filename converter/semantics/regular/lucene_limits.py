"""What Elasticsearch takes of a text, a pattern or a query at most, as it counts: each reason, "" where nothing is.

Every number is a default of 8.19, and was met on a node of 8.19.21; sources stand beside them.
"""

from __future__ import annotations

from converter.semantics.regular import lucene_effort
from converter.semantics.regular.language import ANY_CHAR, ANY_STRING, Language, Seq, char

#: bytes of a prefix: https://www.elastic.co/docs/reference/elasticsearch/index-settings/index-modules
#: (`index.max_regex_length`), and what Operations.isFinite follows
MAX_PREFIX = 1_000
#: Operations.MAX_RECURSION_LEVEL: what ignores case, and an order of texts, is an automaton of the whole text
MAX_FOLDED = 1_000
#: bytes of one term: IndexWriter.MAX_TERM_LENGTH,
#: https://lucene.apache.org/core/9_12_2/core/org/apache/lucene/index/IndexWriter.html#MAX_TERM_LENGTH
MAX_TERM = 32_766
#: clauses of one query: the least of any cluster, more with more memory a thread
#: (https://www.elastic.co/docs/reference/elasticsearch/configuration-reference/search-settings,
#: `indices.query.bool.max_clause_count`)
MAX_CLAUSES = 1_024
#: levels of queries in `bool` queries (the same page, `indices.query.bool.max_nested_depth`), for Query DSL alone
MAX_NESTED = 30


def term(text: str, ignore_case: bool = False) -> str:
    """Of a whole value."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TERM:
        return f"a term is longer than {MAX_TERM:,} bytes, which Elasticsearch refuses"
    if ignore_case and len(text) > MAX_FOLDED:
        return f"a text of {len(text):,} characters without case: Elasticsearch takes {MAX_FOLDED:,}"
    return ""


def order(text: str) -> str:
    """Of the bound of a range of texts."""
    size = len(text.encode("utf-8", "surrogatepass"))
    return f"a bound of {size:,} bytes: Elasticsearch takes {MAX_FOLDED:,}" if size > MAX_FOLDED else ""


def prefix(text: str) -> str:
    """Of the beginning of a value, whatever language asks for it: some make a prefix query of it, some a pattern.

    A prefix query is an automaton over bytes, with a step for each.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    return f"a prefix of {size:,} bytes: Elasticsearch takes {MAX_PREFIX - 1:,}" if size >= MAX_PREFIX else ""


def wildcard(pattern: Language) -> str:
    """Of a pattern with `*` and `?`, as a sequence of single characters and of ANY_STRING as they are written."""
    found = lucene_effort.excess(pattern)
    return f"a wildcard pattern is too complex: {found}" if found else ""


def is_short(text: str) -> bool:
    """Whether a text is short enough, and plain enough, to be taken with `*` before it, whatever of case and behind it:
    then `wildcard` need not be asked."""
    return len(text) <= lucene_effort.SHORT and text.isascii()


def affix(text: str, before: bool, after: bool) -> str:
    """Of a text with `*` before it or behind it."""
    if not before:
        return prefix(text) if after else term(text)
    if is_short(text):
        return ""
    parts = tuple(char(c, False) for c in text)
    return wildcard(Seq((ANY_STRING, *parts, *((ANY_STRING,) * after))))


def sequence(pattern: str) -> Language:
    """`*` and `?` in a text in which nothing is escaped, as `wildcard` takes it."""
    signs: dict[str, Language] = {"*": ANY_STRING, "?": ANY_CHAR}
    return Seq(tuple(signs.get(sign) or char(sign, False) for sign in pattern))


def clauses(count: int) -> str:
    """Of a whole query: a test is a clause, a list of exact values is one."""
    return f"{count:,} clauses: a small cluster takes {MAX_CLAUSES:,}" if count > MAX_CLAUSES else ""


def nested(levels: int) -> str:
    """Of a query of Query DSL: one that stands in another is a level more."""
    return f"queries nest {levels} deep: Elasticsearch takes {MAX_NESTED}" if levels > MAX_NESTED else ""
