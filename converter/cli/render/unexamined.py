"""What a command did not examine: broken files, other documents, rules without data; in every format, each by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from converter.cli.render import sarif as render_sarif
from converter.cli.render.words import count, wrapped
from converter.core.errors import ParityError

Faults = Sequence[ParityError]
#: (path of a rule, why nothing is known of it)
Without = Sequence[tuple[str, str]]

KINDS = {
    "broken": "A file holds no sound rule.",
    "not-examined": "Nothing is known of a file: it is no rule, or no target has data for its log source.",
}


def lines(broken: Faults, other: Faults, without: Without = (), width: int = 80) -> list[str]:
    """A line or more for each; rules without data are gathered by their log source."""
    out = [f"broken: {fault}" for fault in broken]
    out += [f"not examined: {fault}" for fault in other]
    by_reason: dict[str, list[str]] = {}
    for source, why in without:
        by_reason.setdefault(why, []).append(source)
    for why, sources in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
        out.append(f"not examined: {count(len(sources), 'rule')}: {why}")
        for source in sources:
            out += wrapped(source, width, "    ")
    return out


def data(broken: Faults, other: Faults, without: Without = ()) -> dict[str, Any]:
    """The same for programs."""
    rest = [_fault(fault) for fault in other] + [{"where": s, "message": why, "hint": ""} for s, why in without]
    return {"broken": [_fault(fault) for fault in broken], "not_examined": rest}


def _fault(fault: ParityError) -> dict[str, str]:
    return {"where": fault.where, "message": fault.message, "hint": fault.hint}


def results(broken: Faults, other: Faults, without: Without = (), strict: bool = False) -> list[render_sarif.Result]:
    """The same as findings of SARIF: what fails the run is an error."""
    level = "error" if strict else "warning"
    found = [_result("broken", "error", fault.where, fault.message) for fault in broken]
    found += [_result("not-examined", level, fault.where, fault.message) for fault in other]
    return found + [_result("not-examined", level, source, why) for source, why in without]


def sarif(broken: Faults, other: Faults, strict: bool = False) -> str:
    """A SARIF log of these alone."""
    return render_sarif.sarif(results(broken, other, (), strict), KINDS)


def _result(kind: str, level: str, where: str, message: str) -> render_sarif.Result:
    line = re.search(r":(\d+)\Z", where)
    return render_sarif.Result(kind, level, message, path_of(where) or ".", int(line[1]) if line else 1)


def path_of(where: str) -> str:
    """The file of a place."""
    return re.sub(r":\d+\Z", "", where)


def dumped(body: Mapping[str, Any]) -> str:
    """JSON as all commands print it."""
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
