"""Proofs over a folder of public rules: `python benchmarks/prove_corpus.py RULES [--every N] [--workers N]`.

Prints how all (rule, target) pairs ended, the reasons of those that are not AGREE, the losses that touch those that
are, and the CPU time of a pair. A log source that a platform does not have is a reason like others. Exit code 1 if a
pair disagrees or fails, or fewer than 95 % of the converted agree.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from converter.build.gate import Gate, Pair  # noqa: E402
from converter.core.discovery import targets  # noqa: E402
from converter.core.model import Rule  # noqa: E402
from converter.core.processes import pool  # noqa: E402
from converter.core.verdict import Outcome  # noqa: E402
from converter.rules.library import read_folder  # noqa: E402


@dataclass(frozen=True)
class Result:
    """How one pair ended; `seconds` is CPU time, `reason` the event, the missing feature or the fault."""

    source: str
    target: str
    outcome: Outcome
    reason: str
    seconds: float
    losses: tuple[str, ...] = ()


def result(pair: Pair, seconds: float) -> Result:
    if pair.fault is not None:
        return Result(pair.source, pair.target, Outcome.ERROR, pair.fault.message, seconds)
    if pair.refusal is not None:
        reason = pair.refusal.feature if pair.refusal.outcome is Outcome.UNSUPPORTED else pair.refusal.reason
        return Result(pair.source, pair.target, pair.refusal.outcome, reason, seconds)
    assert pair.proof is not None
    losses = tuple(dict.fromkeys(found.loss.id for found in pair.proof.losses))
    return Result(pair.source, pair.target, pair.proof.outcome, pair.proof.reason, seconds, losses)


def results_of(rule: Rule) -> list[Result]:
    """Every target's result for a rule."""
    gate, found = Gate(), []
    for target in targets().values():
        start = time.process_time()
        pair = gate.pair(rule, target)
        found.append(result(pair, time.process_time() - start))
    return found


def all_results(rules: Sequence[Rule], workers: int) -> Iterator[Result]:
    with pool(workers) as executor:
        for found in executor.map(results_of, rules, chunksize=4):
            yield from found


def report(results: list[Result], wall: float) -> int:
    """Print the figures; the exit code."""
    counts = Counter(r.outcome for r in results)
    converted = [r for r in results if r.outcome is not Outcome.UNSUPPORTED]
    share = counts[Outcome.AGREE] / max(1, len(converted))
    print(f"{len(results)} pairs: " + ", ".join(f"{counts[o]} {o.value}" for o in Outcome if counts[o]))
    print(f"{share:.2%} of {len(converted)} converted pairs AGREE")
    times = sorted(r.seconds for r in converted) or [0.0]
    print(
        f"CPU a converted pair: median {statistics.median(times) * 1000:.1f} ms, 99th percentile "
        f"{times[int(len(times) * 0.99)] * 1000:.0f} ms, most {times[-1]:.2f} s"
    )
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"wall {wall:.0f} s, CPU {sum(r.seconds for r in results):.0f} s, peak memory of a process {memory:.0f} MiB")
    for outcome in (Outcome.DISAGREE, Outcome.ERROR, Outcome.OUT_OF_FRAGMENT, Outcome.UNSUPPORTED):
        reasons = Counter(r.reason.split("\n")[0][:110] for r in results if r.outcome is outcome)
        for reason, count in reasons.most_common():
            example = next(r for r in results if r.outcome is outcome and r.reason.startswith(reason))
            print(f"{outcome.value:16} {count:5}  {reason}   e.g. {example.target} {example.source}")
    for loss, count in Counter(loss for r in results for loss in r.losses).most_common():
        print(f"{'AGREE, with loss':16} {count:5}  {loss}")
    return 1 if counts[Outcome.DISAGREE] or counts[Outcome.ERROR] or share < 0.95 else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every Nth rule only")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    rules, faults = read_folder(given.rules)
    chosen = rules[:: given.every]
    print(f"{len(rules)} rules read, {len(faults)} unreadable; {len(chosen)} taken")
    start = time.perf_counter()
    results = list(all_results(chosen, given.workers))
    return report(results, time.perf_counter() - start)


if __name__ == "__main__":
    sys.exit(main())
