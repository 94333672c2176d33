"""(Correlation, its rules, Target) -> CorrelationDraft: the rules' own drafts, and the columns that group them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converter.convert.convert import Converter, at
from converter.convert.sources import kinds_for
from converter.core.correlation import TEMPORAL, Correlation, Count
from converter.core.discovery import schema_of
from converter.core.errors import Unsupported
from converter.core.model import Query, Rule, Target
from converter.core.platform import Column, Kind
from converter.dialects.draft import CorrelationDraft, Leg
from converter.dialects.registry import dialect
from converter.rules.presence import having


def correlation_query(
    converter: Converter, correlation: Correlation, rules: Mapping[str, Rule], target: Target
) -> Query:
    """The query of a correlation over its rules, which `rules` has by reference.

    Raises Unsupported, naming the target, for what no query can say rightly: an upper bound, a count that every event
    meets, a field that the platform keeps in parts only, and what the language cannot say; LibraryError for a broken
    rule.
    """
    language = dialect(target.dialect)
    try:
        text = language.correlation(_draft(converter, correlation, rules, target))
    except Unsupported as error:
        error.message = f"{target.name}: {error.message.removeprefix(f'{target.name}: ')}"
        error.where = error.where or correlation.at()
        raise
    path = f"{target.name}/{correlation.stem}.{language.extension}"
    return Query(correlation.path, target.name, target.dialect, text, path)


def _draft(
    converter: Converter, correlation: Correlation, rules: Mapping[str, Rule], target: Target
) -> CorrelationDraft:
    least = _least(correlation, correlation.count)
    keyed = [_leg(converter, correlation, name, rules[name], target) for name in correlation.references]
    shapes = {tuple(map(len, columns)) for _, columns in keyed}
    if len(shapes) > 1:
        message = "one rule's records keep in one column what another's keep in two, so that they cannot be compared"
        raise Unsupported(message, "correlation aliases", correlation.at("correlation", "group-by"))
    names = [(name,) * many for name, many in zip(correlation.group_by, shapes.pop(), strict=True)]
    return CorrelationDraft(
        title=correlation.title,
        source=correlation.path,
        id=correlation.id,
        target=target,
        type=correlation.type,
        legs=tuple(leg for leg, _ in keyed),
        names=correlation.group_by,
        key_names=tuple(name for group in names for name in group),
        field=correlation.field,
        seconds=correlation.seconds,
        least=least,
        notes=converter.notes,
    )


def _least(correlation: Correlation, count: Count) -> int:
    where = correlation.at("correlation", "condition")
    least = count.least
    if least is None:
        message = f"the count must be {count}: some window of nearly every group has so few, and others refute it"
        raise Unsupported(message, "correlation upper bound", where, "ask for gte or gt, and leave out the rest")
    if least < 2:
        message = "every event meets the condition"
        raise Unsupported(message, "correlation of one event", where, "its rules alone say the same")
    if correlation.type in TEMPORAL and least > len(correlation.references):
        message = f"{least} different rules are asked for, and there are {len(correlation.references)}"
        raise Unsupported(message, "never", where, "name more rules, or ask for fewer")
    return least


def _leg(
    converter: Converter, correlation: Correlation, reference: str, rule: Rule, target: Target
) -> tuple[Leg, list[tuple[str, ...]]]:
    """The events of a rule, and the columns of each field that groups them."""
    fields = correlation.fields_of(reference)
    counted = (correlation.field,) if correlation.field else ()
    with at(rule, target):
        draft = converter.draft(having(rule, (*fields, *counted)), target)
    kinds = kinds_for(rule, schema_of(target))
    columns = [_columns(name, kinds, correlation, target) for name in fields]
    value = ""
    if correlation.field:
        found = _columns(correlation.field, kinds, correlation, target)
        if len(found) > 1:
            raise _ungrouped(
                f"keeps {correlation.field} in {len(found)} columns", correlation.field, correlation, target
            )
        (value,) = found
    optional = frozenset(pair[0] for pair in columns if len(pair) == 2)
    return Leg(draft, reference, tuple(name for pair in columns for name in pair), value, optional), columns


def _columns(field: str, kinds: Sequence[Kind], correlation: Correlation, target: Target) -> tuple[str, ...]:
    """The one column that has the whole value of a field in every kind of record that has the field, or the two that
    have what is before and after its last backslash."""
    held = [[c for c in kind.columns if c.source == field] for kind in kinds]
    own = [columns for columns in held if columns]
    if not own or any(field in kind.sigma for kind in kinds):
        raise _ungrouped(f"has no column for {field}", field, correlation, target)
    whole = [[c.name for c in columns if _whole(c)] for columns in own]
    common = [name for name in whole[0] if all(name in names for names in whole)]
    if common:
        return (common[0],)
    halves = [[(b.name, a.name) for b in columns for a in columns if _halves(b, a)] for columns in own]
    both = [pair for pair in halves[0] if all(pair in pairs for pairs in halves)]
    if both:
        return both[0]
    raise _ungrouped(f"keeps {field} in no one column as a whole", field, correlation, target)


def _whole(column: Column) -> bool:
    """Whether equal values of the column come of equal values of the field, its case or its form of writing aside."""
    return not column.array and (column.derive in ("same", "lower") or column.derive.startswith("form:"))


def _halves(before: Column, after: Column) -> bool:
    """Whether two columns together say what one would; the former is missing where there is no backslash."""
    return before.derive == "dirname" and after.derive in ("basename", "leaf") and not (before.array or after.array)


def _ungrouped(what: str, field: str, correlation: Correlation, target: Target) -> Unsupported:
    message = f"{schema_of(target).title} {what}, which groups or is counted"
    key = "group-by" if field != correlation.field else "condition"
    return Unsupported(message, f"correlation field {field}", correlation.at("correlation", key), "use another field")
