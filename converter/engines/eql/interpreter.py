"""EQL, interpreted by Parity: the second engine (`eql_as_query_dsl.py`) runs the same conditions on a search server.

What a condition means is fixed by `dialects/eql/resolve.py` after Elasticsearch's sources; here each leaf is evaluated
on a record with plain Python. No row limit is applied, while a real EQL search returns the first 10 events by default:
https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-eql-search (`size`).
"""

from __future__ import annotations

import contextlib
import ipaddress
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from converter.core.errors import NotRepresentable, OutOfFragment, QueryError
from converter.core.platform import Record, Schema
from converter.core.verdict import Hit
from converter.dialects.eql import plan as p
from converter.dialects.eql.resolve import check_field, resolve
from converter.dialects.eql.syntax import Query, Stage, parse_sequence
from converter.engines.elastic.lucene_pattern import compile_lucene, compile_wildcard
from converter.engines.eql.sequences import Key, Ordinal, sequences
from converter.semantics.decide.evaluate import fold
from converter.semantics.regular import lucene_limits as limits
from converter.semantics.regular.flavours import from_lucene

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class EqlInterpreter:
    """Evaluates a query of single events record by record, and joins those of a sequence (`sequences`)."""

    name = "eql-interpreter"
    dialect = "eql"
    #: correlations too, over each sequence and all at once
    correlates = "each"
    provenance = "interpreted by Parity (EQL)"

    def run(self, text: str, records: Sequence[Record], schema: Schema, now: datetime | None = None) -> list[Hit]:
        """The matching records in their given order, each row being the record's fields; of a sequence the last event
        of each answer.

        Raises QueryError for a query that Elasticsearch would refuse or that is not covered, and NotRepresentable
        for a record value that its column's type cannot hold.
        """
        query = parse_sequence(text)
        if isinstance(query, Query):
            return [Hit(at, records[at].fields) for at in _matching(query, records, schema)]
        stages = []
        for stage in query.stages:
            events = list(_joined(stage, records, schema))
            stages += [events] * stage.runs
        ends = sorted(found.events[-1][1] for found in sequences(stages, query.maxspan))
        return [Hit(at, records[at].fields) for at in ends]


def _matching(query: Query, records: Sequence[Record], schema: Schema) -> list[int]:
    condition = resolve(query, schema)
    _checked(condition)
    return [at for at, record in enumerate(records) if _met(condition, record.fields)]


def _joined(stage: Stage, records: Sequence[Record], schema: Schema) -> Iterator[tuple[Key, Ordinal]]:
    """The events of a stage with their join keys and when they happened; those that lack a key are left out."""
    for key in stage.keys:
        check_field(key, schema)
    for at in _matching(stage.query, records, schema):
        fields = records[at].fields
        keys = []
        for name in stage.keys:
            values = _values(fields, name.name)
            if len(values) > 1:
                raise QueryError(f"EQL: the join key {name.name} has several values: not covered")
            keys += values or ([None] if name.optional else [])
        if len(keys) == len(stage.keys):
            moment = datetime.fromisoformat(str(fields[schema.time]))
            yield tuple(keys), (moment.timestamp(), at)


def _checked(node: p.Plan) -> None:
    """Raises QueryError for a leaf that is refused, also where no record would ever be tested by it."""
    if isinstance(node, p.All | p.Any):
        for part in node.parts:
            _checked(part)
    elif isinstance(node, p.Not):
        _checked(node.part)
    elif not isinstance(node, p.Truth):
        _test(node)


def _met(node: p.Plan, fields: Mapping[str, Any]) -> bool:
    if isinstance(node, p.All):
        return all(_met(part, fields) for part in node.parts)
    if isinstance(node, p.Any):
        return any(_met(part, fields) for part in node.parts)
    if isinstance(node, p.Not):
        return not _met(node.part, fields)
    if isinstance(node, p.Truth):
        return node.value
    test = _test(node)
    return any(test(value) for value in _values(fields, node.field))


def _values(fields: Mapping[str, Any], field: str) -> list[Any]:
    """The values of a field: null and the empty list are no value, the empty string is one.

    https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/null-value
    """
    value = fields.get(field)
    values = value if isinstance(value, list | tuple) else [value]
    return [item for item in values if item is not None]


@lru_cache(maxsize=1024)
def _test(node: p.Exists | p.Text | p.Order | p.Number | p.Flag | p.Address | p.Length) -> Callable[[Any], bool]:
    """The test of one value that a leaf makes."""
    if isinstance(node, p.Exists):
        return lambda value: True
    if isinstance(node, p.Text):
        return _text_test(node)
    if isinstance(node, p.Order):
        compare, text = _OPERATORS[node.operator], node.text
        if excess := limits.order(text):
            raise QueryError(f"EQL: {excess}")
        return lambda value: compare(_string(value), text)
    if isinstance(node, p.Number):
        compare, number = _OPERATORS[node.operator], node.value
        return lambda value: compare(_number(value), number)
    if isinstance(node, p.Flag):
        wanted = node.value
        return lambda value: _boolean(value) is wanted
    if isinstance(node, p.Length):
        compare, size = _OPERATORS[node.operator], node.value
        return lambda value: compare(len(_string(value).encode("utf-16-le", "surrogatepass")) // 2, size)
    networks = node.networks
    return lambda value: any(_address(value) in network for network in networks)


def _text_test(node: p.Text) -> Callable[[Any], bool]:
    if node.how == "is":
        excess = limits.term(node.text, node.ignore_case)
    elif node.how == "wildcard":
        excess = limits.wildcard(limits.sequence(node.text))
    else:
        before, after = node.how in ("ends", "has"), node.how in ("starts", "has")
        excess = limits.affix(node.text, before, after) if before or after else ""
    if excess:
        raise QueryError(f"EQL: {excess}")
    if node.how == "regexp":
        with contextlib.suppress(OutOfFragment):
            from_lucene(node.text, node.ignore_case)  # refuses what is too complex
        pattern = compile_lucene(node.text, node.ignore_case)
        return lambda value: pattern.fullmatch(_string(value))
    same: Callable[[str], str] = fold if node.ignore_case else str
    wanted = same(node.text)
    if node.how == "wildcard":
        signs = {"*": "any", "?": "one"}
        test = compile_wildcard([(signs.get(sign, "char"), sign) for sign in wanted])
        return lambda value: test(same(_string(value)))
    ways: dict[str, Callable[[str], bool]] = {
        "is": lambda value: value == wanted,
        "starts": lambda value: value.startswith(wanted),
        "ends": lambda value: value.endswith(wanted),
        "has": lambda value: wanted in value,
    }
    way = ways[node.how]
    return lambda value: way(same(_string(value)))


def _string(value: Any) -> str:
    """A keyword column holds the JSON text of a scalar."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(value: Any) -> int | float:
    """A numeric column also takes a decimal text (`coerce`, on by default).

    https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/coerce
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        return int(value) if str(value).lstrip("-").isdecimal() else float(value)
    except (TypeError, ValueError) as error:
        raise NotRepresentable(f"{value!r} is no number, but stands in a numeric column") from error


def _boolean(value: Any) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false", ""):
        return False
    raise NotRepresentable(f"{value!r} is no boolean, but stands in a boolean column")


def _address(value: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address(value)
    except ValueError as error:
        raise NotRepresentable(f"{value!r} is no IP address, but stands in an ip column") from error
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


ENGINE = EqlInterpreter()
