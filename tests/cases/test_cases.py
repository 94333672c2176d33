"""What other tools got wrong, and what every target must make of it: cases as data, one file for each kind.

A case names what is right. Its events are put to the direct evaluator and to the rule's meaning, and every target must
convert it to a query that is proved to be the rule, unless the case says that it is refused, and why: `refused` is for
all targets, `refused_on` for those whose names match a pattern. `not_executed` names an engine's own limit.
"""

from __future__ import annotations

import tempfile
import uuid
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from converter.build.bench import bench
from converter.build.exclusions import apply, load_exclusion
from converter.convert.convert import Converter
from converter.core.discovery import engines, schema_of, targets
from converter.core.errors import ParityError
from converter.core.model import Rule
from converter.core.verdict import Case, Outcome
from converter.prove.prove import prove
from converter.rules.evaluator import compile_rule
from converter.rules.form import form_faults
from converter.rules.library import Library, read_rules
from converter.rules.meaning import meaning
from converter.semantics.decide.evaluate import holds
from converter.verify.verify import Subject, verify

FOLDER = Path(__file__).parent
CASES: dict[str, dict[str, Any]] = {
    case["name"]: case for file in sorted(FOLDER.glob("*.yml")) for case in yaml.safe_load(file.read_text("utf-8"))
}
HEAD = """\
title: Case {name}
id: {id}
logsource: {logsource}
detection:
{detection}"""
KEYS = {"name", "right", "url", "logsource", "detection", "text", "bytes", "filter", "repeat", "placeholders"}
EXPECTED = {
    "fires",
    "silent",
    "rules",
    "refused",
    "refused_on",
    "hint",
    "line",
    "warning",
    "most_characters",
    "not_executed",
}


def text_of(case: dict[str, Any]) -> bytes:
    """The case's rule file."""
    if "bytes" in case:
        return bytes(case["bytes"])
    if "text" in case:
        return str(case["text"]).encode()
    detection = case.get("detection") or "sel: {Image|endswith: '\\target.exe'}\ncondition: sel\n"
    for name, (text, times) in case.get("repeat", {}).items():
        repeated = "".join(text.replace("{n}", str(number)) for number in range(times))
        detection = detection.replace(f"<{name}>", repeated)
    logsource = case.get("logsource", {"category": "process_creation", "product": "windows"})
    return HEAD.format(
        name=case["name"],
        id=uuid.uuid5(uuid.NAMESPACE_URL, case["name"]),
        logsource=yaml.safe_dump(logsource, default_flow_style=True).strip(),
        detection="".join(f"    {line}\n" for line in detection.splitlines()),
    ).encode()


def read_case(case: dict[str, Any], folder: Path) -> tuple[list[Rule], list[ParityError]]:
    (folder / "x.yml").write_bytes(text_of(case))
    rules, faults = read_rules(folder / "x.yml", folder)
    if "filter" in case:
        lines = "".join(f"    {line}\n" for line in case["filter"].splitlines())
        text = f"title: f\nlogsource: {{product: windows}}\nfilter:\n    rules: any\n{lines}"
        (folder / "f.yml").write_text(text, "utf-8")
        library = Library({rule.path: rule for rule in rules}, {})
        rules = [apply(rule, load_exclusion(folder, "f.yml", library, 1)) for rule in rules]
    return rules, faults


def said(fault: ParityError, case: dict[str, Any]) -> None:
    """The refusal is the one that the case expects, with its line and advice."""
    assert case["refused"] in fault.message, str(fault)
    assert case.get("hint", "") in fault.hint, str(fault)
    if "line" in case:
        assert fault.where == f"x.yml:{case['line']}", str(fault)


@pytest.mark.parametrize("name", CASES)
def test_reading(name: str, tmp_path: Path) -> None:
    """A case's rule is read, or refused as it says, and fires on exactly the events that it names."""
    case = CASES[name]
    assert set(case) <= KEYS | EXPECTED, set(case) - KEYS - EXPECTED
    assert case["right"]
    rules, faults = read_case(case, tmp_path)
    if "rules" in case:
        assert len(rules) == case["rules"]
        if "refused" in case:
            (fault,) = faults
            said(fault, case)
            return
    assert not faults
    if "warning" in case:
        assert case["warning"] in rules[0].warnings[0]
    if "refused" in case and not case.get("fires"):
        return  # `test_target` looks at it
    placeholders = case.get("placeholders", {})
    for rule in rules:
        assert not form_faults(rule)
        fires = compile_rule(rule, placeholders)
        predicate = meaning(rule, placeholders)
        for expected in (True, False):
            for event in case.get("fires" if expected else "silent", ()):
                assert fires(event) == expected, event
                assert holds(predicate, event) == expected, event


@cache
def _rules(name: str) -> tuple[Rule, ...]:
    with tempfile.TemporaryDirectory() as folder:
        return tuple(read_case(CASES[name], Path(folder))[0])


@pytest.mark.parametrize("target", sorted(targets()))
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.get("rules") != 0])
def test_target(name: str, target: str) -> None:
    """Every target says what the rule says, which is proved, or refuses it with the reason that the case names."""
    case, place = CASES[name], targets()[target]
    placeholders = {key: tuple(values) for key, values in case.get("placeholders", {}).items()}
    reason = next((text for glob, text in case.get("refused_on", {}).items() if fnmatchcase(target, glob)), None)
    reason = case.get("refused", reason) if "rules" not in case else reason
    for rule in _rules(name):
        if reason is not None:
            with pytest.raises(ParityError) as fault:
                Converter(placeholders).query(rule, place)
            said(fault.value, {**case, "refused": reason})
            continue
        query = Converter(placeholders).query(rule, place)
        assert len(query.text) <= case.get("most_characters", 100_000)
        proof = prove(query, place, {rule.path: rule}, means=partial(meaning, placeholders=placeholders))
        assert proof.outcome is Outcome.AGREE, f"{proof.reason}\n{query.text}"


#: one engine in this process for each of three languages: cases are many, and the suites of the engines run the others
EXECUTED = {"defender": "duckdb-kql", "splunk-sysmon": "spl-interpreter", "elastic-eql": "eql-interpreter"}


@pytest.mark.parametrize("target", EXECUTED)
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.get("fires") or case.get("silent")])
def test_execution(name: str, target: str) -> None:
    """The query returns exactly the records of the events on which the case says that the rule fires."""
    case, place = CASES[name], targets()[target]
    placeholders = {key: tuple(values) for key, values in case.get("placeholders", {}).items()}
    cases = tuple(
        Case(f"{word} {number}", event, word == "fires")
        for word in ("fires", "silent")
        for number, event in enumerate(case.get(word, ()))
    )
    for rule in _rules(name):
        try:
            query = Converter(placeholders).query(rule, place)
        except ParityError:
            continue  # `test_target` holds what is refused
        everything = bench(schema_of(place), {rule.path: cases}, {rule.path: rule})
        # an event of Windows makes no believable record of another system; the rules' own fixtures have those
        samples = tuple(sample for sample in everything.samples if sample.kind.meant_by(rule.logsource))
        records = replace(everything, samples=samples)
        assert samples
        judges = {rule.path: compile_rule(rule, placeholders)}
        verdict = verify(Subject.of_rule(query, place, rule), engines()[EXECUTED[target]], records, judges)
        beyond = case.get("not_executed", {}).get(target)
        if beyond:
            assert verdict.outcome is Outcome.ERROR
            assert beyond in verdict.detail
            continue
        assert verdict.outcome is Outcome.AGREE, f"{verdict.detail}\n{query.text}"
