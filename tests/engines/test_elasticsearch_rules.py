"""Random rules and mutants of queries, judged by a real Elasticsearch.

`test_random_rules.py` and `test_mutants.py` hold the same laws to the engines that start at once, over more of both.
Rules share their records here: each one's events are the others' near misses, and a corpus costs more than a query.
"""

from __future__ import annotations

import functools

import pytest

from benchmarks.elasticsearch_corpus import ENGINES, indexed
from converter.build.bench import Bench, bench
from converter.core.discovery import schemas, targets
from converter.core.model import Query, Rule, Target
from converter.core.verdict import Case, Outcome
from converter.mutation.fates import fates
from converter.rules.evaluator import compile_rule
from converter.verify.verify import Subject, verify
from tests.support import node
from tests.support.generated import sources
from tests.support.probes import probes_for
from tests.test_mutants import SUBJECTS, some
from tests.test_random_rules import EXAMPLES, made, proved, queries

ELASTIC = [target for target in targets().values() if target.schema == "ecs"]
#: random rules of each log source, and how many of the queries of a target have mutants, of as many each
RULES = max(1, EXAMPLES // 8)
EVERY, MUTANTS = 8, 5


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    node.required()


@functools.cache
def random_rules() -> tuple[dict[str, Rule], Bench]:
    """A random rule of each log source, and records of random events and of the prover's for all of them."""
    rules: dict[str, Rule] = {}
    cases: dict[str, tuple[Case, ...]] = {}
    for source in sources():
        if not any(source.logsource in kind.logsources for kind in schemas()["ecs"].kinds):
            continue
        for number in range(RULES):
            maker, rule = made(source, number)
            judge = compile_rule(rule.raw)
            rules[rule.path] = rule
            events = [maker.event() for _ in range(6)]
            found = probes_for(rule, schemas()["ecs"]).cases()[:12]
            cases[rule.path] = (*found, *(Case(f"random {n}", e, judge(e)) for n, e in enumerate(events)))
    return rules, indexed(bench(schemas()["ecs"], cases, rules))


@functools.cache
def written(path: str) -> dict[str, Query]:
    """The queries of a random rule that the gate lets through."""
    rule = random_rules()[0][path]
    return {name: query for name, query in queries(rule).items() if targets()[name] in ELASTIC and proved(rule, query)}


@pytest.mark.parametrize("target", ELASTIC, ids=lambda target: target.name)
def test_random_rules_mean_on_elasticsearch_what_the_evaluator_says(target: Target) -> None:
    """What the gate lets through returns exactly the records that its rule matches, but for named losses."""
    rules, platform = random_rules()
    judges = {path: compile_rule(rule) for path, rule in rules.items()}
    ran = 0
    for path, rule in rules.items():
        query = written(path).get(target.name)
        if query is None:
            continue
        verdict = verify(Subject.of_rule(query, target, rule), ENGINES[target.dialect], platform, judges)
        assert verdict.outcome is Outcome.AGREE, f"{verdict.detail}\n{rule.raw['detection']}\n{query.text}"
        ran += 1
    assert ran > len(rules) / 2


@functools.cache
def mutated_bench() -> Bench:
    """The prover's events for all rules whose queries are mutated here."""
    rules = {path: rule for s in SUBJECTS if s.target in ELASTIC for path, rule in s.rules.items()}
    chosen = dict(list(rules.items())[::EVERY])
    return bench(schemas()["ecs"], {p: probes_for(r, schemas()["ecs"]).cases() for p, r in chosen.items()}, chosen)


@pytest.mark.parametrize("target", ELASTIC, ids=lambda target: target.name)
def test_elasticsearch_contradicts_no_verdict_on_a_mutant(target: Target) -> None:
    """The event that tells a mutant from its rule is answered as the proof says; an equivalent one answers alike."""
    platform, ran = mutated_bench(), 0
    owners = {sample.owner for sample in platform.samples}
    for subject in (s for s in SUBJECTS if s.target is target and owners.intersection(s.rules)):
        for fate in fates(subject, some(subject, MUTANTS), [ENGINES[target.dialect]], platform):
            assert not fate.contradiction, (fate.mutant.note, fate.contradiction)
            ran += bool(fate.engine)
    assert ran >= MUTANTS * 3
