"""A Diff for a terminal, for programs, and for a pull request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from converter.explain.model import Cause, Diff, code, without_forms

_COLOURS = {"lost": "31", "gained": "33", "same": "32"}


def verdict(diff: Diff) -> str:
    """One sentence: does anything change?"""
    if diff.same:
        return "Same: both fire on exactly the same events."
    if not (diff.lost or diff.gained):
        return "Undecided: no difference was found, but not everything could be compared."
    parts = [
        f"{word} events for {len(causes)} reason{'s' if len(causes) > 1 else ''}"
        for word, causes in (("loses", diff.lost), ("gains", diff.gained))
        if causes
    ]
    return f"Different: {code(diff.new)} {' and '.join(parts)}."


def limits(diff: Diff) -> list[str]:
    """What the reader must know beside the causes."""
    out = list(diff.notes)
    if not diff.complete:
        out.append("there are more causes than are shown")
    out += [f"not decided: {reason}" for reason in diff.undecided]
    if diff.complete and not diff.undecided and not diff.same:
        out.append("every event that is lost or gained has one of these causes")
    return out


def text(diff: Diff, colour: bool = False) -> str:
    """For a terminal."""

    def styled(word: str, style: str) -> str:
        return f"\x1b[1;{_COLOURS[style]}m{word}\x1b[0m" if colour else word

    lines = [f"old: {diff.old}", f"new: {diff.new}", ""]
    said = verdict(diff)
    head, _, rest = said.partition(":")
    lines.append(styled(head, "same" if diff.same else "gained") + ":" + rest)
    for direction, causes in (("lost", diff.lost), ("gained", diff.gained)):
        for number, cause in enumerate(causes, 1):
            lines += ["", f"{styled(f'{direction} {number}', direction)}: {cause.text}"]
            lines += [f"    on records of {', '.join(without_forms(cause.kinds))}"] if cause.kinds else []
            lines += [f"    line {line} of the {side} side" for side, line in places(cause)]
            lines += [f"      {line}" for line in event(cause.event).splitlines()]
    lines.append("")
    lines += [f"- {limit}" for limit in limits(diff)]
    return "\n".join(lines).rstrip() + "\n"


def markdown(diff: Diff) -> str:
    """For a pull request: a headline, then each cause with an example event in a block of code."""
    return f"### Detection change: {code(diff.old)} → {code(diff.new)}\n\n{told(diff)}"


def told(diff: Diff) -> str:
    """The same without the headline."""
    lines = [f"**{verdict(diff)}**"]
    for title, causes in (("Lost", diff.lost), ("Gained", diff.gained)):
        if causes:
            lines += ["", f"#### {title}"]
        for number, cause in enumerate(causes, 1):
            where = ", ".join(f"line {line} of the {side} side" for side, line in places(cause))
            kinds = f" on {', '.join(map(code, without_forms(cause.kinds)))}" if cause.kinds else ""
            lines += ["", f"{number}. {cause.text}{kinds}{f' ({where})' if where else ''}. For example:", ""]
            shown = event(cause.event)
            fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", shown))])
            lines += [f"   {line}" for line in (f"{fence}yaml", *shown.splitlines(), fence)]
    lines.append("")
    lines += [f"- {limit}" for limit in limits(diff)]
    return "\n".join(lines).rstrip() + "\n"


def as_json(diff: Diff) -> str:
    """All causes as a JSON document."""
    body = {
        "same": diff.same,
        "old": diff.old,
        "new": diff.new,
        "complete": diff.complete,
        "lost": [_json(cause) for cause in diff.lost],
        "gained": [_json(cause) for cause in diff.gained],
        "undecided": list(diff.undecided),
        "notes": list(diff.notes),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _json(cause: Cause) -> dict[str, Any]:
    tests = [
        {"text": t.text, "side": t.side, "holds": t.holds, "selection": t.selection, "line": t.line, "value": t.within}
        for t in cause.tests
    ]
    return {"cause": cause.text, "kinds": list(cause.kinds), "event": dict(cause.event), "tests": tests}


def places(cause: Cause) -> list[tuple[str, int]]:
    """(side, line) of what changed, where it is known."""
    return list(dict.fromkeys((test.side, test.line) for test in cause.tests if test.line))


def event(fields: Mapping[str, Any]) -> str:
    """An event as YAML, or what is to be said of one without fields."""
    if not fields:
        return "# an event without any of the fields"
    return yaml.safe_dump(dict(fields), allow_unicode=True, sort_keys=False, width=10_000).rstrip("\n")


FORMATS: dict[str, Callable[[Diff], str]] = {"text": text, "json": as_json, "markdown": markdown}
