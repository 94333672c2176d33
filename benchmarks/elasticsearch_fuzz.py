"""Random queries of each Elastic language: reader, interpreter and a real Elasticsearch must say the same.

    python benchmarks/elasticsearch_fuzz.py [--dialect NAME]... [--queries 20000] [--seed N] [--format text|json]

Queries come from a grammar (tests/support/fuzz), the same for the same seed, and run over records with everything
awkward in them. Each difference is sorted by its kind and the forms of its least query; tests/support/fuzz/compare.py
names the kinds. Exit code 1 if any is a fault. Needs `parity engines install elasticsearch`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.fuzz.compare import FAULTS, KINDS, LANGUAGES, Difference, Tally, run  # noqa: E402

#: least queries shown of one kind of difference
SHOWN = 2


def sorted_by_kind(found: list[Difference]) -> dict[tuple[str, str, str], list[Difference]]:
    """(judge, kind, forms) -> differences, the worst kind first, then the most frequent."""
    out: dict[tuple[str, str, str], list[Difference]] = {}
    for item in found:
        out.setdefault((item.judge, item.kind, item.forms), []).append(item)
    return dict(sorted(out.items(), key=lambda pair: (KINDS.index(pair[0][1]), -len(pair[1]))))


def report(name: str, tally: Tally, found: list[Difference], seconds: float) -> None:
    decided = ", ".join(f"{count} decided by {judge} too" for judge, count in (tally.decided or {}).items())
    print(f"{name}: {tally.queries} queries in {seconds:.0f} s, {tally.taken} taken by Elasticsearch, {decided}")
    for (judge, kind, forms), items in sorted_by_kind(found).items():
        print(f"  {kind} {len(items)}: {judge}, {forms}")
        for item in sorted(items, key=lambda item: len(item.text))[:SHOWN]:
            print(f"      {item.text[:300]!r}\n        {item.told[:300]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialect", action="append", choices=list(LANGUAGES))
    parser.add_argument("--queries", type=int, default=20_000, help="of each dialect")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=["text", "json"], default="text")
    given = parser.parse_args()
    shown = given.format == "text" and sys.stderr.isatty()
    every: list[Difference] = []
    for name in given.dialect or list(LANGUAGES):

        def told(at: int, name: str = name) -> None:
            if shown and at % 20 == 0:
                print(f"\r{name}: {at} of {given.queries}", end="", file=sys.stderr, flush=True)

        tally, start = Tally(), time.perf_counter()
        found = list(run(name, given.seed, given.queries, tally, told))
        every += found
        if given.format == "text":
            report(name, tally, found, time.perf_counter() - start)
    if given.format == "json":
        print(json.dumps([asdict(item) for item in every], ensure_ascii=False, indent=1))
    return 1 if any(item.kind in FAULTS for item in every) else 0


if __name__ == "__main__":
    sys.exit(main())
