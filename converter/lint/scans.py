"""Queries of a rule that no index narrows down: where the rule's log source is large they read all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from converter.convert.convert import Converter
from converter.core.errors import ParityError
from converter.core.model import Target
from converter.explain.cost import cost
from converter.lint.finding import Examined, Finding

EVIDENCE = "the cost model, which knows no data: parity cost"


def scans(one: Examined, targets: Iterable[Target]) -> Iterator[Finding]:
    """One finding that names the targets."""
    converter = Converter()
    names = []
    for target in targets:
        try:
            if cost(converter.query(one.rule, target), target).scans:
                names.append(target.name)
        except ParityError:
            continue  # no query there, or a broken rule, which others tell
    if names:
        message = f"no index narrows the query down: it reads all of its log source ({', '.join(names)})"
        yield one.finding("scans", one.outline.line("condition"), message, EVIDENCE)
