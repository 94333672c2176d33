"""Numbers that are kept as texts: a test of them has no case to ignore, and an index answers it as it is."""

from __future__ import annotations

import pytest

from converter.convert.convert import Converter
from converter.core.discovery import targets
from converter.core.model import LogSource
from converter.core.verdict import Outcome
from converter.prove.prove import prove
from tests.support.generated import rule_of

ASKED = {
    "elastic-dsl": '{"term": {"event.code": "7045"}}',
    "elastic-eql": 'event.code == "7045"',
    "elastic-esql": 'event.code == "7045"',
    "elastic-lucene": "event.code:7045",
}


@pytest.mark.parametrize("name", ASKED)
def test_a_number_kept_as_a_text_is_asked_for_as_it_is(name: str) -> None:
    """The number of an event is compared as a term, while letters beside it go on in any case; both are proved."""
    detection = {"sel": {"EventID": 7045, "ServiceName": "Sync7"}, "condition": "sel"}
    rule, target = rule_of(LogSource("windows", service="system"), detection, "Installed"), targets()[name]
    query = Converter().query(rule, target)
    assert ASKED[name] in query.text
    assert 'ServiceName": "Sync7"' not in query.text
    assert 'ServiceName == "Sync7"' not in query.text
    assert prove(query, target, {rule.path: rule}).outcome is Outcome.AGREE
