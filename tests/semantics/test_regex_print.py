"""Trees written in each notation and read back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.errors import OutOfFragment, QueryError
from converter.core.pcre import searcher
from converter.semantics.decide.evaluate import matches
from converter.semantics.regular import pcre
from converter.semantics.regular.flavours import from_kql_regex, from_lucene, from_pcre
from converter.semantics.regular.language import ANY_STRING, Seq
from converter.semantics.regular.regex_print import KQL, LUCENE, PCRE, case_closed, printed
from converter.semantics.regular.regex_tree import asserts
from tests.semantics.test_pcre import PATTERNS, TEXTS


def _tree(pattern: str, ignore_case: bool) -> pcre.Node | None:
    try:
        return pcre.parse(pattern, ignore_case)
    except (QueryError, OutOfFragment):
        return None


def _same(left: object, right: object, texts: list[str]) -> bool:
    return [matches(left, t) for t in texts] == [matches(right, t) for t in texts]  # type: ignore[arg-type]


@settings(max_examples=80, deadline=None)
@given(PATTERNS, st.booleans())
def test_what_is_printed_means_the_same(pattern: str, ignore_case: bool) -> None:
    """PCRE finds what is printed for it where it finds the pattern; what is printed for KQL is read as the pattern."""
    node = _tree(pattern, ignore_case)
    if node is None:
        return
    try:
        language = from_pcre(pattern, ignore_case)
    except OutOfFragment:
        return
    found = searcher(printed(node, PCRE))
    assert [t for t in TEXTS if found(t) != matches(language, t)] == []
    try:
        kql = printed(node, KQL)
    except OutOfFragment:
        return
    assert _same(from_kql_regex(kql), language, TEXTS)


#: index.max_regex_length (https://www.elastic.co/docs/reference/elasticsearch/index-settings/index-modules)
LONGEST = 1_000


@settings(max_examples=80, deadline=None)
@given(PATTERNS, st.booleans())
def test_what_is_printed_for_lucene_means_the_same(pattern: str, ignore_case: bool) -> None:
    """A tree without tests of positions is, between two `.*`, read back from Lucene's notation as the pattern."""
    node = _tree(pattern, ignore_case)
    if node is None or asserts(node):
        return
    text = printed(node, LUCENE) or "()"
    if len(text.encode("utf-16-le")) // 2 > LONGEST:
        return  # Elasticsearch takes no longer one
    try:
        whole = from_lucene(text)
    except (OutOfFragment, QueryError) as refused:
        # a class that takes no character, such as [^\pL\PL], repeated; one that is too complex for Elasticsearch
        if "matches nothing" not in str(refused) and "effort" not in str(refused):
            raise
        return
    assert _same(Seq((ANY_STRING, whole, ANY_STRING)), from_pcre(pattern, ignore_case), TEXTS)


@settings(max_examples=80, deadline=None)
@given(PATTERNS)
def test_without_case(pattern: str) -> None:
    """A tree that tells no cases apart is written in small letters, for an engine that ignores case."""
    node = _tree(pattern, True)
    if node is None or asserts(node):
        return
    if not case_closed(node):
        with pytest.raises(OutOfFragment):
            printed(node, KQL, ignore_case=True)
        return
    text = printed(node, KQL, ignore_case=True)
    assert _same(from_kql_regex(text, ignore_case=True), from_pcre(pattern, True), TEXTS)


@pytest.mark.parametrize(
    ("pattern", "kql"),
    [
        (r"port=\d+$", "port=[0-9]+$"),
        ("[&a-c~-]x{2,}", r"[\&\-a-c\~]x{2,}"),
        (r"a{b|\Q[x]\E", r"a\{b|\[x\]"),
        (r"(?:ab|c)*\x{2014}", r"(?:ab|c)*\x{2014}"),
        (r"[^\W\d]", "[A-Z_a-z]"),
        ("(?i)[^a]B", "[^Aa][Bb]"),
        ("a(b|c)d|(e|)+(fg){2}", "a(?:b|c)d|(?:e|)+(?:fg){2}"),
    ],
)
def test_as_a_person_would_write_it(pattern: str, kql: str) -> None:
    """What is printed is short, and explicit where KQL's engines differ."""
    assert printed(pcre.parse(pattern), KQL) == kql
