"""What each effect of a loss does: to a value, to a test of what is still held, and to a test of the event itself."""

from __future__ import annotations

from typing import Any

from converter.core.platform import Loss
from converter.platforms.forms import XML_ENTITIES, loses_some, named
from converter.platforms.hashes import asked, component
from converter.platforms.inverse import has, lower_image
from converter.platforms.networks import as_networks
from converter.platforms.prefixes import BETWEEN
from converter.platforms.pullback import atoms
from converter.platforms.recodings import UNDECODABLE, recoding
from converter.platforms.texts import literal_of
from converter.semantics.decide.predicate import (
    FALSE,
    TRUE,
    Atom,
    Predicate,
    Present,
    SameAs,
    Strings,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.regular.images import fold, fold_all, inverse_trim, longest
from converter.semantics.regular.language import ANY_STRING, Alt, Language, Repeat, Seq, char, chars, literal

#: effect -> what it does to a value, in words
EFFECTS = {
    "not_sent": "is never in the record",
    "trims": "loses the blanks at its ends",
    "drops": "is missing where it has certain values",
    "drops_part": "is missing where a part of it has certain values",
    "lowers": "is written in lower case",
    "any_case": "is written in any case",
    "ignore_above": "is missing to a query where it is long",
    "escapes": "may be written in another form",
    "suffixed": "may have something after it",
    "renamed": "begins with another word for the same thing",
    "no_algorithm": "has no column for one algorithm",
    "respelled": "is an address, whose spelling is not kept",
    "recoded": "is written in another encoding, which other values share",
}
#: derivations that keep what is before or after the last backslash
PARTS = ("basename", "leaf", "dirname")
_ENTITIES = tuple(XML_ENTITIES.values())
_BLANKS = " \t\r\n\f\v"
CAPITAL = Strings(Seq((ANY_STRING, chars([(65, 90)]), ANY_STRING)))
NULL = "null"


def concerns(loss: Loss, field: str) -> bool:
    """Whether a loss strikes the values of a field."""
    return "*" in loss.fields or field in loss.fields


def reading_of(item: Atom, loss: Loss) -> Predicate:
    """One test as it is meant where the loss has struck."""
    values = item.values
    if loss.effect == "not_sent":
        return FALSE
    if loss.effect == "no_algorithm":
        wanted = asked(item)
        return FALSE if wanted is not None and wanted[0] in loss.values else item
    if loss.effect == "drops" and _is_one_of(values, loss.values):
        return disjunction([item, negation(Atom(item.field, Present()))])
    if loss.effect in ("any_case", "lowers") and isinstance(values, Strings):
        return Atom(item.field, Strings(fold_all(values.language)))
    if loss.effect == "respelled":
        return as_networks(item)
    if loss.effect == "recoded" and isinstance(values, Strings):
        return Atom(item.field, Strings(recoding(loss.values[0]).image(values.language)))
    if loss.effect == "renamed" and isinstance(values, Strings):
        return Atom(item.field, Strings(named(BETWEEN.join(loss.values)).image(values.language)))
    if loss.effect in ("escapes", "suffixed") and isinstance(values, Strings):
        # whoever asks for a value must find each of its forms, and so finds what only looks like one
        images = [named(value).written(values.language) for value in loss.values]
        return disjunction([item, *(Atom(item.field, Strings(i)) for i in images if i != values.language)])
    return item


def with_part(text: str) -> Strings:
    """The values of which what is before, or after, the last backslash is a text in any case."""
    part, joint = literal(text, True), char("\\", False)
    last = Repeat(chars([(92, 92)], negated=True), 0, None)
    return Strings(Alt((part, Seq((ANY_STRING, joint, part)), Seq((part, joint, last)))))


def _is_one_of(values: object, texts: tuple[str, ...]) -> bool:
    """Whether a test asks for exactly one of the texts: a pattern that merely covers it means no missing value."""
    if not isinstance(values, Strings):
        return False
    return any(values.language in (literal(text, True), literal(text, False)) for text in texts)


def kept_value(value: Any, loss: Loss) -> Any:
    if isinstance(value, list):
        items = [item for item in (kept_value(element, loss) for element in value) if item is not None]
        return items or None
    if loss.effect == "not_sent" or not isinstance(value, str):
        return None if loss.effect == "not_sent" else value
    if loss.effect == "drops":
        return None if value in loss.values else value
    if loss.effect == "ignore_above":
        return None if len(value) > loss.length else value
    if loss.effect == "drops_part":
        return None if set(loss.values).intersection(value.lower().rpartition("\\")[::2]) else value
    if loss.effect == "trims":
        return value.strip(_BLANKS)
    if loss.effect == "recoded":
        return recoding(loss.values[0]).value(value)
    return value.lower() if loss.effect == "lowers" else value


def image_of(item: Atom, loss: Loss) -> Predicate:
    """One test as it turns out on the event once the loss has struck: its reading on what is held, over the event."""
    values = item.values
    if loss.effect == "drops" and isinstance(values, SameAs):
        # of two fields that are compared, neither may be one that is left out
        gone = [
            Atom(field, Strings(literal(text, False)))
            for field in (item.field, values.other)
            if concerns(loss, field)
            for text in loss.values
        ]
        return conjunction([item, *map(negation, gone)])
    if not concerns(loss, item.field):
        return item
    if loss.effect == "no_algorithm" and isinstance(values, Present):
        # what is there may be of this algorithm alone
        alone = [negation(Atom(component(item.field, name), Present())) for name in loss.values]
        return conjunction([item, *alone])
    if loss.effect in ("not_sent", "no_algorithm", "any_case", "respelled", "escapes", "suffixed"):
        return reading_of(item, loss)
    if loss.effect == "drops":
        dropped = disjunction(Atom(item.field, Strings(literal(text, False))) for text in loss.values)
        kept = conjunction([item, negation(dropped)])
        if not _is_one_of(values, loss.values):
            return kept if isinstance(values, Present) or _holds_any(values, loss.values) else item
        return disjunction([kept, dropped, negation(Atom(item.field, Present()))])
    if loss.effect == "drops_part":
        parts = disjunction(Atom(item.field, with_part(text)) for text in loss.values)
        return conjunction([item, negation(parts)]) if isinstance(values, Present | Strings) else item
    if loss.effect == "ignore_above":
        long = isinstance(values, Present | SameAs) or (
            isinstance(values, Strings) and _longer(values.language, loss.length)
        )
        return TRUE if long else item
    if not isinstance(values, Strings):
        return item
    if loss.effect == "trims":
        return Atom(item.field, Strings(inverse_trim(values.language)))
    if loss.effect == "recoded":
        one = recoding(loss.values[0])
        same = Atom(item.field, Strings(one.origin(one.image(values.language))))
        untouched = conjunction([item, Atom(item.field, Strings(UNDECODABLE))])
        return disjunction([same, untouched]) if one.codes else same
    return Atom(item.field, lower_image(fold(values.language))) if loss.effect == "lowers" else item


def mistakes_escaped(rule: Predicate, loss: Loss) -> bool:
    """Whether an entity may be taken for what a rule asks for, or be missed by it.

    A wildcard for one character misses an entity of several; a text that begins or ends like a part of one (`a`, `t;`)
    is found inside it. Of expressions nothing is known but that they may.
    """
    languages = [a.values.language for a in atoms(rule) if concerns(loss, a.field) and isinstance(a.values, Strings)]
    return "xml" in loss.values and any(loses_some(language) or _within_entity(language) for language in languages)


def _within_entity(language: Language) -> bool:
    form = literal_of(language)
    if form is None:
        return True
    starts = form.open_start and any(form.text.startswith(e[at:]) for e in _ENTITIES for at in range(1, len(e)))
    ends = form.open_end and any(form.text.endswith(e[:at]) for e in _ENTITIES for at in range(1, len(e)))
    return bool(form.text) and (starts or ends or any(form.text in e for e in _ENTITIES if form.open_start))


def _holds_any(values: object, texts: tuple[str, ...]) -> bool:
    return isinstance(values, Strings) and any(has(values.language, text) for text in texts)


def _longer(language: Language, length: int) -> bool:
    most = longest(language)
    return most is None or most > length
