"""Laws of size: whatever nests, repeats or backtracks without end is answered or refused, soon, in our own errors."""

from __future__ import annotations

import json
import time

import pytest

from converter.convert.constants import decided
from converter.core.discovery import find_target, schema_of
from converter.core.errors import ParityError
from converter.dialects.registry import dialect, names
from converter.engines.spl import values
from converter.rules.detection import Item

#: dialect -> (target, a query around a condition, an atom, "and", "or", "not"); DSL nests objects instead
TEXTS = {
    "kql": ("defender", "DeviceProcessEvents\n| where {}", 'ProcessCommandLine == "x"', "and", "or", "not"),
    "spl": ("splunk-sysmon", "search index=* {}", 'CommandLine="x"', "AND", "OR", "NOT "),
    "spl where": ("splunk-sysmon", "search index=* | where {}", 'CommandLine="x"', "AND", "OR", "NOT "),
    "eql": ("elastic-eql", "process where {}", 'process.command_line == "x"', "and", "or", "not "),
    "esql": ("elastic-esql", "FROM logs-* | WHERE {}", 'process.command_line == "x"', "AND", "OR", "NOT "),
    "lucene": ("elastic-lucene", "{}", "process.command_line:x", "AND", "OR", "NOT "),
}
DEPTHS = (50, 150, 400, 1_000, 20_000)


def shapes(name: str, depth: int) -> list[str]:
    """Conditions of one language that nest `depth` deep in each of its ways."""
    _, query, atom, both, either, negation = TEXTS[name]
    opening = "".join(f"({atom} {both if level % 2 else either} " for level in range(depth))
    conditions = [
        "(" * depth + atom + ")" * depth,
        "(" * depth + atom,
        f"{negation}(" * depth + atom + ")" * depth,
        negation * depth + atom,
        opening + atom + ")" * depth,
        "f(" * depth + "x" + ")" * depth + ' == "x"',
        "x == " + "-" * depth + "1",
        f" {either} ".join([atom] * depth),
    ]
    return [query.format(condition) for condition in conditions]


def read_or_refused(target: str, text: str) -> None:
    found, said = find_target(target), ""
    try:
        dialect(found.dialect).read(text, schema_of(found))
    except ParityError as refusal:
        said = str(refusal)
    assert len(said) < 1_000, "a refusal does not repeat the query"


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", TEXTS)
def test_readers_take_any_depth(name: str, depth: int) -> None:
    """A query of any depth is read, or refused in a word; no reader runs out of stack."""
    start = time.process_time()
    for text in shapes(name, depth):
        read_or_refused(TEXTS[name][0], text)
    assert time.process_time() - start < 60


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("clause", ["must_not", "should", "filter"])
def test_bodies_take_any_depth(clause: str, depth: int) -> None:
    """The same of a search body."""
    atom = json.dumps({"term": {"process.command_line": {"value": "x"}}})
    body = f'{{"bool": {{"{clause}": [' * depth + atom + "]}}" * depth
    for text in (f'{{"query": {body}}}', "[" * depth, '{"query": ' * depth):
        read_or_refused("elastic-dsl", text)


def test_every_dialect_is_tried() -> None:
    """A new language is a new row."""
    assert {name.split()[0] for name in TEXTS} | {"dsl"} == set(names())


@pytest.mark.parametrize("size", [60, 30_000])
def test_wildcards_of_spl_take_no_time(size: int) -> None:
    """A pattern of many runs is matched in one pass, however long the value: nothing is tried twice."""
    value = "a" * size + "!"
    start = time.process_time()
    assert not values.wildcard("*a" * 30 + "b", value)
    assert not values.like("%a" * 30 + "b", value)
    assert not values.has_term("*a" * 30 + "b", value)
    assert values.wildcard("*a" * 30 + "*!", value)
    assert values.like("%a" * 30 + "%_", value)
    assert values.has_term("a*a*a*a*a", value)
    assert time.process_time() - start < 5


def test_wildcards_against_a_constant_take_no_time() -> None:
    """The same of a field that a kind of record fixes."""
    for pattern, expected in (("*?" * 40 + "!", False), ("*o" * 7 + "*", False), ("m*?*?*" + "*" * 3_000 + "l", True)):
        start = time.process_time()
        test = Item("Channel", (), (pattern,))
        assert decided(test, pattern, "Microsoft-Windows-Sysmon/Operational") is expected
        assert time.process_time() - start < 2
