"""Elastic over ECS events of Elastic Defend, the Windows integration (Sysmon) and Winlogbeat."""

from converter.model import Target

_INDICES = {
    "process_creation": ("logs-endpoint.events.process-*", "logs-windows.sysmon_operational-*", "winlogbeat-*"),
    "file_event": ("logs-endpoint.events.file-*", "logs-windows.sysmon_operational-*", "winlogbeat-*"),
    "file_delete": ("logs-endpoint.events.file-*", "logs-windows.sysmon_operational-*", "winlogbeat-*"),
    "network_connection": ("logs-endpoint.events.network-*", "logs-windows.sysmon_operational-*", "winlogbeat-*"),
}
_COLUMNS = ("@timestamp",)


def _target(dialect: str, language: str) -> Target:
    return Target(
        name=f"elastic-{dialect}",
        title=f"Elastic {language}, ECS",
        dialect=dialect,
        schema="ecs",
        pipelines=("ecs",),
        data="ECS process, file and network events",
        options={"indices": _INDICES, "leading_columns": _COLUMNS},
    )


TARGETS = (
    _target("eql", "EQL"),
    _target("esql", "ES|QL"),
    _target("dsl", "Query DSL"),
    _target("lucene", "Lucene"),
)
