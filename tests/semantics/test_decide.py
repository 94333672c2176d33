"""The decision against trying events, and the laws it must keep."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from converter.semantics.decide.compare import Different, Equivalent, Unknown, compare, implies, satisfiable
from converter.semantics.decide.domain import Budget, Domain, FieldDomain
from converter.semantics.decide.evaluate import holds, matches
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
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
from converter.semantics.regular.flavours import from_lucene, from_pcre
from converter.semantics.regular.language import ANY_STRING, Alt, Language, Repeat, Seq, chars, literal

PATTERNS = ["a", "b", "ab", "^a", "b$", "^ab?$", "^$", "[ab]b", "a.*b", "^(ab)*$", "(?i)A", "A", "^a*$"]
DIGITS = ["0", "^[0-2]$", "^0*1$", "^-"]
RANGES = [((1, 1),), ((0, 2),), ((None, 0),), ((2, None),), ((0, 0), (2, 2))]
TEXTS = ["", *("".join(letters) for size in (1, 2, 3) for letters in itertools.product("abA", repeat=size))]
MIXED = ["", "a", "A", "ab", "0", "1", "2", "3", "00", "01", "002", "-1", "-0", "-2", "a0", "1b", "00a1", 0, 1, 2, -1]
PATH = from_lucene(r"[A-Za-z]:\\.*")


def strings(field: str, pattern: str) -> Atom:
    return Atom(field, Strings(from_pcre(pattern)))


def contains(field: str, text: str) -> Atom:
    return Atom(field, Strings(Seq((ANY_STRING, literal(text, True), ANY_STRING))))


def ends(field: str, text: str) -> Atom:
    return Atom(field, Strings(Seq((ANY_STRING, literal(text, True)))))


def basename(field: str, language: Language) -> Atom:
    """The preimage of a file name: the whole value or what follows its last backslash."""
    return Atom(field, Strings(Alt((language, Seq((ANY_STRING, literal("\\", False), language))))))


_HOW = st.sampled_from(["equals", "startswith", "endswith", "contains"])
_SEPARATE = st.one_of(
    st.builds(strings, st.sampled_from("fg"), st.sampled_from(PATTERNS)),
    st.builds(lambda ranges: Atom("n", Numbers(ranges)), st.sampled_from(RANGES)),
    st.builds(lambda field: Atom(field, Present()), st.sampled_from("fgn")),
    st.builds(lambda how, case: Atom("f", SameAs("g", how, case)), _HOW, st.booleans()),
)
_TOGETHER = st.one_of(
    st.builds(lambda pattern: strings("m", pattern), st.sampled_from(PATTERNS + DIGITS)),
    st.builds(lambda ranges: Atom("m", Numbers(ranges)), st.sampled_from(RANGES)),
    st.just(Atom("m", Present())),
)


def _formulas(atoms: st.SearchStrategy[Atom]) -> st.SearchStrategy[Predicate]:
    def grow(inner: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
        some = st.lists(inner, max_size=3).map(tuple)
        return st.one_of(some.map(And), some.map(Or), inner.map(Not))

    return st.recursive(atoms, grow, max_leaves=8)


SEPARATE, TOGETHER = _formulas(_SEPARATE), _formulas(_TOGETHER)
FIELDS = st.builds(
    FieldDomain,
    optional=st.booleans(),
    empty_is_missing=st.booleans(),
    language=st.sampled_from([ANY_STRING, from_lucene("[abA0-9-]*")]),
)


def _allows(domain: FieldDomain, value: Any) -> bool:
    if value is None:
        return domain.optional
    return not (value == "" and domain.empty_is_missing) and matches(domain.language, str(value))


def _fields(predicate: Predicate) -> set[str]:
    if isinstance(predicate, Atom):
        return {predicate.field} | ({predicate.values.other} if isinstance(predicate.values, SameAs) else set())
    parts = (predicate.part,) if isinstance(predicate, Not) else predicate.parts
    return {field for part in parts for field in _fields(part)}


def _check(left: Predicate, right: Predicate, domain: Domain, events: list[dict[str, Any]]) -> None:
    answer = compare(left, right, domain)
    if isinstance(answer, Different):
        assert holds(left, answer.event) is answer.left_value
        assert holds(right, answer.event) is answer.right_value
        assert answer.left_value != answer.right_value
        for field, value in answer.event.items():
            for item in value if isinstance(value, list) else [value]:
                assert _allows(domain.of(field), item)
        for field in _fields(left) | _fields(right):
            assert field in answer.event or domain.of(field).optional
    elif isinstance(answer, Unknown):
        assert _fields(left) | _fields(right) >= {"f", "g"}  # only comparisons between fields may be given up on
    else:
        separating = [event for event in events if holds(left, event) != holds(right, event)]
        assert not separating


@settings(max_examples=100, deadline=None)
@given(SEPARATE, SEPARATE, FIELDS)
def test_no_event_contradicts_equivalence(left: Predicate, right: Predicate, field: FieldDomain) -> None:
    """A witness separates and lies in the domain; without one no event of the domain separates."""
    domain = Domain({"n": FieldDomain(sort="number", optional=field.optional)}, default=field)
    texts = [None, *TEXTS[:10]]
    events = [
        {name: value for name, value in zip("fgn", values, strict=True) if value is not None}
        for values in itertools.product(texts, texts, [None, -1, 0, 1, 2, 3])
        if all(_allows(domain.of(name), value) for name, value in zip("fgn", values, strict=True))
    ]
    _check(left, right, domain, events)


#: below and above a number, and not that number: a text that is none tells them apart
NOT_ONE = (Atom("m", Numbers(((None, 0), (2, None)))), Not(Atom("m", Numbers(((1, 1),)))))


@settings(max_examples=150, deadline=None)
@given(TOGETHER, TOGETHER, FIELDS)
@example(NOT_ONE[0], NOT_ONE[1], FieldDomain(optional=False))
def test_text_and_numbers_on_one_field(left: Predicate, right: Predicate, field: FieldDomain) -> None:
    """The same where a field is tested both as text and as a number."""
    events: list[dict[str, Any]] = [{"m": value} for value in MIXED if _allows(field, value)]
    _check(left, right, Domain(default=field), [*events, {}] if field.optional else events)


@settings(max_examples=100, deadline=None)
@given(TOGETHER, TOGETHER)
def test_lists(left: Predicate, right: Predicate) -> None:
    """On a field of several values an atom holds of any element, and the decision knows it."""
    values = ["", "a", "b", "ab", "A", "0", "1", "2", "-1", "ba"]
    events: list[dict[str, Any]] = [{"m": list(pair)} for pair in itertools.product(values, repeat=2)]
    _check(left, right, Domain(default=FieldDomain(sort="string", many=True)), [{}, *events])


@settings(max_examples=60, deadline=None)
@given(SEPARATE, SEPARATE)
def test_laws(left: Predicate, right: Predicate) -> None:
    """Equality is reflexive, De Morgan and absorption hold, and no formula is equal to its negation."""
    assert compare(left, left) == Equivalent()
    assert compare(Not(And((left, right))), Or((Not(left), Not(right)))) == Equivalent()
    assert compare(left, Or((left, And((left, right))))) == Equivalent()
    assert isinstance(compare(left, Not(left)), Different)


@settings(max_examples=60, deadline=None)
@given(SEPARATE, SEPARATE)
def test_implication_is_equivalence_with_the_conjunction(left: Predicate, right: Predicate) -> None:
    """`left` implies `right` exactly when `left` equals `left and right`; a counterexample is one."""
    answer, other = implies(left, right), compare(left, And((left, right)))
    if isinstance(answer, Unknown) or isinstance(other, Unknown):
        return
    assert (answer is None) == (other == Equivalent())
    if answer is not None:
        assert holds(left, answer)
        assert not holds(right, answer)


NO_BACKSLASH = Repeat(chars([(92, 92)], negated=True), 0, None)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (ends("p", "\\cmd.exe"), basename("p", literal("cmd.exe", True))),
        (strings("p", r"(?i)cmd[^\\]*$"), basename("p", Seq((NO_BACKSLASH, literal("cmd", True), NO_BACKSLASH)))),
        (Or((contains("p", "ab"), contains("p", "xaby"))), contains("p", "ab")),
        (
            strings("p", r"(?i)\.(asp|php)([^a-z]|$)"),
            Or((strings("p", r"(?i)\.asp([^a-z]|$)"), strings("p", r"(?i)\.php($|[^a-z])"))),
        ),
        (Atom("p", Present()), TRUE),
        (ends("p", "/cmd"), And((ends("p", "/cmd"), contains("p", ":\\")))),
    ],
)  # fmt: skip
def test_equal_within_paths(left: Predicate, right: Predicate) -> None:
    """What every absolute path makes equal is equal, however it is written."""
    path = FieldDomain(language=PATH, optional=False)
    assert compare(left, right, Domain({"p": path})) == Equivalent()


def test_outside_paths_they_differ() -> None:
    """Without the domain the bare file name tells `endswith` from the file name's preimage."""
    answer = compare(ends("p", "\\cmd.exe"), basename("p", literal("cmd.exe", True)))
    assert answer == Different({"p": "cmd.exe"}, False, True)


@pytest.mark.parametrize(
    ("left", "right", "event", "left_value"),
    [
        (strings("p", r"(?i)\.asp"), strings("p", r"(?i)\.asp$"), {"p": "C:\\file.aspx"}, True),
        (ends("p", "\\cmd.exe"), ends("p", "cmd.exe"), {"p": "C:\\xcmd.exe"}, False),
        (
            Atom("n", Numbers(((80, 80), (443, 443)))),
            Atom("n", Numbers(((80, 80), (8443, 8443)))),
            {"n": 443},
            True,
        ),
        (
            Not(Atom("a", Addresses(((4, 10 << 24, (11 << 24) - 1),)))),
            And((Atom("a", Present()), Not(Atom("a", Addresses(((4, 10 << 24, (11 << 24) - 1),)))))),
            {},
            True,
        ),
        (TRUE, FALSE, {}, True),
    ],
)
def test_witnesses_are_readable(left: Predicate, right: Predicate, event: dict[str, Any], left_value: bool) -> None:
    """The event is a plausible value of the field, with nothing in it that does not matter."""
    domain = Domain({"p": FieldDomain(language=PATH)})
    assert compare(left, right, domain) == Different(event, left_value, not left_value)


def test_a_conflict_of_one_field_is_not_one_of_all() -> None:
    """That a number is in one of the parts of the line says nothing about another field."""
    domain = Domain({"n": FieldDomain(sort="number", optional=False, numbers=((0, 9),))})
    split = Or((Atom("n", Numbers(((None, 4),))), Atom("n", Numbers(((5, None),)))))
    assert compare(split, TRUE, domain) == Equivalent()
    assert compare(Atom("n", Numbers(((0, 9),))), Atom("n", Present()), domain) == Equivalent()
    answer = compare(split, And((split, contains("f", "a"))), domain)
    assert isinstance(answer, Different)
    assert answer.event["n"] in range(10)
    assert compare(Atom("n", Numbers(((10, None),))), FALSE, domain) == Equivalent()


def test_equality_of_fields_goes_both_ways() -> None:
    """`f` equals `g` is `g` equals `f`; with and without case they differ on a letter."""
    assert compare(Atom("f", SameAs("g")), Atom("g", SameAs("f"))) == Equivalent()
    answer = compare(Atom("f", SameAs("g")), Atom("g", SameAs("f", ignore_case=False)))
    assert isinstance(answer, Different)
    assert answer.event["f"].lower() == answer.event["g"].lower()


def test_lost_case_rule_is_found() -> None:
    """A pattern that lost its case rule differs on a value in the other case."""
    exact = Atom("f", Strings(Seq((ANY_STRING, literal("cmd.exe", False)))))
    answer = compare(ends("f", "cmd.exe"), exact)
    assert isinstance(answer, Different)
    assert answer.event["f"].lower().endswith("cmd.exe")


def test_many_patterns_on_one_field() -> None:
    """A hundred and fifty patterns in any order or grouping are equal; with one dropped they differ on that one."""
    words = [f"word{number} -x{number * 7919 % 1000}" for number in range(150)]
    atoms = [contains("c", word) for word in words]
    merged = Atom("c", Strings(Seq((ANY_STRING, Alt(tuple(literal(word, True) for word in words)), ANY_STRING))))
    assert compare(Or(tuple(atoms)), Or(tuple(reversed(atoms)))) == Equivalent()
    assert compare(Or(tuple(atoms)), merged) == Equivalent()
    assert compare(Or(tuple(atoms)), Or((*atoms, contains("c", words[3] + " more")))) == Equivalent()
    answer = compare(Or(tuple(atoms)), Or(tuple(atoms[:77] + atoms[78:])))
    assert answer == Different({"c": words[77]}, True, False)


def test_addresses_against_their_text() -> None:
    """A range of IPv4 addresses and the same as a pattern of texts are equal on a field of IPv4 addresses."""
    octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    domain = Domain({"a": FieldDomain(sort="address", language=from_lucene(rf"({octet}\.){{3}}{octet}"))})
    ten = Atom("a", Addresses(((4, 10 << 24, (11 << 24) - 1),)))
    assert compare(ten, strings("a", r"^10\."), domain) == Equivalent()
    assert isinstance(compare(ten, strings("a", r"^1\."), domain), Different)


def test_budget_ends_in_unknown() -> None:
    """A comparison that needs more than its budget says so, and never that the two are equal."""
    hard = And((strings("f", "^(a|b)*a(a|b){12}$"), strings("f", "^(a|b)*b(a|b){12}$")))
    assert isinstance(compare(hard, FALSE, budget=Budget(steps=500)), Unknown)
    assert isinstance(satisfiable(strings("f", "(ab{90}){90}"), budget=Budget(steps=500)), Unknown)


def test_satisfiable() -> None:
    """None for what never holds, else an event on which it holds."""
    assert satisfiable(And((ends("f", "a"), ends("f", "b")))) is None
    assert satisfiable(FALSE) is None
    assert satisfiable(TRUE) == {}
    event = satisfiable(And((contains("f", "foo"), Not(contains("f", "o b")), contains("f", "bar"))))
    assert isinstance(event, dict)
    assert "foo" in event["f"]
    assert "bar" in event["f"]
