"""Filters of a site as exclusions: which conditions exclude, and that a rule keeps its own meaning beside them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from converter.build.exclusions import Exclusion, apply, load_exclusion
from converter.core.errors import LibraryError
from converter.core.model import Rule
from converter.rules.condition import parse_condition, spelled
from converter.rules.evaluator import compile_rule
from converter.rules.library import Library

FILTER = """\
title: What the build machines do
logsource: {{category: process_creation, product: windows}}
filter:
    rules: any
    machine: {{Computer|startswith: BUILD-}}
    notable: {{CommandLine|contains: inventory}}
    condition: {condition}
"""


def a_rule(condition: str = "sel", **selections: Any) -> Rule:
    detection = {"sel": {"Image": "x"}, **selections, "condition": condition}
    logsource = {"category": "process_creation", "product": "windows"}
    return Rule("sigma/x.yml", {"title": "x", "logsource": logsource, "detection": detection}, "")


def exclusion(root: Path, condition: str, rule: Rule) -> Exclusion:
    (root / "f.yml").write_text(FILTER.format(condition=condition))
    return load_exclusion(root, "f.yml", Library({rule.path: rule}, {}), 1)


#: an event that both selections of the filter match, that one of them matches, and that neither does
BOTH = {"Image": "x", "Computer": "BUILD-1", "CommandLine": "inventory"}
MACHINE = {"Image": "x", "Computer": "BUILD-1"}
NEITHER = {"Image": "x"}


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("not machine", [False, False, True]),
        ("not machine and not notable", [False, False, True]),
        ("not (machine or notable)", [False, False, True]),
        ("not (machine and notable)", [False, True, True]),
        ("not machine or not notable", [False, True, True]),
        ("not 1 of them", [False, False, True]),
        ("not all of *a*", [False, True, True]),
        ("(not machine) and (not (notable))", [False, False, True]),
        ("not (machine and not notable)", [True, False, True]),
    ],
)
def test_what_is_excluded(tmp_path: Path, condition: str, kept: list[bool]) -> None:
    """A condition all of whose parts are negations is one or several exclusions, and keeps exactly what is left."""
    rule = a_rule()
    judge = compile_rule(apply(rule, exclusion(tmp_path, condition, rule)))
    assert [judge(event) for event in (BOTH, MACHINE, NEITHER)] == kept
    assert not judge({"Image": "y"})


@pytest.mark.parametrize(
    "condition", ["machine", "not machine or notable", "not machine and notable", "not not machine"]
)
def test_what_does_not_exclude(tmp_path: Path, condition: str) -> None:
    """A condition that would keep only what one of its selections matches is refused at its line.

    `not not machine` is a double negation: it keeps only the machines, though it begins with `not`.
    """
    with pytest.raises(LibraryError, match="does not exclude") as fault:
        exclusion(tmp_path, condition, a_rule())
    assert fault.value.where == "f.yml:7"


def test_a_fault_has_its_line(tmp_path: Path) -> None:
    """A filter's selections are held to the form of a rule's, with the lines of the filter's file."""
    (tmp_path / "f.yml").write_text(FILTER.format(condition="not machine").replace("|contains", "|contians"))
    with pytest.raises(LibraryError, match="did you mean 'contains'") as fault:
        load_exclusion(tmp_path, "f.yml", Library({"sigma/x.yml": a_rule()}, {}), 1)
    assert fault.value.where == "f.yml:6"


def test_a_rule_keeps_its_hidden_selections_apart(tmp_path: Path) -> None:
    """`1 of _*` of a rule means the rule's own hidden selections, not those that an exclusion adds."""
    rule = a_rule("1 of _*", _own={"CommandLine|contains": "q"})
    judge = compile_rule(apply(rule, exclusion(tmp_path, "not (machine and not notable)", rule)))
    assert judge({"CommandLine": "q"})
    assert not judge(BOTH)
    assert not judge({"CommandLine": "q", "Computer": "BUILD-2"})


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    """A rule that has a selection of an added name is refused, not changed."""
    rule = a_rule(_exclusion_1_machine={"f": "x"})
    with pytest.raises(LibraryError, match="_exclusion_1_machine"):
        apply(rule, exclusion(tmp_path, "not machine", rule))


@pytest.mark.parametrize(
    "condition",
    ["a", "not a", "not not a", "a or b and not c", "(a or b) and not (c or not a)", "1 of them", "all of *"],
)
def test_spelled(condition: str) -> None:
    """The text of a condition's tree reads back as the tree."""
    tree = parse_condition(condition, ("a", "b", "c"))
    assert parse_condition(spelled(tree), ("a", "b", "c")) == tree


@pytest.mark.parametrize("name", ["a b", "(", "not", ""])
def test_what_cannot_be_spelled(name: str) -> None:
    """A name that a condition cannot hold is refused."""
    with pytest.raises(ValueError, match=f"^{re.escape(name)}$"):
        spelled(parse_condition("a", ("a",)), lambda _: name)
