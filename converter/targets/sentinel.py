"""Microsoft Sentinel: Defender's device tables in a Log Analytics workspace."""

from converter.model import Target

TARGETS = (
    Target(
        name="sentinel",
        title="Microsoft Sentinel",
        dialect="kql",
        schema="log-analytics",
        pipelines=("mde",),
        data="Device* tables in Log Analytics (TimeGenerated)",
        options={"time": "TimeGenerated", "leading_columns": ("TimeGenerated", "DeviceId", "ReportId")},
    ),
)
