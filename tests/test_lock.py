"""requirements.lock: the runtime dependencies, each by version and hash, as pyproject.toml has them."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
#: canonical name -> the entry's requirement and its hashes
LOCKED = {
    canonicalize_name(Requirement(head).name): (Requirement(head), re.findall(r"--hash=sha256:([0-9a-f]{64})\b", rest))
    for head, rest in re.findall(r"^([a-z][^\\\n]*?) \\\n((?: {4}--hash=[^\n]*\n?)+)", LOCK, re.MULTILINE)
}
DIRECT = [Requirement(text) for text in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]]


def test_every_line_is_an_entry_a_hash_or_a_comment() -> None:
    """No entry without a version or a hash, and no address of a registry: pip's own settings say where it looks."""
    lines = [line for line in LOCK.splitlines() if not line.startswith("#")]
    assert len(lines) == len(LOCKED) + sum(len(hashes) for _, hashes in LOCKED.values())
    assert all(re.fullmatch(r"==[^,]+", str(requirement.specifier)) for requirement, _ in LOCKED.values())
    assert not re.search(r"://|--(?:extra-)?index|--find-links|--trusted", LOCK)


@pytest.mark.parametrize("direct", DIRECT, ids=lambda direct: direct.name)
def test_the_pins_are_those_of_the_project(direct: Requirement) -> None:
    """A pin that moves in pyproject.toml moves in the lock."""
    locked, _ = LOCKED[canonicalize_name(direct.name)]
    assert locked.specifier == direct.specifier
    assert locked.marker is None


def test_the_lock_is_closed_and_holds_nothing_else() -> None:
    """What the dependencies need is there, down to the last, and nothing that none of them needs."""
    needed: set[str] = set()
    todo = [(direct.name, frozenset(direct.extras)) for direct in DIRECT]
    while todo:
        name, extras = todo.pop()
        if canonicalize_name(name) not in needed:
            needed.add(canonicalize_name(name))
            for text in requires(name) or ():
                further = Requirement(text)
                if any(_applies(further, extra) for extra in ("", *extras)):
                    todo.append((further.name, frozenset(further.extras)))
    elsewhere = {name for name, (requirement, _) in LOCKED.items() if requirement.marker is not None}
    assert needed <= LOCKED.keys()
    assert LOCKED.keys() - needed <= elsewhere


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})
