"""Sysmon events as Splunk's add-on for Sysmon extracts them: the field names are Sigma's own.

Event ids and fields: https://learn.microsoft.com/en-us/sysinternals/downloads/sysmon. Event 11 is written when a file
is created *or overwritten*; Sysmon has no event for other changes of a file's content.
Source: https://splunkbase.splunk.com/app/5709 (`source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"`).
"""

from __future__ import annotations

from converter.model import Column, Kind, Schema

_SOURCE = "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"


def _same(text: str, numbers: str = "") -> tuple[Column, ...]:
    return tuple(Column(n, "string", n) for n in text.split()) + tuple(Column(n, "number", n) for n in numbers.split())


_PROCESS = _same(
    "Computer User Image CommandLine CurrentDirectory IntegrityLevel OriginalFileName Description Product Company "
    "FileVersion Hashes ParentImage ParentCommandLine ParentUser ProcessGuid ParentProcessGuid LogonGuid LogonId",
    "ProcessId ParentProcessId TerminalSessionId",
)
_FILE = _same("Computer User Image TargetFilename ProcessGuid CreationUtcTime", "ProcessId")
_NETWORK = _same(
    "Computer User Image Protocol SourceIp SourceHostname DestinationIp DestinationHostname ProcessGuid "
    "SourceIsIpv6 DestinationIsIpv6 SourcePortName DestinationPortName",
    "ProcessId SourcePort DestinationPort",
)


def _kind(name: str, code: int, columns: tuple[Column, ...], initiated: str | None = None) -> Kind:
    fixed: dict[str, str | None] = {"Initiated": initiated} if initiated else {}
    native = {"source": _SOURCE, "EventCode": code, **({"Initiated": initiated} if initiated else {})}
    return Kind(name, "", columns, fixed, native)


_KINDS = (
    _kind("process_creation/created", 1, _PROCESS),
    _kind("process_termination/terminated", 5, _same("Computer User Image ProcessGuid", "ProcessId")),
    _kind("file_event/creation", 11, _FILE),
    _kind("file_event/modification", 11, _FILE),
    _kind("file_change/time", 2, _FILE),
    _kind("file_delete/archived", 23, _FILE),
    _kind("file_delete/logged", 26, _FILE),
    _kind("network_connection/initiated", 3, _NETWORK, "true"),
    _kind("network_connection/accepted", 3, _NETWORK, "false"),
)
_TYPES = {
    "_time": "time",
    "host": "string",
    "source": "string",
    "sourcetype": "string",
    "EventCode": "number",
    "Initiated": "string",
    **{column.name: column.type for kind in _KINDS for column in kind.columns},
}

SCHEMAS = (Schema("splunk-sysmon", _KINDS, "_time", "", "absent", {"": _TYPES}),)
