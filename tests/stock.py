"""The stock converters with our pipelines: pySigma's backends, and the rules that try every field with them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from sigma.backends.elasticsearch.elasticsearch_eql import EqlBackend
from sigma.backends.elasticsearch.elasticsearch_esql import ESQLBackend
from sigma.backends.elasticsearch.elasticsearch_lucene import LuceneBackend
from sigma.backends.kusto.kusto import KustoBackend
from sigma.backends.splunk.splunk import SplunkBackend
from sigma.collection import SigmaCollection
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule

from converter.build.pipelines import pipeline_files
from converter.core.discovery import schema_of, targets
from converter.core.model import LogSource, Rule, Target
from converter.core.platform import Kind, Schema
from converter.core.taxonomy import FieldType, field_type

BACKENDS = {
    "eql": EqlBackend,
    "esql": ESQLBackend,
    "kusto": KustoBackend,
    "lucene": LuceneBackend,
    "splunk": SplunkBackend,
}
#: one target for each backend and pipeline that users pair
PAIRS: Mapping[str, Target] = {f"{t.backend} {t.pipeline}": t for t in reversed(targets().values()) if t.pipeline}


_files = functools.cache(pipeline_files)


@functools.cache
def pipeline(name: str) -> ProcessingPipeline:
    return ProcessingPipeline.from_yaml(_files()[f"pipelines/{name}.yml"])


@functools.cache
def backend(pair: str) -> Any:
    target = PAIRS[pair]
    return BACKENDS[target.backend](pipeline(target.pipeline))


def rule(logsource: LogSource, selection: Mapping[str, Any], negated: bool = False) -> Rule:
    named = {"product": logsource.product, "category": logsource.category, "service": logsource.service}
    raw = {
        "title": "A rule about one field",
        "id": "00000000-0000-4000-8000-000000000000",
        "status": "test",
        "logsource": {key: value for key, value in named.items() if value},
        "detection": {"selection": selection, "condition": "not selection" if negated else "selection"},
    }
    return Rule("example.yml", raw, "")


def converted(pair: str, written: Rule) -> str:
    """The stock query. Raises SigmaError where pipeline or backend refuse."""
    (text,) = backend(pair).convert(SigmaCollection([SigmaRule.from_dict(dict(written.raw))]))
    return str(text)


def kinds_of(schema: Schema, logsource: LogSource) -> list[Kind]:
    return [kind for kind in schema.kinds if logsource in kind.logsources]


def virtual(schema: Schema, logsource: LogSource) -> list[str]:
    """Fields that kinds of record fix."""
    return list(dict.fromkeys(field for kind in kinds_of(schema, logsource) for field in kind.sigma))


def fields(schema: Schema, logsource: LogSource) -> list[str]:
    """Every field of a log source, those of single kinds included."""
    own = [column.source for kind in kinds_of(schema, logsource) for column in kind.columns]
    return list(dict.fromkeys([*own, *virtual(schema, logsource)]))


def shapes(field: str, is_virtual: bool) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """(name, selection, negated) of rules about one field, such as people write them."""
    if is_virtual:
        yield from (("text", {field: "true"}, False), ("boolean", {field: True}, False))
        yield from (("spelling", {field: "FALSE"}, False), ("not boolean", {field: True}, True))
        yield from (("part", {f"{field}|contains": "tru"}, False), ("null", {field: None}, False))
    elif field == "Hashes":
        wanted = {f"{field}|contains": "SHA256=" + "0123456789ABCDEF" * 4}
        yield from (("hash", wanted, False), ("not hash", wanted, True))
    elif field_type(field) is FieldType.NUMBER:
        yield from (("number", {field: 4711}, False), ("numbers", {field: [4711, 4712]}, False))
    elif field_type(field) is FieldType.ADDRESS:
        yield from (("address", {field: "203.0.113.7"}, False), ("range", {f"{field}|cidr": "203.0.113.0/24"}, False))
    else:
        yield from (("equal", {field: "C:\\Needle\\value.exe"}, False), ("null", {field: None}, False))
        yield from (
            ("end", {f"{field}|endswith": "\\needle.exe"}, False),
            ("part", {f"{field}|contains": "ndl"}, False),
        )
        yield from (
            ("not part", {f"{field}|contains": "ndl"}, True),
            ("parts", {f"{field}|contains": ["a b", "c d"]}, False),
        )


def cases(pair: str) -> Iterator[tuple[str, str, Rule]]:
    """(shape, `category.field`, rule) of every rule that tries a pair of backend and pipeline.

    A field that another log source keeps in the same columns is tried in one shape only.
    """
    schema = schema_of(PAIRS[pair])
    tried = set()
    for table in schema.tables:
        for field in fields(schema, table.logsource):
            places = [c for k in kinds_of(schema, table.logsource) for c in k.columns if c.source == field]
            known = (field, frozenset(places)) in tried
            tried.add((field, frozenset(places)))
            every = list(shapes(field, field in virtual(schema, table.logsource)))
            for shape, selection, negated in every[:1] if known else every:
                yield shape, f"{_short(table.logsource)}.{field}", rule(table.logsource, selection, negated)


def _short(logsource: LogSource) -> str:
    """The category, with the product before it where there is one that is not Windows."""
    category = logsource.label
    return category if logsource.product in (None, "windows") else f"{logsource.product}-{category}"
