r"""Trees of regular expressions written in an engine's own notation.

A `Style` is data: which signs need a backslash, how a character is written by its number, how positions are tested.
What a style has no form for is OutOfFragment with its name. Nothing but explicit sets is written (`[0-9]`, never `\d`),
so a text means the same whatever an engine takes digits or blanks to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from converter.core.errors import OutOfFragment
from converter.semantics.regular.language import ANY_CHAR, MAX_CHAR, Chars, chars, odd_case
from converter.semantics.regular.regex_tree import NEWLINE, Assert, Choice, Concat, Node, Times

_NOT_NEWLINE = chars(NEWLINE.ranges, negated=True)


@dataclass(frozen=True)
class Style:
    r"""How an engine writes what a tree holds.

    `special` and `special_in_class` are the signs that need a backslash. `number` formats the code point of a character
    that is not printable ASCII; None leaves it as it is. `any_char` and `no_newline` are the texts of those sets,
    `group` opens a group without a number, `empty` is the empty alternative and `nothing` what never matches. `tests`
    has the text of each kind of `Assert` that the engine knows.
    """

    special: frozenset[str]
    special_in_class: frozenset[str]
    number: str | None
    any_char: str
    no_newline: str
    group: str = "(?:"
    empty: str = ""
    nothing: str | None = None
    tests: Mapping[str, str] = field(default_factory=dict)


_POSITIONS = {"begin": "^", "end": "$", "line begin": "(?m:^)", "line end": "(?m:$)"}
#: https://www.pcre.org/current/doc/html/pcre2pattern.html
PCRE = Style(
    special=frozenset("\\^$.[|()?*+{}"),
    special_in_class=frozenset("\\]^-["),
    number=r"\x{{{:x}}}",
    any_char="(?s:.)",
    no_newline=r"[^\n]",
    nothing=r"[^\x{0}-\x{10ffff}]",
    tests={**_POSITIONS, "boundary": r"\b", "no boundary": r"\B", "not before newline": r"(?!\n)"},
)
#: What RE2 and the engine that Microsoft documents for KQL both read so (see re2); on `\b` they don't agree.
KQL = Style(
    special=frozenset("\\^$.[]|()?*+{}"),
    special_in_class=frozenset("\\]^-[&~"),
    number=r"\x{{{:x}}}",
    any_char="(?s:.)",
    no_newline=r"[^\n]",
    nothing=r"[^\x{0}-\x{10ffff}]",
    tests=_POSITIONS,
)
#: https://www.elastic.co/docs/reference/query-languages/query-dsl/regexp-syntax; it describes whole values.
LUCENE = Style(
    special=frozenset('\\.?+*|{}[]()"#@&<>~'),
    special_in_class=frozenset("\\]^-["),
    number=None,
    any_char=".",
    no_newline="[^\n]",
    group="(",
    empty="()",
    nothing="#",
)
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def printed(node: Node, style: Style, ignore_case: bool = False) -> str:
    """`node` in the notation of `style`; with `ignore_case` for an engine that is told to ignore case.

    Raises OutOfFragment for what the style cannot write, and for a set that holds one case of a letter alone where case
    is ignored (`case_closed` tells).
    """
    return _Printer(style, ignore_case).choice(node)


def case_closed(node: Node) -> bool:
    """Whether no set of the tree tells the cases of a letter apart, and so can be written without regard to case."""
    if isinstance(node, Chars):
        listed = _listed(node)
        return chars(listed, ignore_case=True).ranges == listed and not any(odd_case(*pair) for pair in listed)
    if isinstance(node, Concat):
        return all(map(case_closed, node.parts))
    if isinstance(node, Choice):
        return all(map(case_closed, node.options))
    return isinstance(node, Assert) or case_closed(node.item)


class _Printer:
    def __init__(self, style: Style, ignore_case: bool) -> None:
        self.style, self.ignore_case = style, ignore_case

    def choice(self, node: Node) -> str:
        if not isinstance(node, Choice):
            return self.sequence(node)
        if not node.options:
            return self.nothing()
        return "|".join(self.sequence(option) or self.style.empty for option in node.options)

    def sequence(self, node: Node) -> str:
        if not isinstance(node, Concat):
            return self.grouped(node) if isinstance(node, Choice) else self.item(node)
        return "".join(self.grouped(part) if isinstance(part, Choice) else self.sequence(part) for part in node.parts)

    def grouped(self, node: Node) -> str:
        return f"{self.style.group}{self.choice(node) or self.style.empty.removeprefix('()')})"

    def item(self, node: Node) -> str:
        if isinstance(node, Chars):
            return self.characters(node)
        if isinstance(node, Assert):
            if node.kind not in self.style.tests:
                raise OutOfFragment(f"a test of the position ({node.kind}), which the engine lacks or reads otherwise,")
            return self.style.tests[node.kind]
        assert isinstance(node, Times)
        return self.times(node)

    def times(self, node: Times) -> str:
        item = self.item(node.item) if isinstance(node.item, Chars) else self.grouped(node.item)
        short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((node.low, node.high))
        if short is None:
            high = "" if node.high is None else node.high
            short = f"{{{node.low}}}" if node.low == node.high else f"{{{node.low},{high}}}"
        return item + short

    def nothing(self) -> str:
        if self.style.nothing is None:
            raise OutOfFragment("an expression that never matches")
        return self.style.nothing

    def characters(self, node: Chars) -> str:
        if node == ANY_CHAR:
            return self.style.any_char
        if node == _NOT_NEWLINE:
            return self.style.no_newline
        if not node.ranges:
            return self.nothing()
        if self.ignore_case and not case_closed(node):
            raise OutOfFragment("a set of characters that holds one case of a letter alone, where case is ignored,")
        negated, ranges = _negated(node), _listed(node)
        if self.ignore_case:
            ranges = _lower_only(ranges)
        if not negated and len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
            return self.character(ranges[0][0], self.style.special)
        return f"[{'^' if negated else ''}{''.join(self.range(low, high) for low, high in ranges)}]"

    def range(self, low: int, high: int) -> str:
        first, last = (self.character(code, self.style.special_in_class) for code in (low, high))
        if low == high:
            return first
        return first + ("" if high == low + 1 else "-") + last

    def character(self, code: int, special: frozenset[str]) -> str:
        sign = chr(code)
        if self.style.number is not None and not " " <= sign <= "~":
            return _NAMED.get(sign) or self.style.number.format(code)
        return "\\" + sign if sign in special else sign


def _negated(node: Chars) -> bool:
    """Whether a set is written by what it lacks."""
    return bool(node.ranges) and node.ranges[0][0] == 0 and node.ranges[-1][1] == MAX_CHAR


def _listed(node: Chars) -> tuple[tuple[int, int], ...]:
    return chars(node.ranges, negated=True).ranges if _negated(node) else node.ranges


def _lower_only(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """The ranges without the capitals A to Z, which the others stand for."""
    return tuple(
        (low, high)
        for start, stop in ranges
        for low, high in ((start, min(stop, 64)), (max(start, 91), stop))
        if low <= high
    )
