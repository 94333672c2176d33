"""Elastic's artefacts as Kibana sees them: NDJSON read strictly, queries taken out and run, wrong values refused."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from converter.artefacts.core.attack import attack_of, from_tags
from converter.artefacts.core.base import Artefact
from converter.artefacts.core.base_text import response_of
from converter.artefacts.elastic import saved as elastic_saved
from converter.artefacts.elastic.rules import KINDS, MAKER, rule, rule_id, searched, threat
from converter.build.settings import Settings, TargetSettings
from converter.core.discovery import schema_of, targets
from converter.core.errors import ParityError
from converter.core.model import Detection, Query, Rule
from converter.core.validate import check, faults
from converter.dialects.registry import dialect
from converter.rules.library import Library
from converter.semantics.decide.predicate import And, Atom, Not, Or, Predicate, SameAs
from tests.artefacts.shipped import context, hunted, judge, shipped
from tests.project import library

TARGETS = list(KINDS)
SAVED = list(elastic_saved.MAKER.targets)


def parse_ndjson(content: bytes) -> list[dict[str, Any]]:
    """Strictly: UTF-8 without a mark, one object a line, every line ended, no key twice, no NaN."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs), "a key occurs twice"
        return dict(pairs)

    def never(name: str) -> Any:
        raise AssertionError(name)

    text = content.decode("utf-8")
    assert text.endswith("\n")
    assert not text.startswith("\ufeff")
    lines = text.split("\n")[:-1]
    found = [json.loads(line, object_pairs_hook=once, parse_constant=never) for line in lines]
    assert all(isinstance(entry, dict) for entry in found)
    return found


@functools.cache
def made() -> tuple[Artefact, ...]:
    return tuple(MAKER.make(context()))


def rules_of(target: str) -> list[tuple[dict[str, Any], Query]]:
    """(rule out of its own file, the query it was made of)."""
    files = {a.path: a.content for a in made()}
    out = []
    for query in shipped(target):
        (found,) = parse_ndjson(files[f"{query.path.rsplit('.', 1)[0]}.rule.ndjson"])
        out.append((found, query))
    assert out
    return out


def source_of(query: Query) -> Rule | Detection:
    detections = {d.path: d for d in library().detections.values()}
    return detections.get(query.source) or library().rules[query.source]


@pytest.mark.parametrize("target", TARGETS)
def test_the_query_is_the_shipped_one(target: str) -> None:
    """Byte for byte; type and language are those that take it."""
    for found, query in rules_of(target):
        assert found["query"] == query.text
        assert (found["type"], found["language"]) == KINDS[target]


@pytest.mark.parametrize("target", TARGETS)
def test_the_query_is_verified_and_proved(target: str) -> None:
    """What comes out of the NDJSON fires on exactly the events that its rule means."""
    for found, query in rules_of(target):
        judge(found["query"], query)


@pytest.mark.parametrize("target", TARGETS)
def test_the_bundle_is_all_rules(target: str) -> None:
    """One file to import: the rules of the single files, each once, and nothing else."""
    (bundle,) = [a for a in made() if re.fullmatch(rf"dist/parity-{target}-[\d.]+\.ndjson", a.path)]
    assert sorted(map(str, parse_ndjson(bundle.content))) == sorted(str(found) for found, _ in rules_of(target))


@pytest.mark.parametrize("target", TARGETS)
def test_tags_say_what_the_rule_is_about(target: str) -> None:
    """Each rule is tagged with the systems of its own log sources and no other, what brings the events, and a guide
    where it has one."""
    for found, query in rules_of(target):
        source, tags = source_of(query), set(found["tags"])
        parts = [source] if isinstance(source, Rule) else [library().rules[part.rule] for part in source.parts]
        products = {part.logsource.product for part in parts} - {None}
        assert {tag for tag in tags if tag.startswith("OS: ")} == {f"OS: {str(one).title()}" for one in products}
        assert ("Domain: Endpoint" in tags) == bool(products)
        assert "Use Case: Threat Detection" in tags
        assert ("Resources: Investigation Guide" in tags) == ("note" in found)
        sources = {tag for tag in tags if tag.startswith("Data Source: ")}
        assert ("Data Source: Microsoft Defender XDR" in sources) == ("defender" in target)
        assert len(tags) == len(found["tags"])


def test_ids_are_unique_and_stay() -> None:
    """An import never meets two rules of one id; the id follows from the Sigma id and the target alone."""
    ids = [found["rule_id"] for target in TARGETS for found, _ in rules_of(target)]
    assert len(ids) == len(set(ids))
    source = library().rules["sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"]
    moved = replace(source, path="sigma/elsewhere.yml", raw={**source.raw, "title": "Other"})
    assert rule_id(moved, "elastic-eql") == rule_id(source, "elastic-eql") == "45d15daf-4d7f-5882-af98-c9d501329780"


def fields(predicate: Predicate) -> Iterator[str]:
    if isinstance(predicate, Atom):
        yield predicate.field
        if isinstance(predicate.values, SameAs):
            yield predicate.values.other
    elif isinstance(predicate, (And, Or)):
        for part in predicate.parts:
            yield from fields(part)
    elif isinstance(predicate, Not):
        yield from fields(predicate.part)


@pytest.mark.parametrize("target", TARGETS)
def test_required_fields_are_those_of_the_query(target: str) -> None:
    """Read back from the query by its dialect's reader, which knows nothing of the rule; with the platform's types."""
    schema = schema_of(targets()[target])
    types = {name: type_ for table in schema.types.values() for name, type_ in table.items()}
    for found, query in rules_of(target):
        branches = dialect(query.dialect).read(found["query"], schema)
        read = {name for branch in branches for name in fields(branch.predicate)}
        listed = {entry["name"]: entry["type"] for entry in found["required_fields"]}
        assert set(listed) == read
        assert listed == {name: types[name] for name in listed}
        assert {e["name"] for e in found["required_fields"] if not e["ecs"]} == {
            n for n in listed if n.startswith(("m365_defender.", "winlog."))
        }


ELASTIC_PACKAGES = {"endpoint", "windows", "sysmon_linux", "iis", "apache", "nginx"}


@pytest.mark.parametrize("target", TARGETS)
def test_indices_are_those_of_the_query(target: str) -> None:
    """ES|QL names them itself and the rule must not; elsewhere the rule names all that the rule's parts need."""
    for found, query in rules_of(target):
        wanted = searched(source_of(query), context(), target)
        if found["type"] == "esql":
            assert "index" not in found
            sources = re.search(r"^FROM (.*) METADATA _id, _index, _version$", query.text, re.MULTILINE)
            assert sources
            assert sources[1].split(", ") == wanted
        else:
            assert found["index"] == wanted
        packages = {entry["package"] for entry in found["related_integrations"]}
        # a data stream is filled by an integration, an index of Winlogbeat by none
        assert packages or not any(index.startswith("logs-") for index in wanted)
        assert packages <= ({"m365_defender"} if "defender" in target else ELASTIC_PACKAGES)
        assert all(index in found["setup"] for index in wanted)
        assert "It needs Elasticsearch 8.19 or newer." in found["setup"]


def minutes(text: str) -> int:
    return int(text[:-1]) * {"m": 1, "h": 60}[text[-1]]


@pytest.mark.parametrize("target", TARGETS)
def test_schedules_leave_no_gap(target: str) -> None:
    """A rule looks back further than it pauses; a detection over its whole window, which its query may name too."""
    for found, query in rules_of(target):
        back = minutes(found["from"].removeprefix("now-"))
        assert back > minutes(found["interval"])
        source = source_of(query)
        if isinstance(source, Detection):
            assert back == source.lookback_hours * 60
            if found["type"] == "esql":
                assert f"NOW() - {source.lookback_hours} hours" in query.text
        assert found["enabled"] is False


@pytest.mark.parametrize("target", TARGETS)
def test_metadata_is_carried(target: str) -> None:
    """Severity, ATT&CK, false positives, references, and the whole guide with the target's own hunting queries."""
    for found, query in rules_of(target):
        source = source_of(query)
        score = {"medium": 47, "high": 73, "critical": 99}
        level = context().settings.severity_of(source)
        assert (found["severity"], found["risk_score"]) == (level, score[level])
        assert found["false_positives"] == list(source.raw["falsepositives"])
        assert found["references"] == list(source.raw["references"])
        techniques = attack_of(source, context().library).techniques
        assert techniques
        assert all(f'"{technique.id}"' in json.dumps(found["threat"]) for technique in techniques)
        response = response_of(source, context())
        if response is None:
            assert "note" not in found
            continue
        assert "<!--" not in found["note"]
        hunts = [context().query(hunt.rule, target) for hunt in response.hunting]
        assert all(hunts), query.path
        for hunt in hunts:
            assert hunt is not None
            assert hunt.text.rstrip() in found["note"]
        assert all(step.title in found["note"] for step in response.investigation)


def test_techniques_stand_under_their_tactic() -> None:
    """A sub-technique is inside its technique; a technique and its sub-technique share one entry."""
    found = threat(from_tags(["attack.persistence", "attack.execution", "attack.t1505", "attack.t1505.003"]))
    assert [entry["tactic"]["id"] for entry in found] == ["TA0003", "TA0002"]
    (technique,) = found[0]["technique"]
    assert technique["name"] == "Server Software Component"
    assert [sub["id"] for sub in technique["subtechnique"]] == ["T1505.003"]
    assert found[1]["technique"] == []


def with_settings(**own: Any) -> dict[str, Any]:
    query = next(q for q in shipped("elastic-eql") if "network_connection" in q.source)
    settings = Settings({"elastic-eql": TargetSettings(**own)}, {query.source: "informational"})
    return rule(source_of(query), query, replace(context(), settings=settings))


def test_a_site_sets_its_own() -> None:
    """Schedule, index names, severity and whether the rule runs follow parity.toml."""
    found = with_settings(
        frequency=30, lookback=120, enabled=True, indices={"network_connection": ("logs-endpoint.events.network-eu",)}
    )
    assert (found["interval"], found["from"], found["enabled"]) == ("30m", "now-2h", True)
    assert found["index"] == ["logs-endpoint.events.network-eu"]
    assert [entry["package"] for entry in found["related_integrations"]] == ["endpoint"]
    assert (found["severity"], found["risk_score"]) == ("low", 5)


Change = Callable[[dict[str, Any]], Any]
WRONG: dict[str, Change] = {
    "an id": lambda r: r.update(id="d72bb06a-9eba-56e6-811d-46f4573cc986"),
    "immutable": lambda r: r.update(immutable=False),
    "an output index": lambda r: r.update(output_index=".siem-signals"),
    "a random rule id": lambda r: r.update(rule_id="d72bb06a-9eba-46e6-811d-46f4573cc986"),
    "no rule id": lambda r: r.pop("rule_id"),
    "severity of Sigma": lambda r: r.update(severity="informational"),
    "score out of range": lambda r: r.update(risk_score=101),
    "score as text": lambda r: r.update(risk_score="99"),
    "no index": lambda r: r.pop("index"),
    "an index of ES|QL": lambda r: r.update(type="esql", language="esql"),
    "another language": lambda r: r.update(language="lucene"),
    "type without language": lambda r: r.pop("language"),
    "empty name": lambda r: r.update(name=" "),
    "empty query": lambda r: r.update(query=""),
    "days in the schedule": lambda r: r.update(**{"from": "now-1d"}),
    "no pause": lambda r: r.update(interval="0m"),
    "version 0": lambda r: r.update(version=0),
    "version as text": lambda r: r.update(version="1"),
    "a tag twice": lambda r: r.update(tags=["a", "a"]),
    "an empty reference": lambda r: r.update(references=[" "]),
    "false positives as text": lambda r: r.update(false_positives="none"),
    "a sub-technique as technique": lambda r: r["threat"][0]["technique"][0].update(id="T1505.003"),
    "a tactic by name": lambda r: r["threat"][0]["tactic"].update(id="persistence"),
    "a field without type": lambda r: r["required_fields"][0].pop("type"),
    "a field of no type of Elasticsearch": lambda r: r["required_fields"][0].update(type="string"),
    "a range of versions": lambda r: r["related_integrations"][0].update(version=">=9"),
    "no fields to highlight": lambda r: r["investigation_fields"].update(field_names=[]),
    "actions": lambda r: r.update(actions=[{}]),
    "enabled as text": lambda r: r.update(enabled="false"),
    "a misspelt key": lambda r: r.update(falsepositives=[]),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_the_schema_refuses(change: Change) -> None:
    """Each value that Kibana would refuse or misunderstand is a fault, and an error that names the page."""
    found, _ = rules_of("elastic-eql")[0]
    assert faults(found, "elastic_rule") == []
    change(found)
    with pytest.raises(ParityError) as caught:
        check(found, "elastic_rule", "x.ndjson")
    assert "https://www.elastic.co/docs" in caught.value.hint


def test_an_esql_rule_without_metadata_is_refused() -> None:
    """Without _id Kibana cannot tell alerts apart."""
    found, _ = rules_of("elastic-esql")[0]
    found["query"] = found["query"].replace(" METADATA _id, _index, _version", "")
    assert faults(found, "elastic_rule")


def test_a_rule_that_kibana_would_refuse_is_not_made() -> None:
    """An empty reference in a rule stops the packaging, with the file in the message."""
    made = library().rules.items()
    path, source = next((path, rule) for path, rule in made if context().query(rule, "elastic-esql"))
    rules = {**library().rules, path: replace(source, raw={**source.raw, "references": [" "]})}
    with pytest.raises(ParityError, match=r"references\.0") as caught:
        MAKER.make(replace(context(), library=Library(rules, library().detections)))
    assert caught.value.where


def requests(content: bytes) -> list[tuple[str, str]]:
    """(path and parameters, body) of each request of a Console file."""
    text = content.decode("utf-8")
    starts = list(re.finditer(r"^GET (\S+)\n", text, re.MULTILINE))
    assert starts
    assert all(line.startswith("#") for line in text[: starts[0].start()].splitlines())
    ends = [m.start() for m in starts[1:]] + [len(text)]
    bodies = [text[m.end() : end] for m, end in zip(starts, ends, strict=True)]
    return [(m[1], re.sub(r"\n(#.*\n)+$", "", body)) for m, body in zip(starts, bodies, strict=True)]


@pytest.mark.parametrize("target", SAVED)
def test_console_requests_are_the_queries(target: str) -> None:
    """The body is the query byte for byte, is verified and proved, and goes to the indices of the rule."""
    files = {a.path: a.content for a in elastic_saved.MAKER.make(context())}
    for query in shipped(target):
        ((path, body),) = requests(files.pop(f"{query.path.rsplit('.', 1)[0]}.console.txt"))
        assert body == query.text
        assert path == f"/{','.join(searched(source_of(query), context(), target))}/_search?size=100"
        judge(body, query)
    for path, content in list(files.items()):
        if path.startswith(f"{target}/"):
            found = [json.loads(body) for _, body in requests(content)]
            folder = f"{path.removesuffix('.console.txt')}/"
            own = [json.loads(query.text) for query in hunted(target) if query.path.startswith(folder)]
            assert found == own != []
            del files[path]
    assert not [path for path in files if path.startswith(f"{target}/")]


def test_an_index_that_a_request_cannot_hold_is_refused() -> None:
    """A blank or slash in an index name would be another request."""
    query = shipped("elastic-dsl")[0]
    for indices in ([], ["a b"], ["a/_delete_by_query"], ["a?x=1"]):
        with pytest.raises(ParityError):
            elastic_saved.request(["x"], query, indices)
