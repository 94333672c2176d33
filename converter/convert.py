"""(Rule, Target) -> Query: the only place where pySigma and the writers are called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule

from converter.dialects.condition import And, Condition, Or, fields_of, simplify
from converter.dialects.draft import Composition, Draft
from converter.discovery import dialect_module, schema_of
from converter.errors import Faults, LibraryError, ParityError, Unsupported
from converter.library import read_yaml
from converter.lower import Columns, lower
from converter.model import Detection, Kind, Query, Rule, Target
from converter.places import line_of
from converter.schemas.derive import CLASSIFYING

#: columns first by how close they are to the event's own value
_DERIVE_ORDER = ("basename", "same", "trim", "lower", "dirname")

#: what pySigma raises for a pipeline of the wrong shape
_NOT_A_PIPELINE = (SigmaError, TypeError, AttributeError, KeyError, ValueError)


class Converter:
    """Converts rules and detections for targets; loads each pipeline once.

    `root` is the project folder with `pipelines/`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def query(self, rule: Rule, target: Target) -> Query:
        """The query of one rule. Raises Unsupported or LibraryError, naming the rule and the target."""
        module = dialect_module(target.dialect, "writer")
        with _at(rule, target):
            text = module.WRITER.query(self.draft(rule, target))
        path = f"{target.name}/{rule.stem}.{module.EXTENSION}"
        return Query(rule.path, target.name, target.dialect, text, path)

    def detection(self, detection: Detection, rules: dict[str, Rule], target: Target) -> Query:
        """The combined query of a detection."""
        module = dialect_module(target.dialect, "writer")
        parts = []
        for part in detection.parts:
            with _at(rules[part.rule], target):
                parts.append(self._part(self.draft(rules[part.rule], target, detection.columns), part.label))
        composition = Composition(
            detection.title, detection.path, target, _common(parts, detection, target), detection.lookback_hours
        )
        path = f"{target.name}/detections/{detection.name}.{module.EXTENSION}"
        return Query(detection.path, target.name, target.dialect, module.WRITER.detection(composition), path)

    def _part(self, draft: Draft, label: str) -> Draft:
        return Draft(**{**draft.__dict__, "label": label})

    def draft(self, rule: Rule, target: Target, fields: tuple[str, ...] | None = None) -> Draft:
        """The rule over the target's columns, before any query language; `fields` replaces the rule's own list."""
        schema = schema_of(target)
        kinds = tuple(k for k in schema.kinds if k.category == rule.category)
        if not kinds:
            raise Unsupported(
                f"no data for the log source category {rule.category!r}",
                f"category {rule.category}",
                hint="leave this target out for the rule, or add a schema for the category",
            )
        condition = self._condition(rule, target.pipelines, kinds, schema.types[kinds[0].table])
        shown, unmapped = _columns(fields or rule.fields, kinds)
        return Draft(
            title=rule.title,
            source=rule.path,
            id=rule.id,
            target=target,
            table=kinds[0].table,
            indices=tuple(target.options.get("indices", {}).get(rule.category, ())),
            condition=condition,
            columns=shown,
            types=schema.types[kinds[0].table],
            unmapped=unmapped,
            arrays=frozenset(n for k in kinds for n, v in k.native.items() if isinstance(v, list)),
        )

    def _condition(self, rule: Rule, names: tuple[str, ...], kinds: tuple[Kind, ...], types: Any) -> Condition:
        # pySigma changes the rule it converts, so every conversion gets a fresh one
        sigma = SigmaRule.from_dict(dict(rule.raw))
        if sigma.errors:
            raise LibraryError(str(sigma.errors[0]), rule.path)
        _pipeline(self.root, names).apply(sigma)
        columns = Columns.of(kinds, types)
        conditions = [lower(c.parsed, columns) for c in sigma.detection.parsed_condition]
        whole = simplify(conditions[0] if len(conditions) == 1 else Or(tuple(conditions)))
        scoped = _scope_first(whole, columns.constants)
        if not (isinstance(scoped, And) and fields_of(scoped.parts[0]) <= columns.constants):
            # without a test of the kind of record the query would also fire on other kinds
            raise Unsupported(
                f"no pipeline says which records {rule.category!r} means",
                f"category {rule.category}",
                hint=f"add the log source to pipelines/{names[-1]}.yml",
            )
        return scoped


def _scope_first(condition: Condition, constants: frozenset[str]) -> Condition:
    """Conjuncts about the kind of record come first: engines skip most rows on them, and so do readers."""
    if not isinstance(condition, And):
        return condition
    first = [p for p in condition.parts if fields_of(p) <= constants]
    first.sort(key=lambda p: "event.category" not in fields_of(p))
    return And((*first, *(p for p in condition.parts if p not in first)))


@contextmanager
def _at(rule: Rule, target: Target) -> Iterator[None]:
    """Names rule and target in whatever goes wrong inside."""
    place = f"{rule.path}:{rule.lines.get('detection', 1)}"
    try:
        yield
    except Unsupported as error:
        raise Unsupported(f"{target.name}: {error.message}", error.feature, place, error.hint) from error
    except SigmaError as error:
        raise LibraryError(f"{target.name}: {error}", place) from error
    except ParityError:
        raise


def _columns(fields: tuple[str, ...], kinds: tuple[Kind, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The native columns for Sigma fields, and the fields that have none."""
    shown: list[str] = []
    unmapped: list[str] = []
    for field in fields:
        found = [c for c in kinds[0].columns if c.source == field and c.derive not in CLASSIFYING]
        found.sort(key=lambda c: _DERIVE_ORDER.index(c.derive))
        if not found and not any(field in kind.sigma for kind in kinds):
            unmapped.append(field)
        shown.extend(c.name for c in found)
    return tuple(dict.fromkeys(shown)), tuple(unmapped)


def _common(parts: list[Draft], detection: Detection, target: Target) -> tuple[Draft, ...]:
    """Fields that the manifest calls common get, in every part, the column names of the first part that has them."""
    schema = schema_of(target)
    names: dict[tuple[str, str], str] = {}
    out = []
    for part, spec in zip(parts, detection.parts, strict=True):
        category = spec.rule.split("/")[2]
        columns = next(k.columns for k in schema.kinds if k.category == category)
        renames = {}
        for column in columns:
            if column.source in detection.raw.get("common_columns", ()) and column.name in part.columns:
                common = names.setdefault((column.source or "", column.derive), column.name)
                if common != column.name:
                    renames[column.name] = common
        out.append(Draft(**{**part.__dict__, "renames": renames}))
    return tuple(out)


@lru_cache(maxsize=32)
def _pipeline(root: Path, names: tuple[str, ...]) -> ProcessingPipeline:
    """The pipelines of a target, in order. Raises LibraryError for one that does not load."""
    combined: ProcessingPipeline | None = None
    for name in names:
        where = f"pipelines/{name}.yml"
        data, raw = read_yaml(root / "pipelines" / f"{name}.yml", where)
        try:
            # transformations keep a reference to their pipeline, so each target loads its own
            loaded = ProcessingPipeline.from_dict(raw)
        except _NOT_A_PIPELINE as error:
            found = list(_pipeline_faults(data, where))
            raise Faults([*found]) if found else LibraryError(f"the pipeline does not load: {error}", where) from error
        combined = loaded if combined is None else combined + loaded
    assert combined is not None
    return combined


def _pipeline_faults(data: bytes, where: str) -> Iterator[LibraryError]:
    """Which parts of a pipeline that does not load are wrong, each tried alone."""
    raw = yaml.safe_load(data)
    if not isinstance(raw, dict):
        yield LibraryError("a pipeline is a mapping of keys to values", where)
        return
    for key in ("transformations", "postprocessing", "finalizers"):
        items = raw.get(key, [])
        if not isinstance(items, list):
            yield LibraryError(f"{key} must be a list", f"{where}:{line_of(data, key)}")
            continue
        for number, item in enumerate(items):
            try:
                ProcessingPipeline.from_dict({key: [item]})
            except _NOT_A_PIPELINE as error:
                what = str(error).removeprefix("Error in processing rule 1: ")
                place = f"{where}:{line_of(data, key, number)}"
                yield LibraryError(f"{key}, number {number + 1} does not load: {what}", place)
