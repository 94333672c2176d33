"""EQL as Query DSL, executed by osmem-server: a second opinion on EQL from an engine Parity did not write.

Elasticsearch itself runs a single-event EQL query by turning it into Query DSL; this module makes the same clauses.
Source: x-pack/plugin/eql/src/main/java/org/elasticsearch/xpack/eql/planner/QueryTranslator.java, the shared
x-pack/plugin/ql/…/planner/ExpressionTranslators.java, and the expected bodies in
x-pack/plugin/eql/src/test/resources/querytranslator_tests.txt, all in https://github.com/elastic/elasticsearch.
The parser and the name resolution are shared with the interpreter; matching is not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from converter.core.errors import OutOfFragment, QueryError
from converter.core.platform import Record, Schema
from converter.core.verdict import Hit
from converter.dialects.eql import plan as p
from converter.dialects.eql.addresses import Network
from converter.dialects.eql.resolve import resolve
from converter.dialects.eql.syntax import parse
from converter.engines.versions import distributions
from converter.semantics.regular.flavours import from_lucene
from converter.semantics.regular.language import char

_RANGES = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_Clause = dict[str, Any]
#: https://www.elastic.co/docs/reference/elasticsearch/index-settings/index-modules (index.max_regex_length)
_MAX_REGEX = 1000


class EqlAsQueryDsl:
    """Runs a single-event EQL query as the Query DSL that Elasticsearch would make of it."""

    name = "eql-as-query-dsl"
    dialect = "eql"
    provenance = "executed by osmem-server through Parity's EQL-to-Query-DSL translation"

    def version(self) -> str:
        return distributions("osmem-server")

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """The matching records in their given order, each row being the record's fields.

        Raises QueryError, NotRepresentable (a record that the index refuses) and EngineUnavailable.
        """
        from converter.engines.elastic.osmem import OsmemServer

        body = {"query": translate(resolve(parse(text), schema))}
        positions = OsmemServer.shared().search(records, schema, body)
        return [Hit(at, records[at].fields) for at in sorted(positions)]


def translate(node: p.Plan) -> _Clause:
    """The Query DSL clause of a plan. Raises QueryError for what Elasticsearch runs as a script."""
    if isinstance(node, p.All):
        return {"bool": {"must": [translate(part) for part in node.parts]}}
    if isinstance(node, p.Any):
        return {"bool": {"should": [translate(part) for part in node.parts]}}
    if isinstance(node, p.Not):
        return {"bool": {"must_not": [translate(node.part)]}}
    if isinstance(node, p.Truth):
        return {"match_all": {}} if node.value else {"match_none": {}}
    if isinstance(node, p.Exists):
        return {"exists": {"field": node.field}}
    if isinstance(node, p.Text):
        return _text(node)
    if isinstance(node, p.Flag):
        return {"term": {node.field: {"value": node.value}}}
    if isinstance(node, p.Address):
        return {"terms": {node.field: [_block(network) for network in node.networks]}}
    if isinstance(node, p.Order):
        return {"range": {node.field: {_RANGES[node.operator]: node.text}}}
    if isinstance(node, p.Number):
        test = {"value": node.value} if node.operator == "==" else {_RANGES[node.operator]: node.value}
        return {"term" if node.operator == "==" else "range": {node.field: test}}
    raise QueryError("EQL: Elasticsearch runs length() as a script, which this engine has not")


def _text(node: p.Text) -> _Clause:
    if node.ignore_case and not node.text.isascii() and _cased(node.text):
        return _spelled_out(node)
    if node.how == "regexp":
        # The server takes some patterns that Lucene refuses, such as `\b`; the operators ~ and & it does execute.
        with contextlib.suppress(OutOfFragment):
            from_lucene(node.text, node.ignore_case)
    clause: _Clause = {"value": node.text}
    if node.ignore_case:
        clause["case_insensitive"] = True
    kinds = {"is": "term", "starts": "prefix", "regexp": "regexp"}
    if node.how in kinds:
        return {kinds[node.how]: {node.field: clause}}
    # A backslash escapes in a Lucene wildcard but not in EQL; `ends` and `has` hold no special character (resolve.py).
    texts = {"wildcard": node.text.replace("\\", "\\\\"), "ends": f"*{node.text}", "has": f"*{node.text}*"}
    return {"wildcard": {node.field: {**clause, "value": texts[node.how]}}}


def _spelled_out(node: p.Text) -> _Clause:
    """The same as a regular expression that names both cases of every letter.

    Query DSL folds ASCII letters only, as EQL did up to some version; now it folds all of Unicode, and this is asked
    for here: https://github.com/elastic/elasticsearch/pull/153513.
    """
    if node.how == "regexp":
        raise QueryError("EQL: the case of letters beyond ASCII in a regular expression is not covered")
    signs = {"*": ".*", "?": "."} if node.how == "wildcard" else {}
    inner = "".join(signs.get(sign) or _either_case(sign) for sign in node.text)
    before, after = {"starts": ("", ".*"), "ends": (".*", ""), "has": (".*", ".*")}.get(node.how, ("", ""))
    pattern = before + inner + after
    if len(pattern) > _MAX_REGEX:
        raise QueryError(f"EQL: {len(node.text)} characters in both cases are not covered: too long an expression")
    return {"regexp": {node.field: {"value": pattern, "flags": "NONE"}}}


def _either_case(sign: str) -> str:
    spellings = {chr(code) for low, high in char(sign, True).ranges for code in range(low, high + 1)}
    return "(" + "|".join(f'"{c}"' if c != '"' else '\\"' for c in sorted(spellings)) + ")"


def _cased(text: str) -> bool:
    return any(not c.isascii() and char(c, True) != char(c, False) for c in text)


def _block(network: Network) -> str:
    alone = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if alone else str(network)


ENGINE = EqlAsQueryDsl()
