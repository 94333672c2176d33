"""Laws of what ES|QL hands to the index: no query changes its meaning, and one test is rewritten if none was pushed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from converter.core.discovery import find_target, schema_of
from converter.core.errors import OutOfFragment, Unsupported
from converter.dialects.condition import And, Condition, Match, Not, NumberIn, Or, Wild, renamed
from converter.dialects.esql.pushing import expressions_of
from converter.dialects.esql.writer import EsqlWriter
from converter.dialects.registry import dialect
from converter.explain.cost import cost_of
from converter.semantics.decide.compare import Equivalent, compare
from tests.dialects.test_kql_words import CONDITIONS, LINE
from tests.dialects.test_literals import draft, pattern

TARGET = find_target("elastic-esql")
TEXT, NAME = "process.command_line", "process.name"
ANY = Wild.ANY


def contains(*texts: str, column: str = TEXT) -> Match:
    return Match(column, tuple(pattern(ANY, text, ANY) for text in texts))


def names(*texts: str) -> Match:
    return Match(NAME, tuple(map(pattern, texts)))


def written(condition: Condition, pushing: bool = True) -> str:
    writer = EsqlWriter(draft("elastic-esql", condition))
    if not pushing:
        writer.pushed = {}
    return "\n| WHERE ".join(writer.conjuncts(condition))


CASES: list[tuple[Condition, str]] = [
    # one folded value is handed over as it is, a list is not
    (names("cmd.exe"), 'TO_LOWER(process.name) == "cmd.exe"'),
    (names("a1", "b2"), 'process.name RLIKE "([aA]1|[bB]2)"'),
    # of several tests the cheapest is rewritten, the others read better as they are
    (And((names("a1", "b2"), contains("x"))),
     'process.name RLIKE "([aA]1|[bB]2)" | TO_LOWER(process.command_line) LIKE "*x*"'),
    (And((contains("x"), names("cmd.exe"))),
     'TO_LOWER(process.command_line) LIKE "*x*" | TO_LOWER(process.name) == "cmd.exe"'),
    (And((contains("xyz", "w"), contains("u"))),
     'TO_LOWER(process.command_line) LIKE "*xyz*" OR TO_LOWER(process.command_line) LIKE "*w*" | '
     'process.command_line RLIKE ".*[uU].*"'),
    (And((contains("xyz"), contains("u"))),
     'process.command_line RLIKE ".*[xX][yY][zZ].*" | TO_LOWER(process.command_line) LIKE "*u*"'),
    (And((contains("xyz"), contains("u", column=NAME))),
     'TO_LOWER(process.command_line) LIKE "*xyz*" | process.name RLIKE ".*[uU].*"'),
    (And((contains("x"), NumberIn("process.pid", (4,)))),
     'TO_LOWER(process.command_line) LIKE "*x*" | process.pid == 4'),
    # patterns that are open at the same ends share one expression, a walk through all values
    (Match(TEXT, (pattern(ANY, "x", ANY), pattern(ANY, "y", ANY), pattern(ANY, "z"))),
     'process.command_line RLIKE ".*([xX]|[yY]).*" OR process.command_line RLIKE ".*[zZ]"'),
    # an Or is handed over as a whole or not at all
    (Or((names("cmd.exe"), contains("x"))),
     'TO_LOWER(process.name) == "cmd.exe" OR process.command_line RLIKE ".*[xX].*"'),
    (Or((Not(names("cmd.exe")), contains("x"))),
     'NOT COALESCE(TO_LOWER(process.name) == "cmd.exe", false) OR TO_LOWER(process.command_line) LIKE "*x*"'),
    # a root leaves nearly everything
    (And((Match(TEXT, (pattern("/", ANY),), True), contains("x"))),
     'process.command_line LIKE "/*" | process.command_line RLIKE ".*[xX].*"'),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "text"), CASES)
def test_what_is_written_as_an_expression(condition: Condition, text: str) -> None:
    """One test, and only where nothing else is handed to the index."""
    found = " | ".join(part[1:-1] if part.startswith("(") else part for part in written(condition).split("\n| WHERE "))
    assert " ".join(found.split()) == text


@settings(max_examples=100, deadline=None)
@given(condition=CONDITIONS)
def test_an_expression_changes_nothing(condition: Condition) -> None:
    """Read back and decided over all values, the query means what it means without."""
    schema, condition = schema_of(TARGET), renamed(condition, {LINE: TEXT})
    try:
        plain, pushed = (f"FROM logs-*\n| WHERE {written(condition, flag)}" for flag in (False, True))
        (one,) = dialect("esql").read(plain, schema)
    except (Unsupported, OutOfFragment):
        return  # not written, or not read either way
    (other,) = dialect("esql").read(pushed, schema)
    assert isinstance(compare(one.predicate, other.predicate), Equivalent)
    if plain != pushed:
        assert cost_of(plain, TARGET).scans
        assert not cost_of(pushed, TARGET).scans


def test_what_elasticsearch_would_not_take_is_left() -> None:
    """An expression has 1,000 characters at most: long lists become several, longer ones none, an empty value none."""
    found = expressions_of(names(*(f"name{n}.exe" for n in range(60))))
    assert found is not None
    assert 1 < len(found) <= 4
    assert max(map(len, found)) <= 1_000
    assert expressions_of(names(*(f"name{n}.exe" for n in range(600)))) is None
    assert expressions_of(names("a1", "")) is None
    assert expressions_of(contains("x" * 400)) is None
