"""Random ES|QL conditions, in the shape of the shipped queries and beyond it."""

from __future__ import annotations

import re
from random import Random

from tests.support.fuzz.trees import Leaf, Node, Tree, block, made, number, regex, text, wild

_STRINGS = ("k", "w", "k", "w", "m")


def condition(random: Random) -> Tree:
    return made(random, _leaf)


def written(tree: Tree) -> str:
    """A whole query; the parts of an outermost `and` are commands of their own."""
    parts = tree.parts if isinstance(tree, Node) and tree.how == "and" else (tree,)
    return " | ".join(["FROM logs-* METADATA _id", *(f"WHERE {_expression(part)}" for part in parts), "KEEP _id"])


def _expression(tree: Tree) -> str:
    if isinstance(tree, Leaf):
        return tree.text
    if tree.how == "not":
        return f"NOT ({_expression(tree.parts[0])})"
    return "(" + f" {tree.how.upper()} ".join(map(_expression, tree.parts)) + ")"


def _literal(value: str) -> str:
    for sign, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        value = value.replace(sign, escaped)
    return f'"{value}"'


def _like(random: Random) -> str:
    return _literal(wild(random, lambda s: re.sub(r"([*?\\])", r"\\\1", s)))


def _leaf(random: Random) -> Leaf:
    return random.choice([_compared, _compared, _patterned, _patterned, _called, _typed, _typed, _nulled])(random)


def _subject(random: Random) -> tuple[str, str]:
    field = random.choice(_STRINGS)
    case = random.choice(["", "", "TO_LOWER", "TO_LOWER", "TO_UPPER"])
    return case, f"{case}({field})" if case else field


def _cased(value: str, case: str, random: Random) -> str:
    if random.random() < 0.1:
        return value
    return value.lower() if case == "TO_LOWER" else value.upper() if case == "TO_UPPER" else value


def _compared(random: Random) -> Leaf:
    case, subject = _subject(random)
    values = [_literal(_cased(text(random), case, random)) for _ in range(random.choice([1, 2, 3]))]
    how = random.choice(["==", "==", "!=", "IN", "IN", "NOT IN", "<", ">=", ":"])
    if how in ("IN", "NOT IN"):
        return Leaf(f"{case} {how} of {min(len(values), 2)}".strip(), f"{subject} {how} ({', '.join(values)})")
    if how == ":":
        return Leaf(":", f"{random.choice('kwm')} : {values[0]}")
    return Leaf(f"{case} {how}".strip(), f"{subject} {how} {values[0]}")


def _patterned(random: Random) -> Leaf:
    case, subject = _subject(random)
    negated = random.choice(["", "", "NOT "])
    if random.random() < 0.4:
        pattern = _literal(_cased(regex(random), "" if random.random() < 0.5 else case, random))
        return Leaf(f"{case} {negated}RLIKE".strip(), f"{subject} {negated}RLIKE {pattern}")
    patterns = [_cased(_like(random), case, random) for _ in range(random.choice([1, 1, 2]))]
    listed = patterns[0] if len(patterns) == 1 else f"({', '.join(patterns)})"
    empty = ' ""' if '""' in patterns else ""
    return Leaf(f"{case} {negated}LIKE{empty} {len(patterns)}".strip(), f"{subject} {negated}LIKE {listed}")


def _called(random: Random) -> Leaf:
    case, subject = _subject(random)
    value = _literal(_cased(text(random), case, random))
    name = random.choice(["STARTS_WITH", "ENDS_WITH", "CONTAINS", "LENGTH", "LOCATE", "MV_COUNT", "MV"])
    if name == "LENGTH":
        return Leaf("LENGTH", f"LENGTH({random.choice('kw')}) {random.choice(['==', '>', '<='])} {random.randrange(4)}")
    if name == "LOCATE":
        return Leaf("LOCATE", f"LOCATE({subject}, {value}) > 0")
    if name == "MV_COUNT":
        return Leaf(
            "MV_COUNT",
            f"MV_COUNT({random.choice(['m', 'ns', 'k'])}) {random.choice(['==', '>'])} {random.randrange(3)}",
        )
    if name == "MV":
        field = random.choice("mk")
        return Leaf("MV_DEDUPE", f"MV_COUNT(MV_DEDUPE(MV_APPEND({field}, {value}))) == MV_COUNT({field})")
    return Leaf(f"{case} {name}".strip(), f"{name}({subject}, {value})")


def _typed(random: Random) -> Leaf:
    kind = random.choice(["number", "number", "in", "cidr", "cidr", "ip", "boolean"])
    if kind == "number":
        field = random.choice(["n", "n", "i", "ns"])
        how = random.choice(["==", "!=", "<", "<=", ">", ">="])
        return Leaf(f"number {how}", f"{field} {how} {number(random)}")
    if kind == "in":
        field = random.choice(["n", "i"])
        return Leaf("number IN", f"{field} IN ({', '.join(str(number(random)) for _ in range(2))})")
    if kind == "cidr":
        blocks = [_literal(found if "/" in found else f"{found}/32") for found in (block(random) for _ in range(2))]
        return Leaf("CIDR_MATCH", f"CIDR_MATCH(ip, {', '.join(blocks)})")
    if kind == "ip":
        how = random.choice(["==", "!=", "IN"])
        value = _literal(block(random).split("/")[0])
        return Leaf(f"address {how}", f"ip IN ({value})" if how == "IN" else f"ip {how} {value}")
    return Leaf("boolean", random.choice(["b", "b == true", "b != true", "NOT b", "b == false", "true", "false"]))


def _nulled(random: Random) -> Leaf:
    shape = random.choice(["null", "null", "coalesce", "coalesce", "case"])
    if shape == "null":
        how = random.choice(["IS NULL", "IS NOT NULL"])
        return Leaf(how, f"{random.choice(['k', 'w', 'm', 'n', 'ip', 'b'])} {how}")
    inner = random.choice([_compared, _patterned, _typed])(random)
    if inner.form == ":":
        return inner
    default = random.choice(["false", "false", "true"])
    if shape == "coalesce":
        return Leaf(f"COALESCE {inner.form}", f"{random.choice(['', 'NOT '])}COALESCE({inner.text}, {default})")
    return Leaf(f"CASE {inner.form}", f'CASE({inner.text}, "A", b, "B", "C") {random.choice(["==", "!="])} "A"')
