"""A new project: settings, a folder for rules and one for fixtures, and an example of each."""

from __future__ import annotations

import uuid
from pathlib import Path

from converter.build.examples import as_fixture, examples
from converter.core.config import LAYOUTS
from converter.core.errors import UsageError
from converter.rules.library import load_rule

LAYOUT = LAYOUTS[1]
EXAMPLE = f"{LAYOUT.rules}/windows/process_creation/example_certutil_download.yml"

SETTINGS = """\
# What your site sets for itself. Every setting is optional and commented out: what you see is how to write it.
# All commands follow it (`--no-site` leaves it out), so that what is proved and verified is what is deployed.

# Sigma filter documents for what is known to be harmless here, as paths below this folder. They narrow the rules they
# name (https://sigmahq.io/docs/meta/filters.html).
#exclusions = ["filters/build_servers.yml"]

# Rules (file name without extension, path, or id) that are deployed switched off.
#disabled = ["example_certutil_download"]

# Another severity than the rule's own: informational, low, medium, high or critical.
#[severity]
#example_certutil_download = "high"

# One table for each target (`parity list targets`): how often a query runs, how far back it looks, whether it runs at
# once; where an Elastic target searches, and what is added to a Splunk search.
#[target.sentinel]
#enabled = true
#frequency = "1h"
#lookback = "1h"

#[target.elastic-esql]
#indices = { process_creation = ["logs-endpoint.events.process-*"] }

#[target.splunk-sysmon.macros]
#parity_sysmon = "index=endpoint"

# Values for %name% in rules (modifier `expand`): a text, or a list of which any may match.
#[placeholders]
#Administrators_Workstations = ["ADM-01", "ADM-02"]

# The only targets that a rule is for. A rule can say so itself: `parity: {targets: [defender]}`.
#[rule.example_certutil_download]
#targets = ["defender", "sentinel"]
"""

RULE = """\
title: Certutil Fetches A File
id: {id}
status: experimental
description: |
    The certificate tool of Windows is told to fetch a file from a URL. It is there on every system and may pass where
    a browser may not.
references:
    - https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/certutil
author: you
tags:
    - attack.command-and-control
    - attack.t1105
logsource:
    category: process_creation
    product: windows
detection:
    selection_tool:
        - Image|endswith: '\\certutil.exe'
        - OriginalFileName: 'CertUtil.exe'
    selection_option:
        CommandLine|contains:
            - 'urlcache'
            - 'verifyctl'
    selection_url:
        CommandLine|contains:
            - 'http://'
            - 'https://'
    condition: all of selection_*
falsepositives:
    - Administrators who renew revocation lists by hand
level: medium
"""


def init(folder: Path) -> list[str]:
    """Makes a project in a folder, which need not exist; returns what was written, below it.

    Raises UsageError where there is a project already, or something of the same name.
    """
    for name in ("parity.toml", *(one.rules for one in LAYOUTS), LAYOUT.fixtures):
        if (folder / name).exists():
            raise UsageError(f"{folder} has a {name} already", hint="parity init DIR makes a project in another folder")
    text = RULE.format(id=uuid.uuid4())
    written = {"parity.toml": SETTINGS, EXAMPLE: text}
    for path, content in written.items():
        _write(folder / path, content)
    rule = load_rule(folder / EXAMPLE, folder)
    fixture = f"{LAYOUT.fixtures}/{rule.stem}.yml"
    _write(folder / fixture, as_fixture(examples(rule), rule))
    return [*written, fixture]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="")
