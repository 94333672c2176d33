"""Random Query DSL bodies."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from tests.support.fuzz import lucene
from tests.support.fuzz.trees import Leaf, Tree, block, made, number, regex, text, wild

_STRINGS = ("k", "w", "m")


def condition(random: Random) -> Tree:
    return made(random, _leaf)


def written(tree: Tree) -> str:
    """A search body without sources."""
    return json.dumps({"query": _query(tree), "_source": False})


def _query(tree: Tree) -> Any:
    if isinstance(tree, Leaf):
        return json.loads(tree.text)
    parts = [_query(part) for part in tree.parts]
    if tree.how == "not":
        return {"bool": {"must_not": parts}}
    if tree.how == "or":
        return {"bool": {"should": parts}}
    return {"bool": {"filter" if len(parts) == 2 else "must": parts}}


def _leaf(random: Random) -> Leaf:
    return random.choice([_text, _text, _text, _pattern, _pattern, _regexp, _regexp, _typed, _typed, _other])(random)


def _made(form: str, query: Any) -> Leaf:
    return Leaf(form, json.dumps(query, ensure_ascii=False))


def _options(random: Random) -> dict[str, Any]:
    return random.choice([{}, {}, {"case_insensitive": True}, {"case_insensitive": True}, {"case_insensitive": False}])


def _text(random: Random) -> Leaf:
    field, kind = random.choice(_STRINGS), random.choice(["term", "term", "terms", "match", "match_phrase", "prefix"])
    if kind == "terms":
        return _made(kind, {kind: {field: [text(random) for _ in range(random.choice([0, 1, 2, 3]))]}})
    if kind in ("match", "match_phrase") or random.random() < 0.2:
        return _made(kind, {kind: {field: text(random)}})
    options = _options(random)
    return _made(_called(kind, options), {kind: {field: {"value": text(random), **options}}})


def _pattern(random: Random) -> Leaf:
    value, options = wild(random, lambda s: re.sub(r"([*?\\])", r"\\\1", s)), _options(random)
    if random.random() < 0.1:
        value = text(random)
    query = {"wildcard": {random.choice(_STRINGS): {"value": value, **options}}}
    return _made(_called("wildcard", options) if value else "empty wildcard", query)


def _regexp(random: Random) -> Leaf:
    options = _options(random)
    if random.random() < 0.1:
        options = {**options, "flags": random.choice(["NONE", "ALL", "INTERVAL", "ANYSTRING|EMPTY"])}
    query = {"regexp": {random.choice(_STRINGS): {"value": regex(random), **options}}}
    return _made(_called("regexp", options), query)


def _called(kind: str, options: dict[str, Any]) -> str:
    return " ".join([kind, *(f"{key}={value}" for key, value in options.items() if value is not False)])


def _typed(random: Random) -> Leaf:
    kind = random.choice(["number", "number", "ip", "ip", "boolean", "exists", "range"])
    if kind == "number":
        return _made("term on a number", {"term": {random.choice(["n", "i", "ns"]): {"value": number(random)}}})
    if kind == "ip":
        field, values = "ip", [block(random) for _ in range(random.choice([1, 2]))]
        return _made("terms on an address", {"terms": {field: values}})
    if kind == "boolean":
        return _made("term on a boolean", {"term": {"b": {"value": random.choice([True, False, "true", "TRUE", ""])}}})
    if kind == "exists":
        return _made("exists", {"exists": {"field": random.choice(["k", "w", "m", "n", "i", "ns", "b", "ip"])}})
    field = random.choice(["n", "i", "ns", "ip", "k"])
    bound = block(random).split("/")[0] if field == "ip" else text(random) if field == "k" else number(random)
    bounds = {random.choice(["gt", "gte"]): bound, random.choice(["lt", "lte"]): bound}
    if random.random() < 0.6:
        bounds.pop(random.choice(list(bounds)))
    return _made(f"range on {field}", {"range": {field: bounds}})


def _other(random: Random) -> Leaf:
    inner = [json.loads(_text(random).text) for _ in range(random.choice([0, 1, 2]))]
    shape = random.random()
    if shape < 0.2:
        return _made("all or none", {random.choice(["match_all", "match_none"]): {}})
    if shape < 0.3:
        return _made("constant_score", {"constant_score": {"filter": json.loads(_typed(random).text), "boost": 2}})
    if shape < 0.4:
        inner_text = lucene.written(lucene.condition(random))
        return _made("query_string", {"query_string": {"query": inner_text, "analyze_wildcard": True}})
    if shape < 0.5:
        return _made("bad type", {random.choice(["wildcard", "regexp"]): {random.choice(["n", "ip"]): {"value": "1*"}}})
    minimum = random.choice([0, 1, 1, 2, 3, "1", "50%", -1])
    clauses: dict[str, Any] = {random.choice(["should", "should", "must_not", "filter"]): inner}
    if random.random() < 0.5:
        clauses[random.choice(["should", "must_not", "must"])] = [json.loads(_typed(random).text)]
    if random.random() < 0.7:
        clauses["minimum_should_match"] = minimum
    return _made("bool with a minimum", {"bool": clauses})
