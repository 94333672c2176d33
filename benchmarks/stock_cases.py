"""The faults of the stock converters, as data: a rule and an event each (see `stock_faults`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fault:
    """One fault: `rule` is the file name of a rule of the library, or a detection section for `category`.

    `kind` says as what the platform recorded the event. `lines` are texts that the interesting lines of the stock
    query hold, `our_lines` those of ours. `upstream` is the thread about it, "" if none was found. `binder`: ask
    Microsoft's binder as well.
    """

    title: str
    target: str
    rule: str | Mapping[str, Any] = field(hash=False)
    kind: str
    event: Mapping[str, Any] = field(hash=False)
    why: str
    category: str = "process_creation"
    lines: tuple[str, ...] = ()
    our_lines: tuple[str, ...] = ()
    upstream: str = ""
    binder: bool = False


_SHELL = "proc_creation_win_webserver_spawns_shell"
_DROP = "file_event_win_script_written_to_web_directory"
_CONNECT = "net_connection_win_webserver_unusual_public_port"
_CMD = "C:\\Windows\\System32\\cmd.exe"
_W3WP = "C:\\Windows\\System32\\inetsrv\\w3wp.exe"
_KUSTO = "https://github.com/AttackIQ/pySigma-backend-kusto"
_SPLUNK = "https://github.com/SigmaHQ/pySigma-backend-splunk"
_ELASTIC = "https://github.com/SigmaHQ/pySigma-backend-elasticsearch"


def _command(modifier: str, value: Any) -> dict[str, Any]:
    return {"selection": {f"CommandLine{modifier}": value}, "condition": "selection"}


_DIRECTION = {"selection": {"DestinationPort": 4444, "Initiated": "true"}, "condition": "selection"}
_PUBLIC = {
    "selection": {"DestinationPort": 4444},
    "filter": {"DestinationIp|cidr": "fc00::/7"},
    "condition": "selection and not filter",
}
_NOT_BOTH = {"both": {"CommandLine|re": "secret", "Image|endswith": "\\cmd.exe"}, "condition": "not both"}
_EITHER = {
    "pattern": {"CommandLine|re": "secret"},
    "image": {"Image|endswith": "\\cmd.exe"},
    "condition": "pattern or image",
}
_FOLDER = {"selection": {"TargetFilename|contains": "\\inetpub\\"}, "condition": "selection"}
_UNLESS_PARENT = {
    "selection": {"CommandLine|contains": "whoami"},
    "filter": {"ParentCommandLine|contains": "inventory"},
    "condition": "selection and not filter",
}
_PROCESS = "process_creation/created"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "A deleted file counts as a written one",
        "defender",
        _DROP,
        "file_delete/deleted",
        {"TargetFilename": "C:\\inetpub\\wwwroot\\shell.aspx", "Image": "C:\\Windows\\explorer.exe"},
        "Rules about file creation, deletion and renaming all become the bare table: no test of `ActionType`.",
        lines=("DeviceFileEvents", "| where"),
        our_lines=("ActionType",),
    ),
    Fault(
        "Whoever visits the server has attacked it: `Initiated` is dropped",
        "defender",
        _DIRECTION,
        "network_connection/accepted/accepted",
        {"SourceIp": "203.0.113.9", "SourcePort": 4444, "DestinationPort": 443, "Initiated": "false", "Image": _W3WP},
        "The field is taken out of the rule without a word, so accepted connections match a rule about outgoing ones,"
        " by the port that the visitor comes from.",
        "network_connection",
        upstream=f"{_KUSTO}/pull/19",
        our_lines=("ActionType", "ConnectionSuccess", "RemotePort"),
    ),
    Fault(
        "Port lists are strings on an integer column",
        "defender",
        {"selection": {"DestinationPort": [4444, 5555]}, "condition": "selection"},
        "network_connection/initiated/success",
        {"DestinationIp": "203.0.113.9", "DestinationPort": 4444, "Initiated": "true"},
        "`RemotePort` is an `int`: Microsoft's binder rejects the comparison (KS107), and the rule cannot be saved.",
        "network_connection",
        our_lines=("RemotePort",),
        binder=True,
    ),
    Fault(
        "One IPv6 range in a filter silences the rule",
        "defender",
        _PUBLIC,
        "network_connection/initiated/success",
        {"DestinationIp": "203.0.113.9", "DestinationPort": 4444, "Initiated": "true"},
        "`ipv4_is_in_range` is null for an IPv6 range, `not(null)` is null, and the row is gone: the rule never fires"
        " at all.",
        "network_connection",
        upstream=f"{_KUSTO}/issues/43",
        our_lines=("ipv6_is_in", "not("),
    ),
    Fault(
        "An IPv6 range matches no IPv6 address",
        "defender",
        {"selection": {"DestinationIp|cidr": "fc00::/7"}, "condition": "selection"},
        "network_connection/initiated/success",
        {"DestinationIp": "fd12:3456:789a::1", "Initiated": "true"},
        "The same function, where the rule asks for the range.",
        "network_connection",
        upstream=f"{_KUSTO}/issues/43",
        our_lines=("ipv6_is_in",),
    ),
    Fault(
        "A wildcard inside a value makes the test mind the case",
        "defender",
        _command("|contains", "net*user"),
        _PROCESS,
        {"CommandLine": "NET.EXE USER eve /add", "Image": "C:\\Windows\\System32\\net.exe"},
        "Sigma ignores case; `matches regex` does not.",
        upstream=f"{_KUSTO}/issues/34",
        our_lines=("ProcessCommandLine matches", "ProcessCommandLine contains"),
    ),
    Fault(
        "In a list, the parts around a wildcard may come in any order",
        "defender",
        _command("|contains", ["net*user", "quser"]),
        _PROCESS,
        {"CommandLine": "tool.exe --user eve --subnet 10"},
        "`net*user` means `net`, then `user`; the query asks for both, anywhere.",
        upstream=f"{_KUSTO}/pull/18",
        our_lines=("ProcessCommandLine matches", "ProcessCommandLine contains"),
    ),
    Fault(
        "`null` never matches",
        "defender",
        {"selection": {"Image|endswith": "\\cmd.exe", "ParentCommandLine": None}, "condition": "selection"},
        _PROCESS,
        {"Image": _CMD},
        "A string is never null in Kusto, a missing one is empty: `isnull` of a string is always false.",
        our_lines=("InitiatingProcessCommandLine", "FileName"),
    ),
    Fault(
        "The account's domain is looked for in its name",
        "defender",
        {"selection": {"User|contains": "NT AUTHORITY"}, "condition": "selection"},
        _PROCESS,
        {"User": "NT AUTHORITY\\SYSTEM", "Image": _CMD},
        "Sigma's `User` is domain and name; `AccountName` holds the name only.",
    ),
    Fault(
        "Two hashes that must both be there become either",
        "defender",
        {
            "selection": {
                "Hashes|contains|all": [
                    "MD5=9a53fe2b997935fd8eedcb5f7abab9b9",
                    "SHA256=30a4ce2b9979360a8eedcb5f7abab9b930a4ce2b9979360a8eedcb5f7abab9b9",
                ]
            },
            "condition": "selection",
        },
        _PROCESS,
        {"Hashes": "MD5=9A53FE2B997935FD8EEDCB5F7ABAB9B9,SHA256=" + "0123456789ABCDEF" * 4},
        "The values are sorted into the columns of their algorithms, which are joined by OR, whatever the rule says.",
        our_lines=("MD5",),
    ),
    Fault(
        "No source: every other event with the same fields counts",
        "splunk-sysmon",
        _FOLDER,
        "file_delete/archived",
        {"TargetFilename": "C:\\inetpub\\wwwroot\\shell.aspx", "Image": "C:\\Windows\\explorer.exe"},
        "The query names neither source nor event code, so a deletion matches a rule about creation.",
        "file_event",
        our_lines=("EventCode", "TargetFilename"),
    ),
    Fault(
        "`not (a and b)` with a regular expression loses its NOT",
        "splunk-sysmon",
        _NOT_BOTH,
        _PROCESS,
        {"Image": _CMD, "CommandLine": "cmd.exe /c dir"},
        "The expression is moved behind a pipe and leaves its negation behind.",
        our_lines=("where", "match("),
    ),
    Fault(
        "An OR with a regular expression begins with a pipe",
        "splunk-sysmon",
        _EITHER,
        _PROCESS,
        {"Image": _CMD, "CommandLine": "cmd.exe /c dir"},
        "Nothing is searched before the first command.",
        upstream=f"{_SPLUNK}/issues/74",
        our_lines=("where", "match("),
    ),
    Fault(
        "Two regular expressions that must both match give no query",
        "splunk-sysmon",
        _command("|re|all", ["secret", "quota"]),
        _PROCESS,
        {"CommandLine": "type secret quota"},
        "The backend returns an empty list, without an error.",
        our_lines=("regex",),
    ),
    Fault(
        "`?` becomes `*`",
        "splunk-sysmon",
        _command("|contains", "a?b"),
        _PROCESS,
        {"CommandLine": "run accelerated build"},
        "`search` has no wildcard for one character; the query takes any number of them.",
        our_lines=("regex", "where", "match("),
    ),
    Fault(
        "An escaped star stays a wildcard",
        "splunk-sysmon",
        _command("|contains", "rm \\*.log"),
        _PROCESS,
        {"CommandLine": "rm *.log"},
        "`\\*` is no literal star in SPL: the backslash is literal, the star a wildcard.",
        our_lines=("regex", "where", "match("),
    ),
    Fault(
        "Comparing two fields compares two texts",
        "splunk-sysmon",
        {"selection": {"Image|fieldref": "ParentImage"}, "condition": "selection"},
        _PROCESS,
        {"Image": "C:\\Tools\\agent.exe", "ParentImage": "c:\\tools\\AGENT.EXE"},
        "Sigma ignores case here as well; `where` does not.",
        our_lines=("where",),
    ),
    Fault(
        "The direction of a connection is `true`",
        "elastic-lucene",
        _DIRECTION,
        "network_connection/initiated/endpoint",
        {"DestinationIp": "203.0.113.9", "DestinationPort": 4444, "Initiated": "true"},
        "`network.direction` is `egress` or `ingress` (formerly `outbound`, `inbound`), never `true`.",
        "network_connection",
        upstream=f"{_ELASTIC}/issues/57",
    ),
    Fault(
        "A path in other letters is not found",
        "elastic-lucene",
        _FOLDER,
        "file_event/creation/endpoint",
        {"TargetFilename": "C:\\Inetpub\\wwwroot\\shell.aspx"},
        "`file.path` is a `keyword`, and `query_string` minds its case. `C:\\Inetpub` is how some installers write it.",
        "file_event",
        upstream=f"{_ELASTIC}/issues/178",
    ),
    Fault(
        "A field that only one agent has",
        "elastic-lucene",
        _SHELL,
        "process_creation/created/sysmon",
        {"ParentImage": _W3WP, "Image": _CMD},
        "`.caseless` is a multi-field of Elastic Defend's own index. On Sysmon or Winlogbeat data the query is silent.",
        upstream=f"{_ELASTIC}/issues/178",
        lines=("caseless",),
        our_lines=("process.parent.name",),
    ),
    Fault(
        "Perl's `(?i)` and `$` are plain characters to Lucene",
        "elastic-lucene",
        {"selection": {"TargetFilename|re": "(?i)\\.aspx$"}, "condition": "selection"},
        "file_event/creation/endpoint",
        {"TargetFilename": "C:\\inetpub\\wwwroot\\shell.aspx"},
        "Lucene's expressions are anchored and know neither: the query asks for a value of just these characters.",
        "file_event",
    ),
    Fault(
        "A regular expression must match the whole value",
        "elastic-eql",
        _command("|re", "(whoami|quser) "),
        "process_creation/created/endpoint",
        {"CommandLine": "cmd.exe /c whoami /all"},
        "Sigma searches inside the value, EQL compares the whole of it.",
    ),
    Fault(
        "A list of ports is rejected",
        "elastic-eql",
        {"selection": {"DestinationPort": [4444, 5555]}, "condition": "selection"},
        "network_connection/initiated/endpoint",
        {"DestinationIp": "203.0.113.9", "DestinationPort": 4444, "Initiated": "true"},
        "`like~` is for strings: Elasticsearch refuses the query.",
        "network_connection",
    ),
    Fault(
        "A case-sensitive ending is compared with a star in it",
        "elastic-eql",
        {"selection": {"CommandLine|cased|endswith": "-Enc"}, "condition": "selection"},
        "process_creation/created/endpoint",
        {"CommandLine": "powershell -Enc"},
        "`==` knows no wildcards: the query asks for a command line that begins with a star.",
    ),
    Fault(
        "`any where`: a deletion counts as a creation",
        "elastic-eql",
        _FOLDER,
        "file_delete/deletion/endpoint",
        {"TargetFilename": "C:\\inetpub\\wwwroot\\shell.aspx"},
        "No stock query for Elastic says which kind of event it means.",
        "file_event",
    ),
    Fault(
        "The Defender integration never sets `destination.domain`",
        "elastic-defender-eql",
        {"selection": {"DestinationHostname|endswith": ".example.net"}, "condition": "selection"},
        "network_connection/initiated/success",
        {"DestinationHostname": "beacon.example.net", "DestinationIp": "203.0.113.9", "Initiated": "true"},
        "There the host is in the vendor's own `m365_defender.event.remote.url`; the query finds nothing, ever.",
        "network_connection",
    ),
    Fault(
        "ES|QL minds the case of everything",
        "elastic-esql",
        _command("|contains", "net user"),
        "process_creation/created/endpoint",
        {"CommandLine": "NET USER eve /add"},
        "`LIKE` and `==` are case-sensitive in ES|QL, and nothing is folded.",
        upstream=f"{_ELASTIC}/issues/107",
        our_lines=("WHERE",),
    ),
    Fault(
        "Backslashes are escaped once where ES|QL unescapes twice",
        "elastic-esql",
        _FOLDER,
        "file_event/creation/endpoint",
        {"TargetFilename": "C:\\inetpub\\wwwroot\\shell.aspx"},
        "The string literal takes one level, the `LIKE` pattern another: what is left escapes the star.",
        "file_event",
        upstream="https://github.com/elastic/elasticsearch/issues/118932",
        our_lines=("WHERE",),
    ),
    Fault(
        "A filter on a field that the event lacks drops the event",
        "elastic-esql",
        _UNLESS_PARENT,
        "process_creation/created/endpoint",
        {"CommandLine": "whoami"},
        "`NOT` of a comparison with a missing field is null, and the row is lost.",
        our_lines=("WHERE",),
    ),
)
