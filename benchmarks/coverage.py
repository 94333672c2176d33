"""Which rules of a folder have a proved query where: `python benchmarks/coverage.py RULES [--workers N]`.

A rule is covered by a family of targets (KQL, SPL, Elastic) when the query of at least one of its targets is proved.
Prints, per log source, how many rules each family covers and how many all three do, the shares overall, and the reasons
for which a family has no query, by how many rules they cost. Exit code 1 if a pair disagrees or fails.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.prove_corpus import Result, all_results  # noqa: E402
from converter.core.discovery import targets  # noqa: E402
from converter.core.model import Rule  # noqa: E402
from converter.core.verdict import Outcome  # noqa: E402
from converter.rules.library import read_folder  # noqa: E402

#: family -> the dialects of its targets
FAMILIES = {"KQL": ("kql",), "SPL": ("spl",), "Elastic": ("eql", "esql", "lucene", "dsl")}


@dataclass(frozen=True)
class Coverage:
    """What the families have of one rule: those with a proved query, and why each of the others has none."""

    logsource: str
    path: str
    covered: frozenset[str]
    reasons: Mapping[str, tuple[str, ...]]


def family_of(target: str) -> str:
    """The family of a target, by its dialect."""
    dialect = targets()[target].dialect
    return next(family for family, dialects in FAMILIES.items() if dialect in dialects)


def coverage(rule: Rule, results: Iterable[Result]) -> Coverage:
    """The results of a rule by family."""
    found: defaultdict[str, list[Result]] = defaultdict(list)
    for result in results:
        found[family_of(result.target)].append(result)
    covered = frozenset(f for f, of in found.items() if any(r.outcome is Outcome.AGREE for r in of))
    reasons = {family: _reasons(of) for family, of in found.items() if family not in covered}
    return Coverage(str(rule.logsource), rule.path, covered, reasons)


def _reasons(results: Iterable[Result]) -> tuple[str, ...]:
    """Why no target of a family has a rule; that others have no data for it says nothing where one has some."""
    found = list(dict.fromkeys(result.reason.split("\n")[0][:110] for result in results))
    return tuple([reason for reason in found if not reason.startswith("logsource ")] or found)


def report(found: Sequence[Coverage], results: Sequence[Result]) -> int:
    """Print the tables; the exit code."""
    by_source: defaultdict[str, list[Coverage]] = defaultdict(list)
    for one in found:
        by_source[one.logsource].append(one)
    heads = [*FAMILIES, "all"]
    width = max(map(len, by_source), default=0)
    print(f"{'log source':{width}} {'rules':>6} " + " ".join(f"{head:>8}" for head in heads))
    for source, rules in sorted(by_source.items(), key=lambda item: (-len(item[1]), item[0])):
        print(f"{source:{width}} {len(rules):6} " + " ".join(f"{count:8}" for count in _counts(rules)))
    shares = " ".join(f"{count / max(1, len(found)):8.1%}" for count in _counts(found))
    print(f"{'all':{width}} {len(found):6} {shares}")
    outcomes = Counter(result.outcome for result in results)
    print("\npairs: " + ", ".join(f"{outcomes[o]} {o.value}" for o in Outcome if outcomes[o]))
    costs = Counter((family, reason) for one in found for family, why in one.reasons.items() for reason in why)
    examples = {(f, reason): one.path for one in found for f, why in one.reasons.items() for reason in why}
    print("\nrules that a family lacks, by reason")
    for (family, reason), count in costs.most_common():
        print(f"{count:5} {family:8} {reason}   e.g. {examples[family, reason]}")
    return 1 if outcomes[Outcome.DISAGREE] or outcomes[Outcome.ERROR] else 0


def _counts(rules: Sequence[Coverage]) -> list[int]:
    """How many of the rules each family covers, and how many all do."""
    each = [sum(family in rule.covered for rule in rules) for family in FAMILIES]
    return [*each, sum(len(rule.covered) == len(FAMILIES) for rule in rules)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    rules, faults = read_folder(given.rules)
    print(f"{len(rules)} rules read, {len(faults)} unreadable")
    results = list(all_results(rules, given.workers))
    by_rule: defaultdict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_rule[result.source].append(result)
    return report([coverage(rule, by_rule[rule.path]) for rule in rules], results)


if __name__ == "__main__":
    sys.exit(main())
