"""(Rule, Target) -> Query: a rule over a platform's tables, written in the target's language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from converter.convert.display import columns_of, common_names
from converter.convert.lower import Place, lower
from converter.convert.simplify import FALSE, TRUE, any_of, joined
from converter.convert.sources import Sources, sources_for
from converter.convert.views import View, blind, told_apart, views
from converter.core.discovery import schema_of
from converter.core.errors import LibraryError, ParityError, Unsupported
from converter.core.memory import LastFew
from converter.core.model import Detection, Query, Rule, Target
from converter.core.platform import Schema
from converter.dialects.condition import And, Condition, fields_of
from converter.dialects.draft import Composition, Draft
from converter.dialects.registry import dialect
from converter.platforms.derive import is_whole
from converter.rules.detection import DetectionSection, read_detection

#: an expression that asks for one plain text
_WHOLE = re.compile(r"\^([\w -]*)\$")
#: name -> values of the placeholders under the modifier `expand`
Placeholders = Mapping[str, tuple[str, ...]]


class Converter:
    """Converts rules and detections for targets; `placeholders` are a site's values for `%name%`.

    `notes` are lines for the header of every query, where its language has comments.
    """

    def __init__(self, placeholders: Placeholders | None = None, notes: tuple[str, ...] = ()) -> None:
        self.placeholders = placeholders or {}
        self.notes = notes
        #: of rules, which are asked for once for each target
        self._lower: LastFew[tuple[Rule, str], Lowered] = LastFew()

    def query(self, rule: Rule, target: Target, *notes: str) -> Query:
        """The query of one rule. Raises Unsupported or LibraryError, naming the rule and the target."""
        language = dialect(target.dialect)
        with at(rule, target):
            text = language.write(self.draft(rule, target, notes=(*self.notes, *notes)))
        path = f"{target.name}/{rule.stem}.{language.extension}"
        return Query(rule.path, target.name, target.dialect, text, path)

    def detection(self, detection: Detection, rules: Mapping[str, Rule], target: Target, *notes: str) -> Query:
        """The combined query of a detection."""
        language = dialect(target.dialect)
        parts = []
        for part in detection.parts:
            with at(rules[part.rule], target):
                parts.append(replace(self.draft(rules[part.rule], target, detection.columns), label=part.label))
        sources = [rules[part.rule].logsource for part in detection.parts]
        named = common_names(parts, sources, schema_of(target), detection.raw.get("common_columns", ()))
        every = (*self.notes, *notes)
        composition = Composition(detection.title, detection.path, target, named, detection.lookback_hours, every)
        path = f"{target.name}/detections/{detection.name}.{language.extension}"
        return Query(detection.path, target.name, target.dialect, language.write_detection(composition), path)

    def draft(
        self, rule: Rule, target: Target, fields: tuple[str, ...] | None = None, notes: tuple[str, ...] = ()
    ) -> Draft:
        """The rule over the target's columns, before any query language; `fields` replaces the rule's own list.

        Raises Unsupported for what the platform does not record or the tables cannot say.
        """
        schema = schema_of(target)
        sources = sources_for(rule, schema)
        lowered = self._lowered(rule, schema, sources)
        shown, unmapped = columns_of(fields or rule.fields, rule.logsource, lowered.tested, sources.kinds)
        return Draft(
            title=rule.title,
            source=rule.path,
            id=rule.id,
            target=target,
            table=sources.table,
            indices=tuple(target.options.get("indices", {}).get(rule.logsource.label) or sources.indices),
            condition=lowered.condition,
            columns=shown,
            types=sources.types,
            unmapped=unmapped,
            arrays=sources.arrays,
            scope=sources.constants,
            missing=schema.missing,
            blind=lowered.blind,
            notes=notes,
            leading=_leading(target, schema, sources),
        )

    def _lowered(self, rule: Rule, schema: Schema, sources: Sources) -> Lowered:
        """The rule over a platform's columns, which targets on one platform share."""
        return self._lower.of(
            (rule, schema.name),
            lambda: _lowered(read_detection(rule, self.placeholders), sources, schema.missing),
        )


@dataclass(frozen=True)
class Lowered:
    """A rule over a platform's columns; `blind` names kinds of record that never hold a field it tests."""

    condition: Condition
    tested: frozenset[str]
    blind: Mapping[str, tuple[str, ...]]


def _leading(target: Target, schema: Schema, sources: Sources) -> tuple[str, ...]:
    """The target's first columns, as far as the table has them, and the one that tells its rows apart."""
    usual, identity = tuple(target.options["leading_columns"]), schema.identities.get(sources.table)
    return (*(name for name in usual if name in sources.types), identity) if identity else usual


def tested_fields(section: DetectionSection) -> frozenset[str]:
    """Every field that the rule's condition tests or compares with."""
    found: set[str] = set()
    for name, groups in section.selections.items():
        if name in section.unused:
            continue
        for item in (item for group in groups for item in group):
            found |= {item.field} if item.field else set()
            found |= {str(value) for value in item.values} if "fieldref" in item.modifiers else set()
    return frozenset(found)


def cased_fields(section: DetectionSection) -> frozenset[str]:
    """The fields that some test of the rule reads by the case of their letters."""
    items = (item for groups in section.selections.values() for group in groups for item in group)
    return frozenset(
        item.field
        for item in items
        if item.field and ("cased" in item.modifiers or ("re" in item.modifiers and "i" not in item.modifiers))
    )


def exact_values(section: DetectionSection) -> dict[str, set[str]]:
    """The whole texts that a rule asks for, by field."""
    found: dict[str, set[str]] = {}
    items = (item for groups in section.selections.values() for group in groups for item in group)
    for item in items:
        if item.field is not None and not set(item.modifiers) - {"all", "neq", "cased"}:
            found.setdefault(item.field, set()).update(value for value in item.values if isinstance(value, str))
        elif item.field is not None and "re" in item.modifiers:
            whole = (_WHOLE.fullmatch(str(value)) for value in item.values)
            found.setdefault(item.field, set()).update(match[1] for match in whole if match)
    return found


def _lowered(section: DetectionSection, sources: Sources, missing: str) -> Lowered:
    """The scope and, within it, what the rule asks of each view of the records."""
    tested = tested_fields(section)
    found = views(sources.kinds, tested, exact_values(section), cased_fields(section))
    for view in found:
        _refuse_alike(view, section.where)
    recorded = frozenset(name for view in found for name, columns in view.columns.items() if columns)
    asked = [(view, lower(section, Place(view, sources.types, missing, recorded))) for view in found]
    alike: dict[Condition, list[View]] = {}
    for view, condition in asked:
        alike.setdefault(condition, []).append(view)
    firing = {condition: group for condition, group in alike.items() if condition != FALSE}
    if not firing:
        raise Unsupported("no record of this platform can match the rule", "never", section.where, hint="see lint")
    cases = [(_apart(group, found, sources.preferred), condition) for condition, group in firing.items()]
    condition = _scope_first(joined(sources.scope, cases), sources.constants)
    heard = [kind for group in firing.values() for view in group for kind in view.kinds]
    return Lowered(condition, tested, blind(heard, tested))


def _refuse_alike(view: View, where: str) -> None:
    """Raises Unsupported where two of the tested fields are whole in one column: a record has one value for both."""
    held: dict[str, str] = {}
    for field, columns in sorted(view.columns.items()):
        for column in columns:
            if is_whole(column.derive) and held.setdefault(column.name, field) != field:
                message = f"{held[column.name]} and {field} are one column here ({column.name})"
                raise Unsupported(message, "fields alike", where, hint="test one of them")


def _apart(group: list[View], every: list[View], preferred: tuple[str, ...]) -> Condition:
    """What the kinds of views of which the same is asked have, and no others; as one view, if the columns allow."""
    others = [kind for other in every if other not in group for kind in other.kinds]
    if not others:
        return TRUE
    whole = replace(group[0], kinds=tuple(kind for view in group for kind in view.kinds))
    try:
        return told_apart(whole, others, preferred)
    except Unsupported:
        alone = (replace(view, kinds=(kind,)) for view in group for kind in view.kinds)
        return any_of(dict.fromkeys(told_apart(view, others, preferred) for view in alone))


def _scope_first(condition: Condition, constants: frozenset[str]) -> Condition:
    """Conjuncts about the kind of record come first: engines skip most rows on them, and so do readers."""
    if not isinstance(condition, And):
        return condition
    first = [part for part in condition.parts if fields_of(part) <= constants]
    return And((*first, *(part for part in condition.parts if part not in first)))


@contextmanager
def at(rule: Rule, target: Target) -> Iterator[None]:
    """Names rule and target in whatever goes wrong inside."""
    place = f"{rule.path}:{rule.lines.get('detection', 1)}"
    try:
        yield
    except Unsupported as error:
        raise Unsupported(f"{target.name}: {error.message}", error.feature, error.where or place, error.hint) from error
    except LibraryError as error:
        # the rule itself is at fault, whatever the target
        raise LibraryError(error.message, error.where or place, error.hint) from error
    except ParityError:
        raise
