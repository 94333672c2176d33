"""The placeholders of the modifier `expand`: `%name%` stands for values that a site gives.

Source: Sigma rules specification, "Placeholders": a percent sign is escaped by a backslash, a placeholder may stand for
several values that are linked by `or`, and may be replaced by a pattern; a tool without a value must reject the rule.
https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-rules-specification.md
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from converter.core.errors import LibraryError, Unsupported
from converter.core.model import Rule

#: name -> its values, which are Sigma values: `*` and `?` are wildcards in them
Placeholders = Mapping[str, Sequence[str]]

_PLACEHOLDER = re.compile(r"(?<!\\)%(\w+)%")
_TRAILING = re.compile(r"\\+\Z")
#: what the values of one item may come to once placeholders are filled in
MAX_VALUES = 50_000


class _Where(Protocol):
    @property
    def label(self) -> str: ...

    @property
    def where(self) -> str: ...


def names_in(value: str) -> tuple[str, ...]:
    """The names of the placeholders in a value that `expand` applies to."""
    return tuple(match[1] for match in _PLACEHOLDER.finditer(value))


def fill(value: str, placeholders: Placeholders, item: _Where) -> Iterator[str]:
    """The value with its placeholders replaced, once for each combination of their values.

    Raises Unsupported, saying where values are given, for a placeholder that has none.
    """
    if re.search(r"\\\\%\w+%", value):
        message = f"{item.label}: two backslashes before a placeholder can be read in two ways"
        raise LibraryError(message, item.where, "give the placeholder values that begin with the backslash")
    # the pieces between placeholders stand at even places, the names at odd ones
    pieces = _PLACEHOLDER.split(value)
    choices: list[Sequence[str]] = []
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            choices.append((piece.replace("\\%", "%"),))
            continue
        given = placeholders.get(piece)
        if not given:
            message = f"{item.label}: the placeholder %{piece}% has no value"
            raise Unsupported(
                message, "modifier:expand", item.where, f"give it one: parity.toml, [placeholders], {piece}"
            )
        choices.append(tuple(str(one) for one in given))
    return (_joined(combination) for combination in itertools.product(*choices))


def _joined(pieces: Sequence[str]) -> str:
    """The pieces one after the other; a backslash at the end of one escapes nothing in the next."""
    out = ""
    for piece in pieces:
        trailing = _TRAILING.search(out)
        if piece and trailing and len(trailing[0]) % 2:
            out += "\\"
        out += piece
    return out


@dataclass(frozen=True)
class _Key:
    """An item of a rule that is not read yet, for messages."""

    label: str
    where: str = ""


def asks(rule: Rule) -> bool:
    """Whether a rule has an item under `expand`."""
    detection = rule.raw.get("detection")
    todo: list[Any] = list(detection.values()) if isinstance(detection, Mapping) else []
    while todo:
        part = todo.pop()
        if isinstance(part, Mapping):
            if any(isinstance(key, str) and "expand" in key.split("|")[1:] for key in part):
                return True
        elif isinstance(part, list):
            todo += part
    return False


def given(rule: Rule, placeholders: Placeholders) -> Rule:
    """The rule as a site has it: each value under `expand` replaced by what its placeholders stand for.

    The item keeps its key, so that its lines are still known; percent signs of values are escaped, and nothing is
    replaced twice. An item that cannot be replaced stays, and whoever reads the rule refuses it with its line.
    """
    detection = rule.raw.get("detection")
    if not placeholders or not isinstance(detection, Mapping):
        return rule
    changed = {name: _given(part, placeholders) if name != "condition" else part for name, part in detection.items()}
    return rule if changed == detection else replace(rule, raw={**rule.raw, "detection": changed})


def _given(part: Any, placeholders: Placeholders) -> Any:
    if isinstance(part, list):
        return [_given(entry, placeholders) for entry in part]
    if not isinstance(part, Mapping):
        return part
    return {key: _replaced(key, value, placeholders) for key, value in part.items()}


def _replaced(key: Any, value: Any, placeholders: Placeholders) -> Any:
    modifiers = key.split("|")[1:] if isinstance(key, str) else []
    values = value if isinstance(value, list) else [value]
    if "expand" not in modifiers or not all(isinstance(one, str) for one in values):
        return value
    if not any(names_in(one) for one in values) or ("all" in modifiers and len(values) == 1):
        return value
    try:
        texts = (text for one in values for text in fill(one, placeholders, _Key(key)))
        found = [text.replace("%", "\\%") for text in itertools.islice(texts, MAX_VALUES + 1)]
    except (LibraryError, Unsupported):
        return value
    return found if len(found) <= MAX_VALUES else value
