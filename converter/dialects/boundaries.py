r"""Word boundaries written out: `\b` means another thing to each engine, and to some nothing.

PCRE's is ASCII; Rust's and, in the present documentation, Kusto's is Unicode; Lucene has none. A boundary between two
characters that are known is true or false; at the open end of a search it asks for a neighbour or an end of the value.
"""

from __future__ import annotations

from converter.dialects import charset
from converter.dialects.charset import WORD, Ranges
from converter.dialects.pcre_tree import EMPTY, Alt, Anchor, Dot, Literal, Node, Repeat, Seq, Set, nodes
from converter.dialects.writer import refuse

#: what may stand beside a node: any text (`OPEN`), nothing (`EDGE`), one of these characters, or nobody knows (None)
Beside = str | Ranges | None
OPEN, EDGE = "open", "edge"
NEVER = Alt(())
_MOST_COPIES = 8
_NOT_WORD = charset.complement(WORD)


def spelled(node: Node, pattern: str) -> Node:
    """The tree without boundaries. Raises Unsupported where one depends on what an engine found before."""
    if not has(node):
        return node
    found = _Speller(pattern).node(node, OPEN, OPEN)
    if found == NEVER:
        raise refuse("regex never", f"no value has a word boundary where the expression wants one: {pattern}")
    return found


def has(node: Node) -> bool:
    """Whether a boundary stands anywhere in the tree."""
    return any(isinstance(inner, Anchor) and inner.kind.endswith("boundary") for inner in nodes(node))


class _Speller:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def node(self, node: Node, left: Beside, right: Beside) -> Node:
        if isinstance(node, Anchor) and node.kind.endswith("boundary"):
            return self._boundary(node.kind == "boundary", left, right)
        if isinstance(node, Alt):
            kept = [self.node(option, left, right) for option in node.options]
            kept = [option for option in kept if option != NEVER]
            return kept[0] if len(kept) == 1 else Alt(tuple(kept))  # NEVER if none is left
        if isinstance(node, Repeat) and has(node):
            if (node.low, node.high) == (0, 1):
                inner = self.node(node.part, left, right)
                return EMPTY if inner == NEVER else Repeat(inner, 0, 1)
            return self.node(self._unrolled(node), left, right)
        if isinstance(node, Seq):
            return self._sequence(node.parts, left, right)
        return node

    def _unrolled(self, node: Repeat) -> Node:
        """The repetition as so many copies: what stands beside a boundary is another for each."""
        if node.high is None or node.high > _MOST_COPIES:
            raise self._unclear()
        rest: Node = EMPTY
        for _ in range(node.high - node.low):
            rest = Repeat(Seq((node.part, rest)), 0, 1)
        return Seq((*[node.part] * node.low, rest))

    def _sequence(self, parts: tuple[Node, ...], left: Beside, right: Beside) -> Node:
        out: list[Node] = []
        taken: set[str] = set()
        for index, part in enumerate(parts):
            found = part
            if has(part):
                before = _ends(parts[:index], left, -1)
                after = _ends(parts[index + 1 :], right, 0)
                # a neighbour that is asked for is a character of the match, so each open end has one at most
                asked = {side for side, beside in (("left", before), ("right", after)) if beside == OPEN}
                if asked & taken:
                    raise self._unclear()
                taken |= asked
                found = self.node(part, before, after)
            if found == NEVER:
                return NEVER
            out.append(found)
        return Seq(tuple(part for part in out if part != EMPTY))

    def _boundary(self, wanted: bool, left: Beside, right: Beside) -> Node:
        """Before a word character stands none, behind one follows none; the other way round for `\\B`."""
        before, after = _kind(left), _kind(right)
        if before is not None and after is not None:
            return EMPTY if (before != after) is wanted else NEVER
        if left == OPEN and after is not None:
            return _neighbour(word=after is not wanted, edge="begin")
        if right == OPEN and before is not None:
            return _neighbour(word=before is not wanted, edge="end")
        raise self._unclear()

    def _unclear(self) -> Exception:
        return refuse(
            "regex boundary",
            f"a word boundary stands beside what may be a word or not, and engines disagree on \\b: {self.pattern}",
            "say which characters may stand there",
        )


def _neighbour(word: bool, edge: str) -> Node:
    """A word character there, or none: then the value may also begin or end there."""
    return Set(WORD) if word else Alt((Anchor(edge), Set(_NOT_WORD)))


def _kind(beside: Beside) -> bool | None:
    """Whether what stands there is a word character; an end of the value is none. None if that is open."""
    if beside == EDGE:
        return False
    if beside is None or isinstance(beside, str):
        return None
    return True if charset.within(beside, WORD) else False if not charset.overlap(beside, WORD) else None


def _ends(parts: tuple[Node, ...], outside: Beside, side: int) -> Beside:
    """What stands nearest: the last (`side` -1) or first (0) character of the parts, `outside` if there is none."""
    found = outside
    for part in reversed(parts) if side == 0 else parts:
        found = _end(part, found, side)
    return found


def _end(node: Node, outside: Beside, side: int) -> Beside:
    if isinstance(node, Literal):
        code = ord(node.character)
        return charset.folded(((code, code),)) if node.fold else ((code, code),)
    if isinstance(node, Set):
        return node.ranges
    if isinstance(node, Dot):
        return None
    if isinstance(node, Anchor):
        if node.kind == ("end" if side == 0 else "begin"):
            return EDGE
        return outside if node.kind.endswith("boundary") else None
    if isinstance(node, Seq):
        return _ends(node.parts, outside, side)
    if isinstance(node, Repeat):
        inner = _end(node.part, outside, side)
        return inner if node.low > 0 else _either([inner, outside])
    return _either([_end(option, outside, side) for option in node.options])


def _either(found: list[Beside]) -> Beside:
    if len(set(found)) == 1:
        return found[0]
    if all(isinstance(one, tuple) for one in found):
        return charset.normalized(pair for one in found if isinstance(one, tuple) for pair in one)
    kinds = {_kind(one) for one in found}
    return None if len(kinds) > 1 or None in kinds else WORD if kinds == {True} else _NOT_WORD
