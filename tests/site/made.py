"""A small project whose rules try to break out of the pages that show them, and its site."""

from __future__ import annotations

import functools
from pathlib import Path
from tempfile import mkdtemp

from converter.build.build import prepare
from converter.build.gate import Gate
from converter.build.many import pairs
from converter.catalogue.gather import gather
from converter.catalogue.model import Catalogue
from converter.catalogue.render import render
from converter.core.discovery import targets

#: what must be read as text wherever a rule says it
HOSTILE = "</title></script><script>window.broken = 1</script>\"'><img src=x onerror='window.broken = 1'>{{ 7 * 7 }}"

_RULE = """\
title: {title}
id: {id}
status: experimental
description: |
    {text}
    What evades it: {text}
references:
    - "javascript:window.broken = 1"
    - https://example.com/a?b=1&c=2
author: {text}
date: {date}
tags:
    - attack.persistence
    - attack.t1505.003
    - attack.t9999
logsource:
    category: process_creation
    product: windows
detection:
    selection:
        Image|endswith: ['\\{image}', '\\</pre>{image}']
        CommandLine|contains: '{value}'
    condition: selection
falsepositives:
    - {text}
level: {level}
"""

_FIXTURE = """\
cases:
    - name: {text}
      match: true
      event: {{Image: 'C:\\{image}', CommandLine: 'x {value} y'}}
    - name: another program
      match: false
      event: {{Image: 'C:\\{image}.txt', CommandLine: 'x {value} y'}}
    - name: no command line
      match: false
      event: {{Image: 'C:\\{image}'}}
"""

_DETECTION = """\
title: Two Of Them
description: Both rules as one alert.
technique: T1505.003
tactic: persistence
severity: high
confidence: high
parts:
    - rule: sigma/windows/process_creation/hostile.yml
      label: One
    - rule: sigma/windows/process_creation/plain.yml
      label: Two
lookback_hours: 24
columns: [Image, CommandLine]
falsepositives: [none]
references: ['https://example.com/']
"""


def quoted(text: str) -> str:
    """A YAML scalar."""
    return "'" + text.replace("'", "''") + "'"


def make_project(folder: Path) -> Path:
    """Two rules, one of them hostile, and a detection of both."""
    rules, fixtures = folder / "sigma/windows/process_creation", folder / "tests/fixtures/windows/process_creation"
    for path in (rules, fixtures, folder / "sigma/detections"):
        path.mkdir(parents=True)
    (folder / "parity.toml").write_text("", "utf-8")
    plain = {"image": "plain.exe", "value": "word", "level": "low", "date": "2026-01-02"}
    own = {"title": "A Plain Rule", "text": "plain words", "id": "5b3ad6d4-0c8b-4f0e-9d9f-3d8a0b9f2c11"}
    (rules / "plain.yml").write_text(_RULE.format(**plain, **own), "utf-8")
    (fixtures / "plain.yml").write_text(_FIXTURE.format(**plain, text="a plain case"), "utf-8")
    bad = {"image": "w3wp.exe", "value": "<b>&amp;", "level": "high", "date": "2026-03-04"}
    text = quoted(HOSTILE)
    own = {"title": text, "text": text, "id": "7e5f0a1c-2f0a-4a43-8d8b-7d5c3b1f9e22"}
    (rules / "hostile.yml").write_text(_RULE.format(**bad, **own), "utf-8")
    (fixtures / "hostile.yml").write_text(_FIXTURE.format(**bad, text=text), "utf-8")
    (folder / "sigma/detections/two.yaml").write_text(_DETECTION, "utf-8")
    return folder


@functools.cache
def project() -> Path:
    """The project, once a run."""
    return make_project(Path(mkdtemp(prefix="parity-site-")) / "project")


def gathered(base_url: str = "") -> Catalogue:
    """Its catalogue, without execution."""
    root = project()
    prepared = prepare(root)
    gate = Gate(prepared.library.rules, prepared.settings)
    found = list(pairs(gate, prepared.sources, list(targets().values()), workers=1))
    return gather(root, prepared.library, gate, prepared.sources, found, None, base_url=base_url)


@functools.cache
def catalogue() -> Catalogue:
    """The catalogue, gathered once."""
    return gathered()


@functools.cache
def files() -> dict[str, bytes]:
    """The site."""
    return render(catalogue())
