"""Microsoft's own binder on a shipped KQL query: do its names and types fit the platform's real columns?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from converter.core.errors import EngineUnavailable, ParityError
from converter.core.model import Query, Target
from converter.core.platform import plain
from converter.core.verdict import Outcome, Verdict
from converter.engines.kql.kusto_binder import Diagnostic, KustoBinder

CHECK = "kusto-binder"
DIALECT = "kql"
PROVENANCE = "Microsoft's Kusto language service"


@cache
def binder() -> KustoBinder:
    """The one binder of this process: it takes two seconds to load and lives until the process ends."""
    return KustoBinder()


def verdict(query: Query, target: Target, types: Mapping[str, Mapping[str, str]]) -> Verdict:
    """AGREE without any diagnostic; DISAGREE with all of them; NOT_RUN, with what to install, if there is no binder.

    `types` maps each table of the platform to its columns and their KQL types.
    """
    try:
        found = binder().diagnose(query.text, {table: plain(columns) for table, columns in types.items()})
    except EngineUnavailable as error:
        return _verdict(query, target, Outcome.NOT_RUN, str(error))
    except ParityError as error:
        return _verdict(query, target, Outcome.ERROR, str(error))
    outcome = Outcome.DISAGREE if found else Outcome.AGREE
    return _verdict(query, target, outcome, "\n".join(_tell(diagnostic, query.text) for diagnostic in found))


def _tell(found: Diagnostic, text: str) -> str:
    line = text.count("\n", 0, found.start) + 1
    excerpt = text[found.start : found.start + found.length][:80]
    return f"line {line}: {found.severity} {found.code}: {found.message} ({excerpt!r})"


def _verdict(query: Query, target: Target, outcome: Outcome, detail: str) -> Verdict:
    return Verdict(query.source, target.name, CHECK, outcome, PROVENANCE, detail)
