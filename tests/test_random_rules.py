"""Random small rules: every writer is right on them, or refuses; and everyone agrees on every event.

`PARITY_RANDOM_RULES` sets how many rules are tried (default 15).
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converter.convert import Converter
from converter.discovery import engines_for, schema_of, targets
from converter.errors import EngineUnavailable, LibraryError, OutOfFragment, ParityError, Unsupported
from converter.evaluator import compile_rule
from converter.fixtures import bench
from converter.meaning import meaning
from converter.model import Case, Outcome, Query, Rule
from converter.probes import probes_for
from converter.prove import prove
from converter.semantics.evaluate import holds
from converter.verify import Subject, verify
from tests.project import ROOT

EXAMPLES = int(os.environ.get("PARITY_RANDOM_RULES", "15"))
RANDOMLY = settings(
    deadline=None,
    max_examples=EXAMPLES,
    derandomize="PARITY_RANDOM_RULES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
#: one target a dialect, and the two whose schemas are the oddest
EXECUTED = (
    "defender",
    "splunk-sysmon",
    "splunk-defender",
    "elastic-eql",
    "elastic-esql",
    "elastic-dsl",
    "elastic-lucene",
)
#: what an engine does not know of a language, by engine: not a disagreement
SECOND_OPINIONS = ("eql-as-query-dsl", "esql-as-sql")

_PIECES = [
    "a",
    "B",
    "cmd",
    "Net",
    ".exe",
    "\\",
    " ",
    "-",
    "/",
    "0",
    "7",
    "_",
    ".",
    ":",
    ",",
    ";",
    "=",
    "(",
    ")",
    "[",
    "{",
]
_PIECES += ["}", "|", "^", "$", "+", "~", "#", "&", "@", "<", "%", "!", "'", '"', "`", "é", "Ж", "\\\\"]
_WILD = [*_PIECES, "*", "?", "\\*", "\\?"]
_PATTERNS = [
    "a",
    "cmd",
    "^a",
    "e$",
    "\\.exe$",
    "[0-9]{2,3}",
    "(ab|cmd)+",
    "a.c",
    "\\\\a",
    "[^a-z]b",
    "\\d",
    "x?net",
    "a\\sb",
]
_PATTERNS += ["^.:\\\\", "\\$\\(", '"', "n[eE]t +", "^$", "(?i)net", "\\bcmd\\b", "\\w+=", "[\\\\/]cmd", "a{2}", "é"]
_NETWORKS = ["10.0.0.0/8", "192.168.1.0/24", "8.8.8.8/32", "fc00::/7", "::1/128", "2001:db8::/32", "0.0.0.0/0"]

text = st.lists(st.sampled_from(_PIECES), max_size=4).map("".join)
wild = st.lists(st.sampled_from(_WILD), min_size=1, max_size=4).map("".join)
place = st.sampled_from(["", "|contains", "|startswith", "|endswith"])


def listed(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=2, max_size=3, unique_by=str))


@st.composite
def text_item(draw: st.DrawFn, name: str) -> tuple[str, Any]:
    form = draw(st.sampled_from(["place", "place", "place", "cased", "all", "re", "rei", "exists", "null", "mixed"]))
    if form == "place":
        return name + draw(place), draw(listed(wild))
    if form == "cased":
        return f"{name}{draw(place)}|cased", draw(listed(wild))
    if form == "all":
        return f"{name}|contains|all", draw(st.lists(wild, min_size=2, max_size=3, unique=True))
    if form in ("re", "rei"):
        return f"{name}|re{'|i' if form == 'rei' else ''}", draw(listed(st.sampled_from(_PATTERNS)))
    if form == "exists":
        return f"{name}|exists", draw(st.booleans())
    return (name, None) if form == "null" else (name, [draw(wild), None])


@st.composite
def number_item(draw: st.DrawFn, name: str) -> tuple[str, Any]:
    number = st.sampled_from([0, 1, 80, 443, 8080, 65535])
    comparison = draw(st.sampled_from(["", "", "|lt", "|lte", "|gt", "|gte"]))
    return name + comparison, draw(number if comparison else listed(number))


def address_item(name: str) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.just(f"{name}|cidr"), listed(st.sampled_from(_NETWORKS)))


FIELDS: dict[str, dict[str, st.SearchStrategy[tuple[str, Any]]]] = {
    "process_creation": {n: text_item(n) for n in ("Image", "ParentImage", "CommandLine", "ParentCommandLine")},
    "file_event": {n: text_item(n) for n in ("TargetFilename", "Image")},
    "network_connection": {
        "Image": text_item("Image"),
        "DestinationPort": number_item("DestinationPort"),
        "DestinationIp": address_item("DestinationIp"),
        "Initiated": st.just(("Initiated", "true")),
    },
}
_CONDITIONS = [
    "a",
    "a and b",
    "a or b",
    "a and not b",
    "not a",
    "1 of them",
    "all of them",
    "not (a or b)",
    "a and not (b and c)",
]
_CONDITIONS += ["a or (b and not c)", "not a and not b", "(a or b) and not c", "not (a and b)", "a and not 1 of b*"]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    category = draw(st.sampled_from(list(FIELDS)))
    condition = draw(st.sampled_from(_CONDITIONS))
    names = (
        "abc" if " them" in condition else [n for n in "abc" if n in condition.replace("and", "").replace("all", "")]
    )
    detection: dict[str, Any] = {}
    for name in names:
        fields = draw(st.lists(st.sampled_from(list(FIELDS[category])), min_size=1, max_size=2, unique=True))
        detection[name] = dict(draw(FIELDS[category][field]) for field in fields)
    return random_rule(category, {**detection, "condition": condition}, "Random")


def random_rule(category: str, detection: dict[str, Any], title: str) -> Rule:
    raw = {
        "title": title,
        "id": "00000000-0000-4000-8000-000000000000",
        "status": "test",
        "logsource": {"category": category, "product": "windows"},
        "detection": detection,
    }
    return Rule(f"sigma/windows/{category}/random.yml", raw, "")


path = st.builds("C:\\{}\\{}".format, text, text.map(lambda t: t.replace("\\", "") + "a"))
events = st.fixed_dictionaries(
    {},
    optional={
        "Image": path,
        "ParentImage": path,
        "TargetFilename": path,
        "CommandLine": text.map(lambda t: t.strip() or "x"),
        "ParentCommandLine": text.map(lambda t: t.strip() or "x"),
        "DestinationPort": st.integers(0, 65535),
        "DestinationIp": st.sampled_from(["10.1.2.3", "8.8.8.8", "192.168.1.7", "fd00::1", "::1", "2001:db8::5"]),
        "Initiated": st.sampled_from(["true", "false"]),
    },
)


def queries(rule: Rule) -> dict[str, Query]:
    """The rule's query for every target that does not refuse it."""
    found = {}
    for name, target in targets().items():
        try:
            found[name] = Converter(ROOT).query(rule, target)
        except Unsupported:
            continue
    return found


@RANDOMLY
@given(rules(), st.lists(events, min_size=3, max_size=6))
def test_a_random_rule_means_the_same_everywhere(rule: Rule, made: list[dict[str, Any]]) -> None:
    """Each target's query is proved equivalent or out of the fragment, and every engine does what the evaluator says.

    The events are random ones and those that the prover makes for the rule.
    """
    try:
        predicate, judge = meaning(rule), compile_rule(rule.raw)
    except (LibraryError, OutOfFragment):
        return
    for event in made:
        assert judge(event) == holds(predicate, event), (rule.raw["detection"], event)
    found = queries(rule)
    for name, query in found.items():
        proof = prove(query, targets()[name], {rule.path: rule})
        told = f"{name}: {proof.reason}\n{rule.raw['detection']}\n{query.text}"
        assert proof.outcome in (Outcome.AGREE, Outcome.OUT_OF_FRAGMENT), told
    for name in EXECUTED:
        if name in found:
            execute(rule, found[name], made)


def execute(rule: Rule, query: Query, made: list[dict[str, Any]]) -> None:
    """Fails when an engine contradicts the evaluator on an event that the platform can hold."""
    target = targets()[query.target]
    cases = list(probes_for(rule, schema_of(target)).cases()[:40])
    judge = compile_rule(rule.raw)
    cases += [Case(f"random {n}", event, judge(event)) for n, event in enumerate(made)]
    platform = bench(schema_of(target), {rule.path: tuple(cases)}, {rule.path: rule}, datetime.now(UTC))
    for engine in engines_for(target.dialect):
        if engine.name in SECOND_OPINIONS:
            try:
                engine.run(query.text, platform.records, platform.schema)
            except (EngineUnavailable, ParityError):
                continue  # a narrower fragment
        verdict = verify(Subject.of_rule(query, target, rule), engine, platform, {rule.path: judge})
        told = f"{query.target} on {engine.name}: {verdict.detail}\n{rule.raw['detection']}\n{query.text}"
        assert verdict.outcome in (Outcome.AGREE, Outcome.NOT_RUN), told


#: Minimal forms of the rules on which writers were wrong once: (category, detection, title).
FOUND = [
    ("file_event", {"a": {"TargetFilename|re": "(?i)net"}, "condition": "a"}, "a flag inside the expression"),
    ("process_creation", {"a": {"ParentImage|re": "^$"}, "condition": "a"}, "an expression that takes the empty text"),
    ("process_creation", {"a": {"CommandLine|re": "x*"}, "condition": "not a"}, "one that takes any text, negated"),
    ("process_creation", {"a": {"CommandLine|contains": "a?b"}, "condition": "a"}, "`?` in a title"),
]


@pytest.mark.parametrize(("category", "detection", "title"), FOUND, ids=[title for *_, title in FOUND])
def test_what_random_rules_found_stays_fixed(category: str, detection: dict[str, Any], title: str) -> None:
    """On each rule that a writer once got wrong, every target is proved equivalent, and engines agree."""
    rule = random_rule(category, detection, title)
    found = queries(rule)
    assert len(found) >= len(targets()) - 1
    for name, query in found.items():
        proof = prove(query, targets()[name], {rule.path: rule})
        assert proof.outcome is Outcome.AGREE, f"{name}: {proof.reason}\n{query.text}"
        execute(rule, query, [{"CommandLine": "net"}, {"TargetFilename": "C:\\NET\\a", "ParentImage": "C:\\p\\a"}, {}])
