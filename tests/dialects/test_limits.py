"""Laws of platform limits: what a platform does not take is not written, and two missing fields are never equal."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from converter.core.discovery import find_target, schema_of, targets
from converter.core.errors import OutOfFragment, QueryError, Unsupported
from converter.core.model import Query
from converter.core.verdict import Outcome
from converter.dialects.condition import And, Match, Not, Or, Regex, SameAs, Wild
from converter.dialects.kql.depth import levels
from converter.dialects.kql.tokens import tokenize
from converter.dialects.limits import excess, limits
from converter.dialects.registry import dialect
from converter.semantics.decide.evaluate import holds
from converter.semantics.regular import lucene_limits
from converter.verify import binder_check
from tests.dialects.test_literals import COLUMNS, TARGETS, draft, fires, meaning, pattern, write


def test_sentinel_takes_ten_thousand_characters() -> None:
    """A longer query is refused by the writer on Sentinel, and written for Defender, which has no such limit."""
    leaf = Match("ProcessCommandLine", tuple(pattern(Wild.ANY, f"value {n}", Wild.ANY) for n in range(400)))
    long = draft("defender", leaf)
    assert len(dialect("kql").write(long)) > 10_000
    with pytest.raises(Unsupported, match=r"takes 10,000"):
        dialect("kql").write(replace(long, target=find_target("sentinel")))


def test_a_limit_counts_to_the_character() -> None:
    """The last character that fits fits."""
    assert not excess("x" * 10_000, find_target("sentinel"))
    assert excess("x" * 10_001, find_target("sentinel"))
    assert not any(excess("x" * 10_001, t) for t in targets().values() if not t.name.startswith("sentinel"))


@TARGETS
def test_long_chains_do_not_nest(target: str) -> None:
    """Many tests that no list can hold are read back, each of them: two thousand, or as many as any cluster takes."""
    column = COLUMNS[target][1]
    count = lucene_limits.MAX_CLAUSES - 40 if target.startswith("elastic") else 2000
    leaf = Match(column, tuple(pattern(Wild.ANY, f"w{n}.", Wild.ANY) for n in range(count)))
    query = write(target, Or((leaf, Match(column, (pattern("other"),)))))
    assert query is not None
    assert fires(target, query, f"a w{count - 1}. b")
    assert fires(target, query, "OTHER")
    assert not fires(target, query, f"w{count}.")


@pytest.mark.parametrize("target", ["elastic-dsl", "elastic-eql", "elastic-esql", "elastic-lucene"])
def test_expressions_end_at_a_thousand_units_of_utf16(target: str) -> None:
    """One emoji is two; what is longer is refused, in every language that hands expressions to Lucene."""
    column = COLUMNS[target][1]
    # of a character that is repeated, Lucene would keep count: that is another limit
    body = "".join(chr(0x1F600 + n % 64) for n in range(497))
    assert write(target, Regex(column, body)) is not None
    assert write(target, Regex(column, body + "abc")) is None


def test_two_missing_fields_are_not_equal() -> None:
    """Where a JSON null arrives as the text `null`, on both sides, no comparison of the two holds."""
    one, other = "properties.ProcessCommandLine", "properties.InitiatingProcessCommandLine"
    query = write("splunk-defender", SameAs(one, other, "equals"))
    assert query is not None
    read = meaning("splunk-defender", query)
    assert holds(read, {"host": "h", one: "A", other: "a"})
    assert not holds(read, {"host": "h", one: "null", other: "null"})
    negated = write("splunk-defender", Not(SameAs(one, other, "equals")))
    assert negated is not None
    assert not holds(meaning("splunk-defender", negated), {"host": "h", one: "A", other: "a"})


@pytest.mark.parametrize("target", sorted(targets()))
def test_every_target_says_the_version_it_needs(target: str) -> None:
    """A minimum is data with a reason and a source; a service has no version, everything else has one."""
    needed = dialect(find_target(target).dialect).requirements
    assert needed
    for requirement in needed:
        assert requirement.reason
        assert requirement.source.startswith("https://")
        assert bool(requirement.version) != str(requirement).endswith("(a service, without versions)")


def test_limits_have_sources() -> None:
    """Each names a language or a target that there is, says what is done about it, and where it is documented."""
    assert limits().keys() <= targets().keys() | {target.dialect for target in targets().values()}
    for own in limits().values():
        for one in own.values():
            assert one.what
            assert one.kept
            assert one.source.startswith("https://")


def bounded(monkeypatch: pytest.MonkeyPatch, of: str, name: str, number: int) -> None:
    """Sets a limit for a test."""
    own = {**limits()[of], name: replace(limits()[of][name], most=number)}
    changed = {**limits(), of: own}
    monkeypatch.setattr("converter.dialects.limits.limits", lambda: changed)


#: shape -> how often Microsoft's language service takes it, measured with @kusto/language-service-next 12.4.1
SHAPES = {
    "or": (lambda n: " or ".join(['FileName == "a"'] * n), 492),
    "and": (lambda n: " and ".join(['FileName == "a"'] * n), 492),
    "where": (lambda n: "\n| where ".join(['FileName == "a"'] * n), 492),
    "parentheses": (lambda n: "(" * n + 'FileName == "a"' + ")" * n, 491),
    "call": (lambda n: "not(" * n + 'FileName == "a"' + ")" * n, 122),
    "both": (lambda n: '(FileName == "a" or ' * n + 'FileName == "b"' + ")" * n, 245),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_kql_nests_as_deeply_as_kusto_follows(shape: str) -> None:
    """The count of levels is Microsoft's to the level: so many are read, or refused for another reason; one more is
    over. Where the language service is there, it says the same of both texts."""
    make, count = SHAPES[shape]
    texts = [f"DeviceProcessEvents\n| where {make(n)}\n" for n in (count, count + 1)]
    assert levels(tokenize(texts[0])) <= 500 < levels(tokenize(texts[1]))
    schema = schema_of(find_target("defender"))
    with pytest.raises(OutOfFragment, match=r"50\d levels deep"):
        dialect("kql").read(texts[1], schema)
    with contextlib.suppress(OutOfFragment):  # the reader's own limit on brackets is lower
        dialect("kql").read(texts[0], schema)
    found = [
        binder_check.verdict(Query("x", "defender", "kql", text, "x"), find_target("defender"), schema.types)
        for text in texts
    ]
    if found[0].outcome is not Outcome.NOT_RUN:
        assert [one.outcome for one in found] == [Outcome.AGREE, Outcome.DISAGREE]
        assert "KS245" in found[1].detail


def test_many_conjuncts_are_not_as_many_operators() -> None:
    """Each `where` is a level of the query's: six hundred conditions are one `where`, balanced."""
    column = COLUMNS["defender"][1]
    parts = tuple(Match(column, (pattern(Wild.ANY, f"w{n}.", Wild.ANY),)) for n in range(600))
    query = write("defender", And(parts))
    assert query is not None
    assert levels(tokenize(query)) <= 500
    every = " ".join(f"w{n}." for n in range(600))
    assert fires("defender", query, every)
    assert not fires("defender", query, every.replace("w345.", ""))


def test_a_list_that_kusto_cuts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further values would be left out without a word: the writer writes none, and the reader proves nothing of it."""
    column = COLUMNS["defender"][1]
    leaf = Match(column, tuple(pattern(f"v{n}") for n in range(21)))
    query = write("defender", leaf)
    assert query is not None
    bounded(monkeypatch, "kql", "values", 20)
    assert write("defender", leaf) is None
    with pytest.raises(OutOfFragment, match="21 values"):
        dialect("kql").read(query, schema_of(find_target("defender")))
    assert write("defender", Match(column, leaf.patterns[:20])) is not None


def test_searches_within_each_other_end_at_one() -> None:
    """Far below Splunk's limit: a deeper one is neither written nor read."""
    assert limits()["spl"]["searches"].most == 8
    one = '| multisearch [search host="h" CommandLine="a"] [search host="h" CommandLine="b"]'
    schema = schema_of(find_target("splunk-sysmon"))
    assert len(dialect("spl").read(one, schema)) == 2
    with pytest.raises(QueryError, match="a subsearch starts with the search command"):
        dialect("spl").read(f'| multisearch [{one}] [search host="h"]', schema)
