"""Our reading of conditions and rules beside pySigma's: the same, but for the differences that are named here.

Where the two differ ours follows the Sigma specification 2.1 (rules and modifiers appendix,
https://github.com/SigmaHQ/sigma-specification/tree/main/specification), and the case says which sentence of it.
"""

from __future__ import annotations

import base64
import itertools
import random
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma.exceptions import SigmaError

from converter.core.errors import LibraryError, ParityError, Unsupported
from converter.core.model import Rule
from converter.core.taxonomy import NUMERIC_FIELDS
from converter.rules.evaluator import compile_rule
from tests.project import ROOT, library
from tests.rules.pysigma import fires
from tests.rules.readings import differences
from tests.test_meaning import Dice

NAMES = ("sel", "sel_a", "sel_b", "filter_main", "x1", "_hidden", "nothing", "order", "android")
PATTERNS = ("them", "sel*", "sel_*", "*_a", "_*", "*", "filter_main", "x*", "*e*")


def random_condition(dice: random.Random, names: tuple[str, ...], depth: int = 3) -> str:
    """A condition over `names` with every construct of the specification."""
    kind = dice.choice(["name", "name", "quantifier", "not", "and", "or", "brackets"]) if depth else "name"
    if kind == "name":
        return dice.choice(names)
    if kind == "quantifier":
        return f"{dice.choice(['1', 'all', 'any'])} of {dice.choice(PATTERNS)}"
    parts = [random_condition(dice, names, depth - 1) for _ in range(dice.choice([2, 2, 3]))]
    if kind == "not":
        return f"not {parts[0] if ' ' not in parts[0] else '(' + parts[0] + ')'}"
    if kind == "brackets":
        return f"({parts[0]})"
    return f" {kind} ".join(parts)


def patterns(condition: str | list[str]) -> list[str]:
    text = condition if isinstance(condition, str) else " ".join(condition)
    return re.findall(r" of ([^ )]+)", text)


def matches(pattern: str, name: str) -> bool:
    if name.startswith("_") and not pattern.startswith("_"):
        return False
    return pattern == "them" or re.fullmatch(pattern.replace("*", ".*"), name) is not None


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_conditions(seed: int) -> None:
    """Every condition has the same truth table in both readings."""
    dice = random.Random(seed)
    # names that pySigma tears apart are a named difference, below
    names = tuple(dice.sample([n for n in NAMES if not n.startswith(("not", "and", "or"))], 4))
    condition: Any = random_condition(dice, names)
    if dice.random() < 0.2:
        condition = [condition, random_condition(dice, names)]
    raw = {"detection": {**{name: {name: "1"} for name in names}, "condition": condition}}
    if any(not any(matches(pattern, name) for name in names) for pattern in patterns(condition)):
        with pytest.raises(LibraryError, match="no selection"):  # a named difference, below
            compile_rule(raw)
        return
    ours = compile_rule(raw)
    for values in itertools.product(["0", "1"], repeat=len(names)):
        event = dict(zip(names, values, strict=True))
        assert ours(event) == fires(raw, event), (raw, event)


class Common(Dice):
    """Rules in the words that both readings take alike: the differences have cases of their own, below."""

    def entry(self) -> tuple[str, Any]:
        while True:
            key, value = super().entry()
            values = value if isinstance(value, list) else [value]
            field = key.partition("|")[0]
            if "windash" in key and any(c in str(values) for c in "–—―"):
                continue
            if field in NUMERIC_FIELDS and any(str(one).strip().isdigit() or isinstance(one, float) for one in values):
                continue
            if "fieldref" in key and "cased" in key:
                continue
            if "utf16|" in key or "utf16le" in key:
                continue
            if "base64" in key and not all(str(one).isascii() for one in values):
                continue
            return key, value


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32))
def test_rules(seed: int) -> None:
    """Every rule fires on the same events in both readings."""
    dice = Common(seed)
    raw = dice.rule()
    ours = compile_rule(raw)
    for _ in range(6):
        event = dice.event(raw)
        assert ours(event) == fires(raw, event), (raw, event)


@pytest.mark.parametrize("path", sorted(library().alone))
def test_library(path: str) -> None:
    """The library's rules fire on the same of their fixtures in both readings; parts of correlations have none."""
    rule = library().rules[path]
    ours = compile_rule(rule)
    fixture = yaml.safe_load((ROOT / "tests" / "fixtures" / f"{rule.stem}.yml").read_text("utf-8"))
    events = [{**fixture.get("base", {}), **case["event"]} for case in fixture["cases"]]
    assert {ours(event) for event in events} == {True, False}
    for event in events:
        assert ours(event) == fires({"detection": dict(rule.raw["detection"])}, event), event


@pytest.mark.parametrize("path", sorted(library().rules))
def test_probes_of_the_library(path: str) -> None:
    """Events that isolate each test of a rule, and its condition's truth table, are answered alike; the same is asked
    of any folder of rules by benchmarks/pysigma_readings.py."""
    assert list(differences(library().rules[path])) == []


@pytest.mark.parametrize(
    ("detection", "said"),
    [
        ({"sel": {"f": "1"}, "notf": {"g": "2"}, "f": {"g": "3"}, "condition": "sel and notf"}, "condition 'sel and"),
        ({"sel": {"f|windash": "\u2013x"}, "condition": "sel"}, "{'f': '"),
        ({"sel": {"f|re|ignorecase": "a"}, "condition": "sel"}, "only pySigma reads it: "),
        ({"sel": {"f|utf16le|base64": "a"}, "condition": "sel"}, "only ours reads it: "),
    ],
)
def test_a_difference_is_found(detection: dict[str, Any], said: str) -> None:
    """In a condition, in a test, and where one of the two refuses a rule."""
    one = Rule(
        "x.yml", {"logsource": {"product": "windows", "category": "process_creation"}, "detection": detection}, ""
    )
    assert [line for line in differences(one) if line.startswith(said)]


def rule(sel: Any, condition: Any = "sel", **others: Any) -> dict[str, Any]:
    return {"detection": {"sel": sel, **others, "condition": condition}}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


Q = {"q": "1"}
#: name -> rule, event, our answer (or refusal), pySigma's answer (None: it refuses), the specification's word
DIFFERENCES: dict[str, tuple[dict[str, Any], dict[str, Any], bool | type[ParityError], bool | None, str]] = {
    "a name that begins with not": (
        rule({"f": "1"}, "sel and nothing", nothing=Q),
        {"f": "1", "q": "1"},
        True,
        None,
        "Condition: names are whole words; `nothing` is no `not hing`",
    ),
    "a name that begins with not, and its rest is a selection": (
        rule({"f": "1"}, "sel and notfilter", filter={"q": "2"}, notfilter=Q),
        {"f": "1"},
        False,
        True,
        "Condition: names are whole words; `notfilter` is no `not filter`",
    ),
    "keywords in capitals": (
        rule({"f": "1"}, "sel AND NOT other", other=Q),
        {"f": "1"},
        True,
        None,
        "Condition: the specification writes them in both ways",
    ),
    "a name with a dot": (
        rule({"f": "1"}, "sel and a.b", **{"a.b": Q}),
        {"f": "1", "q": "1"},
        True,
        None,
        "Search-Identifier: any key of the section",
    ),
    "a pattern with a hyphen": (
        rule({"f": "1"}, "1 of a-*", **{"a-b": Q}),
        {"q": "1"},
        True,
        None,
        "Condition: a pattern matches names, which may hold a hyphen",
    ),
    "a dot in a pattern": (
        rule({"f": "1"}, "sel and not 1 of a*.c", **{"axc": Q, "a.c": {"q": "2"}}),
        {"f": "1", "q": "1"},
        True,
        None,
        "Condition: `*` is the only wildcard of a pattern",
    ),
    "a pattern that selects nothing": (
        rule({"f": "1"}, "sel or 1 of x*"),
        {"f": "1"},
        LibraryError,
        True,
        "Condition: restricted to matching search identifiers, of which there are none",
    ),
    "a dash of windash that is neither - nor /": (
        rule({"f|windash": "–x"}),
        {"f": "/x"},
        True,
        False,
        "windash: the five characters are converted interchangeably",
    ),
    "utf16 has its own mark": (
        rule({"f|utf16|base64|cased": "ab"}),
        {"f": b64(b"\xff\xfea\0b\0")},
        True,
        False,
        "utf16: FF FE before UTF-16, not the mark of UTF-8",
    ),
    "utf16le by its name": (
        rule({"f|utf16le|base64|cased": "ab"}),
        {"f": b64(b"a\0b\0")},
        True,
        None,
        "utf16le: the name of which wide is an alias",
    ),
    "wide of letters beyond ASCII": (
        rule({"f|wide|base64|cased": "é"}),
        {"f": b64(b"\xe9\0")},
        True,
        None,
        "utf16le: transforms the value, whatever its letters",
    ),
    "base64offset counts bytes": (
        rule({"f|base64offset|contains|cased": "aé!"}),
        {"f": b64("aé!".encode() + b"\x00z")},
        True,
        False,
        "base64offset: the last byte's bits depend on what follows, the last character's number of bytes counts",
    ),
    "digits on a field of numbers": (
        rule({"DestinationPort": "080"}),
        {"DestinationPort": 80},
        True,
        False,
        "Taxonomy: a port is a number, whose spelling does not count",
    ),
    "another field, letter by letter": (
        rule({"f|fieldref|cased": "g"}),
        {"f": "a", "g": "A"},
        False,
        None,
        "cased: values are applied case-sensitively, and is a generic modifier",
    ),
    "null in a list": (
        rule({"f": ["a", None]}),
        {"f": "a"},
        LibraryError,
        True,
        "Special Field Values: null is the value of a field, lists are of strings",
    ),
    "all on one value": (
        rule({"f|contains|all": "a"}),
        {"f": "a"},
        LibraryError,
        True,
        "all: single item values are not allowed to have it",
    ),
    "long names of flags": (
        rule({"f|re|ignorecase": "a"}),
        {"f": "A"},
        LibraryError,
        True,
        "re sub-modifiers: i, m and s",
    ),
    "a part of a time": (
        rule({"t|hour": 5}),
        {"t": 5},
        Unsupported,
        True,
        "Time Modifiers: a number out of a date, whose form is left open",
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_difference(name: str) -> None:
    """Each difference is one: both answers are as named, and they are not the same."""
    raw, event, ours, theirs, said = DIFFERENCES[name]
    assert said
    assert ours != theirs
    if isinstance(ours, bool):
        assert compile_rule(raw)(event) == ours
    else:
        with pytest.raises(ours):
            compile_rule(raw)
    if theirs is None:
        with pytest.raises(SigmaError):
            fires(raw, event)
    else:
        assert fires(raw, event) == theirs
