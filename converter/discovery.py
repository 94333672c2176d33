"""Finds targets, schemas, engines and dialects by name, and suggests the nearest when a name is unknown."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any

from converter.errors import UsageError
from converter.model import Engine, Schema, Target


def _modules(package: str) -> Iterable[ModuleType]:
    parent = importlib.import_module(package)
    for info in sorted(pkgutil.iter_modules(parent.__path__), key=lambda item: item.name):
        yield importlib.import_module(f"{package}.{info.name}")


@cache
def targets() -> dict[str, Target]:
    """name -> Target, sorted by name."""
    found = [t for module in _modules("converter.targets") for t in getattr(module, "TARGETS", ())]
    return {target.name: target for target in sorted(found, key=lambda t: t.name)}


@cache
def schemas() -> dict[str, Schema]:
    """name -> Schema."""
    return {s.name: s for module in _modules("converter.schemas") for s in getattr(module, "SCHEMAS", ())}


@cache
def engines() -> dict[str, Engine]:
    """name -> Engine, sorted by name."""
    found = [module.ENGINE for module in _modules("converter.engines") if hasattr(module, "ENGINE")]
    return {engine.name: engine for engine in sorted(found, key=lambda e: e.name)}


def engines_for(dialect: str) -> list[Engine]:
    """The engines that run a dialect; targets and engines meet only here."""
    return [engine for engine in engines().values() if engine.dialect == dialect]


@cache
def dialect_module(dialect: str, part: str) -> Any:
    """`converter.dialects.<dialect>.<part>`: its `writer` or `reader` module."""
    return importlib.import_module(f"converter.dialects.{dialect}.{part}")


def schema_of(target: Target) -> Schema:
    return schemas()[target.schema]


def find_target(name: str) -> Target:
    """The target called `name`. Raises UsageError with the nearest name."""
    return targets()[_known(name, targets(), "target")]


def _known(name: str, known: Iterable[str], what: str) -> str:
    names = list(known)
    if name in names:
        return name
    raise UsageError(f"unknown {what} {name!r}", hint=did_you_mean(name, names) or f"one of: {', '.join(names)}")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """ "Did you mean …?" for the nearest of `names`, or "" if none is near."""
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else ""
