"""Perl-style regular expressions of rules in Lucene's syntax, for the four Elastic languages.

Lucene is anchored and has no word boundaries; its `\\s` leaves out the vertical tab and the form feed, and where case
is ignored it folds no ranges (org.apache.lucene.util.automaton.RegExp: `[a-z]` stays lower-case under
ASCII_CASE_INSENSITIVE), so classes are always spelled, with both cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from converter.core.errors import OutOfFragment
from converter.dialects import boundaries, charset, pcre
from converter.dialects.condition import Regex
from converter.dialects.elastic import check_expression, escaped, excess
from converter.dialects.letters import cases
from converter.dialects.pcre_tree import Alt, Anchor, Dot, Literal, Node, Repeat, Seq, Set, nodes
from converter.dialects.writer import refuse

#: an expression that is too complex is split into so many at most
MOST_EXPRESSIONS = 100


def lucene(leaf: Regex, fold: bool) -> str:
    """The expression in Lucene's syntax, matching the whole value.

    `fold` writes every letter in both cases (for engines without a switch for case); otherwise only classes are
    folded, and letters are written in lower case for a switch to fold. Raises Unsupported for what has no such form.
    """
    tree = boundaries.spelled(pcre.parse(leaf), leaf.pattern)
    return _Lucene(leaf, fold).whole([tree], True, True)


def expressions(leaf: Regex, fold: bool) -> list[str]:
    """Expressions one of which matches wherever the leaf does: one alone, if Elasticsearch takes it.

    Else alternatives in it become expressions of their own. Raises Unsupported where that is no help, and as `lucene`.
    """
    tree = boundaries.spelled(pcre.parse(leaf), leaf.pattern)
    return _split(list(_flat([tree])), _Lucene(leaf, fold), not fold)


def _split(items: list[Node], writer: _Lucene, ignore_case: bool) -> list[str]:
    out: list[str] = []
    pending = [items]
    while pending:
        items = pending.pop(0)
        text = writer.whole(items, True, True)
        choices = [at for at, item in enumerate(items) if isinstance(item, Alt)]
        if not excess(text, ignore_case):
            out.append(text)
        elif not choices or len(out) + len(pending) > MOST_EXPRESSIONS:
            check_expression(text, ignore_case)
        else:
            at = max(choices, key=lambda place: len(_options(items[place])))
            pending[:0] = [[*items[:at], *_flat([option]), *items[at + 1 :]] for option in _options(items[at])]
    return list(dict.fromkeys(out))


def _options(node: Node) -> tuple[Node, ...]:
    return node.options if isinstance(node, Alt) else ()


def switchable(leaf: Regex) -> bool:
    """Whether the engine's switch for case may stand for both cases of every letter.

    The switch folds ASCII only up to some version (elastic/elasticsearch#153513) and loses an empty expression, and
    it folds all letters, those too that an expression's own flags leave alone.
    """
    found = nodes(boundaries.spelled(pcre.parse(leaf), leaf.pattern))
    letters = [n for n in found if isinstance(n, Literal) and len(cases(n.character)) == 2]
    closed = all(charset.folded(n.ranges) == n.ranges for n in found if isinstance(n, Set))
    folds = bool(letters) and closed and all(n.fold for n in letters)
    return folds and _is_read_with_switch(lucene(leaf, fold=False))


def _is_read_with_switch(text: str) -> bool:
    """Whether an expression means the same with the switch for case: ASCII, and without an empty string in it."""
    try:
        excess(text, ignore_case=True)
    except OutOfFragment:
        return False
    return text.isascii()


class _Lucene:
    def __init__(self, leaf: Regex, fold: bool) -> None:
        self.leaf = leaf
        self.fold = fold

    def whole(self, items: Sequence[Node], left: bool, right: bool) -> str:
        """The sequence; where an end of it is an end of the value (`left`, `right`) and not anchored, `.*` is added."""
        items = list(_flat(items))
        if left and items and items[0] == Anchor("begin"):
            return self.whole(items[1:], False, right)
        if right and items and items[-1] == Anchor("end"):
            return self.whole(items[:-1], left, False)
        if left and items and _anchored(items[0]):
            first = self._group(items[0], True, right and len(items) == 1)
            return first + (self.whole(items[1:], False, right) if len(items) > 1 else "")
        if right and items and _anchored(items[-1]):
            return self.whole(items[:-1], left, False) + self._group(items[-1], False, True)
        return (".*" if left else "") + "".join(map(self.node, items)) + (".*" if right else "")

    def _group(self, item: Node, left: bool, right: bool) -> str:
        if isinstance(item, Alt):
            return _alternatives([self.whole([option], left, right) for option in item.options])
        if isinstance(item, Repeat) and (item.low, item.high) == (0, 1):
            # without it, the rest of the value may begin or end anywhere there
            beside = (".*" if left else "") + (".*" if right and not left else "")
            return _alternatives([self.whole([item.part], left, right), beside])
        raise self._cannot("an assertion that is repeated")

    def node(self, item: Node) -> str:
        if isinstance(item, Literal):
            return self._literal(item)
        if isinstance(item, Set):
            return class_of(item.ranges)
        if isinstance(item, Dot):
            # Lucene's `.` is any character, Perl's is any but the line feed
            return "." if item.newline else "[^\n]"
        if isinstance(item, Seq):
            return "".join(map(self.node, item.parts))
        if isinstance(item, Alt):
            return _alternatives([self.node(option) for option in item.options])
        if isinstance(item, Repeat):
            return self._repeat(item)
        raise self._cannot(f"the assertion of a {item.kind} inside an expression")

    def _cannot(self, what: str) -> Exception:
        return refuse("regex", f"Lucene cannot express {what}: {self.leaf.pattern}", "rewrite the expression")

    def _repeat(self, item: Repeat) -> str:
        inner = self.node(item.part)
        if item.high == 0 or not inner:
            return ""
        if not isinstance(item.part, (Literal, Set, Dot)) and not (isinstance(item.part, Alt) and inner[-1] == ")"):
            inner = f"({inner})"
        unbounded = item.high is None
        short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((item.low, item.high))
        return inner + (short or f"{{{item.low},{'' if unbounded else item.high}}}")

    def _literal(self, item: Literal) -> str:
        both = cases(item.character)
        if item.fold and len(both) == 2:
            return f"[{both}]" if self.fold or not item.character.isascii() else both[0]
        return escaped(item.character)


def _flat(items: Iterable[Node]) -> Iterator[Node]:
    for item in items:
        if isinstance(item, Seq):
            yield from _flat(item.parts)
        else:
            yield item


def _anchored(node: Node) -> bool:
    """Whether an assertion stands in a group."""
    return isinstance(node, (Alt, Repeat)) and any(isinstance(inner, Anchor) for inner in nodes(node))


def _alternatives(options: list[str]) -> str:
    """A group. An empty alternative makes it optional: Lucene's parser has no other, and its switch for case loses
    an empty string."""
    full = [option for option in options if option]
    if not full:
        return ""
    return f"({'|'.join(full)})" + ("?" if len(full) < len(options) else "")


def class_of(ranges: charset.Ranges) -> str:
    """A class of the characters, negated where that is shorter."""
    negated = ranges[-1][1] == charset.LAST
    return f"[{'^' if negated else ''}{''.join(map(_range, charset.complement(ranges) if negated else ranges))}]"


def _range(pair: tuple[int, int]) -> str:
    low, high = (escaped(chr(code)) for code in pair)
    return low if pair[0] == pair[1] else low + high if pair[1] == pair[0] + 1 else f"{low}-{high}"
