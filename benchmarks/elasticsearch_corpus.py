"""A folder of public rules on a real Elasticsearch, every Elastic target: what comes back, and what should.

    python -m benchmarks.elasticsearch_corpus RULES [--every N] [--offset N] [--target NAME]... [--keep FILE]
                                                    [--format text|json]

Each query runs over the events that the prover makes of its own rule, as every kind of record that the platform may
write for them, and over those of the other rules of its group. A pair (rule, target) is *right*; *wrong*: another
record is returned, or one is missing; *silent*: nothing comes back, or a part matches nothing, and no error says so;
*refused* by Elasticsearch; *unsupported*: refused by us, with the reason; *untested*: no event of it.
Probes are bounded (`TESTS`, `PROBES`), and the report says for how many rules. JSON is one object a line, as the groups
come; progress is told on stderr. Exit code 1 if a pair is wrong, silent or refused by Elasticsearch. Needs
`parity engines install elasticsearch`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from converter.build.bench import Bench, Sample, bench  # noqa: E402
from converter.convert.convert import Converter  # noqa: E402
from converter.core.discovery import schema_of, targets  # noqa: E402
from converter.core.errors import EngineError, NotRepresentable, ParityError, Unsupported  # noqa: E402
from converter.core.model import Query, Rule, Target  # noqa: E402
from converter.core.platform import Kind, Schema  # noqa: E402
from converter.core.verdict import Case, Engine  # noqa: E402
from converter.engines.elastic.elasticsearch_dsl import ENGINE as DSL  # noqa: E402
from converter.engines.elastic.elasticsearch_eql import ENGINE as EQL  # noqa: E402
from converter.engines.elastic.elasticsearch_esql import ENGINE as ESQL  # noqa: E402
from converter.engines.elastic.elasticsearch_lucene import ENGINE as LUCENE  # noqa: E402
from converter.platforms.domains import domain_of  # noqa: E402
from converter.platforms.pullback import fix  # noqa: E402
from converter.prove.prove import prove  # noqa: E402
from converter.rules.evaluator import compile_rule  # noqa: E402
from converter.rules.library import read_folder  # noqa: E402
from converter.rules.meaning import meaning  # noqa: E402
from converter.semantics.decide.domain import Budget  # noqa: E402
from converter.verify.excuses import Excuses  # noqa: E402
from tests.support.probes import Probes, atoms_of, evenly, probe, telling  # noqa: E402

ENGINES: dict[str, Engine] = {engine.dialect: engine for engine in (DSL, EQL, ESQL, LUCENE)}
OUTCOMES = ("right", "wrong", "silent", "refused", "unsupported", "untested", "error")
#: rules whose records share an index: a corpus of its own costs a second, and each is the others' near miss
GROUP = 25
#: probes of one rule, taken evenly from those that were made
PROBES = 24
#: tests of one rule that probes are made for, taken evenly from all; alternatives of one pattern that get one; effort
#: for one of them
TESTS, ALTERNATIVES, BUDGET = 24, 8, Budget(steps=150_000, conflicts=1_000)
#: a rule with more tests than this gets probes for few of them, as each costs a second there
MANY, FEW = 250, 4
#: how the engine tells that a part of a query became "matches nothing"
_SILENT = re.compile(r"match(es)? nothing")
_POSITION = re.compile(r"record (\d+):")


@dataclass(frozen=True)
class Pair:
    """How a rule fared at a target; `why` is the first record at fault, or the reason of a refusal."""

    rule: str
    target: str
    outcome: str
    why: str = ""
    proof: str = ""
    records: int = 0
    #: whether some test of the rule has no probe, because the rule has more than `TESTS`
    bounded: bool = False


def probes(rule: Rule, schema: Schema) -> tuple[tuple[Case, ...], bool]:
    """Events of a rule for one platform, with the evaluator's verdict, and whether some test of the rule got none
    because it has more than `TESTS`; no events where the prover makes none.

    They are of the first kind of record in which the rule can match: of accepted connections, if it asks for those.
    """
    cases: tuple[Case, ...] = ()
    bounded = False
    for kind in {repr(kind.sigma): kind for kind in schema.kinds if kind.meant_by(rule)}.values():
        with suppress(ParityError):
            asked = fix(meaning(rule), kind)
            most = FEW if len(set(atoms_of(asked))) > MANY else TESTS
            found = probe(asked, domain_of(kind, schema), BUDGET, most, ALTERNATIVES)
            cases, bounded = _cases(rule, kind, schema, found), found.passed > 0
            if any(case.match for case in cases):
                break
    return cases, bounded


def _cases(rule: Rule, kind: Kind, schema: Schema, found: Probes) -> tuple[Case, ...]:
    judge, chosen = compile_rule(rule), evenly(found.probes, PROBES)
    fixed = {name: value for name, value in kind.sigma.items() if value is not None}
    events = [{**telling(rule, schema), **fixed, **item.event} for item in chosen]
    return tuple(Case(item.name, event, judge(event)) for item, event in zip(chosen, events, strict=True))


def indexed(made: Bench) -> Bench:
    """The bench without the records that Elasticsearch refuses (a value beyond its column's type, or too long)."""
    samples = list(made.samples)
    while samples:
        trial = Bench(made.schema, tuple(samples), made.not_representable, made.now)
        try:
            DSL.run('{"query":{"match_none":{}}}', trial.records, trial.schema, trial.now)
            return trial
        except NotRepresentable as error:
            at = _POSITION.search(str(error))
            if at is None:
                raise
            del samples[int(at[1])]
    return Bench(made.schema, (), made.not_representable, made.now)


def matched(rule: Rule, made: Bench) -> frozenset[int]:
    """The positions of the records that the rule matches, if its platform loses nothing."""
    judge = compile_rule(rule)
    about = {kind.name for kind in made.schema.kinds if kind.meant_by(rule)}
    return frozenset(at for at, s in enumerate(made.samples) if s.kind.name in about and judge(s.case.event))


def judged(
    query: Query, target: Target, rule: Rule, made: Bench, excuses: Excuses, expected: frozenset[int] | None = None
) -> Pair:
    """One query on the node, over all records of the group; `expected` is what `matched` gives."""
    expected = matched(rule, made) if expected is None else expected
    own = sum(sample.owner == rule.path for sample in made.samples)
    if not own:
        return Pair(rule.path, target.name, "untested", "no event that the platform can hold")
    try:
        hits = ENGINES[target.dialect].run(query.text, made.records, made.schema, made.now)
    except EngineError as error:
        return Pair(rule.path, target.name, "error", str(error))
    except ParityError as error:
        return Pair(rule.path, target.name, "silent" if _SILENT.search(str(error)) else "refused", str(error))
    found = {hit.position for hit in hits}
    odd = [at for at in sorted(found ^ expected) if not excuses.of([rule], made.samples[at], at in found)]
    if not odd:
        return Pair(rule.path, target.name, "right", records=len(made.samples))
    told = "; ".join(_told(made.samples[at], at in found) for at in odd[:3])
    return Pair(rule.path, target.name, "wrong" if found else "silent", f"{len(odd)} records: {told}")


def _told(sample: Sample, hit: bool) -> str:
    return f"{'returned' if hit else 'not returned'}: {sample.kind.name} {dict(sample.record.fields)}"


def run(rules: Sequence[Rule], names: Sequence[str], tell: Callable[[str], None]) -> Iterator[list[Pair]]:
    """Every pair, group by group, and of a group platform by platform."""
    chosen = [targets()[name] for name in names]
    for start in range(0, len(rules), GROUP):
        group = rules[start : start + GROUP]
        yield [
            pair
            for schema in {t.schema: schema_of(t) for t in chosen}.values()
            for pair in _group(group, schema, chosen)
        ]
        tell(f"{start + len(group)} of {len(rules)} rules")


def _group(group: Sequence[Rule], schema: Schema, chosen: Sequence[Target]) -> Iterator[Pair]:
    own = {rule.path: rule for rule in group if any(kind.meant_by(rule) for kind in schema.kinds)}
    if not own:
        return
    found = {path: probes(rule, schema) for path, rule in own.items()}
    made = indexed(bench(schema, {path: cases for path, (cases, _) in found.items()}, own))
    excuses = Excuses(schema)
    expected = {path: matched(rule, made) for path, rule in own.items()}
    for target in (t for t in chosen if schema_of(t) is schema):
        for path, rule in own.items():
            yield replace(_pair(rule, target, made, excuses, expected[path]), bounded=found[path][1])


def _pair(rule: Rule, target: Target, made: Bench, excuses: Excuses, expected: frozenset[int]) -> Pair:
    try:
        query = Converter().query(rule, target)
    except Unsupported as error:
        return Pair(rule.path, target.name, "unsupported", f"{error.feature}: {error.message}")
    except ParityError as error:
        return Pair(rule.path, target.name, "error", str(error))
    found = judged(query, target, rule, made, excuses, expected)
    if found.outcome in ("right", "untested"):
        return found
    proof = prove(query, target, {rule.path: rule}).outcome
    return Pair(found.rule, found.target, found.outcome, found.why, proof.value)


def report(pairs: Sequence[Pair]) -> None:
    """The table, and under it every pair that is not right with its reason; refusals of ours by reason."""
    names = list(dict.fromkeys(pair.target for pair in pairs))
    width = max(map(len, names), default=6)
    print(f"{'target':{width}} " + " ".join(f"{outcome:>11}" for outcome in OUTCOMES))
    for name in names:
        counts = Counter(pair.outcome for pair in pairs if pair.target == name)
        print(f"{name:{width}} " + " ".join(f"{counts[outcome]:11}" for outcome in OUTCOMES))
    bounded = {pair.rule for pair in pairs if pair.bounded}
    print(
        f"{PROBES} probes a rule at most; {len(bounded)} rules have more than {TESTS} tests, of which {TESTS} got"
        f" probes, or {FEW} where there are more than {MANY}"
    )
    for pair in pairs:
        if pair.outcome in ("wrong", "silent", "refused", "error"):
            print(f"{pair.outcome} {pair.target} {pair.rule} (proof: {pair.proof or 'none'})\n    {pair.why[:600]}")
    reasons = Counter(pair.why.split("\n")[0][:110] for pair in pairs if pair.outcome == "unsupported")
    for reason, count in reasons.most_common():
        print(f"unsupported {count:5}  {reason}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every Nth rule only")
    parser.add_argument("--offset", type=int, default=0, help="the first of them")
    elastic = [name for name, target in targets().items() if target.dialect in ENGINES]
    parser.add_argument("--target", action="append", choices=elastic)
    parser.add_argument("--keep", type=Path, help="write the pairs here too; go on where a run that was ended left off")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    given = parser.parse_args()

    def tell(text: str) -> None:
        print(f"{time.perf_counter() - start:6.0f} s  {text}", file=sys.stderr, flush=True)

    start = time.perf_counter()
    names = given.target or elastic
    rules, faults = read_folder(given.rules)
    schemas = [schema_of(targets()[name]) for name in names]
    sources = {kind.logsource for schema in schemas for kind in schema.kinds}
    chosen = [rule for rule in rules if any(rule.covers(source) for source in sources)][given.offset :: given.every]
    pairs = kept(given.keep)
    left = [rule for rule in chosen if rule.path not in {pair.rule for pair in pairs}]
    tell(f"{len(rules)} rules, {len(faults)} unreadable; {len(chosen)} chosen, {len(left)} to run")
    for group in run(left, names, tell):
        pairs += group
        lines = "".join(json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in group)
        if given.keep:
            with given.keep.open("a", encoding="utf-8") as file:
                file.write(lines)
        if given.format == "json":
            print(lines, end="", flush=True)
    if given.format == "text":
        report(pairs)
        print(f"{len(pairs)} pairs of {len(chosen)} rules in {time.perf_counter() - start:.0f} s")
    return 1 if any(pair.outcome in ("wrong", "silent", "refused", "error") for pair in pairs) else 0


def kept(file: Path | None) -> list[Pair]:
    """The pairs of an earlier run with the same choice of rules and targets; a group is written when it is whole."""
    if file is None or not file.exists():
        return []
    return [Pair(**json.loads(line)) for line in file.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
