"""Laws of what Elasticsearch takes at most: what it would refuse is written another way, or refused with the reason."""

from __future__ import annotations

import json
import re

import pytest

from converter.core.discovery import find_target, schema_of
from converter.core.errors import ParityError, QueryError, Unsupported
from converter.dialects.condition import And, Condition, Match, Not, Or, Regex, Wild
from converter.dialects.registry import dialect
from converter.semantics.regular.lucene_limits import MAX_CLAUSES, MAX_NESTED
from tests.dialects.test_literals import COLUMNS, draft, fires, pattern

ELASTIC = pytest.mark.parametrize("target", ["elastic-dsl", "elastic-eql", "elastic-esql", "elastic-lucene"])
#: text in which nothing is repeated
LONG = "".join(chr(97 + n % 23) + str(n % 7) for n in range(1000))


def written(target: str, condition: Condition) -> str:
    return dialect(find_target(target).dialect).write(draft(target, condition))


def refusal(target: str, condition: Condition) -> str:
    with pytest.raises(Unsupported) as caught:
        written(target, condition)
    return str(caught.value)


@ELASTIC
def test_alternatives_that_are_too_complex_together_are_asked_one_by_one(target: str) -> None:
    """The query fires where one of them matches, and on nothing else; in the middle of an expression too."""
    column = COLUMNS[target][1]
    many = "|".join(f"{n}[^;]*\\.v{n}q" for n in range(10, 30))
    query = written(target, Regex(column, f"a(?:{many})z"))
    assert len(re.findall(r"\.v[12]\dq|v[12]\dq", query)) == 20
    for n in (10, 19, 29):
        assert fires(target, query, f"xa{n} b.v{n}qz")
        assert not fires(target, query, f"xa{n} b.v{n + 1}qz")


@ELASTIC
def test_an_expression_that_no_split_helps_is_refused(target: str) -> None:
    """With what Elasticsearch says of it."""
    column = COLUMNS[target][1]
    assert "10,000 effort" in refusal(target, Regex(column, "a[^x]{12}b"))
    assert "1,000" in refusal(target, Regex(column, LONG[:1001]))
    written(target, Regex(column, "a[^x]{6}b"))


@ELASTIC
@pytest.mark.parametrize(
    "parts",
    [
        (LONG[:1001],),
        (LONG[:1001], Wild.ANY),
        (Wild.ANY, "a", *(Wild.ONE,) * 12, "b", Wild.ANY),
        (Wild.ANY, "x" * 500, Wild.ANY),
    ],
    ids=["whole", "prefix", "any characters", "repeated"],
)
def test_a_text_that_is_too_long_is_refused(target: str, parts: tuple[str | Wild, ...]) -> None:
    """By the writer; every language ignores the case of texts of a thousand characters only."""
    assert refusal(target, Match(COLUMNS[target][1], (pattern(*parts),)))


@ELASTIC
def test_as_many_tests_as_any_cluster_takes(target: str) -> None:
    """One more than that is refused by the writer, and by the reader of what stands there."""
    column = COLUMNS[target][1]
    leaf = Match(column, tuple(pattern(Wild.ANY, f"w{n}.", Wild.ANY) for n in range(MAX_CLAUSES + 1)))
    assert "clauses" in refusal(target, leaf)
    query = written(target, Match(column, leaf.patterns[: MAX_CLAUSES // 2]))
    once = query.strip()
    twice = {
        "elastic-dsl": lambda: json.dumps({"query": {"bool": {"should": [json.loads(once)["query"]] * 3}}}),
        "elastic-eql": lambda: (
            once + "\n or (" + once.split(" where\n")[1] + ")\n or (" + once.split(" where\n")[1] + ")"
        ),
        "elastic-esql": lambda: once.replace(
            "| KEEP", 3 * ("| WHERE " + once.split("| WHERE ")[1].split("| KEEP")[0]) + "| KEEP"
        ),
        "elastic-lucene": lambda: f"({once}) OR ({once}) OR ({once})",
    }[target]()
    schema = schema_of(find_target(target))
    dialect(find_target(target).dialect).read(once, schema)
    with pytest.raises(QueryError, match="clauses"):
        dialect(find_target(target).dialect).read(twice, schema)


def test_query_dsl_nests_as_deep_as_elasticsearch_follows() -> None:
    """A level for each query in another, the innermost included; the writer knows it and the reader."""
    column = COLUMNS["elastic-dsl"][1]
    condition: Condition = Match(column, (pattern("a"),))
    for n in range(MAX_NESTED):
        condition = Or((Match(column, (pattern(f"o{n}"),)), And((Match(column, (pattern(f"a{n}"),)), condition))))
    assert "nest" in refusal("elastic-dsl", Not(condition))
    query: object = {"term": {column: "a"}}
    schema = schema_of(find_target("elastic-dsl"))
    for _ in range(MAX_NESTED - 1):
        query = {"bool": {"filter": [query]}}
    dialect("dsl").read(json.dumps({"query": query}), schema)
    with pytest.raises(ParityError, match="nest"):
        dialect("dsl").read(json.dumps({"query": {"bool": {"filter": [query]}}}), schema)
