"""How a native column's value is made of a Sigma field's value.

Each derivation is a function on scalars; None means that the column is left empty. `converter.platforms.inverse` holds
the inverse images of the same names over languages, and a law ties the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from converter.platforms.forms import form
from converter.platforms.halves import half_of, halves
from converter.platforms.ip_types import address_type

#: how Sysmon writes the data of a registry value that is a number of 32 bits
#: (https://github.com/splunk/security_content/blob/2a60eb067067ee88fa694f2ce41af70f0a3fa75a/data_sources/sysmon_eventid_13.yml
#: has one of 64 bits, `QWORD (0x…-0x…)`)
DWORD = r"DWORD \((0x[0-9a-f]{8})\)"
#: what separates the parts of a path, by product; a backslash where none is named
SEPARATORS = {"linux": "/", "macos": "/"}


def _same(value: Any) -> Any:
    return value


def _after(separator: str) -> Callable[[Any], Any]:
    """What follows the last separator, the whole if there is none."""
    return lambda value: str(value).rpartition(separator)[2]


def _before(separator: str) -> Callable[[Any], Any]:
    """What precedes the last separator, nothing if there is none."""
    return lambda value: str(value).rpartition(separator)[0] or None


def _leaf(value: Any) -> Any:
    """What follows the last backslash, nothing if there is none."""
    _, separator, name = str(value).rpartition("\\")
    return name if separator else None


def _lower(value: Any) -> Any:
    return str(value).lower()


def _ip_type(value: Any) -> Any:
    """The sort of an address, "" of what is none."""
    return address_type(str(value))


def _hex(value: Any) -> Any:
    """The number that a text like 0x3e7 stands for; nothing if it is none."""
    return int(str(value), 16) if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", str(value)) else None


def _dword(value: Any) -> Any:
    """The number, in digits, that Sysmon's `DWORD (0x…)` stands for; nothing for other data of a registry value."""
    found = re.fullmatch(DWORD, str(value))
    return None if found is None else str(int(found[1], 16))


def _hash(algorithm: str) -> Callable[[Any], Any]:
    """The value of one algorithm in `SHA1=…,MD5=…`, nothing if it is not among them."""

    def of(value: Any) -> Any:
        pairs = (part.partition("=") for part in str(value).split(","))
        return next((text for name, _, text in pairs if name.upper() == algorithm), None)

    return of


DERIVATIONS: dict[str, Callable[[Any], Any]] = {
    "same": _same,
    "basename": _after("\\"),
    "dirname": _before("\\"),
    "posix_basename": _after("/"),
    "posix_dirname": _before("/"),
    "leaf": _leaf,
    "lower": _lower,
    "ip_type": _ip_type,
    "hex": _hex,
    "dword": _dword,
    "unnumbered": _same,
}

#: These only say of which sort a value is: a column made so neither shows the value nor can be searched for it.
CLASSIFYING = frozenset({"ip_type"})


def is_whole(name: str) -> bool:
    """Whether a column made so holds the whole value, as it is, in lower case or in another form."""
    return name in ("same", "lower", "unnumbered") or name.startswith("form:")


def local(name: str, product: str | None) -> str:
    """The derivation as it is on a product whose paths have another separator."""
    moved = SEPARATORS.get(product or "") == "/" and name in ("basename", "dirname")
    return f"posix_{name}" if moved else name


def algorithm_of(name: str) -> str | None:
    """The algorithm of a derivation `hash:<ALGORITHM>`."""
    return name.removeprefix("hash:") if name.startswith("hash:") else None


def derive(name: str, value: Any) -> Any:
    """The native value for a Sigma value, None where the column is left empty; lists element by element."""
    if isinstance(value, list):
        return [item for item in (derive(name, element) for element in value) if item is not None]
    written, algorithm, side = form(name), algorithm_of(name), half_of(name)
    text = str(value) if written is None else written.value(str(value))
    if side is not None:
        return halves(text).get(side)
    if written is not None:
        return text
    return _hash(algorithm)(value) if algorithm else DERIVATIONS[name](value)
