r"""PCRE as it is: its escapes for characters, and its limit on matching."""

from __future__ import annotations

import time

import pytest

from converter.core.errors import LibraryError, QueryError
from converter.core.pcre import searcher
from converter.rules.evaluator import compile_rule


@pytest.mark.parametrize(
    ("pattern", "hits", "misses"),
    [
        (r"\x{2014}a", ["—a"], ["x" * 2014 + "a", "xa"]),
        (r"[\x{2013}-\x{2015}]", ["–", "—", "―"], ["x", "{", "-"]),
        (r"\x{1F600}", ["😀"], ["x"]),
        (r"\x41", ["A"], ["x41"]),
        (r"\x4g", ["\x04g"], ["x4g"]),
        (r"a\x", ["a\0"], ["ax"]),
        (r"\\x{2}", ["\\xx"], ["\x02"]),
        (r"\Q\x{41}\E", [r"\x{41}"], ["A"]),
        (r"\Qa\E\x{42}", ["aB"], ["ax"]),
        (r"\d\w\s", ["1a "], ["٣a ", "1é "]),
        (r"\p{Greek}", ["λ"], ["l"]),
        (r"\Aa\z", ["a"], ["a\n"]),
        (r"a(?i)b", ["aB"], ["AB"]),
        (r"[[:alpha:]]", ["q"], [":", "é"]),
        (r"\h", ["\t", "\u00a0"], ["\n"]),
    ],
)
def test_escapes(pattern: str, hits: list[str], misses: list[str]) -> None:
    """An expression finds what pcre2pattern(3) says, whatever the options of the package that runs it."""
    found = searcher(pattern)
    assert [text for text in hits if not found(text)] == []
    assert [text for text in misses if found(text)] == []


@pytest.mark.parametrize("pattern", [r"\u0022", r"\U", r"\L", r"\x{}", r"\x{zz}", r"\x{41", "(", r"\x{110000}"])
def test_what_pcre_refuses(pattern: str) -> None:
    """What PCRE does not know is refused, not read as another language has it."""
    with pytest.raises(QueryError):
        searcher(pattern)
    with pytest.raises(LibraryError, match="no regular expression"):
        compile_rule({"detection": {"s": {"f|re": pattern}, "condition": "s"}})


@pytest.mark.parametrize("pattern", [r"(x+x+)+y", r"(a+)+$", r"^(a|a)*$", r"(.*){30}z"])
def test_expensive_expressions(pattern: str) -> None:
    """An expression that would take for ever ends with PCRE's limit, as an error of ours, or with an answer."""
    found = searcher(pattern)
    start = time.process_time()
    for text in ("x" * 60, "a" * 60 + "!"):
        try:
            found(text)
        except LibraryError as fault:
            assert "gives up" in fault.message  # noqa: PT017
    assert time.process_time() - start < 20
