"""Where two rules ask the same tests but combine them differently: on which answers do they part?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converter.explain.model import code
from converter.explain.outline import Disjunction, Leaf, Named, Negation, Tree, leaves, predicate_of, selections
from converter.semantics.decide.evaluate import holds
from converter.semantics.decide.predicate import Predicate


@dataclass(frozen=True)
class Answer:
    """A selection or test with its answer on an event; `text` says both."""

    text: str
    predicate: Predicate
    value: bool


def structure(old: Tree, new: Tree, event: Mapping[str, Any]) -> list[Answer]:
    """The selections, or else the tests, whose answers on `event` by themselves keep the two apart.

    Where selections themselves changed, only these are named.
    """
    units: tuple[list[Named], list[Named]] = list(selections(old)), list(selections(new))
    if all(units):
        kept = _few(old, new, units, event)
        if _apart(old, new, kept):
            return _changed(kept, units)
    tests: tuple[list[Leaf], list[Leaf]] = list(leaves(old)), list(leaves(new))
    kept = _few(old, new, tests, event)
    return _told(kept, {predicate_of(leaf): code(leaf.text) for side in tests for leaf in side})


def _few(
    old: Tree, new: Tree, units: tuple[Sequence[Tree], Sequence[Tree]], event: Mapping[str, Any]
) -> dict[Predicate, bool]:
    """Answers of which none can be left out; those that do not hold are left out first."""
    kept = {p: holds(p, event) for p in dict.fromkeys(predicate_of(unit) for side in units for unit in side)}
    for predicate in sorted(kept, key=kept.__getitem__):
        value = kept.pop(predicate)
        if not _apart(old, new, kept):
            kept[predicate] = value
    return kept


def _changed(kept: Mapping[Predicate, bool], units: tuple[list[Named], list[Named]]) -> list[Answer]:
    before, after = ({predicate_of(named): named.name for named in side} for side in units)
    once = {predicate: value for predicate, value in kept.items() if (predicate in before) != (predicate in after)}
    both = {name for predicate, name in before.items() if predicate in once} & set(after.values())
    names = {predicate: code(name) for predicate, name in (before | after).items()}
    for predicate in once:
        if predicate in before and before[predicate] in both:
            names[predicate] += " as it was"
        elif predicate in after and after[predicate] in both:
            old, new = (next(named for named in side if named.name == after[predicate]) for side in units)
            names[predicate] += f" as it is now{_difference(old, new)}"
    return _told(once or kept, names)


def _difference(old: Named, new: Named) -> str:
    """What a selection has no longer, and what it has now, as far as its values tell."""
    texts = [list(dict.fromkeys(leaf.text for leaf in leaves(named))) for named in (old, new)]
    gone = [code(text) for text in texts[0] if text not in texts[1]]
    come = [code(text) for text in texts[1] if text not in texts[0]]
    parts = [f"{word} {' and '.join(found[:3])}" for word, found in (("without", gone), ("with", come)) if found]
    return f" ({', '.join(parts)})" if parts else ""


def _told(kept: Mapping[Predicate, bool], names: Mapping[Predicate, str]) -> list[Answer]:
    answers = [Answer(names[p] if value else f"not {names[p]}", p, value) for p, value in kept.items()]
    return sorted(answers, key=lambda answer: not answer.value)


def _apart(old: Tree, new: Tree, given: Mapping[Predicate, bool]) -> bool:
    answers = [_known(tree, given) for tree in (old, new)]
    return None not in answers and answers[0] != answers[1]


def _known(tree: Tree, given: Mapping[Predicate, bool]) -> bool | None:
    """Three-valued over the predicates given, whichever level of the tree they are of."""
    if isinstance(tree, Leaf | Named):
        found = given.get(predicate_of(tree))
        return found if found is not None or isinstance(tree, Leaf) else _known(tree.part, given)
    if isinstance(tree, Negation):
        inner = _known(tree.part, given)
        return None if inner is None else not inner
    decisive = isinstance(tree, Disjunction)
    answers = [_known(part, given) for part in tree.parts]
    return decisive if decisive in answers else None if None in answers else not decisive
