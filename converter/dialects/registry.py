"""Finds dialects by name. Asking for one imports that one only."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import converter.dialects
from converter.core.discovery import did_you_mean
from converter.core.errors import UsageError
from converter.core.model import Gap, Target
from converter.dialects.dialect import Dialect


@cache
def names() -> tuple[str, ...]:
    """The dialects there are, sorted: the folders below `converter/dialects/` with a `dialect.py`. Imports none."""
    folder = converter.dialects.__path__[0]
    packages = sorted(info.name for info in pkgutil.iter_modules([folder]) if info.ispkg)
    return tuple(n for n in packages if any(m.name == "dialect" for m in pkgutil.iter_modules([f"{folder}/{n}"])))


@cache
def dialect(name: str) -> Dialect:
    """The dialect called `name`. Raises UsageError with the nearest name."""
    if name not in names():
        raise UsageError(
            f"unknown dialect {name!r}", hint=did_you_mean(name, names()) or f"one of: {', '.join(names())}"
        )
    found: Dialect = importlib.import_module(f"converter.dialects.{name}.dialect").DIALECT
    return found


def dialects() -> dict[str, Dialect]:
    """name -> Dialect, sorted by name."""
    return {name: dialect(name) for name in names()}


def gaps_of(target: Target) -> tuple[Gap, ...]:
    """The gaps declared by the target and by its dialect."""
    return target.gaps + dialect(target.dialect).gaps
