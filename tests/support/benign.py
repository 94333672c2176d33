"""Harmless events by the thousand: templates of what servers and their tools do, filled by a seeded choice of words."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from converter.core.model import Event

_WORD = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True)
class Benign:
    """One harmless event of a log source (`windows file_event`), and where its kind is known from.

    `fires` has the rules that it is known to fire, each with the reason.
    """

    source: str
    known_from: str
    event: Event
    fires: Mapping[str, str]


def benign(path: Path, count: int, seed: int) -> Iterator[Benign]:
    """`count` events, the templates in turn, so that each is used; the same for the same seed."""
    raw = yaml.safe_load(path.read_text("utf-8"))
    words: Mapping[str, Sequence[str]] = raw.pop("words")
    chance = random.Random(seed)
    templates = [(source, group["base"], item) for source, group in raw.items() for item in group["events"]]
    for number in range(count):
        source, base, item = templates[number % len(templates)]
        chosen: dict[str, str] = {}
        event = {field: _filled(value, words, chosen, chance) for field, value in {**base, **item["event"]}.items()}
        yield Benign(source, item["from"], event, item.get("fires", {}))


def _filled(value: Any, words: Mapping[str, Sequence[str]], chosen: dict[str, str], chance: random.Random) -> Any:
    """The value with each word in its place: one event has one pool, one site, one host."""
    if not isinstance(value, str):
        return value
    for name in _WORD.findall(value):
        chosen.setdefault(name, chance.choice(words[name]))
    return _WORD.sub(lambda found: chosen[found[1]], value)
