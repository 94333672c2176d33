"""What a language or a place takes of a query at most: numbers with their sources, from `limits.yml`.

Writers keep to them where they can and refuse where they cannot; readers ask them of any text, so that nothing over a
limit is ever proved. What is asked of a text as a whole is here, what is asked of its parts in the language's reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from converter.core.errors import Unsupported
from converter.core.model import Target


@dataclass(frozen=True)
class Limit:
    """`most` of `what`, None where the vendor documents no number; `kept` says what Parity does about it."""

    most: int | None
    what: str
    kept: str
    source: str


@cache
def limits() -> Mapping[str, Mapping[str, Limit]]:
    """The name of a dialect or target -> the name of a limit -> the limit."""
    text = files("converter.dialects").joinpath("limits.yml").read_text("utf-8")
    return {of: {name: Limit(**one) for name, one in own.items()} for of, own in yaml.safe_load(text).items()}


def most(of: str, name: str) -> int:
    """The number of a limit that has one."""
    number = limits()[of][name].most
    assert number is not None, f"{of}: {name}"
    return number


def limits_of(target: Target) -> dict[str, Limit]:
    """Those of a target: its language's, and the place's own."""
    return {**limits().get(target.dialect, {}), **limits().get(target.name, {})}


def excess(text: str, target: Target) -> str:
    """What is too much about a text as a whole on a target, "" if nothing is."""
    own = limits_of(target).get("characters")
    if own is None or own.most is None or len(text) <= own.most:
        return ""
    return f"the query has {len(text):,} characters; {target.title} takes {own.most:,}"


def within(text: str, target: Target) -> str:
    """The text itself. Raises Unsupported for one that the target does not take."""
    found = excess(text, target)
    if found:
        own = limits_of(target)["characters"]
        raise Unsupported(found, "query length", hint=f"{own.kept.removeprefix('refused; ')}: {own.source}")
    return text
