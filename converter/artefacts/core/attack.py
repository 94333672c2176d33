"""Sigma tags as ATT&CK tactics and techniques, with the ids and names that platforms ask for.

A tag is `attack.<tactic>` or `attack.t<number>`: https://sigmahq.io/sigma-specification/specification/
sigma-appendix-tags.html. Names come from `converter/artefacts/core/attack.json`, which has the whole enterprise matrix.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from converter.core.discovery import did_you_mean
from converter.core.errors import LibraryError
from converter.core.model import Detection, Rule
from converter.rules.library import Library

_DATA = Path(__file__).with_name("attack.json")
_SITE = "https://attack.mitre.org"
#: a tactic of before version 19, which became two
_SPLIT = {"defense-evasion": "since version 19 it is stealth or defense-impairment"}
#: tactic -> what Microsoft's enumerations call it still
_EARLIER = {"stealth": "DefenseEvasion", "defense-impairment": "DefenseEvasion"}


@dataclass(frozen=True)
class Tactic:
    """A tactic: `TA0003`, `persistence`, `Persistence`."""

    id: str
    slug: str
    name: str

    @property
    def url(self) -> str:
        return f"{_SITE}/tactics/{self.id}/"

    @property
    def word(self) -> str:
        """The name without spaces, as Microsoft's enumerations write it: `CommandAndControl`.

        They have ATT&CK's tactics as before version 19, in which Defense Evasion became two:
        https://learn.microsoft.com/en-us/azure/templates/microsoft.securityinsights/alertrules (`tactics`).
        """
        return _EARLIER.get(self.slug) or "".join(part.capitalize() for part in self.slug.split("-"))


@dataclass(frozen=True)
class Technique:
    """A technique or sub-technique, with the tactics it serves (their slugs). `name` of a sub-technique is its own."""

    id: str
    name: str
    tactics: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"{_SITE}/techniques/{self.id.replace('.', '/')}/"

    @property
    def parent(self) -> str:
        """The technique's id without its sub-technique number."""
        return self.id.split(".")[0]


@dataclass(frozen=True)
class Attack:
    """What a rule or detection is tagged with, in the order of the tags, each once."""

    tactics: tuple[Tactic, ...]
    techniques: tuple[Technique, ...]

    def serving(self, tactic: Tactic) -> tuple[Technique, ...]:
        """The techniques listed under a tactic."""
        return tuple(t for t in self.techniques if tactic.slug in t.tactics)


@cache
def _data() -> Any:
    return json.loads(_DATA.read_text("utf-8"))


def tactic_names() -> dict[str, str]:
    """slug -> name of every tactic, in the order of the matrix."""
    return {slug: str(known["name"]) for slug, known in _data()["tactics"].items()}


def technique(id_: str, where: str = "") -> Technique:
    """The technique `T1505.003`. Raises LibraryError for one that the data does not hold."""
    known = _data()["techniques"]
    if id_ not in known:
        now = _data()["revoked"].get(id_)
        hint = f"it is {now} {known[now]['name']} now" if now else did_you_mean(id_, known)
        told = "is revoked" if now else "is unknown"
        raise LibraryError(f"the ATT&CK technique {id_!r} {told} in version {_data()['version']}", where, hint)
    return Technique(id_, known[id_]["name"], tuple(known[id_]["tactics"]))


def tactic(slug: str, where: str = "") -> Tactic:
    """The tactic `persistence`. Raises LibraryError for one that the data does not hold."""
    known = _data()["tactics"]
    if slug not in known:
        hint = _SPLIT.get(slug) or did_you_mean(slug, known)
        raise LibraryError(f"the ATT&CK tactic {slug!r} is unknown in version {_data()['version']}", where, hint)
    return Tactic(known[slug]["id"], slug, known[slug]["name"])


def from_tags(tags: Iterable[str], where: str = "") -> Attack:
    """What `attack.*` tags name; tags of other name spaces are left out. Raises LibraryError for an unknown one, and
    for a technique none of whose tactics is tagged: platforms file a technique under its tactic."""
    tactics: dict[str, Tactic] = {}
    techniques: dict[str, Technique] = {}
    for tag in tags:
        space, _, name = tag.lower().partition(".")
        if space != "attack":
            continue
        if re.fullmatch(r"t\d{4}(\.\d{3})?", name):
            techniques[name] = technique(name.upper(), where)
        elif not re.fullmatch(r"[gs]\d{4}", name):
            tactics[name] = tactic(name, where)
    for found in techniques.values():
        if not set(found.tactics) & set(tactics):
            raise LibraryError(
                f"{found.id} is tagged without its tactic", where, f"tag attack.{' or attack.'.join(found.tactics)}"
            )
    return Attack(tuple(tactics.values()), tuple(techniques.values()))


def attack_of(source: Rule | Detection, library: Library) -> Attack:
    """The tags of a rule; of a detection its manifest's own tactic and technique, then those of its parts."""
    if isinstance(source, Rule):
        return from_tags(source.raw.get("tags") or (), source.path)
    own = [f"attack.{source.raw[key]}" for key in ("tactic", "technique") if key in source.raw]
    parts = [tag for part in source.parts for tag in library.rules[part.rule].raw.get("tags") or ()]
    return from_tags([*own, *parts], source.path)
