"""Splunk over Defender advanced-hunting events that arrive through Event Hub."""

from converter.model import Target

TARGETS = (
    Target(
        name="splunk-defender",
        title="Splunk, Defender",
        dialect="spl",
        schema="splunk-defender",
        pipelines=("mde", "splunk_defender"),
        data="Defender advanced-hunting events through Event Hub",
        options={"leading_columns": ("_time",)},
    ),
)
