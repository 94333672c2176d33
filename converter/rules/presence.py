"""A rule that also asks for fields to be there: what groups the events of a correlation, and what it counts.

The result is a Sigma rule like any other, so that it is lowered, proved and judged by the same means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from converter.core.errors import Unsupported
from converter.core.model import Rule

_NAME = "_parity_present"
_UNDERSCORED = re.compile(r"\bof\s+_", re.IGNORECASE)


def having(rule: Rule, fields: Sequence[str]) -> Rule:
    """The rule narrowed to events that have all the fields. Raises Unsupported where a condition would take the added
    selection for one of its own."""
    if not fields:
        return rule
    detection = rule.raw["detection"]
    condition = detection["condition"]
    conditions = [condition] if isinstance(condition, str) else list(condition)
    if any(_UNDERSCORED.search(text) for text in conditions):
        raise Unsupported("a condition over names with an underscore", "correlation base", rule.at("detection"))
    asked = " or ".join(f"({text})" for text in conditions)
    present = {f"{name}|exists": True for name in dict.fromkeys(fields)}
    changed = {**detection, _NAME: present, "condition": f"({asked}) and {_NAME}"}
    return replace(rule, raw={**rule.raw, "detection": changed})
