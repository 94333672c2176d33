"""Response content: complete, valid, carried into every guide; its hunting queries are proved like rules."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from converter.artefacts.core.attack import attack_of, from_tags
from converter.artefacts.core.response import SUFFIX, Response, hunting_rules, load_responses
from converter.convert.convert import Converter
from converter.core.discovery import engines_for, schema_of, targets
from converter.core.errors import EngineUnavailable, ParityError
from converter.core.model import Rule
from converter.core.verdict import Outcome
from converter.prove.prove import prove
from converter.rules.evaluator import compile_rule
from converter.verify.verify import Subject, verify
from tests.artefacts.made import files
from tests.project import ROOT, benches, library

FILE = ROOT / "sigma" / "detections" / f"web_shell{SUFFIX}"
RESPONSE = load_responses(ROOT, library())["web_shell"]
HUNTS = hunting_rules(RESPONSE)


def _load(tmp_path: Path, change: Callable[[dict[str, Any]], None], name: str = "web_shell") -> dict[str, Response]:
    raw = yaml.safe_load(FILE.read_text("utf-8"))
    change(raw)
    folder = tmp_path / "sigma" / "detections"
    folder.mkdir(parents=True)
    (folder / f"{name}{SUFFIX}").write_text(yaml.safe_dump(raw, sort_keys=False), "utf-8")
    return load_responses(tmp_path, library())


def test_every_detection_has_response_content() -> None:
    """Nobody is woken by an alert that comes without a guide."""
    assert set(load_responses(ROOT, library())) == set(library().detections)


def test_the_content_is_complete() -> None:
    """Each phase has steps, there are four to six hunting queries, and every part of the detection can be tried."""
    assert list(RESPONSE.playbook) == ["contain", "eradicate", "recover"]
    assert 4 <= len(RESPONSE.hunting) <= 6
    told = " ".join([*(t.expect for t in RESPONSE.testing), *(step.title for step in RESPONSE.lab)])
    assert all(part.label in told for part in library().detections["web_shell"].parts)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda r: r.pop("playbook"), "'playbook' is a required property"),
        (lambda r: r["playbook"].pop("recover"), "'recover' is a required property"),
        (lambda r: r.update(extra=1), "'extra' was unexpected"),
        (lambda r: r.update(hunting=[]), "hunting"),
        (lambda r: r["hunting"][0]["rule"].pop("fields"), "'fields' is a required property"),
        (lambda r: r["testing"][0].update(guid="0a2ce662"), "testing.0.guid"),
        (lambda r: r["testing"][0].update(technique="1505"), "testing.0.technique"),
        (lambda r: r["investigation"][0].update(title=3), "investigation.0.title"),
    ],
)
def test_broken_content_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None], what: str) -> None:
    """A missing or wrong entry is told with file and line."""
    with pytest.raises(ParityError) as caught:
        _load(tmp_path, change)
    assert f"sigma/detections/web_shell{SUFFIX}:" in str(caught.value)
    assert what in str(caught.value)


def test_content_of_no_detection_is_refused(tmp_path: Path) -> None:
    """A file that belongs to nothing would never be read by anyone."""
    with pytest.raises(ParityError, match="Did you mean 'web_shell'"):
        _load(tmp_path, lambda raw: None, name="web_shel")


def test_ids_of_hunting_queries_are_stable_and_unique() -> None:
    """A hunting query's id is made of its detection and title alone."""
    ids = [rule.id for rule in HUNTS]
    assert len(set(ids)) == len(ids)
    assert ids == [rule.id for rule in hunting_rules(load_responses(ROOT, library())["web_shell"])]
    assert all(uuid.UUID(value).version == 5 for value in ids)


@pytest.mark.parametrize("rule", HUNTS, ids=lambda r: r.stem.rsplit("/", 1)[-1])
def test_a_hunting_query_is_proved_at_every_target(rule: Rule) -> None:
    """Its query means what its Sigma says, on all events, wherever it is shipped."""
    for target in targets().values():
        query = Converter().query(rule, target)
        proof = prove(query, target, {rule.path: rule})
        assert proof.outcome is Outcome.AGREE, f"{target.name}: {proof.reason}"


@pytest.mark.parametrize("name", ["defender", "sentinel", "splunk-sysmon", "elastic-esql"])
def test_hunting_queries_run_over_the_fixtures_of_the_rules(name: str) -> None:
    """On every engine each returns exactly the fixture events that its Sigma matches."""
    target = targets()[name]
    for engine in engines_for(target.dialect):
        for rule in HUNTS:
            subject = Subject.of_rule(Converter().query(rule, target), target, rule)
            found = verify(subject, engine, benches().of(subject), {rule.path: compile_rule(rule)})
            assert found.outcome in (Outcome.AGREE, Outcome.NOT_RUN), (engine.name, rule.title, found.detail)


def test_microsofts_binder_accepts_the_hunting_queries() -> None:
    """No diagnostic on names and types, where the binder is installed."""
    from converter.engines.kql.kusto_binder import KustoBinder

    binder = KustoBinder()
    try:
        for rule, name in itertools.product(HUNTS, ("defender", "sentinel")):
            target = targets()[name]
            query = Converter().query(rule, target)
            assert not binder.diagnose(query.text, schema_of(target).types), rule.title
    except EngineUnavailable as error:
        pytest.skip(str(error))
    finally:
        binder.close()


def test_the_techniques_of_hunts_and_rules_are_known() -> None:
    """Every tag has a name, and each technique stands under one of its tactics."""
    for rule in [*HUNTS, *library().rules.values()]:
        assert attack_of(rule, library()).techniques
    detection = attack_of(library().detections["web_shell"], library())
    assert [t.id for t in detection.techniques] == ["T1505.003", "T1571"]
    assert detection.techniques[0].url == "https://attack.mitre.org/techniques/T1505/003/"


@pytest.mark.parametrize(
    ("tags", "what"),
    [
        (["attack.persistance", "attack.t1505.003"], "Did you mean 'persistence'"),
        (["attack.persistence", "attack.t9999"], "technique 'T9999' is unknown"),
        (["attack.t1505.003"], "without its tactic"),
    ],
)
def test_wrong_tags_are_refused(tags: list[str], what: str) -> None:
    """A tag that no platform knows is never passed on."""
    with pytest.raises(ParityError, match=what):
        from_tags(tags)


def test_every_target_has_the_guide_and_its_hunting_queries() -> None:
    """The guide holds every step and the very text of the target's hunting queries, which also stand as files."""
    made = files()
    for name, target in targets().items():
        page = made[f"{name}/detections/web_shell.guide.md"].decode()
        for steps in (RESPONSE.investigation, *RESPONSE.playbook.values(), RESPONSE.lab):
            assert all(step.text in page for step in steps)
        assert all(entry.do in page for entry in RESPONSE.tuning)
        for rule in HUNTS:
            query = Converter().query(rule, target)
            assert made[query.path] == query.text.encode()
            assert query.text.rstrip() in page
