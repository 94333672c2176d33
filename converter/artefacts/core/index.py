"""`output/artefacts.json`: which files below `output/` are artefacts, so that a build of the queries leaves them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: lists the committed artefacts, so that a build of the queries knows which other files are in their place
INDEX = "artefacts.json"


def index(files: Mapping[str, bytes], old: Mapping[str, Any] | None = None) -> bytes:
    """The list of committed artefacts with their hashes; `old` are the entries to keep, for a partial packaging."""
    entries = dict(old or {})
    entries |= {path: hashlib.sha256(data).hexdigest() for path, data in files.items() if not _bundle(path)}
    return (json.dumps({"artefacts": dict(sorted(entries.items()))}, indent=2) + "\n").encode()


def listed(root: Path) -> dict[str, str]:
    """path below `output/` -> hash, of the artefacts that were packaged there; empty when none were."""
    try:
        loaded = json.loads((root / "output" / INDEX).read_text("utf-8"))
        return {str(path): str(value) for path, value in loaded["artefacts"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _bundle(path: str) -> bool:
    return path.startswith("dist/")
