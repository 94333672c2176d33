"""The page about the stock converters says what is true of them, and of us."""

from __future__ import annotations

import functools

import pytest

pytest.importorskip("sigma.backends.kusto")
pytest.importorskip("sigma.backends.splunk")
pytest.importorskip("sigma.backends.elasticsearch")

from benchmarks.stock_cases import FAULTS, Fault
from benchmarks.stock_faults import FIRST, PAGE, Shown, library_rows, page, show
from converter.core.discovery import engines
from converter.rules.library import load
from converter.verify import binder_check
from tests.project import ROOT

#: what answers only where it is installed
_OPTIONAL = ("Microsoft's binder", *(name for name in engines() if name.startswith("elasticsearch")))


@functools.cache
def shown(number: int) -> Shown:
    return show(FAULTS[number], dict(load(ROOT).rules))


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[fault.title for fault in FAULTS])
def test_the_stock_query_is_wrong_and_ours_is_right(number: int) -> None:
    """Reader and engines alike say that the stock query contradicts its rule, and ours obeys it or is refused."""
    found = shown(number)
    assert found.wrong, found.answers
    assert set(found.our_answers.values()) <= {found.rule_says}, found.our_answers
    assert found.our_answers or found.ours.startswith("refused: "), found.ours


def test_engines_and_reader_never_differ_on_a_stock_query() -> None:
    """Also on texts that no writer of ours made, an engine that accepts the text answers as the reader says."""
    for number in range(len(FAULTS)):
        answers = [said for said in shown(number).answers.values() if isinstance(said, bool)]
        assert len(set(answers)) <= 1, (FAULTS[number].title, shown(number).answers)


def test_the_prover_finds_a_fault_in_the_stock_queries_of_our_rules() -> None:
    """No stock query of our rules is proved equivalent."""
    named = {part.rule for part in load(ROOT).detections[FIRST].parts}
    rows = list(library_rows({path: rule for path, rule in load(ROOT).rules.items() if path in named}))
    assert not [row for row in rows if row[2] == "AGREE"]
    assert sum(outcome in ("DISAGREE", "ELSEWHERE") and "fire" in why for _, _, outcome, why in rows) >= 4


def test_the_page_is_what_the_script_writes() -> None:
    """The committed page is regenerated, byte for byte; but for the lines of engines that are not installed."""
    written, made = PAGE.read_text("utf-8"), page()
    if binder_check.PROVENANCE not in made:  # a row that it confirmed reads otherwise without it
        rows = [line.split("|")[1:3] for line in written.splitlines() if binder_check.PROVENANCE in line]
        written, made = (
            "".join(line for line in text.splitlines(keepends=True) if line.split("|")[1:3] not in rows)
            for text in (written, made)
        )
    for who in _OPTIONAL:
        if f", by {who}: " not in made:
            written = "".join(line for line in written.splitlines(keepends=True) if f", by {who}: " not in line)
    assert made == written


def test_faults_are_told_apart_and_sourced() -> None:
    """Titles are unique, and every link leads to a thread."""
    titles = [fault.title for fault in FAULTS]
    assert len(set(titles)) == len(titles)
    links: list[Fault] = [fault for fault in FAULTS if fault.upstream]
    assert all("/issues/" in fault.upstream or "/pull/" in fault.upstream for fault in links)
