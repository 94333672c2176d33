"""KQL for Defender XDR and Sentinel.

Operators: https://learn.microsoft.com/en-us/kusto/query/datatypes-string-operators. `=~ in~ contains startswith
endswith` ignore case, `== in` and the `_cs` forms do not; `matches regex` is unanchored and case-sensitive
(`converter.dialects.kql.regex`).
A string is never null: missing is "". Upstream faults avoided here are listed in docs/stock-faults.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from converter.core.addresses import spellings
from converter.core.model import Target
from converter.core.platform import is_property
from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    Missing,
    Not,
    NumberIn,
    Or,
    Regex,
    SameAs,
    Words,
    fields_of,
    renamed,
)
from converter.dialects.draft import Composition, Draft
from converter.dialects.kql.narrowing import Narrowing
from converter.dialects.kql.properties import aliases, name_of, step
from converter.dialects.kql.regex import searched, whole
from converter.dialects.kql.words import separated
from converter.dialects.layout import bracketed, has_hidden, hidden, indented, listed, slashes
from converter.dialects.limits import excess, most, within
from converter.dialects.writer import Writer, by_shape, refuse

_WORDS = {
    # shape: (ignoring case, cased)
    "startswith": ("startswith", "startswith_cs"),
    "endswith": ("endswith", "endswith_cs"),
    "contains": ("contains", "contains_cs"),
}
_NUMERIC = frozenset({"int", "long", "real", "decimal"})


def write(draft: Draft) -> str:
    """The query of one rule."""
    return _fitting(lambda asking: _query(draft, asking), draft.target)


def _fitting(made: Callable[[bool], str], target: Target) -> str:
    """What is made; where a place takes no text as long as that, without the words for the index, then with lines that
    are not indented beyond the first step. Raises Unsupported if that is too long as well."""
    text = made(True)
    if not excess(text, target):
        return text
    text = made(False)
    return text if not excess(text, target) else within(re.sub(r"\n {5,}", "\n    ", text), target)


def _query(draft: Draft, asking: bool) -> str:
    named = Named(draft, asking)
    columns = dict.fromkeys(map(named.shown, [*draft.leading, *draft.columns]))
    steps = [draft.table, *named.where(), listed(columns, "project")]
    return draft.header(slashes) + "\n| ".join(steps) + "\n"


def write_detection(composition: Composition) -> str:
    """A union of the parts, each bound to a name of its own with `let`."""
    return _fitting(lambda asking: _union(composition, asking), composition.target)


def _union(composition: Composition, asking: bool) -> str:
    time = composition.target.options["time"]
    names, lets = [], []
    for part in composition.parts:
        name = re.sub(r"\W|_", "", part.label)
        names.append(name)
        named = Named(part, asking)
        shown = ["DetectionType", *(named.shown(c, part.renames.get(c)) for c in part.columns)]
        steps = [
            part.table,
            f"where {time} > ago({composition.lookback_hours}h)",
            *named.where(),
            f"extend DetectionType = {quote(part.label)}",
            listed([*part.leading, *shown], "project"),
        ]
        lets.append(f"let {name} =\n" + indented("\n| ".join(steps), 4) + ";\n")
    header = composition.header(slashes)
    return header + "".join(lets) + f"union {', '.join(names)}\n| sort by {time} desc\n"


class Named:
    """A draft with names for the properties of dynamic columns that it tests or shows; `asking` for words or not."""

    def __init__(self, draft: Draft, asking: bool) -> None:
        self.draft, self.asking = draft, asking
        tested = sorted(fields_of(draft.condition))
        self.names = aliases([*tested, *draft.columns], draft.types)
        self.tested = {name: self.names[name] for name in tested if name in self.names}

    def where(self) -> list[str]:
        """What the conditions ask, those on the table's own columns first; what others test gets its name before."""
        if not self.tested:
            return KqlWriter(self.draft).where(self.asking)
        condition = self.draft.condition
        parts = condition.parts if isinstance(condition, And) else (condition,)
        own = tuple(part for part in parts if not fields_of(part) & self.tested.keys())
        rest = tuple(renamed(part, self.tested) for part in parts if part not in own)
        types = {**self.draft.types, **dict.fromkeys(self.names.values(), "string")}
        writers = [KqlWriter(replace(self.draft, condition=And(some), types=types)) for some in (own, rest)]
        writers[1].computed = frozenset(self.names.values())
        made = listed((f"{alias} = {step(name)}" for name, alias in self.tested.items()), "extend")
        return [*(writers[0].where(self.asking) if own else ()), made, *writers[1].where(self.asking)]

    def value(self, column: str) -> str:
        """The expression for what a column holds, after the conditions."""
        if column in self.tested or not is_property(column, self.draft.types):
            return self.tested.get(column, column)
        return step(column)

    def shown(self, column: str, name: str | None = None) -> str:
        """A column as `project` shows it, under another name if one is given."""
        value = self.value(column)
        label = name_of(name) if name else self.names.get(column, column)
        return value if label == value else f"{label} = {value}"


class KqlWriter(Writer):
    longest_chain = 100
    #: columns that the query itself has made
    computed: frozenset[str] = frozenset()
    #: with room for the operators after the condition and for the functions of a detection's parts
    most_levels = most("kql", "levels") - 20

    def where(self, asking: bool = True) -> list[str]:
        """A `where` for each conjunct, as long as there are few: each is a level of the query's.

        `asking` for words that narrow them down, where nothing else does.
        """
        computed = frozenset(name for name in self.draft.types if is_property(name, self.draft.types))
        condition = Narrowing(self.draft.scope, computed | self.computed).of(self.draft.condition, asking)
        many = isinstance(condition, And) and len(condition.parts) > self.longest_chain
        return [f"where {text}" for text in ([self.text(condition)] if many else self.conjuncts(condition))]

    def conjuncts(self, condition: Condition) -> list[str]:
        """Each alone: a leaf's own brackets are not needed there."""
        parts = condition.parts if isinstance(condition, And) else (condition,)
        return [_bare(self.text(part), part) for part in parts]

    def not_(self, inner: str, part: Condition) -> str:
        return f"not({_bare(inner, part)})"

    def match(self, leaf: Match) -> str:
        out: list[str] = []
        for shape, patterns in by_shape(leaf).items():
            if shape == "equals":
                out.extend(self._equals(leaf, [p.text for p in patterns]))
            elif shape == "contains":
                out.extend(self._contains(leaf, [p.text for p in patterns]))
            elif shape == "any":
                out.append(f"isnotempty({leaf.field})")
            elif shape == "general":
                out.extend(f"{leaf.field} matches regex {verbatim(whole(p, leaf.cased))}" for p in patterns)
            else:
                out.extend(f"{leaf.field} {_WORDS[shape][leaf.cased]} {quote(p.text)}" for p in patterns)
        return self.any_of(out)

    def _contains(self, leaf: Match, values: list[str]) -> list[str]:
        """`has` finds a value that begins and ends in what is no letter or digit where `contains` does, and asks the
        index: no boundary is wanted beside a separator (`converter/dialects/kql/text.py` has where that was measured).
        """
        whole = [v for v in values if separated(v)]
        apart = frozenset(whole)
        rest = [f"{leaf.field} {_WORDS['contains'][leaf.cased]} {quote(v)}" for v in values if v not in apart]
        if leaf.cased:
            return [*(f"{leaf.field} has_cs {quote(v)}" for v in whole), *rest]
        return [*([self._has(leaf.field, whole)] if whole else []), *rest]

    def _has(self, field: str, values: Sequence[str]) -> str:
        if len(values) == 1:
            return f"{field} has {quote(values[0])}"
        return f"{field} has_any ({bracketed(map(quote, values))})"

    def words(self, leaf: Words) -> str:
        whole = [self._has(leaf.field, leaf.words)] if leaf.words else []
        return self.any_of([*whole, *(f"{leaf.field} hasprefix {quote(one)}" for one in leaf.beginnings)])

    def _equals(self, leaf: Match, values: list[str]) -> list[str]:
        # "" cannot be told from a missing value (learn.microsoft.com/en-us/kusto/query/scalar-data-types/null-values)
        empty = [f"isempty({leaf.field})"] if "" in values else []
        values = [v for v in values if v]
        if not values:
            return empty
        if len(values) == 1:
            return [*empty, f"{leaf.field} {'==' if leaf.cased else '=~'} {quote(values[0])}"]
        if len(values) > most("kql", "values"):
            raise refuse("list", f"a list of {len(values):,} values, of which Kusto leaves some out", "split the rule")
        word = "in" if leaf.cased else "in~"
        return [*empty, f"{leaf.field} {word} ({bracketed(quote(v) for v in values)})"]

    def regex(self, leaf: Regex) -> str:
        expression, matches_nothing = searched(leaf)
        test = f"{leaf.field} matches regex {verbatim(expression)}"
        # a missing string is the empty string here, and no test holds of a missing field
        return f"(isnotempty({leaf.field}) and {test})" if matches_nothing else test

    def in_networks(self, leaf: InNetworks) -> str:
        """Both functions return null for the other family's addresses, and `not(null)` would lose the row.

        https://learn.microsoft.com/en-us/kusto/query/ipv4-is-in-any-range-function. Defender writes the peers of
        dual-stack sockets as `::ffff:a.b.c.d`, so each IPv4 range is also given in its mapped form. Upstream hands IPv6
        ranges to the IPv4 function: github.com/AttackIQ/pySigma-backend-kusto/issues/43.
        """
        v4 = [n for n in leaf.networks if ":" not in n]
        v6 = [n for n in spellings(leaf.networks) if ":" in n]
        tests = []
        for function, networks in (("ipv4_is_in_any_range", v4), ("ipv6_is_in_any_range", v6)):
            if networks:
                arguments = bracketed([leaf.field, *(quote(n) for n in networks)])
                tests.append(f"coalesce({function}({arguments}), false)")
        return self.any_of(tests)

    def number_in(self, leaf: NumberIn) -> str:
        if len(leaf.numbers) == 1:
            return f"{leaf.field} == {leaf.numbers[0]}"
        return f"{leaf.field} in ({bracketed(map(str, leaf.numbers))})"

    def compare(self, leaf: Compare) -> str:
        """An order test on a null number is null, and so is `not` of it: the row would be lost.

        https://learn.microsoft.com/kusto/query/scalar-data-types/null-values
        """
        return f"coalesce({leaf.field} {leaf.operator} {leaf.number}, false)"

    def missing(self, leaf: Missing) -> str:
        """`isnull` of a string is always false."""
        return f"isnull({leaf.field})" if self.draft.types.get(leaf.field) in _NUMERIC else f"isempty({leaf.field})"

    def same_as(self, leaf: SameAs) -> str:
        word = {"equals": ("=~", "=="), **_WORDS}[leaf.how][leaf.cased]
        # both may be missing, that is "", and "" equals "": Sigma wants both to be there
        return f"(isnotempty({leaf.field}) and isnotempty({leaf.other}) and {leaf.field} {word} {leaf.other})"


def _bare(text: str, part: Condition) -> str:
    """The text of a leaf without brackets around the whole of it, for where others stand or none are needed."""
    return text[1:-1] if text.startswith("(") and not isinstance(part, (And, Or, Not)) else text


def quote(text: str) -> str:
    """A string literal; escapes: learn.microsoft.com/en-us/kusto/query/scalar-data-types/string."""
    if not has_hidden(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return '"' + "".join(_ESCAPES.get(c) or (_code_point(c) if hidden(c) else c) for c in text) + '"'


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _code_point(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        raise refuse("surrogate", "half a character (a lone surrogate) cannot stand in a query")
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def verbatim(text: str) -> str:
    """A verbatim literal, in which only the quote is doubled; used for regular expressions, which hide nothing."""
    return '@"' + text.replace('"', '""') + '"'
