"""The direct evaluator, example by example from the Sigma specification 2.1 and its modifiers appendix."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest

from converter.core.errors import LibraryError, Unsupported
from converter.core.model import Rule
from converter.rules.condition import AllOf, AnyOf, Negated, Selection, parse_condition
from converter.rules.detection import read_detection
from converter.rules.evaluator import compile_rule, evaluate


def rule(condition: Any = "sel", **selections: Any) -> dict[str, Any]:
    return {"detection": {**selections, "condition": condition}}


def inside(text: bytes, before: bytes) -> str:
    return base64.b64encode(before + text + b"rest").decode()


#: key, value, event values on which the test holds, event values on which it does not.
TESTS: list[tuple[str, Any, list[Any], list[Any]]] = [
    # Plain text: whole value, any case, wildcards, escapes (rules specification, "String Wildcard" and "Escaping").
    ("f", "cmd.exe", ["cmd.exe", "CMD.EXE"], ["cmd.exe ", "xcmd.exe", "cmdxexe", ""]),
    ("f", "Überß", ["überß"], ["überss", "uberß"]),
    ("f", "k", ["K"], ["\u212a"]),
    ("f", "prog?.exe", ["progA.exe", "prog\n.exe"], ["prog.exe", "progAB.exe"]),
    ("f", "av_V*.exe", ["AV_v1.exe", "av_V.exe", "av_V21.2.\n1.exe"], ["av_1.exe"]),
    ("f", "*ab*ab*", ["abab", "xabxabx"], ["aba", "ab"]),
    ("f", r"a\*b", ["a*b"], [r"a\*b", "axb", "ab"]),
    ("f", r"a\?b", ["a?b"], [r"a\?b", "axb"]),
    ("f", r"a\\*b", ["a\\b", "a\\xxb"], ["ab", "a*b"]),
    ("f", r"a\\\*b", [r"a\*b"], [r"a\xb"]),
    ("f", r"C:\Windows\x", [r"c:\windows\X"], ["C:Windowsx"]),
    ("f", r"a\\b", [r"a\b"], [r"a\\b"]),
    ("f", "a\\\\\\\\b", ["a\\\\b"], ["a\\b"]),
    ("f", "a\\\\\\b", ["a\\\\b"], ["a\\b"]),
    ("f", "dir\\", ["dir\\"], ["dir", "dir\\\\"]),
    ("f", "", [""], ["x", " "]),
    ("f", "*", ["", "x", 0], [None, []]),
    ("f", None, [None, []], ["", "x", 0, False]),
    ("f", ["a", "b*"], ["A", "bcd"], ["ab"]),
    ("f", "x", [["a", "X"]], [["a"], []]),
    # Numbers, booleans and their texts.
    ("f", 80, [80, "80", [1, 80]], [8080, "8080", "080", "0x50", True, ""]),
    ("f", 1, [1], [True]),
    ("f", -5, ["-5", -5], ["-05", 5]),
    ("f", 1.5, [1.5, "1.5"], [1, 15, "1.50"]),
    ("f", 10**30, ["1" + "0" * 30], ["1e+30"]),
    ("f", "80", [80, "80"], ["080"]),
    ("DestinationPort", 80, [80, "80", "080", 80.0, [1, 80]], [8080, "0x50", True, ""]),
    ("DestinationPort", 80.0, [80, "80"], [8080]),
    ("DestinationPort", "80", [80, "80", "080"], ["0x50", 8080]),
    ("DestinationPort", "8*", [80, 8, "8080"], [18]),
    ("f", True, [True, "true", "TRUE"], [1, False]),
    ("f|contains", "44", [1444, "p44"], [4]),
    # Places.
    ("f|contains", r"\x\\", ["a\\X\\b"], ["a\\x"]),
    ("f|contains", "a*b", ["-axb-", "ab"], ["ba"]),
    ("f|contains", "", ["", "x"], [None]),
    ("f|startswith", "adm", ["Administrator"], ["xadm"]),
    ("f|endswith", r"\cmd.exe", [r"C:\CMD.exe"], ["cmd.exe", r"C:\cmd.exe.txt"]),
    ("f|contains|all", ["a", "b"], ["ba", "xAxBx", ["a", "b"]], ["aa", ["a"]]),
    ("f|cased", "Cmd", ["Cmd"], ["cmd"]),
    ("f|endswith|cased", "Cmd", ["xCmd"], ["xcmd"]),
    # Negation of the whole item.
    ("f|neq", "a", ["b", "", None], ["a", "A", ["b", "a"]]),
    ("f|neq", ["a", "b"], ["c", None], ["a", "b"]),
    ("f|contains|neq|all", ["a", "b"], ["a", "b"], ["ab"]),
    ("f|neq", 5, [6, None], [5, "5"]),
    ("f|neq", None, ["x"], [None]),
    # Regular expressions: PCRE, searched for, case-sensitive.
    ("f|re", r"[a-c]\d", ["xxb7xx"], ["xxB7", "b\u0663"]),
    ("f|re", r"^a.c$", ["abc"], ["a\nc", "xabc"]),
    ("f|re|i", "ab", ["xABx"], ["ba"]),
    ("f|re|s", "a.c", ["a\nc"], ["ac"]),
    ("f|re|m", "^b$", ["a\nb\nc"], ["abc"]),
    ("f|re|i|m|s", "^b.c", ["a\nB\nC"], ["abc"]),
    ("f|re", r"\h\Qa.b\E", ["\ta.b"], ["\taxb"]),
    ("f|re|all", ["a$", "^b"], ["ba"], ["a", "b"]),
    # Addresses.
    (
        "f|cidr",
        "10.0.0.0/8",
        ["10.255.0.1", "::ffff:10.0.0.1"],
        ["11.0.0.1", "10.0.0", "::ffff:11.0.0.1", 167772161, ""],
    ),
    ("f|cidr", "fc00::/7", ["fd00::1"], ["fe80::1", "10.0.0.1"]),
    ("f|cidr", ["127.0.0.0/8", "::1/128"], ["127.0.0.1", "0:0:0:0:0:0:0:1"], ["::2"]),
    # Numeric comparison.
    ("f|lt", 5, [4, "4", -1], [5, "x", True, None]),
    ("f|lte", 5, [5], [6]),
    ("f|gt", 5, [6, "10"], [5, ""]),
    ("f|gte", 5, [5, 5.5], [4]),
    # Presence and other fields.
    ("f|exists", True, ["", 0, "x"], [None]),
    ("f|exists", False, [None], [""]),
    ("f|fieldref", "other", ["OTHER value", ["x", "other value"]], ["other", None]),
    ("f|fieldref|neq", "other", ["x", None], ["other VALUE"]),
    ("f|fieldref|contains", "other", ["an other value!"], ["other"]),
    ("f|fieldref|startswith", "other", ["other values"], ["an other value"]),
    ("f|fieldref|endswith", "other", ["an other value"], ["other values"]),
    ("f|fieldref|cased", "other", ["Other Value"], ["other value"]),
    ("f|fieldref", "absent", [], ["x", None, ""]),
    # Dashes: the first of a flag, in any of five forms.
    ("f|contains|windash", " -dl-x ", ["a /DL-x b", "a –dl-x b", "a —dl-x b", "a ―dl-x b"], ["a -dl/x b", "a +dl-x b"]),
    ("f|windash", "/x", ["-x", "―x"], ["x"]),
    ("f|windash|contains", "a -b -c", ["a /b –c"], ["a b c"]),
    ("f|windash", "–x", ["-x", "/x", "—x"], ["–y"]),
    (
        "f|windash",
        " ".join(["-a"] * 40),
        [" ".join(["/a"] * 40), " ".join("-/–—"[i % 4] + "a" for i in range(40))],
        ["-a"],
    ),
    # Encodings, in the order written.
    ("f|base64", "foobar", ["Zm9vYmFy"], ["xZm9vYmFy"]),
    ("f|base64|cased", "foobar", ["Zm9vYmFy"], ["zm9vYmFy"]),
    ("f|base64|contains", r"a\*", ["xx" + base64.b64encode(b"a*").decode()], ["YSo"]),
    (
        "f|base64offset|contains",
        "fööbar",
        [inside("fööbar".encode(), before) for before in (b"", b"x", b"xy")],
        [inside(b"foobar", b"")],
    ),
    (
        "f|wide|base64offset|contains",
        "cmd",
        [inside(b"c\0m\0d\0", before) for before in (b"", b"x", b"xy")],
        [inside(b"cmd", b""), inside(b"\0c\0m\0d", b"")],
    ),
    ("f|utf16le|base64", "cmd", [base64.b64encode(b"c\0m\0d\0").decode()], []),
    ("f|utf16be|base64", "cmd", [base64.b64encode(b"\0c\0m\0d").decode()], []),
    ("f|utf16|base64", "cmd", [base64.b64encode(b"\xff\xfec\0m\0d\0").decode()], []),
    ("f|windash|base64", "-a", [base64.b64encode(b"/a").decode(), base64.b64encode("–a".encode()).decode()], ["-a"]),
]


@pytest.mark.parametrize(("key", "value", "hits", "misses"), TESTS, ids=lambda value: str(value)[:30])
def test_value(key: str, value: Any, hits: list[Any], misses: list[Any]) -> None:
    """A test of one field holds of exactly the values the specification gives it."""
    fires = compile_rule(rule(sel={key: value}))
    field = key.partition("|")[0]
    for expected, contents in ((True, hits), (False, misses)):
        for content in contents:
            event = {"other": "Other Value"} | ({} if content is None else {field: content})
            assert fires(event) == expected, content


def test_missing_field_and_its_negation() -> None:
    """A test on a missing field is false, so its `not` is true."""
    assert not evaluate(rule(sel={"f": "x"}), {})
    assert evaluate(rule("not sel", sel={"f": "x"}), {})


def test_maps_lists_and_keywords() -> None:
    """Maps are conjunctions, lists of maps disjunctions, and keywords are looked for in the values of all fields."""
    both = compile_rule(rule(sel={"a": "1", "b": "2"}))
    assert both({"a": "1", "b": "2"})
    assert not both({"a": "1"})
    either = compile_rule(rule(sel=[{"a": "1", "b": "2"}, {"c": "3"}]))
    assert either({"c": "3"})
    assert not either({"a": "1"})
    words = compile_rule(rule(sel=["Event::clear", "a*z", 404]))
    assert words({"x": "-event::CLEAR-"})
    assert words({"y": ["q", "say abcz!"]})
    assert words({"y": 14041})
    assert not words({"event::clear": "no value"})
    every = compile_rule(rule(sel={"|all": ["one", "two"]}))
    assert every({"x": "ONE", "y": "twotwo"})
    assert not every({"x": "one"})
    assert evaluate(rule(sel={"|re": "[0-9]x"}), {"x": "12x"})
    assert evaluate(rule(sel=["word", {"a": "1"}]), {"a": "1"})


A, B, C = Selection("sel_a"), Selection("sel_b"), Selection("_c")


@pytest.mark.parametrize(
    ("condition", "tree"),
    [
        ("sel_a", A),
        ("sel_a or sel_b and not _c", AnyOf((A, AllOf((B, Negated(C)))))),
        ("(sel_a OR sel_b) AND NOT _c", AllOf((AnyOf((A, B)), Negated(C)))),
        ("not not sel_a", Negated(Negated(A))),
        ("not sel_a and sel_b", AllOf((Negated(A), B))),
        ("1 of them", AnyOf((A, B))),
        ("All Of Them", AllOf((A, B))),
        ("not 1 of sel_*", Negated(AnyOf((A, B)))),
        ("all of *_b", B),
        ("1 of _*", C),
        ("1 of *", AnyOf((A, B))),
        ("any of sel_*", AnyOf((A, B))),
        ("all of sel_a", A),
        (["sel_a", "not sel_b"], AnyOf((A, Negated(B)))),
        (["sel_b"], B),
    ],
)
def test_condition(condition: str | list[str], tree: object) -> None:
    """or < and < not < quantifier < parentheses; `them` and patterns pass over a leading underscore; a list is `or`."""
    assert parse_condition(condition, ("sel_a", "sel_b", "_c")) == tree


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("", "empty"),
        ([], "string or a list"),
        (["sel", 3], "string or a list"),
        (None, "string or a list"),
        ("sel and", "ends where"),
        ("(sel", "not closed"),
        ("sel)", "unexpected ')'"),
        ("sel sel", "unexpected 'sel'"),
        ("and sel", "not 'and'"),
        ("sal", "did you mean 'sel'"),
        ("1 of sal", "did you mean 'sel'"),
        ("1 of x*", "no selection matches"),
        ("sel*", "1 of sel*"),
        ("2 of sel*", "'2' of is not supported"),
        ("1 of", "ends where"),
        ("1 of (sel)", "after 'of'"),
        ("sel | count() > 5", "correlation"),
    ],
)
def test_condition_fault(condition: Any, message: str) -> None:
    """A fault of a condition is named."""
    with pytest.raises(LibraryError) as fault:
        compile_rule(rule(condition, sel={"f": "x"}))
    assert message in str(fault.value)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"f|contain": "x"}, "did you mean 'contains'"),
        ({"f|Contains": "x"}, "did you mean 'contains'"),
        ({"f|qqq": "x"}, "the modifiers are"),
        ({"f|contains|contains": "x"}, "twice"),
        ({"f|contains|startswith": "x"}, "after 'contains'"),
        ({"f|re|contains": "x"}, "'contains' does not combine with 're'"),
        ({"f|i": "x"}, "'i' does not combine"),
        ({"f|i|re": "x"}, "'re' must come before"),
        ({"f|contains|base64": "x"}, "after 'contains'"),
        ({"f|base64|wide": "x"}, "'wide' must come before"),
        ({"f|base64|windash": "x"}, "'windash' must come before"),
        ({"f|contains|all": "x"}, "at least two"),
        ({"f|contains|all": ["x"]}, "at least two"),
        ({"f|exists": "yes"}, "true or false"),
        ({"f|exists": [True, False]}, "one value"),
        ({"f|exists|neq": True}, "does not combine"),
        ({"f|lt": "5"}, "without quotes"),
        ({"f|lt": True}, "must be a number"),
        ({"f|re": 5}, "must be text"),
        ({"f|re": "("}, "no regular expression"),
        ({"f|cidr": "10.0.0.1/8"}, "no network"),
        ({"f|cidr": "10.0.0.0/33"}, "no network"),
        ({"f|base64": "a*"}, "wildcards"),
        ({"f|base64offset": "a"}, "too short"),
        ({"f|contains": 4444}, "put it in quotes: '4444'"),
        ({"f|re|ignorecase": "a"}, "write 'i'"),
        ({"f|windash|base64": "-a -b -c -d -e"}, "more than 625"),
        ({"f": "\ud800"}, "half of a character"),
        ({"f": float("nan")}, "no finite number"),
        ({"f": []}, "empty"),
        ({"f": {"g": 1}}, "not a map"),
        ({"f": [["a"]]}, "not a list"),
        ({"f": ["", None]}, "null cannot stand in a list"),
        ({"f|contains": None}, "null takes no modifier"),
        ({"|startswith": "x"}, "needs a field"),
        ({True: "x"}, "quote the field name"),
        ({"f": datetime.date(2026, 1, 1)}, "as a date"),
        ({}, "is empty"),
        ([], "is empty"),
        ([None], "null is no keyword"),
        (["a", []], "list of values is empty"),
    ],
)
def test_detection_fault(selection: Any, message: str) -> None:
    """A malformed selection is refused with what is wrong and, where known, what to write instead."""
    with pytest.raises(LibraryError) as fault:
        compile_rule(rule(sel=selection))
    assert message in str(fault.value)


@pytest.mark.parametrize(
    "raw", [{}, {"detection": []}, {"detection": {"s": {"f": 1}}}, {"detection": {"condition": "s"}}]
)
def test_no_detection(raw: dict[str, Any]) -> None:
    """A rule without detection, condition or selections is refused."""
    with pytest.raises(LibraryError):
        compile_rule(raw)


def test_timeframe_is_refused() -> None:
    """The timeframe of Sigma 1 changes what a rule means, so it is not passed over."""
    with pytest.raises(LibraryError, match="timeframe"):
        compile_rule(rule(sel={"f": "x"}, timeframe="5m"))


@pytest.mark.parametrize("key", ["t|hour", "t|minute", "f|wide", "f|utf16|contains", "f|expand"])
def test_unsupported(key: str) -> None:
    """Valid Sigma without a reading here is unsupported, not malformed."""
    with pytest.raises(Unsupported):
        compile_rule(rule(sel={key: "%x%"}))


@pytest.mark.parametrize(("lines", "where"), [({"detection": 7}, "sigma/a.yml:7"), ({}, "sigma/a.yml")])
def test_fault_says_where(lines: dict[str, int], where: str) -> None:
    """A fault of a rule from the library carries its file, and the line of its detection section when that is known."""
    for selection in ({"f|re": "("}, {"f|wrong": 1}):
        with pytest.raises(LibraryError) as fault:
            compile_rule(Rule("sigma/a.yml", rule(sel=selection), "", lines))
        assert fault.value.where == where


def test_unused_selection_is_reported() -> None:
    """A selection the condition never mentions is legal, and named."""
    assert read_detection(rule("a", a={"f": 1}, b={"f": 2})).unused == ("b",)
