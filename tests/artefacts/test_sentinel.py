"""Sentinel's analytics rules and ARM template, as its user meets them: taken apart, executed, and broken on purpose."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from converter.artefacts.microsoft.kql_shape import shape
from converter.artefacts.microsoft.sentinel import MAKER, SEVERITIES, analytics_rule
from converter.build.bench import Bench
from converter.build.settings import TargetSettings, load_settings, localise
from converter.convert.convert import Converter
from converter.core.discovery import engines_for, find_target
from converter.core.errors import ParityError
from converter.core.model import Detection, Query
from converter.core.platform import Record
from converter.core.validate import check
from converter.core.verdict import Outcome
from converter.prove.prove import prove
from converter.verify.verify import Subject, verify
from tests.artefacts.made import context, detection_of, files, parts_of, with_settings
from tests.project import ROOT, benches, built, library

TARGET = "sentinel"
DETECTION = library().detections["web_shell"]
KINDS = (".analytics.yaml", ".nrt.yaml")
RULES = {path: data for path, data in files().items() if path.startswith("sentinel/") and path.endswith(KINDS)}
SUBJECTS = {q.path.rsplit(".", 1)[0]: q for q in built().queries if q.target == TARGET}


def _query(path: str) -> tuple[dict[str, Any], Query]:
    """The rule in a file, and its query as taken out of the file."""
    rule = yaml.safe_load(RULES[path])
    return rule, replace(SUBJECTS[re.sub(r"\.(analytics|nrt)\.yaml$", "", path)], text=rule["query"])


def _arm() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(files()["sentinel/azuredeploy.json"])
    return loaded


@pytest.mark.parametrize("path", sorted(RULES))
def test_the_query_in_the_file_is_proved(path: str) -> None:
    """Taken out of the YAML, the query means what the rules mean, and is the shipped one to the byte.

    The one wrapping there is: a scheduled detection, whose query looks back a day, ends in a line that narrows it to
    the hour since the last run.
    """
    rule, query = _query(path)
    shipped = (ROOT / "output" / query.path).read_text("utf-8")
    if rule["kind"] == "Scheduled" and detection_of(query):
        shipped += "| where TimeGenerated > ago(1h)\n"
    assert query.text == shipped
    proof = prove(query, find_target(TARGET), parts_of(query))
    assert proof.outcome is Outcome.AGREE, proof.reason


@pytest.mark.parametrize("path", sorted(path for path in RULES if path.endswith(".analytics.yaml")))
def test_the_query_in_the_file_runs(path: str) -> None:
    """Taken out of the YAML, the query returns on every engine exactly what the rules ask for."""
    _, query = _query(path)
    target = find_target(TARGET)
    if detection := detection_of(query):
        subject = Subject.of_detection(query, target, replace(detection, lookback_hours=1), library().rules)
        bench = _within_hours(benches().of(subject))
    else:
        subject = Subject.of_rule(query, target, library().rules[query.source])
        bench = benches().of(subject)
    for engine in engines_for("kql"):
        verdict = verify(subject, engine, bench, benches().judges)
        assert verdict.outcome in (Outcome.AGREE, Outcome.NOT_RUN), verdict.detail


def _within_hours(bench: Bench) -> Bench:
    """The samples anew: most of them minutes old, every fifth just out of an hour's window."""
    samples = []
    for number, sample in enumerate(bench.samples):
        age = 62 if number % 5 == 0 else number % 50 + 1
        time = (bench.now - timedelta(minutes=age)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        record = Record(sample.record.table, {**sample.record.fields, bench.schema.time: time})
        samples.append(replace(sample, case=replace(sample.case, age_minutes=age), record=record))
    return replace(bench, samples=tuple(samples))


def test_every_source_has_a_scheduled_and_a_near_real_time_rule() -> None:
    """Two kinds for each source, every id once."""
    rules = [yaml.safe_load(data) for data in RULES.values()]
    count = len(SUBJECTS)
    assert sorted(rule["kind"] for rule in rules) == ["NRT"] * count + ["Scheduled"] * count
    assert len({rule["id"] for rule in rules}) == len({rule["name"] for rule in rules}) == 2 * count


@pytest.mark.parametrize("path", sorted(RULES))
def test_schedule_window_and_columns_fit_the_query(path: str) -> None:
    """A query's own window is the period; every mapped column is one that the query returns."""
    rule, query = _query(path)
    returned = shape(query)
    if rule["kind"] == "Scheduled" and detection_of(query):
        assert returned.window == 60
    if rule["kind"] == "Scheduled":
        assert rule["queryFrequency"] == rule["queryPeriod"] == "1h"
    mapped = [f["columnName"] for m in rule["entityMappings"] for f in m["fieldMappings"]]
    mapped += rule.get("customDetails", {}).values()
    mapped += re.findall(r"\{\{(\w+)\}\}", rule.get("alertDetailsOverride", {}).get("alertDisplayNameFormat", ""))
    assert set(mapped) <= set(returned.columns)
    assert tuple(rule["requiredDataConnectors"][0]["dataTypes"]) == returned.tables
    source = library().rules.get(query.source)
    assert rule["severity"] == ("High" if source is None else SEVERITIES[source.raw["level"]])


def test_every_identity_of_a_row_is_mapped() -> None:
    """The detection names host, account, process, file and address: the five that Sentinel allows."""
    rule = yaml.safe_load(RULES["sentinel/detections/web_shell.analytics.yaml"])
    assert [m["entityType"] for m in rule["entityMappings"]] == ["Host", "Account", "Process", "File", "IP"]


@pytest.mark.parametrize("kind", ["Scheduled", "NRT"])
@pytest.mark.parametrize("content", ["detections", "rules", "all"])
def test_the_template_deploys_what_its_parameters_choose(content: str, kind: str) -> None:
    """Evaluating the conditions as Resource Manager would: one kind at a time, detections, rules or both."""
    chosen = [r for r in _arm()["resources"] if _holds(r["condition"], {"content": content, "kind": kind})]
    assert {r["kind"] for r in chosen} == {kind}
    rules = sum(context().query(rule, TARGET) is not None for rule in library().rules.values())
    detections = len(library().detections)
    assert len(chosen) == {"detections": detections, "rules": rules, "all": rules + detections}[content]


def _holds(condition: str, values: dict[str, str]) -> bool:
    """`[and(equals(parameters('a'),'b'),not(equals(…)))]`, the only form we write."""
    match = re.fullmatch(
        r"\[and\(equals\(parameters\('(\w+)'\),'(\w+)'\),not\(equals\(parameters\('(\w+)'\),'(\w+)'\)\)\)\]", condition
    )
    assert match
    return values[match[1]] == match[2] and values[match[3]] != match[4]


def test_the_template_holds_the_rules_of_the_files() -> None:
    """Same ids, same queries; scheduled rules in the stable API, which knows techniques only; times in ISO 8601."""
    by_id = {rule["id"]: rule for rule in map(yaml.safe_load, RULES.values())}
    resources = _arm()["resources"]
    assert len(resources) == len(by_id)
    for resource in resources:
        rule = by_id[resource["name"].split("/")[-1].removesuffix("')]")]
        properties = resource["properties"]
        assert properties["query"] == rule["query"]
        assert resource["kind"] == rule["kind"]
        assert properties["techniques"]
        assert not any("." in technique for technique in properties["techniques"])
        if rule["kind"] == "Scheduled":
            assert resource["apiVersion"] == "2024-09-01"
            assert properties["queryPeriod"] == properties["queryFrequency"] == "PT1H"


def test_nothing_runs_until_somebody_says_so() -> None:
    """`enabled` is a parameter that is off by default; a source the site disabled stays off whatever it says."""
    assert _arm()["parameters"]["enabled"]["defaultValue"] is False
    assert {r["properties"]["enabled"] for r in _arm()["resources"]} == {"[parameters('enabled')]"}
    site = with_settings(
        targets={TARGET: TargetSettings(enabled=True, workspace="law-soc")}, disabled=frozenset({DETECTION.path})
    )
    arm = json.loads(next(a.content for a in MAKER.make(site) if a.path.endswith("azuredeploy.json")))
    assert arm["parameters"]["enabled"]["defaultValue"] is True
    assert arm["parameters"]["workspace"]["defaultValue"] == "law-soc"
    states = {r["properties"]["displayName"]: r["properties"]["enabled"] for r in arm["resources"]}
    assert states["Web Shell"] is states["NRT Web Shell"] is False


@pytest.mark.parametrize(("title", "written"), [("[test rule]", "[[test rule]"), ("[test] rule", "[test] rule")])
def test_a_text_in_brackets_is_no_expression(title: str, written: str) -> None:
    """Resource Manager evaluates strings in brackets; ours are doubled, and no others."""
    rule = next(rule for rule in library().rules.values() if context().query(rule, TARGET) is not None)
    odd = type(rule)(rule.path, {**rule.raw, "title": title}, rule.sha256)
    changed = replace(context(), library=type(library())({**library().rules, rule.path: odd}, library().detections))
    arm = json.loads(next(a.content for a in MAKER.make(changed) if a.path.endswith("azuredeploy.json")))
    assert written in {r["properties"]["displayName"] for r in arm["resources"]}


def test_braces_of_a_title_are_no_columns() -> None:
    """An alert's name is a template; a title that would add places to it leaves the template out."""
    manifest = next(iter(library().detections.values()))
    odd = replace(manifest, title="A {{Secret}} detection")
    changed = replace(context(), library=type(library())(library().rules, {manifest.name: odd}))
    rules = [yaml.safe_load(a.content) for a in MAKER.make(changed) if a.path.endswith(".analytics.yaml")]
    own = [rule for rule in rules if "Secret" in rule["name"]]
    assert own
    assert not any("Secret" in str(rule.get("alertDetailsOverride")) for rule in rules)


def test_severity_overrides_are_carried() -> None:
    """A site's severity replaces the rule's."""
    site = with_settings(severity={DETECTION.path: "low"})
    made = [a for a in MAKER.make(site) if a.path.endswith("/detections/web_shell.analytics.yaml")]
    rules = [yaml.safe_load(a.content) for a in made]
    assert [rule["severity"] for rule in rules] == ["Low"] * len(MAKER.targets)


@pytest.mark.parametrize(
    ("own", "what"),
    [
        (TargetSettings(frequency=1), "5m to 14d"),
        (TargetSettings(frequency=15 * 1440), "5m to 14d"),
        (TargetSettings(frequency=120, lookback=60), "leaves events unseen"),
        (TargetSettings(frequency=30, lookback=2 * 1440), "every hour at most"),
        (TargetSettings(frequency=2 * 1440), "the query looks back 1d, the schedule 2d"),
    ],
)
def test_a_schedule_that_sentinel_refuses_is_told_at_parity_toml(own: TargetSettings, what: str) -> None:
    """Bounds, holes, and a schedule that promises more than the detection's query looks at."""
    with pytest.raises(ParityError, match=what) as caught:
        MAKER.make(with_settings(targets={TARGET: own}))
    assert caught.value.where == "parity.toml"


def test_a_window_of_the_sites_own_needs_no_wrapping(tmp_path: Path) -> None:
    """With a lookback in parity.toml the detection is converted with that window and shipped as it is."""
    (tmp_path / "parity.toml").write_text("[target.sentinel]\nfrequency = '1h'\nlookback = '2h'", "utf-8")
    settings = load_settings(tmp_path, library())
    target = find_target(TARGET)
    local, _ = localise(library(), target, settings)
    query = Converter().detection(local.detections["web_shell"], local.rules, target)
    site = replace(context(), settings=settings, queries={**context().queries, (query.source, TARGET): query})
    rule = analytics_rule(DETECTION, query, "Scheduled", site)
    assert (rule["query"], rule["queryPeriod"], shape(query).window) == (query.text, "2h", 120)


def _broken(change: Callable[[str], str]) -> None:
    query = context().query(DETECTION, TARGET)
    assert query is not None
    analytics_rule(DETECTION, replace(query, text=change(query.text)), "Scheduled", context())


def test_the_limits_of_the_query_are_enforced() -> None:
    """10,000 characters, no `union *`, one window: each refusal names the query's file."""
    _broken(lambda text: text)
    with pytest.raises(ParityError, match="10,000"):
        _broken(lambda text: "// " + "x" * 10_000 + "\n" + text)
    with pytest.raises(ParityError, match=r"union \*"):
        _broken(lambda text: "// union * is not written\n" + text)
    with pytest.raises(ParityError, match="look back differently"):
        _broken(lambda text: text.replace("ago(24h)", "ago(2h)", 1))


def test_a_technique_without_all_its_tactics_is_refused() -> None:
    """The repository's validator refuses it, so the maker does."""
    converted = (r for r in library().rules.values() if context().query(r, TARGET) is not None)
    rule = next(r for r in converted if "attack.t1571" in r.raw["tags"])
    tags = [tag for tag in rule.raw["tags"] if tag != "attack.command-and-control"]
    changed = type(rule)(rule.path, {**rule.raw, "tags": tags}, rule.sha256)
    query = context().query(rule, TARGET)
    assert query is not None
    with pytest.raises(ParityError, match="T1571"):
        analytics_rule(changed, query, "Scheduled", context())


_RULE = yaml.safe_load(RULES["sentinel/detections/web_shell.analytics.yaml"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "1"),
        ("name", "Ends with a period."),
        ("name", "x" * 257),
        ("description", "x" * 5001),
        ("severity", "Critical"),
        ("queryFrequency", "PT1H"),
        ("triggerThreshold", 10001),
        ("triggerOperator", "GreaterThan"),
        ("tactics", ["Command and Control"]),
        ("tactics", ["Persistence", "Persistence"]),
        ("relevantTechniques", ["t1505"]),
        ("entityMappings", []),
        ("entityMappings", _RULE["entityMappings"] * 2),
        ("entityMappings", [{"entityType": "Host", "fieldMappings": [{"identifier": "Name", "columnName": "X"}]}]),
        ("customDetails", {"a b": "X"}),
        ("customDetails", {f"k{n}": "X" for n in range(21)}),
        ("alertDetailsOverride", {"alertDisplayNameFormat": "{{A}} {{B}} {{C}} {{D}}"}),
        ("version", "1.0"),
        ("kind", "scheduled"),
        ("kind", "NRT"),
        ("enabled", True),
    ],
)
def test_the_schema_refuses_what_sentinel_refuses(key: str, value: Any) -> None:
    """Each required key, enum, length and count can fail."""
    check(_RULE, "sentinel_analytics", "x")
    with pytest.raises(ParityError, match="Azure-Sentinel"):
        check({**_RULE, key: value}, "sentinel_analytics", "x")


@pytest.mark.parametrize("key", ["id", "name", "query", "queryPeriod", "tactics", "version", "kind"])
def test_required_keys_are_required(key: str) -> None:
    """Leaving one out is refused."""
    with pytest.raises(ParityError, match="required"):
        check({k: v for k, v in _RULE.items() if k != key}, "sentinel_analytics", "x")


def test_the_template_schema_can_fail() -> None:
    """A wrong scope, API, duration or sub-technique in a stable resource is refused."""
    good = _arm()
    check(good, "sentinel_arm", "x")
    changes: list[Callable[[dict[str, Any]], Any]] = [
        lambda r: r.update(type="Microsoft.SecurityInsights/alertRules"),
        lambda r: r.update(name="web_shell"),
        lambda r: r.update(apiVersion="2025-04-01-preview"),
        lambda r: r["properties"].update(queryPeriod="1d"),
        lambda r: r["properties"].update(subTechniques=["T1505.003"]),
        lambda r: r["properties"].pop("suppressionDuration"),
        lambda r: r["properties"]["incidentConfiguration"]["groupingConfiguration"].pop("groupByEntities"),
    ]
    for change in changes:
        bad = copy.deepcopy(good)
        change(bad["resources"][0])
        with pytest.raises(ParityError):
            check(bad, "sentinel_arm", "x")


def test_making_twice_gives_the_same_bytes() -> None:
    """No date, no random id, no order of a set."""
    again = {artefact.path: artefact.content for artefact in MAKER.make(context())}
    assert again == {path: files()[path] for path in again}
    assert isinstance(DETECTION, Detection)
