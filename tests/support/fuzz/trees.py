"""Conditions as trees, made at random by a seed and made smaller: what all the grammars share.

A leaf is text in its language with the name of its form, by which differences are sorted; and, or and not are written
by the language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from tests.support.fuzz import records


@dataclass(frozen=True)
class Leaf:
    """One test: the name of its form, and its text."""

    form: str
    text: str


@dataclass(frozen=True)
class Node:
    """`how` is `and`, `or` or `not`."""

    how: str
    parts: tuple[Tree, ...]


Tree = Leaf | Node


def made(random: Random, leaf: Callable[[Random], Leaf], depth: int = 3) -> Tree:
    """A random tree: a leaf as often as not."""
    if depth == 0 or random.random() < 0.45:
        return leaf(random)
    how = random.choice(["and", "and", "or", "or", "not"])
    count = 1 if how == "not" else random.choice([2, 2, 3])
    return Node(how, tuple(made(random, leaf, depth - 1) for _ in range(count)))


def smaller(tree: Tree) -> Iterator[Tree]:
    """Trees with less in them: a part for the whole, one part fewer, one part made smaller."""
    if isinstance(tree, Leaf):
        return
    yield from tree.parts
    if len(tree.parts) > 2:
        for at in range(len(tree.parts)):
            yield Node(tree.how, tree.parts[:at] + tree.parts[at + 1 :])
    for at, part in enumerate(tree.parts):
        for less in smaller(part):
            yield Node(tree.how, (*tree.parts[:at], less, *tree.parts[at + 1 :]))


def forms(tree: Tree) -> tuple[str, ...]:
    """The forms of the leaves, each once, sorted, with the way they are joined."""
    if isinstance(tree, Leaf):
        return (tree.form,)
    inner = sorted({form for part in tree.parts for form in forms(part)})
    return (f"{tree.how}({', '.join(inner)})",)


# What leaves are made of


def text(random: Random) -> str:
    """A value of some record, or one near it; seldom a very long one."""
    found = random.choice(records.TEXTS if random.random() < 0.97 else records.LONG)
    if len(found) > 100 and random.random() < 0.9:
        found = random.choice(records.WORDS)
    change = random.random()
    if change < 0.1:
        return found.swapcase()
    if change < 0.2:
        return found + random.choice(records.TEXTS[:60])
    return found[: len(found) // 2 + 1] if change < 0.25 else found


def wild(random: Random, escape: Callable[[str], str]) -> str:
    """A pattern with `*` and `?` over some value; `escape` writes what is to be literal."""
    found = text(random)
    begin, end = sorted(random.randrange(len(found) + 1) for _ in range(2))
    pieces = [escape(found[:begin]), escape(found[begin:end]), escape(found[end:])]
    signs = ["*", "*", "?", "", "**", "?*", "*?"]
    first, second = random.choice(signs), random.choice(signs)
    how = random.random()
    if how < 0.3:
        return f"{first}{pieces[1]}{second}"
    if how < 0.6:
        return f"{pieces[0]}{first}{pieces[2]}{second}"
    return f"{pieces[0]}{first}{pieces[1]}{second}{pieces[2]}"


_ATOMS = [
    "a",
    "b",
    "x",
    "A",
    "cmd",
    "é",
    "ß",
    "k",
    "i",
    ".",
    ".",
    "[a-c]",
    "[^a]",
    "[A-Z0-9]",
    "\\.",
    "\\\\",
    "\\d",
    "\\w",
    "\\s",
]
_ATOMS += [
    '"a*b"',
    "@",
    "#",
    "\\W",
    "\\S",
    "[éÉ]",
    "<1-12>",
    "()",
    '""',
    " ",
    "[\\d.]",
    "(cmd|CMD)",
    "\\-",
    "\\*",
    "\u212a",
    "/",
]
#: what Lucene refuses, or reads otherwise than most; a repetition sign with nothing before it is a character
_SELDOM = ["~(a)", "a&b", "(", "a{2,1}", "[b-a]", "a|", "|a", "(a|)", "\\b", "[]", "^a$", "a**", ".*x.*x.*x.*y"]
_SELDOM += [
    "*",
    "+",
    "?",
    "{2}",
    "**",
    "+*",
    "?a",
    "+a",
    "*.a",
    "{1,2}",
    "{2}a",
    "(*)",
    "(+a)",
    "(?a|b)",
    "a|*",
    "~*",
    "a&+",
]
_SELDOM += ["*{2}", "?+a", "{", "a{", "a{2", "}", "a}", "(?:a)", "(*|+)*", "a+++", "+?"]
_TIMES = ["", "", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,}", "*?"]


def regex(random: Random, depth: int = 2) -> str:
    """A Lucene expression; now and then one that Lucene refuses."""
    how = random.random()
    if depth == 0 or how < 0.25:
        return random.choice(_ATOMS) + random.choice(_TIMES)
    if how < 0.65:
        return "".join(regex(random, depth - 1) for _ in range(random.choice([2, 2, 3])))
    if how < 0.85:
        options = [regex(random, depth - 1) for _ in range(random.choice([2, 2, 3]))]
        return f"({'|'.join(options)}){random.choice(_TIMES)}"
    if how < 0.92:
        return f".*{regex(random, depth - 1)}.*"
    return random.choice(_SELDOM)


def number(random: Random) -> int:
    found = random.choice(records.LONGS if random.random() < 0.3 else records.INTEGERS)
    return found + random.choice([0, 0, 0, 1, -1])


def block(random: Random) -> str:
    """An address, or a block around one."""
    found = random.choice(records.ADDRESSES)
    if random.random() < 0.3:
        return found
    widths = [0, 7, 32, 64, 127, 128] if ":" in found else [0, 8, 12, 24, 31, 32]
    return f"{found}/{random.choice(widths)}"
