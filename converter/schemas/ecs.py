"""ECS events as Elastic Defend and the Windows integration (Sysmon channel, also Winlogbeat) write them.

Field types: https://www.elastic.co/docs/reference/ecs (keyword paths, `wildcard` command lines, `ip`, `long`).
Elastic Defend: packages/endpoint in elastic/endpoint-package; a file event's `event.action` is `creation`,
`overwrite`, `modification`, `rename`, `deletion`…, and its `event.type` is `change` for several of them, renames
included. Sysmon: packages/windows/data_stream/sysmon_operational in elastic/integrations sets `network.direction` to
`egress` or `ingress` from `Initiated`; Winlogbeat before 8 wrote `outbound` and `inbound`.
"""

from __future__ import annotations

from typing import Any

from converter.model import Column, Kind, Schema

_COMMON = (
    Column("host.name", "keyword", "Computer"),
    Column("user.domain", "keyword", "User", "dirname"),
    Column("user.name", "keyword", "User", "basename"),
    Column("process.name", "keyword", "Image", "basename"),
    Column("process.executable", "keyword", "Image"),
    Column("process.command_line", "wildcard", "CommandLine"),
    Column("process.pid", "long", "ProcessId"),
)
_PROCESS = (
    *_COMMON,
    Column("process.working_directory", "keyword", "CurrentDirectory"),
    Column("process.pe.original_file_name", "keyword", "OriginalFileName"),
    Column("process.pe.description", "keyword", "Description"),
    Column("process.pe.product", "keyword", "Product"),
    Column("process.pe.company", "keyword", "Company"),
    Column("process.pe.file_version", "keyword", "FileVersion"),
    Column("process.hash.md5", "keyword", "md5"),
    Column("process.hash.sha1", "keyword", "sha1"),
    Column("process.hash.sha256", "keyword", "sha256"),
    Column("process.parent.name", "keyword", "ParentImage", "basename"),
    Column("process.parent.executable", "keyword", "ParentImage"),
    Column("process.parent.command_line", "wildcard", "ParentCommandLine"),
    Column("process.parent.pid", "long", "ParentProcessId"),
)
_FILE = (
    *_COMMON,
    Column("file.name", "keyword", "TargetFilename", "basename"),
    Column("file.path", "keyword", "TargetFilename"),
)
_NETWORK = (
    *_COMMON,
    Column("destination.ip", "ip", "DestinationIp"),
    Column("destination.port", "long", "DestinationPort"),
    Column("destination.domain", "keyword", "DestinationHostname"),
    Column("source.ip", "ip", "SourceIp"),
    Column("source.port", "long", "SourcePort"),
    Column("network.transport", "keyword", "Protocol", "lower"),
)


def _kind(name: str, stream: str, columns: tuple[Column, ...], initiated: str | None = None, **native: Any) -> Kind:
    fixed: dict[str, str | None] = {"Initiated": initiated} if initiated else {}
    return Kind(name, stream, columns, fixed, {key.replace("__", "."): value for key, value in native.items()})


def _event(category: str, type_: str, action: str) -> dict[str, Any]:
    return {"event__category": [category], "event__type": [type_], "event__action": action}


_PROC, _FIL, _NET = (f"logs-endpoint.events.{x}-default" for x in ("process", "file", "network"))
_SYSMON, _BEAT = "logs-windows.sysmon_operational-default", "winlogbeat-8.19.0"
_CONNECTED: dict[str, Any] = {"event__category": ["network"], "event__type": ["start", "connection", "protocol"]}

_KINDS = (
    _kind("process_creation/created/endpoint", _PROC, _PROCESS, **_event("process", "start", "start")),
    _kind("process_creation/created/sysmon", _SYSMON, _PROCESS, **_event("process", "start", "Process creation")),
    _kind("process_termination/terminated", _PROC, _COMMON, **_event("process", "end", "end")),
    _kind("file_event/creation/endpoint", _FIL, _FILE, **_event("file", "creation", "creation")),
    _kind("file_event/creation/sysmon", _SYSMON, _FILE, **_event("file", "creation", "File created")),
    _kind("file_event/modification/endpoint", _FIL, _FILE, **_event("file", "change", "modification")),
    _kind("file_event/modification/overwrite", _FIL, _FILE, **_event("file", "change", "overwrite")),
    _kind("file_rename/rename", _FIL, _FILE, **_event("file", "change", "rename")),
    _kind("file_delete/deletion", _FIL, _FILE, **_event("file", "deletion", "deletion")),
    _kind("file_change/time", _SYSMON, _FILE, **_event("file", "change", "File creation time changed")),
    _kind(
        "network_connection/initiated/endpoint",
        _NET,
        _NETWORK,
        "true",
        network__direction="egress",
        **_event("network", "start", "connection_attempted"),
    ),
    _kind(
        "network_connection/accepted/endpoint",
        _NET,
        _NETWORK,
        "false",
        network__direction="ingress",
        **_event("network", "start", "connection_accepted"),
    ),
    _kind(
        "network_end/endpoint",
        _NET,
        _NETWORK,
        network__direction="egress",
        **_event("network", "end", "disconnect_received"),
    ),
    _kind("network_connection/initiated/sysmon", _SYSMON, _NETWORK, "true", network__direction="egress", **_CONNECTED),
    _kind("network_connection/accepted/sysmon", _SYSMON, _NETWORK, "false", network__direction="ingress", **_CONNECTED),
    _kind("network_connection/initiated/beat", _BEAT, _NETWORK, "true", network__direction="outbound", **_CONNECTED),
    _kind("network_connection/accepted/beat", _BEAT, _NETWORK, "false", network__direction="inbound", **_CONNECTED),
)

EVENT_TYPES = {
    "@timestamp": "date",
    "event.category": "keyword",
    "event.type": "keyword",
    "event.action": "keyword",
    "event.code": "keyword",
    "network.direction": "keyword",
}


def types_of(kinds: tuple[Kind, ...]) -> dict[str, dict[str, str]]:
    """data stream -> field -> type; Elasticsearch merges the mappings of all streams that a query searches."""
    merged = EVENT_TYPES | {column.name: column.type for kind in kinds for column in kind.columns}
    return {kind.table: merged for kind in kinds}


SCHEMAS = (Schema("ecs", _KINDS, "@timestamp", "_id", "absent", types_of(_KINDS)),)
