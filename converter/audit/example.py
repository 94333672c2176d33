"""The event that shows best that a query does not do what its rule says: one of the rule's own log source.

The prover stops at the first difference, which may be a record of another system that nobody expects there. What a
reader wants to see first is an event that the rule is about.
"""

from __future__ import annotations

from collections.abc import Sequence

from converter.core.errors import ParityError
from converter.core.model import Rule
from converter.core.platform import Kind, Schema
from converter.dialects.reading import Branch
from converter.platforms.constants import members, possible
from converter.platforms.pullback import fix, pull_back
from converter.prove.prove import Witness, separated
from converter.rules.meaning import meaning
from converter.semantics.decide.predicate import Predicate, disjunction


def on_own_records(rule: Rule, branches: Sequence[Branch], kinds: Sequence[Kind], schema: Schema) -> Witness | None:
    """An event of one of the rule's own `kinds` on which the branches differ from it; None where there is none, or
    none that can be found. The comparison is that of `prove.prove`."""
    try:
        meant = meaning(rule)
        return next((found for kind in kinds if (found := _on(kind, meant, branches, schema)) is not None), None)
    except ParityError:
        return None


def _on(kind: Kind, meant: Predicate, branches: Sequence[Branch], schema: Schema) -> Witness | None:
    wanted = fix(meant, kind)
    found = disjunction(
        pull_back(branch.predicate, kind, schema, wanted.fields)
        for branch in branches
        if any(kind is one for _, one in members(possible(branch.predicate, branch.tables, schema), schema))
    )
    answer = separated(wanted, found, kind, schema)
    return answer if isinstance(answer, Witness) else None
