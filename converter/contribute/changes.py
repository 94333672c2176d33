"""What a change of the project's rules does: against a revision, for each rule and detection, on each target.

Both states are converted by the Parity that runs, so that only what the rules say makes a difference.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.build.examples import examples
from converter.build.gate import Gate, Pair, Source
from converter.core.config import layout
from converter.core.correlation import Correlation
from converter.core.errors import ParityError, UsageError
from converter.core.model import Detection, Rule, Target
from converter.explain.diff import diff
from converter.explain.model import Diff
from converter.explain.sources import Loader
from converter.explain.views import notes, views
from converter.rules.library import Library, read

#: how a rule or detection stands against the revision
NEW, GONE, CHANGED, REWORDED = "new", "removed", "changed", "reworded"
_TIMEOUT = 60
_RELATED = "what a correlation loses and gains is not worked out; `parity verify` runs it over its sequences"


@dataclass(frozen=True)
class OnTarget:
    """What becomes of a target's query. `now` and `before` say why there is no query, "" where there is one; `text`
    that the query's text differs, `changes` what that loses and gains there."""

    target: str
    now: str
    before: str
    text: bool
    changes: Diff | None = None


@dataclass(frozen=True)
class Change:
    """One rule or detection. `changes` is about events before any platform saw them, None for what is new or gone;
    `example` is an event that is found now, or was. `reason` says what could not be compared."""

    path: str
    title: str
    status: str
    changes: Diff | None = None
    on: tuple[OnTarget, ...] = ()
    example: Mapping[str, Any] | None = None
    reason: str = ""


@dataclass(frozen=True)
class _State:
    """The project at one moment."""

    root: Path
    library: Library

    @property
    def sources(self) -> dict[str, Source]:
        """path -> rules, then correlations, then detections."""
        found: dict[str, Source] = {**self.library.rules, **self.library.correlations}
        return found | {one.path: one for one in self.library.detections.values()}


def changes(root: Path, revision: str, chosen: Sequence[Target], below: str = "") -> list[Change]:
    """What differs from the revision, of rules and detections whose path or name is, or lies below, `below`.

    Raises UsageError where git cannot say how the rules were, and ParityError for rules that are broken now.
    """
    library, faults = read(root)
    if faults:
        raise faults[0]
    with _at(root, revision) as old_root:
        before, after = _State(old_root, read(old_root)[0]), _State(root, library)
        return [
            _change(path, before, after, chosen)
            for path in sorted({**before.sources, **after.sources})
            if _asked(path, below) and _differs(path, before, after)
        ]


def _asked(path: str, below: str) -> bool:
    name = below.rstrip("/")
    return not name or path == name or path.startswith(f"{name}/") or Path(path).stem == Path(name).stem


@contextmanager
def _at(root: Path, revision: str) -> Iterator[Path]:
    """The project's rules and manifests as they stood, in a folder of their own."""
    if revision.startswith("-"):
        raise UsageError(f"{revision!r} is no revision")
    rules = layout(root).rules
    try:
        done = subprocess.run(
            ["git", "archive", "--format=tar", revision, "--", rules],
            cwd=root, capture_output=True, check=False, timeout=_TIMEOUT,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"git could not be run: {error}") from error
    said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
    if done.returncode and "did not match any files" not in said:
        raise UsageError(f"git has no {rules}/ at {revision}: {said}", hint="in CI, fetch the base: fetch-depth: 0")
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        folder = Path(scratch)
        (folder / rules).mkdir()
        (folder / "parity.toml").touch()
        if done.returncode == 0:
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
                archive.extractall(folder, filter="data")
        yield folder


def _differs(path: str, before: _State, after: _State) -> bool:
    """Whether the file differs, or one of a detection's parts does."""
    old, new = before.sources.get(path), after.sources.get(path)
    if old is None or new is None or old.sha256 != new.sha256:
        return True
    parts = [part.rule for part in new.parts] if isinstance(new, Detection) else []
    parts += new.rules if isinstance(new, Correlation) else ()
    return any(_differs(part, before, after) for part in parts)


def _change(path: str, before: _State, after: _State, chosen: Sequence[Target]) -> Change:
    old, new = before.sources.get(path), after.sources.get(path)
    either = new or old
    assert either is not None
    if old is None or new is None:
        status = GONE if new is None else NEW
        on = tuple(OnTarget(target.name, *_states(old, new, before, after, target)) for target in chosen)
        return Change(path, either.title, status, None, on, _example(either))
    if isinstance(old, Correlation) or isinstance(new, Correlation):
        on = tuple(OnTarget(target.name, *_states(old, new, before, after, target)) for target in chosen)
        return Change(path, new.title, CHANGED, on=on, reason=_RELATED)
    sides = Loader(before.root, lambda: before.library, None), Loader(after.root, lambda: after.library, None)
    try:
        found = _compared(old, new, sides, None)
    except ParityError as error:
        return Change(path, new.title, CHANGED, reason=error.message)
    status = REWORDED if found.same else CHANGED
    by_schema: dict[str, Diff | None] = {}
    rows = []
    for target in chosen:
        states = _states(old, new, before, after, target)
        if not found.same and target.schema not in by_schema:
            by_schema[target.schema] = _there(old, new, sides, target)
        rows.append(OnTarget(target.name, *states, by_schema.get(target.schema) if states[2] else None))
    return Change(path, new.title, status, found, tuple(rows))


def _compared(
    old: Rule | Detection, new: Rule | Detection, sides: tuple[Loader, Loader], target: Target | None
) -> Diff:
    was, now = (
        side.load(source.name if isinstance(source, Detection) else str(side.root / source.path))
        for side, source in zip(sides, (old, new), strict=True)
    )
    return diff(old.path, new.path, views(was, now, target), notes=notes(was, now, target))


def _there(old: Rule | Detection, new: Rule | Detection, sides: tuple[Loader, Loader], target: Target) -> Diff | None:
    try:
        return _compared(old, new, sides, target)
    except ParityError:
        return None  # a platform without data for the rule: its queries say so


def _states(
    old: Source | None, new: Source | None, before: _State, after: _State, target: Target
) -> tuple[str, str, bool]:
    """Why there is no query now, why there was none, and whether the text differs."""
    was = _pair(old, before, target)
    now = _pair(new, after, target)
    texts = [pair.query.text if pair is not None and pair.query is not None else "" for pair in (was, now)]
    return _why(now), _why(was), texts[0] != texts[1]


def _pair(source: Source | None, state: _State, target: Target) -> Pair | None:
    return None if source is None else Gate(state.library.rules).pair(source, target)


def _why(pair: Pair | None) -> str:
    if pair is None:
        return "no rule"
    if pair.query is not None:
        return ""
    return f"{pair.refusal.outcome.value}: {pair.refusal.reason}" if pair.refusal is not None else str(pair.fault)


def _example(source: Source) -> Mapping[str, Any] | None:
    """An event on which a rule fires."""
    if not isinstance(source, Rule):
        return None
    try:
        return next((case.event for case in examples(source).cases if case.match), None)
    except ParityError:
        return None
