"""Correlations in SPL: `streamstats` over the events in the order of their time, so that a window ends at every event.

Counts of events look back over as many events as are asked for (`window`, which with `global=f` is one per group) and
compare times; rules are told apart by when each matched last. Only different values need `time_window`, of which Splunk
does not say whether an event exactly that long ago is inside. `streamstats` keeps `max_stream_window` events, 10,000
unless limits.conf says otherwise.
https://help.splunk.com/splunk-enterprise/search/spl-search-reference/9.4/search-commands/streamstats
"""

from __future__ import annotations

from converter.dialects.draft import SLIDES, CorrelationDraft, Leg
from converter.dialects.layout import indented, listed
from converter.dialects.spl.writer import SplWriter, comment, name, quote
from converter.dialects.spl.writer_where import NULL_TEXT, eval_name
from converter.dialects.writer import refuse

#: https://help.splunk.com/splunk-enterprise/administer/admin-manual/9.4/configuration-file-reference/
#: limits.conf ([streamstats] max_stream_window)
MOST_EVENTS = 10_000
_LIMIT = f"Splunk looks back over {MOST_EVENTS:,} events at most (limits.conf, max_stream_window)."
_EDGE = "Splunk does not say whether an event exactly one timespan ago is in time_window."


def write_correlation(plan: CorrelationDraft) -> str:
    """The search of one correlation: its rows are the last events of the windows in which it holds."""
    if plan.least > MOST_EVENTS:
        raise refuse("correlation count", f"streamstats looks back over {MOST_EVENTS:,} events at most")
    if any(leg.optional and leg.draft.missing != NULL_TEXT for leg in plan.legs):
        raise refuse("correlation field", "Splunk leaves out events that lack one of the two columns of a field")
    limits = (SLIDES, _LIMIT, *([_EDGE] if plan.type == "value_count" else ()))
    header = plan.header(comment, *limits)
    if plan.type in ("event_count", "value_count"):
        (leg,) = plan.together()
        text = header + "\n| ".join([*SplWriter(leg.draft).pipeline(), *_counted(plan, leg)])
    else:
        if len(plan.legs) < 2:
            raise refuse("correlation of one rule", "one rule is related to no other", "count its events instead")
        searches = [indented("[" + "\n| ".join(_search(plan, n, leg)) + "]", 4) for n, leg in enumerate(plan.legs, 1)]
        # a comment before a generating command is reported to fail: see writer.write_detection
        text = "| multisearch\n" + indented(header, 4) + "\n".join(searches) + "\n| " + "\n| ".join(_related(plan))
    return text + "\n"


def _counted(plan: CorrelationDraft, leg: Leg) -> list[str]:
    keys = " ".join(map(name, leg.keys))
    if plan.type == "value_count":
        steps = [f"streamstats time_window={plan.seconds}s dc({name(leg.value)}) AS Count BY {keys}"]
        steps += [f"where Count>={plan.least}"]
    else:
        found = f"count AS Count, min(_time) AS Start BY {keys}"
        steps = [f"streamstats window={plan.least} global=f {found}"]
        steps += [f"where Count>={plan.least} AND _time-Start<={plan.seconds}"]
    shown = dict.fromkeys([*leg.draft.leading, *leg.keys, "Count", *leg.draft.columns])
    return ["sort 0 _time", *steps, listed(map(name, shown), "table")]


def _keys(plan: CorrelationDraft) -> list[str]:
    return [f"Key{number}" for number in range(1, len(plan.key_names) + 1)]


def _search(plan: CorrelationDraft, number: int, leg: Leg) -> list[str]:
    """The events of one rule, each with its number, its name and what groups it."""
    head, *commands = SplWriter(leg.draft).pipeline()
    keys = [f"{key}={eval_name(column)}" for key, column in zip(_keys(plan), leg.keys, strict=True)]
    return [f"search {head}", *commands, f"eval {', '.join([f'Rule={quote(leg.label)}', f'Stage={number}', *keys])}"]


def _related(plan: CorrelationDraft) -> list[str]:
    keys, count = " ".join(_keys(plan)), len(plan.legs)
    if plan.type == "temporal":
        own = [f"Time{n}=if(Stage={n}, _time, null())" for n in range(1, count + 1)]
        last = [f"max(Time{n}) AS Last{n}" for n in range(1, count + 1)]
        inside = "+".join(f"if(_time-Last{n}<={plan.seconds}, 1, 0)" for n in range(1, count + 1))
        steps = ["sort 0 _time", f"eval {', '.join(own)}", f"streamstats {', '.join(last)} BY {keys}"]
        steps += [f"where {inside}>={plan.least}"]
    else:
        # at one moment a later rule comes first, so that it does not see an earlier one: no order is known there
        steps = ["sort 0 _time, -Stage"]
        for n in range(1, count):
            start = "_time" if n == 1 else f"Start{n - 1}"
            steps += [f"eval Begun{n}=if(Stage={n}, {start}, null())"]
            steps += [f"streamstats max(Begun{n}) AS Start{n} BY {keys}"]
        steps += [f"where Stage={count} AND _time-Start{count - 1}<={plan.seconds}"]
    leading = [column for leg in plan.legs for column in leg.draft.leading]
    columns = [column for leg in plan.legs for column in leg.draft.columns]
    return [*steps, listed(map(name, dict.fromkeys([*leading, "Rule", *_keys(plan), *columns])), "table")]
