"""What the KQL engine refuses: queries that DuckDB would answer differently from Kusto without a word.

The checks look at duckdb-kql's representation of a query, so they belong to its version (`kql_duckdb.VERSION`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from converter.core.errors import QueryError
from converter.engines.kql import ip_functions as kql_ip_functions

Types = Mapping[str, Mapping[str, str]]

_CAN_BE_NULL = frozenset(function.name for function in kql_ip_functions.FUNCTIONS)
_NUMERIC = frozenset({"int", "long", "real"})

#: Operators compared with Kusto; of the others, some would pad strings with NULL (`lookup`, `mv-expand`, and
#: every kind of `join` but `inner`).
_OPERATORS = frozenset(
    {"Where", "Project", "ProjectAway", "ProjectRename", "Extend", "Take", "Top", "Sort", "Distinct", "Count"}
    | {"Summarize", "Union", "Join"}
)
_STRING_OPERATOR = re.compile(r"(=~|!~|matches regex|!?(has|hasprefix|hassuffix|contains|startswith|endswith)(_cs)?)")

#: Comments and string literals of KQL; an escape other than these few reads differently in duckdb-kql.
_TOKEN = re.compile(r"//[^\n]*|@\"(?:[^\"]|\"\")*\"|@'(?:[^']|'')*'|\"((?:\\.|[^\"\\\n])*)\"|'((?:\\.|[^'\\\n])*)'")
_ODD_ESCAPE = re.compile(r"\\(?:[\\\"'tnr]|(.))")


def check_escapes(text: str) -> None:
    """Refuse a string literal that duckdb-kql would decode in another way than Kusto."""
    for token in _TOKEN.finditer(text):
        body = token[1] or token[2] or ""
        for escape in _ODD_ESCAPE.finditer(body):
            if escape[1]:
                raise QueryError(
                    f"the escape \\{escape[1]} in a string literal is not decoded by duckdb-kql",
                    hint=r"write the character itself, or only \\ \" \' \t \n \r",
                )


def _nodes(node: Any) -> Iterator[Any]:
    """The node and everything below it, by dataclass fields, lists and tuples."""
    if isinstance(node, (list, tuple)):
        for item in node:
            yield from _nodes(item)
    elif dataclasses.is_dataclass(node):
        yield node
        for field in dataclasses.fields(node):
            yield from _nodes(getattr(node, field.name))


def _kind(node: Any) -> str:
    return type(node).__name__


def check(query: Any, types: Types) -> None:
    """Refuse what DuckDB would answer differently from Kusto without a word."""
    nodes = list(_nodes(query))
    bound = {name for node in nodes if _kind(node) == "Query" for name, _ in node.lets}
    tables = {node.name for node in nodes if _kind(node) == "TableRef"} - bound
    for node in nodes:
        if _kind(node) == "Query" and node.parameters:
            raise QueryError("query parameters are not supported")
        for operator in node.operators if _kind(node) == "Query" else ():
            if _kind(operator) not in _OPERATORS:
                raise QueryError(f"the operator {_kind(operator)} was never compared with Kusto")
            if _kind(operator) == "Join" and operator.kind != "inner":
                # the others leave one side out, whose strings would be NULL and are '' in Kusto, or choose rows
                raise QueryError(f"join kind={operator.kind} was never compared with Kusto")
        foreign = _kind(node) == "TableRef" and (node.database or node.cluster)
        if foreign or _kind(node).endswith("Source") or _kind(node) in ("DataTable", "WildcardTableRef"):
            raise QueryError("only the schema's own tables can be searched")
    for table in sorted(tables - set(types)):
        raise QueryError(f"unknown table {table!r}", hint=_spelling(table, types))
    known = {column: kind for table in sorted(tables) for column, kind in types[table].items()}
    made = {str(node.name) for node in nodes if _kind(node) in ("NamedExpr", "Count")}
    made |= {new for node in nodes if _kind(node) == "ProjectRename" for pair in node.renames for new in pair}
    used = {node.name for node in nodes if _kind(node) == "ColumnRef"}
    used |= {name for node in nodes if _kind(node) == "ProjectAway" for name in node.columns}
    for name in sorted(used - known.keys() - made):
        # A name that only the query's own operators make up (`count_`) is left to DuckDB, which knows it or raises.
        if hint := _spelling(name, {*known, *made}):
            raise QueryError(f"unknown column {name!r}", hint=hint)
    for node in nodes:
        if _kind(node) == "Where":
            _check_nulls(node.predicate)
    _check_types(nodes, {name: kind for name, kind in known.items() if name not in made})


def _spelling(name: str, known: Mapping[str, Any] | set[str]) -> str:
    same = sorted(other for other in known if other.lower() == name.lower())
    return f"names are case-sensitive in KQL: {', '.join(same)}" if same else ""


def _check_nulls(node: Any, negated: bool = False, combined: bool = False) -> None:
    """Refuse a part that can be null below an `and` or `or` below a `not`: Kusto's answer is not documented."""
    if _kind(node) == "FunctionCall" and node.name == "not":
        _check_nulls(node.args[0], negated=True, combined=combined)
    elif _kind(node) == "BinaryOp" and node.op in ("and", "or"):
        for part in (node.left, node.right):
            _check_nulls(part, negated, combined or negated)
    elif combined and (
        _kind(node) in ("Between", "ColumnRef")
        or (_kind(node) == "BinaryOp" and node.op in ("<", "<=", ">", ">="))
        or (_kind(node) == "FunctionCall" and node.name in _CAN_BE_NULL)
    ):
        raise QueryError(
            "below not(… and/or …) a part can be null, and Kusto documents no answer",
            hint="wrap comparisons of numbers and IP functions in coalesce(…, false)",
        )


def _check_types(nodes: Sequence[Any], types: Mapping[str, str]) -> None:
    """Refuse comparing a number with text or text with a number: DuckDB converts in silence, Kusto does not."""
    pairs: list[tuple[Any, Any]]
    for node in nodes:
        if _kind(node) == "BinaryOp":
            pairs = [(node.left, node.right), (node.right, node.left)]
            textual = _STRING_OPERATOR.fullmatch(node.op) is not None
        elif _kind(node) in ("InList", "HasList"):
            pairs = [(node.value, item) for item in node.items]
            textual = _kind(node) == "HasList" or bool(node.case_insensitive)
        else:
            continue
        for operand, other in pairs:
            kind = types.get(operand.name, "") if _kind(operand) == "ColumnRef" else ""
            literal = other.kind if _kind(other) == "Literal" else ""
            if kind in _NUMERIC and (textual or literal == "string"):
                raise QueryError(f"the {kind} column {operand.name} is compared with text")
            if kind == "string" and literal in _NUMERIC:
                raise QueryError(f"the string column {operand.name} is compared with a number")
