"""Elastic Security detection rules as NDJSON for Kibana's import: one line a rule.

Keys and types: https://www.elastic.co/docs/api/doc/kibana/operation/operation-importrules. The summary line that an
export ends with is not needed: Kibana passes over it
(x-pack/plugins/security_solution/server/utils/read_stream/create_stream_from_ndjson.ts, `filterExportedCounts`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from converter import __version__
from converter.artefacts.core.attack import Attack, attack_of, technique
from converter.artefacts.core.base import Artefact, Context
from converter.artefacts.core.base_text import description, identity, needs, response_of, sources, stem
from converter.artefacts.core.response_guide import guide
from converter.build.settings import local_target
from converter.convert.convert import Converter
from converter.core.discovery import find_target, searched_for, targets
from converter.core.model import Detection, Query, Rule
from converter.core.validate import check
from converter.dialects.condition import fields_of
from converter.dialects.draft import Draft

T = TypeVar("T")

#: dialect -> the rule type and the query language of Kibana, which has none for the Query DSL
_LANGUAGES = {"eql": ("eql", "eql"), "esql": ("esql", "esql"), "lucene": ("query", "lucene")}
#: target -> the same
KINDS: Mapping[str, tuple[str, str]] = {
    name: _LANGUAGES[target.dialect] for name, target in targets().items() if target.dialect in _LANGUAGES
}
# severities, and a score in the range that Kibana proposes for each:
# https://www.elastic.co/docs/solutions/security/detect-and-alert/create-detection-rule
_SEVERITY = {
    "informational": ("low", 5),
    "low": ("low", 21),
    "medium": ("medium", 47),
    "high": ("high", 73),
    "critical": ("critical", 99),
}
#: Minutes between two runs, and how much further back each looks: Kibana's own defaults for a new rule.
_FREQUENCY, _ADDITIONAL = 5, 4
#: Minutes between two runs of a detection, which looks back over its whole window each time.
_DETECTION_FREQUENCY = 60
# index prefix -> Fleet package, the major version whose fields our schemas describe, what it is called. Versions:
# packages/<package>/changelog.yml in https://github.com/elastic/integrations; endpoint follows the stack's version.
# Each of these packages holds one integration, so none is named.
_INTEGRATIONS = {
    "logs-endpoint.": ("endpoint", "^9.0.0", "Elastic Defend"),
    "logs-windows.": ("windows", "^3.0.0", "the Windows integration with its Sysmon Operational channel"),
    "logs-m365_defender.": ("m365_defender", "^5.0.0", "the Microsoft Defender XDR integration, events by Event Hub"),
    "logs-iis.": ("iis", "^1.0.0", "the IIS integration"),
    "logs-apache.": ("apache", "^1.0.0", "the Apache HTTP Server integration"),
    "logs-nginx.": ("nginx", "^1.0.0", "the Nginx integration"),
    "winlogbeat-": (None, None, "Winlogbeat with its Sysmon module"),
}
#: a product of Sigma's as a tag; a rule about none of them is about no endpoint
_SYSTEMS = {"windows": "Windows", "linux": "Linux", "macos": "macOS"}
#: the beginning of an index pattern -> its source, as Elastic's rules tag it: `EXPECTED_RULE_TAGS` of
#: https://github.com/elastic/detection-rules/blob/main/detection_rules/schemas/definitions.py
_DATA_SOURCES = {
    "logs-endpoint.": "Elastic Defend",
    "logs-m365_defender.": "Microsoft Defender XDR",
    "logs-windows.sysmon": "Sysmon",
    "logs-sysmon_linux.": "Sysmon",
    "logs-system.security": "Windows Security Event Logs",
    "logs-aws.": "AWS",
    "logs-okta.": "Okta",
    "logs-kubernetes.": "Kubernetes",
}
#: names of fields that are not in ECS: https://www.elastic.co/docs/reference/ecs
_NOT_ECS = re.compile(r"(m365_defender|winlog|winlogbeat)\.")


class ElasticRules:
    """Makes one file a rule, and all of a target's rules in one file under `dist/`. Raises ParityError for a value
    that Kibana would refuse."""

    name = "elastic-rules"
    targets = tuple(KINDS)

    def make(self, context: Context) -> list[Artefact]:
        made: list[Artefact] = []
        for target in self.targets:
            lines = []
            for source, query in sources(context, target):
                lines.append(_line(rule(source, query, context)))
                made.append(Artefact(f"{stem(query)}.rule.ndjson", lines[-1]))
            if lines:
                made.append(Artefact(f"dist/parity-{target}-{__version__}.ndjson", b"".join(lines)))
        return made


MAKER = ElasticRules()


def rule(source: Rule | Detection, query: Query, context: Context) -> dict[str, Any]:
    """The detection rule of one query, checked against `elastic_rule.json`."""
    kind, language = KINDS[query.target]
    drafts = _drafts(source, context, query.target)
    severity, score = _SEVERITY[context.settings.severity_of(source)]
    attack = attack_of(source, context.library)
    indices = searched(source, context, query.target)
    made: dict[str, Any] = {
        "rule_id": rule_id(source, query.target),
        "name": source.title,
        "description": description(source),
        "type": kind,
        "language": language,
        "query": query.text,
        # an ES|QL query names its indices itself
        **({} if kind == "esql" else {"index": indices}),
        "risk_score": score,
        "severity": severity,
        **_schedule(source, context, query.target),
        "enabled": context.settings.enabled(source, query.target),
        "version": 1,
        "author": _authors(source, context),
        **({"license": "DRL 1.1"} if context.licence else {}),
        "tags": _tags(source, context, indices, query.target),
        "threat": threat(attack),
        "false_positives": _texts(source, "falsepositives"),
        "references": _texts(source, "references"),
        "max_signals": 100,
        "exceptions_list": [],
        "actions": [],
        # late events are found by the time they arrived: Kibana falls back to @timestamp where it is missing
        "timestamp_override": "event.ingested",
        "required_fields": _required_fields(drafts),
        "related_integrations": _integrations(indices),
        "setup": _setup(indices, query.target),
    }
    shown = _unique(column for draft in drafts for column in draft.columns if column != "@timestamp")
    if shown:
        made["investigation_fields"] = {"field_names": shown}
    note = _note(source, context, query)
    if note:
        made["note"] = note
    check(made, "elastic_rule", query.path)
    return made


def rule_id(source: Rule | Detection, target: str) -> str:
    """Stays for as long as the Sigma id (or the detection's name) and the target's name, so that an import with
    `overwrite` replaces the rule instead of adding another."""
    return identity("elastic", target, source.name if isinstance(source, Detection) else source.id)


def searched(source: Rule | Detection, context: Context, target: str) -> list[str]:
    """The index patterns of a rule's category, or of all of a detection's parts; a site's own replace ours."""
    local = local_target(find_target(target), context.settings)
    return _unique(index for part in _parts(source, context) for index in searched_for(part, local))


def threat(attack: Attack) -> list[dict[str, Any]]:
    """Tactics with their techniques, sub-techniques inside the technique they belong to."""
    entries = []
    for tactic in attack.tactics:
        found: dict[str, dict[str, Any]] = {}
        for one in attack.serving(tactic):
            parent = technique(one.parent)
            entry = found.setdefault(one.parent, {"id": parent.id, "name": parent.name, "reference": parent.url})
            if one.id != one.parent:
                entry.setdefault("subtechnique", []).append({"id": one.id, "name": one.name, "reference": one.url})
        head = {"id": tactic.id, "name": tactic.name, "reference": tactic.url}
        entries.append({"framework": "MITRE ATT&CK", "tactic": head, "technique": list(found.values())})
    return entries


def _schedule(source: Rule | Detection, context: Context, target: str) -> dict[str, str]:
    """Runs overlap on purpose: Kibana makes one alert of a document however often a rule finds it
    (https://www.elastic.co/docs/solutions/security/detect-and-alert/create-detection-rule, "Set the rule's schedule").
    """
    own = context.settings.of(target)
    if isinstance(source, Detection):
        every = own.frequency or _DETECTION_FREQUENCY
        span = own.lookback or source.lookback_hours * 60
    else:
        every = own.frequency or _FREQUENCY
        span = own.lookback or every + _ADDITIONAL
    return {"interval": _duration(every), "from": f"now-{_duration(max(span, every))}", "to": "now"}


def _duration(minutes: int) -> str:
    """In hours or minutes: Kibana's form for a rule's schedule knows no days."""
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _drafts(source: Rule | Detection, context: Context, target: str) -> list[Draft]:
    converter = Converter()
    columns = source.columns if isinstance(source, Detection) else None
    return [converter.draft(part, find_target(target), columns) for part in _parts(source, context)]


def _parts(source: Rule | Detection, context: Context) -> list[Rule]:
    if isinstance(source, Rule):
        return [source]
    return [context.library.rules[part.rule] for part in source.parts]


def _required_fields(drafts: Iterable[Draft]) -> list[dict[str, Any]]:
    types = {name: draft.types[name] for draft in drafts for name in fields_of(draft.condition)}
    return [{"name": n, "type": types[n], "ecs": not _NOT_ECS.match(n)} for n in sorted(types)]


def _known(indices: Iterable[str]) -> list[tuple[str | None, str | None, str]]:
    return _unique(found for index in indices for prefix, found in _INTEGRATIONS.items() if index.startswith(prefix))


def _integrations(indices: Iterable[str]) -> list[dict[str, str]]:
    return [{"package": package, "version": v} for package, v, _ in _known(indices) if package and v]


def _setup(indices: Iterable[str], target: str) -> str:
    names = [f"- {title}" for _, _, title in _known(indices)]
    patterns = ", ".join(f"`{index}`" for index in indices)
    lines = ["## Setup", needs(target), f"The rule searches {patterns}."]
    if names:
        lines.append("One of these has to deliver the events:\n\n" + "\n".join(names))
    return "\n\n".join(lines)


def _tags(source: Rule | Detection, context: Context, indices: Iterable[str], target: str) -> list[str]:
    """The kinds of tags by which Kibana's table of rules is filtered, as Elastic's own rules have them (`_DATA_SOURCES`
    names where they are listed), then our own."""
    attack = attack_of(source, context.library)
    products = _unique(part.logsource.product or "" for part in _parts(source, context))
    systems = [_SYSTEMS[product] for product in products if product in _SYSTEMS]
    brought = _unique(tag for index in indices for prefix, tag in _DATA_SOURCES.items() if index.startswith(prefix))
    return [
        "Parity",
        *(["Domain: Endpoint"] if systems else []),
        *(f"OS: {system}" for system in systems),
        "Use Case: Threat Detection",
        *(f"Tactic: {tactic.name}" for tactic in attack.tactics),
        *(f"Technique: {one.id}" for one in attack.techniques),
        *(f"Data Source: {one}" for one in brought),
        *(["Resources: Investigation Guide"] if response_of(source, context) else []),
        f"Target: {target}",
    ]


def _texts(source: Rule | Detection, key: str) -> list[str]:
    return _unique(str(text) for text in source.raw.get(key) or ())


def _authors(source: Rule | Detection, context: Context) -> list[str]:
    return _unique(str(part.raw["author"]) for part in _parts(source, context) if part.raw.get("author")) or ["Parity"]


def _note(source: Rule | Detection, context: Context, query: Query) -> str:
    """The investigation guide, Markdown: https://www.elastic.co/docs/solutions/security/detect-and-alert/
    write-investigation-guides."""
    response = response_of(source, context)
    if response is None:
        return ""
    page = guide(context.library.detections[response.detection], response, query.target, context)
    return re.sub(r"^<!--.*?-->\n+", "", page, flags=re.DOTALL | re.MULTILINE)  # Kibana would show the comment


def _line(made: Mapping[str, Any]) -> bytes:
    return (json.dumps(made, ensure_ascii=False) + "\n").encode()


def _unique(items: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(items))
