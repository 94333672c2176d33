"""What the KQL reader says a query means, example by example from the Kusto documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from converter.core.errors import EngineUnavailable, OutOfFragment, ParityError, QueryError
from converter.core.platform import Record
from converter.dialects.kql.reader import read
from converter.dialects.reading import Branch
from converter.semantics.decide.evaluate import holds
from tests.dialects.schemas import schema

COMMON = {
    "Timestamp": "datetime",
    "ReportId": "long",
    "DeviceId": "string",
    "DeviceName": "string",
    "FileName": "string",
    "InitiatingProcessFileName": "string",
}
SCHEMA = schema(
    {
        "DeviceProcessEvents": {**COMMON, "AccountName": "string", "ProcessCommandLine": "string", "ProcessId": "long"},
        "DeviceFileEvents": {**COMMON, "FolderPath": "string", "ActionType": "string", "FileSize": "long"},
        "DeviceNetworkEvents": {
            **COMMON,
            "RemoteIP": "string",
            "RemotePort": "int",
            "IsRemote": "bool",
            "FileSize": "string",
            "AdditionalFields": "dynamic",
        },
    },
    time="Timestamp",
    identity="ReportId",
    missing="empty",
)
ABSENT = None
LISTS = 'let Web = dynamic(["w3wp.exe", \'php.exe\']);let Ports = dynamic([80, 443]);let Name = "cmd.exe";'

#: condition, column, values of the column for which it is kept, values for which it is not.
TESTS: list[tuple[str, str, list[Any], list[Any]]] = [
    # Equality and membership; a missing string is the empty one.
    ('FileName == "cmd.exe"', "FileName", ["cmd.exe"], ["CMD.exe", "xcmd.exe", "", ABSENT]),
    ('FileName =~ "cmd.exe"', "FileName", ["cmd.exe", "CMD.EXE"], ["cmd.exe ", ABSENT]),
    ('FileName != "cmd.exe"', "FileName", ["CMD.exe", "", ABSENT], ["cmd.exe"]),
    ('FileName !~ "cmd.exe"', "FileName", ["x", ABSENT], ["CMD.exe"]),
    ('FileName <> "cmd.exe"', "FileName", ["x", ABSENT], ["cmd.exe"]),
    ('"cmd.exe" == FileName', "FileName", ["cmd.exe"], ["x"]),
    ('FileName == ""', "FileName", ["", ABSENT], ["x", " "]),
    ('FileName != ""', "FileName", ["x"], ["", ABSENT]),
    ('FileName in ("a", "B")', "FileName", ["a", "B"], ["A", "b", ABSENT]),
    ('FileName in~ ("a", "B")', "FileName", ["A", "b"], ["ab", ABSENT]),
    ('FileName !in ("a", "B")', "FileName", ["A", "", ABSENT], ["a"]),
    ('FileName !in~ ("a", "B")', "FileName", ["c", ABSENT], ["A"]),
    ("FileName in~ (Web)", "FileName", ["PHP.exe"], ["x", ABSENT]),
    ("FileName in (Name, DeviceName)", "FileName", ["cmd.exe", ABSENT], ["x"]),
    ('FileName in ("a", "")', "FileName", ["", ABSENT], ["x"]),
    ("FileName in (dynamic([]))", "FileName", [], ["", "x"]),
    # Substrings.
    ('FileName contains "A.b"', "FileName", ["xa.Bx"], ["aXb", "", ABSENT]),
    ('FileName contains_cs "A.b"', "FileName", ["xA.bx"], ["xa.Bx"]),
    ('FileName !contains "a"', "FileName", ["x", "", ABSENT], ["bAb"]),
    ('FileName !contains_cs "a"', "FileName", ["A", ABSENT], ["ba"]),
    ('FileName startswith "ab"', "FileName", ["ABc"], ["xab", ABSENT]),
    ('FileName startswith ""', "FileName", ["x", "", ABSENT], []),
    ('FileName !startswith_cs "ab"', "FileName", ["ABc", ABSENT], ["abc"]),
    ('FileName endswith ".exe"', "FileName", ["a.EXE"], [".exe.", ABSENT]),
    ('FileName endswith_cs ".exe"', "FileName", ["a.exe"], ["a.EXE"]),
    ('FileName !endswith ".exe"', "FileName", ["a", ABSENT], ["a.EXE"]),
    # Terms: the needle may not continue into a letter or digit on either side, where it ends in one itself.
    ('FileName has "cmd"', "FileName", ["cmd.exe", "CMD", "a_cmd-b"], ["cmds", "1cmd", "écmd", "cmdé", ABSENT]),
    ('FileName has_cs "cmd"', "FileName", ["x cmd y"], ["x CMD y"]),
    ('FileName !has "cmd"', "FileName", ["cmds", "", ABSENT], ["cmd.exe"]),
    ('FileName has ".asp"', "FileName", ["shell.asp", "a.asp;.jpg"], ["shell.aspx", "asp", ABSENT]),
    ('FileName has "\\\\inetpub\\\\"', "FileName", ["c:\\inetpub\\a", "x\\INETPUB\\"], ["\\inetpub", "inetpub"]),
    ('FileName has "a b"', "FileName", ["x a b y"], ["xa b", "a by"]),
    ('FileName has ""', "FileName", ["x", ABSENT], []),
    ('FileName hasprefix "cmd"', "FileName", ["x cmdlet"], ["xcmd", ABSENT]),
    ('FileName !hasprefix "cmd"', "FileName", ["xcmd", ABSENT], ["x cmdlet"]),
    ('FileName hassuffix "exe"', "FileName", ["a.exe b", "xexe"], ["exes", ABSENT]),
    ('FileName has_any ("cmd", ".asp")', "FileName", ["cmd.exe", "x.ASP"], ["cmds.aspx", ABSENT]),
    ("FileName has_any (Web)", "FileName", ["C:\\W3WP.exe -x"], ["xphp.exe", ABSENT]),
    ('FileName has_all ("cmd", "exe")', "FileName", ["cmd.exe"], ["cmd", "exe", ABSENT]),
    # Regular expressions search, with case.
    (r'FileName matches regex @"\.(asp|php)$"', "FileName", ["a.asp"], ["a.ASP", "a.aspx", ABSENT]),
    (r'FileName matches regex @"(?i)^a+$"', "FileName", ["aA"], ["ab", "", ABSENT]),
    ('FileName matches regex "^a*$"', "FileName", ["a", "", ABSENT], ["b"]),
    ('not(FileName matches regex "a")', "FileName", ["b", ABSENT], ["a"]),
    # String forms.
    (r'FileName == @"a\b""c"', "FileName", ['a\\b"c'], ["ab"]),
    ("FileName == @'a\\b''c'", "FileName", ["a\\b'c"], ["ab"]),
    (r'FileName == "a\\b\"\t\u0041\x41\U0001F600"', "FileName", ['a\\b"\tAA\U0001f600'], ["a"]),
    ('FileName == h"a" or FileName == H\'b\' or FileName == h@"c\\"', "FileName", ["a", "b", "c\\"], ["ha", "x"]),
    ('FileName == "a" \'b\' // joined\n @"c"', "FileName", ["abc"], ["a"]),
    ('FileName == ```a\n"b```', "FileName", ['a\n"b'], ["a"]),
    ("['FileName'] == \"a//b\"", "FileName", ["a//b"], ["a"]),
    # Case folding.
    ('tolower(FileName) == "cmd"', "FileName", ["CMD", "cmd"], ["c", ABSENT]),
    ('tolower(FileName) == "Cmd"', "FileName", [], ["CMD", "cmd", "Cmd"]),
    ('toupper(FileName) in ("CMD")', "FileName", ["cmd"], ["x"]),
    ('tolower(FileName) != "cmd"', "FileName", ["x", ABSENT], ["CMD"]),
    ('tolower(FileName) contains_cs "md"', "FileName", ["cMD"], ["m"]),
    ('tolower(FileName) == tolower("CMD")', "FileName", ["Cmd"], ["x"]),
    ('FileName =~ strcat("cmd", ".", "exe")', "FileName", ["CMD.exe"], ["cmd"]),
    # Emptiness and null.
    ("isempty(FileName)", "FileName", ["", ABSENT], ["x"]),
    ("isnotempty(FileName)", "FileName", ["x"], ["", ABSENT]),
    ("isnull(FileName)", "FileName", [], ["", ABSENT, "x"]),
    ("isnotnull(FileName)", "FileName", ["", ABSENT, "x"], []),
    ("isnull(RemotePort)", "RemotePort", [ABSENT], [0, 80]),
    ("isnotnull(RemotePort) and isempty(FileName)", "RemotePort", [0, 80], [ABSENT]),
    ("isempty(RemotePort)", "RemotePort", [ABSENT], [0]),
    # Numbers: equality with null is false, order against null is null, and so is its negation.
    ("RemotePort == 80", "RemotePort", [80], [81, ABSENT]),
    ("RemotePort != 80", "RemotePort", [81, ABSENT], [80]),
    ("not(RemotePort == 80)", "RemotePort", [81, ABSENT], [80]),
    ("RemotePort in (80, 443)", "RemotePort", [80, 443], [81, ABSENT]),
    ("RemotePort !in (80, 443)", "RemotePort", [81, ABSENT], [80]),
    ("RemotePort !in (Ports)", "RemotePort", [81, ABSENT], [443]),
    ("RemotePort > 79", "RemotePort", [80], [79, ABSENT]),
    ("RemotePort >= long(80)", "RemotePort", [80], [79, ABSENT]),
    ("79 < RemotePort", "RemotePort", [80], [79, ABSENT]),
    ("RemotePort < 0x50", "RemotePort", [79, -1], [80, ABSENT]),
    ("RemotePort <= 80 and RemotePort > -1", "RemotePort", [80, 0], [81, -1, ABSENT]),
    ("not(RemotePort > 79)", "RemotePort", [79], [80, ABSENT]),
    ("not(not(RemotePort > 79))", "RemotePort", [80], [79, ABSENT]),
    ("coalesce(RemotePort > 79, true)", "RemotePort", [80, ABSENT], [79]),
    ("not(coalesce(RemotePort > 79, false))", "RemotePort", [79, ABSENT], [80]),
    ("not(coalesce(RemotePort > 79 and isempty(FileName), false))", "RemotePort", [79, ABSENT], [80]),
    ("isnull(RemotePort > 79)", "RemotePort", [ABSENT], [79, 80]),
    ("(RemotePort > 79) == false", "RemotePort", [79], [80, ABSENT]),
    ("(RemotePort > 79) != true", "RemotePort", [79, ABSENT], [80]),
    ("RemotePort > 79 or isempty(FileName)", "RemotePort", [80, 79, ABSENT], []),
    ("iff(RemotePort > 79, false, true)", "RemotePort", [79, ABSENT], [80]),
    ("case(RemotePort > 79, false, RemotePort > 9, true, false)", "RemotePort", [10, 79], [80, 9, ABSENT]),
    ("RemotePort between (80 .. 90)", "RemotePort", [80, 90], [79, 91, ABSENT]),
    ("RemotePort !between (80..90)", "RemotePort", [79, 91], [80, ABSENT]),
    ("not(RemotePort between (80 .. 90))", "RemotePort", [79, 91], [80, ABSENT]),
    ("RemotePort == int(null)", "RemotePort", [], [80, ABSENT]),
    ('tostring(RemotePort) == "80"', "RemotePort", [80], [8, ABSENT]),
    ('tostring(RemotePort) in ("080", "")', "RemotePort", [ABSENT], [80, 0]),
    ('tostring(RemotePort) startswith "8"', "RemotePort", [8, 80], [18, ABSENT]),
    ("IsRemote", "IsRemote", [True], [False, ABSENT]),
    ("not(IsRemote)", "IsRemote", [False], [True, ABSENT]),
    ("IsRemote != true", "IsRemote", [False, ABSENT], [True]),
    # Addresses: null on what is no address of the version.
    ('ipv4_is_in_range(RemoteIP, "10.1.2.3/8")', "RemoteIP", ["10.9.9.9"], ["11.0.0.0", "::1", "", ABSENT, "x"]),
    ('not(ipv4_is_in_range(RemoteIP, "10.0.0.0/8"))', "RemoteIP", ["11.0.0.0"], ["10.0.0.1", "::1", ABSENT]),
    ('not(ipv4_is_in_range(RemoteIP, "fc00::/7"))', "RemoteIP", [], ["11.0.0.0", "fc00::1", ABSENT]),
    ('ipv4_is_in_any_range(RemoteIP, "10.0.0.0/8", "127.0.0.1")', "RemoteIP", ["10.1.1.1", "127.0.0.1"], ["127.0.0.2"]),
    ('ipv4_is_in_any_range(RemoteIP, dynamic(["10.0.0.0/8", "8.8.8.8"]))', "RemoteIP", ["8.8.8.8"], ["8.8.8.9"]),
    ("ipv4_is_private(RemoteIP)", "RemoteIP", ["172.31.0.1", "192.168.0.1"], ["172.32.0.1", "127.0.0.1", "fc00::1"]),
    ("not(ipv4_is_private(RemoteIP))", "RemoteIP", ["8.8.8.8"], ["10.0.0.1", "2001::1", ABSENT]),
    ("not(coalesce(ipv4_is_private(RemoteIP), false))", "RemoteIP", ["8.8.8.8", "2001::1", "", ABSENT], ["10.0.0.1"]),
    ('ipv4_is_match(RemoteIP, "10.1.9.9", 16)', "RemoteIP", ["10.1.0.0"], ["10.2.0.0"]),
    ('ipv6_is_in_any_range(RemoteIP, "fc00::/7", "::1")', "RemoteIP", ["fd00::1", "::1"], ["fe80::1", "10.0.0.1", ""]),
    (
        'ipv6_is_in_range(RemoteIP, "10.0.0.0/8")',
        "RemoteIP",
        ["10.1.1.1", "::ffff:10.1.1.1"],
        ["::a01:101", "11.0.0.0"],
    ),
    ('not(ipv6_is_in_range(RemoteIP, "fc00::/7"))', "RemoteIP", ["10.0.0.1", "fe80::1"], ["fc00::1", "", ABSENT, "x"]),
    ('ipv6_is_in_range(RemoteIP, "::ffff:a00:0/104")', "RemoteIP", ["10.1.1.1", "::ffff:10.1.1.1"], ["11.0.0.0"]),
    ('ipv6_is_in_range(RemoteIP, "::ffff:10.0.0.1")', "RemoteIP", ["10.0.0.1", "::ffff:a00:1"], ["10.0.0.2"]),
    # Precedence: `and` before `or`; string operators before comparison.
    ('FileName == "a" or FileName == "b" and isnull(RemotePort)', "FileName", ["a", "b"], ["c"]),
    ('(FileName == "a" or FileName == "b") and isnotnull(RemotePort)', "FileName", [], ["a", "b"]),
    ('FileName contains "a" == false', "FileName", ["b", ABSENT], ["a"]),
    ("true", "FileName", ["x", ABSENT], []),
    ("Name == 'cmd.exe' and false", "FileName", [], ["x"]),
]

#: condition over FileName and DeviceName, pairs for which it holds, pairs for which it does not.
PAIRS: list[tuple[str, list[tuple[Any, Any]], list[tuple[Any, Any]]]] = [
    ("FileName == DeviceName", [("a", "a"), ("", ABSENT), (ABSENT, ABSENT)], [("a", "A"), ("a", ABSENT)]),
    ("FileName =~ DeviceName", [("a", "A")], [("a", "b"), (ABSENT, "b")]),
    ("FileName != DeviceName", [("a", "A"), ("a", ABSENT)], [("a", "a"), ("", ABSENT)]),
    ("tolower(FileName) == tolower(DeviceName)", [("a", "A")], [("a", "b")]),
    ("FileName =~ strcat(DeviceName)", [("a", "A")], [("a", "b")]),
    ("FileName endswith DeviceName", [("xa", "A"), ("x", ABSENT), (ABSENT, "")], [("ax", "a"), (ABSENT, "a")]),
    ("FileName !contains_cs DeviceName", [("xa", "A")], [("xax", "a"), ("x", ABSENT)]),
]


def query(condition: str) -> str:
    return f"{LISTS}\nDeviceNetworkEvents\n| where {condition}\n| project ReportId"


def one(text: str) -> Branch:
    (branch,) = read(text, SCHEMA)
    return branch


def row(**values: Any) -> dict[str, Any]:
    return {"ReportId": 1, **{name: value for name, value in values.items() if value is not ABSENT}}


@pytest.mark.parametrize(("condition", "column", "kept", "dropped"), TESTS, ids=[test[0] for test in TESTS])
def test_where(condition: str, column: str, kept: list[Any], dropped: list[Any]) -> None:
    """A row is kept exactly when Kusto's documentation says that the condition is true of it."""
    predicate = one(query(condition)).predicate
    assert [value for value in kept if not holds(predicate, row(**{column: value}))] == []
    assert [value for value in dropped if holds(predicate, row(**{column: value}))] == []


@pytest.mark.parametrize(("condition", "kept", "dropped"), PAIRS, ids=[test[0] for test in PAIRS])
def test_two_columns(condition: str, kept: list[tuple[Any, Any]], dropped: list[tuple[Any, Any]]) -> None:
    """Columns compare with each other as their values do, a missing one as the empty string."""
    predicate = one(query(condition)).predicate
    assert [pair for pair in kept if not holds(predicate, row(FileName=pair[0], DeviceName=pair[1]))] == []
    assert [pair for pair in dropped if holds(predicate, row(FileName=pair[0], DeviceName=pair[1]))] == []


def test_engine_agrees() -> None:
    """DuckDB returns for every condition above just those of all the rows above that the predicate holds of."""
    engine = pytest.importorskip("converter.engines.kql.duckdb_engine").ENGINE
    # The engine reads neither of these forms of string as Kusto does; they rest on the documentation alone.
    written = [test[0] for test in TESTS] + [test[0] for test in PAIRS]
    conditions = [condition for condition in written if not any(form in condition for form in ("```", 'h"a"', "\\u"))]
    rows = [row(**{test[1]: value}) for test in TESTS for value in (*test[2], *test[3])]
    rows += [row(FileName=a, DeviceName=b) for test in PAIRS for a, b in (*test[1], *test[2])]
    distinct = {repr(fields): fields for fields in rows}.values()
    records = [Record("DeviceNetworkEvents", {**fields, "ReportId": at}) for at, fields in enumerate(distinct)]
    for condition in conditions:
        predicate = one(query(condition)).predicate
        try:
            hits = engine.run(query(condition), records, SCHEMA)
        except EngineUnavailable as error:
            pytest.skip(str(error))
        found = {hit.row["ReportId"] for hit in hits}
        assert found == {record.fields["ReportId"] for record in records if holds(predicate, record.fields)}, condition


COMBINED = """
// Title
let Web = dynamic(["w3wp.exe", "php.exe"]);
let Back = 24h;
let Spawn = DeviceProcessEvents
    | where Timestamp > ago(Back)
    | where InitiatingProcessFileName in~ (Web)
    | extend DetectionType = "Spawn";
let Drop = DeviceFileEvents
    | where Timestamp >= ago(1d) and FileName has_any (".asp", ".php")
    | extend DetectionType = "Drop", Size = FileSize;
union Spawn, Drop
| project Timestamp, DeviceId, ReportId, DetectionType, User = AccountName, FolderPath, Size
| where isempty(FolderPath) or FolderPath contains "www"
| sort by Timestamp desc, ReportId asc nulls last
"""


def test_combined() -> None:
    """A union of lets reads as one branch per table with its window, label and the projection's names."""
    spawn, drop = read(COMBINED, SCHEMA)
    assert (spawn.tables, drop.tables) == (("DeviceProcessEvents",), ("DeviceFileEvents",))
    assert (spawn.window_minutes, drop.window_minutes) == (1440, 1440)
    assert (spawn.labels, drop.labels) == ({"DetectionType": "Spawn"}, {"DetectionType": "Drop"})
    columns = ("Timestamp", "DeviceId", "ReportId", "DetectionType", "User", "FolderPath", "Size")
    assert spawn.columns == drop.columns == columns
    assert holds(spawn.predicate, {"InitiatingProcessFileName": "PHP.EXE"})  # the union pads FolderPath with ""
    assert not holds(spawn.predicate, {"InitiatingProcessFileName": "x"})
    assert holds(drop.predicate, {"FileName": "a.php", "FolderPath": "\\www\\"})
    assert not holds(drop.predicate, {"FileName": "a.php", "FolderPath": "\\x\\"})


def test_engine_agrees_on_unions() -> None:
    """DuckDB returns the rows of the combined query that one of its branches says it should."""
    engine = pytest.importorskip("converter.engines.kql.duckdb_engine").ENGINE
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    shapes: list[tuple[str, dict[str, Any]]] = [
        ("DeviceProcessEvents", {"InitiatingProcessFileName": "PHP.exe", "AccountName": "x"}),
        ("DeviceProcessEvents", {"InitiatingProcessFileName": "cmd.exe"}),
        ("DeviceProcessEvents", {}),
        ("DeviceFileEvents", {"FileName": "a.php", "FolderPath": "\\www\\a.php", "FileSize": 3}),
        ("DeviceFileEvents", {"FileName": "a.php", "FolderPath": "\\x\\a.php"}),
        ("DeviceFileEvents", {"FileName": "a.php"}),
        ("DeviceFileEvents", {"FileName": "a.phps", "InitiatingProcessFileName": "php.exe"}),
    ]
    records = [Record(table, {**fields, "Timestamp": now, "ReportId": at}) for at, (table, fields) in enumerate(shapes)]
    try:
        hits = engine.run(COMBINED, records, SCHEMA)
    except EngineUnavailable as error:
        pytest.skip(str(error))
    expected = {
        (record.fields["ReportId"], branch.labels["DetectionType"])
        for branch in read(COMBINED, SCHEMA)
        for record in records
        if record.table in branch.tables and holds(branch.predicate, record.fields)
    }
    assert {(hit.row["ReportId"], hit.row["DetectionType"]) for hit in hits} == expected
    assert {position for position, _ in expected} == {0, 3, 5}


RULE = """// Title of the rule
// sigma/windows/network_connection/x.yml - edit the rule, not this file
DeviceNetworkEvents
| where InitiatingProcessFileName in~ ("w3wp.exe", "php.exe")
    and not(RemotePort in (80, 443) or coalesce(ipv4_is_in_any_range(RemoteIP, "10.0.0.0/8", "127.0.0.0/8"), false)
        or coalesce(ipv6_is_in_any_range(RemoteIP, "fc00::/7"), false))
| project Timestamp, DeviceId, ReportId, DeviceName, RemoteIP, RemotePort
"""


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"RemoteIP": "8.8.8.8", "RemotePort": 4444}, True),
        ({"RemoteIP": "8.8.8.8"}, True),
        ({}, True),
        ({"RemoteIP": "2001::1"}, True),
        ({"RemoteIP": "10.1.1.1"}, False),
        ({"RemoteIP": "fd00::1"}, False),
        ({"RemoteIP": "8.8.8.8", "RemotePort": 443}, False),
    ],
)
def test_guarded_filter(fields: dict[str, Any], kept: bool) -> None:
    """A filter on ports and ranges keeps rows without them when what can be null is wrapped in coalesce."""
    assert holds(one(RULE).predicate, {"InitiatingProcessFileName": "W3WP.exe", **fields}) is kept


def test_padding_of_numbers_is_null() -> None:
    """A number that a leg of a union lacks is null there, not absent from the comparison."""
    text = "union (DeviceProcessEvents | project ReportId), (DeviceFileEvents | project ReportId, FileSize) | where {}"
    answers = {
        "FileSize > 5": False,
        "not(FileSize > 5)": False,
        "FileSize != 5": True,
        "isnull(FileSize)": True,
        "FileSize == 5": False,
    }
    for condition, answer in answers.items():
        assert holds(read(text.format(condition), SCHEMA)[0].predicate, {}) is answer, condition


def test_union_forms() -> None:
    """Union takes tables and parentheses, piped or not; `inner` keeps common columns, `isfuzzy` drops absentees."""
    piped = read("DeviceFileEvents | union (DeviceProcessEvents | where FileName == 'a')", SCHEMA)
    assert [branch.tables[0] for branch in piped] == ["DeviceFileEvents", "DeviceProcessEvents"]
    assert piped[0].columns is None
    inner = read("union kind=inner DeviceFileEvents, DeviceProcessEvents", SCHEMA)
    assert inner[0].columns == tuple(COMMON)
    fuzzy = read("union isfuzzy=true DeviceFileEvents, NoSuchTable", SCHEMA)
    assert [branch.tables[0] for branch in fuzzy] == ["DeviceFileEvents"]
    source = read(
        "union withsource=Source DeviceFileEvents, DeviceProcessEvents | where Source has 'DeviceFileEvents'", SCHEMA
    )
    assert [branch.labels for branch in source] == [{"Source": "DeviceFileEvents"}, {"Source": "DeviceProcessEvents"}]
    assert [holds(branch.predicate, {}) for branch in source] == [True, False]


@pytest.mark.parametrize(
    "operators",
    [
        '| extend Child = FileName | where Child == "a"',
        '| project Child = FileName | where Child == "a"',
        '| project-rename Child = FileName | where Child == "a"',
        '| project-away Device* | where FileName == "a"',
        '| project-keep File*, ReportId | where FileName == "a"',
        '| project-reorder ReportId, * | where FileName == "a"',
        '| extend IsA = FileName == "a" | where IsA',
        '| extend FileName = tolower(FileName) | where FileName == "a"',
        '| extend Folder = split(FileName, "x") | where FileName =~ "a" and true',
    ],
)
def test_columns_are_followed(operators: str) -> None:
    """A condition on a renamed or computed column is one on the native columns it comes from."""
    predicate = one(f"DeviceProcessEvents {operators}").predicate
    assert [holds(predicate, {"FileName": name}) for name in ("a", "b")] == [True, False]


def test_labels_and_columns() -> None:
    """Constant columns are labels as long as they are shown; columns are None until an operator chooses them."""
    kept = one('DeviceProcessEvents | extend Kind = "x", Level = 5, Sure = true')
    assert (kept.labels, kept.columns) == ({"Kind": "x", "Level": "5", "Sure": "true"}, None)
    gone = one('DeviceProcessEvents | extend Kind = "x" | project ReportId, User = AccountName')
    assert (gone.labels, gone.columns) == ({}, ("ReportId", "User"))
    away = one("DeviceProcessEvents | project ReportId, FileName, Time = Timestamp | project-away FileName")
    assert away.columns == ("ReportId", "Time")


@pytest.mark.parametrize(
    ("condition", "minutes"),
    [
        ("Timestamp > ago(24h)", 1440),
        ("Timestamp >= ago(1d)", 1440),
        ("ago(90m) < Timestamp", 90),
        ("Timestamp > now() - 2h", 120),
        ("Timestamp > now(-1h)", 60),
        ("Timestamp between (ago(7d) .. now())", 10080),
        ('Timestamp > ago(1.5h) and FileName == "a"', 90),
        ("Timestamp > ago(2d) and Timestamp > ago(1d)", 1440),
        ("Timestamp > ago(timespan(30 min))", 30),
        ("FileName == 'a'", None),
    ],
)
def test_window(condition: str, minutes: int | None) -> None:
    """How far back a query looks is the window, in whole minutes, and leaves no atom in the predicate."""
    branch = one(f"DeviceProcessEvents | where {condition}")
    assert branch.window_minutes == minutes
    assert "Timestamp" not in str(branch.predicate)


REJECTED = [
    ('RemotePort == "80"', "cannot be compared", ""),
    ('RemotePort in~ ("80")', "string is compared", ""),
    ('RemotePort in ("80", "443")', "cannot be compared", ""),
    ("FileName in (80)", "cannot be compared", ""),
    ('filename == "a"', "no column `filename`", "`FileName`?"),
    ('FileNames == "a"', "no column", "`FileName`?"),
    ('AccountName == "a"', "no column `AccountName`", ""),
    ('FileName = "a"', "expected", ""),
    ('FileName == "a', "unexpected character", "not closed"),
    (r'FileName == "a\d"', "unknown escape", "backslash"),
    ('FileName !has_any ("a")', "no operator", "not(...)"),
    ("not FileName", "expected", ""),
    ("FileName", "expected a condition", ""),
    ("islower(FileName)", "unknown function", "tolower"),
    ("isempty()", "does not take 0", ""),
    ("ago(5) < Timestamp", "takes a timespan", ""),
    ("RemotePort between (1, 2)", "expected `..`", ""),
    ('FileName contains ""a""', "expected", ""),
    ("ipv4_is_private(RemotePort)", "takes a string", ""),
    ("FileName == 'a' | wher true", "unknown operator `wher`", "`where`"),
    ("FileName == 'a' | project NoColumn", "no column", ""),
    ("FileName == 'a' | sort by NoColumn", "no column", ""),
    ("FileName == 'a' | extend X = split(NoColumn, 'a')", "no column", ""),
    ("FileName == 'a' | extend X = strcat(reverse(FileName), NoColumn)", "no column", ""),
    ("FileName == 'a' | project FileName, FileName", "two columns", ""),
    ("FileName == 'a' | union kin=inner DeviceFileEvents", "no parameter", ""),
    ("(FileName == 'a'", "expected `)`", ""),
    ("true)", "expected", ""),
]


@pytest.mark.parametrize(("condition", "message", "hint"), REJECTED, ids=[test[0] for test in REJECTED])
def test_rejected(condition: str, message: str, hint: str) -> None:
    """What Kusto does not accept is a QueryError that says where and, where it can, what was meant."""
    with pytest.raises(QueryError) as caught:
        read(f"DeviceNetworkEvents\n| where {condition}", SCHEMA)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.where.startswith("line 2")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "let X = 1;",
        "NoTable",
        "deviceprocessevents",
        "let X = 1; X",
        "let X = 1; let X = 2; DeviceFileEvents",
        "DeviceFileEvents |",
        "DeviceFileEvents | where",
        "union isfuzzy=true NoTable",
        "DeviceFileEvents extra",
        '"text"',
    ],
)
def test_rejected_statements(text: str) -> None:
    """A text without rows to return, or with a source that is not there, is a QueryError."""
    with pytest.raises(QueryError):
        read(text, SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "DeviceFileEvents | take 10",
        "DeviceFileEvents | top 5 by Timestamp",
        "DeviceFileEvents | limit 1",
        "DeviceFileEvents | summarize count() by FileName",
        "DeviceFileEvents | join kind=inner (DeviceProcessEvents | where true) on DeviceId | where true",
        "DeviceFileEvents | mv-expand FileName",
        "DeviceFileEvents | distinct FileName",
        "search 'x'",
        "datatable(a:string)['x'] | where a == 'x'",
        "let F = (a: string) { a }; DeviceFileEvents",
        "set notruncation; DeviceFileEvents",
        "DeviceFileEvents; DeviceProcessEvents",
        "union Device*",
        "DeviceFileEvents | where * has 'x'",
        "DeviceFileEvents | where strlen(FileName) > 5",
        "DeviceFileEvents | extend L = strlen(FileName) | where L > 5",
        "DeviceNetworkEvents | where AdditionalFields.x == 'a'",
        "DeviceNetworkEvents | where RemotePort > 1.5",
        "DeviceNetworkEvents | where RemotePort in (dynamic(['80']))",
        "DeviceNetworkEvents | where RemotePort has '8'",
        "DeviceFileEvents | where FileName in (DeviceProcessEvents | project FileName)",
        "let Names = DeviceProcessEvents | project FileName; DeviceFileEvents | where FileName in (Names)",
        "DeviceFileEvents | where FileName endswith strcat('x', DeviceName)",
        r'DeviceFileEvents | where FileName matches regex @"\d"',
        r'DeviceFileEvents | where FileName matches regex @"[a&&b]"',
        "DeviceFileEvents | where Timestamp < ago(1h)",
        "DeviceFileEvents | where not(Timestamp > ago(1h))",
        "DeviceFileEvents | where Timestamp > ago(10s)",
        "DeviceFileEvents | where Timestamp > datetime(2026-01-01)",
        "union DeviceFileEvents, DeviceNetworkEvents | where FileSize == 'x'",
        "DeviceNetworkEvents | where not(RemotePort > 5 and FileName == 'a')",
        "DeviceNetworkEvents | where not(ipv4_is_private(RemoteIP) or ipv6_is_in_range(RemoteIP, 'fc00::/7'))",
        "DeviceNetworkEvents | where ipv4_is_in_any_range(RemoteIP, '10.0.0.0/8', 'fc00::/7')",
        "DeviceNetworkEvents | where ipv6_is_in_range(RemoteIP, '::ffff:10.0.0.0/104')",
        "DeviceNetworkEvents | where ipv6_is_match(RemoteIP, '::10.0.0.1')",
        "DeviceFileEvents | where " + "(" * 100 + "true" + ")" * 100,
        "DeviceNetworkEvents | where RemotePort == " + "-" * 3000 + "1",
    ],
)
def test_out_of_fragment(text: str) -> None:
    """Valid KQL whose meaning single-row predicates cannot hold is refused as such, never read approximately."""
    with pytest.raises(OutOfFragment):
        read(text, SCHEMA)


def test_long_chains() -> None:
    """Length does not matter, only depth does, as in Kusto itself: a thousand alternatives in parentheses read."""
    tests = [f'FileName == "{n}"' for n in range(1000)]
    with pytest.raises(OutOfFragment, match="1008 levels deep"):
        one(f"DeviceFileEvents | where {' or '.join(tests)}")
    chain = " or ".join(f"({' or '.join(tests[n : n + 100])})" for n in range(0, 1000, 100))
    predicate = one(f"DeviceFileEvents | where {chain}").predicate
    assert holds(predicate, {"FileName": "999"})
    assert not holds(predicate, {"FileName": "1000"})


def test_every_error_is_ours() -> None:
    """Any prefix of a query either reads or raises one of the project's own errors."""
    for end in range(len(COMBINED)):
        try:
            read(COMBINED[:end], SCHEMA)
        except ParityError:
            continue
