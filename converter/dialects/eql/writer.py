"""EQL: https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax.

`:` ignores the case of ASCII letters and takes `*` and `?`, which it cannot escape; `==` and `in` are exact, `in~`
ignores case without wildcards; `regex~` is Lucene's syntax over the whole value. `not` keeps events without the field.
"""

from __future__ import annotations

from converter.dialects import elastic
from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    Missing,
    NumberIn,
    OneOf,
    Pattern,
    Regex,
    SameAs,
    Wild,
)
from converter.dialects.draft import Composition, Draft
from converter.dialects.elastic import (
    check_clauses,
    check_expression,
    check_pattern,
    check_texts,
    folds_beyond_ascii,
    index_note,
    lucene_pattern,
    networks,
    numerals,
    raw,
)
from converter.dialects.layout import bracketed, slashes
from converter.dialects.regex import expressions, switchable
from converter.dialects.writer import Writer, refuse

#: what `<word> where` tests: the search API's `event_category_field` unless the request names another
#: (https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax, "Basic syntax")
_CATEGORY_FIELD = "event.category"

#: words that stand in backticks as a part of a field's name
#: (https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax, "Escape an event field name"; EqlBase.g4)
_WORDS = frozenset(
    {"and", "any", "by", "false", "in", "join", "like", "maxspan", "not", "null", "of", "or", "regex", "sample"}
    | {"sequence", "true", "until", "where", "with"}
)

LIMITS = (
    "EQL has no computed columns, no time window and no order: an alert of this query does not say which part",
    "it is of (event.category tells), and the window is the search request's or the rule schedule's own.",
)


def write(draft: Draft) -> str:
    """The query of one rule."""
    check_texts(draft)
    check_clauses(draft.condition)
    writer = EqlWriter(draft)
    category, rest = category_of(draft.condition)
    body = "\n  and ".join(writer.operands(rest))
    return draft.header(slashes) + slashes(index_note(draft)) + f"\n{category} where\n  {body}\n"


def write_detection(composition: Composition) -> str:
    """An `or` of the parts; LIMITS stands above it."""
    check_texts(*composition.parts)
    check_clauses(*(part.condition for part in composition.parts))
    bodies = []
    for part in composition.parts:
        conjuncts = "\n    and ".join(EqlWriter(part).operands(part.condition))
        bodies.append(f"{slashes(f'{part.label}: {part.title}')}\n  (\n    {conjuncts}\n  )")
    header = composition.header(slashes, (*LIMITS, index_note(composition)))
    return header + "any where\n  " + "\n  or\n  ".join(bodies) + "\n"


class EqlWriter(Writer):
    def operands(self, condition: Condition) -> list[str]:
        """Each conjunct as an operand of `and`."""
        parts = condition.parts if isinstance(condition, And) else (condition,)
        return [self.operand(p) for p in parts]

    def not_(self, inner: str, part: Condition) -> str:
        return f"not ({inner})"

    def match(self, leaf: Match) -> str:
        leaf = numerals(leaf)
        if any(p.shape == "any" for p in leaf.patterns):
            return f"{named(leaf.field)} != null"
        exact: list[Pattern] = []
        simple: list[Pattern] = []
        spelled: list[Pattern] = []
        for pattern in leaf.patterns:
            if not any(isinstance(p, OneOf) for p in pattern.parts):
                check_pattern(pattern, leaf.cased)
            if not leaf.cased and folds_beyond_ascii(pattern):
                spelled.append(pattern)
            elif pattern.shape == "equals" and (leaf.cased or not _colon(pattern)):
                exact.append(pattern)
            else:
                (simple if _colon(pattern) else spelled).append(pattern)
        texts = [self._exact(leaf, exact)] if exact else []
        if simple:
            word = "like" if leaf.cased else ":"
            texts.append(f"{named(leaf.field)} {word} {_list([quote(_wildcard(p)) for p in simple])}")
        if spelled:
            # letters are written in both cases: the switch for case folds neither ranges nor, everywhere, non-ASCII
            # one test each: a list is joined to one expression, which may be too complex or too long
            field = named(leaf.field)
            texts.extend(f"{field} regex {_expression(lucene_pattern(p, leaf.cased, True))}" for p in spelled)
        return self.any_of(texts)

    def _exact(self, leaf: Match, patterns: list[Pattern]) -> str:
        values = [quote(p.text) for p in patterns]
        if not leaf.cased:
            return f"{named(leaf.field)} in~ ({bracketed(values)})"
        field = named(leaf.field)
        return f"{field} == {values[0]}" if len(values) == 1 else f"{field} in ({bracketed(values)})"

    def regex(self, leaf: Regex) -> str:
        switch = switchable(leaf)
        word = "regex~" if switch else "regex"
        # a test each: a list is joined to one expression
        found = expressions(leaf, fold=not switch)
        return self.any_of([f"{named(leaf.field)} {word} {raw(text, quote)}" for text in found])

    def in_networks(self, leaf: InNetworks) -> str:
        return f"cidrMatch({bracketed([named(leaf.field), *map(quote, networks(leaf))])})"

    def number_in(self, leaf: NumberIn) -> str:
        if len(leaf.numbers) == 1:
            return f"{named(leaf.field)} == {leaf.numbers[0]}"
        return f"{named(leaf.field)} in ({bracketed(map(str, leaf.numbers))})"

    def compare(self, leaf: Compare) -> str:
        return f"{named(leaf.field)} {leaf.operator} {leaf.number}"

    def missing(self, leaf: Missing) -> str:
        return f"{named(leaf.field)} == null"

    def same_as(self, leaf: SameAs) -> str:
        # https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax, "Limitations": no field comparisons
        raise refuse("fieldref", "EQL compares no field with another", "use the ES|QL target")


def named(field: str) -> str:
    """The field's name as EQL reads it: a part that is one of its words needs backticks (`powershell.`sequence``).

    https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax, "Escape an event field"
    """
    return ".".join(f"`{part}`" if part in _WORDS else part for part in field.split("."))


def category_of(condition: Condition) -> tuple[str, Condition]:
    """`process where` instead of a test on the category field, where the condition has one."""
    if isinstance(condition, And):
        for part in condition.parts:
            if isinstance(part, Match) and part.field == _CATEGORY_FIELD and len(part.patterns) == 1:
                rest = tuple(p for p in condition.parts if p is not part)
                return part.patterns[0].text, rest[0] if len(rest) == 1 else And(rest)
    return "any", condition


def _expression(pattern: str) -> str:
    return raw(check_expression(pattern), quote)


def quote(text: str) -> str:
    """A string literal; any character may be written `\\u{…}` (eql-syntax, "Strings").

    Raises Unsupported for half a character, which no text can hold.
    """
    return elastic.quote(text, _code_point)


def _code_point(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        raise refuse("surrogate", "half a character (a lone surrogate) cannot stand in a query")
    return f"\\u{{{ord(character):04x}}}"


def _colon(pattern: Pattern) -> bool:
    """Whether `:` and `like` can say it: they have no way to write a literal `*` or `?`, nor a class."""
    return not any(isinstance(p, OneOf) or (isinstance(p, str) and ("*" in p or "?" in p)) for p in pattern.parts)


def _wildcard(pattern: Pattern) -> str:
    return "".join(p.value if isinstance(p, Wild) else str(p) for p in pattern.parts)


def _list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"({bracketed(items)})"
