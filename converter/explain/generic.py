"""What holds of events before any platform saw them: where two rules are compared, or one examined, as Sigma alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from converter.core.discovery import schemas
from converter.core.model import LogSource
from converter.core.platform import Kind
from converter.platforms.derive import SEPARATORS
from converter.platforms.domains import event_domain
from converter.semantics.decide.domain import ANYTHING, Domain, FieldDomain
from converter.semantics.regular.language import ANY_STRING, MAX_CHAR, Alt, Language, Repeat, chars, literal


def generic_domain(source: LogSource, fields: Iterable[str]) -> Domain:
    """The values of `fields` in events of a log source, wherever they are logged.

    The types are those of Sigma's taxonomy, but that any path or account may be a word without separators, or empty. A
    field that the kinds of record of the log source fix (`Initiated`) has one of these values. Of a product that no
    platform has records of nothing is known.
    """
    known = [kind for schema in schemas().values() for kind in schema.kinds]
    kinds = [kind for kind in known if kind.meant_by(source)]
    products = {kind.logsource.product for kind in known} - {None}
    if source.product is not None and source.product not in products:
        return ANYTHING
    domains: dict[str, FieldDomain] = {}
    for name, domain in event_domain(fields, source.product).fields.items():
        domains[name] = _fixed(name, kinds) or _widened(domain, source.product)
    return Domain(domains)


def _widened(domain: FieldDomain, product: str | None) -> FieldDomain:
    """With words in place of a path or account: recorders write some, and rules filter what some leave empty."""
    if domain.sort != "string" or domain.language == ANY_STRING:
        return domain
    if product is None:
        return replace(domain, language=ANY_STRING)
    return replace(domain, language=Alt((domain.language, _words(SEPARATORS.get(product, "\\")))))


def _words(separator: str) -> Language:
    point = ord(separator)
    return Repeat(chars([(32, point - 1), (point + 1, MAX_CHAR)]), 0, None)


def _fixed(name: str, kinds: list[Kind]) -> FieldDomain | None:
    """The domain of a field that kinds of record fix, None where one of them has it in a column instead."""
    fixing = [kind for kind in kinds if name in kind.sigma]
    if not fixing or any(column.source == name for kind in kinds for column in kind.columns):
        return None
    values = sorted({value for kind in fixing if (value := kind.sigma[name]) is not None})
    always = len(fixing) == len(kinds) and all(kind.sigma[name] is not None for kind in fixing)
    language = Alt(tuple(literal(value, False) for value in values))
    return FieldDomain("string", language, optional=not always, samples=tuple(values))
