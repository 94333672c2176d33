"""The laws of the KQL engine: what Kusto documents (or its emulator showed) holds of the rows that DuckDB returns."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from converter.core.errors import EngineUnavailable, NotRepresentable, QueryError
from converter.core.platform import Record
from converter.engines.kql.duckdb_engine import ENGINE, DuckDbKql
from tests.support.schemas import columns_only

COMMON = {"Timestamp": "datetime", "ReportId": "long", "FileName": "string", "FolderPath": "string"}
SCHEMA = columns_only(
    time="Timestamp",
    identity="ReportId",
    missing="empty",
    types={
        "Processes": COMMON | {"AccountName": "string", "Size": "long", "Remote": "bool", "More": "dynamic"},
        "Connections": COMMON | {"RemoteIP": "string", "RemotePort": "int"},
    },
)


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def connection(report: int = 1, **fields: Any) -> Record:
    return Record("Connections", {"ReportId": report, "Timestamp": ago(minutes=1), **fields})


def process(report: int = 2, **fields: Any) -> Record:
    return Record("Processes", {"ReportId": report, "Timestamp": ago(minutes=1), **fields})


def rows(text: str, *records: Record) -> list[Any]:
    return [hit.row for hit in ENGINE.run(text, records, SCHEMA)]


def value(expression: str, **fields: Any) -> Any:
    """What `expression` is for one connection: True, False or None for null."""
    return rows(f"Connections | project ReportId, x = {expression}", connection(**fields))[0]["x"]


@pytest.mark.parametrize(
    ("address", "ranges", "expected"),
    [
        ("10.0.0.0", '"10.0.0.0/8"', True),
        ("10.255.255.255", '"10.0.0.0/8"', True),
        ("9.255.255.255", '"10.0.0.0/8"', False),
        ("11.0.0.0", '"10.0.0.0/8"', False),
        ("172.31.255.255", '"172.16.0.0/12"', True),
        ("172.32.0.0", '"172.16.0.0/12"', False),
        ("192.168.1.6", '"192.168.1.1/24"', True),
        ("192.168.1.1", '"192.168.1.1"', True),
        ("192.168.1.2", '"192.168.1.1"', False),
        ("1.2.3.4", '"0.0.0.0/0"', True),
        (" 10.0.0.1", '"10.0.0.0/8"', True),
        ("10.0.0.01", '"10.0.0.0/8"', None),
        ("10.0.0.256", '"10.0.0.0/8"', None),
        ("::ffff:10.0.0.1", '"10.0.0.0/8"', None),
        ("fe80::1", '"10.0.0.0/8"', None),
        ("localhost", '"10.0.0.0/8"', None),
        ("", '"10.0.0.0/8"', None),
        ("10.0.0.1", '"fc00::/7"', None),
        ("10.0.0.1", '"10.0.0.0/33"', None),
    ],
)
def test_ipv4_ranges_include_both_ends_and_unreadable_text_is_null(address: str, ranges: str, expected: Any) -> None:
    """`ipv4_is_in_range` and, of one range, `ipv4_is_in_any_range` answer alike; null is not false."""
    assert value(f"ipv4_is_in_range(RemoteIP, {ranges})", RemoteIP=address) is expected
    assert value(f"ipv4_is_in_any_range(RemoteIP, {ranges})", RemoteIP=address) is expected
    # the same range as a value of the row, which is parsed by the database instead of beforehand
    assert value("ipv4_is_in_range(RemoteIP, FileName)", RemoteIP=address, FileName=ranges.strip('"')) is expected


@pytest.mark.parametrize(
    ("address", "ranges", "expected"),
    [
        ("fc00::", '"fc00::/7"', True),
        ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", '"fc00::/7"', True),
        ("fe00::", '"fc00::/7"', False),
        ("fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", '"fc00::/7"', False),
        ("::1", '"::1/128"', True),
        ("::2", '"::1/128"', False),
        ("0:0:0:0:0:0:0:1", '"::1"', True),
        ("FE80::1%eth0", '"fe80::/10"', True),
        ("::ffff:10.1.2.3", '"::ffff:0:0/96"', True),
        ("::ffff:10.1.2.3", '"::ffff:10.0.0.0/8"', True),
        ("::ffff:11.1.2.3", '"::ffff:10.0.0.0/8"', False),
        ("10.1.2.3", '"10.0.0.0/8"', True),
        ("10.1.2.3", '"fc00::/7"', False),
        ("1::2::3", '"fc00::/7"', None),
        ("1:2:3:4:5:6:7", '"fc00::/7"', None),
        ("1:2:3:4:5:6:7:8:9", '"fc00::/7"', None),
        (":1::2", '"fc00::/7"', None),
        ("1:2:3:4:5:6:7::", '"fc00::/7"', False),
        ("1:2:3:4::5:6:7:8", '"fc00::/7"', None),
        ("12345::", '"fc00::/7"', None),
        ("", '"fc00::/7"', None),
        ("fc00::", '"fc00::/129"', None),
    ],
)
def test_ipv6_ranges_read_ipv4_as_mapped(address: str, ranges: str, expected: Any) -> None:
    """`ipv6_is_in_range` takes both families and answers null, not false, for text that is no address."""
    assert value(f"ipv6_is_in_range(RemoteIP, {ranges})", RemoteIP=address) is expected
    assert value(f"ipv6_is_in_any_range(RemoteIP, {ranges})", RemoteIP=address) is expected
    assert value("ipv6_is_in_range(RemoteIP, FileName)", RemoteIP=address, FileName=ranges.strip('"')) is expected


def test_any_range_is_true_when_one_of_the_ranges_holds_the_address() -> None:
    """Several ranges are alternatives, given one by one or as a dynamic array."""
    for ranges in ('"10.0.0.0/8", "127.0.0.0/8"', 'dynamic(["10.0.0.0/8", "127.0.0.0/8"])'):
        assert value(f"ipv4_is_in_any_range(RemoteIP, {ranges})", RemoteIP="127.1.2.3") is True
        assert value(f"ipv4_is_in_any_range(RemoteIP, {ranges})", RemoteIP="128.0.0.0") is False
        assert value(f"ipv4_is_in_any_range(RemoteIP, {ranges})", RemoteIP="x") is None
    assert value('ipv6_is_in_any_range(RemoteIP, "::1/128", "fe80::/10")', RemoteIP="febf::1") is True
    assert value('ipv6_is_in_any_range(RemoteIP, "::1/128", "fe80::/10")', RemoteIP="fec0::1") is False


@pytest.mark.parametrize(
    "expression",
    ['ipv4_is_in_any_range(RemoteIP, "nonsense", "10.0.0.0/8")', 'ipv4_is_in_range("10.0.0.1/24", "10.0.0.0/8")'],
)
def test_ip_calls_without_a_documented_answer_are_refused(expression: str) -> None:
    """One bad range among several, or an address with a prefix, is an error and not a guess."""
    with pytest.raises(QueryError, match="documents no answer"):
        value(expression, RemoteIP="10.0.0.1")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('ipv4_is_private("10.255.255.255")', True),
        ('ipv4_is_private("172.15.255.255")', False),
        ('ipv4_is_private("172.16.0.0")', True),
        ('ipv4_is_private("192.168.1.1/24")', True),
        ('ipv4_is_private("192.169.0.0")', False),
        ('ipv4_is_private("127.0.0.1")', False),
        ('ipv4_is_private("fd00::1")', None),
        ('ipv4_is_private("")', None),
        ('ipv4_is_match("192.168.1.1/24", "192.168.1.255/24")', True),
        ('ipv4_is_match("192.168.1.1", "192.168.1.255")', False),
        ('ipv4_is_match("192.168.1.1", "192.168.1.255/24")', True),
        ('ipv4_is_match("192.168.1.1", "192.168.1.255", 24)', True),
        ('ipv4_is_match("192.168.1.1", "192.168.1.255", 25)', False),
        ('ipv4_is_match("192.168.1.1", "::1")', None),
        ('ipv4_compare("192.168.1.1/24", "192.168.1.255", 31)', 0),
        ('ipv4_compare("1.2.3.4", "1.2.3.5")', -1),
        ('ipv4_compare("1.2.3.10", "1.2.3.9")', 1),
        ('ipv4_compare("1.2.3.4", "")', None),
        ('ipv6_is_match("::ffff:7f00:1", "127.0.0.1")', True),
        ('ipv6_is_match("192.168.1.1/24", "192.168.1.255/24")', True),
        ('ipv6_is_match("192.168.1.1", "192.168.1.255", 120)', True),
        ('ipv6_is_match("192.168.1.1", "192.168.1.255", 121)', False),
        ('ipv6_is_match("fe80::85d:e82c:9446:7994", "fe80::85d:e82c:9446:7995", 127)', True),
        ('ipv6_is_match("fe80::1", "nonsense")', None),
        ('ipv6_compare("fe80::a", "fe80::9")', 1),
        ('ipv6_compare("fe80::1", "fe80::2")', -1),
        ('ipv6_compare("fe80::1", "fe80:0::1")', 0),
        ('ipv6_compare("fe80::1", "")', None),
    ],
)
def test_private_match_and_compare(expression: str, expected: Any) -> None:
    """Matching and comparing look at the bits that the shortest prefix leaves; private is RFC 1918."""
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("text", "needle", "expected"),
    [
        ("shell.asp", ".asp", True),
        ("shell.asp;.jpg", ".asp", True),
        ("shell.aspx", ".asp", False),
        ("shell.asp_old", ".asp", True),
        ("shell.aspé", ".asp", False),
        ("shell.asp1", ".asp", False),
        ("SHELL.ASP", ".asp", True),
        (r"C:\inetpub\wwwroot", r"\inetpub\\"[:-1], True),
        (r"C:\xinetpub\wwwroot", "inetpub", False),
        ("my_shell", "shell", True),
        ("errors", "error", False),
        ("a-b", "a b", False),
        ("", "x", False),
    ],
)
def test_has_needs_no_letter_or_digit_beside_the_ends_of_the_needle(text: str, needle: str, expected: bool) -> None:
    """A boundary is wanted only where the needle itself ends in a letter or digit; underscore is a separator."""
    literal = '@"' + needle + '"'
    assert value(f"FileName has {literal}", FileName=text) is expected
    assert value(f"FileName !has {literal}", FileName=text) is not expected
    assert value(f'FileName has_any ({literal}, "zzz")', FileName=text) is expected
    assert value(f'FileName has_all ({literal}, "zzz")', FileName=text + " zzz") is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('FileName =~ "CMD.EXE"', True),
        ('FileName == "CMD.EXE"', False),
        ('FileName !~ "CMD.EXE"', False),
        ('FileName in~ ("CMD.EXE", "x")', True),
        ('FileName in ("CMD.EXE", "x")', False),
        ('FileName !in~ ("CMD.EXE", "x")', False),
        ('FileName startswith "CM"', True),
        ('FileName startswith_cs "CM"', False),
        ('FileName endswith ".EXE"', True),
        ('FileName endswith_cs ".EXE"', False),
        ('FileName contains "MD.E"', True),
        ('FileName contains_cs "MD.E"', False),
        ('FileName contains "c%d"', False),
        ('FileName contains "c_d"', False),
        ('FileName matches regex "md"', True),
        ('FileName matches regex "MD"', False),
        ('FileName matches regex "(?i)MD"', True),
        ('FileName matches regex "^md"', False),
        ('tolower("CMD.exe") == FileName', True),
        ('FolderPath =~ strcat(@"c:\\windows\\", FileName)', True),
        ('FolderPath endswith @"\\cmd.exe"', True),
        ('FolderPath contains "s\\\\c"', True),
        ('"say " "x" == "say x"', True),
        ('@"say ""x""" == "say \\"x\\""', True),
    ],
)
def test_case_wildcards_and_quoting(expression: str, expected: bool) -> None:
    """`~` and the plain string operators ignore case, `==`, `in`, `_cs` and regexes do not; `%` and `_` are literal."""
    assert value(expression, FileName="cmd.exe", FolderPath="C:\\Windows\\cmd.exe") is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("RemotePort == 80", False),
        ("RemotePort != 80", True),
        ("RemotePort in (80, 443)", False),
        ("RemotePort !in (80, 443)", True),
        ("not(RemotePort == 80)", True),
        ("not(RemotePort in (80, 443))", True),
        ("RemotePort > 80", None),
        ("not(RemotePort > 80)", None),
        ("RemotePort between (1 .. 80)", None),
        ("not(coalesce(RemotePort > 80, false))", True),
        ("isnull(RemotePort)", True),
        ("isnull(FileName)", False),
        ("isempty(FileName)", True),
        ('FileName == ""', True),
        ('FileName != "x"', True),
        ("not(bool(null))", None),
        ("bool(null) or true", True),
        ("bool(null) and false", False),
        ("coalesce(ipv4_is_private(RemoteIP), false)", False),
        ('coalesce(FileName, "other") == "other"', True),
    ],
)
def test_missing_values(expression: str, expected: Any) -> None:
    """A missing number is null, for which `==` and `in` are false but `<` is null; a missing string is empty."""
    assert value(expression) is expected


def test_a_null_condition_drops_the_row() -> None:
    """`where` keeps a row only for true, so neither a null nor its negation does."""
    for condition in ("RemotePort > 80", "not(RemotePort > 80)", "not(ipv4_is_private(RemoteIP))"):
        assert rows(f"Connections | where {condition} | project ReportId", connection()) == []


@pytest.mark.parametrize(
    "condition",
    [
        'not(RemotePort > 80 and FileName == "x")',
        "not(ipv4_is_private(RemoteIP) or RemotePort == 80)",
        "RemotePort == 1 and not(RemotePort == 80 or not(RemotePort between (1 .. 2)))",
    ],
)
def test_undocumented_null_logic_is_refused(condition: str) -> None:
    """What `and` and `or` make of null shows below a `not` only, and there it is refused rather than guessed."""
    with pytest.raises(QueryError, match="coalesce"):
        rows(f"Connections | where {condition} | project ReportId", connection())


UNION = """
// Title of the detection
// a second line with "quotes" and 'more
let Spawn = Processes
    | where Timestamp > ago(24h)
    | where FileName in~ ("cmd.exe") // trailing
    | extend DetectionType = "Spawn";
let Net = Connections
    | where Timestamp > ago(24h)
    | where RemotePort !in (80, 443)
    | extend DetectionType = "Net";
union Spawn, Net
| project Timestamp, ReportId, DetectionType, Name = AccountName, RemoteIP, RemotePort, More
| sort by Timestamp desc
"""


def test_a_combined_detection_returns_labelled_rows_in_order() -> None:
    """`let`, `union`, labels, the window and the order of rows; what one arm lacks is '' for strings, else null."""
    records = (
        process(1, FileName="CMD.EXE", AccountName="bob", Timestamp=ago(hours=2), More={"a": [1]}),
        connection(2, RemoteIP="8.8.8.8", RemotePort=4444, Timestamp=ago(hours=1)),
        connection(3, RemotePort=443),
        process(4, FileName="cmd.exe", Timestamp=ago(hours=25)),
        connection(5, Timestamp=ago(hours=3)),
    )
    hits = ENGINE.run(UNION, records, SCHEMA)
    assert [hit.position for hit in hits] == [1, 0, 4]
    assert [hit.row["DetectionType"] for hit in hits] == ["Net", "Spawn", "Net"]
    assert hits[0].row["Name"] == ""
    assert hits[1].row == {
        "Timestamp": records[0].fields["Timestamp"],
        "ReportId": 1,
        "DetectionType": "Spawn",
        "Name": "bob",
        "RemoteIP": "",
        "RemotePort": None,
        "More": {"a": [1]},
    }


def test_a_union_pads_strings_with_the_empty_string_before_further_operators() -> None:
    """A string that one arm of a union lacks equals "" and is never null."""
    query = 'union Processes, Connections | where RemoteIP == "" and not(isnull(RemoteIP)) | project ReportId'
    assert [row["ReportId"] for row in rows(query, process(1), connection(2, RemoteIP="8.8.8.8"))] == [1]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('Processes | where filename == "x" | project ReportId', "FileName"),
        ("Processes | project reportid", "ReportId"),
        ("Processes | project-away filename", "FileName"),
        ("processes | project ReportId", "Processes"),
        ("Nothing | project ReportId", "unknown table"),
        ("Processes | where Nothing == 1 | project ReportId", "Nothing"),
        ('Connections | where RemotePort in~ ("80") | project ReportId', "compared with text"),
        ('Connections | where RemotePort in ("80") | project ReportId', "compared with text"),
        ('Connections | where RemotePort == "80" | project ReportId', "compared with text"),
        ('Connections | where RemotePort has "80" | project ReportId', "compared with text"),
        ("Connections | where RemoteIP == 80 | project ReportId", "compared with a number"),
        (r'Connections | where RemoteIP == "\u0041" | project ReportId', "escape"),
        (r"Connections | where RemoteIP == '\x41' | project ReportId", "escape"),
        ("Connections | where RemoteIP matches regex '(?=a)' | project ReportId", "lookaround"),
        ("Connections | where RemoteIP matches regex '(a' | project ReportId", "DuckDB"),
        ("Connections | where unknown_function(RemoteIP) | project ReportId", "unknown_function"),
        ("Connections | where", "parse"),
        ("Connections | join Processes on ReportId", "innerunique"),
        ('database("x").Connections | project ReportId', "schema's own tables"),
        ("print ReportId = 1", "schema's own tables"),
        ("Connections | project RemoteIP", "ReportId"),
        ("Connections | project ReportId = 99", "no record"),
        ("", "refuses"),
    ],
)
def test_what_kusto_rejects_or_we_never_compared_is_refused(query: str, message: str) -> None:
    """Nothing is guessed or skipped: an unknown name, a type that does not fit, an operator outside the fragment."""
    with pytest.raises(QueryError, match=message):
        rows(query, connection())


def test_an_escape_inside_a_comment_or_verbatim_string_is_no_escape() -> None:
    """Only ordinary string literals have escapes."""
    query = 'Connections // "\\u0041\n| where FolderPath == @"\\u0041" | project ReportId'
    assert rows(query, connection(FolderPath="\\u0041")) == [{"ReportId": 1}]


@pytest.mark.parametrize(
    "records",
    [
        [connection(1), connection(1)],
        [Record("Connections", {"FileName": "x"})],
        [connection(1, RemotePort="80")],
        [connection(1, RemotePort=True)],
        [connection(1, FileName=5)],
        [connection(1, Unheard="x")],
        [Record("Unheard", {"ReportId": 1})],
    ],
)
def test_a_record_that_its_table_cannot_hold_is_an_error(records: list[Record]) -> None:
    """Loading checks identities, names and types: a value is never converted in silence."""
    with pytest.raises(NotRepresentable):
        ENGINE.run("Connections | project ReportId", records, SCHEMA)


def test_text_of_any_kind_survives_loading() -> None:
    """Non-ASCII, quotes, control characters and text that looks like JSON come back as they were."""
    for text in ("é😀", "a\"b'c\\d", "line\nbreak\ttab\x00nul", "{not: json}", "null", " "):
        assert rows("Connections | project ReportId, FileName", connection(FileName=text))[0]["FileName"] == text


def test_loaded_records_are_kept_and_other_records_are_not_mistaken_for_them() -> None:
    """The same records cost one load, whatever list they come in; a set that was not seen is loaded."""
    engine = DuckDbKql()
    records = [connection(number) for number in range(3)]
    query = "Connections | project ReportId"
    assert len(engine.run(query, records, SCHEMA)) == 3
    assert len(engine.run(query, list(records), SCHEMA)) == 3
    assert len(engine._sets) == 1
    assert len(engine.run(query, records[:2], SCHEMA)) == 2
    for number in range(20):
        assert engine.run(query, [connection(number)], SCHEMA)[0].row == {"ReportId": number}
    assert len(engine._sets) <= engine._SETS


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '/tmp/never.csv'",
        "ATTACH '/tmp/never.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET threads = 2",
    ],
)
def test_the_database_reaches_nothing_outside(sql: str) -> None:
    """Not even SQL of one's own reads or writes a file there, loads an extension, or changes what is allowed."""
    engine = DuckDbKql()
    engine.run("Connections", [], SCHEMA)
    with pytest.raises(Exception, match=r"(?i)permission error|locked|disabled"):
        engine._connection.execute(sql)


def test_without_duckdb_the_engine_is_unavailable_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is EngineUnavailable, so its checks read NOT_RUN."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(EngineUnavailable, match="pip install"):
        DuckDbKql().run("Connections | project ReportId", [], SCHEMA)
