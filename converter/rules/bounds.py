"""How large a rule may be to be converted: larger ones are refused in a word, not worked on for minutes."""

from __future__ import annotations

from collections.abc import Mapping

from converter.core.errors import Unsupported
from converter.core.model import Rule
from converter.rules.condition import AllOf, AnyOf, Condition, Negated, Selection
from converter.rules.detection import Alternatives, DetectionSection, Item, read_detection
from converter.rules.placeholders import Placeholders

#: Tests that a rule comes to with its condition written out. The longest public Sigma rule has some 800; a list of
#: 20,000 is proved in seconds, and each test costs time at every step from reading to proof.
MOST_TESTS = 25_000
#: The longest command line that Windows takes, in UTF-16 units with the null at its end:
#: https://learn.microsoft.com/en-us/windows/win32/api/processthreadsapi/nf-processthreadsapi-createprocessw
LONGEST_VALUE = 32_767


def check_size(rule: Rule, placeholders: Placeholders | None) -> DetectionSection:
    """The rule's detection, placeholders filled in unless they are None.

    Raises Unsupported for a rule that comes to more than MOST_TESTS or has a longer value than LONGEST_VALUE, and
    LibraryError for one whose detection is broken.
    """
    section = read_detection(rule, placeholders)
    for groups in section.selections.values():
        for item in (item for group in groups for item in group):
            length = max(len(value) if isinstance(value, str) else 0 for value in item.values)
            if length > LONGEST_VALUE:
                message = f"{item.label}: a value of {length:,} characters; at most {LONGEST_VALUE:,} are compared"
                raise Unsupported(message, "value length", item.where, "look for a part of it")
    sizes = {name: _size(groups) for name, groups in section.selections.items()}
    tests = _written_out(section.condition, sizes)
    if tests > MOST_TESTS:
        message = f"the rule comes to {tests:,} tests; at most {MOST_TESTS:,} are converted"
        hint = "split it, or look such a list up on the platform (watchlist, lookup, indicator match)"
        raise Unsupported(message, "rule size", rule.at("detection"), hint)
    return section


def _size(groups: Alternatives) -> int:
    return sum(_tests(item) for group in groups for item in group)


def _tests(item: Item) -> int:
    """The tests that one item becomes: Base64 at any offset has three forms."""
    forms = 3 if "base64offset" in item.modifiers else 1
    return len(item.values) * forms


def _written_out(condition: Condition, sizes: Mapping[str, int]) -> int:
    """The tests of a condition, those of a selection counted each time it is named."""
    if isinstance(condition, Selection):
        return sizes[condition.name]
    if isinstance(condition, Negated):
        return _written_out(condition.part, sizes)
    assert isinstance(condition, AllOf | AnyOf)
    return sum(_written_out(part, sizes) for part in condition.parts)
