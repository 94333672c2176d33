"""What a platform destroys changes an answer only under a name: never silently, in the proof or in execution."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from converter.build.bench import bench
from converter.convert.convert import Converter
from converter.core.discovery import schema_of, targets
from converter.core.errors import NotRepresentable, OutOfFragment
from converter.core.model import LogSource, Rule
from converter.core.platform import Kind, Loss, Schema
from converter.core.verdict import Case, Outcome
from converter.platforms.effects import EFFECTS, kept_value
from converter.platforms.losses import guarantee, held, losses_of, reading, touched
from converter.platforms.project import project
from converter.platforms.pullback import fix, known
from converter.prove.prove import prove
from converter.rules.evaluator import compile_rule
from converter.rules.meaning import meaning
from converter.semantics.decide.evaluate import holds
from converter.verify.verify import Subject, verify
from tests.platforms.shapes import ALL, name
from tests.project import quick_engines
from tests.support.generated import Maker, Source, rule_of

MEANT = [(s, k) for s, k in ALL if {table.logsource for table in s.tables}.intersection(k.logsources)]
RULES = 4


@pytest.mark.parametrize("pair", MEANT, ids=name)
def test_no_answer_changes_silently(pair: tuple[Schema, Kind]) -> None:
    """Where a rule and its reading of what a record holds differ on an event, a loss that touches the rule is named."""
    schema, kind = pair
    fields = tuple(dict.fromkeys(column.source for column in kind.columns))
    source = Source(kind.logsource, fields, {field: (value,) for field, value in kind.sigma.items()})
    for seed in range(RULES):
        maker = Maker(Random(f"{name(pair)} {seed}"), source)
        rule = fix(meaning(maker.rule()), kind)
        read = reading(rule, kind, schema)
        for event in (maker.event() for _ in range(6)):
            with suppress(NotRepresentable, OutOfFragment):
                project(schema, kind, event, 1, "T")
                kept = held(event, kind, schema)
                sure = holds(known(kind, schema), kept) and holds(guarantee((read,), kind, schema), kept)
                if sure and holds(rule, event) != holds(read, kept):
                    assert touched(rule, kind, schema), (rule, event, kept)


#: effect -> a value, what is left of it, and the parameters of the loss
KEPT: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "not_sent": ("x", None, {}),
    "trims": (" a b\t", "a b", {}),
    "drops": ("-", None, {"values": ("", "-")}),
    "lowers": ("AbC", "abc", {}),
    "ignore_above": ("x" * 9, None, {"length": 8}),
    "drops_part": ("x\\Null", None, {"values": ("null",)}),
    "any_case": ("AbC", "AbC", {}),
    "escapes": ("a&b", "a&b", {"values": ("xml",)}),
    "suffixed": ("tcp", "tcp", {"values": ("V4",)}),
    "renamed": ("HKLM\\a", "HKLM\\a", {"values": ("HKLM=HKEY_LOCAL_MACHINE",)}),
    "no_algorithm": ("MD5=1", "MD5=1", {"values": ("MD5",)}),
    "respelled": ("::ffff:10.0.0.1", "::ffff:10.0.0.1", {}),
    "recoded": ("a%20b+c", "a b c", {"values": ("urlencoded",)}),
}


def test_every_effect_has_its_example() -> None:
    """Each effect does to a value what it says, element by element of a list, and leaves other values alone."""
    assert set(KEPT) == set(EFFECTS)
    for effect, (value, left, options) in KEPT.items():
        loss = Loss("l", effect, ("f",), "", "", **options)
        assert kept_value(value, loss) == left, effect
        assert kept_value([value], loss) == ([left] if left is not None else None), effect
        if effect != "not_sent":
            assert kept_value("ab", loss) == "ab"
            assert kept_value(7, loss) == 7


def test_every_effect_of_the_tables_is_among_the_executed() -> None:
    """No platform destroys something in a way that no example below executes; other words destroy nothing."""
    used = {loss.effect for schema, kind in MEANT for loss in losses_of(kind, schema)} - {"renamed"}
    assert used <= {effect for effect, *_ in EXECUTED}, used - {effect for effect, *_ in EXECUTED}


_PROCESS, _NETWORK, _WEB = "process_creation", "network_connection", "webserver"
#: what the events of a category hold without a loss
_ANY_TOLD, _TOLD = {"ProcessId": 4242}, {"ps_script": {"MessageNumber": 4242}, _WEB: {"sc-bytes": 4242}}
_HASHES = "MD5=" + "0A1B2C3D" * 4
#: (effect, target, category, test, event, whether the query fires, part of the loss's id)
EXECUTED: list[tuple[str, str, str, dict[str, Any], dict[str, Any], bool, str]] = [
    ("drops", "defender", _PROCESS, {"CommandLine|exists": True}, {"CommandLine": ""}, False, "empty"),
    ("drops", "elastic-eql", _PROCESS, {"CurrentDirectory": None}, {"CurrentDirectory": "-"}, True, "empty"),
    ("drops", "splunk-defender", _PROCESS, {"CommandLine": None}, {"CommandLine": "null"}, True, "null-text"),
    ("drops_part", "splunk-defender", _PROCESS, {"User|endswith": "\\x"}, {"User": "null\\x"}, False, "null-text"),
    ("not_sent", "elastic-esql", "file_event", {"CommandLine": None}, {"CommandLine": "a b"}, True, "command-line"),
    ("any_case", "defender", _PROCESS, {"Computer|cased": "HOST-1"}, {"Computer": "host-1"}, True, "device-case"),
    ("lowers", "elastic-dsl", _PROCESS, {"md5|cased": "0A1B2C3D" * 4}, {"md5": "0a1b2c3d" * 4}, True, "hash-case"),
    ("escapes", "splunk-sysmon", _PROCESS, {"CommandLine": "a&b"}, {"CommandLine": "a&amp;b"}, True, "escaped"),
    ("suffixed", "defender", _NETWORK, {"Protocol": "tcp"}, {"Protocol": "tcpv4"}, True, "protocol-version"),
    (
        "trims", "elastic-esql", "ps_script",
        {"ScriptBlockText|endswith": "a "}, {"ScriptBlockText": "b a "}, False, "trimmed",
    ),
    (
        "ignore_above", "elastic-dsl", _PROCESS,
        {"Image|endswith": "\\x.exe"}, {"Image": "C:\\" + "a" * 1100 + "\\x.exe"}, False, "long-values",
    ),
    (
        "respelled", "elastic-lucene", _NETWORK,
        {"DestinationIp": "10.0.0.1"}, {"DestinationIp": "::ffff:10.0.0.1", "Initiated": "true"}, True, "spelling",
    ),
    ("recoded", "sentinel", _WEB, {"cs-user-agent": "a b"}, {"cs-user-agent": "a+b"}, True, "blanks"),
    ("recoded", "splunk-sysmon", _WEB, {"cs-uri-stem": "/a b"}, {"cs-uri-stem": "/a%20b"}, True, "decoded"),
    (
        "recoded", "elastic-esql", _WEB,
        {"cs-uri-query|contains": "=a%20b"}, {"cs-uri-query": "c=a b"}, True, "query-decoded",
    ),
    (
        "no_algorithm", "defender", _PROCESS,
        {"Hashes|contains": "IMPHASH=" + "0a1b2c3d" * 4}, {"Hashes": "IMPHASH=" + "0A1B2C3D" * 4}, False, "IMPHASH",
    ),
]  # fmt: skip


def rule_for(category: str, test: dict[str, Any]) -> Rule:
    """A rule of one test, beside another by which it always can fire."""
    detection = {"test": test, "other": _TOLD.get(category, _ANY_TOLD), "condition": "test or other"}
    source = LogSource(None if category == _WEB else "windows", category)
    return rule_of(source, detection, "Loss")


@pytest.mark.parametrize("example", EXECUTED, ids=lambda example: f"{example[0]}-{example[1]}-{example[6]}")
def test_a_named_loss_explains_what_an_engine_answers(example: tuple[Any, ...]) -> None:
    """Engine and evaluator differ on the event; the verdict is AGREE with the loss and its count, as is the proof's."""
    _, target_name, category, test, event, fires, loss = example
    rule, target = rule_for(category, test), targets()[target_name]
    query, judge = Converter().query(rule, target), compile_rule(rule_for(category, test))
    assert judge(event) != fires
    proof = prove(query, target, {rule.path: rule})
    assert proof.outcome is Outcome.AGREE, proof.reason
    assert any(loss in found.loss.id for found in proof.losses), [found.loss.id for found in proof.losses]
    cases = (Case("lost", event, judge(event)), Case("told", event | _TOLD.get(category, _ANY_TOLD), True))
    platform = bench(schema_of(target), {rule.path: cases}, {rule.path: rule})
    for engine in quick_engines(target.dialect):
        verdict = verify(Subject.of_rule(query, target, rule), engine, platform, {rule.path: judge})
        if verdict.outcome is not Outcome.NOT_RUN:
            assert verdict.outcome is Outcome.AGREE, verdict.detail
            assert any(loss in found for found in verdict.losses), verdict
            assert verdict.lost > 0


def test_no_loss_excuses_what_a_record_tells() -> None:
    """The verdict can fail: a query that misses what is held disagrees, though a loss touches the rule."""
    target, rule = targets()["defender"], rule_for(_PROCESS, {"CommandLine|exists": True})
    query, other = (Converter().query(r, target) for r in (rule, rule_for(_PROCESS, {"Image": "x"})))
    platform = bench(schema_of(target), {rule.path: (Case("told", {"CommandLine": "a"}, True),)}, {rule.path: rule})
    broken = Subject.of_rule(replace(query, text=other.text), target, rule)
    for engine in quick_engines(target.dialect):
        verdict = verify(broken, engine, platform, {rule.path: compile_rule(rule)})
        assert verdict.outcome in (Outcome.DISAGREE, Outcome.NOT_RUN)


@pytest.mark.parametrize("target", ["elastic-dsl", "defender"])
def test_what_an_assumption_rules_out_is_in_no_bench(target: str) -> None:
    """Text that reads like a number as Sysmon writes it is no record of text; what a loss drops still is one."""
    rule, schema = rule_for("registry_set", {"Details": "x"}), schema_of(targets()[target])
    values = {"DWORD (0x00000001)": False, "binary data": False, "(EMPTY)": False, "(Empty)": True, "x": True}
    for value, there in values.items():
        event = {"Details": value, "TargetObject": "HKLM\\SOFTWARE\\a\\b", "EventType": "SetValue"}
        found = bench(schema, {rule.path: (Case("one", event, value == "x"),)}, {rule.path: rule}).samples
        texts = [s for s in found if s.owner and any(column.derive == "unnumbered" for column in s.kind.columns)]
        assert bool(texts) is there, (value, [s.describe() for s in texts])
