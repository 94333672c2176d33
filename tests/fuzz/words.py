"""What hostile inputs are made of."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

HEAD = "title: T\nid: 8a1b2c3d-0000-4000-8000-000000000001\nlogsource: {category: %s, product: windows}\ndetection:\n"
FIELDS = {
    "process_creation": ("CommandLine", "Image", "User", "ParentImage", "Hashes", "ProcessId", "IntegrityLevel"),
    "network_connection": ("DestinationIp", "DestinationPort", "Initiated", "DestinationHostname", "Image"),
    "file_event": ("TargetFilename", "Image"),
    "registry_set": ("TargetObject", "Details", "EventType"),
}
# fmt: off
MODIFIERS = (
    "", "contains", "startswith", "endswith", "re", "re|i", "windash|contains", "cased", "base64offset|contains",
    "wide|base64offset|contains", "contains|all", "cidr", "lt", "gte", "exists", "fieldref", "neq", "expand",
    "base64", "utf16le|base64", "re|m|s", "contains|cased", "startswith|cased",
)
# fmt: on

#: what stands for "somebody got out": no literal ends before it, and no query holds it outside of one
MARK = "zq9x"
# fmt: off
PIECES = [
    "'", '"', "`", "\\", "\\\\", "*", "?", "|", "/*", "*/", "//", "--", "#", "]", "[", "(", ")", "{", "}", "{{",
    "}}", "$x$", "%", "_", "\n", "\r", "\t", "\0", "\x1b", "\u2028", "\u202e", "\ufeff", "\U0001f600", "\ud7ff",
    "ß", "ſ", "K", "İ", "<", ">", "=", "!=", "~", "^", "&", ";", ":", ",", " or ", " AND ", " | ", "```", '"""',
    "@", "\\x41", "\\u0041", "\\n", "\\", "%41", "a", "cmd", " ", "  ", "-", "–", "/", "C:\\", "\\\\srv\\c$",
]
ODD: list[Any] = [
    None, True, False, 0, -1, 10**30, 1.5, "", " ", "x", "*", [], {}, [[]], [None], {"a": {}}, [{}], "2020-01-01",
    ["x", 1, None], {"x": ["y"]}, "\n", "a" * 500, {1: 2}, [True], "%x%", "1 of them",
]
REGEX = [
    "a", "b", ".", "\\d", "\\w", "\\s", "\\b", "^", "$", "\\A", "\\z", "\\Z", "[a-z]", "[^a]", "[[:alpha:]]", "(",
    ")", "(?:", "(?i)", "(?=", "(?!", "(?<=", "(?>", "(?<n>", "\\1", "*", "+", "?", "{2}", "{1,3}", "{,2}", "{0}",
    "{999}", "{65535}", "*?", "++", "|", "\\Q", "\\E", "\\x41", "\\x{41}", "\\p{L}", "\\.", "\\\\", "/", '"',
    "\\/", "\\-", "]", "[", "-", "#", "@", "<", "&", "~", "é", "ſ", "\n", " ", "\\h", "\\R", "\\K", "\\N", "(?#x)",
    "(?R)", "\\c", "\\0",
]
# fmt: on


def odd(rng: Random) -> Any:
    """One of ODD, for the taker to change."""
    return copy.deepcopy(rng.choice(ODD))
