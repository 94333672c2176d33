"""Answers to made-up questions, one a line: `python -m tests.semantics.questions COUNT [reversed]`.

With `reversed` the questions are asked from the last to the first, after others that bring the same characters in
another order; the lines are printed in the order of the questions all the same.
"""

from __future__ import annotations

import random
import string
import sys

from converter.semantics.decide.compare import compare
from converter.semantics.decide.predicate import And, Atom, Not, Or, Predicate, SameAs, Strings
from converter.semantics.regular.flavours import from_pcre
from converter.semantics.regular.language import ANY_CHAR, ANY_STRING, Alt, Language, Repeat, Seq, chars, literal

Pair = tuple[Predicate, Predicate]


def questions(count: int) -> list[Pair]:
    """Pairs of predicates over texts of a few letters: mostly near each other, mostly not equal."""
    chance = random.Random(count)
    return [_pair(chance) for _ in range(count)]


def _pair(chance: random.Random) -> Pair:
    left = [_atom(chance) for _ in range(chance.randint(1, 5))]
    right = [item for item in left if chance.random() < 0.6] + [_atom(chance) for _ in range(chance.randint(0, 2))]
    chance.shuffle(right)
    return _joined(chance, left), _joined(chance, right)


def _joined(chance: random.Random, parts: list[Predicate]) -> Predicate:
    return And(tuple(parts)) if chance.random() < 0.3 else Or(tuple(parts))


def _atom(chance: random.Random) -> Predicate:
    field = chance.choice("fgh")
    if chance.random() < 0.1:
        return Atom(field, SameAs(chance.choice([name for name in "fgh" if name != field])))
    atom = Atom(field, Strings(_language(chance)))
    return Not(atom) if chance.random() < 0.2 else atom


def _language(chance: random.Random) -> Language:
    extensions = "|".join(_word(chance, 3) for _ in range(chance.randint(1, 4)))
    return chance.choice(
        [
            Seq((ANY_STRING, literal(_word(chance, 4), True), ANY_STRING)),
            Seq((literal(_word(chance, 4), chance.random() < 0.5), ANY_STRING)),
            Alt(tuple(literal(_word(chance, 3), True) for _ in range(3))),
            from_pcre(rf"(?i)\.({extensions})([^a-z]|$)"),
            from_pcre(rf"\b{_word(chance, 2)}\b|^{_word(chance, 1)}*[{_word(chance, 3)}]+$"),
            Seq((ANY_STRING, Repeat(Alt((literal("ab", False), chars([(99, 101)]))), 1, None), ANY_CHAR)),
        ]
    )


def _word(chance: random.Random, size: int) -> str:
    return "".join(chance.choices(string.ascii_lowercase + string.digits + "-. ", k=size)).replace("-", "_")


def main(count: int, reverse: bool) -> None:
    """Print the answers."""
    asked = list(enumerate(questions(count)))
    if reverse:
        for letter in reversed(string.printable):
            compare(Atom("f", Strings(literal(letter, True))), Atom("f", Strings(literal(letter * 2, True))))
        for left, right in questions(count + 1):
            compare(right, left)
        asked.reverse()
    answers = [(index, compare(left, right)) for index, (left, right) in asked]
    for _, answer in sorted(answers, key=lambda pair: pair[0]):
        print(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] == ["reversed"])
