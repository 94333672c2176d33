"""Splunk's .conf syntax: stanzas of `key = value`, a value's line break written as a backslash before it.

https://docs.splunk.com/Documentation/Splunk/latest/Admin/Howtoeditaconfigurationfile and the head of every .spec file:
a backslash at the end of a line continues the value on the next one, and the break stays part of the value. Nothing
else is escaped, so what the syntax cannot carry is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from converter.core.errors import ParityError

Stanza = Mapping[str, str]


def conf(stanzas: Mapping[str, Stanza], heading: str = "") -> str:
    """The text of a .conf file, stanzas and keys in the order given; `heading` becomes comment lines. The stanza with
    the empty name speaks of everything: a .meta file has one.

    Raises ParityError for a name, key or value that would be read back as something else.
    """
    blocks = ["".join(f"# {line}\n" for line in heading.splitlines())] if heading else []
    for name, settings in stanzas.items():
        if name != name.strip() or re.search(r"[\[\]\r\n]", name):
            raise ParityError(f"{name!r} cannot name a stanza", hint="leave out brackets and line breaks")
        lines = [f"{_key(key)} = {_value(key, value)}\n" for key, value in settings.items()]
        blocks.append(f"[{name}]\n" + "".join(lines))
    return "\n".join(blocks)


def untokened(text: str) -> str:
    """A text in which an alert action finds no token: between two dollar signs it would put a field's value
    (https://docs.splunk.com/Documentation/Splunk/latest/Alert/EmailNotificationTokens), and "C$ and ADMIN$" lose a
    word. No escape is documented, so the signs are full-width ones, which read the same; a single one is no token."""
    return text.replace("$", "\uff04") if text.count("$") > 1 else text


def _key(key: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]*", key):
        raise ParityError(f"{key!r} cannot be a setting of a .conf file")
    return key


def _value(key: str, value: str) -> str:
    lines = value.split("\n")
    if value != value.strip():
        raise ParityError(f"the value of {key} begins or ends with white space, which Splunk would drop")
    if any(line.endswith("\\") for line in lines):
        raise ParityError(f"a line of {key} ends in a backslash, which Splunk would take for a continued line")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", value):
        raise ParityError(f"the value of {key} has a control character")
    return "\\\n".join(lines)
