"""How Elasticsearch finds the values of a pattern, for the cost models of its languages."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: what a Lucene expression begins with where the terms it can match do not lie together
_OPEN = re.compile(r"\(*(?:\.|\[\^|@|~|#|\\[DWS])")


def wildcard_fact(patterns: Iterable[str]) -> str:
    """The slowest of some wildcard patterns: `leading` where one begins with a wildcard."""
    found = {"leading" if p[:1] in ("*", "?") else "prefix" if re.search(r"[*?]", p) else "term" for p in patterns}
    return next((kind for kind in ("leading", "prefix") if kind in found), "term")


def regex_fact(expressions: Iterable[str]) -> str:
    """The same of Lucene's expressions, which are of the whole value."""
    alternatives = [option for e in expressions for option in re.split(r"(?<!\\)\|", e)]
    return "leading" if any(_OPEN.match(option) for option in alternatives) else "prefix"
