"""(Correlation, query text, target) -> proof: are the base queries right, and is their relation the rule's?

The events of each rule are decided as any query is, over all events. What relates them has no predicate: it is read
back from the text as a structure (what is counted, keys, timespan, least count, order) and compared with the rule's,
each part exactly; a text of another shape is out of the fragment. That a structure of a language means what the
specification says is shown by execution, not decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from converter.core.correlation import TEMPORAL, Correlation
from converter.core.discovery import schema_of
from converter.core.errors import OutOfFragment, ParityError, QueryError
from converter.core.model import Query, Rule, Target
from converter.core.platform import Kind, Schema
from converter.core.verdict import Outcome, Verdict
from converter.dialects.limits import excess
from converter.dialects.reading import Correlated, CorrelatedLeg
from converter.dialects.registry import dialect
from converter.platforms.effects import concerns
from converter.platforms.losses import NamedLoss, losses_of
from converter.prove.prove import CHECK, Group, Meaning, Proof, decided
from converter.rules.meaning import meaning
from converter.rules.presence import having
from converter.semantics.decide.domain import DEFAULT_BUDGET, Budget

#: the rules are decided over all events; what relates them is read back and compared
PROVENANCE = "decided by Parity for each rule, compared by Parity for what relates them"
#: losses that leave a value of the field as it is
_HARMLESS = ("renamed", "no_algorithm")


def prove_correlation(
    query: Query,
    target: Target,
    correlation: Correlation,
    rules: Mapping[str, Rule],
    budget: Budget = DEFAULT_BUDGET,
    means: Meaning = meaning,
) -> Proof:
    """The proof for a correlation's query; `rules` has its rules by reference."""
    schema = schema_of(target)
    language = dialect(target.dialect)
    try:
        if too_long := excess(query.text, target):
            raise QueryError(too_long)
        found = language.correlated(query.text, schema)
        parts = [(name, rules[name]) for name in correlation.references]
        wrong = next(_differences(correlation, parts, found, schema, language.windows), None)
        if wrong is not None:
            return Proof(Outcome.DISAGREE, wrong)
        proof = decided(_groups(correlation, parts, found), schema, budget, means)
        if proof.outcome is not Outcome.AGREE:
            return proof
        lost = {(one.loss.id, one.fields): one for one in (*proof.losses, *_losses(correlation, parts, schema))}
        return Proof(proof.outcome, losses=tuple(lost.values()), evidence=proof.evidence)
    except OutOfFragment as fault:
        return Proof(Outcome.OUT_OF_FRAGMENT, fault.message)
    except ParityError as fault:
        return Proof(Outcome.ERROR, str(fault))


def verdict(
    query: Query, target: Target, correlation: Correlation, rules: Mapping[str, Rule], means: Meaning = meaning
) -> Verdict:
    """`prove_correlation` as a verdict for a report."""
    proof = prove_correlation(query, target, correlation, rules, means=means)
    losses = tuple(dict.fromkeys(found.loss.id for found in proof.losses))
    return Verdict(query.source, target.name, CHECK, proof.outcome, PROVENANCE, proof.reason, losses=losses)


Parts = Sequence[tuple[str, Rule]]


def _differences(
    correlation: Correlation, parts: Parts, found: Correlated, schema: Schema, windows: str
) -> Iterator[str]:
    """What of the structure is not the rule's, as sentences."""
    asked = {
        "type": (correlation.type, found.type),
        "timespan in seconds": (correlation.seconds, found.seconds),
        "least count": (correlation.count.least, found.least),
        "windows": (windows, found.windows),
    }
    for what, (wanted, got) in asked.items():
        if wanted != got:
            yield f"the {what} of the rule is {wanted}, of the query {got}"
    apart = correlation.type in TEMPORAL
    if apart:
        names = [leg.label for leg in found.legs]
        numbers = [f"#{number}" for number in range(1, len(parts) + 1)]
        wanted_names = [name for name, _ in parts]
        if names not in (wanted_names, numbers):
            yield f"the rule relates {', '.join(wanted_names)}, the query {', '.join(names)}"
            return
    for number, leg in enumerate(found.legs):
        for name, rule in parts[number : number + 1] if apart else parts:
            yield from _column_faults(correlation, name, rule, leg, schema)


def _column_faults(
    correlation: Correlation, name: str, rule: Rule, leg: CorrelatedLeg, schema: Schema
) -> Iterator[str]:
    """Whether the columns that group and are counted hold the fields in every kind of record that has them."""
    fields = correlation.fields_of(name)
    for kind in _kinds(rule, leg, schema):
        if not _fit([_holding(field, kind) for field in fields], leg.keys, leg.without):
            asked, got = ", ".join(fields), ", ".join(leg.keys) or "nothing"
            yield f"the query groups {kind.name} by {got}, which is not where it keeps {asked}"
        if correlation.field and (leg.value,) not in _holding(correlation.field, kind):
            yield f"the query counts {leg.value or 'nothing'} of {kind.name}, which is not its {correlation.field}"


def _holding(field: str, kind: Kind) -> list[tuple[str, ...]]:
    """The columns of a kind that hold a field: one that has it whole, or two that have what is before and after its
    last backslash. Where the kind has no such field it holds it nowhere, and any columns will do."""
    own = [column for column in kind.columns if column.source == field and not column.array]
    if not own:
        return [*((column.name,) for column in kind.columns), ("",)]
    whole = [(column.name,) for column in own if column.derive.split(":")[0] in ("same", "lower", "form")]
    before = [column.name for column in own if column.derive == "dirname"]
    after = [column.name for column in own if column.derive in ("basename", "leaf")]
    return [*whole, *((one, other) for one in before for other in after)]


def _fit(held: list[list[tuple[str, ...]]], keys: Sequence[str], without: frozenset[str]) -> bool:
    """Whether the keys are, field by field, columns that hold it; of two the first may be missing, so that events which
    lack it must be in a group of their own."""
    if not held:
        return not keys
    found = [one for one in held[0] if tuple(keys[: len(one)]) == one and (len(one) == 1 or one[0] in without)]
    return any(_fit(held[1:], keys[len(one) :], without) for one in found)


def _kinds(rule: Rule, leg: CorrelatedLeg, schema: Schema) -> Iterator[Kind]:
    """The kinds of record of a rule that a leg may return: where its language names tables, those of its own."""
    tables = {table for branch in leg.branches for table in branch.tables}
    named = any(table in schema.types for table in tables)
    for kind in schema.kinds:
        if kind.meant_by(rule) and (not named or kind.table in tables):
            yield kind


def _groups(correlation: Correlation, parts: Parts, found: Correlated) -> list[Group]:
    """Which rules must mean what which branches mean: each its own leg's, or all those of all."""
    counted = (correlation.field,) if correlation.field else ()
    narrowed = [having(rule, (*correlation.fields_of(name), *counted)) for name, rule in parts]
    if correlation.type in TEMPORAL:
        return [Group([rule], leg.branches) for rule, leg in zip(narrowed, found.legs, strict=True)]
    return [Group(narrowed, [branch for leg in found.legs for branch in leg.branches])]


def _losses(correlation: Correlation, parts: Parts, schema: Schema) -> Iterator[NamedLoss]:
    """What the platform destroys of the values that group and are counted: groups run together, or fall apart."""
    for name, rule in parts:
        fields = (*correlation.fields_of(name), *([correlation.field] if correlation.field else []))
        for kind in (kind for kind in schema.kinds if kind.meant_by(rule)):
            for loss in losses_of(kind, schema):
                touched = tuple(field for field in fields if concerns(loss, field))
                if touched and loss.effect not in _HARMLESS:
                    yield NamedLoss(loss, kind.name, touched, None)
