"""What a change of many rules does, for a terminal, a program and a pull request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from converter.cli.render import diff as one
from converter.contribute.changes import CHANGED, GONE, NEW, REWORDED, Change, OnTarget
from converter.explain.model import DIRECTIONS, Diff, code

_TITLES = {NEW: "New", GONE: "Removed", CHANGED: "Changed", REWORDED: "Reworded, same events"}
#: how a comment begins, so that a later one can take its place
MARK = "<!-- parity diff -->"


def headline(found: Sequence[Change]) -> str:
    """How many of each."""
    numbers = Counter(change.status for change in found)
    told = [f"{numbers[status]} {status}" for status in _TITLES if numbers[status]]
    return ", ".join(told) if told else "no rule or detection differs"


def markdown(found: Sequence[Change], revision: str) -> str:
    """For a pull request."""
    lines = [MARK, f"### Detections against {code(revision)}: {headline(found)}"]
    for change in found:
        lines += ["", f"#### {_TITLES[change.status]}: {_plain(change.title)}", "", code(change.path), ""]
        if change.reason:
            lines.append(f"Not compared: {_plain(change.reason)}")
        if change.changes is not None and not change.changes.same:
            lines += one.told(change.changes).rstrip().splitlines()
        if change.example is not None:
            told = "finds, for example:" if change.status == NEW else "no longer finds, for example:"
            event = one.event(change.example).replace("```", "` ` `").splitlines()
            lines += [f"It {told}", "", "```yaml", *event, "```"]
        if change.on:
            lines += ["", "| targets | query |", "|---|---|"]
            lines += [f"| {', '.join(names)} | {_cell(said)} |" for said, names in _grouped(change).items()]
    return "\n".join(lines).rstrip() + "\n"


def _cell(said: str) -> str:
    return _plain(said).replace("\n", " ")


def _grouped(change: Change) -> dict[str, list[str]]:
    """What becomes of queries -> the targets of which it is to be said."""
    found: dict[str, list[str]] = {}
    for own in change.on:
        found.setdefault(_said(own, change), []).append(own.target)
    return found


def _said(own: OnTarget, change: Change) -> str:
    """What becomes of the query of some targets, in words."""
    if change.status == NEW:
        return f"none: {own.now}" if own.now else "new, proved"
    if change.status == GONE:
        return "none, as before" if own.before else "gone"
    if own.now:
        return f"still none: {own.now}" if own.before else f"is lost: {own.now}"
    if own.before:
        return "is there now, proved; before there was none"
    if not own.text:
        return "stays the same"
    if change.status == REWORDED:
        return "new text, same events"
    return f"changes, proved: {_there(own.changes, change.changes)}"


def _there(there: Diff | None, everywhere: Diff | None) -> str:
    """What a target's change loses and gains, where that is not the same as everywhere."""
    if there is None:
        return "not compared there"
    if there.same:
        return "what differs cannot be told in its records"
    told = {d: [cause.text for cause in getattr(there, d)] for d in DIRECTIONS}
    if everywhere is not None and all(told[d] == [c.text for c in getattr(everywhere, d)] for d in DIRECTIONS):
        return "as above"
    shown = [f"{d}: {'; '.join(texts[:3])}" for d, texts in told.items() if texts]
    return ". ".join(shown)


def _plain(text: str) -> str:
    """Text of a rule that starts nothing of Markdown's or of a page's."""
    for sign in "\\`*_[]<>#@|":
        text = text.replace(sign, f"\\{sign}") if sign != "@" else text.replace(sign, "@\N{ZERO WIDTH NON-JOINER}")
    return text


def text(found: Sequence[Change], revision: str) -> str:
    """For a terminal."""
    lines = [f"against {revision}: {headline(found)}"]
    for change in found:
        lines += ["", f"{change.status}: {change.title}", f"  {change.path}"]
        lines += [f"  not compared: {change.reason}"] if change.reason else []
        if change.changes is not None and not change.changes.same:
            lines += [f"  {line}" for line in one.text(change.changes).splitlines()[3:]]
        if change.example is not None:
            lines += [f"    {line}" for line in one.event(change.example).splitlines()]
        lines += [f"  {', '.join(names)}: {said}" for said, names in _grouped(change).items()]
    return "\n".join(lines) + "\n"


def as_json(found: Sequence[Change], revision: str) -> str:
    """All of it as data."""
    body = {"revision": revision, "same": not found, "changes": [_data(change) for change in found]}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _data(change: Change) -> dict[str, Any]:
    return {
        "path": change.path,
        "title": change.title,
        "status": change.status,
        "reason": change.reason,
        "example": dict(change.example) if change.example is not None else None,
        "changes": json.loads(one.as_json(change.changes)) if change.changes is not None else None,
        "targets": [
            {"target": own.target, "no_query": own.now, "text_differs": own.text, "said": _said(own, change)}
            for own in change.on
        ],
    }


FORMATS: dict[str, Callable[[Sequence[Change], str], str]] = {"text": text, "json": as_json, "markdown": markdown}
