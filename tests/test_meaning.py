"""The meaning of a rule as a Predicate: its forms, and its agreement with the direct evaluator."""

from __future__ import annotations

import base64
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.addresses import both_spellings
from converter.core.errors import LibraryError, OutOfFragment, Unsupported
from converter.core.model import Rule
from converter.rules.evaluator import compile_rule, evaluate
from converter.rules.meaning import meaning
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import (
    Addresses,
    And,
    Atom,
    Not,
    Numbers,
    Or,
    Predicate,
    Present,
    SameAs,
    Strings,
)
from converter.semantics.regular.language import ANY_STRING, Seq, char, literal


def rule(condition: Any = "sel", **selections: Any) -> dict[str, Any]:
    return {"detection": {**selections, "condition": condition}}


def strings(text: str, ignore_case: bool = True) -> Strings:
    return Strings(literal(text, ignore_case))


@pytest.mark.parametrize(
    ("key", "value", "predicate"),
    [
        ("f", "Ab", Atom("f", strings("Ab"))),
        ("f|cased", "Ab", Atom("f", strings("Ab", False))),
        ("f", r"\*\\", Atom("f", strings("*\\"))),
        ("f|startswith", "a", Atom("f", Strings(Seq((char("a", True), ANY_STRING))))),
        ("f", ["a", "b"], Or((Atom("f", strings("a")), Atom("f", strings("b"))))),
        ("f|cased|all", ["a", "b"], And((Atom("f", strings("a", False)), Atom("f", strings("b", False))))),
        ("f|neq", "a", Not(Atom("f", strings("a")))),
        ("f", "", Atom("f", Strings(Seq(())))),
        ("f", "*", Atom("f", Present())),
        ("f|contains", "", Atom("f", Present())),
        ("f", None, Not(Atom("f", Present()))),
        ("f|neq", None, Atom("f", Present())),
        ("f|exists", True, Atom("f", Present())),
        ("f|exists", False, Not(Atom("f", Present()))),
        ("f", 80, Atom("f", strings("80"))),
        ("f", 80.5, Atom("f", strings("80.5"))),
        ("DestinationPort", 80, Atom("DestinationPort", Numbers(((80, 80),)))),
        ("DestinationPort", 80.0, Atom("DestinationPort", Numbers(((80, 80),)))),
        ("f", "80", Atom("f", strings("80"))),
        ("f", True, Atom("f", strings("true"))),
        ("DestinationPort", "80", Atom("DestinationPort", Numbers(((80, 80),)))),
        ("DestinationPort", "²", Atom("DestinationPort", strings("²"))),
        ("f|lt", 5, Atom("f", Numbers(((None, 4),)))),
        ("f|lte", 5, Atom("f", Numbers(((None, 5),)))),
        ("f|gt", 5, Atom("f", Numbers(((6, None),)))),
        ("f|gte", 5, Atom("f", Numbers(((5, None),)))),
        ("f|cidr", "10.0.0.0/8", Atom("f", Addresses(both_spellings([(4, 10 << 24, (11 << 24) - 1)])))),
        ("f|cidr", "::1/128", Atom("f", Addresses(((6, 1, 1),)))),
        ("f|fieldref", "g", Atom("f", SameAs("g"))),
        ("f|fieldref|endswith|cased", "g", Atom("f", SameAs("g", "endswith", False))),
    ],
)
def test_form(key: str, value: Any, predicate: Predicate) -> None:
    """Each kind of value has one form in a Predicate."""
    assert meaning(rule(sel={key: value})) == predicate


def test_condition() -> None:
    """Selections are joined as the condition says."""
    a, b = Atom("a", strings("1")), Atom("b", strings("2"))
    raw = rule(["s1 and not s2", "1 of s*"], s1={"a": "1"}, s2=[{"b": "2"}])
    assert meaning(raw) == Or((And((a, Not(b))), a, b))


@pytest.mark.parametrize(
    ("selection", "error", "message"),
    [
        (["keyword"], OutOfFragment, "keyword"),
        ({"|all": ["a", "b"]}, OutOfFragment, "keyword"),
        ({"DestinationPort": 1.5}, OutOfFragment, "not whole"),
        ({"f|lt": 1.5}, OutOfFragment, "not whole"),
        ({"f|re": "a(?=b)"}, OutOfFragment, "f|re"),
        ({"f|re": "("}, LibraryError, "no regular expression"),
        ({"f|cidr": "10.0.0.1/8"}, LibraryError, "no network"),
        ({"f|base64": "a?"}, LibraryError, "wildcards"),
        ({"f|base64offset": "a"}, LibraryError, "too short"),
        ({"f|contian": "a"}, LibraryError, "did you mean 'contains'"),
        ({"f|hour": 3}, Unsupported, "time modifier 'hour'"),
        ({"f|expand": "%x%"}, Unsupported, "parity.toml, [placeholders], x"),
    ],
)
def test_fault(selection: Any, error: type[Exception], message: str) -> None:
    """What has no meaning, or none here, is refused with the rule's place."""
    with pytest.raises(error) as fault:
        meaning(Rule("sigma/a.yml", rule(sel=selection), "", {"detection": 7}))
    assert type(fault.value) is error
    assert str(fault.value).startswith("sigma/a.yml:7: ")
    assert message in str(fault.value)


FIELDS = ("f", "g", "DestinationPort")
LETTERS = "aAbÉé1\\*?-/– \n"
REGEXES = ["a", "^a", "b$", "A+.", r"[^a]\d", r"a\\", "(a|é)1", "^$", ".", r"\ba", "(?i)b1", "a{2}|-", "a.b", "^b"]
NETWORKS = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.4/30", "fc00::/7", "::/0", "127.0.0.1/32"]
ADDRESSES = ["10.1.2.3", "10.1.2.4", "10.1.2.7", "10.1.2.8", "127.0.0.1", "fd00::1", "::ffff:10.0.0.1", "fe80::1%eth0"]
PLACED = ["", "contains", "startswith", "endswith", "cased", "contains|cased", "endswith|cased"]
WINDASH = ["windash", "windash|contains", "contains|windash"]
FLAGS = ["-a", "a-a", " -a-b", "a/b -x", "–a*b", "-*", "*/a", r"\*-a", "--a", "-é-", "_-a", "/-a"]
ENCODED = ["base64", "base64|contains|cased", "base64offset|contains", "wide|base64offset|contains", "utf16be|base64"]
ENCODED += ["utf16|base64offset|contains", "utf16le|base64|cased", "windash|base64offset|contains"]
ENCODED += ["base64|base64offset"]
CONDITIONS = ["s1", "s1 and not s2", "s1 or s2", "not (s1 and s2)", "1 of s*", "all of them", ["s1", "not s2"]]


class Dice(random.Random):
    """Rules and events at random. An event is built from what the rule looks for, so that both answers are common."""

    def text(self, letters: str = LETTERS, longest: int = 4) -> str:
        return "".join(self.choices(letters, k=self.randint(0, longest)))

    def entry(self) -> tuple[str, Any]:
        """One entry of a map: a field with modifiers, and a value or a list."""
        field = self.choice(FIELDS)
        kind = self.choice(
            ["text", "text", "plain", "windash", "coded", "re", "cidr", "number", "fieldref", "exists", "null"]
        )
        if kind == "exists":
            return f"{field}|exists", self.random() < 0.5
        if kind == "null":
            return field, None
        modifiers, value = {
            "plain": lambda: (
                "",
                lambda: self.choice([self.randint(-2, 12), True, "007", 1.5 if field != "DestinationPort" else 7]),
            ),
            "text": lambda: (self.choice(PLACED), lambda: self.choice([self.text(), "12"])),
            "windash": lambda: (self.choice(WINDASH), lambda: self.choice(FLAGS)),
            "coded": lambda: (self.choice(ENCODED), lambda: self.choice(["abc", "-aé", "cmd.", "é€z"])),
            "re": lambda: ("re" + self.choice(["", "|i", "|s", "|m", "|i|s"]), lambda: self.choice(REGEXES)),
            "cidr": lambda: ("cidr", lambda: self.choice(NETWORKS)),
            "number": lambda: (self.choice(["lt", "lte", "gt", "gte"]), lambda: self.randint(0, 9)),
            "fieldref": lambda: (
                "fieldref" + self.choice(["", "|contains", "|startswith", "|endswith|cased"]),
                lambda: self.choice(FIELDS),
            ),
        }[kind]()
        values = [value() for _ in range(self.choice([1, 1, 2, 3]))]
        parts = [field, *modifiers.split("|")] if modifiers else [field]
        if len(values) > 1 and self.random() < 0.3:
            parts.append("all")
        if self.random() < 0.15:
            parts.append("neq")
        return "|".join(parts), values if len(values) > 1 else values[0]

    def rule(self) -> dict[str, Any]:
        def some() -> dict[str, Any]:
            return dict(self.entry() for _ in range(self.choice([1, 1, 2])))

        return rule(self.choice(CONDITIONS), s1=some(), s2=self.choice([some(), [some(), some()]]))

    def close(self, key: str, value: Any) -> Any:
        """A value that an entry is true of, or nearly."""
        if isinstance(value, list):
            picked = [self.close(key, entry) for entry in value]
            return "".join(map(str, picked)) if self.random() < 0.3 else self.choice(picked)
        if "cidr" in key:
            return self.choice(ADDRESSES)
        if "|re" in key:
            return self.text("aAbB1\\\né")
        if "base64" in key:
            codec = "utf-16-be" if "utf16be" in key else "utf-16-le" if "utf16" in key or "wide" in key else "utf-8"
            mark = b"\xff\xfe" if "utf16|" in key else b""
            before, after = self.choice([b"", b"x", b"\xffy"]), self.choice([b"", b"", b"x"])
            text = base64.b64encode(before + mark + value.encode(codec) + after).decode()
            return self.choice([text, text, text.lower(), "=" + text])
        if isinstance(value, str):
            # Escaped characters stay as they are, wildcards are filled in.
            value = re.sub(r"\\([*?\\])|([*?])", lambda m: m[1] or self.text("ab", 1), value)
            value = "".join(self.choice("-/–—―") if c in "-/–" and self.random() < 0.5 else c for c in value)
        elif not isinstance(value, bool) and isinstance(value, int):
            value += self.choice([-1, 0, 0, 1])
        change = self.choice([str, str.upper, str.lower, str.swapcase])
        edge = lambda: self.choice(["", "", "", "a", "-", "0"])  # noqa: E731
        return value if self.random() < 0.4 else edge() + change(str(value)) + edge()

    def event(self, raw: dict[str, Any]) -> dict[str, Any]:
        maps = [raw["detection"]["s1"], raw["detection"]["s2"]]
        entries = [e for m in maps for part in (m if isinstance(m, list) else [m]) for e in part.items()]
        self.shuffle(entries)
        event: dict[str, Any] = {}
        for key, value in entries:
            field = key.partition("|")[0]
            if self.random() < 0.85:
                event[field] = trimmed(self.close(key, value))
            if self.random() < 0.1:
                event[field] = self.choice([None, "", [], [event.get(field), "b"], 7, True, self.choice(ADDRESSES)])
            if "fieldref" in key and self.random() < 0.6:
                event[field] = trimmed(
                    self.text("ab", 1) + str(event.get(value if isinstance(value, str) else "f", ""))
                )
        return event


def trimmed(value: Any) -> Any:
    """PCRE's `$` also stands before a final newline, which flavours.NO_FINAL_NEWLINE assumes away."""
    return value.rstrip("\n") if isinstance(value, str) else value


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32))
def test_meaning_agrees_with_the_evaluator(seed: int) -> None:
    """For every rule and event, the rule's Predicate holds exactly when the evaluator says that the rule fires."""
    dice = Dice(seed)
    raw = dice.rule()
    predicate, fires = meaning(raw), compile_rule(raw)
    for _ in range(8):
        event = dice.event(raw)
        assert holds(predicate, event) == fires(event), (raw, event)


@pytest.mark.parametrize("shift", range(6))
@pytest.mark.parametrize("text", ["ab", "cmd", "cmd.", "Überß"])
def test_base64offset_finds_the_text_at_every_offset(shift: int, text: str) -> None:
    """Whatever stands before and after, Base64 text of a message with the value in it is found."""
    message = b"\xff\x00~z!"[: shift % 6] + text.encode() + b"\x00\xffq"[: shift % 4]
    raw = rule(sel={"f|base64offset|contains": text})
    event = {"f": base64.b64encode(message).decode()}
    assert evaluate(raw, event)
    assert holds(meaning(raw), event)
