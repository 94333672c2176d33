r"""From a pattern with zero-width assertions, searched for anywhere, to the language of whole values that contain it.

Assertions (`^ $ \b`) look at the two characters around a position. A position is therefore named by the kinds of
character on either side of it, and a node is read as a matrix: from one position to another, by which language. Those
matrices multiply along a sequence, add up over alternatives and close under repetition, so every placement of an
assertion is resolved exactly; patterns whose assertions stand at their ends take a short cut that keeps trees small.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from converter.core.errors import OutOfFragment
from converter.semantics.regular.build import EMPTY_CLASS, either, join, optional, repeat
from converter.semantics.regular.language import ANY_STRING, EMPTY_STRING, NOTHING, Chars, Language, Seq, chars
from converter.semantics.regular.regex_tree import NEWLINE, WORD, Assert, Choice, Concat, Node, Times, asserts, plain

#: How many alternatives are multiplied out, and how many tree nodes may result, before a pattern is refused.
MAX_VARIANTS = 64
MAX_NODES = 8_000


Position = tuple[str, str]
Matrix = dict[tuple[Position, Position], Language]
_EDGE = ""


def search_language(node: Node) -> Language:
    """The values in which `node` matches somewhere; OutOfFragment when its assertions are too costly to resolve."""
    if not asserts(node):
        return join((ANY_STRING, plain(node), ANY_STRING))
    try:
        variants = _expand(node)
    except _TooManyError:
        return _by_matrix(node)
    return either([_variant_language(variant) for variant in variants])


class _TooManyError(Exception):
    pass


def _expand(node: Node) -> list[tuple[Node, ...]]:
    """The alternatives that hold assertions multiplied out, each a sequence of parts."""
    if isinstance(node, Choice) and asserts(node):
        free = [option for option in node.options if not asserts(option)]
        out: list[tuple[Node, ...]] = [(Choice(tuple(free)),)] if free else []
        for option in node.options:
            if asserts(option):
                out.extend(_expand(option))
    elif isinstance(node, Concat):
        out = [()]
        for part in node.parts:
            tails = _expand(part)
            if len(out) * len(tails) > MAX_VARIANTS:
                raise _TooManyError
            out = [head + tail for head in out for tail in tails]
    elif isinstance(node, Times) and (node.low, node.high) == (0, 1) and asserts(node):
        out = [(), *_expand(node.item)]
    else:
        out = [(node,)]
    if len(out) > MAX_VARIANTS:
        raise _TooManyError
    return out


def _variant_language(parts: tuple[Node, ...]) -> Language:
    first, last = 0, len(parts)
    while first < last and parts[first] == Assert("begin"):
        first += 1
    while last > first and parts[last - 1] == Assert("end"):
        last -= 1
    middle = parts[first:last]
    if any(asserts(part) for part in middle):
        return _by_matrix(Concat(parts))
    before = () if first else (ANY_STRING,)
    after = () if last < len(parts) else (ANY_STRING,)
    return join((*before, *(plain(part) for part in middle), *after))


def _by_matrix(node: Node) -> Language:
    kinds = _kinds(node)
    # Paths that differ only in what stands before, or only in what stands after, are told as one.
    before: dict[tuple[str, Language, Position], set[str]] = {}
    for ((left, right), stop), language in _Matrices(kinds).of(node).items():
        before.setdefault((right, language, stop), set()).add(left)
    after: dict[tuple[frozenset[str], Language], set[str]] = {}
    empty: list[Language] = []
    for (right, language, stop), lefts in before.items():
        if language == EMPTY_STRING:  # nothing is read: the characters around it are those of the position itself
            empty.append(join((_ending(lefts, kinds), _beginning({right}, kinds))))
        else:
            after.setdefault((frozenset(lefts), language), set()).add(stop[1])
    found = [
        join((_ending(lefts, kinds), language, _beginning(rights, kinds)))
        for (lefts, language), rights in after.items()
    ]
    language = either(found + empty)
    if count_nodes(language) > MAX_NODES:
        raise OutOfFragment("a pattern whose anchors or word boundaries need too large a language")
    return language


def _ending(lefts: Iterable[str], kinds: dict[str, Chars]) -> Language:
    """The texts whose last character is of one of the kinds; the edge stands for the empty text."""
    return _edged(lefts, kinds, lambda last: join((ANY_STRING, last)))


def _beginning(rights: Iterable[str], kinds: dict[str, Chars]) -> Language:
    """The texts whose first character is of one of the kinds; the edge stands for the empty text."""
    return _edged(rights, kinds, lambda first: join((first, ANY_STRING)))


def _edged(names: Iterable[str], kinds: dict[str, Chars], around: Callable[[Chars], Language]) -> Language:
    chosen = set(names)
    if chosen == {_EDGE, *kinds}:
        return ANY_STRING
    ranges = [pair for name in chosen - {_EDGE} for pair in kinds[name].ranges]
    options = [around(chars(ranges))] if ranges else []
    return either([*options, EMPTY_STRING]) if _EDGE in chosen else either(options)


def count_nodes(language: Language) -> int:
    """How many nodes the tree has, shared ones counted each time (stops counting past MAX_NODES)."""
    todo, count = [language], 0
    while todo and count <= MAX_NODES:
        item = todo.pop()
        count += 1
        if isinstance(item, Seq):
            todo.extend(item.parts)
        elif hasattr(item, "options"):
            todo.extend(item.options)
        elif hasattr(item, "item"):
            todo.append(item.item)
    return count


def _kinds(node: Node) -> dict[str, Chars]:
    """The kinds of character that the assertions in `node` can tell apart, a partition of all characters."""
    word = _uses(node, ("boundary", "no boundary"))
    line = _uses(node, ("line begin", "line end", "not before newline"))
    newline, word_ranges = list(NEWLINE.ranges) if line else [], list(WORD.ranges) if word else []
    kinds = {"other": chars([*newline, *word_ranges], negated=True)}
    if line:
        kinds["newline"] = NEWLINE
    if word:
        kinds["word"] = WORD
    return kinds


def _uses(node: Node, names: tuple[str, ...]) -> bool:
    if isinstance(node, Assert):
        return node.kind in names
    if isinstance(node, Concat):
        return any(_uses(part, names) for part in node.parts)
    if isinstance(node, Choice):
        return any(_uses(option, names) for option in node.options)
    return isinstance(node, Times) and _uses(node.item, names)


def _true_at(kind: str, position: Position) -> bool:
    before, after = position
    return {
        "begin": before == _EDGE,
        "end": after == _EDGE,
        "line begin": before in (_EDGE, "newline"),
        "line end": after in (_EDGE, "newline"),
        "not before newline": after != "newline",
        "boundary": (before == "word") != (after == "word"),
        "no boundary": (before == "word") == (after == "word"),
    }[kind]


class _Matrices:
    def __init__(self, kinds: dict[str, Chars]) -> None:
        self.kinds = kinds
        sides = [_EDGE, *kinds]
        self.positions = list(itertools.product(sides, sides))
        self.unit: Matrix = {(p, p): EMPTY_STRING for p in self.positions}

    def of(self, node: Node) -> Matrix:
        if isinstance(node, Chars):
            return self._character(node)
        if isinstance(node, Assert):
            return {(p, p): EMPTY_STRING for p in self.positions if _true_at(node.kind, p)}
        if isinstance(node, Concat):
            out = self.unit
            for part in node.parts:
                out = _product(out, self.of(part))
            return out
        if isinstance(node, Choice):
            return _sum([self.of(option) for option in node.options])
        return self._times(self.of(node.item), node.low, node.high)

    def _character(self, node: Chars) -> Matrix:
        out: Matrix = {}
        for name, kind in self.kinds.items():
            both = intersection(node, kind)
            if both.ranges:
                for before in ("", *self.kinds):
                    for after in ("", *self.kinds):
                        out[(before, name), (name, after)] = both
        return out

    def _times(self, item: Matrix, low: int, high: int | None) -> Matrix:
        if max(low, high or 0) > 50:
            raise OutOfFragment("a counted repetition of an anchored group")
        out = self.unit
        for _ in range(low):
            out = _product(out, item)
        if high is None:
            return _product(out, self._star(item))
        tail = self.unit
        for _ in range(high - low):
            tail = _sum([self.unit, _product(item, tail)])
        return _product(out, tail)

    def _star(self, item: Matrix) -> Matrix:
        """Kleene's construction: paths through one more position at a time."""
        paths = dict(item)
        for via in self.positions:
            loop = paths.get((via, via))
            again = EMPTY_STRING if loop is None else repeat(loop, 0, None)
            into = [(p, paths[p, via]) for p in self.positions if (p, via) in paths]
            out_of = [(q, paths[via, q]) for q in self.positions if (via, q) in paths]
            for start, head in into:
                for stop, tail in out_of:
                    path = join((head, again, tail))
                    old = paths.get((start, stop))
                    paths[start, stop] = path if old is None else either((old, path))
                    if count_nodes(paths[start, stop]) > MAX_NODES:
                        raise OutOfFragment("a repeated group with anchors or word boundaries inside")
        return _sum([self.unit, paths])


def _product(left: Matrix, right: Matrix) -> Matrix:
    by_start: dict[Position, list[tuple[Position, Language]]] = {}
    for (start, stop), language in right.items():
        by_start.setdefault(start, []).append((stop, language))
    out: dict[tuple[Position, Position], list[Language]] = {}
    for (start, middle), head in left.items():
        for stop, tail in by_start.get(middle, ()):
            out.setdefault((start, stop), []).append(join((head, tail)))
    found = {key: either(options) for key, options in out.items()}
    if any(count_nodes(language) > MAX_NODES for language in found.values()):
        raise OutOfFragment("a repeated group with anchors or word boundaries inside")
    return found


def _sum(matrices: list[Matrix]) -> Matrix:
    out: dict[tuple[Position, Position], list[Language]] = {}
    for matrix in matrices:
        for key, language in matrix.items():
            out.setdefault(key, []).append(language)
    summed: Matrix = {}
    for key, options in out.items():
        without = [option for option in options if option != EMPTY_STRING]
        summed[key] = optional(either(without)) if without and len(without) < len(options) else either(options)
    return {key: language for key, language in summed.items() if language not in (NOTHING, EMPTY_CLASS)}


def intersection(left: Chars, right: Chars) -> Chars:
    """The characters in both classes."""
    return chars([(max(a, c), min(b, d)) for a, b in left.ranges for c, d in right.ranges if max(a, c) <= min(b, d)])
