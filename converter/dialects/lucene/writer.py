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
from converter.dialects.elastic import (
    check,
    check_clauses,
    check_expression,
    check_texts,
    lucene_pattern,
    networks,
    numerals,
)
from converter.dialects.layout import hidden
from converter.dialects.regex import expressions
from converter.dialects.writer import Writer, refuse
from converter.semantics.regular import lucene_limits as limits

LIMITS = (
    "A Lucene query string has no columns, labels, window or order: set the time range in Kibana (it sorts "
    "newest first); event.category tells which part a hit belongs to.",
)


def write(draft: Draft) -> str:
    """The query of one rule: one line."""
    check_texts(draft)
    check_clauses(draft.condition)
    return LuceneWriter(draft).all() + "\n"


def write_detection(composition: Composition) -> str:
    """The parts joined by OR: one line."""
    check_texts(*composition.parts)
    check_clauses(*(part.condition for part in composition.parts))
    return " OR ".join(f"({LuceneWriter(part).all()})" for part in composition.parts) + "\n"


class LuceneWriter(Writer):
    and_word, or_word = "AND", "OR"

    def all(self) -> str:
        """The whole condition of the draft."""
        condition = self.draft.condition
        parts = condition.parts if isinstance(condition, And) else (condition,)
        return " AND ".join(self.operand(p) for p in parts)

    def not_(self, inner: str, part: Condition) -> str:
        return f"(NOT ({inner}))"

    def join(self, word: str, parts: list[str]) -> str:
        return f" {word} ".join(parts)  # the search bar is one line

    def match(self, leaf: Match) -> str:
        leaf = numerals(leaf)
        field = leaf.field
        if any(p.shape == "any" for p in leaf.patterns):
            return f"_exists_:{field}"
        if leaf.cased and all(p.shape == "equals" for p in leaf.patterns):
            return _values(field, [quote(p.text) for p in leaf.patterns])
        # one expression a pattern: joined by `|` they become too complex to determinize, and then, without an error,
        # match nothing
        texts = [lucene_pattern(p, leaf.cased, True) for p in leaf.patterns if p.parts]
        empty = [f'{field}:""'] if len(texts) < len(leaf.patterns) else []
        return self.any_of([*empty, *(_expression(field, text) for text in texts)])

    def regex(self, leaf: Regex) -> str:
        found = expressions(leaf, fold=True)
        return self.any_of([_expression(leaf.field, re.sub(r"(?<!\\)/", r"\\/", text)) for text in found])

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


def _expression(field: str, pattern: str) -> str:
    check_expression(pattern)
    _check_visible(pattern)
    return f"{field}:/{_closed(pattern)}/"


def _check_visible(text: str) -> None:
    """Neither an expression nor a term of the search bar has an escape for a character that is not seen.

    Nor can an expression go round one: what is written in visible characters takes TAB where it takes LF and CR (they
    are told from the rest by `\\s` alone), and VT where it takes NUL, so neither Perl's `.` nor its `\\s` is there.
    """
    found = next(filter(hidden, text), None)
    if found is not None:
        raise refuse(
            "invisible character",
            f"a Lucene query string has no escape for U+{ord(found):04X}, which the search bar loses when it is pasted",
            "use the Query DSL or EQL target",
        )


def _closed(pattern: str) -> str:
    """A pattern that may stand before the closing slash: the parser takes a backslash there for an escape of it."""
    return pattern[:-2] + "[\\\\]" if pattern.endswith("\\\\") else pattern


def _values(field: str, values: list[str]) -> str:
    return f"{field}:{values[0]}" if len(values) == 1 else f"{field}:({' OR '.join(values)})"


def quote(text: str) -> str:
    """A term: as it is where it holds nothing special, else in quotes."""
    if re.fullmatch(r"[A-Za-z0-9_]+", text) and text not in ("AND", "OR", "NOT", "TO"):
        return text
    _check_visible(text)
    check(limits.term(text))
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
