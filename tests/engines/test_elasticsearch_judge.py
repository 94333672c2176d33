"""A real Elasticsearch as the judge of readers, interpreters and of the query that a rule becomes.

Without an installation this is NOT_RUN, so the tests are skipped; PARITY_REQUIRE_ELASTICSEARCH=1 makes that a failure.
Many more queries, and a whole folder of rules: benchmarks/elasticsearch_fuzz.py and benchmarks/elasticsearch_corpus.py.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from benchmarks import elasticsearch_corpus as corpus
from benchmarks import esql_profile, osmem_differences
from converter.build.bench import Bench, bench
from converter.convert.convert import Converter
from converter.core.discovery import schema_of, schemas, targets
from converter.core.model import Rule
from converter.engines.elastic.shared_node import on_node
from converter.verify.excuses import Excuses
from tests.project import ROOT, built, library
from tests.support import node
from tests.support.fuzz import records, trees
from tests.support.fuzz.compare import FAULTS, LANGUAGES, Answer, Comparison, Tally, run
from tests.support.fuzz.trees import Leaf, Node

QUERIES = 200
SEED = 7


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    node.required()


@pytest.mark.parametrize("name", LANGUAGES)
def test_readers_and_interpreters_say_what_elasticsearch_does(name: str) -> None:
    """On random queries over awkward records, whoever gives an answer gives Elasticsearch's."""
    tally = Tally()
    found = [item for item in run(name, SEED, QUERIES, tally) if item.kind in FAULTS]
    assert not found, "\n".join(f"{d.kind} {d.judge} [{d.forms}]: {d.text[:300]}\n    {d.told[:300]}" for d in found)
    decided = tally.decided or {}
    assert min(decided.values()) > QUERIES / 3, f"too few queries were decided by both to say anything: {tally}"


#: text without a repetition in it: what is said of a length is not said of an effort
_LONG = "".join(chr(97 + n % 23) + str(n % 7) for n in range(1000))
_SEVERAL = [
    ".*\\.acl.*",
    ".*\\.bat.*",
    ".*\\.doc.*",
    ".*\\.gif.*",
    ".*\\.jpeg.*",
    ".*\\.jpg.*",
    ".*\\.mp3.*",
    ".*\\.pdf.*",
]
_SEVERAL += [".*\\.png.*", ".*\\.ppt.*"]
#: expression -> whether Elasticsearch takes it
EXPRESSIONS = {
    "|".join(_SEVERAL[:9]): True,
    "|".join(_SEVERAL): False,
    ".*a.{10}b.*": True,
    ".*a.{12}b.*": False,
    ".*[éÉ].{8}b.*": True,
    ".*[éÉ].{12}b.*": False,
    "(.*x){3}.*y": True,
    ".*[0-9a-f]{2,8}[a-f]{2}.*": True,
    ".*\\.exe[ ]+[^x]{0,64}fault\\.exe[ ]+[0-9]{2,10}.*": False,
    "x{999}": True,
    "x{1001}.*": False,
    "y" + "x{100}" * 9: True,
    _LONG[:1000]: True,
    _LONG[:999] + ".*": False,
    ".*" + "x" * 250 + ".*": True,
    ".*" + "x" * 500 + ".*": False,
}
#: pattern of `*` and `?`
WILDCARDS = {
    "*" + _LONG[:1500] + "*": True,
    _LONG[:990] + "*": True,
    _LONG[:1002] + "*": False,
    "*a" + "?" * 8 + "b*": True,
    "*a" + "?" * 12 + "b*": False,
    "*" + "x" * 500 + "*": False,
    "*x*x*x*x*y": True,
}


def _asked(name: str, word: str, pattern: str) -> str:
    """A query with one expression or pattern."""
    if name == "dsl":
        return json.dumps({"query": {word: {"k": {"value": pattern}}}})
    if name == "lucene":
        return f"k:/{pattern}/" if word == "regexp" else f"k:{pattern}"
    quoted = '"' + pattern.replace("\\", "\\\\") + '"'
    if name == "eql":
        return f"any where k {'regex' if word == 'regexp' else 'like'} {quoted}"
    return f"FROM logs-* METADATA _id | WHERE k {'RLIKE' if word == 'regexp' else 'LIKE'} {quoted} | KEEP _id"


@pytest.mark.parametrize("word", ["regexp", "wildcard"])
@pytest.mark.parametrize("name", LANGUAGES)
def test_an_expression_is_too_complex_for_the_reader_where_it_is_for_elasticsearch(name: str, word: str) -> None:
    """On either side of each limit, in every language: refused by both, or taken by both and the same."""
    comparison = Comparison(name)
    for pattern, taken in (EXPRESSIONS if word == "regexp" else WILDCARDS).items():
        text = _asked(name, word, pattern)
        node = comparison.node(text)
        assert (node.found is not None) is taken, f"{pattern[:80]}: {node.why}"
        assert comparison.differences(text, node) == {}, pattern[:80]


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_wrong_reading_is_noticed(name: str) -> None:
    """An answer with one record too many, and one to a query that Elasticsearch refuses, are differences."""
    comparison = Comparison(name)
    text = comparison.language.grammar.written(_some(name))
    node = comparison.node(text)
    assert node.found
    assert not comparison.differences(text, node)
    other = Answer(node.found - {min(node.found)})
    assert {kind for kind, _ in comparison.differences(text, other).values()} == {"wrong"}
    refused = Answer(None, "invalid", "Elasticsearch refused the query")
    assert {kind for kind, _ in comparison.differences(text, refused).values()} == {"taken"}


def _some(name: str) -> Leaf:
    tests = {"dsl": '{"term": {"k": "cmd.exe"}}', "lucene": 'k:"cmd.exe"'}
    return Leaf("test", tests.get(name, 'k == "cmd.exe"'))


def test_a_query_is_made_smaller_as_long_as_it_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least query has nothing in it that the difference does not need."""
    comparison = Comparison("eql")
    bad, good = Leaf("bad", 'k == "b"'), Leaf("good", 'k == "a"')
    tree = Node("and", (Node("or", (good, Node("not", (bad,)))), good))
    told = {"eql-interpreter": ("taken", "")}
    monkeypatch.setattr(comparison, "differences", lambda text: told if bad.text in text else {})
    assert comparison.least(tree, "eql-interpreter", "taken") == bad


def test_the_same_seed_makes_the_same_queries() -> None:
    """A query is found again by its dialect, seed and number; records are the same always."""
    assert records.records() == records.records()
    for language in LANGUAGES.values():
        texts = [language.grammar.written(language.grammar.condition(Random("x 1"))) for _ in range(2)]
        assert texts[0] == texts[1]
    assert trees.regex(Random(3)) == trees.regex(Random(3))


# The corpus benchmark


@functools.cache
def _bench(schema: str, rules: tuple[str, ...]) -> Bench:
    """The probes of rules of the library as one platform's records, each rule's the others' near misses."""
    chosen = {path: library().rules[path] for path in rules}
    cases = {path: corpus.probes(rule, schemas()[schema])[0] for path, rule in chosen.items()}
    return corpus.indexed(bench(schemas()[schema], cases, chosen))


def _pairs(rules: Sequence[Rule], target: str, text: str = "") -> list[corpus.Pair]:
    made = _bench(targets()[target].schema, tuple(rule.path for rule in rules))
    excuses, out = Excuses(made.schema), []
    for rule in rules:
        query = Converter().query(rule, targets()[target])
        asked = replace(query, text=text or query.text)
        out.append(corpus.judged(asked, targets()[target], rule, made, excuses))
    return out


@pytest.mark.parametrize("target", ["elastic-dsl", "elastic-lucene", "elastic-esql", "elastic-eql"])
def test_the_shipped_rules_are_right_on_their_probes(target: str) -> None:
    """Every query of the library returns exactly the probes that its rule matches, and none of the others'."""
    refused = {refusal.source for refusal in built().refusals if refusal.target == target}
    found = _pairs([rule for path, rule in library().rules.items() if path not in refused], target)
    assert len(found) > 50
    assert {pair.outcome for pair in found} == {"right"}, [pair for pair in found if pair.outcome != "right"]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("process.name:*", "wrong"),
        ("process.name:nothing", "silent"),
        ("process.name:/a{2,1}/", "silent"),
        ("process.name:/" + "a" * 1001 + "/ AND (", "refused"),
    ],
)
def test_a_query_that_is_not_the_rules_is_told_from_one_that_is(text: str, outcome: str) -> None:
    """Too much is wrong, nothing is silent, also without an error, and what is refused is refused."""
    rule = next(rule for path, rule in library().rules.items() if "process_creation" in path)
    assert _pairs([rule], "elastic-lucene", text)[0].outcome == outcome


def test_a_run_goes_on_where_it_left_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs that were kept are reported again, and their rules are not asked again."""
    monkeypatch.setattr(corpus, "GROUP", 1)
    file, rules = tmp_path / "pairs", ROOT / "sigma" / "windows" / "process_access"
    arguments = ["corpus", str(rules), "--target", "elastic-dsl", "--keep", str(file)]
    monkeypatch.setattr("sys.argv", arguments)
    assert corpus.main() == 0
    first = corpus.kept(file)
    assert {pair.outcome for pair in first} == {"right"}
    monkeypatch.setattr(corpus, "_group", lambda *_: pytest.fail("asked again"))
    assert corpus.main() == 0
    assert corpus.kept(file) == first


# The embedded server


def test_the_page_of_osmem_differences_is_what_both_say() -> None:
    """Each row of docs/osmem.md is asked of both again, and on each they differ."""
    assert osmem_differences.PAGE.read_text("utf-8") == osmem_differences.page()
    same = [row.title for row in osmem_differences.ROWS if len(set(osmem_differences.answers(row))) == 1]
    assert not same, "these are no differences any more: take the rows out"


# The profile of ES|QL


def test_the_profile_tells_what_the_index_answers() -> None:
    """A test of a bare column is the index's; one behind a function is computed, and its column loaded."""
    schema = schema_of(targets()["elastic-esql"])
    text = 'FROM logs-windows.sysmon_operational-* METADATA _id | WHERE event.code == "1" AND {} | KEEP _id'
    asked = [text.format(test) for test in ('TO_LOWER(process.name) LIKE "*a*"', 'process.name LIKE "*a*"')]
    records = esql_profile.everything(schema)
    found = [on_node(lambda place, t=t: esql_profile.measured(t, place, records, schema)) for t in asked]  # type: ignore[misc]
    assert found == [(1, 2, ["process.name"]), (2, 2, [])]
