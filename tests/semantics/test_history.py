"""An answer is one of the question alone, not of what the process did before or how it hashes."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.project import ROOT

COUNT = 250


def _answers(hash_seed: str, *more: str) -> list[str]:
    command = [sys.executable, "-m", "tests.semantics.questions", str(COUNT), *more]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_answers_do_not_depend_on_what_was_decided_before() -> None:
    """The same question has the same witness in a fresh process and after others that use its characters."""
    fresh, later = _answers("1"), _answers("2", "reversed")
    assert len(fresh) == COUNT
    assert sum(line.startswith("Different") for line in fresh) > COUNT // 2
    assert [pair for pair in zip(fresh, later, strict=True) if pair[0] != pair[1]] == []
