"""Conditions as `where` expressions of SPL: for what the `search` command cannot say.

Evaluation functions: https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/CommonEvalFunctions. Strings
compare with case; `match` is PCRE and unanchored; a test on a missing field is null, and `NOT` null keeps nothing, so
every test carries `isnotnull`.
"""

from __future__ import annotations

import re

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
from converter.dialects.writer import Writer, refuse


class WhereWriter(Writer):
    and_word, or_word = "AND", "OR"

    def __init__(self, null_text: bool = False) -> None:
        self._null_text = null_text

    def query(self, draft: Draft) -> str:
        raise AssertionError("an expression, not a query")

    def detection(self, composition: Composition) -> str:
        raise AssertionError("an expression, not a query")

    def not_(self, inner: str, part: Condition) -> str:
        return f"NOT ({inner})"

    def match(self, leaf: Match) -> str:
        flags = "(?s)" if leaf.cased else "(?is)"
        alternatives = "|".join(_perl_pattern(p) for p in leaf.patterns)
        return self._guarded(
            leaf.field, f"match({_field(leaf.field)}, {encode_regex(f'{flags}^(?:{alternatives}){END}')})"
        )

    def regex(self, leaf: Regex) -> str:
        return self._guarded(leaf.field, f"match({_field(leaf.field)}, {encode_regex(perl(leaf))})")

    def in_networks(self, leaf: InNetworks) -> str:
        tests = [f'cidrmatch("{network}", {_field(leaf.field)})' for network in spellings(leaf.networks)]
        return self._guarded(leaf.field, f"({' OR '.join(tests)})")

    def number_in(self, leaf: NumberIn) -> str:
        tests = [f"tonumber({_field(leaf.field)})={number}" for number in leaf.numbers]
        return self._guarded(leaf.field, f"({' OR '.join(tests)})", numeric=True)

    def compare(self, leaf: Compare) -> str:
        test = f"tonumber({_field(leaf.field)}){leaf.operator}{leaf.number}"
        return self._guarded(leaf.field, test, numeric=True)

    def missing(self, leaf: Missing) -> str:
        field = _field(leaf.field)
        return f'(isnull({field}) OR {field}="null")' if self._null_text else f"isnull({field})"

    def same_as(self, leaf: SameAs) -> str:
        left, right = (f if leaf.cased else f"lower({f})" for f in (_field(leaf.field), _field(leaf.other)))
        tests = {
            "equals": f"{left}={right}",
            "startswith": f"substr({left}, 1, len({right}))={right}",
            "endswith": f"substr({left}, 1+len({left})-len({right}))={right}",
        }
        if leaf.how == "contains":
            raise refuse("fieldref-contains", "SPL has no substring test between two fields that takes them literally")
        both = f"isnotnull({_field(leaf.field)}) AND isnotnull({_field(leaf.other)})"
        return f"({both} AND {tests[leaf.how]})"

    def _guarded(self, field: str, test: str, numeric: bool = False) -> str:
        name = _field(field)
        present = f"isnotnull(tonumber({name}))" if numeric else f"isnotnull({name})"
        if self._null_text and not numeric:
            present += f' AND {name}!="null"'
        return f"({present} AND {test})"


#: the end of the value: `$` would also match before a final line feed
END = r"\z"


def perl(leaf: Regex) -> str:
    """The expression with its flags in front, as PCRE takes them."""
    flags = "".join(f for f, on in (("i", leaf.ignore_case), ("m", leaf.multi_line), ("s", leaf.dot_all)) if on)
    return (f"(?{flags})" if flags else "") + leaf.pattern


def encode_regex(pattern: str) -> str:
    r"""A regular expression as a quoted SPL string.

    `\\`, `\"` and `\|` are the escapes of such a string and other backslashes stay, so each backslash of the
    expression is doubled: `\|` as it is would lose its backslash and turn into an alternation
    (help.splunk.com/splunk-enterprise/search/spl-search-reference/10.0/search-commands/search).
    """
    return '"' + pattern.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _perl_pattern(pattern: Pattern) -> str:
    return "".join(
        ".*" if p is Wild.ANY else "." if p is Wild.ONE else re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", str(p))
        for p in pattern.parts
    )


def _field(field: str) -> str:
    return field if re.fullmatch(r"\w+", field) else f"'{field}'"
