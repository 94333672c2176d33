"""Random single-event EQL queries."""

from __future__ import annotations

from random import Random

from tests.support.fuzz.trees import Leaf, Tree, block, made, number, regex, text, wild

_STRINGS = ("k", "w", "m")


def condition(random: Random) -> Tree:
    return made(random, _leaf)


def written(tree: Tree) -> str:
    """A query over every category; `_category` makes some of one."""
    return f"any where {_expression(tree)}"


def _expression(tree: Tree) -> str:
    if isinstance(tree, Leaf):
        return tree.text
    if tree.how == "not":
        return f"not ({_expression(tree.parts[0])})"
    return "(" + f" {tree.how} ".join(map(_expression, tree.parts)) + ")"


def _literal(value: str) -> str:
    for sign, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        value = value.replace(sign, escaped)
    return f'"{value}"'


def _several(random: Random, one: str, more: str) -> str:
    return one if random.random() < 0.6 else f"({one}, {more})"


def _leaf(random: Random) -> Leaf:
    return random.choice([_text, _text, _pattern, _pattern, _regexp, _regexp, _called, _typed, _typed])(random)


def _text(random: Random) -> Leaf:
    field, value, other = random.choice(_STRINGS), _literal(text(random)), _literal(text(random))
    how = random.choice(["==", "!=", ":", ":", "in", "in~", "not in", "<", ">="])
    if how in ("in", "in~", "not in"):
        return Leaf(how, f"{field} {how} ({value}, {other})")
    return Leaf(how, f"{field} {how} {_several(random, value, other) if how == ':' else value}")


def _pattern(random: Random) -> Leaf:
    one, other = _literal(wild(random, str)), _literal(wild(random, str))
    how = random.choice([":", ":", "like", "like~"])
    return Leaf(f"{how} with a pattern", f"{random.choice(_STRINGS)} {how} {_several(random, one, other)}")


def _regexp(random: Random) -> Leaf:
    how = random.choice(["regex", "regex~"])
    values = _several(random, _literal(regex(random)), _literal(regex(random)))
    return Leaf(how, f"{random.choice(_STRINGS)} {how} {values}")


def _called(random: Random) -> Leaf:
    name = random.choice(["startsWith", "endsWith", "stringContains"]) + random.choice(["", "~"])
    return Leaf(name, f"{name}({random.choice(_STRINGS)}, {_literal(text(random))})")


def _typed(random: Random) -> Leaf:
    kind = random.choice(["number", "number", "cidr", "cidr", "address", "boolean", "null", "null", "category"])
    if kind == "number":
        how = random.choice(["==", "!=", "<", "<=", ">", ">="])
        return Leaf(f"number {how}", f"{random.choice(['n', 'i', 'ns'])} {how} {number(random)}")
    if kind == "cidr":
        blocks = [found if "/" in found else f"{found}/32" for found in (block(random) for _ in range(2))]
        return Leaf("cidrMatch", f"cidrMatch(ip, {', '.join(map(_literal, blocks))})")
    if kind == "address":
        return Leaf("address", f"ip {random.choice(['==', '!='])} {_literal(block(random))}")
    if kind == "boolean":
        return Leaf("boolean", random.choice(["b == true", "b != true", "b", "not b", "b == false", "true", "false"]))
    if kind == "category":
        return Leaf("category", f'event.category {random.choice(["==", ":"])} "process"')
    return Leaf("null", f"{random.choice(['k', 'm', 'n', 'ip', 'b', '?nowhere'])} {random.choice(['==', '!='])} null")
