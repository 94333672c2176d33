"""The index of a library as a page to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

_AGREE = "AGREE"


def as_markdown(body: Mapping[str, Any]) -> str:
    """The page of an index (`build.index`)."""
    lines = ["# Index of the rules", "", "Made by `parity build` from the rules and from manifest.json.", ""]
    lines += [*_overview(body["rules"]), *_detections(body["detections"])]
    for source, rules in groupby(body["rules"], key=lambda rule: str(rule["logsource"])):
        lines += [f"## {_heading(source)}", ""]
        for rule in rules:
            lines += _rule(rule)
    return "\n".join([*lines, *_missing(body["missing"])]).rstrip("\n") + "\n"


def _heading(source: str) -> str:
    return "Correlations" if source == "correlation" else source


def _overview(rules: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| log source | rules | of level high or critical | proved queries | refused |"
    yield "|---|---|---|---|---|"
    rows = [(_heading(source), list(some)) for source, some in groupby(rules, key=lambda rule: str(rule["logsource"]))]
    for name, some in [*rows, ("all", list(rules))]:
        loud = sum(rule["level"] in ("high", "critical") for rule in some)
        ended = [how["verdict"] == _AGREE for rule in some for how in rule["targets"].values()]
        yield f"| {name} | {len(some)} | {loud} | {sum(ended)} | {len(ended) - sum(ended)} |"
    yield ""


def _detections(detections: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not detections:
        return
    yield from ("## Detections", "", "Several rules that raise one alert.", "")
    for one in detections:
        yield from (f"### {one['title']}", "", f"`{one['path']}` · {one['severity']}", "", str(one["idea"]), "")
        yield from (f"- {label}: `{path}`" for label, path in one["parts"].items())
        yield from ("", *_targets(one["targets"]), "")


def _rule(rule: Mapping[str, Any]) -> Iterator[str]:
    marks = [f"`{rule['path']}`", str(rule["level"] or "no level"), *rule["techniques"]]
    yield from (f"### {rule['title']}", "", " · ".join(marks), "")
    yield from (str(rule["idea"]), "")
    if rule.get("rules"):
        yield from (f"A `{rule['type']}` over: {'; '.join(rule['rules'])}.", "")
    yield from (f"- What evades it: {rule['evades'] or 'not said.'}", *_targets(rule["targets"]))
    if rule["detections"]:
        yield f"- Part of: {', '.join(rule['detections'])}"
    yield ""


def _targets(targets: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """One line for all targets at which the pair ended alike."""
    alike: dict[str, list[str]] = {}
    for name, ended in targets.items():
        alike.setdefault(_how(ended), []).append(name)
    if not alike:
        yield "- No target has been built."
    for how, names in sorted(alike.items(), key=lambda item: (not item[0].startswith(_AGREE), item[0])):
        which = f"all {len(names)} targets" if len(names) == len(targets) > 1 else ", ".join(names)
        yield f"- {how}: {which}"


def _how(how: Mapping[str, Any]) -> str:
    if how["verdict"] == _AGREE:
        losses = [f"`{loss}`" for loss in how.get("losses", ())]
        return f"{_AGREE} with the {'loss' if len(losses) == 1 else 'losses'} {', '.join(losses)}" if losses else _AGREE
    return f"{how['verdict']} ({how.get('reason') or 'no reason told'})"


def _missing(gaps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not gaps:
        return
    yield from ("## What the library still misses", "")
    yield "Ranked by how often incidents show it times how well a query can tell it from what is harmless, each 1 to 5."
    yield from ("", "| | idea | needs | why it is not there | source |", "|---|---|---|---|---|")
    for gap in gaps:
        cells = [str(gap["score"]), gap["idea"], gap["needs"], gap["why"], f"<{gap['source']}>"]
        yield f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in cells)} |"
