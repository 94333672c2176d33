"""What `parity diff` compares: rule files, rules at a git revision, detection manifests and hand-written queries."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from converter.dialects.reading import Branch
from converter.diff import View
from converter.diff_records import of_query, of_rule
from converter.discovery import dialect_module, schema_of
from converter.errors import LibraryError, UsageError
from converter.library import MAX_BYTES, Library, load_rule
from converter.model import Detection, Kind, Rule, Schema, Target
from converter.outline import NEVER, Outline, Some, Tree, folded, generic_domain, mapped, of_predicate
from converter.schemas.pullback import domain_of

#: file name extension -> dialect
EXTENSIONS = {".kql": "kql", ".spl": "spl", ".eql": "eql", ".esql": "esql", ".json": "dsl", ".lucene": "lucene"}


@dataclass(frozen=True)
class Rules:
    """Sigma rules with the `DetectionType` labels they carry in a detection ("" for a rule on its own)."""

    name: str
    parts: tuple[tuple[str, Rule, Outline], ...]

    def tree(self, kind: Kind | None, category: str, label: str | None) -> Tree:
        """What the rules of a category mean, over Sigma fields or, of a kind of record, over the fields left open."""
        found = [
            outline.tree if kind is None else mapped(outline.tree, lambda leaf: of_rule(leaf, kind))
            for name, rule, outline in self.parts
            if rule.category == category and label in (None, name)
        ]
        return found[0] if len(found) == 1 else Some(tuple(found))

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule.category for _, rule, _ in self.parts))

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(label for label, _, _ in self.parts if label)


@dataclass(frozen=True)
class Text:
    """A query as its dialect's reader understands it on a target."""

    name: str
    branches: tuple[Branch, ...]
    schema: Schema

    def tree(self, kind: Kind | None, category: str, label: str | None) -> Tree:
        assert kind is not None
        found = []
        for branch in self.branches:
            named = label is None or label in branch.labels.values()
            if named and (not branch.tables or any(fnmatchcase(kind.table, table) for table in branch.tables)):
                found.append(of_predicate(branch.predicate, lambda a: of_query(a, kind, self.schema)))
        return found[0] if len(found) == 1 else Some(tuple(found))

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
        if path.suffix in EXTENSIONS:
            return self._query(argument, _read(path, argument))
        if path.suffix == ".yml" and path.is_file():
            return self._rules(argument, [("", load_rule(path, self.root))])
        return self._of_library(argument)

    def at_revision(self, argument: str, revision: str) -> Source:
        """A rule or query file as it stood at a revision, in the repository that holds the file."""
        path = Path(argument)
        name = f"{argument} at {revision}"
        if path.suffix in EXTENSIONS:
            return self._query(name, _show(path, revision), path.suffix)
        if path.suffix != ".yml":
            raise UsageError(f"{argument!r} is no rule or query file", hint="--rev takes the path of one file")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            copy.write_text(_show(path, revision), "utf-8", newline="")
            try:
                rule = load_rule(copy, Path(folder))
            except LibraryError as fault:
                line = fault.where.partition(":")[2]
                raise LibraryError(fault.message, f"{name}:{line}" if line else name, fault.hint) from fault
            return self._rules(name, [("", rule)], Path(folder))

    def at_site(self, argument: str) -> Source:
        """A rule or detection of the library as the site's settings narrow it (`parity.toml`, exclusions)."""
        from converter.artefacts.settings import apply_exclusions, load_settings

        library = self.library()
        settings = load_settings(self.root, library)
        narrowed = {path: apply_exclusions(rule, settings) for path, rule in library.rules.items()}
        site = Loader(self.root, lambda: Library(narrowed, library.detections), self.target)
        found = site._of_library(argument)
        return replace(found, name=f"{found.name} with the site's exclusions")

    def _of_library(self, argument: str) -> Source:
        from converter.build import select

        library = self.library()
        wanted = Path(argument).stem if argument.endswith(".yaml") else argument
        rules, detections = select(library, [wanted])
        if detections:
            return self._detection(detections[0], library.rules)
        return self._rules(rules[0].path, [("", rules[0])])

    def _detection(self, detection: Detection, rules: Mapping[str, Rule]) -> Rules:
        return self._rules(detection.path, [(part.label, rules[part.rule]) for part in detection.parts])

    def _rules(self, name: str, parts: list[tuple[str, Rule]], root: Path | None = None) -> Rules:
        return Rules(name, tuple((label, rule, Outline(rule, root or self.root)) for label, rule in parts))

    def _query(self, name: str, text: str, suffix: str | None = None) -> Text:
        dialect = EXTENSIONS[suffix or Path(name).suffix]
        if self.target is None:
            raise UsageError(f"{name} is a query: whose tables does it search?", hint="give --target")
        if self.target.dialect != dialect:
            message = f"{name} is {dialect}, but the target {self.target.name} takes {self.target.dialect}"
            raise UsageError(message, hint="choose a target of the query's language; `parity list targets`")
        schema = schema_of(self.target)
        return Text(name, tuple(dialect_module(dialect, "reader").read(text, schema)), schema)


def views(old: Source, new: Source, target: Target | None) -> Iterator[View]:
    """Everything on which the two are to be compared: Sigma events without a target, else each kind of record.

    Where both sides label their rows alike, label by label: a row under another label is a difference.
    """
    if target is None:
        assert isinstance(old, Rules), "a query has no meaning without a target"
        assert isinstance(new, Rules), "a query has no meaning without a target"
        for category in dict.fromkeys((*old.categories, *new.categories)):
            trees = [folded(side.tree(None, category, None)) for side in (old, new)]
            found = [rule for _, rule, _ in (*old.parts, *new.parts) if rule.category == category]
            yield View("", trees[0], trees[1], generic_domain(found))
        return
    schema = schema_of(target)
    by_label = len(old.labels) > 1 and old.labels == new.labels
    for kind in schema.kinds:
        fixed = {name: value for name, value in kind.sigma.items() if value is not None}
        for label in sorted(old.labels) if by_label else [None]:
            trees = [folded(side.tree(kind, kind.category, label)) for side in (old, new)]
            if not all(isinstance(tree, Some) and tree.parts == NEVER.parts for tree in trees):
                yield View(kind.name, trees[0], trees[1], domain_of(kind, schema), fixed)


def notes(old: Source, new: Source, target: Target | None) -> list[str]:
    """What the comparison leaves out, or does for the reader to know."""
    out = []
    if target is None:
        out.append("compared as Sigma events, without a platform's kinds of records")
    else:
        out.append(f"compared on the records of {target.name}")
    labels = [side.labels for side in (old, new)]
    if all(labels) and labels[0] != labels[1]:
        out.append(f"the rows are labelled differently: {', '.join(sorted(labels[0] ^ labels[1]))}")
    windows = [{b.window_minutes for b in side.branches} if isinstance(side, Text) else None for side in (old, new)]
    if None not in windows and windows[0] != windows[1]:
        out.append("the time windows differ, which is not compared")
    for side in (old, new):
        if isinstance(side, Rules) and target is not None:
            known = {kind.category for kind in schema_of(target).kinds}
            out += [f"{target.name} has no records of the category {c!r}" for c in side.categories if c not in known]
    return list(dict.fromkeys(out))


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
