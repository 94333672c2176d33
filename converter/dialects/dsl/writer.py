"""Elasticsearch Query DSL: the body of a search request.

https://www.elastic.co/docs/reference/query-languages/query-dsl/term-level-queries. `case_insensitive` folds ASCII
letters only, and no ranges of a regular expression. `keyword` and `wildcard` fields are compared whole. `must_not`
keeps documents that lack the field. Upstream leans on `.caseless` fields, which one agent alone has, and else minds
the case: github.com/SigmaHQ/pySigma-backend-elasticsearch/issues/178.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any

from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    Missing,
    Not,
    NumberIn,
    OneOf,
    Or,
    Pattern,
    Regex,
    SameAs,
    Wild,
)
from converter.dialects.draft import Composition, Draft
from converter.dialects.elastic import (
    check,
    check_clauses,
    check_expression,
    check_pattern,
    check_texts,
    folds_beyond_ascii,
    lucene_pattern,
    networks,
    numerals,
)
from converter.dialects.layout import has_hidden, hidden
from converter.dialects.regex import expressions, switchable
from converter.dialects.writer import refuse
from converter.semantics.regular import lucene_limits as limits

Json = dict[str, Any]
_RANGE = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


LIMITS = (
    "Query DSL cannot add a column: each part is a named query, and a hit lists the names of the parts it "
    "matches in matched_queries, which stands for DetectionType.",
    "The indices to search are not part of the body: see index in output/manifest.json.",
)


def write(draft: Draft) -> str:
    """The search request of one rule."""
    check_texts(draft)
    check_clauses(draft.condition)
    body = {
        "query": _nested(DslWriter().whole(draft.condition)),
        "_source": list(dict.fromkeys([*draft.leading, *draft.columns])),
        "sort": [{"@timestamp": "desc"}],
    }
    return compact(body) + "\n"


def write_detection(composition: Composition) -> str:
    """One request whose parts are named queries: a hit's `matched_queries` is its DetectionType."""
    check_texts(*composition.parts)
    check_clauses(*(part.condition for part in composition.parts))
    parts = [_named(part) for part in composition.parts]
    window = {"range": {"@timestamp": {"gte": f"now-{composition.lookback_hours}h"}}}
    columns = dict.fromkeys([*composition.leading, *composition.columns])
    body = {
        "query": _nested({"bool": {"filter": [window], "should": parts, "minimum_should_match": 1}}),
        "_source": list(columns),
        "sort": [{"@timestamp": "desc"}],
    }
    return compact(body) + "\n"


def _nested(query: Json) -> Json:
    """The query itself. Raises Unsupported for one that nests too deep."""
    check(limits.nested(_depth(query)))
    return query


def _depth(query: Json) -> int:
    body = query.get("bool", {})
    inner = [part for name in ("filter", "should", "must_not") for part in body.get(name, [])]
    return 1 + max(map(_depth, inner), default=0)


def _named(part: Draft) -> Json:
    query = DslWriter().whole(part.condition)
    return {"bool": {**query["bool"], "_name": part.label}}


class DslWriter:
    """Conditions as JSON. It holds no state at all."""

    def whole(self, condition: Condition) -> Json:
        """A `bool` query; conjuncts go to `filter` and `must_not`, so nothing is scored."""
        if isinstance(condition, Or):
            return {"bool": {"should": [self.node(p) for p in condition.parts], "minimum_should_match": 1}}
        parts = condition.parts if isinstance(condition, And) else (condition,)
        required = [self.node(p) for p in parts if not isinstance(p, (Not, Missing))]
        # a document is excluded by any one clause of must_not, so an Or below it needs no bool of its own
        negated = [p.part for p in parts if isinstance(p, Not)]
        excluded = [self.node(q) for p in negated for q in (p.parts if isinstance(p, Or) else (p,))]
        excluded += [self._exists(p.field) for p in parts if isinstance(p, Missing)]
        body: Json = {}
        if required:
            body["filter"] = required
        if excluded:
            body["must_not"] = excluded
        return {"bool": body}

    def node(self, condition: Condition) -> Json:
        if isinstance(condition, (And, Or, Not, Missing)):
            return self.whole(condition)
        if isinstance(condition, Match):
            return self._match(condition)
        if isinstance(condition, Regex):
            return self._regex(condition)
        if isinstance(condition, InNetworks):
            found = networks(condition)
            return {"terms": {condition.field: found}} if len(found) > 1 else {"term": {condition.field: found[0]}}
        if isinstance(condition, NumberIn):
            if len(condition.numbers) == 1:
                return {"term": {condition.field: condition.numbers[0]}}
            return {"terms": {condition.field: list(condition.numbers)}}
        if isinstance(condition, Compare):
            return {"range": {condition.field: {_RANGE[condition.operator]: condition.number}}}
        assert isinstance(condition, SameAs)
        raise refuse("fieldref", "Query DSL compares no field with another", "use the ES|QL target")

    def _exists(self, field: str) -> Json:
        return {"exists": {"field": field}}

    def _match(self, leaf: Match) -> Json:
        leaf = numerals(leaf)
        if leaf.cased and len(leaf.patterns) > 1 and all(p.shape == "equals" for p in leaf.patterns):
            for p in leaf.patterns:
                check_pattern(p, True)
            return {"terms": {leaf.field: [p.text for p in leaf.patterns]}}
        options = [self._pattern(leaf.field, p, leaf.cased) for p in leaf.patterns]
        return _any(options)

    def _pattern(self, field: str, pattern: Pattern, cased: bool) -> Json:
        fold: Json = {} if cased else {"case_insensitive": True}
        if pattern.shape == "any":
            return self._exists(field)
        if any(isinstance(p, OneOf) for p in pattern.parts) or (not cased and folds_beyond_ascii(pattern)):
            # the switch folds ASCII only, so both cases are spelled and the switch is left off
            return {"regexp": {field: {"value": check_expression(lucene_pattern(pattern, cased, True))}}}
        check_pattern(pattern, cased)
        if pattern.shape == "equals":
            return {"term": {field: {"value": pattern.text, **fold} if fold else pattern.text}}
        if pattern.shape == "startswith":
            return {"prefix": {field: {"value": pattern.text, **fold}}}
        return {"wildcard": {field: {"value": wildcard(pattern), **fold}}}

    def _regex(self, leaf: Regex) -> Json:
        switch = switchable(leaf)
        fold: Json = {"case_insensitive": True} if switch else {}
        found = expressions(leaf, fold=not switch)
        return _any([{"regexp": {leaf.field: {"value": text, **fold}}} for text in found])


def _any(options: list[Json]) -> Json:
    return options[0] if len(options) == 1 else {"bool": {"should": options, "minimum_should_match": 1}}


def wildcard(pattern: Pattern) -> str:
    """The pattern for a `wildcard` query: `\\` escapes `*`, `?` and itself."""
    return "".join(p.value if isinstance(p, Wild) else _escape(str(p)) for p in pattern.parts)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _json(value: Any) -> str:
    """A scalar as JSON in which characters that are not seen are escaped (RFC 8259, section 7)."""
    text = encode_basestring(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(json.dumps(c)[1:-1] if hidden(c) else c for c in text) if has_hidden(text) else text


def compact(value: Any, width: int = 110, indent: int = 0) -> str:
    """JSON with short values on a line, so that a reader sees one test a line; all lines but the first are indented."""
    if isinstance(value, dict):
        pieces = [f"{_json(k)}: {compact(v, width, indent + 2)}" for k, v in value.items()]
        opening, closing = "{", "}"
    elif isinstance(value, list):
        pieces = [compact(v, width, indent + 2) for v in value]
        opening, closing = "[", "]"
    else:
        return _json(value)
    line = f"{opening}{', '.join(pieces)}{closing}"
    if not pieces or (len(line) <= width - indent and "\n" not in line):
        return line
    pad = "\n" + " " * (indent + 2)
    return f"{opening}{pad}{(',' + pad).join(pieces)}{pad[:-2]}{closing}"
