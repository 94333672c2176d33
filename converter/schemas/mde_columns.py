"""The columns of Defender's device tables and their types, as the vendor documents them.

Sources: `defender-xdr/advanced-hunting-device{process,file,network}events-table.md` in MicrosoftDocs/defender-docs,
and for Log Analytics `.script/tests/KqlvalidationsTests/CustomTables/<Table>.json` in Azure/Azure-Sentinel
(commits read for this file: 112ac77, 006b8a9; bd7f7fc, 0685450, 698a255).
"""

from __future__ import annotations

#: table -> type -> column names, separated by spaces
_DOCUMENTED: dict[str, dict[str, str]] = {
    "DeviceProcessEvents": {
        "datetime": "Timestamp ProcessCreationTime InitiatingProcessCreationTime InitiatingProcessParentCreationTime",
        "string": (
            "DeviceId DeviceName ActionType FileName FolderPath SHA1 SHA256 MD5 ProcessVersionInfoCompanyName "
            "ProcessVersionInfoProductName ProcessVersionInfoProductVersion ProcessVersionInfoInternalFileName "
            "ProcessVersionInfoOriginalFileName ProcessVersionInfoFileDescription ProcessCommandLine "
            "ProcessIntegrityLevel ProcessTokenElevation AccountDomain AccountName AccountSid AccountUpn "
            "AccountObjectId InitiatingProcessAccountDomain InitiatingProcessAccountName "
            "InitiatingProcessAccountSid InitiatingProcessAccountUpn InitiatingProcessAccountObjectId "
            "InitiatingProcessIntegrityLevel InitiatingProcessTokenElevation InitiatingProcessSHA1 "
            "InitiatingProcessSHA256 InitiatingProcessMD5 InitiatingProcessFileName "
            "InitiatingProcessVersionInfoCompanyName InitiatingProcessVersionInfoProductName "
            "InitiatingProcessVersionInfoProductVersion InitiatingProcessVersionInfoInternalFileName "
            "InitiatingProcessVersionInfoOriginalFileName InitiatingProcessVersionInfoFileDescription "
            "InitiatingProcessCommandLine InitiatingProcessFolderPath InitiatingProcessParentFileName "
            "InitiatingProcessSignerType InitiatingProcessSignatureStatus AppGuardContainerId AdditionalFields"
        ),
        "long": (
            "FileSize ProcessId LogonId InitiatingProcessLogonId InitiatingProcessFileSize InitiatingProcessId "
            "InitiatingProcessParentId ReportId"
        ),
    },
    "DeviceFileEvents": {
        "datetime": "Timestamp InitiatingProcessCreationTime InitiatingProcessParentCreationTime",
        "string": (
            "DeviceId DeviceName ActionType FileName FolderPath SHA1 SHA256 MD5 FileOriginUrl "
            "FileOriginReferrerUrl FileOriginIP PreviousFolderPath PreviousFileName "
            "InitiatingProcessAccountDomain InitiatingProcessAccountName InitiatingProcessAccountSid "
            "InitiatingProcessAccountUpn InitiatingProcessAccountObjectId InitiatingProcessMD5 "
            "InitiatingProcessSHA1 InitiatingProcessSHA256 InitiatingProcessFolderPath InitiatingProcessFileName "
            "InitiatingProcessVersionInfoCompanyName InitiatingProcessVersionInfoProductName "
            "InitiatingProcessVersionInfoProductVersion InitiatingProcessVersionInfoInternalFileName "
            "InitiatingProcessVersionInfoOriginalFileName InitiatingProcessVersionInfoFileDescription "
            "InitiatingProcessCommandLine InitiatingProcessIntegrityLevel InitiatingProcessTokenElevation "
            "InitiatingProcessParentFileName RequestProtocol RequestSourceIP RequestAccountName "
            "RequestAccountDomain RequestAccountSid ShareName SensitivityLabel SensitivitySubLabel "
            "AppGuardContainerId AdditionalFields InitiatingProcessRemoteSessionDeviceName "
            "InitiatingProcessRemoteSessionIP"
        ),
        "long": (
            "FileSize InitiatingProcessFileSize InitiatingProcessId InitiatingProcessParentId ReportId "
            "InitiatingProcessSessionId"
        ),
        "int": "RequestSourcePort",
        "bool": "IsAzureInfoProtectionApplied IsInitiatingProcessRemoteSession",
    },
    "DeviceNetworkEvents": {
        "datetime": "Timestamp InitiatingProcessCreationTime InitiatingProcessParentCreationTime",
        "string": (
            "DeviceId DeviceName ActionType RemoteIP RemoteUrl LocalIP Protocol LocalIPType RemoteIPType "
            "InitiatingProcessSHA1 InitiatingProcessSHA256 InitiatingProcessMD5 InitiatingProcessFileName "
            "InitiatingProcessVersionInfoCompanyName InitiatingProcessVersionInfoProductName "
            "InitiatingProcessVersionInfoProductVersion InitiatingProcessVersionInfoInternalFileName "
            "InitiatingProcessVersionInfoOriginalFileName InitiatingProcessVersionInfoFileDescription "
            "InitiatingProcessCommandLine InitiatingProcessFolderPath InitiatingProcessParentFileName "
            "InitiatingProcessAccountDomain InitiatingProcessAccountName InitiatingProcessAccountSid "
            "InitiatingProcessAccountUpn InitiatingProcessAccountObjectId InitiatingProcessIntegrityLevel "
            "InitiatingProcessTokenElevation AppGuardContainerId AdditionalFields "
            "InitiatingProcessRemoteSessionDeviceName InitiatingProcessRemoteSessionIP"
        ),
        "int": "RemotePort LocalPort",
        "long": (
            "InitiatingProcessFileSize InitiatingProcessId InitiatingProcessParentId ReportId "
            "InitiatingProcessSessionId"
        ),
        "bool": "IsInitiatingProcessRemoteSession",
    },
}

#: what Log Analytics adds to them
_LOG_ANALYTICS: dict[str, dict[str, str]] = {
    "DeviceProcessEvents": {
        "string": "TenantId MachineGroup SourceSystem Type",
        "datetime": "TimeGenerated",
    },
    "DeviceFileEvents": {
        "string": "TenantId MachineGroup SourceSystem Type",
        "datetime": "TimeGenerated",
    },
    "DeviceNetworkEvents": {
        "string": "TenantId MachineGroup SourceSystem Type",
        "datetime": "TimeGenerated",
    },
}


def defender_types() -> dict[str, dict[str, str]]:
    """table -> column -> type, in Defender XDR advanced hunting."""
    return {table: _expand(columns) for table, columns in _DOCUMENTED.items()}


def log_analytics_types() -> dict[str, dict[str, str]]:
    """table -> column -> type, in a Sentinel workspace, where `AdditionalFields` is dynamic."""
    types = defender_types()
    for table, columns in _LOG_ANALYTICS.items():
        types[table] |= _expand(columns) | {"AdditionalFields": "dynamic"}
    return types


def _expand(columns: dict[str, str]) -> dict[str, str]:
    return {name: kind for kind, names in columns.items() for name in names.split()}
