"""Response content: complete, valid, carried into every guide; its hunting queries are proved like rules."""

from __future__ import annotations

import re
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
from tests.artefacts.made import context, files
from tests.project import ROOT, benches, library

FILE = ROOT / "sigma" / "detections" / f"web_shell{SUFFIX}"
RESPONSES = load_responses(ROOT, library())
RESPONSE = RESPONSES["web_shell"]
OWN = [response for response in RESPONSES.values() if response.detection == response.owner]
HUNTS = [rule for response in RESPONSES.values() for rule in hunting_rules(response)]


def _load(tmp_path: Path, change: Callable[[dict[str, Any]], None], name: str = "web_shell") -> dict[str, Response]:
    raw = yaml.safe_load(FILE.read_text("utf-8"))
    change(raw)
    folder = tmp_path / "sigma" / "detections"
    folder.mkdir(parents=True)
    (folder / f"{name}{SUFFIX}").write_text(yaml.safe_dump(raw, sort_keys=False), "utf-8")
    return load_responses(tmp_path, library())


def test_every_detection_has_response_content() -> None:
    """Nobody is woken by an alert that comes without a guide."""
    assert set(RESPONSES) == set(library().detections)


@pytest.mark.parametrize("response", OWN, ids=lambda r: r.owner)
def test_the_content_is_complete(response: Response) -> None:
    """Each phase has steps, there are four to six hunting queries, and every part of the file's own detection can be
    tried."""
    assert list(response.playbook) == ["contain", "eradicate", "recover"]
    assert 4 <= len(response.hunting) <= 6
    told = " ".join([*(t.expect for t in response.testing), *(step.title for step in response.lab)])
    assert all(part.label in told for part in library().detections[response.owner].parts)


@pytest.mark.parametrize("response", RESPONSES.values(), ids=lambda r: r.detection)
def test_steps_fit_their_detection(response: Response) -> None:
    """The first step says of each part what it means, and no step names a column or a part that the detection lacks."""
    detection, every = library().detections[response.detection], library().detections.values()
    steps = [*response.investigation, *(step for phase in response.playbook.values() for step in phase)]
    assert all(f"{part.label}: " in steps[0].text for part in detection.parts)
    # names that are words of English too, as User and Download, cannot be told from those words
    names = {name for one in every for name in (*one.columns, *(part.label for part in one.parts))}
    telling = {name for name in names if re.search(r"[a-z][A-Z]|[_-]", name)}
    own = {*detection.columns, *(part.label for part in detection.parts)}
    text = " ".join([*(step.text for step in steps), *(f"{one.when} {one.do}" for one in response.tuning)])
    assert not set(re.findall(r"\w+(?:-\w+)*", text)) & (telling - own)


def test_a_served_detection_shares_all_but_summary_and_tests() -> None:
    """Its summary is its manifest's description, its first step its own; tests are the owner's, and hunting queries are
    shown but made once."""
    served = [response for response in RESPONSES.values() if response.detection != response.owner]
    assert served
    for response in served:
        owner = RESPONSES[response.owner]
        assert response.summary == " ".join(library().detections[response.detection].description.split())
        assert response.investigation[1:] == owner.investigation[1:]
        assert response.investigation[0] != owner.investigation[0]
        assert (response.playbook, response.hunting, response.tuning) == (owner.playbook, owner.hunting, owner.tuning)
        assert not response.testing
        assert not response.lab
        assert not hunting_rules(response)
    assert len({rule.path for rule in HUNTS}) == len(HUNTS) == sum(len(response.hunting) for response in OWN)


def test_a_part_without_a_text_has_its_rule_s_title(tmp_path: Path) -> None:
    """Nothing has to be written for a new part: the first step then says what its rule is called."""
    found = _load(tmp_path, lambda raw: raw.pop("parts"))["web_shell"].investigation[0].text
    assert "WebServer_Shell_Spawn: Shell Or Discovery Tool Started By A Web Server. " in found


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            "also:\n",
            "also:\n    - web_shell_memry\n",
            "3: also: there is no detection 'web_shell_memry'\n  hint: Did you",
        ),
        ("also:\n", "also:\n    - web_shell\n", "3: also: sigma/detections/web_shell.response serves"),
        (
            "parts:\n",
            "parts:\n    Remote_Thred: It is not.\n",
            "5: parts: none of the detections has a part 'Remote_Thred'",
        ),
    ],
)
def test_wrong_names_are_refused_with_their_line(tmp_path: Path, old: str, new: str, what: str) -> None:
    """A detection or part that there is not would be served by nobody, without a word."""
    text = "# a comment\nalso:\n    - web_shell_memory\nparts:\n    Remote_Thread: It moved elsewhere.\n"
    folder = tmp_path / "sigma" / "detections"
    folder.mkdir(parents=True)
    rest = yaml.safe_load(FILE.read_text("utf-8"))
    rest = {key: value for key, value in rest.items() if key not in ("also", "parts")}
    (folder / FILE.name).write_text(text.replace(old, new, 1) + yaml.safe_dump(rest, sort_keys=False), "utf-8")
    with pytest.raises(ParityError) as caught:
        load_responses(tmp_path, library())
    assert f"sigma/detections/web_shell{SUFFIX}:{what}" in str(caught.value)


@pytest.mark.parametrize("also", ["web_shell_memory", "web_shell"])
def test_two_files_for_one_detection_are_refused(tmp_path: Path, also: str) -> None:
    """Which of two guides an alert has would be chance."""
    _load(tmp_path, lambda raw: raw.update(also=["web_shell_memory"], parts={"Remote_Thread": "It moved elsewhere."}))
    raw = yaml.safe_load(FILE.read_text("utf-8")) | {"also": [also]}
    raw.pop("parts")
    other = tmp_path / "sigma" / "detections" / f"web_shell_network{SUFFIX}"
    other.write_text(yaml.safe_dump(raw, sort_keys=False), "utf-8")
    with pytest.raises(ParityError) as caught:
        load_responses(tmp_path, library())
    message = f"also: sigma/detections/web_shell{SUFFIX} serves the detection {also!r} already"
    assert re.search(rf"web_shell_network{SUFFIX}:\d+: {re.escape(message)}", str(caught.value))
    assert "hint: name it in one file only" in str(caught.value)


def test_content_without_a_test_is_refused(tmp_path: Path) -> None:
    """A detection that nobody can try is not known to work."""

    def change(raw: dict[str, Any]) -> None:
        del raw["testing"], raw["lab"]

    with pytest.raises(ParityError, match="nothing says how the detection is tried"):
        _load(tmp_path, change)


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
    again = load_responses(ROOT, library()).values()
    assert ids == [rule.id for response in again for rule in hunting_rules(response)]
    assert all(uuid.UUID(value).version == 5 for value in ids)


def _targets_of(rule: Rule) -> list[str]:
    """The targets at which a hunting query's detection has a query."""
    (response,) = (one for one in OWN if rule in hunting_rules(one))
    return [name for name in targets() if context().query(library().detections[response.owner], name)]


@pytest.mark.parametrize("rule", HUNTS, ids=lambda r: r.stem.rsplit("/", 1)[-1])
def test_a_hunting_query_is_proved_at_every_target(rule: Rule) -> None:
    """Its query means what its Sigma says, on all events, wherever its detection is shipped."""
    assert len(_targets_of(rule)) >= 5
    for name in _targets_of(rule):
        target = targets()[name]
        query = Converter().query(rule, target)
        proof = prove(query, target, {rule.path: rule})
        assert proof.outcome is Outcome.AGREE, f"{target.name}: {proof.reason}"


@pytest.mark.parametrize("name", ["defender", "sentinel", "splunk-sysmon", "elastic-esql"])
def test_hunting_queries_run_over_the_fixtures_of_the_rules(name: str) -> None:
    """On every engine each returns exactly the fixture events that its Sigma matches."""
    target = targets()[name]
    for engine in engines_for(target.dialect):
        for rule in HUNTS:
            if name not in _targets_of(rule):
                continue
            subject = Subject.of_rule(Converter().query(rule, target), target, rule)
            found = verify(subject, engine, benches().of(subject), {rule.path: compile_rule(rule)})
            assert found.outcome in (Outcome.AGREE, Outcome.NOT_RUN), (engine.name, rule.title, found.detail)


def test_microsofts_binder_accepts_the_hunting_queries() -> None:
    """No diagnostic on names and types, where the binder is installed."""
    from converter.engines.kql.kusto_binder import KustoBinder

    binder = KustoBinder()
    try:
        for rule in HUNTS:
            for name in {"defender", "sentinel"} & {*_targets_of(rule)}:
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


@pytest.mark.parametrize("response", RESPONSES.values(), ids=lambda r: r.detection)
def test_every_target_has_the_guide_and_its_hunting_queries(response: Response) -> None:
    """The guide holds every step and the very text of the target's hunting queries, which also stand as files, once for
    a family; only the guide of a file's own detection tells of tests."""
    made, detection = files(), library().detections[response.detection]
    having = [name for name in targets() if context().query(detection, name)]
    assert len(having) >= 5
    for name in having:
        page = made[f"{name}/detections/{response.detection}.guide.md"].decode()
        for steps in (response.investigation, *response.playbook.values(), response.lab):
            assert all(step.text in page for step in steps)
        assert response.summary.splitlines()[0] in page
        assert all(entry.do in page for entry in response.tuning)
        assert ("\n## Test\n" in page) == (response.detection == response.owner)
        for hunt in response.hunting:
            query = Converter().query(hunt.rule, targets()[name])
            assert made[query.path] == query.text.encode()
            assert query.text.rstrip() in page
    kept = {path for path in made if f"/{response.detection}.hunting/" in path and not path.endswith(".hunting.yaml")}
    assert len(kept) == len(hunting_rules(response)) * len(having)
