"""Finds targets, schemas and engines by name, and suggests the nearest when a name is unknown."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Any

import yaml

from converter.core.errors import LibraryError, UsageError
from converter.core.model import Gap, Rule, Target
from converter.core.platform import Schema
from converter.core.verdict import Engine


def _modules(package: str) -> Iterable[ModuleType]:
    parent = importlib.import_module(package)
    for info in sorted(pkgutil.walk_packages(parent.__path__, f"{package}."), key=lambda item: item.name):
        if not info.ispkg:
            yield importlib.import_module(info.name)


@cache
def targets() -> dict[str, Target]:
    """name -> Target, sorted by name: the entries of `targets/targets.yml`. Raises LibraryError for a wrong entry."""
    text = files("converter.targets").joinpath("targets.yml").read_text("utf-8")
    entries = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {name: _target(name, entries[name]) for name in sorted(entries)}


def _target(name: str, entry: Mapping[str, Any]) -> Target:
    try:
        own = dict(entry)
        options = {
            key: tuple(value) if isinstance(value, list) else value for key, value in own.pop("options", {}).items()
        }
        gaps = tuple(Gap(**gap) for gap in own.pop("gaps", ()))
        return Target(
            name=name, schema=own.pop("platform"), options=options, gaps=gaps, **own.pop("sigma_cli", {}), **own
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise LibraryError(f"not the form of a target: {error}", f"targets/targets.yml: {name}") from error


@cache
def schemas() -> dict[str, Schema]:
    """name -> Schema of every platform."""
    found: dict[str, Schema] = importlib.import_module("converter.platforms.load").load_schemas()
    return found


@cache
def engines() -> dict[str, Engine]:
    """name -> Engine, sorted by name."""
    found = [module.ENGINE for module in _modules("converter.engines") if hasattr(module, "ENGINE")]
    return {engine.name: engine for engine in sorted(found, key=lambda e: e.name)}


def engines_for(dialect: str) -> list[Engine]:
    """The engines that run a dialect; targets and engines meet only here."""
    return [engine for engine in engines().values() if engine.dialect == dialect]


def schema_of(target: Target) -> Schema:
    """The platform of a target; the tables of others are not read."""
    found: Schema = importlib.import_module("converter.platforms.load").load_schema(target.schema)
    return found


def indices_of(target: Target) -> dict[str, tuple[str, ...]]:
    """Sigma category or service -> the index patterns that a query searches: a site's own, else those of the tables."""
    usual = {t.logsource.label: t.indices for t in schema_of(target).tables if t.indices}
    return usual | dict(target.options.get("indices", {}))


def searched_for(rule: Rule, target: Target) -> tuple[str, ...]:
    """The index patterns of a rule's query at a target: a site's own, else those of the tables that it is about."""
    own = target.options.get("indices", {}).get(rule.logsource.label)
    tables = (table for table in schema_of(target).tables if rule.covers(table.logsource))
    return tuple(own or dict.fromkeys(pattern for table in tables for pattern in table.indices))


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
