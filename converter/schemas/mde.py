"""Defender device events: advanced hunting tables, the same tables in Log Analytics, and the same rows in Splunk.

Columns: https://learn.microsoft.com/en-us/defender-xdr/advanced-hunting-deviceprocessevents-table and its siblings.
`FolderPath` is documented as the folder, yet real rows hold the full path with the file name (SEMANTICS, "KQL").
"""

from __future__ import annotations

from converter.model import Column, Kind, Schema
from converter.schemas.mde_columns import defender_types, log_analytics_types

_PROCESS = (
    Column("DeviceName", "string", "Computer"),
    Column("AccountDomain", "string", "User", "dirname"),
    Column("AccountName", "string", "User", "basename"),
    Column("FileName", "string", "Image", "basename"),
    Column("FolderPath", "string", "Image"),
    Column("ProcessCommandLine", "string", "CommandLine"),
    Column("ProcessId", "long", "ProcessId"),
    Column("ProcessIntegrityLevel", "string", "IntegrityLevel"),
    Column("ProcessVersionInfoOriginalFileName", "string", "OriginalFileName"),
    Column("ProcessVersionInfoFileDescription", "string", "Description"),
    Column("ProcessVersionInfoProductName", "string", "Product"),
    Column("ProcessVersionInfoCompanyName", "string", "Company"),
    Column("MD5", "string", "md5"),
    Column("SHA1", "string", "sha1"),
    Column("SHA256", "string", "sha256"),
    Column("InitiatingProcessFileName", "string", "ParentImage", "basename"),
    Column("InitiatingProcessFolderPath", "string", "ParentImage"),
    Column("InitiatingProcessCommandLine", "string", "ParentCommandLine"),
    Column("InitiatingProcessId", "long", "ParentProcessId"),
    Column("InitiatingProcessAccountDomain", "string", "ParentUser", "dirname"),
    Column("InitiatingProcessAccountName", "string", "ParentUser", "basename"),
)
#: in file and network events the acting process is the "initiating" one, and so is its account
_ACTOR = (
    Column("DeviceName", "string", "Computer"),
    Column("InitiatingProcessAccountDomain", "string", "User", "dirname"),
    Column("InitiatingProcessAccountName", "string", "User", "basename"),
    Column("InitiatingProcessFileName", "string", "Image", "basename"),
    Column("InitiatingProcessFolderPath", "string", "Image"),
    Column("InitiatingProcessCommandLine", "string", "CommandLine"),
    Column("InitiatingProcessId", "long", "ProcessId"),
    # of the parent only the file name is recorded: Sigma's ParentImage, a path, cannot be had here
)
_FILE = (
    Column("FileName", "string", "TargetFilename", "basename"),
    Column("FolderPath", "string", "TargetFilename"),
    *_ACTOR,
)
_RENAME = (*_FILE, Column("PreviousFileName", "string", "SourceFilename", "basename"))
_NETWORK = (
    Column("RemoteIP", "string", "DestinationIp"),
    Column("RemotePort", "int", "DestinationPort"),
    Column("RemoteUrl", "string", "DestinationHostname"),
    Column("LocalIP", "string", "SourceIp"),
    Column("LocalPort", "int", "SourcePort"),
    Column("Protocol", "string", "Protocol"),
    *_ACTOR,
)
_TYPED_NETWORK = (*_NETWORK, Column("RemoteIPType", "string", "DestinationIp", "ip_type"))

#: Sigma `Initiated`. Action types as listed in the portal's schema reference; an action whose direction the name does
#: not tell (`ConnectionFound`, `…Inspected`) is neither, so that a rule about either direction does not match it.
INITIATED = ("ConnectionSuccess", "ConnectionAttempt", "ConnectionRequest", "ConnectionFailed")
ACCEPTED = ("InboundConnectionAccepted", "InboundConnectionAttempt")
UNDIRECTED = ("ConnectionFound", "NetworkSignatureInspected")
#: ASSUMPTION: many real rows have an address but no RemoteIPType. Which ones is not documented; here the rows of one
#: action stand for them, so that a query which relies on the column is seen to lose events.
UNTYPED = ("ConnectionRequest",)


def _actions() -> list[tuple[str, str, str, tuple[Column, ...], dict[str, str | None]]]:
    """(kind, table, ActionType, columns, Sigma fields it fixes)."""
    network = "DeviceNetworkEvents"
    rows: list[tuple[str, str, str, tuple[Column, ...], dict[str, str | None]]] = [
        ("process_creation/created", "DeviceProcessEvents", "ProcessCreated", _PROCESS, {}),
        ("process_open/opened", "DeviceProcessEvents", "OpenProcess", _PROCESS, {}),
        ("file_event/creation", "DeviceFileEvents", "FileCreated", _FILE, {}),
        ("file_event/modification", "DeviceFileEvents", "FileModified", _FILE, {}),
        ("file_delete/deletion", "DeviceFileEvents", "FileDeleted", _FILE, {}),
        ("file_rename/rename", "DeviceFileEvents", "FileRenamed", _RENAME, {}),
        ("network_listen/listen", network, "ListeningConnectionCreated", _TYPED_NETWORK, {}),
    ]
    directions: list[tuple[str, tuple[str, ...], str | None]] = [
        ("initiated", INITIATED, "true"),
        ("accepted", ACCEPTED, "false"),
        ("undirected", UNDIRECTED, None),
    ]
    for variant, actions, initiated in directions:
        rows.extend(
            (f"network_connection/{variant}/{a}", network, a, _network(a), {"Initiated": initiated}) for a in actions
        )
    return rows


def _network(action: str) -> tuple[Column, ...]:
    return _NETWORK if action in UNTYPED else _TYPED_NETWORK


def _kinds() -> tuple[Kind, ...]:
    return tuple(
        Kind(name, table, columns, sigma, {"ActionType": action, "DeviceId": "d-0001"})
        for name, table, action, columns, sigma in _actions()
    )


def _splunk_kinds() -> tuple[Kind, ...]:
    """The rows as the Splunk add-on for Microsoft cloud services gets them from Event Hub: nested under `properties`.

    https://splunkbase.splunk.com/app/3110; a JSON null arrives as the text "null" (SEMANTICS, "SPL").
    """
    out = []
    for name, table, action, columns, sigma in _actions():
        nested = tuple(
            Column(f"properties.{c.name}", "number" if c.type in ("int", "long") else "string", c.source, c.derive)
            for c in columns
        )
        native = {
            "sourcetype": "mscs:azure:eventhub:defender:advancedhunting",
            "category": f"AdvancedHunting-{table}",
            "properties.ActionType": action,
        }
        out.append(Kind(name, "", nested, sigma, native))
    return tuple(out)


def _splunk_types() -> dict[str, dict[str, str]]:
    columns = {"_time": "time", "sourcetype": "string", "category": "string", "host": "string"}
    for types in defender_types().values():
        columns |= {f"properties.{n}": "number" if t in ("int", "long") else "string" for n, t in types.items()}
    return {"": columns}


SCHEMAS = (
    Schema("defender", _kinds(), "Timestamp", "ReportId", "empty", defender_types()),
    Schema("log-analytics", _kinds(), "TimeGenerated", "ReportId", "empty", log_analytics_types()),
    Schema("splunk-defender", _splunk_kinds(), "_time", "", "null-text", _splunk_types()),
)
