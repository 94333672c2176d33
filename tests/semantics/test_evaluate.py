"""The plain reading of a Predicate on one event."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from converter.semantics.decide.evaluate import fold, holds, matches
from converter.semantics.decide.predicate import (
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
from converter.semantics.regular.flavours import from_pcre
from converter.semantics.regular.language import (
    ANY_CHAR,
    ANY_STRING,
    EMPTY_STRING,
    NOTHING,
    Language,
    Seq,
    char,
    chars,
    literal,
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


_PIECES = st.lists(st.sampled_from(["a", "b", "[ab]", "*", "*", "*", "?"]), max_size=8)


@settings(max_examples=400, deadline=None)
@given(_PIECES, st.text("ab", max_size=8))
@example(["a", "b", "*", "*", "*", "b"], "ab")
def test_wildcards_agree_with_shell_patterns(pieces: list[str], text: str) -> None:
    """A pattern with any number of wildcards has the members that the shell's rules give it."""
    parts = {"*": ANY_STRING, "?": ANY_CHAR, "[ab]": chars([(97, 98)])}
    language = Seq(tuple(parts[piece] if piece in parts else char(piece, False) for piece in pieces))
    assert matches(language, text) is fnmatchcase(text, "".join(pieces))


@pytest.mark.parametrize(
    ("language", "answers"),
    [
        (Seq((*(part for _ in range(30) for part in (ANY_STRING, literal("xx", True))), literal("y", False))), "01"),
        (Seq(tuple(part for _ in range(9) for part in (ANY_STRING, literal("x", True)))), "10"),
        (from_pcre("^(.*x){20}y$"), "01"),
        (from_pcre("^(x|xx)*.*x?.*x.*x.*[^x]$"), "01"),
        (from_pcre("^x*x*x*x*x*x*x*y$"), "01"),
        (from_pcre("^.{0,300}x.{0,300}x.{0,300}x.{0,300}y$"), "01"),
    ],
)
def test_many_loops_do_not_hang(language: Language, answers: str) -> None:
    """A long value that nearly fits a pattern of many loops is decided in time that grows with its length alone."""
    start = time.process_time()
    assert [matches(language, "x" * 1_100), matches(language, "x" * 400 + "y")] == [a == "1" for a in answers]
    assert time.process_time() - start < 2
