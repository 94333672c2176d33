"""Conditions as `where` expressions of SPL: for what the `search` command cannot say.

Evaluation functions: https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/CommonEvalFunctions. Strings
compare with case; `match` is PCRE and unanchored; a test on a missing field is null, and `NOT` null keeps nothing, so
every test carries `isnotnull`.
"""

from __future__ import annotations

import re

from converter.core.addresses import spellings
from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    Missing,
    Not,
    NumberIn,
    OneOf,
    Or,
    Pattern,
    Regex,
    SameAs,
    Wild,
)
from converter.dialects.layout import has_hidden, hidden
from converter.dialects.letters import cases, settled
from converter.dialects.writer import Writer, refuse


class WhereWriter(Writer):
    and_word, or_word = "AND", "OR"

    def not_(self, inner: str, part: Condition) -> str:
        if isinstance(part, Missing):
            return f"({self._present(part.field)})"
        return f"NOT ({inner})" if isinstance(part, (And, Or, Not)) else f"NOT {inner}"  # a test has brackets

    def match(self, leaf: Match) -> str:
        return self._guarded(leaf.field, f"match({eval_name(leaf.field)}, {encode_regex(_whole(leaf))})")

    def regex(self, leaf: Regex) -> str:
        return self._guarded(leaf.field, f"match({eval_name(leaf.field)}, {encode_regex(perl(leaf))})")

    def in_networks(self, leaf: InNetworks) -> str:
        tests = [f'cidrmatch("{network}", {eval_name(leaf.field)})' for network in spellings(leaf.networks)]
        return self._guarded(leaf.field, f"({' OR '.join(tests)})")

    def number_in(self, leaf: NumberIn) -> str:
        tests = [f"tonumber({eval_name(leaf.field)})={number}" for number in leaf.numbers]
        return self._guarded(leaf.field, f"({' OR '.join(tests)})", numeric=True)

    def compare(self, leaf: Compare) -> str:
        test = f"tonumber({eval_name(leaf.field)}){leaf.operator}{leaf.number}"
        return self._guarded(leaf.field, test, numeric=True)

    def missing(self, leaf: Missing) -> str:
        field = eval_name(leaf.field)
        return f'(isnull({field}) OR {field}="null")' if self._null_text() else f"isnull({field})"

    def same_as(self, leaf: SameAs) -> str:
        left, right = (f if leaf.cased else f"lower({f})" for f in (eval_name(leaf.field), eval_name(leaf.other)))
        tests = {
            "equals": f"{left}={right}",
            "startswith": f"substr({left}, 1, len({right}))={right}",
            "endswith": f"substr({left}, 1+len({left})-len({right}))={right}",
        }
        if leaf.how == "contains":
            raise refuse("fieldref-contains", "SPL has no substring test between two fields that takes them literally")
        # where a JSON null arrives as text, two missing fields hold the same text
        return f"({self._present(leaf.field)} AND {self._present(leaf.other)} AND {tests[leaf.how]})"

    def _null_text(self) -> bool:
        return self.draft.missing == NULL_TEXT

    def _guarded(self, field: str, test: str, numeric: bool = False) -> str:
        present = f"isnotnull(tonumber({eval_name(field)}))" if numeric else self._present(field)
        return f"({present} AND {test})"

    def _present(self, field: str) -> str:
        name = eval_name(field)
        return f'isnotnull({name}) AND {name}!="null"' if self._null_text() else f"isnotnull({name})"


#: `Draft.missing` where a missing text arrives as the text "null"
NULL_TEXT = "null-text"

#: the end of the value: `$` would also match before a final line feed
END = r"\z"


def perl(leaf: Regex) -> str:
    """The expression with its flags in front, as PCRE takes them."""
    flags = "".join(f for f, on in (("i", leaf.ignore_case), ("m", leaf.multi_line), ("s", leaf.dot_all)) if on)
    return (f"(?{flags})" if flags else "") + _visible(leaf.pattern)


def _visible(pattern: str) -> str:
    """An expression in which no character stands unseen. A backslash before one stands for the character alone."""
    if not has_hidden(pattern):
        return pattern
    if "\\Q" in pattern:
        raise refuse("invisible character", f"between \\Q and \\E nothing is escaped: {pattern!r}")
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    return "".join(_code_point(piece[-1]) if hidden(piece[-1]) else piece for piece in pieces)


def encode_regex(pattern: str) -> str:
    r"""A regular expression as a quoted SPL string.

    `\\`, `\"` and `\|` are the escapes of such a string and other backslashes stay, so each backslash of the
    expression is doubled: `\|` as it is would lose its backslash and turn into an alternation
    (help.splunk.com/splunk-enterprise/search/spl-search-reference/10.0/search-commands/search).
    """
    return '"' + pattern.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _whole(leaf: Match) -> str:
    """An expression that is found in the values that match a pattern, anchored only where a pattern is."""
    lists = [list(p.parts) for p in leaf.patterns]
    begins = all(len(parts) > 1 and parts[0] is Wild.ANY for parts in lists)
    ends = all(len(parts) > 1 + begins and parts[-1] is Wild.ANY for parts in lists)
    rests = [Pattern(tuple(parts[begins : len(parts) - ends])) for parts in lists]
    text = "|".join(perl_pattern(rest, leaf.cased) for rest in rests)
    flags = ("" if leaf.cased else "i") + (
        "s" if any(isinstance(p, Wild) for rest in rests for p in rest.parts) else ""
    )
    body = f"(?:{text})" if len(rests) > 1 and not (begins and ends) else text
    return f"{f'(?{flags})' if flags else ''}{'' if begins else '^'}{body}{'' if ends else END}"


def perl_pattern(pattern: Pattern, cased: bool) -> str:
    """A pattern as PCRE, to be matched with `.` as any character and, unless it is `cased`, without regard to case."""
    return "".join(_perl_part(part, cased) for part in pattern.parts)


def _perl_part(part: str | Wild | OneOf, cased: bool) -> str:
    if isinstance(part, Wild):
        return ".*" if part is Wild.ANY else "."
    if isinstance(part, OneOf):
        members = "".join(map(_perl_literal, dict.fromkeys(x for c in part.characters for x in cases(c))))
        return f"[{''.join(map(_perl_literal, part.characters))}]" if cased else f"(?-i:[{members}])"
    return "".join(_perl_literal(c) if cased else _folded(c) for c in part)


def _folded(character: str) -> str:
    """A character under (?i); a letter for which PCRE would take a third one is spelled, without (?i)."""
    if settled(character):
        return _perl_literal(character)
    both = cases(character)
    return f"(?-i:{both if len(both) == 1 else f'[{both}]'})"


def _perl_literal(character: str) -> str:
    """One character, inside a class or outside; `\\x{…}` is PCRE's escape for any (pcre2pattern(3))."""
    if hidden(character):
        return _code_point(character)
    return "\\" + character if character in "\\.+*?()|[]{}^$-" else character


def _code_point(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        raise refuse("surrogate", "half a character (a lone surrogate) cannot stand in a query")
    return f"\\x{{{ord(character):x}}}"


def eval_name(field: str) -> str:
    return field if re.fullmatch(r"\w+", field) else f"'{field}'"
