"""The mutations of `mutate` for a Query DSL body: on the JSON document, not on its characters."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from converter.core.taxonomy import NO_PATH

Path = tuple[str | int, ...]
#: (operator, what is changed, the document changed)
_Change = tuple[str, str, Any]
_WINDOW = "@timestamp"


def json_mutants(
    text: str, columns: Mapping[str, tuple[str, ...]], constants: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, str, str]]:
    """(operator, what was changed, text) of every mutant of a search body.

    `columns` gives the fields that may stand in for a field, `constants` other kinds' values for one of the scope.
    """
    document = json.loads(text)
    found: dict[str, tuple[str, str, str]] = {}
    for path, node in _nodes(document["query"], ("query",)):
        for operator, note, new in (*_changes(path, node, columns), *_words(path, node, constants)):
            body = json.dumps(_replaced(document, path, new), indent=2, ensure_ascii=False) + "\n"
            if json.loads(body) != document and body not in found:
                place = "/".join(str(step) for step in path[-4:])
                found[body] = (operator, f"{place}: {note}", body)
    return list(found.values())


def _nodes(node: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, node
    items: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        if key not in (_WINDOW, "_name", "minimum_should_match"):
            yield from _nodes(value, (*path, key))


def _replaced(document: Any, path: Path, new: Any) -> Any:
    out = copy.deepcopy(document)
    parent = out
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = new
    return out


def _changes(path: Path, node: Any, columns: Mapping[str, tuple[str, ...]]) -> Iterator[_Change]:
    if isinstance(node, list) and path[-1] not in ("filter", "must", "must_not"):
        for i in range(len(node)) if len(node) > 1 else ():
            yield "drop value", f"without {_short(node[i])}", node[:i] + node[i + 1 :]
    if isinstance(node, dict):
        yield from _bool_changes(node)
        for field in node.keys() & columns.keys():
            for other in columns[field]:
                yield "swap field", f"{field} becomes {other}", {other: node[field]}
        if "term" in node:
            yield from _widened(node["term"])
        if node.get("case_insensitive") is True:
            yield "lose case", "case_insensitive: false", {**node, "case_insensitive": False}
    elif isinstance(node, str):
        yield from _text_changes(path, node)
    elif isinstance(node, int) and not isinstance(node, bool):
        yield "shift number", f"{node} becomes {node + 1}", node + 1
        yield "shift number", f"{node} becomes {node - 1}", node - 1


def _words(path: Path, node: Any, constants: Mapping[str, tuple[str, ...]]) -> Iterator[_Change]:
    """Another kind's constant, or a special word, in the place of a value."""
    if not isinstance(node, str) or "_source" in path:
        return
    for other in constants.get(node, ()):
        yield "shift kind", f"{node} becomes {other}", other
    if "wildcard" not in path and "regexp" not in path and not re.search(r"[*?/]", node):
        word = NO_PATH[len(node) % len(NO_PATH)]
        yield "special word", f"{node} becomes {word}", word


def _bool_changes(node: dict[str, Any]) -> Iterator[_Change]:
    if "must_not" in node:
        rest = {k: v for k, v in node.items() if k != "must_not"}
        moved = {**rest, "filter": [*rest.get("filter", []), *node["must_not"]]}
        yield "drop negation", "must_not becomes filter", moved
        if len(node["must_not"]) > 1:
            all_of = [{"bool": {"filter": node["must_not"]}}]
            yield "swap connective", "must_not any becomes all", {**node, "must_not": all_of}
            for i, item in enumerate(node["must_not"]):
                yield "drop value", f"without {_short(item)}", {**node, "must_not": _without(node["must_not"], i)}
    if "should" in node and len(node["should"]) > 1 and "filter" not in node:
        rest = {k: v for k, v in node.items() if k not in ("should", "minimum_should_match")}
        yield "swap connective", "should becomes filter", {**rest, "filter": node["should"]}
    if len(node.get("filter", ())) > 1 and "should" not in node:
        rest = {k: v for k, v in node.items() if k != "filter"}
        yield "swap connective", "filter becomes should", {**rest, "should": node["filter"], "minimum_should_match": 1}


def _without(items: list[Any], i: int) -> list[Any]:
    return items[:i] + items[i + 1 :]


def _widened(term: dict[str, Any]) -> Iterator[_Change]:
    (field, test), *_ = term.items()
    value = test["value"] if isinstance(test, dict) else test
    if isinstance(value, str):
        escaped = re.sub(r"([\\*?])", r"\\\1", value)
        for pattern in (f"*{escaped}", f"{escaped}*"):
            options = test if isinstance(test, dict) else {}
            yield "widen anchor", f"{value!r} becomes {pattern!r}", {"wildcard": {field: {**options, "value": pattern}}}


def _text_changes(path: Path, text: str) -> Iterator[_Change]:
    network = re.fullmatch(r"([0-9a-fA-F:.]+)/(\d+)", text)
    if network:
        yield "shrink range", f"{text} by a bit", f"{network[1]}/{int(network[2]) + 1}"
        return
    if "regexp" in path and path[-1] == "value":
        yield "widen anchor", "the end is open", text + ".*"
        for match in re.finditer(r"(?<=[(|])[^()|]+\||\|[^()|]+(?=\))", text):
            yield "drop value", f"without {match.group()!r}", text[: match.start()] + text[match.end() :]
        for match in re.finditer(r"\\\.", text):
            yield "mangle escape", r"\. becomes .", text[: match.start()] + "." + text[match.end() :]
    for match in re.finditer(r"\\\\", text):
        for new in ("\\", "\\\\\\\\"):
            yield "mangle escape", f"{match.group()} becomes {new}", text[: match.start()] + new + text[match.end() :]


def _short(node: Any) -> str:
    text = json.dumps(node, ensure_ascii=False)
    return text if len(text) < 60 else text[:57] + "..."
