"""Classes of characters in values: one piece, unless the other side spells them out."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.semantics.decide.compare import Different, Equivalent, compare, satisfiable
from converter.semantics.decide.domain import ANYTHING, Budget, Domain, FieldDomain
from converter.semantics.decide.predicate import And, Atom, Not, Or, Predicate, Strings
from converter.semantics.regular.flavours import from_pcre
from converter.semantics.regular.language import ANY_STRING, Alt, Language, Seq, chars, literal
from converter.semantics.regular.sequences import alternatives, surely_apart

DASHES = "-/\u2013\u2014\u2015"
DASH = chars([(ord(c), ord(c)) for c in DASHES])
#: Nothing may be searched for: what is equal within this is equal by sorting.
NO_SEARCH = Budget(steps=0, conflicts=0)


def around(language: Language) -> Atom:
    return Atom("c", Strings(Seq((ANY_STRING, language, ANY_STRING))))


def windash(text: str) -> Language:
    """`text` with each dash any of the five."""
    return Seq(tuple(DASH if c == "-" else literal(c, True) for c in text))


def spelt(text: str) -> list[str]:
    """The texts of `windash(text)`."""
    return ["".join(letters) for letters in itertools.product(*(DASHES if c == "-" else c for c in text))]


@pytest.mark.parametrize("count", range(6, 15))
def test_many_dashes_are_one_pattern(count: int) -> None:
    """A value with many dashes is one sequence, equal to the same as a regular expression, and told from others."""
    text = "".join(f" -{letter}" for letter in "abcdefghijklmn"[:count])
    value, regex = around(windash(text)), "".join(f" [{DASHES}]{c}" for c in text.replace(" -", ""))
    assert len(alternatives(windash(text))) == 1
    assert compare(value, Atom("c", Strings(from_pcre(f"(?is){regex}"))), budget=NO_SEARCH) == Equivalent()
    answer = compare(value, around(literal(text, True)))
    assert isinstance(answer, Different)
    assert text in answer.event["c"].lower().translate(dict.fromkeys(map(ord, DASHES), "-"))


def test_two_lists_of_values() -> None:
    """Two lists of 150 values on one field: equal to classes and to spelt-out texts, by sorting alone."""
    lists = [[f" -{prefix}{number}x" for number in range(150)] for prefix in "ab"]
    rule = And(tuple(Or(tuple(around(windash(text)) for text in texts)) for texts in lists))
    merged = And(tuple(around(Alt(tuple(windash(text) for text in texts))) for texts in lists))
    query = And(tuple(Or(tuple(around(literal(t, True)) for text in texts for t in spelt(text))) for texts in lists))
    for domain in (ANYTHING, Domain({"c": FieldDomain(language=from_pcre(r"^(\S(.*\S)?)?$"))})):
        assert compare(rule, query, domain, NO_SEARCH) == Equivalent()
        assert compare(rule, merged, domain, NO_SEARCH) == Equivalent()
        assert isinstance(compare(rule, And((query, Not(around(literal(" /b17x /a3x", True))))), domain), Different)
        assert isinstance(satisfiable(rule, domain), dict)


def test_a_class_that_lacks_a_member_is_no_split() -> None:
    """Where one of the five is not spelt out the two differ, exactly on that one."""
    for missing in spelt(" -e -x"):
        texts = [text for text in spelt(" -e -x") if text != missing]
        query = Or(tuple(around(literal(text, True)) for text in texts))
        answer = compare(around(windash(" -e -x")), query)
        assert isinstance(answer, Different)
        assert missing in answer.event["c"].lower()


def test_long_lists_are_equal_by_sorting() -> None:
    """Twenty thousand values in any order and nesting need no search."""
    words = [f"word{number * 7919 % 100_003}x" for number in range(20_000)]
    rule = Or(tuple(around(literal(word, True)) for word in words))
    query = Or(tuple(Or(tuple(around(literal(w, True)) for w in words[i::7])) for i in range(7)))
    assert compare(rule, query, budget=NO_SEARCH) == Equivalent()


_LETTER = st.sampled_from(
    [chars([(97, 97)]), chars([(98, 98)]), chars([(97, 98)]), chars([(97, 99)]), chars([(99, 99)])]
)
_TEXT = st.lists(_LETTER, min_size=1, max_size=3).map(lambda parts: Seq(tuple(parts)))
_SIDE = st.lists(_TEXT, min_size=1, max_size=6)
TEXTS = ["".join(letters) for size in (1, 2, 3) for letters in itertools.product("abc", repeat=size)]


@settings(max_examples=300, deadline=None)
@given(_SIDE, _SIDE, st.booleans())
def test_splitting_keeps_the_meaning(left: list[Seq], right: list[Seq], conjoined: bool) -> None:
    """Whatever classes the two sides share or spell out, they are equal exactly when their texts are."""

    def texts(side: list[Seq]) -> set[str]:
        return {t for t in TEXTS for item in side if _in(item, t)}

    def predicate(side: list[Seq]) -> Predicate:
        return Or(tuple(Atom("c", Strings(item)) for item in side))

    one, other = predicate(left), predicate(right)
    expected = texts(left) == texts(right)
    if conjoined:
        one, expected = And((one, other)), texts(right) <= texts(left)
    assert (compare(one, other) == Equivalent()) is expected


def _in(language: Seq, text: str) -> bool:
    items = [item for item in language.parts if not isinstance(item, Seq)]
    return len(items) == len(text) and all(
        any(low <= ord(c) <= high for low, high in getattr(item, "ranges", ()))
        for item, c in zip(items, text, strict=True)
    )


_PATTERN = st.lists(st.sampled_from(["a", "b", "[ab]", ".", "a*", "b*", ".*", "a?", "[^a]"]), max_size=6).map("".join)


@settings(max_examples=400, deadline=None)
@given(_PATTERN, _PATTERN)
def test_apart_is_exact_on_plain_sequences(one: str, other: str) -> None:
    """Two sequences without compounds are apart exactly when no text is of both."""
    left, right = Atom("c", Strings(from_pcre(f"(?s)^{one}$"))), Atom("c", Strings(from_pcre(f"(?s)^{other}$")))
    found = satisfiable(And((left, right)))
    (first,), (second,) = alternatives(left.values.language), alternatives(right.values.language)  # type: ignore[union-attr]
    assert surely_apart(first, second) is (found is None)
