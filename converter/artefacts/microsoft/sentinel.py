"""Microsoft Sentinel: analytics rules as YAML, scheduled and near-real-time, and one ARM template that deploys them.

The YAML is that of the public content repository, whose own validator gives the constraints
(https://github.com/Azure/Azure-Sentinel/tree/master/.script/tests/detectionTemplateSchemaValidation).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from converter.artefacts.core.attack import Attack, attack_of
from converter.artefacts.core.base import Artefact, Context
from converter.artefacts.core.base_text import (
    as_json,
    description,
    identity,
    response_of,
    short,
    sources,
    stem,
    version_of,
)
from converter.artefacts.microsoft.kql_shape import Shape, shape
from converter.artefacts.microsoft.sentinel_arm import template
from converter.artefacts.microsoft.sentinel_hunting import hunting_queries
from converter.build.settings import FILE, Settings
from converter.core.errors import ParityError
from converter.core.model import Detection, Query, Rule
from converter.core.validate import check

TARGET = "sentinel"
#: Sentinel has no Critical: https://learn.microsoft.com/en-us/azure/sentinel/create-analytics-rules
SEVERITIES = {"informational": "Informational", "low": "Low", "medium": "Medium", "high": "High", "critical": "High"}
#: both bounds: https://learn.microsoft.com/en-us/azure/sentinel/scheduled-rules-overview (5 minutes to 14 days)
SHORTEST, LONGEST = 5, 14 * 1440
HOUR = 60
#: table -> the id of the connector that brings it, as the public content repository names it (`Solutions/*/Data
#: Connectors`); the device tables arrive with "Microsoft Defender XDR", which keeps its first name as its id:
#: https://learn.microsoft.com/en-us/azure/sentinel/connect-microsoft-365-defender
CONNECTORS = {
    "SecurityEvent": "WindowsSecurityEvents",
    "WindowsEvent": "WindowsForwardedEvents",
    "AWSCloudTrail": "AWS",
    "AuditLogs": "AzureActiveDirectory",
    "SigninLogs": "AzureActiveDirectory",
    "AADUserRiskEvents": "AzureActiveDirectoryIdentityProtection",
    "AzureActivity": "AzureActivity",
    "W3CIISLog": "AzureMonitor(IIS)",
    "GCPAuditLogs": "GCPAuditLogsDefinition",
    "AKSAudit": "AzureKubernetes",
    "OktaV2_CL": "OktaSSOv2",
    "GitHubAuditLogsV3_CL": "GitHubAuditDefinitionV2",
}


class Sentinel:
    """A scheduled and a near-real-time rule for each rule and detection, each hunt, and one `azuredeploy.json`."""

    name = "sentinel"
    targets: tuple[str, ...] = (TARGET, "sentinel-windows-event")

    def make(self, context: Context) -> list[Artefact]:
        return [made for target in self.targets for made in self._of(target, context)]

    def _of(self, target: str, context: Context) -> list[Artefact]:
        out: list[Artefact] = []
        deployed: list[tuple[dict[str, Any], bool, bool]] = []
        for source, query in sources(context, target):
            for kind, suffix in (("Scheduled", "analytics"), ("NRT", "nrt")):
                path = f"{stem(query)}.{suffix}.yaml"
                rule = analytics_rule(source, query, kind, context)
                check(rule, "sentinel_analytics", f"output/{path}")
                out.append(Artefact(path, _yaml(rule, path)))
                may_run = source.path not in context.settings.disabled
                deployed.append((rule, isinstance(source, Detection), may_run))
        out += [
            Artefact(path, _yaml(one, path)) for path, one in hunting_queries(context, target, connectors, entities)
        ]
        if deployed:
            own = context.settings.of(target)
            body = template(deployed, own.workspace, own.enabled)
            check(body, "sentinel_arm", f"output/{target}/azuredeploy.json")
            out.append(Artefact(f"{target}/azuredeploy.json", as_json(body)))
        return out


MAKER = Sentinel()


def analytics_rule(source: Rule | Detection, query: Query, kind: str, context: Context) -> dict[str, Any]:
    """The rule as the YAML's mapping. Raises ParityError for what Sentinel refuses: the query or the schedule."""
    returned = shape(query)
    _check_query(query)
    attack = attack_of(source, context.library)
    _check_tactics(attack, source)
    rule: dict[str, Any] = {
        "id": identity(query.target, kind, source.path),
        "name": source.title if kind == "Scheduled" else f"NRT {source.title}",
        "description": _description(source, attack, context),
        "severity": SEVERITIES[context.settings.severity_of(source)],
        "requiredDataConnectors": connectors(returned.tables),
    }
    text = query.text
    if kind == "Scheduled":
        frequency, period = schedule(context.settings, query.target)
        text = windowed(query, returned, period)
        rule |= {"queryFrequency": short(frequency), "queryPeriod": short(period)}
        rule |= {"triggerOperator": "gt", "triggerThreshold": 0}
    rule |= {
        "tactics": list(dict.fromkeys(tactic.word for tactic in attack.tactics)),
        "relevantTechniques": [technique.id for technique in attack.techniques],
        "query": text,
        "entityMappings": entities(returned),
        **_details(source, returned),
        "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
        "version": version_of(source),
        "kind": kind,
    }
    return rule


def connectors(tables: Sequence[str]) -> list[dict[str, Any]]:
    """Which connectors bring the tables."""
    brought: dict[str, list[str]] = {}
    for table in tables:
        brought.setdefault(CONNECTORS.get(table, "MicrosoftThreatProtection"), []).append(table)
    return [{"connectorId": connector, "dataTypes": found} for connector, found in brought.items()]


def schedule(settings: Settings, target: str = TARGET) -> tuple[int, int]:
    """(frequency, period) in minutes: every hour over that hour, unless the site says otherwise.

    A longer period than frequency would alert on one event at every run. Raises ParityError at parity.toml for a
    schedule that Sentinel refuses or that leaves events unseen.
    """
    own = settings.of(target)
    frequency = own.frequency or HOUR
    period = own.lookback or max(frequency, HOUR)
    hint = f"change frequency or lookback of [target.{target}]"
    if not SHORTEST <= frequency <= LONGEST or not SHORTEST <= period <= LONGEST:
        raise ParityError(f"running every {short(frequency)} over {short(period)}: 5m to 14d are allowed", FILE, hint)
    if period < frequency:
        raise ParityError(f"running every {short(frequency)} over {short(period)} leaves events unseen", FILE, hint)
    if period >= 2 * 1440 and frequency < HOUR:
        # FrequencyLimitationForLongPeriodQuery of the repository's validator
        raise ParityError(f"over {short(period)} a rule may run every hour at most", FILE, hint)
    return frequency, period


def windowed(query: Query, returned: Shape, period: int) -> str:
    """The shipped text; a query that looks back further than the period gets one more line, which narrows its window.

    Raises ParityError at parity.toml when the query's own window is shorter than the period: the schedule would
    promise more than the query looks at.
    """
    if returned.window is None or returned.window == period:
        return query.text
    if returned.window < period:
        text = f"the query looks back {short(returned.window)}, the schedule {short(period)}"
        raise ParityError(text, FILE, f"set lookback of [target.{query.target}] to match")
    last = f"{period // 60}h" if period % 60 == 0 else f"{period}m"
    return f"{query.text.rstrip()}\n| where TimeGenerated > ago({last})\n"


#: columns of single accounts and addresses in the tables that are no device tables
_ACCOUNTS = ("SubjectUserName", "TargetUserName", "UserIdentityArn", "UserPrincipalName", "Caller", "Identity")
_ADDRESSES = ("IpAddress", "SourceIpAddress", "CallerIpAddress", "IPAddress", "cIP")


def entities(returned: Shape) -> list[dict[str, Any]]:
    """At most five mappings of at most three identifiers: the columns that the query returns.

    Identifiers: https://learn.microsoft.com/en-us/azure/sentinel/entities-reference. `FolderPath` holds the file's
    name too, so it is no `Directory`.
    """
    several = len(returned.tables) > 1
    command = ("InitiatingProcessCommandLine",) if several else ("ProcessCommandLine", "InitiatingProcessCommandLine")
    wanted = (
        ("Host", (("FullName", returned.first("DeviceName", "Computer")),)),
        (
            "Account",
            (
                ("Name", returned.first("AccountName", "InitiatingProcessAccountName", *_ACCOUNTS)),
                ("NTDomain", returned.first("AccountDomain", "InitiatingProcessAccountDomain")),
            ),
        ),
        ("Process", (("CommandLine", returned.first(*command)),)),
        ("File", (("Name", returned.first("FileName")),)),
        ("IP", (("Address", returned.first("RemoteIP", *_ADDRESSES)),)),
    )
    return [
        {"entityType": kind, "fieldMappings": [{"identifier": i, "columnName": c} for i, c in pairs if c is not None]}
        for kind, pairs in wanted
        if pairs[0][1] is not None
    ]


def _details(source: Rule | Detection, returned: Shape) -> dict[str, Any]:
    """What the alert shows beside its entities, and a title that says which part fired where."""
    shown = {
        "DetectionType": "DetectionType",
        "CommandLine": "ProcessCommandLine",
        "FilePath": "FolderPath",
        "RemotePort": "RemotePort",
    }
    details: dict[str, Any] = {"customDetails": {k: c for k, c in shown.items() if c in returned.columns}}
    # a title with braces of its own would name columns that there are not; the alert then has the rule's name
    if {"DetectionType", "DeviceName"} <= set(returned.columns) and "{{" not in source.title:
        # at most three columns: https://learn.microsoft.com/en-us/azure/sentinel/customize-alert-details
        name = f"{source.title}: {{{{DetectionType}}}} on {{{{DeviceName}}}}"
        details["alertDetailsOverride"] = {"alertDisplayNameFormat": name}
    return {key: value for key, value in details.items() if value}


def _description(source: Rule | Detection, attack: Attack, context: Context) -> str:
    response = response_of(source, context)
    lines = [description(source) if response is None or isinstance(source, Rule) else response.summary]
    if response is not None:
        lines.append("First look: " + "; ".join(step.title.lower() for step in response.investigation) + ".")
    lines.append("ATT&CK: " + ", ".join(f"{t.id} {t.name}" for t in attack.techniques) + ".")
    return "\n".join(lines)


def _check_query(query: Query) -> None:
    """Limits of a rule's query: https://learn.microsoft.com/en-us/azure/sentinel/scheduled-rules-overview."""
    where = f"output/{query.path}"
    if len(query.text) > 10_000:
        hint = "split the rule, or deploy its parts instead of the detection"
        raise ParityError(f"the query has {len(query.text):,} characters; Sentinel takes 10,000", where, hint)
    if re.search(r"\b(search|union)\s+(?:\w+\s*=\s*\w+\s+)*\*", query.text):
        raise ParityError("Sentinel refuses `search *` and `union *`", where, "name the tables")


def _check_tactics(attack: Attack, source: Rule | Detection) -> None:
    """A technique needs all its tactics (NoTechniquesWithoutMatchingTactics of the repository's validator)."""
    tagged = {tactic.slug for tactic in attack.tactics}
    for technique in attack.techniques:
        missing = set(technique.tactics) - tagged
        if missing:
            tags = " and ".join(f"attack.{slug}" for slug in sorted(missing))
            raise ParityError(f"Sentinel refuses {technique.id} without all its tactics", source.path, f"tag {tags}")


class _Dumper(yaml.SafeDumper):
    """Block style, literal blocks for text of several lines, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _yaml(rule: dict[str, Any], path: str) -> bytes:
    text = yaml.dump(rule, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    if yaml.safe_load(text) != rule:
        raise ParityError("the rule does not survive being written as YAML", f"output/{path}")
    return text.encode()
