"""Records with everything in them that readers and engines may stumble over, as one Elastic index.

`k`, `w`, `n`, `i`, `b`, `ip` hold one value or none, `m` and `ns` may hold several, `_id` is the position. Values
of each sort are in records of their own, and in some beside each other, so that conditions on two columns meet.
"""

from __future__ import annotations

from typing import Any

from converter.core.model import LogSource
from converter.core.platform import Column, Kind, Record, Schema

TABLE = "logs-fuzz-default"
TIME = "2026-03-01T18:00:00.000Z"
TYPES = {
    "@timestamp": "date",
    "k": "keyword",
    "w": "wildcard",
    "m": "keyword",
    "n": "long",
    "i": "integer",
    "ns": "long",
    "b": "boolean",
    "ip": "ip",
    "event.category": "keyword",
}
#: columns that hold several values in some record; a reader of ES|QL is told
ARRAYS = ("m", "ns")

#: letters whose cases are no pair, or one beyond ASCII or the basic plane, among others that are easily taken for them
LETTERS = ["ß", "SS", "ss", "ẞ", "İ", "i", "I", "ı", "i\u0307", "ſ", "s", "S", "\u212a", "k", "K", "ǅ", "ǆ", "Ǆ", "ς"]
LETTERS += [
    "σ",
    "Σ",
    "µ",
    "μ",
    "Μ",
    "é",
    "É",
    "e\u0301",
    "E\u0301",
    "å",
    "Å",
    "\u212b",
    "ω",
    "Ω",
    "\u2126",
    "θ",
    "Θ",
    "ϑ",
]
LETTERS += ["ϴ", "\U00010400", "\U00010428", "\U0001f600", "ж", "Ж", "ŉ", "ʼN", "ﬀ", "FF", "ΐ", "Ȿ", "ȿ", "ᲀ", "в", "В"]
SIGNS = ["*", "?", "\\", "a*b", "a?b", "C:\\Temp\\x", "a/b", '"', "'", "(a)", "[a]", "{a}", "a|b", "a+b", "a-b", "^a"]
SIGNS += ["a$", "~", "#", "@", "&", "<1-3>", "%", ".", "..", "a:b", "a,b", "a=b", "!", "\\*", "\\\\", "//", "`", "AND"]
BLANKS = [
    "",
    " ",
    " a",
    "a ",
    "a b",
    "\t",
    "\n",
    "a\nb",
    "\x0b",
    "\x0c",
    "\r",
    "\u00a0",
    "\u3000",
    "\u2028",
    "\x00",
    "\x7f",
]
WORDS = [
    "a",
    "A",
    "b",
    "ab",
    "Ab",
    "aB",
    "abc",
    "cmd",
    "cmd.exe",
    "CMD.EXE",
    "x.cmd",
    "null",
    "true",
    "TRUE",
    "not",
    "OR",
]
WORDS += ["0", "7", "10", "-1", "1.5", "10.0.0.1", "::1", "aab", "aaaaaab", "abcabc", "2024-01-01"]
LONG = ["x" * 1025, "é" * 600, "a" * 300 + "b", "\U0001f600" * 501, "ab" * 520]
TEXTS = [*WORDS, *LETTERS, *SIGNS, *BLANKS, *LONG]
INTEGERS = [0, 1, -1, 5, 10, 80, 65535, 2**31 - 1, -(2**31)]
LONGS = [*INTEGERS, 2**31, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
ADDRESSES = [
    "10.0.0.1",
    "10.255.255.255",
    "11.0.0.0",
    "192.168.1.7",
    "0.0.0.0",
    "255.255.255.255",
    "::",
    "::1",
    "fd00::1",
]
ADDRESSES += ["2001:db8::5", "2001:DB8:0:0::5", "::ffff:10.0.0.1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1"]
LISTS: list[list[Any]] = [
    [],
    [None],
    ["a"],
    ["a", "a"],
    ["a", "b"],
    ["A", "É"],
    ["", "x"],
    [None, "a"],
    ["cmd.exe", "ß", "K"],
]


def schema() -> Schema:
    """The mapping, with the columns that may hold several values declared as such."""
    columns = tuple(Column(name, type_, name, array=name in ARRAYS) for name, type_ in TYPES.items())
    kind = Kind("fuzz/one", LogSource("windows", "fuzz"), TABLE, columns)
    return Schema("fuzz", "Fuzz", (kind,), (), "@timestamp", "_id", "absent", {TABLE: TYPES})


def rows() -> list[dict[str, Any]]:
    """The records' fields, always the same."""
    out: list[dict[str, Any]] = [{}]
    out += [{"k": text, "w": TEXTS[-at - 1]} for at, text in enumerate(TEXTS)]
    out += [{"k": None}, {"k": ["a"]}, {"k": 12}, {"k": True}, {"w": []}, {"m": "a", "k": "b", "w": "A"}]
    out += [{"m": items, "k": "a"} for items in LISTS] + [{"m": items} for items in LISTS]
    out += [{"m": text} for text in (*WORDS[:9], *LETTERS[:12])]
    out += [{"n": number, "k": str(number)} for number in LONGS] + [
        {"i": number, "n": number + 1} for number in INTEGERS
    ]
    out += [
        {"n": "80"},
        {"i": "5", "b": "true"},
        {"ns": [1, 2]},
        {"ns": [5, 5]},
        {"ns": []},
        {"ns": [80, 2**53 + 1]},
        {"ns": 5},
    ]
    out += [{"b": True}, {"b": False, "k": "a"}, {"b": "false", "n": 5}]
    out += [{"ip": address, "k": address} for address in ADDRESSES]
    out += [{"ip": "10.0.0.1", "b": True, "n": 80, "i": 80, "k": "cmd.exe", "w": "CMD.EXE", "m": ["x", "cmd"]}]
    return out


def records() -> list[Record]:
    """The records; every second one is of the category `process`, every third of none."""
    found = []
    for at, fields in enumerate(rows()):
        category = {} if at % 3 == 2 else {"event.category": "process" if at % 2 else "File"}
        found.append(Record(TABLE, {"@timestamp": TIME, "_id": str(at), **category, **fields}))
    return found
