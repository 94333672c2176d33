"""The tree keeps the project's own rules of style and types."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.project import ROOT


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "--no-cache", "converter", "tests", "benchmarks"],
        ["ruff", "format", "--check", "--no-cache", "converter", "tests", "benchmarks"],
        ["mypy"],
    ],
    ids=["lint", "format", "types"],
)
def test_the_tree_is_clean(command: list[str]) -> None:
    """ruff has nothing to say of the tree, and mypy in strict mode nothing of converter/."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
