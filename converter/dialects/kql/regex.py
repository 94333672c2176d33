r"""Expressions for KQL's `matches regex`, in what means the same to RE2 and to the engine that is documented now.

Editions of https://learn.microsoft.com/en-us/kusto/query/regex before 2024 describe RE2
(https://github.com/google/re2/wiki/Syntax); the present one has Unicode `\d \w \s \b` and set operations in classes,
which is the syntax of Rust's regex crate (https://docs.rs/regex/latest/regex/#syntax). So no such name is written:
classes are spelled, `& ~ - [` are escaped in them, boundaries are written out, counts stay within RE2's 1,000.
"""

from __future__ import annotations

from converter.dialects import boundaries, charset, pcre
from converter.dialects.condition import OneOf, Pattern, Regex, Wild
from converter.dialects.layout import hidden
from converter.dialects.letters import cases, settled
from converter.dialects.pcre_tree import Alt, Anchor, Dot, Literal, Node, Repeat, Seq, Set, nodes
from converter.dialects.writer import refuse

#: RE2 refuses counts, and the product of nested counts, beyond it (re2/re2.h, "maximum repetition")
MOST_REPEATS = 1000
_ANCHORS = {"begin": "^", "end": "$", "line begin": "(?m:^)", "line end": "(?m:$)"}


def whole(pattern: Pattern, cased: bool) -> str:
    """A search for the values that a pattern matches as a whole; `s` lets `.` match line breaks as Sigma's `*` does.

    Upstream minds the case here (github.com/AttackIQ/pySigma-backend-kusto/issues/34), and in lists it loses the order
    of the parts (…/pull/18).
    """
    parts = list(pattern.parts)
    # a search is open at both ends anyway
    begins, ends = parts[0] is Wild.ANY, parts[-1] is Wild.ANY
    rest = parts[begins : len(parts) - ends]
    flags = ("" if cased else "i") + ("s" if any(isinstance(part, Wild) for part in rest) else "")
    body = "".join(_part(part, cased) for part in rest)
    return f"{f'(?{flags})' if flags else ''}{'' if begins else '^'}{body}{'' if ends else '$'}"


def _part(part: str | Wild | OneOf, cased: bool) -> str:
    if isinstance(part, Wild):
        return ".*" if part is Wild.ANY else "."
    if isinstance(part, OneOf):
        members = part.characters if cased else "".join(dict.fromkeys(x for c in part.characters for x in cases(c)))
        return f"{'' if cased else '(?-i:'}[{''.join(map(_member, members))}]{'' if cased else ')'}"
    return "".join(map(_literal if cased else _folded, part))


def _folded(character: str) -> str:
    """A character under (?i); a letter for which engines would take a third one is spelled, without (?i)."""
    if settled(character):
        return _literal(character)
    both = cases(character)
    return f"(?-i:{_literal(both) if len(both) == 1 else f'[{both}]'})"


def searched(leaf: Regex) -> tuple[str, bool]:
    """A rule's expression for KQL, and whether it matches the empty string.

    Raises Unsupported for what RE2 and the documented engine do not both have.
    """
    tree = boundaries.spelled(pcre.parse(leaf), leaf.pattern)
    if _repeats(tree) > MOST_REPEATS:
        raise refuse("regex", f"KQL takes at most {MOST_REPEATS} repetitions: {leaf.pattern}", "use a smaller count")
    found = nodes(tree)
    letters = [n for n in found if isinstance(n, Literal) and len(cases(n.character)) == 2]
    closed = all(charset.folded(n.ranges) == n.ranges for n in found if isinstance(n, Set))
    folds = bool(letters) and closed and all(n.fold for n in letters)
    dots = [n for n in found if isinstance(n, Dot)]
    every = bool(dots) and all(dot.newline for dot in dots)
    flags = ("i" if folds else "") + ("s" if every else "")
    prefix = f"(?{flags})" if flags else ""
    return prefix + _Emitter(folds, every).choice(tree), _matches_nothing(tree)


def _repeats(node: Node) -> int:
    """The greatest product of counts that stand in each other."""
    if isinstance(node, Repeat):
        return max(node.low, node.high or 0, 1) * _repeats(node.part)
    if isinstance(node, (Seq, Alt)):
        return max((_repeats(n) for n in (node.parts if isinstance(node, Seq) else node.options)), default=1)
    return 1


def _matches_nothing(node: Node) -> bool:
    """Whether the empty string has a match."""
    if isinstance(node, Seq):
        return all(map(_matches_nothing, node.parts))
    if isinstance(node, Alt):
        return any(map(_matches_nothing, node.options))
    if isinstance(node, Repeat):
        return node.low == 0 or _matches_nothing(node.part)
    return isinstance(node, Anchor)


class _Emitter:
    """`folds` and `every`: the expression begins with (?i), with (?s)."""

    def __init__(self, folds: bool, every: bool) -> None:
        self.folds = folds
        self.every = every

    def choice(self, node: Node) -> str:
        if isinstance(node, Alt):
            return "|".join(map(self.text, node.options))
        return self.text(node)

    def text(self, node: Node) -> str:
        if isinstance(node, Seq):
            return "".join(map(self.text, node.parts))
        if isinstance(node, Alt):
            return f"({self.choice(node)})"
        if isinstance(node, Repeat):
            return self._repeat(node)
        if isinstance(node, Anchor):
            return _ANCHORS[node.kind]
        if isinstance(node, Dot):
            return "." if node.newline == self.every else "(?s:.)"
        if isinstance(node, Set):
            return class_of(node.ranges)
        if self.folds:
            return _folded(node.character)
        both = cases(node.character)
        return f"[{both}]" if node.fold and len(both) == 2 else _literal(node.character)

    def _repeat(self, node: Repeat) -> str:
        inner = self.text(node.part)
        if not isinstance(node.part, (Literal, Set, Dot, Alt)):
            inner = f"({inner})"
        short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((node.low, node.high))
        if short is None and node.low == node.high:
            short = f"{{{node.low}}}"
        return inner + (short or f"{{{node.low},{'' if node.high is None else node.high}}}")


def class_of(ranges: charset.Ranges) -> str:
    """A class of the characters, negated where that is shorter."""
    negated = ranges[-1][1] == charset.LAST
    return f"[{'^' if negated else ''}{''.join(map(_range, charset.complement(ranges) if negated else ranges))}]"


def _range(pair: tuple[int, int]) -> str:
    low, high = (_member(chr(code)) for code in pair)
    return low if pair[0] == pair[1] else low + high if pair[1] == pair[0] + 1 else f"{low}-{high}"


def _literal(character: str) -> str:
    return "\\" + character if character in "\\.+*?()|[]{}^$" else _visible(character)


def _member(character: str) -> str:
    """A character of a class: `-`, `&` and `~` make ranges and set operations if they are not escaped."""
    return "\\" + character if character in "\\]^-[&~" else _visible(character)


def _visible(character: str) -> str:
    r"""`\t \n \r` and `\x{…}` are escapes of both engines."""
    escape = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(character)
    if escape or not hidden(character):
        return escape or character
    if "\ud800" <= character <= "\udfff":
        raise refuse("surrogate", "half a character (a lone surrogate) cannot stand in a query")
    return f"\\x{{{ord(character):x}}}"
