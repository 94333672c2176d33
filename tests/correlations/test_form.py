"""Correlation rules as they stand in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from converter.build.named import find
from converter.core.correlation import Count
from tests.correlations.support import ANY, BASE, COUNT, ORDER, VALUES, a_file, found

FAULTS = yaml.safe_load((Path(__file__).parent / "faults.yml").read_text("utf-8"))


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case["said"][:40])
def test_a_fault_is_told_with_its_line(tmp_path: Path, case: dict[str, Any]) -> None:
    """What is wrong with a correlation is said, once, with file and line, and nothing is converted."""
    section = {k: v for k, v in {**COUNT, **case["change"]}.items() if v is not None}
    named = found(tmp_path, section)
    told = [*named.broken, *named.other]
    assert len(told) == 1, told
    assert case["said"] in told[0].message
    name, _, line = told[0].where.partition(":")
    assert name.endswith("mr.yml")
    assert int(line) > BASE.count("\n")
    assert not named.correlations


def test_sound_correlations_are_read(tmp_path: Path) -> None:
    """Each type is read as it is written, without a fault or a warning."""
    named = found(tmp_path, COUNT, VALUES, ANY, ORDER)
    assert not named.broken
    assert not named.other
    count, values, any_order, order = named.correlations.values()
    assert (count.seconds, count.count, count.group_by) == (300, Count((("gte", 3),)), ("Computer",))
    assert (values.field, values.count.least) == ("CommandLine", 3)
    assert any_order.count.least == 2
    assert (order.ordered, order.references) == (True, ("drop", "recon", "shell"))
    assert all(path.startswith("mr.yml#") for path in order.rules)


def test_its_rules_are_its_parts(tmp_path: Path) -> None:
    """Rules that a correlation refers to have queries of their own only where `generate` asks for them, or by name."""
    assert not found(tmp_path, ORDER).rules
    assert len(found(tmp_path, {**ORDER, "generate": True}).rules) == 3
    path = a_file(tmp_path, ORDER)
    assert [*find(None, [f"{path}#1"]).rules] == ["mr.yml#1"]
    assert [*find(None, [str(path), f"{path}#1"]).rules] == ["mr.yml#1"]


def test_a_rule_of_another_file_is_found(tmp_path: Path) -> None:
    """The rules may stand in the files beside, and are then no sources themselves."""
    (tmp_path / "base.yml").write_text(BASE, "utf-8")
    path = a_file(tmp_path, COUNT, base="")
    path.write_text(path.read_text("utf-8").removeprefix("---\n"), "utf-8")
    named = find(None, [str(path)])
    assert not named.broken
    assert [one.rules for one in named.correlations.values()] == [("base.yml#1",)]
    assert not named.rules
    folder = find(None, [str(tmp_path)])
    assert len(folder.correlations) == 1
    assert len(folder.rules) == 2


def test_a_chain_is_refused(tmp_path: Path) -> None:
    """A correlation of correlations is sound Sigma, and not converted."""
    text = yaml.safe_dump({"title": "first", "name": "first", "correlation": COUNT})
    named = found(tmp_path, text, {**ANY, "rules": ["first", "recon"]})
    assert ["chains of correlations" in fault.message for fault in named.other] == [True]
    assert len(named.correlations) == 1


@pytest.mark.parametrize(
    ("tests", "met", "least"),
    [
        ((("gt", 3),), {4, 5}, 4),
        ((("gte", 3),), {3, 4, 5}, 3),
        ((("gt", 2), ("gte", 4)), {4, 5}, 4),
        ((("lt", 2),), {0, 1}, None),
        ((("lte", 1),), {0, 1}, None),
        ((("eq", 2),), {2}, None),
        ((("neq", 2),), {0, 1, 3, 4, 5}, None),
        ((("gt", 1), ("lte", 3)), {2, 3}, None),
    ],
)
def test_a_condition_is_met_by_its_counts(tests: tuple[tuple[str, int], ...], met: set[int], least: int | None) -> None:
    """Every test of a condition must hold; it has a least count exactly where all greater ones meet it."""
    count = Count(tests)
    assert {number for number in range(6) if count.met(number)} == met
    assert count.least == least
