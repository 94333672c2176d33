"""Rule files spoiled at random: lines lost, doubled and swapped, and anywhere what YAML or Sigma gives a meaning."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.project import ROOT

_YAML = (
    *("!!bool x", "!!int a", "!!float b", "!!timestamp c", "!!set {a, b}", "!!omap [a: 1]", "!!binary a", "!!str 5"),
    *("!!python/name:os.system", "!a b", "!!map x", "!!seq x", "&a ", "*a", "<<: *a", "? [a]", "{}", "[]", "null", "~"),
    *("yes", "0x10", "010", "1e5", "1.5", ".inf", ".nan", "2026-01-01", "1:30", "-0", "9" * 20, "=", "'", '"', ": "),
    *(
        '"\\ud83d"',
        '"\\x00"',
        '"\\u2028"',
        "|\n   x",
        "> \n",
        "- ",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "# c\n",
        "\t",
        "\r",
    ),
)
_SIGMA = (
    *("not ", "and", "or ", "of", "1 of them", "all of x*", "(", ")", "|contains", "|all", "|re", "|cidr", "|exists"),
    *("|expand", "%x%", "|base64", "|wide", "|hour", "|fieldref", "|neq", "|cased", "|windash", "|utf16", "|lt", "\\"),
    *("*", "?", "[a-", "(?i)", "\\x{1}", "{,5}", "correlation:", "filter:", "action: global", "id: 5", "title: [a]"),
    *("fields: {a: b}", "tags: 5", "logsource: 5", "detection: 5", "condition: 5", "condition: [a, 5]"),
)
_ODD = "\x00\x07\x0b\x1b\x7f\x85\u2028\ufeff\ufffe\U0001f600é"
_OF_EVERY_KIND = """\
title: Of every kind
id: 0c7d6a52-0d0a-4b52-9a39-6f8f0f3c1a01
logsource: {category: process_creation, product: windows}
fields: [Image]
level: high
parity: {records: [file_change]}
detection:
    sel:
        Image|endswith: ['\\one.exe', two]
        CommandLine|windash|contains: ' -k'
        User|re|i: 'a.*b'
        ProcessId|lt: 5
    list:
        - SourceIp|cidr: 10.0.0.0/8
        - CommandLine|base64offset|contains: needle
    third: {ParentImage: null, Product|exists: true}
    condition: sel and not 1 of l* or (third)
"""


def texts(seed: int) -> Iterator[str]:
    """Spoiled rule files without end, the same for the same seed."""
    dice = random.Random(seed)
    whole = [_OF_EVERY_KIND, *(path.read_text("utf-8") for path in sorted((ROOT / "sigma").rglob("*.yml")))]
    while True:
        text = dice.choice(whole)
        for _ in range(dice.choice((1, 1, 2, 3, 5))):
            text = _spoiled(text, dice)
        yield text


def _spoiled(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text) + 1)
    token = dice.choice(dice.choice((_YAML, _SIGMA)))
    lines = text.split("\n")
    number = dice.randrange(len(lines))
    head, colon, tail = lines[number].partition(":")
    way = dice.choice(("put", "put", "cut", "value", "value", "key", "double", "odd"))
    if way == "put":
        return text[:at] + token + text[at:]
    if way == "cut":
        return text[:at] + text[at + dice.randrange(1, 30) :]
    if way == "odd":
        return text[:at] + dice.choice(_ODD) + text[at:]
    if way == "double":
        lines.insert(dice.randrange(len(lines)), lines[number])
    else:
        lines[number] = f"{head}: {token}" if way == "value" else f"{head}{token}{colon}{tail}"
    return "\n".join(lines)
