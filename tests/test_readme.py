"""README's first screen tells what is so."""

from __future__ import annotations

import re

import pytest

from converter.verify import expected_positions
from tests.project import ROOT, all_subjects, benches

ORDER = ("file_event_win", "net_connection_win", "proc_creation_win", "web_shell.")
README = (ROOT / "README.md").read_text("utf-8")
ROWS = [
    (target.strip(), [tuple(map(int, pair)) for pair in re.findall(r"AGREE (\d+)/(\d+)", row)])
    for row in README.splitlines()
    if re.search(r"AGREE \d", row)
    for target in row.split("|")[1].split(",")
]


@pytest.mark.parametrize(("target", "figures"), ROWS, ids=[target for target, _ in ROWS])
def test_the_figures_of_the_table_are_those_of_the_fixtures(target: str, figures: list[tuple[int, int]]) -> None:
    """Each row gives, per rule and for the detection, how many records should be returned of how many there are."""
    counted = []
    for name in ORDER:
        subject = next(s for s in all_subjects() if s.target.name == target and f"/{name}" in s.query.path)
        bench = benches().of(subject.target)
        counted.append((len(expected_positions(subject, bench, benches().judges)), len(bench.samples)))
    assert figures == counted


def test_every_target_has_a_row() -> None:
    """No target is left out of the table."""
    assert {target for target, _ in ROWS} == {s.target.name for s in all_subjects()}
