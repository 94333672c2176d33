"""Lucene query strings for Kibana's search bar.

https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-query-string-query. `keyword` fields compare
with case and there is no switch, so patterns are regular expressions with both cases in classes. The parser's AND and
OR have no precedence worth relying on: every mix is parenthesised. A query string has no columns, window or order.
"""

from __future__ import annotations

import re

from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    Missing,
    NumberIn,
    Regex,
    SameAs,
)
from converter.dialects.draft import Composition, Draft
from converter.dialects.elastic import lucene_pattern, networks
from converter.dialects.regex import lucene
from converter.dialects.writer import Writer, refuse

EXTENSION = "lucene"


class LuceneWriter(Writer):
    windowed = False
    ordered = False
    label_column = ""
    and_word, or_word = "AND", "OR"

    def query(self, draft: Draft) -> str:
        return self._all(draft.condition) + "\n"

    def detection(self, composition: Composition) -> str:
        return " OR ".join(f"({self._all(part.condition)})" for part in composition.parts) + "\n"

    def limits(self) -> tuple[str, ...]:
        return (
            "A Lucene query string has no columns, labels, window or order: set the time range in Kibana (it sorts "
            "newest first); event.category tells which part a hit belongs to.",
        )

    def _all(self, condition: Condition) -> str:
        parts = condition.parts if isinstance(condition, And) else (condition,)
        return " AND ".join(self.operand(p) for p in parts)

    def not_(self, inner: str, part: Condition) -> str:
        return f"(NOT ({inner}))"

    def join(self, word: str, parts: list[str]) -> str:
        return f" {word} ".join(parts)  # the search bar is one line

    def match(self, leaf: Match) -> str:
        field = leaf.field
        if any(p.shape == "any" for p in leaf.patterns):
            return f"_exists_:{field}"
        if leaf.cased and all(p.shape == "equals" for p in leaf.patterns):
            return _values(field, [quote(p.text) for p in leaf.patterns])
        if any(p.shape == "equals" and not p.text for p in leaf.patterns):
            raise refuse("empty", "Kibana's Lucene bar has no way to ask for an empty string")
        patterns = [lucene_pattern(p, leaf.cased, True) for p in leaf.patterns]
        return self.any_of([f"{field}:/{_closed(p)}/" for p in _alternations(patterns)])

    def regex(self, leaf: Regex) -> str:
        pattern = re.sub(r"(?<!\\)/", r"\\/", lucene(leaf, fold=True))
        _check_length(pattern)
        return f"{leaf.field}:/{_closed(pattern)}/"

    def in_networks(self, leaf: InNetworks) -> str:
        return _values(leaf.field, [quote(n) for n in networks(leaf)])

    def number_in(self, leaf: NumberIn) -> str:
        return _values(leaf.field, [str(n) for n in leaf.numbers])

    def compare(self, leaf: Compare) -> str:
        return f"{leaf.field}:{leaf.operator}{leaf.number}"

    def missing(self, leaf: Missing) -> str:
        return f"(NOT _exists_:{leaf.field})"

    def same_as(self, leaf: SameAs) -> str:
        raise refuse("fieldref", "Lucene compares no field with another", "use the ES|QL target")


#: `index.max_regex_length`: www.elastic.co/docs/reference/elasticsearch/index-settings/index-modules
MAX_REGEX = 1000


def _check_length(pattern: str) -> None:
    if len(pattern) > MAX_REGEX:
        raise refuse("regex length", f"Elasticsearch takes expressions of {MAX_REGEX} characters, not {len(pattern)}")


def _alternations(patterns: list[str]) -> list[str]:
    """The patterns joined by `|`, in as few expressions as Elasticsearch's limit of their length allows."""
    groups: list[list[str]] = []
    for pattern in patterns:
        _check_length(pattern)
        if groups and sum(map(len, groups[-1])) + len(groups[-1]) + len(pattern) + 2 <= MAX_REGEX:
            groups[-1].append(pattern)
        else:
            groups.append([pattern])
    return [group[0] if len(group) == 1 else f"({'|'.join(group)})" for group in groups]


def _closed(pattern: str) -> str:
    """A pattern that may stand before the closing slash: the parser takes a backslash there for an escape of it."""
    return pattern[:-2] + "[\\\\]" if pattern.endswith("\\\\") else pattern


def _values(field: str, values: list[str]) -> str:
    return f"{field}:{values[0]}" if len(values) == 1 else f"{field}:({' OR '.join(values)})"


def quote(text: str) -> str:
    """A term: as it is where it holds nothing special, else in quotes."""
    if re.fullmatch(r"[A-Za-z0-9_]+", text) and text not in ("AND", "OR", "NOT", "TO"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


WRITER = LuceneWriter()
