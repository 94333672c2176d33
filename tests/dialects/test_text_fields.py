"""Fields whose values are cut into words: only a language that reads the value itself may ask for a part of it."""

from __future__ import annotations

import pytest

from converter.convert.convert import Converter
from converter.core.discovery import targets
from converter.core.errors import Unsupported
from converter.core.model import LogSource, Rule
from converter.core.verdict import Outcome
from converter.prove.prove import prove
from tests.support.generated import rule_of


def script_rule(field: str) -> Rule:
    """A rule about a part of a script block's text, or of another field of the same event."""
    detection = {"sel": {f"{field}|contains": "Get-Item -Path"}, "condition": "sel"}
    return rule_of(LogSource("windows", "ps_script"), detection, "Script")


@pytest.mark.parametrize("target", ["elastic-dsl", "elastic-lucene", "elastic-eql"])
def test_a_language_that_sees_words_alone_refuses_a_text(target: str) -> None:
    """What compares with words of a value, or takes no such field, is not asked for a part of the value."""
    with pytest.raises(Unsupported, match="of type text") as refused:
        Converter().query(script_rule("ScriptBlockText"), targets()[target])
    assert refused.value.feature == "text fields"
    assert Converter().query(script_rule("Path"), targets()[target]).text


def test_a_language_that_reads_the_value_finds_the_part() -> None:
    """ES|QL takes the value of a text field from the document, and the proof says that it finds what the rule asks."""
    rule, target = script_rule("ScriptBlockText"), targets()["elastic-esql"]
    query = Converter().query(rule, target)
    assert prove(query, target, {rule.path: rule}).outcome is Outcome.AGREE


def test_a_field_that_is_named_like_a_word_of_the_language_is_escaped() -> None:
    """A field of whose name a part is one of EQL's own words is read back as that field."""
    detection = {"sel": {"MessageNumber": 3, "Path|exists": True}, "condition": "sel"}
    rule, target = rule_of(LogSource("windows", "ps_script"), detection, "Third part"), targets()["elastic-eql"]
    query = Converter().query(rule, target)
    assert "powershell.`sequence` == 3" in query.text
    assert prove(query, target, {rule.path: rule}).outcome is Outcome.AGREE
