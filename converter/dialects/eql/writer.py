"""EQL: https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax.

`:` ignores the case of ASCII letters and takes `*` and `?`, which it cannot escape; `==` and `in` are exact, `in~`
ignores case without wildcards; `regex~` is Lucene's syntax over the whole value. `not` keeps events without the field.
"""

from __future__ import annotations

from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    Missing,
    NumberIn,
    Pattern,
    Regex,
    SameAs,
    Wild,
)
from converter.dialects.draft import Composition, Draft
from converter.dialects.elastic import folds_beyond_ascii, index_note, lucene_pattern, networks, quote, raw
from converter.dialects.layout import bracketed
from converter.dialects.regex import lucene
from converter.dialects.writer import Writer, refuse

EXTENSION = "eql"


class EqlWriter(Writer):
    windowed = False
    ordered = False
    label_column = ""

    def query(self, draft: Draft) -> str:
        category, rest = _category(draft.condition)
        body = "\n  and ".join(self._wrapped(rest))
        return draft.header(_comment) + _comment(index_note(draft)) + f"\n{category} where\n  {body}\n"

    def detection(self, composition: Composition) -> str:
        bodies = []
        for part in composition.parts:
            conjuncts = "\n    and ".join(self._wrapped(part.condition))
            bodies.append(f"{_comment(f'{part.label}: {part.title}')}\n  (\n    {conjuncts}\n  )")
        header = composition.header(_comment, (*self.limits(), index_note(composition)))
        return header + "any where\n  " + "\n  or\n  ".join(bodies) + "\n"

    def limits(self) -> tuple[str, ...]:
        return (
            "EQL has no computed columns, no time window and no order: an alert of this query does not say which part",
            "it is of (event.category tells), and the window is the search request's or the rule schedule's own.",
        )

    def _wrapped(self, condition: Condition) -> list[str]:
        parts = condition.parts if isinstance(condition, And) else (condition,)
        return [self.operand(p) for p in parts]

    def not_(self, inner: str, part: Condition) -> str:
        return f"not ({inner})"

    def match(self, leaf: Match) -> str:
        texts: list[str] = []
        rest = list(leaf.patterns)
        if any(p.shape == "any" for p in rest):
            return f"{leaf.field} != null"
        exact = [p for p in rest if p.shape == "equals" and (leaf.cased or not _colon(p))]
        if not leaf.cased:
            exact = [p for p in exact if not folds_beyond_ascii(p)]
        if exact:
            rest = [p for p in rest if p not in exact]
            texts.append(self._exact(leaf, exact))
        simple = [p for p in rest if _colon(p) and (leaf.cased or not folds_beyond_ascii(p))]
        if simple:
            rest = [p for p in rest if p not in simple]
            word = "like" if leaf.cased else ":"
            texts.append(f"{leaf.field} {word} {_list([quote(_wildcard(p)) for p in simple])}")
        if rest:
            # letters are written in both cases: the switch for case folds neither ranges nor, everywhere, non-ASCII
            patterns = [raw(lucene_pattern(p, leaf.cased, True)) for p in rest]
            texts.append(f"{leaf.field} regex {_list(patterns)}")
        return self.any_of(texts)

    def _exact(self, leaf: Match, patterns: list[Pattern]) -> str:
        values = [quote(p.text) for p in patterns]
        if not leaf.cased:
            return f"{leaf.field} in~ ({bracketed(values)})"
        return f"{leaf.field} == {values[0]}" if len(values) == 1 else f"{leaf.field} in ({bracketed(values)})"

    def regex(self, leaf: Regex) -> str:
        spelled = not leaf.pattern.isascii()
        word = "regex~" if leaf.ignore_case and not spelled else "regex"
        return f"{leaf.field} {word} {raw(lucene(leaf, fold=spelled))}"

    def in_networks(self, leaf: InNetworks) -> str:
        return f"cidrMatch({bracketed([leaf.field, *map(quote, networks(leaf))])})"

    def number_in(self, leaf: NumberIn) -> str:
        if len(leaf.numbers) == 1:
            return f"{leaf.field} == {leaf.numbers[0]}"
        return f"{leaf.field} in ({bracketed(map(str, leaf.numbers))})"

    def compare(self, leaf: Compare) -> str:
        return f"{leaf.field} {leaf.operator} {leaf.number}"

    def missing(self, leaf: Missing) -> str:
        return f"{leaf.field} == null"

    def same_as(self, leaf: SameAs) -> str:
        # https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax, "Limitations": no field comparisons
        raise refuse("fieldref", "EQL compares no field with another", "use the ES|QL target")


def _category(condition: Condition) -> tuple[str, Condition]:
    """`process where` instead of a test on event.category, where the condition has one."""
    if isinstance(condition, And):
        for part in condition.parts:
            if isinstance(part, Match) and part.field == "event.category" and len(part.patterns) == 1:
                rest = tuple(p for p in condition.parts if p is not part)
                return part.patterns[0].text, rest[0] if len(rest) == 1 else And(rest)
    return "any", condition


def _comment(line: str) -> str:
    return f"// {line}"


def _colon(pattern: Pattern) -> bool:
    """Whether `:` and `like` can say it: they have no way to write a literal `*` or `?`."""
    return not any(isinstance(p, str) and ("*" in p or "?" in p) for p in pattern.parts)


def _wildcard(pattern: Pattern) -> str:
    return "".join(p.value if isinstance(p, Wild) else p for p in pattern.parts)


def _list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"({bracketed(items)})"


WRITER = EqlWriter()
