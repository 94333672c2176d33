"""Elastic over the Microsoft Defender XDR integration's events."""

from converter.model import Target

_CATEGORIES = ("process_creation", "file_event", "file_delete", "network_connection")


def _target(dialect: str, language: str) -> Target:
    index = ("logs-m365_defender.event-*",)
    return Target(
        name=f"elastic-defender-{dialect}",
        title=f"Elastic {language}, Defender",
        dialect=dialect,
        schema="m365_defender",
        pipelines=("m365_defender",),
        data="the Microsoft Defender XDR integration's events",
        options={
            "indices": dict.fromkeys(_CATEGORIES, index),
            "leading_columns": ("@timestamp",),
        },
    )


TARGETS = (_target("eql", "EQL"), _target("esql", "ES|QL"), _target("dsl", "Query DSL"))
