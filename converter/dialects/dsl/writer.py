"""Elasticsearch Query DSL: the body of a search request.

https://www.elastic.co/docs/reference/query-languages/query-dsl/term-level-queries. `case_insensitive` folds ASCII
letters only, and no ranges of a regular expression. `keyword` and `wildcard` fields are compared whole. `must_not`
keeps documents that lack the field. Upstream leans on `.caseless` fields, which one agent alone has, and else minds
the case: github.com/SigmaHQ/pySigma-backend-elasticsearch/issues/178.
"""

from __future__ import annotations

import json
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
    Or,
    Pattern,
    Regex,
    SameAs,
    Wild,
)
from converter.dialects.draft import Composition, Draft
from converter.dialects.elastic import folds_beyond_ascii, lucene_pattern, networks
from converter.dialects.regex import lucene
from converter.dialects.writer import refuse

EXTENSION = "json"
Json = dict[str, Any]
_RANGE = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


class DslWriter:
    windowed = True
    ordered = True
    label_column = "matched_queries"

    def query(self, draft: Draft) -> str:
        body = {
            "query": self._bool(draft.condition),
            "_source": list(dict.fromkeys([*draft.options["leading_columns"], *draft.columns])),
            "sort": [{"@timestamp": "desc"}],
        }
        return compact(body) + "\n"

    def detection(self, composition: Composition) -> str:
        """One request whose parts are named queries: a hit's `matched_queries` is its DetectionType."""
        parts = [self._named(part) for part in composition.parts]
        window = {"range": {"@timestamp": {"gte": f"now-{composition.lookback_hours}h"}}}
        columns = dict.fromkeys([*composition.target.options["leading_columns"], *composition.columns])
        body = {
            "query": {"bool": {"filter": [window], "should": parts, "minimum_should_match": 1}},
            "_source": list(columns),
            "sort": [{"@timestamp": "desc"}],
        }
        return compact(body) + "\n"

    def limits(self) -> tuple[str, ...]:
        return (
            "Query DSL cannot add a column: each part is a named query, and a hit lists the names of the parts it "
            "matches in matched_queries, which stands for DetectionType.",
            "The indices to search are not part of the body: see index in output/manifest.json.",
        )

    def _named(self, part: Draft) -> Json:
        query = self._bool(part.condition)
        return {"bool": {**query["bool"], "_name": part.label}}

    def _bool(self, condition: Condition) -> Json:
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
            return self._bool(condition)
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
        if leaf.cased and len(leaf.patterns) > 1 and all(p.shape == "equals" for p in leaf.patterns):
            return {"terms": {leaf.field: [p.text for p in leaf.patterns]}}
        options = [self._pattern(leaf.field, p, leaf.cased) for p in leaf.patterns]
        return options[0] if len(options) == 1 else {"bool": {"should": options, "minimum_should_match": 1}}

    def _pattern(self, field: str, pattern: Pattern, cased: bool) -> Json:
        fold: Json = {} if cased else {"case_insensitive": True}
        if pattern.shape == "any":
            return self._exists(field)
        if not cased and folds_beyond_ascii(pattern):
            # the switch folds ASCII only, so both cases are spelled and the switch is left off
            return {"regexp": {field: {"value": lucene_pattern(pattern, cased, True)}}}
        if pattern.shape == "equals":
            return {"term": {field: {"value": pattern.text, **fold} if fold else pattern.text}}
        if pattern.shape == "startswith":
            return {"prefix": {field: {"value": pattern.text, **fold}}}
        return {"wildcard": {field: {"value": wildcard(pattern), **fold}}}

    def _regex(self, leaf: Regex) -> Json:
        spelled = not leaf.pattern.isascii()
        body: Json = {"value": lucene(leaf, fold=spelled)}
        if leaf.ignore_case and not spelled:
            body["case_insensitive"] = True
        return {"regexp": {leaf.field: body}}


def wildcard(pattern: Pattern) -> str:
    """The pattern for a `wildcard` query: `\\` escapes `*`, `?` and itself."""
    return "".join(p.value if isinstance(p, Wild) else _escape(p) for p in pattern.parts)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def compact(value: Any, indent: int = 0, width: int = 110) -> str:
    """JSON with short values on a line, so that a reader sees one test a line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= width or not isinstance(value, (dict, list)) or not value:
        return line
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        items = [f"{pad}{json.dumps(k)}: {compact(v, indent + 2, width)}" for k, v in value.items()]
        return "{\n" + ",\n".join(items) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + compact(v, indent + 2, width) for v in value) + "\n" + " " * indent + "]"


WRITER = DslWriter()
