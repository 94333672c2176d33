"""Hash-consed trees: equal means identical, whichever way a node came to be, and nothing is kept for ever."""

from __future__ import annotations

import copy
import gc
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from converter.semantics import tree
from converter.semantics.decide.predicate import And, Atom, Or, Present, SameAs, Strings
from converter.semantics.regular.language import Alt, Repeat, Seq, char, chars, literal


def test_equal_nodes_are_one() -> None:
    """Nodes of one class with equal fields are one object; another class or field makes another."""
    assert Seq((char("a", False), chars([(98, 98)]))) is literal("ab", False)
    assert Seq(()) is not Alt(())
    assert Seq(()) != Alt(())
    assert Repeat(Seq(()), 0, 1) != Repeat(Seq(()), 0, 2)
    assert And(()) != Or(())


def test_defaults_and_names_make_no_difference() -> None:
    """Fields given by position, by name or by default are the same fields."""
    assert SameAs("g") is SameAs(other="g", how="equals", ignore_case=True)
    assert replace(SameAs("f", "contains"), other="g") is SameAs("g", how="contains")


def test_copies_are_the_node() -> None:
    """A deep copy and what a pickle brings back are the node itself."""
    atom = Or((Atom("f", Strings(literal("ab", True))), Atom("g", Present())))
    assert copy.deepcopy(atom) is atom
    assert pickle.loads(pickle.dumps(atom)) is atom


def test_forgotten_nodes_leave_nothing() -> None:
    """The table shrinks when the nodes that only a caller held are gone."""
    gc.collect()
    before = len(tree._nodes)
    kept = [Atom(f"field {number}", Present()) for number in range(1000)]
    assert len(tree._nodes) >= before + 1000
    kept.clear()
    gc.collect()
    assert len(tree._nodes) <= before


def test_threads_agree() -> None:
    """Threads that make the same nodes at once get the same nodes."""

    def make(_: int) -> list[Atom]:
        return [Atom(f"thread {number}", Strings(literal(str(number), False))) for number in range(300)]

    with ThreadPoolExecutor(8) as pool:
        first, *others = pool.map(make, range(8))
    assert all(one is another for other in others for one, another in zip(first, other, strict=True))
