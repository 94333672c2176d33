"""Reads a correlation's KQL back: the tabular `let`s as branches, and what relates their rows, step by step.

Only the self-joins are recognised whose meaning is known: rows paired over equal keys, a window that ends at the left
row, different things counted. Anything else is out of the fragment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from converter.core.errors import OutOfFragment
from converter.core.platform import Schema
from converter.dialects.kql import syntax
from converter.dialects.kql.reader import tables_of
from converter.dialects.kql.rows import Rows
from converter.dialects.kql.tokens import tokenize
from converter.dialects.kql.values import Constant, Field
from converter.dialects.reading import Branch, Correlated, CorrelatedLeg
from converter.semantics.decide.predicate import conjunction

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_KEY = r"[A-Za-z_]\w*"
_NAMES = rf"{_KEY}(?:, {_KEY})*"
_SPAN = r"(?P<span>\d+)(?P<unit>[smhd])"
#: the steps of a count, as `_flat` writes them
_COUNT = re.compile(
    rf"Events \| join kind = inner \( Events \| project (?P<right>.+?) \) on (?P<keys>{_NAMES})"
    rf" \| where EarlierTime between \( \( (?P<time>{_KEY}) - {_SPAN} \) \.\. (?P=time) \)"
    rf" \| distinct (?P<distinct>{_NAMES})"
    rf" \| summarize Count = count \( \) by (?P<by>{_NAMES}) \| where Count >= (?P<least>\d+)"
)
_START = re.compile(rf"Rule1 \| project (?P<keys>{_NAMES}), Start = (?P<time>{_KEY}), Time1 = (?P=time)")
_STEP = re.compile(
    rf" \| join kind = inner \( Rule(?P<rule>\d+)"
    rf"(?: \| project (?P<right>{_NAMES}), (?P<named>Time\d+) = (?P<old>{_KEY}))? \) on (?P<keys>{_NAMES})"
    rf" \| where (?P<now>{_KEY}) > Time(?P<before>\d+) and (?P=now) <= Start \+ {_SPAN}"
    rf" \| summarize Start = max \( Start \) by (?P<by>{_NAMES})"
)


def read_correlation(text: str, schema: Schema) -> Correlated:
    """What a correlation's query means. Raises as `reader.read` does, and OutOfFragment for another shape."""
    lets, names, body = _split(text)
    flat = _flat(body)
    tables = tables_of(syntax.parse(lets + names[-1]), schema) if names else {}
    if names == ["Events"] and (found := _COUNT.fullmatch(flat)):
        return _counted(found, tables["Events"], schema)
    if names == [f"Rule{number}" for number in range(1, len(names) + 1)] and len(names) > 1:
        return _ordered(flat, [tables[name] for name in names], schema)
    raise OutOfFragment("this is no correlation of a known shape")


def _split(text: str) -> tuple[str, list[str], str]:
    """The `let` statements with their semicolons, their names, and the statement that returns rows."""
    tokens = [token for token in tokenize(text) if token.kind != "end"]
    ends = [number for number, token in enumerate(tokens) if token.kind == "op" and token.text == ";"]
    if not ends:
        raise OutOfFragment("a correlation binds its events with `let`")
    end = tokens[ends[-1]].end
    starts = [0, *(number + 1 for number in ends[:-1])]
    names = [tokens[start + 1].text for start in starts if tokens[start].text == "let"]
    if len(names) != len(starts):
        raise OutOfFragment("a statement that is no `let`")
    return text[:end] + "\n", names, text[end:]


def _flat(body: str) -> str:
    """The tokens of a statement with one blank between them, and none before a comma."""
    return re.sub(r" ,", ",", " ".join(token.text for token in tokenize(body) if token.kind != "end"))


def _names(text: str) -> list[str]:
    return text.split(", ")


def _counted(found: re.Match[str], legs: Sequence[Rows], schema: Schema) -> Correlated:
    keys, by, distinct = _names(found["keys"]), _names(found["by"]), _names(found["distinct"])
    right: dict[str, str] = {}
    for item in _names(found["right"]):
        new, _, old = item.partition(" = ")
        right[new] = old or new
    leading = [name for name in by if name not in keys]
    things = {right.get(name, "") for name in distinct if name not in by}
    same = all(right.get(name) == name for name in keys) and right.get("EarlierTime") == found["time"] == schema.time
    if not same or by != [*leading, *keys] or distinct[: len(by)] != by or not _identifies(leading, legs, schema):
        raise OutOfFragment("the rows are not counted by the events and keys that pair them")
    if things == {"Rule"}:
        kind = "temporal"
    elif things == {"Value"}:
        kind = "value_count"
    elif things == set(leading):
        kind = "event_count"
    else:
        raise OutOfFragment("what is counted is neither events, values nor rules")
    seconds = int(found["span"]) * _UNITS[found["unit"]]
    read = tuple(
        _leg(rows, keys, schema, "Value" if kind == "value_count" else "", kind == "temporal") for rows in legs
    )
    if kind == "event_count" and len({rows.table for rows in legs}) < len(legs):
        # an event that two of the legs return would be there twice, though it is one
        raise OutOfFragment("two legs of the union read one table")
    return Correlated(kind, read, seconds, int(found["least"]), "sliding")


def _ordered(flat: str, tables: Sequence[tuple[Rows, ...]], schema: Schema) -> Correlated:
    start = _START.match(flat)
    if start is None or start["time"] != schema.time:
        raise OutOfFragment("the first rule does not begin the sequence")
    keys, at, spans = _names(start["keys"]), start.end(), set()
    for number in range(2, len(tables) + 1):
        step = _STEP.match(flat, at)
        final = number == len(tables)
        if step is None:
            raise OutOfFragment(f"rule {number} does not follow rule {number - 1}")
        now = schema.time if final else f"Time{number}"
        by = _names(step["by"])
        leading = by[: len(by) - len(keys)]
        fits = (
            (int(step["rule"]), int(step["before"]), step["now"]) == (number, number - 1, now)
            and _names(step["keys"]) == keys
            and (step["right"] is None) == final
            and (final or (_names(step["right"]), step["named"], step["old"]) == (keys, now, schema.time))
            and (by == [*leading, *keys] and _identifies(leading, tables[-1], schema) if final else by == [*keys, now])
        )
        if not fits:
            raise OutOfFragment(f"rule {number} does not follow rule {number - 1} over the same keys")
        spans.add(int(step["span"]) * _UNITS[step["unit"]])
        at = step.end()
    if at != len(flat) or len(spans) != 1:
        raise OutOfFragment("the steps of the sequence do not share one timespan")
    legs = tuple(_leg(_only(table), keys, schema, "", False) for table in tables)
    named = tuple(replace(leg, label=f"#{number}") for number, leg in enumerate(legs, 1))
    return Correlated("temporal_ordered", named, spans.pop(), len(tables), "sliding")


def _only(table: Sequence[Rows]) -> Rows:
    if len(table) != 1:
        raise OutOfFragment("a rule of a sequence over several tables")
    return table[0]


def _identifies(leading: Sequence[str], legs: Sequence[Rows], schema: Schema) -> bool:
    """Whether the columns tell every event from another."""
    plain = all(rows.columns.get(name) == Field(name, _type(rows, name)) for rows in legs for name in leading)
    return plain and {name for rows in legs for name in schema.telling(rows.table)} <= set(leading)


def _type(rows: Rows, name: str) -> str:
    value = rows.columns.get(name)
    return value.type if isinstance(value, Field) else ""


def _leg(rows: Rows, keys: Sequence[str], schema: Schema, value: str, labelled: bool) -> CorrelatedLeg:
    named = rows.columns.get("Rule")
    if labelled and not isinstance(named, Constant):
        raise OutOfFragment("the rule of a row is not named by a constant")
    label = str(named.value) if labelled and isinstance(named, Constant) else ""
    if _column(rows, schema.time) != schema.time:
        raise OutOfFragment("the time of the events is not theirs")
    branch = Branch((rows.table,), conjunction(rows.conditions), rows.window, {}, tuple(rows.columns))
    columns = tuple(_column(rows, key) for key in keys)
    counted = _column(rows, value) if value else ""
    # a missing text is "" (https://learn.microsoft.com/kusto/query/scalar-data-types/null-values), equal to another
    return CorrelatedLeg((branch,), columns, counted, label, frozenset(columns))


def _column(rows: Rows, name: str) -> str:
    found = rows.columns.get(name)
    if not isinstance(found, Field) or found.case or found.spelled:
        raise OutOfFragment(f"`{name}` is no column of the table as it stands")
    return found.column
