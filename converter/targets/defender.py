"""Microsoft Defender XDR advanced hunting."""

from converter.model import Target

TARGETS = (
    Target(
        name="defender",
        title="Microsoft Defender XDR",
        dialect="kql",
        schema="defender",
        pipelines=("mde",),
        data="Device* tables of advanced hunting",
        # What a custom detection must return: learn.microsoft.com/en-us/defender-xdr/custom-detection-rules
        options={"time": "Timestamp", "leading_columns": ("Timestamp", "DeviceId", "ReportId")},
    ),
)
