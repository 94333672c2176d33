"""The original detection, written afresh in KQL, against the shipped one: they differ only as the manifest says.

Both run over the fixtures of all rules and over the manifest's own events. `RemoteIPType` is no Sigma field, so the
records get it here: the kind of the address where the platform knows one, and nothing on the rows that stand for the
many real ones without it.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from converter.convert import Converter
from converter.discovery import find_target, schema_of
from converter.engines.kql_duckdb import ENGINE
from converter.engines.kusto_binder import KustoBinder
from converter.errors import EngineUnavailable
from converter.evaluator import evaluate
from converter.fixtures import Bench, Sample, bench, load_all
from converter.library import load_detection
from converter.model import Case, Deviation, Record
from tests.project import ROOT, library

DETECTION = load_detection(ROOT / "sigma" / "detections" / "web_shell.yaml", ROOT, library().rules)
DEVIATIONS = {deviation.name: deviation for deviation in DETECTION.deviations}
RULE_OF = {part.label: part.rule for part in DETECTION.parts}
TARGET = find_target("defender")
SCHEMA = schema_of(TARGET)
REFERENCE = (ROOT / "tests" / "reference" / "web_shell.kql").read_text(encoding="utf-8")
SHIPPED = Converter(ROOT).detection(DETECTION, library().rules, TARGET).text

#: The deviation whose events have no RemoteIPType, and the action whose fixtures have none.
NO_TYPE = "remote_ip_type_null"
NO_TYPE_ACTION = "ConnectionRequest"

#: Values of RemoteIPType as https://learn.microsoft.com/en-us/defender-xdr/advanced-hunting-devicenetworkevents-table
#: lists them. Which ranges each covers is not documented: those that no route leads to are taken for Reserved, and the
#: ranges for documentation for Public, since the fixtures use them so. The first range that fits counts.
ADDRESS_TYPES = (
    ("Broadcast", "255.255.255.255/32"),
    ("Loopback", "127.0.0.0/8 ::1/128"),
    ("FourToSixMapping", "::ffff:0:0/96"),
    ("Teredo", "2001::/32"),
    ("Private", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7"),
    ("Reserved", "0.0.0.0/8 100.64.0.0/10 169.254.0.0/16 224.0.0.0/4 240.0.0.0/4 ::/128 fe80::/10 ff00::/8"),
)


def address_type(text: str) -> str:
    address = ipaddress.ip_address(text)
    for name, ranges in ADDRESS_TYPES:
        if any(address in ipaddress.ip_network(block) for block in ranges.split()):
            return name
    return "Public"


def _typed(sample: Sample) -> Sample:
    """The sample as Defender records it: a connection with the type of its address, if there is one to tell."""
    fields = dict(sample.record.fields)
    untyped = sample.owner == NO_TYPE if sample.owner in DEVIATIONS else fields["ActionType"] == NO_TYPE_ACTION
    if fields.get("RemoteIP") and not untyped:
        fields["RemoteIPType"] = address_type(fields["RemoteIP"])
    return replace(sample, record=Record(sample.record.table, fields))


@dataclass(frozen=True)
class Answer:
    """What the two queries say of one sample: the labels they return it under, None where they do not return it."""

    sample: Sample
    original: str | None
    shipped: str | None

    def differ(self) -> bool:
        return self.original != self.shipped

    def classes(self) -> list[str]:
        """The named deviations that this difference is an instance of."""
        label = self.original or self.shipped
        fires = (self.original is not None, self.shipped is not None)
        return [
            name
            for name, deviation in DEVIATIONS.items()
            if deviation.part == label
            and (deviation.original, deviation.parity) == fires
            and PREDICATES[name](self.sample.record.fields)
        ]


Fields = Mapping[str, Any]


@functools.cache
def _listed(label: str, item: str) -> frozenset[str]:
    """The file names in a rule's list of path endings."""
    detection = library().rules[RULE_OF[label]].raw["detection"]
    lists = [group[item] for group in detection.values() if isinstance(group, dict) and item in group]
    return frozenset(value.rpartition("\\")[2] for values in lists for value in values)


def _holds_as_term(name: str, names: frozenset[str]) -> bool:
    """Whether `name` is none of `names` but has one of them between characters that are no letters or digits."""
    terms = "|".join(map(re.escape, sorted(names)))
    found = re.search(rf"(?<![^\W_])({terms})(?![^\W_])", name, re.IGNORECASE)
    return found is not None and name.lower() not in names


def _server_contains(fields: Fields) -> bool:
    names = _listed("WebServer_Shell_Spawn", "ParentImage|endswith")
    return _holds_as_term(fields["InitiatingProcessFileName"], names)


def _child_contains(fields: Fields) -> bool:
    return _holds_as_term(fields["FileName"], _listed("WebServer_Shell_Spawn", "Image|endswith"))


def _other_letter_follows(fields: Fields) -> bool:
    after = re.findall(r"\.(?:aspx?|ashx|asmx|php|jspx?|cfm|shtml)([^a-z0-9]|$)", fields["FileName"], re.IGNORECASE)
    return bool(after) and all(c.isalnum() and not c.isascii() for c in after)


def _leads_outside(text: str) -> bool:
    """Whether an address is one on the internet, in whatever form; no address is none."""
    if not text:
        return False
    mapped = getattr(ipaddress.ip_address(text), "ipv4_mapped", None)
    return address_type(str(mapped or text)) in ("Public", "Teredo")


#: deviation -> whether a Defender row belongs to the class it names; who fires is compared apart from this
PREDICATES: Mapping[str, Callable[[Fields], bool]] = {
    "server_name_contains_term": _server_contains,
    "child_name_contains_term": _child_contains,
    "process_opened": lambda f: f["ActionType"] != "ProcessCreated",
    "other_letter_follows_extension": _other_letter_follows,
    "accepted_connection": lambda f: f["ActionType"].startswith("InboundConnection"),
    "undirected_connection": lambda f: f["ActionType"] in ("ConnectionFound", "NetworkSignatureInspected"),
    "listening_socket": lambda f: f["ActionType"] == "ListeningConnectionCreated",
    NO_TYPE: lambda f: not f.get("RemoteIPType") and _leads_outside(f.get("RemoteIP", "")),
    "address_missing": lambda f: not f.get("RemoteIP"),
    "mapped_address": lambda f: f.get("RemoteIPType") == "FourToSixMapping" and _leads_outside(f["RemoteIP"]),
    "teredo_address": lambda f: f.get("RemoteIPType") == "Teredo",
}


@functools.cache
def samples() -> tuple[Sample, ...]:
    """The fixtures of all rules, then the manifest's events, whose owner is the deviation's name."""
    now = datetime.now(UTC)
    rules = library().rules
    cases = {**load_all(rules.values(), ROOT), **{name: (_case(d),) for name, d in DEVIATIONS.items()}}
    owners = {**rules, **{name: rules[RULE_OF[d.part]] for name, d in DEVIATIONS.items()}}
    return tuple(_typed(sample) for sample in _bench(cases, owners, now).samples)


def _case(deviation: Deviation) -> Case:
    return Case(deviation.name, deviation.event, deviation.parity, deviation.kind)


def _bench(cases: Mapping[str, tuple[Case, ...]], owners: Mapping[str, Any], now: datetime) -> Bench:
    found = bench(SCHEMA, cases, owners, now)
    assert not found.not_representable.keys() & DEVIATIONS.keys()
    return found


@functools.cache
def answers(reference: str = REFERENCE) -> tuple[Answer, ...]:
    records = [sample.record for sample in samples()]
    original, shipped = ({h.position: h.row["DetectionType"] for h in _run(t, records)} for t in (reference, SHIPPED))
    return tuple(Answer(sample, original.get(i), shipped.get(i)) for i, sample in enumerate(samples()))


def _run(text: str, records: list[Record]) -> Iterator[Any]:
    hits = ENGINE.run(text, records, SCHEMA)
    assert len({hit.position for hit in hits}) == len(hits)
    return iter(hits)


def _unnamed(found: tuple[Answer, ...]) -> list[str]:
    return [f"{a.original} / {a.shipped}: {a.sample.describe()}" for a in found if a.differ() and not a.classes()]


def test_the_reference_compiles() -> None:
    """Microsoft's binder finds nothing to say of the original, once its columns exist."""
    binder = KustoBinder()
    try:
        assert binder.diagnose(REFERENCE, SCHEMA.types) == []
    except EngineUnavailable as error:
        pytest.skip(str(error))
    finally:
        binder.close()


def test_every_difference_is_named() -> None:
    """Whatever the two queries answer differently is an instance of a deviation of that part, and errs as it says."""
    assert _unnamed(answers()) == []


@pytest.mark.parametrize("change", ['"cmd.exe", ', '"\\\\www\\\\", ', ', ".shtml"', ", 8443", "24h"])
def test_a_difference_without_a_name_is_seen(change: str) -> None:
    """The test above can fail: a list that lacks a value, or another window, is no deviation."""
    assert REFERENCE.count(change) >= 1
    changed = REFERENCE.replace(change, "25h" if change == "24h" else "")
    assert _unnamed(answers(changed))


@pytest.mark.parametrize("name", DEVIATIONS)
def test_every_deviation_is_needed(name: str) -> None:
    """Some difference is an instance of this deviation and of no other: without it the list would be too short."""
    assert [name] in [answer.classes() for answer in answers() if answer.differ()]


@pytest.mark.parametrize("deviation", DEVIATIONS.values(), ids=DEVIATIONS)
def test_the_event_of_a_deviation_shows_it(deviation: Deviation) -> None:
    """On its event the original and the shipped query answer as the manifest says, and so does the rule itself."""
    own = [answer for answer in answers() if answer.sample.owner == deviation.name]
    assert own
    for answer in own:
        assert answer.original == (deviation.part if deviation.original else None)
        assert answer.shipped == (deviation.part if deviation.parity else None)
        assert answer.classes() == [deviation.name]
        rule = library().rules[RULE_OF[deviation.part]]
        fires = answer.sample.kind.category == rule.category and evaluate(rule, deviation.event)
        assert fires == deviation.parity


def test_deviations_and_their_classes_are_the_same() -> None:
    """Each deviation of the manifest has one name of its own and one class here, and none is left over."""
    assert len(DEVIATIONS) == len(DETECTION.deviations)
    assert DEVIATIONS.keys() == PREDICATES.keys()
