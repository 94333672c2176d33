"""A user's pySigma pipelines over rules, before anything is converted: Sigma in, Sigma out.

The pipeline changes the *rule* (renames, placeholders, further conditions, another log source), and what comes out is a
Sigma rule like any other: it is converted, proved and executed as if it had been written so. Pipelines that name a
platform's own columns are for the stock backends; a rule is refused here that they leave with such a name.

Format: https://sigmahq-pysigma.readthedocs.io/en/latest/Processing_Pipelines.html. pySigma is an extra (`[pysigma]`),
imported when a pipeline is given.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from converter.build.named import Named
from converter.build.written import NotWritable, detection_of
from converter.core.errors import LibraryError, ParityError, Unsupported, UsageError
from converter.core.model import Rule
from converter.core.places import Path, Place
from converter.rules.detection import read_detection
from converter.rules.files import read_bytes

#: what happens to a query after it is written: ours is proved as it was written
_AFTERWARDS = ("postprocessing", "finalizers")


class Pipelines:
    """Pipelines by path, or by the name under which an installed one goes; applied in the order of their priority."""

    def __init__(self, specs: Sequence[str]) -> None:
        """Raises UsageError for what is no pipeline, or one that cannot be followed here, and without pySigma."""
        try:
            from sigma.processing.resolver import ProcessingPipelineResolver
        except ImportError as error:
            message = f"pySigma, which reads pipelines, is not installed: {error}"
            raise UsageError(message, hint="pip install 'sigma-parity[pysigma]'") from error
        self.names = tuple(specs)
        for spec in specs:
            if os.path.lexists(spec) and not os.path.isdir(spec):
                read_bytes(FilePath(spec), spec)  # a device or a pipe would never end
        installed = any(not os.path.lexists(spec) for spec in specs)
        resolver = _installed() if installed else ProcessingPipelineResolver()
        try:
            self._pipeline: Any = resolver.resolve(list(specs))
        except Exception as error:  # besides its own errors pySigma lets through what Python and YAML raise
            told = f"is no pySigma pipeline: {type(error).__name__}: {error}"
            raise UsageError(f"{', '.join(specs)}: {told}") from error
        self._check()

    @property
    def note(self) -> str:
        """What the header of a query says of it."""
        # a query is the same wherever the file lies
        files = ", ".join(os.path.basename(name) for name in self.names)
        return f"The rule was changed by {files}; what is proved is the rule as it is after that."

    def _check(self) -> None:
        for name in _AFTERWARDS:
            items = getattr(self._pipeline, {"postprocessing": "postprocessing_items"}.get(name, name), ())
            if items:
                message = f"{', '.join(self.names)}: its {name} would change a query after its proof"
                raise UsageError(message, hint="take that part out; a rule is changed before it is converted")
        for step in _steps(self._pipeline.items):
            if type(step).__name__ == "SetStateTransformation":
                message = f"{', '.join(self.names)}: set_state ({step.key}) is for a stock backend"
                raise UsageError(message, hint="indices and macros are set in parity.toml")

    def apply(self, rule: Rule) -> Rule:
        """The rule after the pipelines; the very same one where they change nothing.

        Raises Unsupported where a pipeline refuses the rule or leaves what Sigma cannot say, UsageError where it fails,
        and LibraryError for a rule that pySigma cannot read.
        """
        from sigma.exceptions import SigmaError, SigmaTransformationError
        from sigma.rule import SigmaRule

        where = rule.at("detection")
        try:
            found = SigmaRule.from_dict(copy.deepcopy(dict(rule.raw)))
            before = detection_of(found), _logsource(found), [str(field) for field in found.fields or ()]
        except (SigmaError, NotWritable) as error:
            raise LibraryError(f"pySigma does not read the rule: {error}", where) from error
        try:
            self._pipeline.apply(found)
            after = detection_of(found), _logsource(found), [str(field) for field in found.fields or ()]
        except SigmaTransformationError as error:
            raise Unsupported(f"{', '.join(self.names)} refuses the rule: {error}", "pipeline", where) from error
        except (SigmaError, NotWritable) as error:
            message = f"{', '.join(self.names)} leaves what Sigma cannot say: {error}"
            raise Unsupported(message, "pipeline", where) from error
        except Exception as error:  # of parameters that are none of their type pySigma learns where it uses them
            message = f"{', '.join(self.names)} cannot be applied: {type(error).__name__}: {error}"
            raise UsageError(message, where, "look at the types of its parameters") from error
        if before == after:
            return rule
        detection, logsource, fields = after
        raw = {**rule.raw, "detection": detection, "logsource": logsource} | ({"fields": fields} if fields else {})
        # of the changed parts only the section has a line
        places: dict[Path, Place] = {way: place for way, place in rule.places.items() if len(way) == 1}
        return _sound(replace(rule, raw=raw, places=places), ", ".join(self.names))


def _steps(items: Any) -> Iterator[Any]:
    """The transformations, those within others too."""
    for item in items:
        yield item.transformation
        yield from _steps(getattr(getattr(item.transformation, "_nested_pipeline", None), "items", ()))


def _sound(rule: Rule, names: str) -> Rule:
    """The rule. Raises Unsupported where it is none that we read."""
    try:
        read_detection(rule)
    except ParityError as fault:
        raise Unsupported(f"after {names}: {fault.message}", "pipeline", fault.where, fault.hint) from fault
    return rule


def _logsource(found: Any) -> dict[str, str]:
    keys = ("product", "category", "service")
    return {key: value for key in keys if (value := getattr(found.logsource, key))}


def _installed() -> Any:
    from sigma.plugins import InstalledSigmaPlugins

    return InstalledSigmaPlugins.autodiscover().get_pipeline_resolver()


@dataclass(frozen=True)
class Changed:
    """What pipelines made of the rules: `rules` are those that they changed, by path; all empty without a pipeline."""

    pipelines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)


def transform(named: Named, pipelines: Pipelines) -> Changed:
    """Changes the rules of `named`, parts of detections included.

    A rule that the pipelines refuse is left out, with its reason under `other`.
    """
    parts = {part.rule for detection in named.detections.values() for part in detection.parts}
    changed: dict[str, Rule] = {}
    parts_of_detections = {p: named.library.rules[p] for p in parts}
    for path, rule in {**parts_of_detections, **named.only_parts, **named.rules}.items():
        try:
            after = pipelines.apply(rule)
        except ParityError as fault:
            named.add_faults([fault])
            named.rules.pop(path, None)
            broken = [n for n, d in named.detections.items() if path in {part.rule for part in d.parts}]
            for name in broken:
                del named.detections[name]
            for name in [n for n, c in named.correlations.items() if path in c.rules]:
                del named.correlations[name]
            continue
        if after is rule:
            continue
        changed[path] = after
        for table in (named.rules, named.library.rules, named.only_parts):
            if path in table:
                table[path] = after
    return Changed(pipelines.names, (pipelines.note,), changed)
