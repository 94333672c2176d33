"""Which versions of Python distributions engines run on."""

from __future__ import annotations

import importlib.metadata
import re

from converter.core.errors import EngineUnavailable

#: The distribution that Parity itself is, whose metadata pin the others.
PARITY = "sigma-parity"


def distributions(*names: str) -> str:
    """The installed versions ("duckdb 2.0.0, duckdb-kql 1.1.2").

    Raises EngineUnavailable for the first that is not installed, with the command that brings the version Parity pins.
    """
    found = []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            raise EngineUnavailable(f"{name} is not installed", hint=f"pip install '{_requirement(name)}'") from None
    return ", ".join(found)


def _requirement(name: str) -> str:
    """The distribution with its version as Parity's own metadata have it."""
    try:
        wanted = importlib.metadata.requires(PARITY) or []
    except importlib.metadata.PackageNotFoundError:
        wanted = []
    pinned = (line.partition(";")[0].strip() for line in wanted if re.match(rf"{re.escape(name)}[=\[]", line))
    return next(pinned, name)
