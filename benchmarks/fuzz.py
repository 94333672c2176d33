"""Hostile inputs by the thousand: rule texts, structures, conditions, values, regexes, queries, settings, artefacts.

    python benchmarks/fuzz.py [--inputs 20000] [--seed N] [--kind NAME]... [--format text|json]

Each input is bounded (five seconds of CPU) and the same for the same seed; tests/fuzz makes them. Exit code 1 for a
traceback, a hang, a value outside its literal, or a query that was written without its proof. Queries that the gate
refuses because they are refuted or unreadable are counted too: nothing of them leaves.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fuzz.inputs import KINDS, inputs  # noqa: E402
from tests.fuzz.running import FAULTS, Found, attempt  # noqa: E402


def run(kind: str, count: int, seed: str) -> Found:
    """What became of so many inputs of a kind."""
    found = Found()
    with tempfile.TemporaryDirectory() as folder:
        for shown, action in inputs(kind, count, seed, Path(folder)):
            attempt(action, shown, found)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000, help="of all kinds together")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--format", choices=["text", "json"], default="text")
    given = parser.parse_args()
    kinds = given.kind or list(KINDS)
    shares = sum(KINDS[kind][1] for kind in kinds)
    results: dict[str, Found] = {}
    for kind in kinds:
        found = results[kind] = run(kind, -(-given.inputs * KINDS[kind][1] // shares), given.seed)
        if given.format == "text":
            counts = ", ".join(f"{count} {name}" for name, count in found.counts.most_common())
            print(f"{kind}: {sum(found.counts.values())} inputs: {counts}", flush=True)
            for (outcome, why), shown in found.first.items():
                print(f"  {outcome}: {why}\n    {shown[-600:]!r}", flush=True)
    if given.format == "json":
        told = {
            k: {"counts": f.counts, "first": [[*key, text] for key, text in f.first.items()]}
            for k, f in results.items()
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
    return int(any(found.counts[fault] for found in results.values() for fault in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
