"""Laws of literals: what a writer writes of any text, its reader reads as that text, and nothing in it is unseen."""

from __future__ import annotations

import functools
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.core.discovery import find_target, schema_of
from converter.core.errors import Unsupported
from converter.dialects.condition import And, Condition, Match, Not, OneOf, Or, Pattern, Wild
from converter.dialects.draft import Composition, Draft
from converter.dialects.registry import dialect
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import Predicate
from converter.semantics.regular.lucene_limits import MAX_CLAUSES

#: target -> (table, text column): every dialect, and both ways in which Splunk says "missing"
COLUMNS = {
    "defender": ("DeviceProcessEvents", "ProcessCommandLine"),
    "splunk-sysmon": ("", "CommandLine"),
    "splunk-defender": ("", "properties.ProcessCommandLine"),
    "elastic-dsl": ("", "process.command_line"),
    "elastic-eql": ("", "process.command_line"),
    "elastic-esql": ("", "process.command_line"),
    "elastic-lucene": ("", "process.command_line"),
}
TARGETS = pytest.mark.parametrize("target", COLUMNS)

#: what search bars, editors and line splitting treat in their own way, and what the languages treat in theirs
UNSEEN = "\t\n\r\v\f\x00\x1b\x1c\x1e\x7f\x85\xa0\xad\u200b\u200e\u2028\u2029\u202e\u2800\u3164\ufeff\U000e0041"
SPECIAL = "\\\"'`/*?#@&|<>~^$.+-(){}[]%:;=!, "
LETTERS = "aZ09éßıſKǅǆµςΣ–😀"
TEXTS = st.text(st.sampled_from(UNSEEN + SPECIAL + LETTERS), max_size=12)
SHAPES = {
    "equals": lambda text: (text,),
    "startswith": lambda text: (text, Wild.ANY),
    "endswith": lambda text: (Wild.ANY, text),
    "contains": lambda text: (Wild.ANY, text, Wild.ANY),
    "general": lambda text: (text, Wild.ANY, text, Wild.ONE),
    "class": lambda text: (Wild.ANY, OneOf("-/–]^"), text, Wild.ANY),
}


def draft(target: str, condition: Condition, title: str = "A title") -> Draft:
    """A draft over the target's text column; a search of Splunk begins with a test of its scope."""
    found = find_target(target)
    schema, (table, column) = schema_of(found), COLUMNS[target]
    types = schema.types.get(table) or next(iter(schema.types.values()))
    scope = frozenset({"host"} if "host" in types else ())
    whole = And((Match("host", (pattern("h"),), True), condition)) if scope else condition
    return Draft(
        title,
        "sigma/x.yml",
        "id",
        found,
        table,
        ("logs-*",),
        whole,
        (column,),
        types,
        scope=scope,
        missing=schema.missing,
        leading=tuple(found.options["leading_columns"]),
    )


def pattern(*parts: str | Wild | OneOf) -> Pattern:
    return Pattern(tuple(part for part in parts if part != ""))


@functools.lru_cache(maxsize=64)
def meaning(target: str, text: str) -> Predicate:
    """A query as its dialect's reader understands it."""
    (branch,) = dialect(find_target(target).dialect).read(text, schema_of(find_target(target)))
    return branch.predicate


def fires(target: str, text: str, value: str) -> bool:
    """What the reader says of a record with that value."""
    return holds(meaning(target, text), {COLUMNS[target][1]: value, "host": "h"})


def unseen(text: str) -> list[str]:
    """The characters of a query that nobody sees or that pasting changes; the line feed is layout."""
    blank = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
    return [c for c in text if c not in " \n" and (unicodedata.category(c) in blank or c in "\u2800\u3164\U000e0041")]


def write(target: str, condition: Condition) -> str | None:
    """The query, or None where the language cannot say it and says so."""
    try:
        return dialect(find_target(target).dialect).write(draft(target, condition))
    except Unsupported:
        return None


@TARGETS
@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=40, deadline=None)
@given(text=TEXTS, cased=st.booleans())
def test_a_literal_is_read_as_the_text_it_is(target: str, shape: str, text: str, cased: bool) -> None:
    """Written and read again, a pattern holds of its own text and not of that text with a character more or less."""
    parts = SHAPES[shape](text)
    query = write(target, Match(COLUMNS[target][1], (pattern(*parts),), cased))
    if query is None:
        return
    assert unseen(query) == []
    inside = {"general": f"{text}{text}q", "class": f"–{text}"}.get(shape, text)
    platform_cannot_tell = inside in ("", "null")
    if not platform_cannot_tell:
        assert fires(target, query, inside)
    if shape == "equals":
        assert not fires(target, query, f"{text}x")
    if shape in ("startswith", "contains") and len(text) > 1 and text[1:] not in (text[:-1],):
        assert fires(target, query, f"{text}x")
        assert not fires(target, query, f"x{text[1:-1]}x")


@TARGETS
@settings(max_examples=30, deadline=None)
@given(texts=st.lists(TEXTS.filter(bool), min_size=6, max_size=12, unique=True), shape=st.sampled_from(sorted(SHAPES)))
def test_wrapping_a_list_changes_no_value(target: str, texts: list[str], shape: str) -> None:
    """A list that is too long for one line still holds of each of its values, also inside a `not`."""
    column = COLUMNS[target][1]
    long = [f"{text}{'padding' * 3}{number}" for number, text in enumerate(texts)]
    leaf = Match(column, tuple(pattern(*SHAPES[shape](text)) for text in long))
    for condition in (leaf, Not(Or((leaf, Match(column, (pattern("other"),)))))):
        query = write(target, condition)
        if query is None:
            return
        assert unseen(query) == []
        for text in long:
            inside = {"general": f"{text}{text}q", "class": f"–{text}"}.get(shape, text)
            assert fires(target, query, inside) is (condition is leaf)


@TARGETS
@settings(max_examples=25, deadline=None)
@given(text=TEXTS.filter(lambda t: len(t) > 1))
def test_a_part_of_a_detection_keeps_its_values(target: str, text: str) -> None:
    """In a combined query, where parts are indented, a value reads as it does alone."""
    column = COLUMNS[target][1]
    language = dialect(find_target(target).dialect)
    condition = Match(column, (pattern(Wild.ANY, text, Wild.ANY),))
    other = Match(column, (pattern("neither"),))
    if write(target, condition) is None:
        return
    parts = tuple(
        Draft(**{**draft(target, part).__dict__, "label": label})
        for label, part in (("One", condition), ("Two", other))
    )
    query = language.write_detection(Composition("T", "sigma/d.yaml", find_target(target), parts, 24))
    assert unseen(query) == []
    branches = language.read(query, schema_of(find_target(target)))
    assert any(holds(branch.predicate, {column: f"q{text}q", "host": "h"}) for branch in branches)
    assert not any(holds(branch.predicate, {column: f"q{text[1:-1]}q", "host": "h"}) for branch in branches)


@TARGETS
@settings(max_examples=30, deadline=None)
@given(title=st.text(st.sampled_from(UNSEEN + SPECIAL + LETTERS), max_size=30))
def test_no_title_leaves_its_comment(target: str, title: str) -> None:
    """Whatever a title, a path, an id or a field's name holds, the header is one comment line for each."""
    language = dialect(find_target(target).dialect)
    leaf = Match(COLUMNS[target][1], (pattern("a"),))
    plain = draft(target, leaf)
    hostile = Draft(**{**plain.__dict__, "title": title, "source": title, "id": title, "unmapped": (title,)})
    text = language.write(hostile)
    assert unseen(text) == []
    body = language.write(plain).splitlines()[2 if language.comment else 0 :]
    assert text.splitlines()[3 if language.comment else 0 :] == body
    assert fires(target, text, "a")


def test_a_class_is_one_class_not_five_texts() -> None:
    """A value with fourteen dashes stays as long as it reads: nothing is multiplied out."""
    parts = [part for flag in "abcdefghijklmn" for part in (OneOf("-/–—―"), flag)]
    for target in COLUMNS:
        query = write(target, Match(COLUMNS[target][1], (pattern(Wild.ANY, *parts, Wild.ANY),)))
        assert query is not None
        assert len(query) < 2000
        assert fires(target, query, "x" + "".join(f"/{flag}" for flag in "abcdefghijklmn") + "x")
        assert not fires(target, query, "x" + "".join(f"={flag}" for flag in "abcdefghijklmn") + "x")


@pytest.mark.parametrize("target", [t for t in COLUMNS if t != "elastic-lucene"])
def test_twenty_thousand_values_are_written_in_linear_time(target: str) -> None:
    """Ten times the values take about ten times as long: well under three seconds for twenty thousand.

    Elasticsearch takes no such query; there it is as many values as any cluster takes.
    """
    column = COLUMNS[target][1]
    shapes = [SHAPES[name] for name in ("equals", "startswith", "endswith", "contains")]
    count = MAX_CLAUSES if target.startswith("elastic") else 20_000
    texts = [f"v{n}é" if n % 7 == 0 else f"v*{n}" if n % 5 == 0 else f"v{n}" for n in range(count)]
    values = tuple(pattern(*shapes[n % 4](text)) for n, text in enumerate(texts))
    start = time.process_time()
    dialect(find_target(target).dialect).write(draft(target, Match(column, values)))
    assert time.process_time() - start < 3
