"""Laws of the effort that Lucene makes for an expression: it is counted as Lucene counts it."""

from __future__ import annotations

import pytest

from converter.core.errors import QueryError
from converter.semantics.regular import lucene_effort, lucene_limits
from converter.semantics.regular.flavours import from_lucene
from converter.semantics.regular.lucene_regex import excess

#: expression -> the least `determinizeWorkLimit` with which Lucene 9.12.2 took it
COUNTED = {
    ".*a.{8}b.*": 948,
    ".*a.{10}b.*": 4404,
    ".*a.{11}b.*": 9421,
    ".*a.{10}": 1332,
    ".*é.{8}b.*": 948,
    ".*[é-ü].{10}": 1332,
    ".*" + "x" * 100 + ".*": 1041,
    ".*" + "x" * 290 + ".*": 8527,
    ".*" + "x" * 450: 10193,
}


@pytest.mark.parametrize("pattern", COUNTED, ids=[text[:16] for text in COUNTED])
def test_the_effort_is_lucenes(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The expression is taken within Lucene's own number, and not within one less."""
    limit = COUNTED[pattern]
    monkeypatch.setattr(lucene_effort, "SHORT", 0)
    monkeypatch.setattr(lucene_effort, "_BYTES", 0)  # a limit of its own
    for allowed, taken in ((limit * 10 - 1, True), ((limit - 1) * 10 - 1, False)):
        monkeypatch.setattr(lucene_effort, "_MOST", allowed)
        lucene_effort.excess.cache_clear()
        assert (excess(pattern) == "") is taken, allowed
    lucene_effort.excess.cache_clear()


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("(.*ab.*|.*cd.*|.*ef.*)", True),
        ("|".join(f".*\\.v{n}.*" for n in range(20)), False),
        (".*\\.v(" + "|".join(map(str, range(20))) + ").*", True),
        ("(a{50}){201}", False),
        ("x{1001}.*", False),
        ("(x{600}|y)z{300}w*", True),
        ("(x{600}|y)z{500}w*", False),
        ("x*y{2000}", True),
        ("@a<1-9>", True),
        ("()|a", True),
        ("", True),
        ("a" * 1000, True),
        ("a" * 1001, False),
        ("\U0001f600" * 501, False),
    ],
)
def test_what_lucene_gives_up_on_is_refused(pattern: str, taken: bool) -> None:
    """By the parser of every language that has such expressions, with the reason."""
    if taken:
        from_lucene(pattern)
        return
    with pytest.raises(QueryError, match=r"too complex: .*(10,000 effort|1,000)"):
        from_lucene(pattern)


def test_lengths_are_elasticsearchs() -> None:
    """What fits fits, and one character more does not; only some queries of a text have a limit."""
    text = "".join(chr(97 + n % 23) + str(n % 7) for n in range(20_000))
    assert not lucene_limits.term(text[:32_766])
    assert lucene_limits.term(text[:32_767])
    assert not lucene_limits.term(text[:1_000], ignore_case=True)
    assert lucene_limits.term(text[:1_001], ignore_case=True)
    assert not lucene_limits.prefix(text[:999])
    assert lucene_limits.prefix(text[:1_000])
    assert lucene_limits.prefix("é" * 500)
    assert not lucene_limits.affix(text[:3_000], True, True)
    assert lucene_limits.affix("x" * 500, True, True)
    assert not lucene_limits.wildcard(lucene_limits.sequence("*a????????b*"))
    assert lucene_limits.wildcard(lucene_limits.sequence("*a????????????b*"))
    assert not lucene_limits.order(text[:1_000])
    assert lucene_limits.order(text[:1_001])
    assert not lucene_limits.clauses(1_024)
    assert lucene_limits.clauses(1_025)
    assert not lucene_limits.nested(30)
    assert lucene_limits.nested(31)
