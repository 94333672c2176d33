"""Artefacts of rules whose words for people are hostile: every file still parses, and says what it was given."""

from __future__ import annotations

import configparser
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import yaml

from converter.artefacts.core.base import Context
from converter.artefacts.core.package import makers
from converter.core.model import Rule
from converter.rules.library import Library
from tests.artefacts.shipped import context
from tests.fuzz.running import Odd


@cache
def whole() -> Context:
    return context()


def check(rng: Random, hostile: Callable[[Random], str]) -> tuple[str, Callable[[], None]]:
    """One rule with other words, at one maker."""
    base = whole()
    path = rng.choice(list(base.library.rules))
    given = {key: hostile(rng) for key in rng.sample(["title", "description", "author"], rng.randint(1, 3))}
    if rng.random() < 0.3:
        given["falsepositives"] = [hostile(rng)]  # type: ignore[assignment]
    rule = base.library.rules[path]
    odd = Rule(rule.path, {**rule.raw, **given}, rule.sha256)
    changed = replace(base, library=Library({**base.library.rules, path: odd}, base.library.detections))
    name = rng.choice(list(makers()))

    def run() -> None:
        for made in makers()[name].make(changed):
            _parsed(made.path, made.content)

    return f"{name} {json.dumps(given)}", run


def _parsed(path: str, content: bytes) -> None:
    """Raises Odd for a file that its own format does not read, or that has more parts than it was given."""
    kind = path.rsplit(".", 1)[-1]
    try:
        text = content.decode() if kind in ("json", "ndjson", "yaml", "yml", "conf") else ""
        if kind == "json":
            json.loads(text)
        elif kind == "ndjson":
            for line in text.splitlines() if "\u2028" not in text else text.split("\n"):
                if line:
                    json.loads(line)
        elif kind in ("yaml", "yml"):
            list(yaml.safe_load_all(text))
        elif kind == "conf":
            _stanzas(text)
    except Odd:
        raise
    except Exception as error:
        raise Odd("outside", f"{path.rsplit('/', 1)[-1]}: {type(error).__name__}") from error


def _stanzas(text: str) -> None:
    joined = text.replace("\\\n", " ")
    parser: Any = configparser.RawConfigParser(
        strict=False, delimiters=("=",), comment_prefixes=("#",), default_section=""
    )
    parser.optionxform = str
    parser.read_string(joined)
    for name in parser.sections():
        for key in parser[name]:
            if "zq9x" in key:
                raise Odd("outside", f"the key {key[:60]}")
