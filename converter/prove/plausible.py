"""Example events made easier to believe: `C:\\Windows\\System32\\cmd.exe` rather than `\\x\\cmd.exe`.

What a usual path looks like is read off the samples of its field, which come from Sigma's taxonomy. Each change is kept
only if the event still shows what it was found to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from converter.core.taxonomy import FieldType, field_type
from converter.semantics.decide.domain import Domain
from converter.semantics.decide.evaluate import matches

_SEPARATORS = ("\\", "/")


def plausible(event: Mapping[str, Any], domain: Domain, confirms: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """`event` with more usual values where `confirms` and the domain allow them."""
    current = dict(event)
    for name, value in event.items():
        if not isinstance(value, str):
            continue
        for better in _better(name, value, domain):
            trial = {**current, name: better}
            if matches(domain.of(name).language, better) and confirms(trial):
                current = trial
                break
    return current


def _better(name: str, value: str, domain: Domain) -> Iterator[str]:
    """More usual values, best first."""
    if field_type(name) is FieldType.PATH:
        for sample in domain.of(name).samples:
            yield from _paths(value, str(sample))
    if ":" in value:
        try:
            address = ip_address(value)
        except ValueError:
            return
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:
            yield str(mapped)


def _paths(value: str, sample: str) -> Iterator[str]:
    """A path that begins with a separator, in the sample's folder or on its drive."""
    separator = next((one for one in _SEPARATORS if one in sample), None)
    if separator is None or not value.startswith(separator):
        return
    named = value.replace(separator + ".", separator + "file.")
    folder, _, last = named.rpartition(separator)
    if folder in ("", separator + "x"):
        yield sample.rpartition(separator)[0] + separator + last
    drive = sample.partition(separator)[0]
    yield drive + named
    yield drive + value
