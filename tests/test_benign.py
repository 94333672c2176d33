"""Harmless events: rules that wake somebody stay silent on them, but where a template says which fires and why."""

from __future__ import annotations

from collections import Counter
from functools import cache

from converter.core.model import Rule
from converter.rules.evaluator import compile_rule
from tests.project import ROOT, library
from tests.support.benign import Benign, benign

TEMPLATES = ROOT / "tests" / "fixtures" / "benign" / "templates.yaml"
LOUD = ("high", "critical")
COUNT = 2400


@cache
def events() -> tuple[Benign, ...]:
    return tuple(benign(TEMPLATES, COUNT, seed=20261126))


def loud() -> list[Rule]:
    return [rule for rule in library().rules.values() if rule.raw["level"] in LOUD]


def name(rule: Rule) -> str:
    return rule.stem.rsplit("/", 1)[-1]


def of_source(source: str) -> list[Benign]:
    return [event for event in events() if event.source == source]


def test_loud_rules_are_silent_on_harmless_events() -> None:
    """A rule of level high or critical fires on a harmless event exactly where the event's template says so."""
    wrong: Counter[str] = Counter()
    for rule in loud():
        judge = compile_rule(rule.raw)
        for found in of_source(str(rule.logsource)):
            if judge(found.event) != (name(rule) in found.fires):
                wrong[f"{name(rule)} on: {found.known_from}"] += 1
    assert not wrong, wrong


def test_every_template_makes_different_events() -> None:
    """There are thousands of events, of many kinds; what is random is so from a seed."""
    assert len(events()) >= 2000
    assert len({str(found.event) for found in events()}) >= 1000
    assert events() == tuple(benign(TEMPLATES, COUNT, seed=20261126))
    assert not [found for found in events() if "{" in str(found.event.values())]


def test_the_known_noise_names_rules_of_the_library() -> None:
    """A template that names a rule which is gone or no longer loud must be put right."""
    named = {rule for found in events() for rule in found.fires}
    assert named <= {name(rule) for rule in loud()}


def test_a_rule_that_takes_everything_is_noticed() -> None:
    """The law can fail: a rule on any server child fires on events whose template does not name it."""
    detection = {"selection": {"ParentImage|endswith": "\\w3wp.exe"}, "condition": "selection"}
    judge = compile_rule({"logsource": {"product": "windows"}, "detection": detection})
    assert [found for found in of_source("windows process_creation") if judge(found.event)]
