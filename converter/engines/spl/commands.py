"""The commands of an SPL pipeline over rows that remember which records they come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from converter.core.errors import QueryError
from converter.dialects.spl.nodes import (
    Aggregate,
    Bin,
    Dedup,
    Eval,
    Fields,
    Head,
    Regex,
    Rename,
    Rex,
    Search,
    Sort,
    Stats,
    StreamStats,
    Table,
    Where,
)
from converter.engines.spl import values
from converter.engines.spl.functions import evaluate, where_holds
from converter.engines.spl.search import search_holds

_RELATIVE = re.compile(r"([+-])(\d*)(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
#: What `fields` keeps unless told to remove it: https://help.splunk.com/splunk-cloud-platform/spl-search-reference/
#: 10.1.2507/search-commands/fields.
_INTERNAL = ("_raw", "_time")


@dataclass
class Row:
    """A result row. `positions` are the records it was made of, hidden from the query, so that they outlive `table`."""

    fields: dict[str, Any]
    positions: tuple[int, ...] = field(default=())


def bounds(search: Search, now: datetime) -> tuple[datetime | None, datetime | None]:
    """The time range of a generating search, (None, None) when it names none: the range is then the caller's.

    Without `latest` the range ends now: https://help.splunk.com/splunk-enterprise/spl-search-reference/9.4/
    time-format-variables-and-modifiers/time-modifiers.
    """
    if search.earliest is None and search.latest is None:
        return None, None
    earliest = None if search.earliest is None else _moment(search.earliest, now)
    return earliest, _moment(search.latest or "now", now)


def _moment(text: str, now: datetime) -> datetime:
    if text in ("now", "now()"):
        return now
    found = _RELATIVE.fullmatch(text)
    if not found:
        raise QueryError(f"the time {text!r} is not covered", hint="write a plain relative time such as -24h, or now")
    sign, amount, unit = found.groups()
    span = timedelta(**{_UNITS[unit]: int(amount or 1)})
    return now - span if sign == "-" else now + span


def event_time(value: Any) -> datetime:
    """The time of a record, an ISO-8601 text or seconds since the epoch. Raises QueryError when it is neither."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise QueryError(f"a time range needs records with a time, not {value!r}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def retrieve(search: Search, rows: Iterable[Row], time: str, now: datetime) -> list[Row]:
    """The rows that a generating search returns. `earliest` is inclusive, `latest` exclusive (https://help.splunk.com/
    ?resourceId=SCS_Search_Timemodifiers)."""
    earliest, latest = bounds(search, now)
    kept = []
    for row in rows:
        if latest is not None:
            moment = event_time(row.fields.get(time))
            if moment >= latest or (earliest is not None and moment < earliest):
                continue
        if search_holds(search.condition, row.fields):
            kept.append(row)
    return kept


def _regex(command: Regex, rows: list[Row]) -> list[Row]:
    """Unanchored, case-sensitive PCRE (https://help.splunk.com/splunk-enterprise/spl-search-reference/9.4/
    search-commands/regex). A row without the field has nothing to match. Whether `!=` keeps such a row the page
    doesn't say, so it is an error here. ASSUMPTION: any value of a multivalue field may match."""
    values.pcre(command.pattern)
    kept = []
    for row in rows:
        items = list(values.elements(row.fields.get(command.field)))
        if command.negated and not items:
            raise QueryError(f"regex {command.field}!=... on an event without the field has no documented meaning")
        if any(values.pcre_search(command.pattern, item) is not None for item in items) != command.negated:
            kept.append(row)
    return kept


def _rex(command: Rex, rows: list[Row]) -> list[Row]:
    """Each named group of the first match becomes a field; without a match the row stays as it is."""
    if not values.pcre(command.pattern).groupindex:
        raise QueryError("rex needs at least one named group")
    for row in rows:
        for item in values.elements(row.fields.get(command.field)):
            found = values.pcre_search(command.pattern, item)
            if found is not None:
                row.fields.update({k: v for k, v in found.groupdict().items() if v is not None})
                break
    return rows


def _eval(command: Eval, rows: list[Row]) -> list[Row]:
    """Assignments in order; null removes the field. A Boolean can't be assigned (https://help.splunk.com/
    splunk-enterprise/search/spl2-search-reference/eval-command/eval-command-usage)."""
    for row in rows:
        for target, expr in command.assignments:
            value = evaluate(expr, row.fields)
            if isinstance(value, bool):
                raise QueryError(f"eval cannot assign a Boolean to {target}", hint="wrap it in if()")
            if value is None:
                row.fields.pop(target, None)
            else:
                row.fields[target] = value
    return rows


def _selected(names: tuple[str, ...], fields: dict[str, Any]) -> list[str]:
    """The fields that a list with wildcards names, in its order; a plain name counts whether it's there or not."""
    out: dict[str, None] = {}
    for name in names:
        out.update(dict.fromkeys([f for f in fields if values.wildcard(name, f)] if "*" in name else [name]))
    return list(out)


def _fields(command: Fields, rows: list[Row]) -> list[Row]:
    for row in rows:
        chosen = set(_selected(command.names, row.fields))
        if command.keep:
            chosen |= set(_INTERNAL)
        row.fields = {k: v for k, v in row.fields.items() if (k in chosen) == command.keep}
    return rows


def _table(command: Table, rows: list[Row]) -> list[Row]:
    for row in rows:
        row.fields = {name: row.fields.get(name) for name in _selected(command.names, row.fields)}
    return rows


def _rename(command: Rename, rows: list[Row]) -> list[Row]:
    """A field that isn't there empties its new name: https://help.splunk.com/splunk-enterprise/search/
    spl-search-reference/10.0/search-commands/rename ("Renaming a field that does not exist")."""
    for row in rows:
        for old, new in command.pairs:
            value = row.fields.pop(old, None)
            row.fields.pop(new, None)
            if value is not None:
                row.fields[new] = value
    return rows


def _sort(command: Sort, rows: list[Row]) -> list[Row]:
    """Rows without the field come last in either direction (https://help.splunk.com/splunk-enterprise/search/
    spl-search-reference/10.0/search-commands/sort). ASSUMPTION: numbers come before texts."""
    for name, descending in reversed(command.keys):
        there = [row for row in rows if values.present(row.fields, name)]
        missing = [row for row in rows if not values.present(row.fields, name)]
        order = {id(row): _rank(row.fields[name]) for row in there}
        rows = sorted(there, key=lambda row: order[id(row)], reverse=descending) + missing
    return rows[: command.limit] if command.limit else rows


def _rank(value: Any) -> tuple[int, float, str]:
    first = next(values.elements(value))
    number = values.number_of(first)
    return (1, 0, values.text_of(first)) if number is None else (0, number, "")


def _stats(command: Stats, rows: list[Row]) -> list[Row]:
    """One row per combination of the by-fields. ASSUMPTION: a row that lacks one of them is left out."""
    groups: dict[tuple[Any, ...], list[Row]] = {} if command.by else {(): []}
    for row in rows:
        for key in _keys(command.by, row):
            groups.setdefault(key, []).append(row)
    out = []
    for key in sorted(groups, key=lambda parts: [_rank(part) for part in parts]):
        members = groups[key]
        fields = dict(zip(command.by, key, strict=True))
        fields.update({a.alias: found for a in command.aggregates if (found := _aggregate(a, members)) is not None})
        out.append(Row(fields, tuple(sorted({p for member in members for p in member.positions}))))
    return out


def _streamstats(command: StreamStats, rows: list[Row]) -> list[Row]:
    """Each row gets the aggregates of the rows so far in its groups; one that lacks a by-field gets none.

    `window` counts rows, of the group where `global` is false; `time_window` goes by `_time`, for which the rows must
    be in order (https://help.splunk.com/splunk-enterprise/search/spl-search-reference/9.4/search-commands/streamstats).
    ASSUMPTIONS: a row exactly as long ago as `time_window` says is inside; the bound of limits.conf is not reached.
    """
    if command.time_window and command.window:
        raise QueryError("streamstats with window and time_window together is not covered")
    if command.window and command.overall and command.by:
        raise QueryError("streamstats with a window over all groups is not covered", hint="global=f")
    times = [event_time(row.fields.get("_time")) for row in rows] if command.time_window else []
    if times != sorted(times):
        raise QueryError(
            "streamstats with time_window needs the events in the order of their time", hint="sort 0 _time"
        )
    seen: dict[tuple[Any, ...], list[Row]] = {}
    frozen = [Row(dict(row.fields), row.positions) for row in rows]
    for row, before in zip(rows, frozen, strict=True):
        keys = _keys(command.by, row)
        for key in keys:
            seen.setdefault(key, [])
            if command.current:
                seen[key].append(before)
        if len(keys) > 1:
            raise QueryError("streamstats by a field of several values is not covered")
        for key in keys:
            members = seen[key][-command.window :] if command.window else seen[key]
            if command.time_window:
                members = [m for m in members if row.fields["_time"] - m.fields["_time"] <= command.time_window]
            for aggregate in command.aggregates:
                found = _aggregate(aggregate, members)
                if found is None:
                    row.fields.pop(aggregate.alias, None)
                else:
                    row.fields[aggregate.alias] = found
            if not command.current:
                seen[key].append(before)
    return rows


def _keys(by: tuple[str, ...], row: Row) -> list[tuple[Any, ...]]:
    keys: list[tuple[Any, ...]] = [()]
    for name in by:
        keys = [(*key, values.text_of(item)) for key in keys for item in values.elements(row.fields.get(name))]
    return keys


def _aggregate(aggregate: Aggregate, rows: list[Row]) -> Any:
    """values() is the distinct values in lexicographical order (https://help.splunk.com/splunk-enterprise/
    spl-search-reference/9.4/statistical-and-charting-functions/multivalue-stats-and-chart-functions)."""
    if aggregate.field is None:
        return len(rows)
    items = [item for row in rows for item in values.elements(row.fields.get(aggregate.field))]
    if aggregate.function == "count":
        return len(items)
    distinct = sorted({values.text_of(item) for item in items})
    if aggregate.function == "dc":
        return len(distinct)
    if aggregate.function == "values":
        return distinct or None
    ranked = sorted(items, key=_rank)
    return (ranked[0] if aggregate.function == "min" else ranked[-1]) if ranked else None


def _bin(command: Bin, rows: list[Row]) -> list[Row]:
    """Times rounded down to tumbling windows. ASSUMPTION: windows count from the epoch, in UTC."""
    for row in rows:
        if not values.present(row.fields, command.field):
            continue
        moment = event_time(row.fields[command.field])
        start = int(moment.timestamp()) // command.seconds * command.seconds
        row.fields[command.field] = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return rows


def _dedup(command: Dedup, rows: list[Row]) -> list[Row]:
    """The first rows of each combination; a row that lacks one of the fields is left out (https://help.splunk.com/
    splunk-cloud-platform/spl-search-reference/10.0.2503/search-commands/dedup, keepempty)."""
    seen: dict[tuple[str, ...], int] = {}
    kept = []
    for row in rows:
        if not all(values.present(row.fields, name) for name in command.fields):
            continue
        key = tuple(str(row.fields[name]) for name in command.fields)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= command.count:
            kept.append(row)
    return kept


def _search(command: Search, rows: list[Row]) -> list[Row]:
    return [row for row in rows if search_holds(command.condition, row.fields)]


def _where(command: Where, rows: list[Row]) -> list[Row]:
    return [row for row in rows if where_holds(command.condition, row.fields)]


def _head(command: Head, rows: list[Row]) -> list[Row]:
    return rows[: command.count]


COMMANDS: dict[type, Callable[[Any, list[Row]], list[Row]]] = {
    Search: _search,
    Where: _where,
    Regex: _regex,
    Rex: _rex,
    Eval: _eval,
    Fields: _fields,
    Table: _table,
    Rename: _rename,
    Sort: _sort,
    Stats: _stats,
    StreamStats: _streamstats,
    Bin: _bin,
    Head: _head,
    Dedup: _dedup,
}
