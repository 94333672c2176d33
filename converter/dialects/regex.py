"""Perl-style regular expressions of rules, checked and rewritten for engines with another syntax.

Sigma's `re` is unanchored PCRE (specification 2.1, modifiers appendix). RE2 and Lucene lack look-around and
back-references; Lucene is anchored, has no classes such as `\\d`, and folds no ranges when it ignores case
(org.apache.lucene.util.automaton.RegExp: `[a-z]` stays lower-case under ASCII_CASE_INSENSITIVE), so classes are always
written with both cases here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from converter.dialects.condition import Regex
from converter.dialects.writer import refuse

# CPython's own parser of regular expressions: no other package hands out a syntax tree of this syntax.
_parser: Any = __import__("re._parser", fromlist=["parse"])
_constants: Any = __import__("re._constants", fromlist=["error"])

_NON_REGULAR = {
    "ASSERT": "look-around",
    "ASSERT_NOT": "look-around",
    "GROUPREF": "back-reference",
    "GROUPREF_EXISTS": "conditional group",
    "ATOMIC_GROUP": "atomic group",
    "POSSESSIVE_REPEAT": "possessive quantifier",
}
_CATEGORIES = {
    "CATEGORY_DIGIT": "0-9",
    "CATEGORY_WORD": "0-9A-Za-z_",
    "CATEGORY_SPACE": " \t\n\r\f\v",
}
_LUCENE_SPECIAL = set('\\.?+*|{}[]()"#@&<>~^$-')


def check_portable(leaf: Regex, engine: str) -> None:
    """Raises Unsupported if the expression needs more than a regular language."""
    for name, _ in _walk(_parse(leaf)):
        if name in _NON_REGULAR:
            raise refuse("regex", f"{engine} has no {_NON_REGULAR[name]}: {leaf.pattern}", "rewrite the expression")


def lucene(leaf: Regex, fold: bool) -> str:
    """The expression in Lucene's syntax, matching the whole value.

    `fold` writes every letter in both cases (for engines without a switch for case); otherwise only classes are
    folded, and letters are written in lower case for a switch to fold. Only `leaf.ignore_case` folds at all.
    """
    check_portable(leaf, "Lucene")
    if leaf.multi_line:
        raise refuse("regex", f"Lucene has no multi-line anchors: {leaf.pattern}")
    parsed = _parse(leaf)
    if parsed.state.flags & (re.IGNORECASE | re.MULTILINE | re.VERBOSE):
        raise refuse(
            "regex", f"flags inside an expression are not covered: {leaf.pattern}", "use |re|i, |re|m or |re|s"
        )
    return _Lucene(leaf, fold).whole(list(parsed), True, True)


def _parse(leaf: Regex) -> Any:
    try:
        return _parser.parse(leaf.pattern, re.DOTALL if leaf.dot_all else 0)
    except re.error as error:
        raise refuse("regex", f"regular expression not understood ({error}): {leaf.pattern}") from error


def _walk(items: Any) -> list[tuple[str, Any]]:
    """Every node of a parsed expression, with its name."""
    out: list[tuple[str, Any]] = []
    for op, argument in items:
        out.append((str(op), argument))
        for child in _children(str(op), argument):
            out.extend(_walk(child))
    return out


def _children(name: str, argument: Any) -> list[Any]:
    if name == "SUBPATTERN":
        return [argument[3]]
    if name == "BRANCH":
        return list(argument[1])
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return [argument[2]]
    if name in ("ASSERT", "ASSERT_NOT"):
        return [argument[1]]
    return []


class _Lucene:
    def __init__(self, leaf: Regex, fold: bool) -> None:
        self.leaf = leaf
        self.ignore = leaf.ignore_case
        self.fold = fold and leaf.ignore_case

    def whole(self, items: Sequence[Any], left: bool, right: bool) -> str:
        """The sequence; where an end of it is an end of the value (`left`, `right`) and not anchored, `.*` is added."""
        items = list(items)
        if left and items and self._is(items[0], "AT_BEGINNING", "AT_BEGINNING_STRING"):
            return self.whole(items[1:], False, right)
        if right and items and self._is(items[-1], "AT_END", "AT_END_STRING"):
            return self.whole(items[:-1], left, False)
        if left and items and self._anchored(items[0]):
            first = self._group(items[0], True, right and len(items) == 1)
            return first + (self.whole(items[1:], False, right) if len(items) > 1 else "")
        if right and items and self._anchored(items[-1]):
            return self.whole(items[:-1], left, False) + self._group(items[-1], False, True)
        return (".*" if left else "") + "".join(map(self.node, items)) + (".*" if right else "")

    def _is(self, item: Any, *names: str) -> bool:
        return str(item[0]) == "AT" and str(item[1]) in names

    def _anchored(self, item: Any) -> bool:
        return str(item[0]) in ("SUBPATTERN", "BRANCH") and any(name == "AT" for name, _ in _walk([item]))

    def _group(self, item: Any, left: bool, right: bool) -> str:
        op, argument = item
        if str(op) == "SUBPATTERN":
            self._no_flags(argument)
            return self._group_or_sequence(list(argument[3]), left, right)
        return _alternatives([self.whole(branch, left, right) for branch in argument[1]])

    def _group_or_sequence(self, items: list[Any], left: bool, right: bool) -> str:
        if len(items) == 1 and str(items[0][0]) == "BRANCH":
            return self._group(items[0], left, right)
        return f"({self.whole(items, left, right)})"

    def _no_flags(self, argument: Any) -> None:
        _, added, removed, _ = argument
        if added & ~re.UNICODE or removed:
            raise refuse("regex", f"flags inside an expression are not covered: {self.leaf.pattern}")

    def node(self, item: Any) -> str:
        name, argument = str(item[0]), item[1]
        if name == "LITERAL":
            return self._literal(argument)
        if name == "NOT_LITERAL":
            return f"[^{self._members([('LITERAL', argument)])}]"
        if name == "ANY":
            # Lucene's `.` is any character, Perl's is any but the line feed
            return "." if self.leaf.dot_all else "[^\n]"
        if name == "IN":
            return self._class(argument)
        if name == "SUBPATTERN":
            self._no_flags(argument)
            return self._plain_group(list(argument[3]))
        if name == "BRANCH":
            return _alternatives(["".join(map(self.node, branch)) for branch in argument[1]])
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            return self._repeat(argument)
        raise refuse("regex", f"Lucene cannot express {name.lower()} in {self.leaf.pattern}")

    def _plain_group(self, items: list[Any]) -> str:
        if len(items) == 1 and str(items[0][0]) == "BRANCH":
            return self.node(items[0])
        return "(" + "".join(map(self.node, items)) + ")"

    def _repeat(self, argument: Any) -> str:
        low, high, body = argument
        inner = "".join(map(self.node, body))
        if len(body) != 1 or str(body[0][0]) not in ("LITERAL", "IN", "ANY", "SUBPATTERN", "NOT_LITERAL"):
            inner = f"({inner})"
        unbounded = str(high) == "MAXREPEAT"
        short = {(0, True): "*", (1, True): "+"}.get((low, unbounded)) or ("?" if (low, high) == (0, 1) else None)
        return inner + (short or f"{{{low},{'' if unbounded else high}}}")

    def _literal(self, code: int) -> str:
        c = chr(code)
        if self.ignore and c.lower() != c.upper():
            # the switch for case folds ASCII only (RegExp.ASCII_CASE_INSENSITIVE)
            return f"[{c.lower()}{c.upper()}]" if self.fold or not c.isascii() else c.lower()
        return _escape(c)

    def _class(self, members: Any) -> str:
        members = [(str(op), argument) for op, argument in members]
        negated = members[0][0] == "NEGATE"
        body = self._members(members[1:] if negated else members)
        return f"[{'^' if negated else ''}{body}]"

    def _members(self, members: list[tuple[str, Any]]) -> str:
        out: list[str] = []
        for name, argument in members:
            if name == "LITERAL":
                out.extend(_escape(c) for c in self._cases(chr(argument)))
            elif name == "RANGE":
                out.extend(self._range(*argument))
            elif name == "CATEGORY" and str(argument) in _CATEGORIES:
                out.append(_CATEGORIES[str(argument)])
            else:
                raise refuse("regex", f"Lucene cannot express this class in {self.leaf.pattern}")
        return "".join(dict.fromkeys(out))

    def _cases(self, c: str) -> list[str]:
        return list(dict.fromkeys([c.lower(), c.upper()])) if self.ignore and c.lower() != c.upper() else [c]

    def _range(self, low: int, high: int) -> list[str]:
        ranges = [(low, high)]
        if self.ignore:
            for a, b, shift in ((65, 90, 32), (97, 122, -32)):
                x, y = max(a, low), min(b, high)
                if x <= y:
                    ranges.append((x + shift, y + shift))
            if high > 127:
                raise refuse("regex", f"a non-ASCII range cannot be folded: {self.leaf.pattern}")
        return [f"{_escape(chr(a))}-{_escape(chr(b))}" for a, b in sorted(ranges, reverse=True)]


def _alternatives(options: list[str]) -> str:
    """A group; Lucene's parser takes an empty alternative for a character, and `()` for the empty string."""
    return "(" + "|".join(option or "()" for option in options) + ")"


def _escape(c: str) -> str:
    return "\\" + c if c in _LUCENE_SPECIAL else c
