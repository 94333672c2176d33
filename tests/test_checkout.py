"""A checkout is the same on every system: line feeds everywhere, whatever git is set to do with line ends."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.project import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="no checkout")


def git(*arguments: str, at: Path = ROOT) -> str:
    return subprocess.run(["git", *arguments], cwd=at, check=True, capture_output=True, text=True).stdout


def test_every_text_has_line_feeds() -> None:
    """Of each tracked file, in the index and by attribute."""
    for line in git("ls-files", "--eol").splitlines():
        index, _, attribute, path = line.split(None, 3)
        assert index in ("i/lf", "i/none", "i/-text"), f"{path}: {index}"
        assert "eol=lf" in f"{attribute} {path}" or index == "i/-text", f"{path}: {attribute}"


def test_a_checkout_with_windows_line_ends_is_not_stale(tmp_path: Path) -> None:
    """`core.autocrlf` is what git for Windows sets: generated files and rules come out to the byte as they went in."""
    git("init", "--quiet", at=tmp_path)
    git("config", "core.autocrlf", "true", at=tmp_path)
    git("config", "core.eol", "crlf", at=tmp_path)
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    own = [p for p in git("ls-files", "sigma", "output", "pipelines").splitlines() if (ROOT / p).is_file()]
    assert len(own) > 100
    for path in own:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    git("-c", "core.safecrlf=false", "add", ".", at=tmp_path)
    for path in own:
        (tmp_path / path).unlink()
    git("checkout", "--quiet", "--", ".", at=tmp_path)
    assert [p for p in own if (tmp_path / p).read_bytes() != (ROOT / p).read_bytes()] == []


@pytest.mark.parametrize("name", [".output-abcdefgh/new/x.kql", "output/dist/x.spl"])
def test_what_a_killed_command_leaves_is_ignored(name: str) -> None:
    """`git add -A` takes no scratch folder and no bundle along."""
    assert git("check-ignore", name).strip() == name
