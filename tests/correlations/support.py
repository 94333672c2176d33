"""Rules and correlations for the tests, as files and as they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from converter.build.named import Named, find

BASE = """
title: Shell
id: 5638f7c0-ac70-491d-8465-2a65075e0d86
name: shell
logsource: {product: windows, category: process_creation}
detection:
    selection: {Image|endswith: '\\cmd.exe'}
    condition: selection
---
title: Reconnaissance
id: 5638f7c0-ac70-491d-8465-2a65075e0d87
name: recon
logsource: {product: windows, category: process_creation}
detection:
    selection: {Image|endswith: '\\whoami.exe'}
    condition: selection
---
title: Drop
id: 5638f7c0-ac70-491d-8465-2a65075e0d88
name: drop
logsource: {product: windows, category: file_event}
detection:
    selection: {TargetFilename|endswith: '.exe'}
    condition: selection
"""
ID = "0e95725d-7320-415d-80f7-004da920fc11"


def a_file(folder: Path, *sections: dict[str, Any] | str, base: str = BASE) -> Path:
    """A file of correlations, given by their `correlation` section or in YAML, after the base rules."""
    documents = []
    for number, section in enumerate(sections):
        raw = {"title": f"Correlation {number}", "id": f"{ID[:-2]}{number:02}", "correlation": section}
        documents.append(section if isinstance(section, str) else yaml.safe_dump(raw, sort_keys=False))
    path = folder / "mr.yml"
    path.write_text("---\n".join([base, *documents]), "utf-8")
    return path


def found(folder: Path, *sections: dict[str, Any] | str) -> Named:
    """What a command finds in such a file."""
    return find(None, [str(a_file(folder, *sections))])


COUNT = {
    "type": "event_count",
    "rules": ["shell"],
    "group-by": ["Computer"],
    "timespan": "5m",
    "condition": {"gte": 3},
}
#: whose column some platforms have in two halves
USER = {**COUNT, "group-by": ["User"]}
VALUES = {**COUNT, "type": "value_count", "condition": {"gte": 3, "field": "CommandLine"}}
ANY = {"type": "temporal", "rules": ["shell", "recon"], "group-by": ["Computer"], "timespan": "10m"}
ORDER = {**ANY, "type": "temporal_ordered", "rules": ["drop", "recon", "shell"]}
PAIR = {**ORDER, "rules": ["drop", "recon"]}
