"""The ARM template that deploys all analytics rules into one workspace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from converter.artefacts.core.base_text import iso
from converter.build.settings import minutes

#: the newest stable form of a scheduled rule; it knows techniques, not sub-techniques:
#: https://github.com/Azure/azure-rest-api-specs/blob/main/specification/securityinsights/resource-manager/
#: Microsoft.SecurityInsights/stable/2024-09-01/AlertRules.json
SCHEDULED_API = "2024-09-01"
#: near-real-time rules exist in preview versions only: …/preview/2025-04-01-preview/AlertRules.json
NRT_API = "2025-04-01-preview"
#: bounds of the time over which alerts join one incident; at least a day, at most the platform's seven:
#: https://learn.microsoft.com/en-us/azure/sentinel/create-analytics-rules
DAY, WEEK = 1440, 7 * 1440

Deployed = tuple[dict[str, Any], bool, bool]


def template(deployed: Iterable[Deployed], workspace: str | None, enabled: bool) -> dict[str, Any]:
    """The template. `deployed`: (analytics rule as YAML mapping, whether it is a detection, whether it may run).

    Parameters choose what is deployed, so that one event does not raise one alert by its rule and one by the
    detection: detections or single rules, scheduled or near real time. Everything arrives switched off unless the
    parameter `enabled` says otherwise.
    """
    name: dict[str, Any] = {"type": "string", "minLength": 4, "maxLength": 63}
    name["metadata"] = {"description": "Name of the Log Analytics workspace that Microsoft Sentinel runs on."}
    if workspace:
        name["defaultValue"] = workspace
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "workspace": name,
            "content": _choice(
                ["detections", "rules", "all"], "Detections (one alert over several rules), single rules, or both."
            ),
            "kind": _choice(["Scheduled", "NRT"], "Scheduled rules, or rules that run every minute (near real time)."),
            "enabled": {
                "type": "bool",
                "defaultValue": enabled,
                "metadata": {"description": "Whether the rules run as soon as they are deployed."},
            },
        },
        "resources": [_resource(*item) for item in deployed],
    }


def _choice(values: list[str], text: str) -> dict[str, Any]:
    return {
        "type": "string",
        "allowedValues": values,
        "defaultValue": values[0],
        "metadata": {"description": text},
    }


def _resource(rule: dict[str, Any], is_detection: bool, may_run: bool) -> dict[str, Any]:
    kind = rule["kind"]
    left_out = "rules" if is_detection else "detections"
    chosen = f"equals(parameters('kind'),'{kind}'),not(equals(parameters('content'),'{left_out}'))"
    return {
        "condition": f"[and({chosen})]",
        # a rule is an extension of its workspace, written as a nested provider:
        # https://learn.microsoft.com/en-us/azure/azure-resource-manager/templates/scope-extension-resources
        "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules",
        "apiVersion": SCHEDULED_API if kind == "Scheduled" else NRT_API,
        "name": f"[concat(parameters('workspace'),'/Microsoft.SecurityInsights/{rule['id']}')]",
        "kind": kind,
        "properties": _properties(rule, may_run),
    }


def _properties(rule: dict[str, Any], may_run: bool) -> dict[str, Any]:
    scheduled = rule["kind"] == "Scheduled"
    out: dict[str, Any] = {
        "displayName": _literal(rule["name"]),
        "description": _literal(rule["description"]),
        "severity": rule["severity"],
        "enabled": "[parameters('enabled')]" if may_run else False,
        "query": _literal(rule["query"]),
    }
    if scheduled:
        out |= {
            "queryFrequency": iso(minutes(rule["queryFrequency"])),
            "queryPeriod": iso(minutes(rule["queryPeriod"])),
            "triggerOperator": "GreaterThan",
            "triggerThreshold": rule["triggerThreshold"],
        }
    techniques = rule["relevantTechniques"]
    out |= {
        "suppressionEnabled": False,
        "suppressionDuration": "PT1H",
        "tactics": rule["tactics"],
        "techniques": list(dict.fromkeys(technique.split(".")[0] for technique in techniques)),
    }
    if not scheduled:
        out["subTechniques"] = [technique for technique in techniques if "." in technique]
    out |= {
        key: rule[key]
        for key in ("entityMappings", "customDetails", "alertDetailsOverride", "eventGroupingSettings")
        if key in rule
    }
    out["incidentConfiguration"] = _incidents(rule)
    return out


def _incidents(rule: dict[str, Any]) -> dict[str, Any]:
    """One incident a host and window: a query whose window is longer than its frequency sees an event several times."""
    host = any(mapping["entityType"] == "Host" for mapping in rule["entityMappings"])
    period = minutes(rule.get("queryPeriod", "1d"))
    lookback = iso(min(max(period, DAY), WEEK))
    grouping: dict[str, Any] = {"enabled": host, "reopenClosedIncident": False, "lookbackDuration": lookback}
    grouping |= {"matchingMethod": "Selected", "groupByEntities": ["Host"]} if host else {"matchingMethod": "AnyAlert"}
    return {"createIncident": True, "groupingConfiguration": grouping}


def _literal(text: str) -> str:
    """A text in brackets would be read as an expression; one that only begins with a bracket is not, and must not have
    it doubled: https://learn.microsoft.com/en-us/azure/azure-resource-manager/templates/template-expressions (escape
    characters)"""
    return f"[{text}" if text.startswith("[") and text.endswith("]") else text
