"""The original detection, written afresh in KQL, against the shipped one: they differ only as the manifest says.

Each deviation of the manifest is a class of events, given here as a Predicate over Sigma fields. Both queries run over
the fixtures of all rules and over the manifest's own events, and the decision procedure compares the original with the
rules on every event there can be: no difference lies outside the classes, and each class has one of its own.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import pytest

from converter.build.bench import Sample, bench
from converter.build.fixtures import load_all
from converter.convert.convert import Converter
from converter.core.discovery import find_target, schema_of
from converter.core.errors import EngineUnavailable
from converter.core.model import Deviation, LogSource
from converter.core.platform import Kind, Record
from converter.core.verdict import Case
from converter.dialects.registry import dialect
from converter.engines.kql.duckdb_engine import ENGINE
from converter.engines.kql.kusto_binder import KustoBinder
from converter.explain.changes import View
from converter.explain.outline import is_never, predicate_of
from converter.explain.sources import Loader, Text
from converter.explain.views import view_of
from converter.platforms.ip_types import addresses_of
from converter.platforms.losses import held
from converter.platforms.project import kinds_of, project
from converter.rules.evaluator import evaluate
from converter.rules.manifest import load_detection
from converter.semantics.decide.compare import Unknown, satisfiable
from converter.semantics.decide.domain import Domain, FieldDomain
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import (
    TRUE,
    Addresses,
    And,
    Atom,
    Not,
    Predicate,
    Present,
    Strings,
    conjunction,
    negation,
)
from converter.semantics.regular.language import (
    ANY_STRING,
    EMPTY_STRING,
    MAX_CHAR,
    Alt,
    Language,
    Repeat,
    Seq,
    chars,
    literal,
)
from tests.project import ROOT, library

DETECTION = load_detection(ROOT / "sigma" / "detections" / "web_shell.yaml", ROOT, library().rules)
DEVIATIONS = {deviation.name: deviation for deviation in DETECTION.deviations}
RULE_OF = {part.label: part.rule for part in DETECTION.parts}
TARGET = find_target("defender")
SCHEMA = schema_of(TARGET)
REFERENCE = (ROOT / "tests" / "reference" / "web_shell.kql").read_text(encoding="utf-8")
SHIPPED = Converter().detection(DETECTION, library().rules, TARGET).text


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
        event = held(self.sample.case.event, self.sample.kind, SCHEMA)
        fires = (self.original is not None, self.shipped is not None)
        return [
            name
            for name, deviation in DEVIATIONS.items()
            if deviation.part == label
            and (deviation.original, deviation.parity) == fires
            and CLASSES[name].covers(self.sample.kind)
            and holds(CLASSES[name].predicate, event)
        ]


@dataclass(frozen=True)
class Class:
    """The events that a deviation names: the kinds of record they are of, and what holds of their Sigma fields."""

    kinds: tuple[str, ...]
    predicate: Predicate = TRUE

    def covers(self, kind: Kind) -> bool:
        return any(fnmatchcase(kind.name, pattern) for pattern in self.kinds)


_NAME = Repeat(chars([(92, 92)], negated=True), 0, None)
_BACKSLASH = literal("\\", False)


SCRIPTS = (".asp", ".aspx", ".ashx", ".asmx", ".php", ".jsp", ".jspx", ".cfm", ".shtml")


def _one_of(values: Iterable[str]) -> Language:
    return Alt(tuple(literal(value, True) for value in sorted(values)))


def _other_than(unwanted: Callable[[str], bool]) -> Language:
    """Every character of a file name but the unwanted."""
    found: list[tuple[int, int]] = []
    for code in range(MAX_CHAR + 1):
        if code == 92 or unwanted(chr(code)):
            first = found.pop()[0] if found and found[-1][1] == code - 1 else code
            found.append((first, code))
    return chars(found, negated=True)


_SEPARATOR = _other_than(str.isalnum)
_FOREIGN = _other_than(lambda c: c.isascii() or not c.isalnum())
#: what may stand before and after a term in a file name
_BEFORE = Alt((EMPTY_STRING, Seq((_NAME, _SEPARATOR))))
_AFTER = Alt((EMPTY_STRING, Seq((_SEPARATOR, _NAME))))


def _contains_term(field: str) -> Predicate:
    """A path's file name is none of the names a rule lists, but has one between what is no letter or digit."""
    detection = library().rules[RULE_OF["WebServer_Shell_Spawn"]].raw["detection"]
    listed = [group[f"{field}|endswith"] for group in detection.values() if f"{field}|endswith" in group]
    names = _one_of(value.rpartition("\\")[2] for values in listed for value in values)
    term = Atom(field, Strings(Seq((ANY_STRING, _BACKSLASH, _BEFORE, names, _AFTER))))
    return And((term, Not(Atom(field, Strings(Seq((ANY_STRING, _BACKSLASH, names)))))))


def _other_letter_follows() -> Predicate:
    """A letter or digit beyond ASCII follows the extension of a script in a file's name, and only such ones do."""
    extension = Seq((ANY_STRING, _one_of(SCRIPTS)))
    followed = Atom("TargetFilename", Strings(Seq((extension, _FOREIGN, _NAME))))
    return And((followed, Not(Atom("TargetFilename", Strings(Seq((extension, _AFTER)))))))


def _address(name: str) -> Predicate:
    return Atom("DestinationIp", Addresses(addresses_of(name.__eq__)))


_INITIATED = ("network_connection/initiated/*",)
_STARTED = ("process_creation/created",)
_WRITTEN = ("file_event/created", "file_modification/modified")


def _elsewhere(*categories: str) -> tuple[str, ...]:
    """Kinds of record of other operating systems, which lie in the same tables."""
    return tuple(f"{category}/{system}/*" for category in categories for system in ("linux", "macos"))


#: deviation -> the events it names; who fires on them is compared apart from this
CLASSES: Mapping[str, Class] = {
    "server_name_contains_term": Class(_STARTED, _contains_term("ParentImage")),
    "child_name_contains_term": Class(_STARTED, _contains_term("Image")),
    "process_opened": Class(("process_access/opened",)),
    "process_aggregated": Class(("process_creation_aggregated/*",)),
    "process_of_another_system": Class(_elsewhere("process_creation")),
    "other_letter_follows_extension": Class(_WRITTEN, _other_letter_follows()),
    "file_of_another_system": Class(_elsewhere("file_event", "file_modification")),
    "accepted_connection": Class(("network_connection/accepted/*",)),
    "connection_of_another_system": Class(_elsewhere("network_connection")),
    "remote_ip_type_null": Class(("network_connection/initiated/success_untyped*",), _address("Public")),
    "address_missing": Class(_INITIATED, Not(Atom("DestinationIp", Present()))),
    "mapped_address": Class(_INITIATED, _address("FourToSixMapping")),
    "teredo_address": Class(_INITIATED, _address("Teredo")),
}


@functools.cache
def samples() -> tuple[Sample, ...]:
    """The fixtures of the detection's rules, then the manifest's events, whose owner is the deviation's name."""
    now = datetime.now(UTC)
    rules = {path: library().rules[path] for path in RULE_OF.values()}
    found = list(bench(SCHEMA, load_all(rules.values(), ROOT), rules, now).samples)
    for name, deviation in DEVIATIONS.items():
        case = Case(name, deviation.event, deviation.parity, deviation.kind)
        for kind in _kinds(deviation):
            record = project(SCHEMA, kind, deviation.event, len(found), now.isoformat())
            found.append(Sample(name, case, kind, record))
    return tuple(found)


def _kinds(deviation: Deviation) -> list[Kind]:
    """The kinds of record of its class that its event may become: as its `kind` says, where no Sigma field does."""
    may = kinds_of(SCHEMA, deviation.event, LogSource(), deviation.kind or "")
    return [kind for kind in may if CLASSES[deviation.name].covers(kind)]


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
        meant = answer.sample.kind.meant_by(rule)
        fires = meant and evaluate(rule, deviation.event)
        assert fires == deviation.parity


def test_deviations_and_their_classes_are_the_same() -> None:
    """Each deviation of the manifest has one name of its own and one class here, and none is left over."""
    assert len(DEVIATIONS) == len(DETECTION.deviations)
    assert DEVIATIONS.keys() == CLASSES.keys()


# -- on every event there can be


@functools.cache
def _satisfiable(question: Predicate, fields: frozenset[tuple[str, FieldDomain]]) -> dict[str, Any] | Unknown | None:
    """Decided once: several kinds of record, and originals changed in another part, ask the very same."""
    return satisfiable(question, Domain(dict(fields), FieldDomain(empty_is_missing=True)))


@dataclass(frozen=True)
class Difference:
    """The events of one kind of record on which exactly one of the two fires, under one label."""

    label: str
    kind: Kind
    original: bool
    predicate: Predicate
    view: View

    def classes(self) -> dict[str, Predicate]:
        """The deviations of this part, this kind of record and this direction."""
        return {
            name: CLASSES[name].predicate
            for name, deviation in DEVIATIONS.items()
            if (deviation.part, deviation.original) == (self.label, self.original) and CLASSES[name].covers(self.kind)
        }

    def event(self, wanted: Iterable[Predicate], unwanted: Iterable[Predicate]) -> dict[str, Any] | None:
        """An event of the difference on which all that is wanted holds and nothing unwanted; None: there is none."""
        question = conjunction([self.predicate, *wanted, *map(negation, unwanted)])
        tested = question.fields
        found = _satisfiable(question, frozenset((name, self.view.domain.of(name)) for name in tested))
        assert not isinstance(found, Unknown), found
        return None if found is None else {**self.view.fixed, **found}


@functools.cache
def _differences(reference: str) -> tuple[Difference, ...]:
    original = Text("original", dialect("kql").read(reference, SCHEMA), SCHEMA)
    rules = Loader(ROOT, library, TARGET).load("web_shell")
    assert original.labels == rules.labels == RULE_OF.keys()
    found = []
    for kind, label in itertools.product(SCHEMA.kinds, RULE_OF):
        view = view_of(original, rules, kind, SCHEMA, label)
        if is_never(view.old) and is_never(view.new):
            continue
        old, new = predicate_of(view.old), predicate_of(view.new)
        found.append(Difference(label, kind, True, conjunction([view.guard, old, negation(new)]), view))
        found.append(Difference(label, kind, False, conjunction([view.guard, new, negation(old)]), view))
    return tuple(found)


def _outside(reference: str) -> Iterator[str]:
    """Differences that no class names."""
    for difference in _differences(reference):
        event = difference.event([], difference.classes().values())
        if event is not None:
            fires = "the original" if difference.original else "the rule"
            yield f"{difference.label}, {difference.kind.name}, only {fires} fires: {event}"


def test_no_event_at_all_lies_outside_the_deviations() -> None:
    """Decided, not sampled: wherever the original and the rules part, on any kind of record, a deviation names it."""
    assert list(_outside(REFERENCE)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"cmd.exe", ', ""),
        ("FileName has_any (ShellsAndTools)", 'FileName contains "cmd.exe"'),
        ('"\\\\www\\\\", ', ""),
        (', ".shtml"', ""),
        ('!in~ ("w3wp.exe", ', "!in~ ("),
        (", 8443", ""),
        ('== "Public"', 'in ("Public", "Private")'),
        ('== "Public"', '!= "Private"'),
        ("RemoteIPType ==", "LocalIP !="),
    ],
)
def test_an_event_outside_is_found(old: str, new: str) -> None:
    """The proof above can fail: another value or operator in the original leads to an event without a name."""
    assert old in REFERENCE
    assert any(_outside(REFERENCE.replace(old, new)))


@pytest.mark.parametrize("name", DEVIATIONS)
def test_without_a_deviation_an_event_would_lie_outside(name: str) -> None:
    """Each class has an event that no other names, made by the decision; both queries, executed, confirm it."""
    for difference in _differences(REFERENCE):
        classes = difference.classes()
        if name not in classes:
            continue
        event = difference.event([classes.pop(name)], classes.values())
        if event is not None:
            break
    else:
        pytest.fail("no such event")
    record = project(SCHEMA, difference.kind, event, 1, datetime.now(UTC).isoformat())
    labels = [[hit.row["DetectionType"] for hit in _run(text, [record])] for text in (REFERENCE, SHIPPED)]
    assert labels == ([[difference.label], []] if difference.original else [[], [difference.label]])
