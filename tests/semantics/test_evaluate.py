"""The plain reading of a Predicate on one event."""

from __future__ import annotations

from typing import Any

import pytest

from converter.semantics.evaluate import fold, holds, matches
from converter.semantics.flavours import from_pcre
from converter.semantics.language import ANY_STRING, EMPTY_STRING, NOTHING, Seq, literal
from converter.semantics.predicate import (
    FALSE,
    TRUE,
    Addresses,
    Atom,
    Not,
    Numbers,
    Predicate,
    Present,
    SameAs,
    Strings,
)

CMD = Atom("f", Strings(Seq((ANY_STRING, literal("\\cmd.exe", True)))))
PORT = Atom("f", Numbers(((1, 79), (81, None))))
PRIVATE = Atom("f", Addresses(((4, 10 << 24, (11 << 24) - 1), (6, 0xFC00 << 112, (0xFE00 << 112) - 1))))


@pytest.mark.parametrize(
    ("predicate", "value", "expected"),
    [
        (CMD, "C:\\x\\CMD.exe", True),
        (CMD, "C:\\x\ny\\cmd.exe", True),
        (CMD, "C:\\x\\cmd.exe ", False),
        (CMD, ["other", "\\cmd.EXE"], True),
        (CMD, [], False),
        (CMD, None, False),
        (Not(CMD), None, True),
        (PORT, 80, False),
        (PORT, 81, True),
        (PORT, "443", True),
        (PORT, "0080", False),
        (PORT, "4x", False),
        (PORT, True, False),
        (PRIVATE, "10.1.2.3", True),
        (PRIVATE, "11.0.0.0", False),
        (PRIVATE, "fd00::1", True),
        (PRIVATE, "not an address", False),
        (Atom("f", Strings(literal("443", False))), 443, True),
        (Atom("f", Strings(literal("true", False))), True, True),
        (Atom("f", Present()), "", True),
        (Atom("f", Present()), [], False),
        (TRUE, None, True),
        (FALSE, "x", False),
    ],
)
def test_atoms(predicate: Predicate, value: Any, expected: bool) -> None:
    """An atom holds when any value of its field is in its set; none holds of a missing field."""
    assert holds(predicate, {} if value is None else {"f": value}) is expected


@pytest.mark.parametrize(
    ("how", "left", "right", "ignore_case", "expected"),
    [
        ("equals", "Ab", "aB", True, True),
        ("equals", "Ab", "aB", False, False),
        ("startswith", "ABc", "ab", True, True),
        ("endswith", "xÄ", "ä", True, True),
        ("contains", "xaby", "AB", True, True),
        ("contains", "ab", "xaby", True, False),
        ("equals", "1", None, True, False),
    ],
)
def test_comparison_with_another_field(
    how: str, left: str, right: str | None, ignore_case: bool, expected: bool
) -> None:
    """SameAs compares the field's value with the other field's, and is false when either is missing."""
    event = {"f": left} if right is None else {"f": left, "g": right}
    assert holds(Atom("f", SameAs("g", how, ignore_case)), event) is expected


def test_empty_languages() -> None:
    """The empty language has no member; the empty string is the one member of its own."""
    assert not matches(NOTHING, "")
    assert matches(EMPTY_STRING, "")
    assert not matches(EMPTY_STRING, "x")


def test_folding_keeps_length_and_identifies_cases() -> None:
    """Folding maps both cases of a letter to one character and leaves the rest alone."""
    text = "aZß@[`{Ä1"
    assert len(fold(text)) == len(text)
    assert fold("äZ") == fold("Äz")
    assert fold("@[`{") == "@[`{"


def test_nested_loops_do_not_hang() -> None:
    """A pattern that makes a backtracking matcher exponential is still answered."""
    assert not matches(from_pcre("^(a+)+b$"), "a" * 60)
    assert matches(from_pcre("^(a+)+b$"), "a" * 60 + "b")
