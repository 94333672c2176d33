"""Speed beside sigma-cli, of a changed rule, and over sizes: `python benchmarks/speed.py RULES --sigma SIGMA`.

RULES is a folder of process_creation rules, SIGMA the `sigma` of a virtual environment with sigma-cli 3.1.0 and the
stock backends (pysigma-backend-kusto, -splunk, -elasticsearch). All is measured in one run on the same rules: medians
of CPU seconds (children included), wall seconds where that is promised. Rules on which a stock conversion stops with a
traceback are left out on both sides. Exit code 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: what people run, and our target for the same data
STOCK = {
    "defender": ("-t", "kusto", "-p", "microsoft_xdr"),
    "splunk-sysmon": ("-t", "splunk", "-p", "splunk_windows"),
    "elastic-dsl": ("-t", "lucene", "-p", "ecs_windows", "-f", "dsl_lucene"),
    "elastic-eql": ("-t", "eql", "-p", "ecs_windows"),
    "elastic-esql": ("-t", "esql", "-p", "ecs_windows", "--disable-pipeline-check"),
}
_FILE = re.compile(r"(/[^\s:()]+\.yml)")
_ID = re.compile(r"^id: .*$", re.MULTILINE)
_SIZES = (100, 1_000, 10_000)
_WARM = 2_000


@dataclass(frozen=True)
class Measured:
    """One run: CPU and wall seconds, peak memory of its largest process in MiB, exit code, what it said on stderr."""

    cpu: float
    wall: float
    memory: float
    code: int
    told: str


def measure(command: Sequence[str], cores: int = 1, **environment: str) -> Measured:
    """A run on so many cores, in a child of its own, whose resource usage is that run's alone."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=tempfile.gettempdir(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )  # fmt: skip
        wall, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        line = f"{used.ru_utime + used.ru_stime} {wall} {used.ru_maxrss / 1024} {done.returncode}\n"
        os.write(write, line.encode() + done.stderr[-2000:])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        figures, _, told = pipe.read().decode(errors="replace").partition("\n")
    os.wait()
    cpu, wall, memory, code = figures.split()
    return Measured(float(cpu), float(wall), float(memory), int(code), told)


def parity(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "converter", *map(str, arguments)]


def convert(rules: Path, *arguments: str | Path) -> list[str]:
    """The conversion to the five targets."""
    return parity("convert", rules, *(word for name in STOCK for word in ("-t", name)), *arguments)


def convertible(sigma: str, rules: Path, folder: Path) -> Path:
    """A copy of the rules without those on which a stock conversion stops."""
    kept = folder / "rules"
    shutil.copytree(rules, kept)
    for options in STOCK.values():
        while True:
            found = measure([sigma, "convert", "-s", *options, str(kept)])
            if found.code == 0:
                break
            named = [Path(text) for text in _FILE.findall(found.told) if Path(text).is_relative_to(kept)]
            if not named or not named[-1].is_file():
                raise SystemExit(f"sigma {' '.join(options)} fails:\n{found.told}")
            print(f"left out: {named[-1].name}, which stops sigma {' '.join(options)}")
            named[-1].unlink()
    return kept


def copies(rules: Path, count: int, into: Path) -> Path:
    """So many rules: the folder's, again and again, in folders of their own and without ids that are taken."""
    texts = [path.read_text("utf-8") for path in sorted(rules.rglob("*.yml"))]
    for number in range(count):
        text = texts[number % len(texts)]
        path = into / str(number // len(texts)) / f"rule_{number % len(texts)}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        identity = f"id: {number:08x}-0000-4000-8000-000000000000"
        path.write_text(_ID.sub(identity, text, count=1) if number >= len(texts) else text, "utf-8")
    return into


class Table:
    """Lines of what was measured beside what is promised."""

    def __init__(self) -> None:
        self.broken = 0

    def line(self, name: str, told: str, promise: str = "", kept: bool = True) -> None:
        self.broken += not kept
        state = f"   {promise}: {'kept' if kept else 'BROKEN'}" if promise else ""
        print(f"{name:44} {told:>24}{state}", flush=True)


def medians(runs: Sequence[Measured]) -> Measured:
    """The median of each figure. Raises SystemExit for a run that failed."""
    failed = next((run for run in runs if run.code), None)
    if failed is not None:
        raise SystemExit(f"a run failed:\n{failed.told}")
    cpu, wall, memory = (statistics.median(getattr(run, name) for run in runs) for name in ("cpu", "wall", "memory"))
    return Measured(cpu, wall, memory, 0, "")


def cold(sigma: str, rules: Path, runs: int, table: Table) -> None:
    """Five dialects against five runs of sigma-cli, taken in turn so that a noisy minute strikes both."""
    ours = {
        "without proof": (convert(rules, "--no-proof"), 1),
        "without proof, two processes": (convert(rules, "--no-proof"), 2),
        "with proof": (convert(rules), 1),
    }
    stock: dict[str, list[Measured]] = {name: [] for name in STOCK}
    own: dict[str, list[Measured]] = {name: [] for name in ours}
    for _ in range(runs):
        for name, options in STOCK.items():
            stock[name].append(measure([sigma, "convert", "-s", *options, str(rules)]))
        for name, (command, cores) in ours.items():
            own[name].append(measure([*command], cores))
    for name, found in stock.items():
        table.line(f"sigma convert {' '.join(STOCK[name][:4])}", f"{medians(found).cpu:.2f} s CPU")
    whole = sum(medians(found).cpu for found in stock.values())
    table.line("five runs of sigma-cli", f"{whole:.2f} s CPU")
    one, two, proved = (medians(own[name]) for name in ours)
    ratio = whole / one.cpu
    table.line("parity convert --no-proof", f"{one.cpu:.2f} s CPU, {ratio:.1f}x", "at least 8x", ratio >= 8)
    table.line("   on one core, on two", f"{one.wall:.2f} s, {two.wall:.2f} s wall", "half", two.wall <= one.wall / 2)
    ratio = whole / proved.cpu
    table.line("parity convert", f"{proved.cpu:.2f} s CPU, {ratio:.1f}x", "at least 1x", ratio >= 1)


def warm(rules: Path, runs: int, folder: Path, table: Table) -> None:
    """One rule of 2,000 changed, all targets, with proofs."""
    many = copies(rules, _WARM, folder / "warm")
    cache, cores = folder / "cache", len(os.sched_getaffinity(0))
    commands = {"prove": parity("prove", many), "convert": parity("convert", many, "-t", "all", "-o", folder / "out")}
    first = measure(commands["prove"], cores, XDG_CACHE_HOME=str(cache))
    table.line(f"{_WARM:,} rules at all targets, first", f"{first.wall:.1f} s wall")
    changed = many / "0" / "rule_7.yml"
    for name, command in commands.items():
        found = []
        for number in range(runs):
            text = changed.read_text("utf-8")
            changed.write_text(text.replace("title: ", f"title: {number} ", 1), "utf-8")
            found.append(measure(command, cores, XDG_CACHE_HOME=str(cache)))
        again = medians(found)
        told = f"{again.cpu:.2f} s CPU, {again.wall:.2f} s wall"
        table.line(f"   one changed, parity {name}", told, "at most 0.6 s", again.wall <= 0.6)
    size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) / 2**20
    table.line("   size of the cache", f"{size:.0f} MiB")


def sizes(rules: Path, folder: Path, table: Table) -> None:
    """Time a rule, and memory, over sizes."""
    each: list[float] = []
    for count in _SIZES:
        found = measure(convert(copies(rules, count, folder / str(count)), "--no-proof"))
        each.append(found.cpu / count)
        text = f"{found.cpu / count * 1000:.2f} ms CPU, {found.memory:.0f} MiB"
        table.line(f"   a rule of {count:,}", text, "at most 400 MiB", found.memory <= 400)
    flat = each[-1] <= 1.2 * each[1]
    table.line("   of 10,000 as of 1,000", f"{each[-1] / each[1]:.2f}", "flat", flat)


def main() -> int:
    """Exit code 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", type=Path)
    parser.add_argument("--sigma", help="sigma-cli's executable; without it only Parity is measured")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=("cold", "warm", "sizes", "help"), action="append")
    given = parser.parse_args()
    wanted = given.only or ["cold", "warm", "sizes", "help"]
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "cold" in wanted and given.sigma:
            rules = convertible(given.sigma, given.rules.resolve(), folder)
            print(f"{sum(1 for _ in rules.rglob('*.yml'))} rules, medians of {given.runs}")
            cold(given.sigma, rules, given.runs, table)
        if "help" in wanted:
            shown = medians([measure(parity("--help")) for _ in range(given.runs)])
            table.line("parity --help", f"{shown.wall:.2f} s wall", "at most 0.25 s", shown.wall <= 0.25)
        if "warm" in wanted:
            warm(given.rules, given.runs, folder, table)
        if "sizes" in wanted:
            sizes(given.rules, folder, table)
    return 1 if table.broken else 0


if __name__ == "__main__":
    sys.exit(main())
