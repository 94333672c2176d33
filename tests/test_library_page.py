"""The page that compares the library with public collections names rules that exist, and ids that may."""

from __future__ import annotations

import re

from tests.project import ROOT, library

PAGE = (ROOT / "docs" / "library.md").read_text("utf-8")
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| idea")]
OURS = {name for row in ROWS for name in re.findall(r"`(\w+)`", row[1])}


def test_every_rule_that_is_named_exists() -> None:
    """A rule that was renamed or dropped is put right here too."""
    known = {re.sub(r"#\d+\Z", "", one.stem.rsplit("/", 1)[-1]) for one in library().single}
    assert OURS
    assert OURS - known == set()


def test_ids_are_the_beginning_of_one() -> None:
    """Eight hexadecimal digits, so that a reader finds the rule."""
    words = [word for row in ROWS for cell in row[2:6] for word in re.findall(r"\b[0-9a-f]{6,}\b", cell)]
    assert len(words) > 50
    assert [word for word in words if len(word) != 8] == []
