"""Example events made easier to believe: `C:\\Windows\\System32\\cmd.exe` rather than `\\x\\cmd.exe`.

Each change is kept only if the event still shows what it was found to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from converter.semantics.domain import Domain
from converter.semantics.evaluate import matches

_SYSTEM = "C:\\Windows\\System32\\"
_TOOLS = (
    "bitsadmin certutil cmd cscript hostname ipconfig msiexec mshta net net1 netstat nltest nslookup ping powershell "
    "regsvr32 rundll32 svchost systeminfo whoami wmic wscript"
)
_SYSTEM_TOOLS = frozenset(f"{name}.exe" for name in _TOOLS.split())
_PROGRAMS = "C:\\Program Files\\App\\"


def plausible(event: Mapping[str, Any], domain: Domain, confirms: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """`event` with more usual values where `confirms` and the domain allow them."""
    current = dict(event)
    for name, value in event.items():
        if not isinstance(value, str):
            continue
        for better in _better(value):
            trial = {**current, name: better}
            if matches(domain.of(name).language, better) and confirms(trial):
                current = trial
                break
    return current


def _better(value: str) -> Iterator[str]:
    """More usual values, best first."""
    if value.startswith("\\"):
        named = value.replace("\\.", "\\file.")
        folder, _, name = named.rpartition("\\")
        if folder in ("", "\\x"):
            if name.lower() in _SYSTEM_TOOLS:
                yield _SYSTEM + name
            yield _PROGRAMS + name
        yield "C:" + named
        yield "C:" + value
    if ":" in value:
        try:
            address = ip_address(value)
        except ValueError:
            return
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:
            yield str(mapped)
