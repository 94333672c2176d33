"""Defender events as Elastic's Microsoft Defender XDR integration stores them.

packages/m365_defender/data_stream/event/elasticsearch/ingest_pipeline/pipeline_device.yml in elastic/integrations:
`event.action` is ActionType in lower case; a file event's `event.type` is `info` whatever happened to the file, and a
successful connection's is `end`, so that only `event.action` tells kinds of events apart; `file.path` is never set,
the full path is in `file.directory`; command lines are trimmed; empty values are left out.
"""

from __future__ import annotations

from converter.model import Column, Kind, Schema
from converter.schemas.ecs import types_of
from converter.schemas.mde import ACCEPTED, INITIATED, UNDIRECTED

_STREAM = "logs-m365_defender.event-default"
_PREFIX = "m365_defender.event.initiating_process."

_PROCESS = (
    Column("host.name", "keyword", "Computer", "lower"),
    Column("user.domain", "keyword", "User", "dirname"),
    Column("user.name", "keyword", "User", "basename"),
    Column("process.name", "keyword", "Image", "basename"),
    Column("process.executable", "keyword", "Image"),
    Column("process.command_line", "wildcard", "CommandLine", "trim"),
    Column("process.pid", "long", "ProcessId"),
    Column("process.pe.original_file_name", "keyword", "OriginalFileName"),
    Column("process.pe.description", "keyword", "Description"),
    Column("process.pe.product", "keyword", "Product"),
    Column("process.pe.company", "keyword", "Company"),
    Column("process.hash.md5", "keyword", "md5"),
    Column("process.hash.sha1", "keyword", "sha1"),
    Column("process.hash.sha256", "keyword", "sha256"),
    Column("process.parent.name", "keyword", "ParentImage", "basename"),
    Column("process.parent.executable", "keyword", "ParentImage"),
    Column("process.parent.command_line", "wildcard", "ParentCommandLine", "trim"),
    Column("process.parent.pid", "long", "ParentProcessId"),
)
_ACTOR = (
    Column("host.name", "keyword", "Computer", "lower"),
    Column(_PREFIX + "account_domain", "keyword", "User", "dirname"),
    Column(_PREFIX + "account_name", "keyword", "User", "basename"),
    Column("process.name", "keyword", "Image", "basename"),
    Column("process.executable", "keyword", "Image"),
    Column("process.command_line", "wildcard", "CommandLine", "trim"),
    Column("process.pid", "long", "ProcessId"),
)
_FILE = (
    *_ACTOR,
    Column("file.name", "keyword", "TargetFilename", "basename"),
    Column("file.directory", "keyword", "TargetFilename"),
)
_NETWORK = (
    *_ACTOR,
    Column("destination.ip", "ip", "DestinationIp"),
    Column("destination.port", "long", "DestinationPort"),
    Column("source.ip", "ip", "SourceIp"),
    Column("source.port", "long", "SourcePort"),
    Column("network.protocol", "keyword", "Protocol", "lower"),
)


def _kind(
    name: str, columns: tuple[Column, ...], category: str, type_: str, action: str, initiated: str | None = ""
) -> Kind:
    """`initiated`: the Sigma value the kind fixes, None where the field is missing, "" where it is not about one."""
    fixed: dict[str, str | None] = {} if initiated == "" else {"Initiated": initiated}
    native = {"event.category": [category], "event.type": [type_], "event.action": action.lower()}
    return Kind(name, _STREAM, columns, fixed, native)


def _network_kinds() -> list[Kind]:
    types = {"ConnectionSuccess": "end", "ConnectionFailed": "denied", "ConnectionRequest": "start"}
    out = []
    directions: list[tuple[str, tuple[str, ...], str | None]] = [
        ("initiated", INITIATED, "true"),
        ("accepted", ACCEPTED, "false"),
        ("undirected", UNDIRECTED, None),
    ]
    for variant, actions, initiated in directions:
        for action in actions:
            type_ = types.get(action, "info")
            name = f"network_connection/{variant}/{action}"
            out.append(_kind(name, _NETWORK, "network", type_, action, initiated))
    return out


_KINDS = (
    _kind("process_creation/created", _PROCESS, "process", "start", "ProcessCreated"),
    _kind("process_open/opened", _PROCESS, "process", "info", "OpenProcess"),
    _kind("file_event/creation", _FILE, "file", "info", "FileCreated"),
    _kind("file_event/modification", _FILE, "file", "info", "FileModified"),
    _kind("file_rename/rename", _FILE, "file", "info", "FileRenamed"),
    _kind("file_delete/deletion", _FILE, "file", "info", "FileDeleted"),
    _kind("network_listen/listen", _NETWORK, "network", "start", "ListeningConnectionCreated"),
    *_network_kinds(),
)

SCHEMAS = (Schema("m365_defender", _KINDS, "@timestamp", "_id", "absent", types_of(_KINDS)),)
