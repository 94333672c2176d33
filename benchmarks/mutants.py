"""Every mutant of every shipped query, judged by the proof and by the fixtures: prints the table of kills.

    python benchmarks/mutants.py [--target NAME]... [--detections] [--survivors FILE]

Without `--detections` the combined queries are left out: their mutants are those of their parts once more.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from converter.core.discovery import engines_for, schema_of, targets  # noqa: E402
from converter.core.verdict import Outcome  # noqa: E402
from converter.mutation.fates import Fate, fates  # noqa: E402
from converter.mutation.mutate import OPERATORS, Surroundings, mutants  # noqa: E402
from tests.project import all_subjects, benches  # noqa: E402


def run(number: int) -> list[Fate]:
    """All mutants of one query."""
    subject = all_subjects()[number]
    around = Surroundings.of(schema_of(subject.target), subject.rules.values())
    chosen = mutants(subject.query.text, subject.target.dialect, around)
    return fates(subject, chosen, engines_for(subject.target.dialect), benches().of(subject))


def table(found: list[Fate]) -> str:
    """One line an operator: how many mutants, and what became of them."""
    head = f"{'operator':18}{'mutants':>9}{'invalid':>9}{'equivalent':>12}{'to kill':>9}{'proof':>8}{'fixtures':>10}"
    lines = [head, "-" * len(head)]
    for operator in [*OPERATORS, ""]:
        own = [f for f in found if operator in ("", f.mutant.operator)]
        kill = [f for f in own if not f.invalid and not f.equivalent]
        proof = sum(f.proof.outcome is Outcome.DISAGREE for f in kill)
        shown = f"{100 * sum(f.killed for f in kill) / max(len(kill), 1):.1f}%"
        lines.append(
            f"{operator or 'all':18}{len(own):9}{sum(f.invalid for f in own):9}{sum(f.equivalent for f in own):12}"
            f"{len(kill):9}{proof:8}{shown:>10}"
        )
    return "\n".join(lines)


def survivors(found: list[Fate]) -> str:
    """Mutants that the fixtures do not kill, with the event that would."""
    lines = ["# Mutants that the fixtures do not kill", ""]
    for fate in found:
        if not (fate.invalid or fate.equivalent or fate.killed):
            why = "no engine accepts its text: " if not fate.engine else ""
            lines.append(f"- `{fate.path}` {fate.mutant.operator}: {fate.mutant.note}\n  - {why}{fate.proof.reason}")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", choices=list(targets()))
    parser.add_argument("--detections", action="store_true")
    parser.add_argument("--survivors", type=Path)
    args = parser.parse_args()
    chosen = [
        number
        for number, s in enumerate(all_subjects())
        if (args.detections or len(s.rules) == 1) and s.target.name in (args.target or targets())
    ]
    start = time.perf_counter()
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        found = [fate for each in pool.map(run, chosen) for fate in each]
    print(table(found))
    unproved = Counter(f.proof.reason for f in found if f.proof.outcome is Outcome.OUT_OF_FRAGMENT)
    for reason, count in unproved.most_common():
        print(f"out of fragment, {count}: {reason}")
    wrong = [f for f in found if f.contradiction]
    for fate in wrong[:20]:
        print(f"CONTRADICTION {fate.path}: {fate.mutant.note}\n  {fate.contradiction}")
    seconds = time.perf_counter() - start
    print(f"{len(found)} mutants of {len(chosen)} queries in {seconds:.0f} s, {len(wrong)} contradictions")
    if args.survivors:
        args.survivors.write_text(survivors(found), "utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
