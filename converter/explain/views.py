"""On which events two sources are compared, and what the reader must know of the comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from converter.convert.convert import Converter
from converter.core.discovery import schema_of
from converter.core.errors import ParityError, UsageError
from converter.core.model import Rule, Target
from converter.core.platform import Kind, Schema
from converter.explain.changes import View
from converter.explain.generic import generic_domain
from converter.explain.outline import folded, is_never, predicate_of
from converter.explain.sources import Rules, Source, Text
from converter.platforms.domains import domain_of
from converter.platforms.losses import NamedLoss, guarantee, touched
from converter.platforms.pullback import fix, known
from converter.rules.meaning import meaning
from converter.semantics.decide.predicate import conjunction

#: the category under which tables keep records that no log source means (`platforms/<platform>/other.yml`)
_NO_LOG_SOURCE = "none"


def views(old: Source, new: Source, target: Target | None) -> Iterator[View]:
    """Everything on which the two are to be compared: Sigma events without a target, else each kind of record.

    Where both sides label their rows alike, label by label: a row under another label is a difference.

    Raises QueryError for a query with a column that the platform does not have.
    """
    if target is None:
        yield from _of_events(old, new)
        return
    schema = schema_of(target)
    by_label = len(old.labels) > 1 and old.labels == new.labels
    meant = {table.logsource for table in schema.tables}
    for kind in sorted(schema.kinds, key=lambda kind: not meant.intersection(kind.logsources)):
        for label in sorted(old.labels) if by_label else [None]:
            view = view_of(old, new, kind, schema, label)
            if not (is_never(view.old) and is_never(view.new)):
                yield view


def _of_events(old: Source, new: Source) -> Iterator[View]:
    if isinstance(old, Text) or isinstance(new, Text):
        raise UsageError("a query has no meaning without a platform", hint="give --target")
    for source in dict.fromkeys(source for rule in (*old.rules, *new.rules) for source in rule.logsources):
        trees = [folded(side.on_events(source)) for side in (old, new)]
        tested = {field for tree in trees for field in predicate_of(tree).fields}
        yield View("", str(source), trees[0], trees[1], generic_domain(source, tested))


def view_of(old: Source, new: Source, kind: Kind, schema: Schema, label: str | None = None) -> View:
    """The two on one kind of record, of both only what carries the label where one is given."""
    tested: set[str] = set()
    for side in (old, new):
        if isinstance(side, Rules):
            tested |= predicate_of(side.on_records(kind, schema, label)).fields
    trees = [folded(side.on_records(kind, schema, label, frozenset(tested))) for side in (old, new)]
    sides = predicate_of(trees[0]), predicate_of(trees[1])
    guard = conjunction([known(kind, schema), guarantee(sides, kind, schema)])
    fixed = {name: value for name, value in kind.sigma.items() if value is not None}
    return View(kind.name, _records(kind), trees[0], trees[1], domain_of(kind, schema), fixed, guard)


def _records(kind: Kind) -> str:
    return kind.name.split("/")[1] if kind.category == _NO_LOG_SOURCE else str(kind.logsource)


def notes(old: Source, new: Source, target: Target | None) -> list[str]:
    """What the comparison leaves out, or does for the reader to know."""
    if target is None:
        return ["compared as Sigma events, without a platform's kinds of records"]
    out = [f"compared on the records of {target.name}"]
    sides = (old, new)
    if all(side.labels for side in sides) and old.labels != new.labels:
        out.append(f"the rows are labelled differently: {', '.join(sorted(old.labels ^ new.labels))}")
    windows = [_windows(side) for side in sides]
    if windows[0] != windows[1]:
        told = [" and ".join("any time" if m is None else f"{m} minutes" for m in window) for window in windows]
        out.append(f"how far back they look is not compared: {told[0]}, against {told[1]}")
    rules = [rule for side in sides if isinstance(side, Rules) for rule in side.rules]
    out += [note for rule in rules for note in _of_rule(rule, target)]
    out += [_told(loss) for loss in _losses(rules, schema_of(target))]
    return list(dict.fromkeys(out))


def _windows(side: Source) -> list[int | None]:
    """The time windows of a side, the shortest first; None where it has none."""
    if isinstance(side, Rules):
        return [side.window_minutes]
    windows = {branch.window_minutes for branch in side.branches}
    return [*sorted(minutes for minutes in windows if minutes is not None), *([None] if None in windows else [])]


def _of_rule(rule: Rule, target: Target) -> Iterator[str]:
    """Why a rule has no query on the target, or for which records it has none of a field's values."""
    try:
        draft = Converter().draft(rule, target)
    except ParityError as fault:
        yield f"{rule.path} cannot be converted for {target.name}: {fault.message}"
        return
    for field, kinds in draft.blind.items():
        yield f"{field} is not recorded in {', '.join(kinds)}, where a test of it holds of nothing"


def _losses(rules: Iterable[Rule], schema: Schema) -> list[NamedLoss]:
    """What the platform destroys that makes the rules mean less there: the first of each."""
    found: dict[object, NamedLoss] = {}
    for rule in rules:
        whole = meaning(rule)
        for kind in schema.kinds:
            if kind.meant_by(rule):
                for loss in touched(fix(whole, kind), kind, schema):
                    found.setdefault((loss.loss.id, loss.fields), loss)
    return list(found.values())


def _told(loss: NamedLoss) -> str:
    example = "" if loss.event is None else f", for example on {dict(loss.event)!r}"
    fields = ", ".join(loss.fields)
    return f"values as the platform holds them ({loss.loss.id}, {fields}): {loss.loss.text}{_short(example)}"


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:159] + "…"
