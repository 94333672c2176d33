"""Random query strings, as Kibana's search bar sends them in its Lucene mode."""

from __future__ import annotations

import re
from random import Random

from tests.support.fuzz.trees import Leaf, Tree, block, made, number, regex, text, wild

_STRINGS = ("k", "w", "m")
_SPECIAL = re.compile(r'([\s+\-!(){}\[\]^"~*?:\\/&|=<>])')


def condition(random: Random) -> Tree:
    return made(random, _leaf)


def written(tree: Tree) -> str:
    if isinstance(tree, Leaf):
        return tree.text
    if tree.how == "not":
        return f"(NOT {written(tree.parts[0])})"
    return "(" + f" {tree.how.upper()} ".join(map(written, tree.parts)) + ")"


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", value)


def _quoted(value: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def _leaf(random: Random) -> Leaf:
    return random.choice([_word, _word, _pattern, _pattern, _regexp, _regexp, _typed, _typed, _other])(random)


def _word(random: Random) -> Leaf:
    field, value = random.choice(_STRINGS), text(random)
    if random.random() < 0.5 and value:
        return Leaf("word", f"{field}:{_escaped(value)}")
    if random.random() < 0.7:
        return Leaf("quoted", f"{field}:{_quoted(value)}")
    values = [_quoted(text(random)) for _ in range(random.choice([2, 3]))]
    return Leaf("values", f"{field}:({random.choice([' OR ', ' AND ', ' ']).join(values)})")


def _pattern(random: Random) -> Leaf:
    value = wild(random, _escaped) if random.random() < 0.9 else text(random)
    return Leaf("pattern", f"{random.choice(_STRINGS)}:{value or '*'}")


def _regexp(random: Random) -> Leaf:
    return Leaf("regex", f"{random.choice(_STRINGS)}:/{regex(random).replace('/', chr(92) + '/')}/")


def _typed(random: Random) -> Leaf:
    kind = random.choice(["number", "ip", "boolean", "exists", "range", "range"])
    if kind == "number":
        return Leaf("number", f"{random.choice(['n', 'i', 'ns'])}:{_quoted(str(number(random)))}")
    if kind == "ip":
        return Leaf("address", f"ip:{_quoted(block(random))}")
    if kind == "boolean":
        return Leaf("boolean", f"b:{random.choice(['true', 'false', 'TRUE', 'yes'])}")
    if kind == "exists":
        field = random.choice(["k", "m", "n", "ns", "b", "ip", "nowhere"])
        return Leaf("exists", random.choice([f"_exists_:{field}", f"{field}:*"]))
    field = random.choice(["n", "i", "ns", "ip", "k"])
    bounds = [_bound(random, field), _bound(random, field)]
    if random.random() < 0.6:
        bounds[random.choice([0, 1])] = "*"
    if random.random() < 0.3:
        return Leaf(
            f"comparison on {field}", f"{field}:{random.choice(['>', '>=', '<', '<='])}{bounds[0].strip('*') or 1}"
        )
    return Leaf(f"range on {field}", f"{field}:{random.choice('[{')}{bounds[0]} TO {bounds[1]}{random.choice(']}')}")


def _bound(random: Random, field: str) -> str:
    value = block(random).split("/")[0] if field == "ip" else text(random) if field == "k" else str(number(random))
    return _quoted(value) if field in ("ip", "k") or random.random() < 0.3 else value


def _other(random: Random) -> Leaf:
    one, other = _word(random).text, _typed(random).text
    shapes = [
        "*:*",
        "*",
        f"+{one} -{other}",
        f"{one} AND NOT {other}",
        f"{one} OR {other} AND b:true",
        f"{one} {other}",
    ]
    shapes += ["cmd", f"{one}^2", "k:cmd~1", f"NOT {one} OR {other}", f"!({one})", f"({one}) && ({other})", "k:(a b)"]
    shapes += [f"{one} || {other}", "nowhere:a", "k:(+a -b)", f"-{one}", r"k:\u0061", "k:a~0.8", "k*:a"]
    found = random.choice(shapes)
    return Leaf("shape " + re.sub(r"\s+", " ", found.replace(one, "A").replace(other, "B")), f"({found})")
