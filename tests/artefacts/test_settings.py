"""parity.toml and Sigma filters: refused with their line, or applied to copies of the rules, which stay as they are."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from converter.artefacts.core.package import make, package
from converter.build.gate import Gate
from converter.build.settings import (
    DEFAULTS,
    FILE,
    Settings,
    load_settings,
    local_rule,
    localise,
    minutes,
)
from converter.convert.convert import Converter
from converter.core.discovery import engines_for, find_target, targets
from converter.core.errors import ParityError
from converter.core.model import Rule
from converter.core.verdict import Outcome
from converter.prove.prove import prove
from converter.rules.evaluator import compile_rule
from converter.verify.verify import Subject, verify
from tests.project import ROOT, benches, library

SPAWN = "sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"
FILTER = """
title: Known build servers
logsource:
    category: process_creation
    product: windows
filter:
    rules: any
    selection:
        Computer|startswith: 'BUILD'
        CommandLine|contains: 'deploy'
    condition: not selection
"""


def _site(tmp_path: Path, toml: str, **filters: str) -> Settings:
    for name, text in filters.items():
        (tmp_path / f"{name}.yml").write_text(text, "utf-8")
    (tmp_path / FILE).write_text(toml, "utf-8")
    return load_settings(tmp_path, library())


def test_the_example_changes_nothing() -> None:
    """The parity.toml of the repository has every setting commented out."""
    assert load_settings(ROOT, library()) == DEFAULTS
    for target in targets().values():
        local, changed = localise(library(), target, DEFAULTS)
        assert (local.rules, local.detections, changed) == (library().rules, library().detections, target)


def test_the_example_shows_settings_that_are_valid(tmp_path: Path) -> None:
    """With the comment signs taken off its settings, the example loads and sets what its comments say."""
    lines = (ROOT / FILE).read_text("utf-8").splitlines()
    shown = "\n".join(line[1:] for line in lines if line.startswith("#") and not line.startswith("# "))
    assert set(tomllib.loads(shown)) == {
        "disabled",
        "exclusions",
        "placeholders",
        "records",
        "rule",
        "severity",
        "target",
    }
    (tmp_path / "site" / "filters").mkdir(parents=True)
    (tmp_path / "site" / "filters" / "build_servers.yml").write_text(FILTER, "utf-8")
    settings = _site(tmp_path, shown)
    assert settings.of("sentinel").lookback == 60
    assert settings.enabled(library().rules[SPAWN], "defender")
    assert settings.severity_of(library().rules[SPAWN]) == "high"


@pytest.mark.parametrize(
    ("toml", "place", "what"),
    [
        ("frequncy = 1\n[target]", f"{FILE}:1", "unknown key 'frequncy'"),
        ("exlusions = []", f"{FILE}:1", "Did you mean 'exclusions'"),
        ("\n[target.sentinal]", f"{FILE}:2", "Did you mean 'sentinel'"),
        ("[target.sentinel]\nlokback = '1h'", f"{FILE}:2", "Did you mean 'lookback'"),
        ("[target.sentinel]\nfrequency = 60", f"{FILE}:2", "not of type 'string'"),
        ("[target.sentinel]\nfrequency = 'hourly'", f"{FILE}:2", "does not match"),
        ("[target.sentinel]\nworkspace = 'x y'", f"{FILE}:2", "does not match"),
        ("[target.sentinel]\nenabled = 'yes'", f"{FILE}:2", "not of type 'boolean'"),
        ("[target.sentinel]\nlookback = '90m'", f"{FILE}:2", "not whole hours"),
        ("[target.sentinel]\nfrequency = '3h'\nlookback = '2h'", f"{FILE}:3", "leaves events unseen"),
        ("[target.sentinel]\nmacros = { x = 'y' }", f"{FILE}:2", "has no effect"),
        ("[target.splunk-sysmon]\nworkspace = 'law-soc'", f"{FILE}:2", "has no effect"),
        ("[target.elastic-eql]\nindices = { process_creation = ['Logs-X'] }", f"{FILE}:2", "does not match"),
        (
            "[target.elastic-eql]\nindices = { process_create = ['x-*'] }",
            f"{FILE}:2",
            "Did you mean 'process_creation'",
        ),
        (
            '[target.elastic-eql]\nindices = { process_creation = ["x\\u202e*"] }',
            f"{FILE}:2",
            "holds the character U+202E, which nobody sees",
        ),
        ('[target.splunk-sysmon.macros]\nparity_sysmon = "index=a\\u00a0b"', f"{FILE}:2", "the character U+00A0"),
        ("[severity]\nweb_shel = 'high'", f"{FILE}:2", "Did you mean 'web_shell'"),
        ("[severity]\nweb_shell = 'urgent'", f"{FILE}:2", "is not one of"),
        ("disabled = ['nothing_like_it']", f"{FILE}:1", "unknown rule or detection"),
        ("exclusions = 'x.yml'", f"{FILE}:1", "not of type 'array'"),
        ("\nexclusions = ['gone.yml']", f"{FILE}:2", "does not exist"),
        ("exclusions = ['../x.yml']", f"{FILE}:1", "outside the project"),
        ("a = 1\na = 2", f"{FILE}:2", "broken TOML"),
        ("[placeholders]\nx = true", f"{FILE}:2", "placeholders.x"),
        ("[placeholders]\nx = []", f"{FILE}:2", "placeholders.x"),
        ("[placeholders]\n'a b' = 'c'", f"{FILE}:1", "does not match"),
        ("[rule.web_shel]\ntargets = ['sentinel']", f"{FILE}:1", "Did you mean 'web_shell'"),
        ("[rule.web_shell]\ntarget = ['sentinel']", f"{FILE}:2", "Did you mean 'targets'"),
        ("[rule.web_shell]\ntargets = ['sentinal']", f"{FILE}:2", "Did you mean 'sentinel'"),
        ("[rule.web_shell]\ntargets = []", f"{FILE}:2", "rule.web_shell.targets"),
    ],
)
def test_a_wrong_setting_is_refused_at_its_line(tmp_path: Path, toml: str, place: str, what: str) -> None:
    """Every mistake is told with `parity.toml:line` and a way on; nothing of the file is used."""
    with pytest.raises(ParityError) as caught:
        _site(tmp_path, toml)
    assert place in str(caught.value)
    assert what in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """One run reports each fault of the file."""
    with pytest.raises(ParityError) as caught:
        _site(tmp_path, "x = 1\n[target.nowhere]\n[severity]\nweb_shell = 3")
    assert str(caught.value).count(FILE) == 3


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda t: t.replace("condition: not selection", "condition: selection"), "does not exclude"),
        (lambda t: t.replace("condition: not selection", "condition: not selection or selection"), "does not exclude"),
        (lambda t: t.replace("condition: not selection", "condition: not (selection) or (selection)"), "not exclude"),
        (lambda t: t.replace("condition: not selection", "condition: not selektion"), "no selection 'selektion'"),
        (lambda t: t.replace("|startswith", "|startwith"), "startwith"),
        (lambda t: t.replace("rules: any", "rules: []"), "`any` or a list"),
        (lambda t: t.replace("rules: any", "rules: [00000000-0000-0000-0000-000000000000]"), "no rule has the id"),
        (lambda t: t.replace("product: windows", "product: macos"), "applies to no rule"),
        (lambda t: t.replace("filter:", "detection:"), "needs 'filter'"),
        (lambda t: "- a list", "a filter is a mapping"),
        (lambda t: "a: [", "broken YAML"),
    ],
)
def test_a_broken_filter_is_refused(tmp_path: Path, change: Callable[[str], str], what: str) -> None:
    """A filter that would not narrow a rule, or none of ours, is never taken in silence."""
    with pytest.raises(ParityError, match=what.replace("[", r"\[")):
        _site(tmp_path, "exclusions = ['f.yml']", f=change(FILTER))


@pytest.mark.parametrize("target", targets().values(), ids=lambda t: t.name)
def test_an_exclusion_means_rule_and_not_filter(tmp_path: Path, target: Any) -> None:
    """The narrowed rule's query is proved equivalent to it and executed, and the rule itself stays as it was."""
    settings = _site(tmp_path, "exclusions = ['f.yml']", f=FILTER)
    before = dict(library().rules[SPAWN].raw)
    local, changed = localise(library(), target, settings)
    rule = local.rules[SPAWN]
    assert library().rules[SPAWN].raw == before
    assert rule.raw["detection"]["condition"].startswith(f"({before['detection']['condition']}) and (not ")
    query = Converter().query(rule, changed)
    assert query.text != Converter().query(library().rules[SPAWN], target).text
    assert prove(query, target, {rule.path: rule}).outcome is Outcome.AGREE


def test_the_narrowed_rule_leaves_out_exactly_what_the_filter_names(tmp_path: Path) -> None:
    """An event is excluded when every field of the selection matches, in any case, and kept when one does not."""
    settings = _site(tmp_path, "exclusions = ['f.yml']", f=FILTER)
    judge = compile_rule(local_rule(library().rules[SPAWN], settings))
    event = {"ParentImage": r"C:\x\w3wp.exe", "Image": r"C:\x\cmd.exe", "Computer": "build-7", "CommandLine": "Deploy"}
    assert not judge(event)
    assert judge({**event, "Computer": "web-1"})
    assert judge({**event, "CommandLine": "whoami"})
    assert judge({key: value for key, value in event.items() if key != "Computer"})


def test_a_rule_with_quantifiers_does_not_see_the_filters_selections(tmp_path: Path) -> None:
    """`all of them` of the rule speaks of its own selections only."""
    settings = _site(tmp_path, "exclusions = ['f.yml']", f=FILTER)
    rule = library().rules[SPAWN]
    detection = {**rule.raw["detection"], "condition": "all of them"}
    narrowed = local_rule(Rule(rule.path, {**rule.raw, "detection": detection}, ""), settings)
    judge = compile_rule(narrowed)
    assert judge({"ParentImage": r"C:\x\w3wp.exe", "Image": r"C:\x\cmd.exe"})


def test_an_excluded_rule_runs_on_the_engines(tmp_path: Path) -> None:
    """The narrowed query returns on every KQL engine what the narrowed rule asks for."""
    settings = _site(tmp_path, "exclusions = ['f.yml']", f=FILTER)
    target = find_target("defender")
    rule = localise(library(), target, settings)[0].rules[SPAWN]
    subject = Subject.of_rule(Converter().query(rule, target), target, library().rules[SPAWN])
    for engine in engines_for("kql"):
        # no fixture is excluded, so the rule's own fixtures still say what should happen
        verdict = verify(subject, engine, benches().of(subject), benches().judges)
        assert verdict.outcome in (Outcome.AGREE, Outcome.NOT_RUN), verdict.detail


def test_packaged_artefacts_hold_the_narrowed_query(tmp_path: Path) -> None:
    """Taken out of the packaged rule, the query is proved to be the rule without what the site excludes."""
    settings = _site(tmp_path, "exclusions = ['f.yml']", f=FILTER)
    target = find_target("sentinel")
    made = package(ROOT, library(), [target], settings)
    name = SPAWN.removeprefix("sigma/").removesuffix(".yml")
    text = yaml.safe_load(made[f"sentinel/{name}.analytics.yaml"])["query"]
    assert 'DeviceName startswith "BUILD"' in text
    narrowed = local_rule(library().rules[SPAWN], settings)
    query = replace(Converter().query(narrowed, target), text=text)
    assert prove(query, target, {SPAWN: narrowed}).outcome is Outcome.AGREE
    assert prove(query, target, {SPAWN: library().rules[SPAWN]}).outcome is Outcome.DISAGREE
    assert all(path.startswith("sentinel/") for path in made)


def test_a_filter_that_a_target_cannot_express_names_the_filter(tmp_path: Path) -> None:
    """The library's own rule converts, so the fault is the site's."""
    settings = _site(tmp_path, "exclusions = ['f.yml']", f=FILTER.replace("Computer|", "NoSuchField|"))
    refused = {
        refusal.source: refusal.reason
        for refusal in make(ROOT, library(), [find_target("sentinel")], settings).refusals
    }
    assert refused[SPAWN].startswith("narrowed by f.yml: the field 'NoSuchField'")


def test_site_settings_reach_the_query(tmp_path: Path) -> None:
    """Lookback becomes the detection's window, index names its FROM clause, and only at their target."""
    toml = "[target.elastic-esql]\nlookback = '2h'\nindices = { process_creation = ['logs-site-*'] }"
    settings = _site(tmp_path, toml)
    local, changed = localise(library(), find_target("elastic-esql"), settings)
    text = Converter().detection(local.detections["web_shell"], local.rules, changed).text
    assert "logs-site-*" in text
    assert "2 hours" in text
    same = localise(library(), find_target("sentinel"), settings)
    assert same[0].detections == library().detections


def test_a_sites_indices_are_proved_by_what_the_query_asks_of_them(tmp_path: Path) -> None:
    """The name of an index says nothing of what it holds, which is the site's word; all else is proved."""
    toml = "[target.elastic-esql]\nindices = { process_creation = ['logs-site-*'] }"
    settings = _site(tmp_path, toml)
    gate = Gate(library().rules, settings)
    pair = gate.pair(library().rules[SPAWN], find_target("elastic-esql"))
    assert pair.query is not None
    assert "FROM logs-site-*" in pair.query.text
    assert pair.proof is not None
    assert pair.proof.outcome is Outcome.AGREE


def test_placeholders_reach_conversion_and_proof(tmp_path: Path) -> None:
    """`%name%` under `expand` is the site's values in query and meaning; without them the pair is refused and says
    where they are given."""
    rule = library().rules[SPAWN]
    selection = {"CommandLine|expand|contains": "%tool%"}
    asked = replace(rule, raw={**rule.raw, "detection": {"selection": selection, "condition": "selection"}})
    target = find_target("defender")
    refused = Gate().pair(asked, target).refusal
    assert refused is not None
    assert "parity.toml" in refused.hint
    settings = _site(tmp_path, "[placeholders]\ntool = ['procdump', 'nanodump']")
    pair = Gate(settings=settings).pair(asked, target)
    assert pair.query is not None
    assert all(name in pair.query.text for name in ("procdump", "nanodump"))
    assert pair.proof is not None
    assert pair.proof.outcome is Outcome.AGREE


def test_settings_that_change_queries_are_told(tmp_path: Path) -> None:
    """A schedule changes none; indices, windows, macros, exclusions and placeholders do."""
    assert _site(tmp_path, "[target.sentinel]\nfrequency = '1h'\n[severity]\nweb_shell = 'high'").told() == ""
    told = _site(
        tmp_path, "exclusions = ['f.yml']\n[placeholders]\na = 'b'\n[target.sentinel]\nlookback = '1h'", f=FILTER
    ).told()
    assert told == "1 exclusion, placeholders, lookback of sentinel"


def test_durations_are_read() -> None:
    """m, h and d."""
    assert [minutes(t) for t in ("5m", "1h", "14d")] == [5, 60, 14 * 1440]
    for wrong in ("0h", "1", "h", "1w", "-1h", "1.5h"):
        with pytest.raises(ValueError, match=wrong):
            minutes(wrong)


def test_added_records_are_searched_where_a_platform_has_them(tmp_path: Path) -> None:
    """`[records]` widens a rule's scope by further kinds of record, proved; platforms without them keep their query."""
    settings = _site(tmp_path, '[records]\nprocess_creation = ["process_creation_aggregated"]\n')
    rule = local_rule(library().rules[SPAWN], settings)
    converter = Converter()
    changed = set()
    for name, target in targets().items():
        query = converter.query(rule, target)
        assert prove(query, target, {rule.path: rule}).outcome is Outcome.AGREE
        if query.text != Converter().query(library().rules[SPAWN], target).text:
            changed.add(name)
    assert "defender" in changed
    assert "splunk-sysmon" not in changed


def test_records_of_no_platform_are_refused(tmp_path: Path) -> None:
    """A category that no platform has records for is a mistake, told at its line with the nearest one."""
    with pytest.raises(ParityError, match=r"parity\.toml:2.*process_creation_agregated"):
        _site(tmp_path, '[records]\nprocess_creation = ["process_creation_agregated"]\n')
