"""Splunk over Sysmon events."""

from converter.model import Target

TARGETS = (
    Target(
        name="splunk-sysmon",
        title="Splunk, Sysmon",
        dialect="spl",
        schema="splunk-sysmon",
        pipelines=("splunk_sysmon",),
        data="Sysmon events of the Splunk add-on for Sysmon",
        options={"leading_columns": ("_time", "host")},
    ),
)
