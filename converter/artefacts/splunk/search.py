"""One saved search: the verified query with its scope behind a macro, and a schedule that fits the query's window.

The wrapping, in full: `wrap` leaves out the comments at the query's head (a command that must come first, such as
multisearch, is refused after a comment) and the final line break (a .conf value cannot have one), and puts the macro's
name in place of the scope terms. `expand` undoes the last two as Splunk does before it runs a search.
Settings: https://docs.splunk.com/Documentation/Splunk/latest/Admin/Savedsearchesconf. Macros:
https://docs.splunk.com/Documentation/Splunk/latest/Knowledge/Definesearchmacros.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from converter.core.errors import ParityError, QueryError
from converter.dialects.spl.nodes import Search
from converter.dialects.spl.syntax import parse_both

#: Minutes that events may need to reach the index before a search of them is final.
INDEXING_DELAY = 10
#: Minutes between two runs unless the site says otherwise.
FREQUENCY = 60
_DAY = 1440


@dataclass(frozen=True)
class Macro:
    """A search macro and the scope terms, as the queries write them, that it stands for."""

    name: str
    terms: str

    @property
    def call(self) -> str:
        return f"`{self.name}`"


@dataclass(frozen=True)
class Schedule:
    """When a search runs and over which time; `overlap` in minutes is how long one event can be found again."""

    cron: str
    earliest: str
    latest: str
    overlap: int = 0


def wrap(text: str, macros: Iterable[Macro]) -> str:
    """The query as a saved search's value. Raises ParityError when the scope is not there, or when Splunk would take
    something else in the query for a macro."""
    body = without_head(text).removesuffix("\n")
    wrapped = body
    for macro in macros:
        wrapped = wrapped.replace(macro.terms, macro.call)
    if wrapped == body:
        raise ParityError("the query does not search what a macro stands for", hint="its target needs another macro")
    if "`" in re.sub(r"```.*?```", "", body, flags=re.DOTALL):
        raise ParityError("the query holds a backtick that Splunk would take for a macro", hint="rephrase the rule")
    return wrapped


def without_head(text: str) -> str:
    """The query without the comment lines it begins with."""
    return re.sub(r"\A(?:```.*?```\s*)+", "", text, flags=re.DOTALL)


def expand(value: str, macros: Mapping[str, str]) -> str:
    """The query that Splunk runs for a saved search's value, as a file of `output/` holds it below its
    comments.

    Comments in three backticks come first and stay; then a pair of backticks is a macro, also inside quotes.
    Raises ParityError for a macro that `macros` does not define.
    """

    def one(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return found[0]
        if name not in macros:
            raise ParityError(f"there is no macro `{name}`")
        return macros[name]

    return re.sub(r"```.*?```|`([^`]*)`", one, value, flags=re.DOTALL) + "\n"


def definition(macro: Macro, own: str | None) -> str:
    """What the macro stands for: its scope terms, and with them a site's own search terms, in parentheses since OR may
    be one. What the query was proved for stays: a site can narrow a search, and widens none.

    Raises ParityError when those are anything but terms of one `search`.
    """
    if own is None or own == macro.terms:
        return macro.terms
    hint = f"such as index=main; {macro.terms} is added to it"
    try:
        parse_both(own)  # alone too: brackets that close early would take the parentheses around it apart
        commands = parse_both(f"({own})").commands
    except QueryError as error:
        message = f"the macro {macro.name} is not a search: {error.message}"
        raise ParityError(message, "parity.toml", error.hint or hint) from error
    if len(commands) != 1 or not isinstance(commands[0], Search):
        raise ParityError(f"the macro {macro.name} must hold search terms only", "parity.toml", hint)
    return f"{macro.terms} ({own})"


def window_of(text: str) -> int | None:
    """The minutes that the query itself looks back, None when the schedule says so."""
    found = {int(hours) * 60 for hours in re.findall(r"\bearliest=-(\d+)h\b", text)}
    if len(found) > 1:
        raise ParityError("the searches of the query look back over different times")
    return found.pop() if found else None


def schedule(name: str, text: str, frequency: int | None, lookback: int | None) -> Schedule:
    """The schedule of a search called `name`; its minute follows from the name, so that not all start at once.

    A query with its own window decides its time range (an `earliest` in the query wins over that of the dispatch:
    https://docs.splunk.com/Documentation/Splunk/latest/Search/Specifytimemodifiersinyoursearch). Others get ranges
    that join without a gap and end INDEXING_DELAY before the run. Raises ParityError for a frequency that cron lacks
    or that leaves events unseen.
    """
    every = frequency or FREQUENCY
    own = window_of(text)
    span = own or lookback or every
    if span < every:
        raise ParityError(
            f"looking back {span} minutes every {every} leaves events unseen", "parity.toml", "lower `frequency`"
        )
    timing = cron(every, zlib.crc32(name.encode()))
    if own:
        return Schedule(timing, f"-{own // 60}h", "now", own)
    earliest, latest = f"-{span + INDEXING_DELAY}m@m", f"-{INDEXING_DELAY}m@m"
    return Schedule(timing, earliest, latest, span if span > every else 0)


def cron(every: int, spread: int) -> str:
    """A cron expression that runs every so many minutes, shifted by `spread`. Raises ParityError for one that cron
    cannot say: it starts afresh each hour and each day."""
    hours, minute = every // 60, spread % 60
    if every < 60 and 60 % every == 0:
        start = minute % every
        return "* * * * *" if every == 1 else f"{start}-59/{every} * * * *"
    if every == 60:
        return f"{minute} * * * *"
    if every % 60 == 0 and every < _DAY and 24 % hours == 0:
        return f"{minute} {spread // 60 % hours}-23/{hours} * * *"
    if every == _DAY:
        return f"{minute} {spread // 60 % 24} * * *"
    raise ParityError(
        f"cron has no schedule of every {every} minutes",
        "parity.toml",
        "a divisor of 60m below an hour, a divisor of 24h above it, at most 1d",
    )
