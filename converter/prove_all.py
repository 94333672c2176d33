"""Proofs for many (rule, target) pairs, in parallel: each pair is converted, read back and decided on its own.

A rule that a target refuses is UNSUPPORTED with the feature it lacks; a rule whose log source no target maps is not
counted at all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from converter.convert import Converter
from converter.discovery import schema_of, targets
from converter.errors import LibraryError, ParityError, Unsupported
from converter.library import load_rule
from converter.model import Outcome, Rule
from converter.prove import Proof, prove
from converter.semantics.domain import DEFAULT_BUDGET, Budget


@dataclass(frozen=True)
class PairResult:
    """How one pair ended; `seconds` is CPU time, `reason` the witness, the missing feature or the construct."""

    source: str
    target: str
    outcome: Outcome
    reason: str
    seconds: float
    proof: Proof | None = None


Done = Callable[[int, int], None]


def load_folder(folder: Path) -> tuple[list[Rule], list[ParityError]]:
    """Every rule below a folder, and what is wrong with the others."""
    rules: list[Rule] = []
    faults: list[ParityError] = []
    for path in sorted(folder.rglob("*.yml")):
        try:
            rules.append(load_rule(path, folder))
        except LibraryError as error:
            faults.append(error)
    return rules, faults


def mapped(rule: Rule, target_name: str) -> bool:
    """Whether a target has data for the rule's log source at all (ours are Windows endpoint schemas)."""
    product = rule.raw["logsource"].get("product")
    schema = schema_of(targets()[target_name])
    return product == "windows" and any(k.category == rule.category for k in schema.kinds)


def prove_pair(root: Path, rule: Rule, target_name: str, budget: Budget = DEFAULT_BUDGET) -> PairResult:
    """One pair, converted afresh."""
    target = targets()[target_name]
    start = time.process_time()
    try:
        query = Converter(root).query(rule, target)
    except Unsupported as error:
        return PairResult(rule.path, target_name, Outcome.UNSUPPORTED, error.feature, time.process_time() - start)
    except ParityError as error:
        return PairResult(rule.path, target_name, Outcome.ERROR, error.message, time.process_time() - start)
    proof = prove(query, target, {rule.path: rule}, budget)
    return PairResult(rule.path, target_name, proof.outcome, proof.reason, time.process_time() - start, proof)


def prove_all(
    root: Path, rules: Iterable[Rule], names: list[str], workers: int | None = None, done: Done | None = None
) -> Iterator[PairResult]:
    """Every mapped pair, in the order of rules, then targets."""
    jobs = [(root, rule, [n for n in names if mapped(rule, n)]) for rule in rules]
    jobs = [job for job in jobs if job[2]]
    count = workers or min(os.cpu_count() or 1, 8)
    if count == 1 or len(jobs) < 8:
        for number, job in enumerate(jobs, 1):
            yield from _prove_rule(job)
            if done:
                done(number, len(jobs))
        return
    with ProcessPoolExecutor(count) as pool:
        for number, results in enumerate(pool.map(_prove_rule, jobs, chunksize=8), 1):
            yield from results
            if done:
                done(number, len(jobs))


def _prove_rule(job: tuple[Path, Rule, list[str]]) -> list[PairResult]:
    root, rule, names = job
    return [prove_pair(root, rule, name) for name in names]
