"""Our reading of rules beside pySigma's: `python benchmarks/pysigma_readings.py RULES [--every N]`.

For each rule of a folder the truth table of its condition, and events that isolate each of its tests, are put to both.
Prints what differs, first of each kind of rule; tests/rules/test_pysigma.py names the differences that are meant, with
the specification's sentence for each. Exit code 1 if there is one that is not.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from converter.rules.library import read_folder  # noqa: E402
from tests.rules.readings import differences  # noqa: E402

#: how many differences of one rule are shown
_SHOWN = 2


def main() -> int:
    """Exit code 1 if a rule is read differently."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rules", type=Path)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth rule")
    given = parser.parse_args()
    rules, faults = read_folder(given.rules)
    differing, start = 0, time.process_time()
    for rule in rules[:: given.every]:
        found = list(differences(rule))
        differing += bool(found)
        for line in found[:_SHOWN]:
            print(f"{rule.path}: {line}")
    examined = len(rules[:: given.every])
    print(f"{examined} rules examined, {differing} read differently, {len(faults)} other documents")
    print(f"{time.process_time() - start:.0f} s of CPU time")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
