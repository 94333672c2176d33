"""Detections whose parts meet: an event of several parts comes with the label of each, or of the first, as declared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from converter.build.bench import Bench, bench
from converter.convert.convert import Converter
from converter.core.discovery import schema_of, targets
from converter.core.model import Detection, Part, Rule, Target
from converter.core.verdict import Case, Outcome
from converter.dialects.registry import dialect
from converter.prove.prove import prove
from converter.rules.evaluator import compile_rule
from converter.verify.verify import Subject, verify
from tests.project import quick_engines

SOURCE = {"category": "process_creation", "product": "windows"}
SERVER = {"ParentImage|endswith": "\\w3wp.exe"}
SHELL = {"Image|endswith": ["\\cmd.exe", "\\powershell.exe"]}
LINE = {"CommandLine|contains": "whoami"}
BOTH = {
    "ParentImage": "C:\\Windows\\System32\\inetsrv\\w3wp.exe",
    "Image": "C:\\Windows\\System32\\cmd.exe",
    "CommandLine": "cmd.exe /c whoami",
}


def a_rule(name: str, selection: dict[str, object]) -> Rule:
    raw = {
        "title": name,
        "name": name,
        "logsource": SOURCE,
        "detection": {"selection": {**SERVER, **selection}, "condition": "selection"},
    }
    return Rule(f"sigma/{name}.yml", raw, "0" * 64)


RULES = {rule.path: rule for rule in (a_rule("shell", SHELL), a_rule("discovery", LINE))}
DETECTION = Detection(
    name="both",
    path="sigma/detections/both.yaml",
    title="Both",
    description="Both",
    parts=(Part("sigma/shell.yml", "Shell"), Part("sigma/discovery.yml", "Discovery")),
    lookback_hours=24,
    columns=("Image", "CommandLine"),
    severity="high",
    confidence="high",
    deviations=(),
    raw={},
    sha256="0" * 64,
)
CASES = (
    Case("both", BOTH, True),
    Case("a shell", {**BOTH, "CommandLine": "cmd.exe /c ver"}, True),
    Case("another tool", {**BOTH, "Image": "C:\\Windows\\System32\\whoami.exe", "CommandLine": "whoami"}, True),
    Case("neither", {**BOTH, "Image": "C:\\x.exe", "CommandLine": "x.exe"}, False),
)
PLATFORM = pytest.mark.parametrize("target", targets().values(), ids=lambda target: target.name)


def labelled(text: str) -> dict[str, Rule]:
    """The parts by label, in the order of a manifest whose parts are named so."""
    return {part.label: RULES[part.rule] for part in DETECTION.parts if part.label in text}


def samples(target: Target) -> Bench:
    own = {path: tuple(replace(c, match=compile_rule(rule)(c.event)) for c in CASES) for path, rule in RULES.items()}
    return bench(schema_of(target), own, RULES)


@PLATFORM
def test_a_detection_whose_parts_meet_is_proved(target: Target) -> None:
    """Each part's rows are those of its rule, or where a row has one label, those that no part before it has."""
    query = Converter().detection(DETECTION, RULES, target)
    assert prove(query, target, labelled("Shell Discovery")).outcome is Outcome.AGREE


@PLATFORM
def test_a_detection_whose_parts_meet_is_executed(target: Target) -> None:
    """Every engine that starts at once returns the event of both parts with the labels that the language can give."""
    subject = Subject.of_detection(Converter().detection(DETECTION, RULES, target), target, DETECTION, RULES)
    judges = {path: compile_rule(rule) for path, rule in RULES.items()}
    for engine in quick_engines(target.dialect):
        verdict = verify(subject, engine, samples(target), judges)
        assert verdict.outcome in (Outcome.AGREE, Outcome.NOT_RUN), f"{engine.name}: {verdict.detail}"


@PLATFORM
def test_a_label_in_the_wrong_place_is_noticed(target: Target) -> None:
    """The laws can fail: with two labels exchanged, and where there is but the first, with the parts turned round."""
    abilities = dialect(target.dialect).abilities
    if not abilities.label_column:
        pytest.skip("rows carry no label")
    turned = replace(DETECTION, parts=DETECTION.parts[::-1])
    if abilities.first_label:
        query = Converter().detection(turned, RULES, target)
    else:
        query = Converter().detection(DETECTION, RULES, target)
        text = query.text.replace("Shell", "?").replace("Discovery", "Shell").replace("?", "Discovery")
        query = replace(query, text=text)
    subject = Subject.of_detection(query, target, DETECTION, RULES)
    judges = {path: compile_rule(rule) for path, rule in RULES.items()}
    found = [verify(subject, engine, samples(target), judges) for engine in quick_engines(target.dialect)]
    assert {one.outcome for one in found} <= {Outcome.DISAGREE, Outcome.NOT_RUN}
    if target.dialect in ("kql", "esql"):
        assert prove(query, target, labelled("Shell Discovery")).outcome is Outcome.DISAGREE
