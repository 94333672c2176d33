"""Every engine against the evaluator, over correlations and events that nobody wrote."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from converter.build.gate import Gate
from converter.build.sequences import Happening, Sequence
from converter.core.correlation import Correlation, Count
from converter.core.discovery import engines_for, targets
from converter.core.errors import ParityError
from converter.core.model import Rule, Target
from converter.core.verdict import Outcome
from converter.rules.correlating import Judge, Match, firings_of, matches
from converter.rules.evaluator import compile_rule
from converter.verify.correlations import correlates, verify_correlation

TARGETS = [target for target in targets().values() if any(map(correlates, engines_for(target.dialect)))]
HOSTS = ("web01", "web01", "web01", "db")
#: one without a domain, where a platform keeps it in a column of its own, and one name in two domains
USERS = ("HOME\\ann", "HOME\\ann", "WORK\\ann", "SYSTEM")
TYPES = ("event_count", "value_count", "temporal", "temporal_ordered")


def a_rule(name: str, field: str, value: str, category: str = "process_creation") -> Rule:
    detection = {"selection": {field: value}, "condition": "selection"}
    source = {"product": "windows", "category": category}
    raw = {"title": name, "name": name, "id": name, "logsource": source, "detection": detection}
    return Rule(f"{name}.yml", raw, "")


#: the third rule takes some of what the first one takes, so that one event may serve both; the fourth is about files,
#: which processes make that the first two rules would take
RULES = {
    "a": a_rule("a", "Image|endswith", "\\cmd.exe"),
    "b": a_rule("b", "Image|endswith", "\\whoami.exe"),
    "c": a_rule("c", "CommandLine|contains", "x"),
    "d": a_rule("d", "TargetFilename|endswith", ".exe", "file_event"),
}


def a_correlation(kind: str, chance: random.Random) -> Correlation:
    least = 1 if kind == "event_count" else 2
    names = ("a",) if kind == "value_count" else tuple(chance.sample(sorted(RULES), chance.randint(least, 3)))
    ordered = kind == "temporal_ordered"
    number = len(names) if ordered else {"temporal": len(names), "value_count": 2}.get(kind, chance.randint(2, 4))
    group_by = chance.choice((("Computer",), ("User",), ("User", "Computer"), ("line",)))
    if "d" in names and group_by == ("line",):
        group_by = ("Computer",)
    lines = {name: chance.choice(("CommandLine", "ParentCommandLine")) for name in names}
    return Correlation(
        path="law.yml",
        raw={"title": "law", "id": "law"},
        sha256="",
        type=kind,
        references=names,
        group_by=group_by,
        seconds=chance.choice((60, 300, 3600)),
        count=Count((("gte", number),)),
        aliases={"line": lines} if group_by == ("line",) else {},
        field="CommandLine" if kind == "value_count" else "",
        rules=tuple(f"{name}.yml" for name in names),
    )


def some_events(chance: random.Random, seconds: int) -> tuple[Happening, ...]:
    """Events of a few hosts, a part of a timespan apart, some at one moment, some exactly a timespan apart."""
    out, moment = [], chance.randint(0, seconds)
    for _ in range(chance.randint(8, 26)):
        moment += chance.choice((0, 1, seconds // 9, seconds // 4, seconds // 4, seconds // 2, seconds, seconds + 1))
        image = chance.choice(("cmd.exe", "cmd.exe", "whoami.exe", "other.exe"))
        event = {
            "Image": f"C:\\Windows\\System32\\{image}",
            "CommandLine": chance.choice(("one", "two", "x", "x y")),
            "ParentCommandLine": chance.choice(("one", "x")),
            "Computer": chance.choice(HOSTS),
            "User": chance.choice(USERS),
        }
        if chance.random() < 0.1:
            del event[chance.choice(("Computer", "User"))]
        if chance.random() < 0.25:
            file = {"TargetFilename": chance.choice(("C:\\Temp\\x.exe", "C:\\Temp\\x.txt"))}
            event = {name: event[name] for name in ("Image", "Computer", "User") if name in event} | file
        out.append(Happening(moment, event, "d" if "TargetFilename" in event else "a"))
    return tuple(out)


def found_in(correlation: Correlation, events: tuple[Happening, ...]) -> list[Match]:
    """What the rules match of events, each of which is in the log source of one of them."""
    sources = {id(one.event): RULES[one.rule].logsource for one in events}
    judges = {name: compile_rule(rule) for name, rule in RULES.items()}

    def seeing(name: str) -> Judge:
        return lambda event: RULES[name].covers(sources[id(event)]) and judges[name](event)

    timed = [(float(one.seconds), one.event) for one in events]
    return matches(correlation, {name: seeing(name) for name in RULES}, timed)


def verdicts(
    target: Target, correlation: Correlation, cases: list[Sequence], how: str = "each"
) -> list[tuple[Outcome, str]]:
    """What the engines that play `each` sequence, or all `together`, say of a correlation's query."""
    rules = {name: RULES[name] for name in correlation.references}
    judges = {name: compile_rule(rule) for name, rule in rules.items()}
    gate = Gate({rule.path: rule for rule in RULES.values()}, proving=False)
    pair = gate.pair(correlation, target)
    if pair.refusal is not None:
        assert pair.refusal.outcome is Outcome.UNSUPPORTED, pair.refusal
        return []
    if pair.fault is not None:
        raise pair.fault
    assert pair.query is not None
    known = {**{name: RULES[name] for name in RULES}, **rules}
    found = []
    for engine in engines_for(target.dialect):
        if getattr(engine, "correlates", "") == how:
            verdict = verify_correlation(pair.query, target, engine, correlation, known, judges, cases)
            found.append((verdict.outcome, verdict.detail + "\n" + pair.query.text))
    return found


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_engine_fires_where_the_evaluator_says(target: Target, kind: str) -> None:
    """Of random events a query returns the ends of exactly those windows in which its correlation holds (in a language
    of tumbling windows, the windows; in EQL no others, and one in each)."""
    executed = 0
    for seed in range(20):
        chance = random.Random(f"{kind} {seed}")
        correlation = a_correlation(kind, chance)
        events = some_events(chance, correlation.seconds)
        fires = bool(firings_of(correlation, found_in(correlation, events)))
        for outcome, detail in verdicts(target, correlation, [Sequence(f"seed {seed}", fires, events)]):
            assert outcome is Outcome.AGREE, detail
            executed += fires
    refused = target.dialect == "eql" and kind in ("value_count", "temporal")
    assert (executed == 0) if refused else executed > 2


@pytest.mark.parametrize("kind", TYPES)
def test_elasticsearch_fires_where_the_evaluator_says(kind: str) -> None:
    """A real node groups as the interpreter does: of random events it returns exactly the windows that hold."""
    target = targets()["elastic-esql"]
    for seed in range(100, 106):
        chance = random.Random(f"{kind} {seed}")
        correlation = a_correlation(kind, chance)
        cases = [Sequence(str(number), None, some_events(chance, correlation.seconds)) for number in range(3)]
        for outcome, detail in verdicts(target, correlation, cases, "together"):
            if outcome is Outcome.NOT_RUN:
                pytest.skip(detail.splitlines()[0])
            assert outcome is Outcome.AGREE, detail


LATEST = (
    (0, "whoami.exe"),
    (40, "whoami.exe"),
    (50, "cmd.exe"),
    (90, "cmd.exe"),
    (95, "cmd.exe"),
    (100, "whoami.exe"),
    (101, "cmd.exe"),
    (149, "whoami.exe"),
    (151, "cmd.exe"),
)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_latest_beginning_of_three_counts(target: Target) -> None:
    """Where a rule has matched twice, the later match is what a sequence that goes on is measured from."""
    events = tuple(
        Happening(second, {"Image": f"C:\\{image}", "Computer": "x", "CommandLine": "x" if second > 80 else "one"}, "a")
        for second, image in LATEST
    )
    some = a_correlation("temporal_ordered", random.Random(0))
    for references in (("b", "a", "c"), ("b", "c", "a"), ("a", "b", "c")):
        paths = tuple(RULES[name].path for name in references)
        for span in (50, 51, 55, 60):
            correlation = replace(some, references=references, rules=paths, seconds=span, count=Count((("gte", 3),)))
            fires = bool(firings_of(correlation, found_in(correlation, events)))
            for outcome, detail in verdicts(target, correlation, [Sequence("latest", fires, events)]):
                assert outcome is Outcome.AGREE, detail


def test_some_correlations_fire_and_some_do_not() -> None:
    """The random events are worth something: of each type many fire, and many do not."""
    for kind in TYPES:
        fired = 0
        for seed in range(40):
            chance = random.Random(f"{kind} {seed}")
            correlation = a_correlation(kind, chance)
            found = found_in(correlation, some_events(chance, correlation.seconds))
            fired += bool(firings_of(correlation, found))
        assert 8 <= fired <= 36, (kind, fired)


def test_what_is_refused_is_refused_with_a_reason() -> None:
    """A language that cannot say a correlation says why, and which."""
    chance = random.Random(1)
    gate = Gate({rule.path: rule for rule in RULES.values()}, proving=False)
    for kind in TYPES:
        for target in targets().values():
            pair = gate.pair(a_correlation(kind, chance), target)
            assert pair.fault is None or isinstance(pair.fault, ParityError)
            assert pair.query is not None or (pair.refusal is not None and pair.refusal.reason)
