"""Proofs over a folder of public rules: `python benchmarks/prove_corpus.py RULES [--every N] [--workers N]`.

Prints how the (rule, target) pairs ended, the reasons of those that are not AGREE, and the CPU time of a pair. Pairs
whose log source no target maps are left out. Exit code 1 if a pair disagrees or fewer than 95 % of the converted agree.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

from converter.discovery import targets
from converter.model import Outcome
from converter.prove_all import PairResult, load_folder, mapped, prove_all

ROOT = Path(__file__).resolve().parents[1]


def report(results: list[PairResult], wall: float) -> int:
    """Print the figures; the exit code."""
    counts = Counter(r.outcome for r in results)
    converted = [r for r in results if r.outcome is not Outcome.UNSUPPORTED]
    share = counts[Outcome.AGREE] / max(1, len(converted))
    print(f"{len(results)} pairs: " + ", ".join(f"{counts[o]} {o.value}" for o in Outcome if counts[o]))
    print(f"{share:.2%} of {len(converted)} converted pairs AGREE")
    times = sorted(r.seconds for r in results)
    slow = max(results, key=lambda r: r.seconds)
    print(
        f"CPU a pair: median {statistics.median(times) * 1000:.1f} ms, 99th percentile "
        f"{times[int(len(times) * 0.99)] * 1000:.0f} ms, most {slow.seconds:.2f} s ({slow.source}, {slow.target})"
    )
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"wall {wall:.0f} s, CPU {sum(times):.0f} s, peak memory of the largest process {memory:.0f} MiB")
    for outcome in (Outcome.DISAGREE, Outcome.ERROR, Outcome.OUT_OF_FRAGMENT, Outcome.UNSUPPORTED):
        reasons = Counter(r.reason.split("\n")[0][:110] for r in results if r.outcome is outcome)
        for reason, count in reasons.most_common():
            example = next(r for r in results if r.outcome is outcome and r.reason.startswith(reason))
            print(f"{outcome.value:16} {count:5}  {reason}   e.g. {example.target} {example.source}")
    return 1 if counts[Outcome.DISAGREE] or share < 0.95 else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every Nth rule only")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    rules, faults = load_folder(given.rules)
    names = list(targets())
    chosen = [r for r in rules if any(mapped(r, n) for n in names)][:: given.every]
    print(f"{len(rules)} rules read, {len(faults)} unreadable; {len(chosen)} with a log source that a target maps")
    start = time.perf_counter()
    results = list(prove_all(ROOT, chosen, names, given.workers))
    return report(results, time.perf_counter() - start)


if __name__ == "__main__":
    sys.exit(main())
