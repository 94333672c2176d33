"""pySigma's own reading of correlations is ours."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from converter.core.correlation import Correlation
from converter.core.places import read_documents
from converter.rules.correlation import read_correlation
from tests.correlations.support import ANY, COUNT, ID, ORDER, PAIR, VALUES

sigma = pytest.importorskip("sigma.correlations")

SPANS = ("1s", "90s", "5m", "90m", "1h", "36h", "1d", "14d")
ALIASED = {
    **ANY,
    "group-by": ["host"],
    "aliases": {"host": {"shell": "Computer", "recon": "ComputerName"}},
}


def ours(raw: dict[str, Any]) -> Correlation:
    (document,) = read_documents(yaml.safe_dump(raw, sort_keys=False))
    found, faults = read_correlation(document, "x.yml", "")
    assert not faults, faults
    assert found is not None
    return found


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("section", [COUNT, VALUES, ANY, ORDER, PAIR, ALIASED])
@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte", "eq", "neq"])
def test_both_read_the_same(section: dict[str, Any], span: str, operator: str) -> None:
    """Type, rules, grouping, aliases, timespan in seconds, operator, number, field and `generate` are the same."""
    raw: dict[str, Any] = {"title": "Both", "id": ID, "correlation": {**section, "timespan": span}}
    if "condition" in section:
        condition = {key: value for key, value in section["condition"].items() if key == "field"}
        raw["correlation"] = {**raw["correlation"], "condition": {operator: 7, **condition}, "generate": True}
    mine, theirs = ours(raw), sigma.SigmaCorrelationRule.from_dict(raw)
    assert mine.type == theirs.type.name.lower()
    assert list(mine.references) == [rule.reference for rule in theirs.rules]
    assert list(mine.group_by) == theirs.group_by
    assert mine.seconds == theirs.timespan.seconds
    assert mine.generate == theirs.generate
    assert mine.count.tests == ((theirs.condition.op.name.lower(), theirs.condition.count),)
    assert mine.field == (theirs.condition.fieldref or "")
    aliases = {one.alias: {ref.reference: field for ref, field in one.mapping.items()} for one in theirs.aliases}
    assert mine.aliases == aliases
