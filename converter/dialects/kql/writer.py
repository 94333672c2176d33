"""KQL for Defender XDR and Sentinel.

Operators: https://learn.microsoft.com/en-us/kusto/query/datatypes-string-operators. `=~ in~ contains startswith
endswith` ignore case, `== in` and the `_cs` forms do not; `matches regex` is RE2, unanchored, case-sensitive.
A string is never null: missing is "". Upstream faults avoided here are listed in docs/stock-faults.md.
"""

from __future__ import annotations

import re
import textwrap

from converter.addresses import spellings
from converter.dialects.condition import (
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
from converter.dialects.layout import bracketed, listed
from converter.dialects.regex import check_portable
from converter.dialects.writer import Writer, by_shape

EXTENSION = "kql"
_WORDS = {
    # shape: (ignoring case, cased)
    "startswith": ("startswith", "startswith_cs"),
    "endswith": ("endswith", "endswith_cs"),
    "contains": ("contains", "contains_cs"),
}
_NUMERIC = frozenset({"int", "long", "real", "decimal"})


class KqlWriter(Writer):
    def __init__(self) -> None:
        self._types: dict[str, str] = {}

    def query(self, draft: Draft) -> str:
        steps = [draft.table, *self._where(draft), listed(self._columns(draft), "project")]
        return draft.header(lambda line: f"// {line}") + "\n| ".join(steps) + "\n"

    def detection(self, composition: Composition) -> str:
        time = composition.target.options["time"]
        names, lets = [], []
        for part in composition.parts:
            name = re.sub(r"\W|_", "", part.label)
            names.append(name)
            shown = ["DetectionType", *(self._shown(part, c) for c in part.columns)]
            steps = [
                part.table,
                f"where {time} > ago({composition.lookback_hours}h)",
                *self._where(part),
                f"extend DetectionType = {quote(part.label)}",
                listed([*composition.target.options["leading_columns"], *shown], "project"),
            ]
            lets.append(f"let {name} =\n" + textwrap.indent("\n| ".join(steps), "    ") + ";\n")
        header = composition.header(lambda line: f"// {line}")
        return header + "".join(lets) + f"union {', '.join(names)}\n| sort by {time} desc\n"

    def _where(self, draft: Draft) -> list[str]:
        self._types = dict(draft.types)
        return [f"where {text}" for text in self.conjuncts(draft.condition)]

    def _columns(self, draft: Draft) -> list[str]:
        return list(dict.fromkeys([*draft.options["leading_columns"], *draft.columns]))

    def _shown(self, draft: Draft, column: str) -> str:
        name = draft.renames.get(column, column)
        return column if name == column else f"{name} = {column}"

    def not_(self, inner: str, part: Condition) -> str:
        return f"not({inner})"

    def match(self, leaf: Match) -> str:
        out: list[str] = []
        for shape, patterns in by_shape(leaf).items():
            if shape == "equals":
                out.extend(self._equals(leaf, [p.text for p in patterns]))
            elif shape == "any":
                out.append(f"isnotempty({leaf.field})")
            elif shape == "general":
                out.extend(f"{leaf.field} matches regex {verbatim(_whole(p, leaf.cased))}" for p in patterns)
            else:
                out.extend(f"{leaf.field} {_WORDS[shape][leaf.cased]} {quote(p.text)}" for p in patterns)
        return self.any_of(out)

    def _equals(self, leaf: Match, values: list[str]) -> list[str]:
        # "" cannot be told from a missing value (learn.microsoft.com/en-us/kusto/query/scalar-data-types/null-values)
        empty = [f"isempty({leaf.field})"] if "" in values else []
        values = [v for v in values if v]
        if not values:
            return empty
        if len(values) == 1:
            return [*empty, f"{leaf.field} {'==' if leaf.cased else '=~'} {quote(values[0])}"]
        word = "in" if leaf.cased else "in~"
        return [*empty, f"{leaf.field} {word} ({bracketed(quote(v) for v in values)})"]

    def regex(self, leaf: Regex) -> str:
        check_portable(leaf, "RE2")
        flags = "".join(f for f, on in (("i", leaf.ignore_case), ("m", leaf.multi_line), ("s", leaf.dot_all)) if on)
        prefix = f"(?{flags})" if flags else ""
        test = f"{leaf.field} matches regex {verbatim(prefix + re2_blanks(leaf.pattern))}"
        # a missing string is the empty string here, and no test holds of a missing field
        return f"(isnotempty({leaf.field}) and {test})" if re.search(prefix + leaf.pattern, "") else test

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
        return f"isnull({leaf.field})" if self._types.get(leaf.field) in _NUMERIC else f"isempty({leaf.field})"

    def same_as(self, leaf: SameAs) -> str:
        word = {"equals": ("=~", "=="), **_WORDS}[leaf.how][leaf.cased]
        # both may be missing, that is "", and "" equals "": Sigma wants both to be there
        return f"(isnotempty({leaf.field}) and isnotempty({leaf.other}) and {leaf.field} {word} {leaf.other})"


def quote(text: str) -> str:
    """A string literal; escapes: learn.microsoft.com/en-us/kusto/query/scalar-data-types/string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{escaped}"'


def verbatim(text: str) -> str:
    """A verbatim literal, in which only the quote is doubled; used for regular expressions."""
    return '@"' + text.replace('"', '""') + '"' if "\n" not in text else quote(text)


def re2_blanks(pattern: str) -> str:
    """`\\s` as Perl means it: RE2's leaves out the vertical tab (github.com/google/re2/wiki/Syntax)."""
    out: list[str] = []
    inside = False
    for token in re.findall(r"\\.|.", pattern, re.DOTALL):
        if token == "\\s":
            out.append("\\s\\v" if inside else "[\\s\\v]")
        elif token == "\\S" and not inside:
            out.append("[^\\s\\v]")
        else:
            inside = token == "[" or (inside and token != "]")
            out.append(token)
    return "".join(out)


def _whole(pattern: Pattern, cased: bool) -> str:
    """The whole value matches a pattern with inner wildcards; `s` lets `.` match line breaks as Sigma's `*` does.

    Upstream minds the case here (github.com/AttackIQ/pySigma-backend-kusto/issues/34), and in lists it loses the order
    of the parts (…/pull/18).
    """
    body = "".join(
        {Wild.ANY: ".*", Wild.ONE: "."}[part] if isinstance(part, Wild) else _re2_escape(part) for part in pattern.parts
    )
    return f"(?{'s' if cased else 'is'})^{body}$"


def _re2_escape(text: str) -> str:
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


WRITER = KqlWriter()
