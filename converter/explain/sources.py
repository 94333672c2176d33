"""What `parity diff` compares: rule files, rules at a git revision, detection manifests and hand-written queries."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from converter.core.discovery import schema_of
from converter.core.errors import LibraryError, UsageError
from converter.core.model import Detection, LogSource, Rule, Target
from converter.core.platform import Kind, Schema
from converter.dialects.reading import Branch
from converter.dialects.registry import dialect, dialects
from converter.explain.outline import Outline, Tree, mapped, of_predicate, union
from converter.explain.records import of_query, of_rule
from converter.rules.library import MAX_BYTES, Library, load_rule

#: a rule file, or one document of it
_RULE_FILE = re.compile(r"(?P<file>.*\.yml)(?:#\d+)?", re.DOTALL)


def dialect_of(suffix: str) -> str | None:
    """The dialect whose files end in `suffix` (with its dot), or None."""
    return next((d.name for d in dialects().values() if f".{d.extension}" == suffix), None)


@dataclass(frozen=True)
class Rules:
    """Sigma rules with the `DetectionType` labels they carry in a detection ("" for a rule on its own).

    `window_minutes` is how far back a detection looks; a rule does not say.
    """

    name: str
    parts: tuple[tuple[str, Rule, Outline], ...]
    window_minutes: int | None = None

    def on_events(self, source: LogSource) -> Tree:
        """What the rules say of events of a log source, before any platform saw them."""
        return union([outline.tree for _, outline in self._about(source, None)])

    def on_records(
        self, kind: Kind, schema: Schema, label: str | None = None, tested: frozenset[str] = frozenset()
    ) -> Tree:
        """What the rules (those under a label) say of a kind of record, over what it still tells of the event."""
        del tested  # a rule names the fields itself
        found = self._about(kind, label)
        return union([mapped(outline.tree, lambda leaf: of_rule(leaf, kind, schema)) for _, outline in found])

    def _about(self, source: LogSource | Kind, label: str | None) -> list[tuple[Rule, Outline]]:
        """The rules that mean all events of a log source or kind."""
        return [
            (rule, outline)
            for name, rule, outline in self.parts
            if label in (None, name) and (source.meant_by(rule) if isinstance(source, Kind) else rule.covers(source))
        ]

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(rule for _, rule, _ in self.parts)

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(label for label, _, _ in self.parts if label)


@dataclass(frozen=True)
class Text:
    """A query as its dialect's reader understands it on a target."""

    name: str
    branches: tuple[Branch, ...]
    schema: Schema

    def on_records(
        self, kind: Kind, schema: Schema, label: str | None = None, tested: frozenset[str] = frozenset()
    ) -> Tree:
        """What the query (its branches with a label) says of a kind of record, over the Sigma fields behind it.

        Raises QueryError for a column that the platform does not have.
        """
        return union(
            [
                of_predicate(branch.predicate, lambda atom: of_query(atom, kind, schema, tested))
                for branch in self.branches
                if label is None or label in branch.labels.values()
                if not branch.tables or any(fnmatchcase(kind.table, table) for table in branch.tables)
            ]
        )

    @property
    def labels(self) -> frozenset[str]:
        """The labels of a query that gives one to every row, else none."""
        if not all(branch.labels for branch in self.branches):
            return frozenset()
        return frozenset(value for branch in self.branches for value in branch.labels.values())


Source = Rules | Text


class Loader:
    """Finds what an argument means. `library` is called only where a name of the library is needed."""

    def __init__(self, root: Path, library: Callable[[], Library], target: Target | None) -> None:
        self.root, self.library, self.target = root, library, target

    def load(self, argument: str) -> Source:
        """A path of a rule, manifest or query, or the name of a rule or manifest. Raises UsageError, LibraryError."""
        path = Path(argument)
        if dialect_of(path.suffix):
            return self._query(argument, _read(path, argument))
        found = _RULE_FILE.fullmatch(path.name)
        if found and path.with_name(found["file"]).is_file():
            # a rule outside of the project is named from its own folder
            inside = path.resolve().is_relative_to(self.root.resolve())
            return self._rules(argument, [("", load_rule(path, self.root if inside else path.parent))])
        return self._of_library(argument)

    def at_revision(self, argument: str, revision: str) -> Source:
        """A rule or query file as it stood at a revision, in the repository that holds the file."""
        path = Path(argument)
        name = f"{argument} at {revision}"
        if dialect_of(path.suffix):
            return self._query(name, _show(path, revision), path.suffix)
        if not _RULE_FILE.fullmatch(path.name):
            path = self._path_of(argument)
        found = _RULE_FILE.fullmatch(path.name)
        assert found is not None
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / found["file"]).write_text(
                _show(path.with_name(found["file"]), revision), "utf-8", newline=""
            )
            copy = Path(folder) / path.name
            try:
                rule = load_rule(copy, Path(folder))
            except LibraryError as fault:
                line = fault.where.partition(":")[2]
                raise LibraryError(fault.message, f"{name}:{line}" if line else name, fault.hint) from fault
            return self._rules(name, [("", rule)])

    def _path_of(self, argument: str) -> Path:
        """The path of a rule of the library, by its name or id. Raises UsageError."""
        from converter.build.build import select

        rules, _ = select(self.library(), [argument])
        if not rules:
            hint = "--rev takes a rule or a query; name a part of the detection"
            raise UsageError(f"{argument!r} is no rule or query file", hint=hint)
        return self.root / rules[0].path

    def at_site(self, argument: str) -> Source:
        """A rule or detection of the library as the site's settings narrow it (`parity.toml`, exclusions)."""
        from converter.build.settings import load_settings, local_rule

        library = self.library()
        settings = load_settings(self.root, library)
        narrowed = {path: local_rule(rule, settings) for path, rule in library.rules.items()}
        site = Loader(self.root, lambda: Library(narrowed, library.detections), self.target)
        found = site._of_library(argument)
        return replace(found, name=f"{found.name} with the site's exclusions")

    def _of_library(self, argument: str) -> Source:
        from converter.build.build import select

        library = self.library()
        wanted = Path(argument).stem if argument.endswith(".yaml") else argument
        rules, detections = select(library, [wanted])
        if detections:
            return self._detection(detections[0], library.rules)
        return self._rules(rules[0].path, [("", rules[0])])

    def _detection(self, detection: Detection, rules: Mapping[str, Rule]) -> Rules:
        parts = [(part.label, rules[part.rule]) for part in detection.parts]
        return replace(self._rules(detection.path, parts), window_minutes=detection.lookback_hours * 60)

    def _rules(self, name: str, parts: list[tuple[str, Rule]]) -> Rules:
        from converter.build.settings import with_placeholders

        filled = with_placeholders((rule for _, rule in parts), self.root, self.library)
        labels = (label for label, _ in parts)
        return Rules(name, tuple((label, rule, Outline(rule)) for label, rule in zip(labels, filled, strict=True)))

    def _query(self, name: str, text: str, suffix: str | None = None) -> Text:
        language = dialect_of(suffix or Path(name).suffix)
        assert language is not None
        if self.target is None:
            raise UsageError(f"{name} is a query: whose tables does it search?", hint="give --target")
        if self.target.dialect != language:
            message = f"{name} is {language}, but the target {self.target.name} takes {self.target.dialect}"
            raise UsageError(message, hint="choose a target of the query's language; `parity list targets`")
        schema = schema_of(self.target)
        return Text(name, dialect(language).read(text, schema), schema)


def _read(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LibraryError(f"the file has more than {MAX_BYTES:,} bytes", name)
        return path.read_bytes().decode("utf-8")
    except OSError as fault:
        raise UsageError(f"cannot read {name}: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise LibraryError(f"is not UTF-8 text ({fault.reason} at byte {fault.start})", name) from fault


def _show(path: Path, revision: str) -> str:
    """The file's text at a revision; git is asked in the file's own folder. Raises UsageError."""
    if revision.startswith("-"):
        raise UsageError(f"{revision!r} is no revision")
    folder = path.parent if path.parent.is_dir() else Path()
    command = ["git", "show", f"{revision}:./{path.name}"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise UsageError(f"git could not be run: {fault}") from fault
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise UsageError(f"git has no {path} at {revision}: {said}")
    return done.stdout.decode("utf-8", "replace")
