"""How a native column's value is made of a Sigma field's value.

Each derivation is a total function on scalars. `converter.schemas.pullback` holds the inverse images of the same
names over languages, and a law ties the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from converter.schemas.ip_types import address_type


def _same(value: Any) -> Any:
    return value


def _basename(value: Any) -> Any:
    """What follows the last backslash: the file name of a Windows path, the account of `DOMAIN\\account`."""
    return str(value).rpartition("\\")[2]


def _dirname(value: Any) -> Any:
    """What precedes the last backslash, "" if there is none."""
    return str(value).rpartition("\\")[0]


def _lower(value: Any) -> Any:
    return str(value).lower()


def _trim(value: Any) -> Any:
    """Without white space at either end, as an ingest pipeline's `trim()` leaves it."""
    return str(value).strip(" \t\r\n\f\v")


def _ip_type(value: Any) -> Any:
    """The sort of an address, "" of what is none."""
    return address_type(str(value))


DERIVATIONS: dict[str, Callable[[Any], Any]] = {
    "same": _same,
    "basename": _basename,
    "dirname": _dirname,
    "lower": _lower,
    "trim": _trim,
    "ip_type": _ip_type,
}

#: These only say of which sort a value is: a column made so neither shows the value nor can be searched for it.
CLASSIFYING = frozenset({"ip_type"})


def derive(name: str, value: Any) -> Any:
    """The native value for a Sigma value; lists element by element."""
    if isinstance(value, list):
        return [DERIVATIONS[name](item) for item in value]
    return DERIVATIONS[name](value)
