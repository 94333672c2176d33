"""Time and memory of the commands, from a cold start: `python benchmarks/commands.py [--runs 5]`.

Prints, for each command, the best CPU time over the runs (children included), its wall time and the peak memory of its
largest process, beside what we promise. Exit code 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Promise:
    """A command, what is promised of it (`cpu` or `wall` seconds) and how much memory it may take (MiB)."""

    arguments: tuple[str, ...]
    kind: str
    seconds: float
    memory: float = 400


PROMISES = (
    Promise(("--help",), "cpu", 0.3),
    Promise(("build",), "cpu", 2.5),
    Promise(("build", "--check"), "cpu", 2.5),
    Promise(("verify", "--format", "json"), "wall", 20),
)


@dataclass(frozen=True)
class Measured:
    cpu: float
    wall: float
    memory: float


def measure(arguments: tuple[str, ...]) -> Measured:
    """One run in a child of its own, so that the resource usage read back is that run's."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        start = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            os.chdir(ROOT)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            os.execv(sys.executable, [sys.executable, "-m", "converter", *arguments])
        _, status = os.waitpid(pid, 0)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = f"{usage.ru_utime + usage.ru_stime} {time.perf_counter() - start} {usage.ru_maxrss / 1024} {status}"
        os.write(write, line.encode())
        os._exit(0)
    os.waitpid(child, 0)
    cpu, wall, memory, status = map(float, os.read(read, 200).split())
    if status:
        raise SystemExit(f"parity {' '.join(arguments)} failed")
    return Measured(cpu, wall, memory)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    broken = 0
    print(f"{'command':28} {'cpu s':>8} {'wall s':>8} {'MiB':>6}   promise")
    for promise in PROMISES:
        found = [measure(promise.arguments) for _ in range(runs)]
        best = Measured(*(min(getattr(m, k) for m in found) for k in ("cpu", "wall", "memory")))
        kept = getattr(best, promise.kind) <= promise.seconds and best.memory <= promise.memory
        broken += not kept
        told = f"{promise.kind} <= {promise.seconds} s, <= {promise.memory:.0f} MiB: {'kept' if kept else 'BROKEN'}"
        name = "parity " + " ".join(promise.arguments)
        print(f"{name:28} {best.cpu:8.2f} {best.wall:8.2f} {best.memory:6.0f}   {told}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
