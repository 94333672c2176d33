"""Microsoft Defender XDR: custom detections as bodies for the Graph API, `POST /security/rules/detectionRules`.

The form is that of v1.0 after 2026-10-01, when `isEnabled`, `schedule.period`, `category`, `mitreTechniques`,
`impactedAssets` and `responseActions` were taken out in favour of `status`, `schedule.frequency`, `tactics`,
`entityMappings` and `automatedActions`:
https://learn.microsoft.com/en-us/graph/api/security-rulesroot-post-detectionrules?view=graph-rest-1.0.
"""

from __future__ import annotations

from typing import Any

from converter.artefacts.core.attack import Attack, attack_of
from converter.artefacts.core.base import Artefact, Context
from converter.artefacts.core.base_text import as_json, description, iso, numbered, response_of, short, sources, stem
from converter.artefacts.microsoft.kql_shape import Shape, shape
from converter.build.settings import FILE, Settings
from converter.core.errors import ParityError
from converter.core.model import Detection, Query, Rule
from converter.core.validate import check

TARGET = "defender"
#: alertSeverity: https://learn.microsoft.com/en-us/graph/api/resources/security-alerttemplate?view=graph-rest-1.0
SEVERITIES = {"informational": "informational", "low": "low", "medium": "medium", "high": "high", "critical": "high"}
#: what a query must return: https://learn.microsoft.com/en-us/defender-xdr/custom-detection-rules
REQUIRED = ("Timestamp", "DeviceId", "ReportId")
#: every 1, 3, 12 and 24 hours, same page. "Continuous" takes one table and no comments, and other intervals are for
#: data of Sentinel only, so neither is offered.
FREQUENCIES = (60, 180, 720, 1440)


class Defender:
    """One custom detection for each rule and detection. No automated action: isolating a host is the analyst's call."""

    name = "defender"
    targets: tuple[str, ...] = (TARGET,)

    def make(self, context: Context) -> list[Artefact]:
        out: list[Artefact] = []
        seen: dict[str, str] = {}
        for source, query in sources(context, TARGET):
            path = f"{stem(query)}.detection.json"
            body = custom_detection(source, query, context)
            check(body, "defender_detection", f"output/{path}")
            other = seen.setdefault(body["displayName"], source.path)
            if other != source.path:
                # names and titles are unique in a tenant, same page
                raise ParityError(f"the title {source.title!r} is also that of {other}", source.path, "give it its own")
            out.append(Artefact(path, as_json(body)))
        return out


MAKER = Defender()


def custom_detection(source: Rule | Detection, query: Query, context: Context) -> dict[str, Any]:
    """The body to post. Raises ParityError when the query lacks a required column or the frequency does not exist."""
    returned = shape(query)
    missing = [column for column in REQUIRED if column not in returned.columns]
    if missing:
        hint = "add it to the target's `leading_columns`"
        raise ParityError(f"a custom detection must return {', '.join(missing)}", f"output/{query.path}", hint)
    attack = attack_of(source, context.library)
    name = source.path.rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("_", "-").lower()
    severity = SEVERITIES[context.settings.severity_of(source)]
    return {
        "@odata.type": "#microsoft.graph.security.detectionRule",
        "id": f"parity-{name}",
        "displayName": source.title,
        "description": description(source),
        "status": "enabled" if context.settings.enabled(source, TARGET) else "disabled",
        "queryCondition": {"queryText": query.text},
        "schedule": {"frequency": iso(frequency(returned, context.settings))},
        "detectionAction": {
            "alertTemplate": {
                "title": source.title,
                "description": description(source),
                "severity": severity,
                "recommendedActions": recommended(source, context),
                "tactics": tactics(attack),
                "entityMappings": entities(returned),
                "customDetails": _details(returned),
            }
        },
    }


def frequency(returned: Shape, settings: Settings) -> int:
    """Minutes between runs; hourly unless the site says otherwise. Raises ParityError, at parity.toml, for one that
    Defender does not have or that is longer than the query looks back."""
    chosen = settings.of(TARGET).frequency or FREQUENCIES[0]
    hint = "change frequency or lookback of [target.defender]"
    if chosen not in FREQUENCIES:
        known = ", ".join(short(minutes) for minutes in FREQUENCIES)
        raise ParityError(f"Defender runs custom detections every {known}, not every {short(chosen)}", FILE, hint)
    if returned.window is not None and returned.window < chosen:
        text = f"running every {short(chosen)} over {short(returned.window)} leaves events unseen"
        raise ParityError(text, FILE, hint)
    return chosen


def tactics(attack: Attack) -> list[dict[str, Any]]:
    """mitreTactic objects: each tactic with its techniques, sub-techniques below their technique.

    https://learn.microsoft.com/en-us/graph/api/resources/security-mitretechnique?view=graph-rest-1.0
    """
    served: dict[str, dict[str, list[str]]] = {}
    for tactic in attack.tactics:
        techniques = served.setdefault(tactic.word, {})
        for technique in attack.serving(tactic):
            below = techniques.setdefault(technique.parent, [])
            if technique.id != technique.parent and technique.id not in below:
                below.append(technique.id)
    return [
        {
            "tactic": word,
            "techniques": [
                {"technique": t, **({"subTechniques": below} if below else {})} for t, below in found.items()
            ],
        }
        for word, found in served.items()
    ]


def entities(returned: Shape) -> dict[str, list[dict[str, str]]]:
    """entityMappingConfiguration over the columns that the query returns.

    https://learn.microsoft.com/en-us/graph/api/resources/security-entitymappingconfiguration?view=graph-rest-1.0 and
    the pages of its parts; a process is identified by hashes, which our queries do not return.
    """
    wanted = {
        "hosts": {"deviceIdColumn": returned.first("DeviceId"), "nameColumn": returned.first("DeviceName")},
        "accounts": {
            "nameColumn": returned.first("AccountName", "InitiatingProcessAccountName"),
            "ntDomainColumn": returned.first("AccountDomain", "InitiatingProcessAccountDomain"),
        },
        "files": {"nameColumn": returned.first("FileName")},
        "ips": {"addressColumn": returned.first("RemoteIP")},
    }
    found = {kind: {k: c for k, c in columns.items() if c is not None} for kind, columns in wanted.items()}
    return {kind: [columns] for kind, columns in found.items() if columns}


def recommended(source: Rule | Detection, context: Context) -> str:
    """What the person with the alert on the screen should do; plain text, since markup is stripped."""
    response = response_of(source, context)
    if response is None:
        harmless = source.raw.get("falsepositives") or ()
        return "\n".join(
            ["Find out whether one of these harmless causes applies:", *(f"- {text}" for text in harmless)]
        )
    return "\n\n".join(
        (
            response.summary,
            f"Investigate\n{numbered(response.investigation)}",
            f"Contain\n{numbered(response.playbook['contain'])}",
            "Eradicating, recovering, hunting queries and tuning: the guide beside this detection in the repository.",
        )
    )


def _details(returned: Shape) -> dict[str, str]:
    """What the alert shows beside its entities: a label, and the column it comes from.

    https://learn.microsoft.com/en-us/graph/api/resources/security-alertcustomdetails?view=graph-rest-1.0
    """
    shown = {"DetectionType": "DetectionType", "CommandLine": "ProcessCommandLine", "FilePath": "FolderPath"}
    return {label: column for label, column in shown.items() if column in returned.columns}
