"""The moment at which a query is asked: a verdict must not depend on when, or how slowly, a suite runs.

An engine that can be told the time is told it. A server has a clock of its own; for it the records of a query that
looks at the time are moved, so that each is as old to the server's clock as it is at the moment asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from converter.core.platform import Record, Schema

#: how Query DSL, Lucene and ES|QL name the present
_NOW = re.compile(r"\bnow\b", re.IGNORECASE)


def present(now: datetime | None) -> datetime:
    """The moment asked for; None is the present one."""
    return datetime.now(UTC) if now is None else now


def moved(text: str, records: Sequence[Record], schema: Schema, now: datetime | None) -> Sequence[Record]:
    """The records as old to this machine's clock as they are at `now`, where the query looks at the time at all.

    A row of the answer shows the moved times.
    """
    if now is None or not _NOW.search(text):
        return records
    distance = datetime.now(UTC) - now
    return [_moved(record, schema.time, distance) for record in records]


def _moved(record: Record, time: str, distance: timedelta) -> Record:
    if time not in record.fields:
        return record
    moment = datetime.fromisoformat(str(record.fields[time])) + distance
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return replace(record, fields={**record.fields, time: text})
