"""Defender's custom detections and the Navigator layers, taken apart, executed, and broken on purpose."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from converter.artefacts.core.attack import from_tags
from converter.artefacts.core.base import Artefact, Context
from converter.artefacts.core.index import index
from converter.artefacts.core.package import merge
from converter.artefacts.microsoft.defender import MAKER, REQUIRED, custom_detection, tactics
from converter.artefacts.microsoft.kql_shape import shape
from converter.build.settings import TargetSettings
from converter.core.discovery import engines_for, find_target, targets
from converter.core.errors import Faults, ParityError
from converter.core.model import Query
from converter.core.validate import check
from converter.core.verdict import Outcome
from converter.prove.prove import prove
from converter.verify.verify import Subject, verify
from tests.artefacts.made import MAKERS, context, detection_of, files, parts_of, with_settings
from tests.project import ROOT, benches, built, library

TARGET = "defender"
DETECTION = library().detections["web_shell"]
BODIES = {path: json.loads(data) for path, data in files().items() if path.endswith(".detection.json")}
GOOD = BODIES["defender/detections/web_shell.detection.json"]


def _query(path: str) -> Query:
    """The query as taken out of the body."""
    found = next(q for q in built().queries if q.path.rsplit(".", 1)[0] == path.removesuffix(".detection.json"))
    return replace(found, text=BODIES[path]["queryCondition"]["queryText"])


@pytest.mark.parametrize("path", sorted(BODIES))
def test_the_query_in_the_body_is_proved_and_runs(path: str) -> None:
    """Taken out of the JSON, the query is the shipped one, means what the rules mean, and returns just that."""
    query, target = _query(path), find_target(TARGET)
    assert query.text.encode() == (ROOT / "output" / query.path).read_bytes()
    if detection := detection_of(query):
        subject = Subject.of_detection(query, target, detection, library().rules)
    else:
        subject = Subject.of_rule(query, target, library().rules[query.source])
    proof = prove(query, target, parts_of(query))
    assert proof.outcome is Outcome.AGREE, proof.reason
    for engine in engines_for("kql"):
        verdict = verify(subject, engine, benches().of(subject), benches().judges)
        assert verdict.outcome in (Outcome.AGREE, Outcome.NOT_RUN), verdict.detail


@pytest.mark.parametrize("path", sorted(BODIES))
def test_the_query_returns_what_a_custom_detection_needs(path: str) -> None:
    """Timestamp, DeviceId and ReportId, and every column that entities and details name."""
    returned = set(shape(_query(path)).columns)
    assert set(REQUIRED) <= returned
    template = BODIES[path]["detectionAction"]["alertTemplate"]
    mapped = [c for kinds in template["entityMappings"].values() for entity in kinds for c in entity.values()]
    assert set(mapped) | set(template["customDetails"].values()) <= returned


def test_the_body_is_in_the_current_form() -> None:
    """None of the properties that the API dropped on 2026-10-01, an ISO 8601 frequency, and no automated action."""
    text = json.dumps(list(BODIES.values()))
    for gone in ("isEnabled", "period", "category", "mitreTechniques", "impactedAssets", "responseActions"):
        assert f'"{gone}"' not in text
    assert "automatedActions" not in text
    assert {body["schedule"]["frequency"] for body in BODIES.values()} == {"PT1H"}
    assert {body["status"] for body in BODIES.values()} == {"disabled"}


def test_names_are_unique_and_techniques_nest() -> None:
    """One id, name and title a body; sub-techniques stand below their technique, under their tactic."""
    assert len(BODIES) >= 4
    for key in ("id", "displayName"):
        assert len({body[key] for body in BODIES.values()}) == len(BODIES)
    assert tactics(
        from_tags(["attack.persistence", "attack.command-and-control", "attack.t1505.003", "attack.t1571"])
    ) == [
        {"tactic": "Persistence", "techniques": [{"technique": "T1505", "subTechniques": ["T1505.003"]}]},
        {"tactic": "CommandAndControl", "techniques": [{"technique": "T1571"}]},
    ]


def test_recommended_actions_say_what_to_do() -> None:
    """The investigation and the containment of the response content, in plain text."""
    text = GOOD["detectionAction"]["alertTemplate"]["recommendedActions"]
    response = context().responses["web_shell"]
    assert all(step.text in text for step in (*response.investigation, *response.playbook["contain"]))
    alone = replace(context(), responses={})
    query = context().query(DETECTION, TARGET)
    assert query is not None
    body = custom_detection(DETECTION, query, alone)
    assert "- Application pools" in body["detectionAction"]["alertTemplate"]["recommendedActions"]


@pytest.mark.parametrize(
    ("own", "what"),
    [
        (TargetSettings(frequency=30), "every 1h, 3h, 12h, 1d, not every 30m"),
        (TargetSettings(frequency=7 * 1440), "not every 7d"),
    ],
)
def test_a_frequency_that_defender_lacks_is_refused(own: TargetSettings, what: str) -> None:
    """The refusal stands at parity.toml and lists what there is."""
    with pytest.raises(ParityError, match=what) as caught:
        MAKER.make(with_settings(targets={TARGET: own}))
    assert caught.value.where == "parity.toml"


def test_site_settings_reach_the_body() -> None:
    """Frequency, severity and whether it runs."""
    site = with_settings(
        targets={TARGET: TargetSettings(enabled=True, frequency=720)}, severity={DETECTION.path: "medium"}
    )
    bodies = {a.path: json.loads(a.content) for a in MAKER.make(site)}
    body = bodies["defender/detections/web_shell.detection.json"]
    assert (body["status"], body["schedule"]["frequency"]) == ("enabled", "PT12H")
    assert body["detectionAction"]["alertTemplate"]["severity"] == "medium"


def test_a_query_without_a_required_column_is_refused() -> None:
    """Defender could not link the alert to its rows."""
    query = context().query(DETECTION, TARGET)
    assert query is not None
    with pytest.raises(ParityError, match="ReportId"):
        custom_detection(DETECTION, replace(query, text=query.text.replace("ReportId, ", "")), context())


def test_two_rules_with_one_title_are_refused() -> None:
    """Names are unique in a tenant."""
    first, second = [rule for rule in library().rules.values() if context().query(rule, TARGET) is not None][:2]
    same = type(second)(second.path, {**second.raw, "title": first.title}, second.sha256)
    changed = type(library())({**library().rules, second.path: same}, library().detections)
    with pytest.raises(ParityError, match="is also that of"):
        MAKER.make(replace(context(), library=changed))


_CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    lambda b: b.pop("id"),
    lambda b: b.pop("status"),
    lambda b: b.pop("schedule"),
    lambda b: b.update(id="Web Shell"),
    lambda b: b.update(status="active"),
    lambda b: b.update(isEnabled=True),
    lambda b: b.update(displayName=""),
    lambda b: b["schedule"].update(frequency="1H"),
    lambda b: b["schedule"].update(frequency="PT2H"),
    lambda b: b["schedule"].update(period="24H"),
    lambda b: b["queryCondition"].update(queryText=""),
    lambda b: b["detectionAction"]["alertTemplate"].update(severity="critical"),
    lambda b: b["detectionAction"]["alertTemplate"].update(category="Persistence"),
    lambda b: b["detectionAction"]["alertTemplate"].update(title="<b>x</b>"),
    lambda b: b["detectionAction"]["alertTemplate"]["tactics"][0].update(tactic="Command And Control"),
    lambda b: b["detectionAction"]["alertTemplate"]["tactics"][0]["techniques"][0].update(technique="T1505.003"),
    lambda b: b["detectionAction"]["alertTemplate"]["entityMappings"].pop("hosts"),
    lambda b: b["detectionAction"]["alertTemplate"]["entityMappings"]["files"][0].update(directoryColumn="X"),
]


@pytest.mark.parametrize("change", _CHANGES)
def test_the_schema_refuses_what_the_api_refuses(change: Callable[[dict[str, Any]], Any]) -> None:
    """Each required key and enum can fail."""
    check(GOOD, "defender_detection", "x")
    bad = copy.deepcopy(GOOD)
    change(bad)
    with pytest.raises(ParityError, match="graph-rest-1"):
        check(bad, "defender_detection", "x")


@pytest.mark.parametrize("name", list(targets()))
def test_a_navigator_layer_counts_the_rules_of_a_technique(name: str) -> None:
    """Each technique has the number of rules that are tagged with it and converted; the layer's schema can fail."""
    rules = [rule for rule in library().rules.values() if context().query(rule, name) is not None]
    attacks = [from_tags(rule.raw["tags"]) for rule in rules]
    counted = Counter((t.id, tactic.slug) for one in attacks for tactic in one.tactics for t in one.serving(tactic))
    layer = json.loads(files()[f"{name}/attack-navigator.json"])
    cells = {(t["techniqueID"], t["tactic"]): t["score"] for t in layer["techniques"]}
    assert cells == counted
    assert cells[("T1505.003", "persistence")] >= 3
    for change in ({"domain": "mitre-enterprise"}, {"versions": {"layer": "4.5", "navigator": "4.8.0"}}, {"x": 1}):
        with pytest.raises(ParityError):
            check({**layer, **change}, "navigator_layer", "x")


class _Other:
    name = "other"
    targets: tuple[str, ...] = (TARGET,)

    def __init__(self, path: str) -> None:
        self.path = path

    def make(self, context: Context) -> list[Artefact]:
        return [Artefact(self.path, b"")]


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("defender/detections/web_shell.detection.json", "both write it"),
        ("defender/detections/web_shell.kql", "the build of the queries"),
        ("../x", "outside output/"),
        ("/etc/x", "outside output/"),
    ],
)
def test_packaging_refuses_a_path_twice_or_outside(path: str, what: str) -> None:
    """No maker overwrites another's file or a query, nor anything outside output/."""
    taken = [q.path for q in built().queries]
    with pytest.raises(Faults, match=what):
        merge([*MAKERS, _Other(path)], context(), taken)


def test_the_index_lists_committed_files_only() -> None:
    """Bundles are not committed, so the index leaves them out; a partial packaging keeps the other entries."""
    body = json.loads(index({"defender/x.json": b"1", "dist/x.spl": b"2"}, {"sentinel/y.yaml": "abc"}))
    assert list(body["artefacts"]) == ["defender/x.json", "sentinel/y.yaml"]
