"""Hostile inputs by kind: each a text that shows it and what to do with it, the same for the same seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from converter.core.discovery import schema_of, targets
from converter.core.model import Rule, Target
from converter.dialects.registry import dialect
from converter.rules.detection import read_detection
from converter.rules.evaluator import compile_rule
from converter.rules.form import form_faults
from converter.rules.library import read_rules
from tests.fuzz import outside
from tests.fuzz.configuration import configuration, library
from tests.fuzz.mutating import mutated
from tests.fuzz.running import Odd, gated
from tests.fuzz.words import FIELDS, HEAD, MARK, MODIFIERS, PIECES, REGEX, odd
from tests.project import ROOT

#: (what is shown of the input, what is done with it)
Input = tuple[str, Callable[[], None]]
Kind = Callable[[Random, Path], Input]


@cache
def corpus(suffix: str) -> tuple[str, ...]:
    """The shipped texts of one kind."""
    found = [p for p in sorted((ROOT / "output").rglob(f"*.{suffix}")) if p.is_file() and "dist" not in p.parts]
    return tuple(p.read_text("utf-8") for p in found)


@cache
def rule_texts() -> tuple[str, ...]:
    return tuple((ROOT / path).read_text("utf-8") for path in sorted(library().alone))


def hostile(rng: Random, least: int = 1, most: int = 7) -> str:
    """A text of pieces that some language treats in its own way, the mark among them."""
    parts = [rng.choice(PIECES) for _ in range(rng.randint(least, most))]
    parts.insert(rng.randint(0, len(parts)), MARK)
    return "".join(parts)


def a_target(rng: Random) -> Target:
    return rng.choice(list(targets().values()))


def _rules(folder: Path, text: str) -> list[Rule]:
    path = folder / "x.yml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    rules, faults = read_rules(path, folder, form_faults)
    if not rules and faults:
        raise faults[0]
    return rules


def _through(folder: Path, text: str, target: Target) -> None:
    """Everything that is done with a rule: read, compiled, converted and proved; its query holds nothing outside."""
    for rule in _rules(folder, text):
        compile_rule(rule)({"CommandLine": MARK, "Image": "C:\\a.exe"})
        query = gated(rule, target)
        if outside.found(target.dialect, query, MARK):
            raise Odd("outside", target.name)


def text(rng: Random, folder: Path) -> Input:
    """The text of a rule, spoiled."""
    spoiled, target = mutated(rng, rng.choice(rule_texts())), a_target(rng)
    return spoiled, lambda: _through(folder, spoiled, target)


def structure(rng: Random, folder: Path) -> Input:
    """A rule whose parts are not what they should be."""
    raw = yaml.safe_load(rng.choice(rule_texts()))
    for _ in range(rng.randint(1, 3)):
        node: Any = raw if rng.random() < 0.4 else raw.get("detection", raw)
        while isinstance(node, dict | list) and node:
            key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
            if rng.random() < 0.5 or not isinstance(node[key], dict | list) or not node[key]:
                node[key] = odd(rng)
                break
            node = node[key]
        if rng.random() < 0.2 and isinstance(raw.get("detection"), dict):
            raw["detection"][rng.choice((1, True, "", "not", "a b", "x|y", "1 of", None))] = odd(rng)
    spoiled, target = yaml.dump(raw, allow_unicode=True, sort_keys=False), a_target(rng)
    return spoiled, lambda: _through(folder, spoiled, target)


def condition(rng: Random, folder: Path) -> Input:
    """Words of the condition language in any order."""
    # fmt: off
    words = [
        "s", "t", "u1", "u2", "and", "or", "not", "(", ")", "1 of u*", "all of them", "any of", "of", "them",
        "AND", "Not", "2 of u*", "|", "count()", "u*", "*", "_x", "near", "s t", ",",
    ]
    # fmt: on
    if rng.random() < 0.5:  # well-formed, mostly
        made = rng.choice(("s", "not s", "1 of u*"))
        for _ in range(rng.randint(0, 12)):
            part = rng.choice(("s", "t", "not t", "u1", "(u2 or s)", "all of u*", "not 1 of them"))
            made = rng.choice((f"{made} and {part}", f"({made}) or {part}", f"not ({made})", f"{part} or {made}"))
    else:
        made = " ".join(rng.choice(words) for _ in range(rng.randint(0, 12)))
    detection = {"s": {"CommandLine|contains": "a1"}, "t": {"Image|endswith": "\\b.exe"}, "u1": {"User": "c"},
                 "u2": {"ParentImage|contains": ["d", "e"]}, "condition": made}  # fmt: skip
    rule = Rule("x.yml", {"title": "T", "logsource": {"category": "process_creation", "product": "windows"},
                          "detection": detection}, "")  # fmt: skip
    target = a_target(rng)

    def run() -> None:
        read_detection(rule)
        gated(rule, target)

    return made, run


def _rule(rng: Random, value: object, modifiers: str) -> str:
    category = rng.choice(list(FIELDS))
    field = rng.choice(FIELDS[category]) if rng.random() < 0.95 else hostile(rng)
    key = f"{field}|{modifiers}" if modifiers else field
    body = {"selection": {key: value}, "condition": rng.choice(("selection", "not selection"))}
    return (
        HEAD % category
        + "  "
        + json.dumps(body)[1:-1]
        .replace('"selection": {', "selection: {", 1)
        .replace(', "condition": ', "\n  condition: ")
    )


def value(rng: Random, folder: Path) -> Input:
    """A value that tries to leave its literal, under any modifier."""
    made: object = hostile(rng)
    if rng.random() < 0.3:
        made = [hostile(rng) for _ in range(rng.randint(2, 4))]
    whole, target = _rule(rng, made, rng.choice(MODIFIERS)), a_target(rng)
    return f"{target.name}\n{whole}", lambda: _through(folder, whole, target)


def regex(rng: Random, folder: Path) -> Input:
    """A regular expression of anything that PCRE knows, well-formed or not."""
    made = "".join(rng.choice(REGEX) for _ in range(rng.randint(1, 9)))
    if rng.random() < 0.3:
        made = rng.choice(("(%s)+", "(%s){2,9}", "(%s|a)*", "((%s)*)*x", "(%s){20}z", "^%s$", ".*%s.*")) % made
    whole, target = _rule(rng, made, rng.choice(("re", "re|i", "re|m", "re|s|i"))), a_target(rng)
    return f"{target.name}\n{whole}", lambda: _through(folder, whole, target)


def reader(rng: Random, folder: Path) -> Input:
    """A query, spoiled, at its reader."""
    target = a_target(rng)
    language = dialect(target.dialect)
    spoiled = mutated(rng, rng.choice(corpus(language.extension)))

    def run() -> None:
        language.read(spoiled, schema_of(target))

    return f"{target.name}\n{spoiled}", run


def artefact(rng: Random, folder: Path) -> Input:
    """A rule with hostile words for people in it, in everything that a platform imports."""
    from tests.fuzz.packaged import check

    return check(rng, hostile)


#: kind -> (its inputs, their share)
KINDS: dict[str, tuple[Kind, int]] = {
    "text": (text, 20),
    "structure": (structure, 15),
    "condition": (condition, 10),
    "value": (value, 25),
    "regex": (regex, 10),
    "reader": (reader, 15),
    "configuration": (configuration, 10),
    "artefact": (artefact, 1),
}


def inputs(kind: str, count: int, seed: str, folder: Path) -> Iterator[Input]:
    """So many inputs of a kind; each depends on the seed and its number alone."""
    make, _ = KINDS[kind]
    for number in range(count):
        yield make(Random(f"{seed} {kind} {number}"), folder)
