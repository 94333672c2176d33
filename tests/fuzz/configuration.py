"""What a site sets, spoiled: parity.toml, manifests, exclusions, fixtures, pipelines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

from converter.build.exclusions import load_exclusion
from converter.build.fixtures import load_cases
from converter.build.settings import load_settings
from converter.build.transform import Pipelines
from converter.rules.library import Library, load
from converter.rules.manifest import load_detection
from tests.fuzz.mutating import mutated
from tests.fuzz.words import odd
from tests.project import ROOT

Input = tuple[str, Callable[[], None]]


@cache
def library() -> Library:
    return load(ROOT)


def configuration(rng: Random, folder: Path) -> Input:
    """parity.toml, a manifest, an exclusion, a fixture or a user's pipeline, spoiled."""
    return rng.choice((_toml, _manifest, _exclusion, _fixture, _pipeline))(rng, folder)


def _toml(rng: Random, folder: Path) -> Input:
    commented = (ROOT / "parity.toml").read_text("utf-8")
    example = re.sub(r"^# ?(?=[\[\w\"'].*[\]=])", "", commented, flags=re.MULTILINE)
    spoiled = mutated(rng, rng.choice((example, example, commented)))

    def run() -> None:
        (folder / "parity.toml").write_bytes(spoiled.encode("utf-8", "surrogatepass"))
        load_settings(folder, library())

    return spoiled, run


def _manifest(rng: Random, folder: Path) -> Input:
    spoiled = mutated(rng, (ROOT / rng.choice(list(library().detections.values())).path).read_text("utf-8"))

    def run() -> None:
        path = folder / "x.yaml"
        path.write_bytes(spoiled.encode("utf-8", "surrogatepass"))
        load_detection(path, folder, library().rules)

    return spoiled, run


EXCLUSION = """title: Known good
id: 8a1b2c3d-0000-4000-8000-000000000002
logsource:
  category: process_creation
  product: windows
filter:
  rules:
    - %s
  known:
    User: svc-web
  condition: not known
"""


def _exclusion(rng: Random, folder: Path) -> Input:
    spoiled = mutated(rng, EXCLUSION % next(iter(library().rules.values())).id)

    def run() -> None:
        (folder / "f.yml").write_bytes(spoiled.encode("utf-8", "surrogatepass"))
        load_exclusion(folder, "f.yml", library(), 1)

    return spoiled, run


PIPELINE = """name: ours
priority: 10
vars:
  admins: [adm1, adm2]
transformations:
  - id: names
    type: field_name_mapping
    mapping:
      CommandLine: [Image, OriginalFileName]
      tool: Image
    rule_conditions:
      - type: logsource
        category: process_creation
  - type: value_placeholders
  - type: add_condition
    conditions:
      Computer|startswith: web
  - type: replace_string
    regex: "a(.*)"
    replacement: b
"""


def _pipeline(rng: Random, folder: Path) -> Input:
    spoiled = mutated(rng, PIPELINE)
    if rng.random() < 0.5:  # well-formed YAML, its values of other types
        spoiled = re.sub(r"(?<=: )[^\n]+", lambda m: rng.choice((m[0], m[0], m[0], json.dumps(odd(rng)))), PIPELINE)
    rule = rng.choice(list(library().rules.values()))

    def run() -> None:
        path = folder / "p.yml"
        path.write_bytes(spoiled.encode("utf-8", "surrogatepass"))
        Pipelines([str(path)]).apply(rule)

    return spoiled, run


def _fixture(rng: Random, folder: Path) -> Input:
    rule = rng.choice(list(library().alone.values()))
    own = ROOT / "tests" / "fixtures" / rule.path.removeprefix("sigma/")
    spoiled = mutated(rng, own.read_text("utf-8"))

    def run() -> None:
        path = folder / "tests" / "fixtures" / rule.path.removeprefix("sigma/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(spoiled.encode("utf-8", "surrogatepass"))
        load_cases(rule, folder)

    return spoiled, run
