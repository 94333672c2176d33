"""What the queries of a folder of rules cost by the model, before and after: `python -m benchmarks.cost RULES`.

    --save FILE     keep the queries of this checkout as JSON (target -> rule -> text)
    --before FILE   compare with queries that were kept so, for example in a worktree of an earlier commit

Prints for each target how many queries nothing narrows that an index answers (`scan`), the median length, and how
many queries have a line of more than 120 characters outside comments; beside it the goal. With `--profiled` it is told
how often the model and a node counted the same tests, as `benchmarks/esql_profile.json` measured them for the queries
of `--before`. No engine that we have shows an index of terms (DuckDB reads every row whatever is asked), so of KQL and
SPL no time is measured here; of ES|QL `elasticsearch_corpus.py` and `esql_profile.py` ask a node. Exit code 1 if a goal
is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from converter.convert.convert import Converter  # noqa: E402
from converter.core.discovery import targets  # noqa: E402
from converter.core.errors import ParityError  # noqa: E402
from converter.core.model import Rule  # noqa: E402
from converter.core.processes import pool  # noqa: E402
from converter.dialects.costing import Answer  # noqa: E402
from converter.explain.cost import Cost, cost_of  # noqa: E402
from converter.rules.library import read_folder  # noqa: E402

PROFILE = ROOT / "benchmarks" / "esql_profile.json"
#: the share of queries of a language that may scan
GOALS = {"kql": 0.05, "spl": 0.10, "esql": 0.0, "eql": 0.0, "dsl": 0.0, "lucene": 0.0}
WIDTH = 120
Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Figures:
    """Of the queries of one target."""

    queries: int
    scan: int
    median: float
    wide: int

    @property
    def share(self) -> float:
        return self.scan / max(self.queries, 1)


def written(rule: Rule) -> list[tuple[str, str, str]]:
    """(target, rule, query) of every target that can say the rule."""
    converter, found = Converter(), []
    for target in targets().values():
        try:
            found.append((target.name, rule.path, converter.query(rule, target).text))
        except ParityError:
            continue
    return found


def queries(rules: Sequence[Rule], workers: int) -> dict[str, dict[str, str]]:
    """target -> rule -> text."""
    out: dict[str, dict[str, str]] = {}
    with pool(workers) as executor:
        for rows in executor.map(written, rules, chunksize=8):
            for target, path, text in rows:
                out.setdefault(target, {})[path] = text
    return out


def weighed(texts: Mapping[str, str], target: str) -> Iterator[tuple[str, str, Cost]]:
    for path, text in texts.items():
        yield path, text, cost_of(text, targets()[target])


def figures(texts: Mapping[str, str], target: str) -> Figures:
    found = list(weighed(texts, target))
    wide = sum(any(len(line) > WIDTH and not _is_comment(line) for line in text.splitlines()) for _, text, _ in found)
    lengths = [one.characters for _, _, one in found] or [0]
    return Figures(len(found), sum(one.scans for _, _, one in found), statistics.median(lengths), wide)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("//", "```"))


def report(now: Texts, before: Texts) -> int:
    """Print the table; the number of goals that are missed."""
    print(f"{'target':22} {'queries':>7}  {'scan':>14}  {'before':>14}  {'goal':>5}  {'median':>13}  {'wide':>9}")
    missed = 0
    for name, texts in now.items():
        own, goal = figures(texts, name), GOALS[targets()[name].dialect]
        old = figures(before[name], name) if name in before else None
        kept = own.share <= goal
        missed += not kept
        was = f"{old.scan:5} ({old.share:6.1%})" if old else "-"
        lengths = f"{own.median:,.0f}" + (f" ({old.median:,.0f})" if old else "")
        wide = f"{own.wide}" + (f" ({old.wide})" if old else "")
        told = f"{own.scan:5} ({own.share:6.1%})"
        print(
            f"{name:22} {own.queries:7}  {told:>14}  {was:>14}  {goal:5.0%}  {lengths:>13}  {wide:>9}"
            f"  {'kept' if kept else 'MISSED'}"
        )
    return missed


def against_the_node(texts: Texts) -> None:
    """How often the model counts as many tests of a query that the index answers as the node did.

    The profile counts a test as computed where one of its columns is loaded, for whatever test: the node may have
    answered more than it says.
    """
    measured = json.loads(PROFILE.read_text("utf-8"))["targets"]
    for name, rows in measured.items():
        same = more = less = 0
        for path, text in texts.get(name, {}).items():
            row = next((rows[key] for key in (path, path.split("/", 1)[-1]) if key in rows), None)
            (search,) = cost_of(text, targets()[name]).searches
            if row is None or row[1] != len(search):
                continue
            mine = sum(one.answer is not Answer.SCAN for one in search)
            same, more, less = same + (mine == row[0]), more + (mine > row[0]), less + (mine < row[0])
        print(f"{name}: the model counts as the node did for {same} queries, more for {more}, fewer for {less}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", type=Path)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--profiled", action="store_true", help="compare --before with the node's profile")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    rules, _ = read_folder(given.rules)
    now = queries(rules, given.workers)
    if given.save:
        given.save.write_text(json.dumps(now), "utf-8")
    before = json.loads(given.before.read_text("utf-8")) if given.before else {}
    missed = report(now, before)
    if given.profiled:
        against_the_node(before)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
