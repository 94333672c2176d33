"""The ATT&CK heat map: techniques under the tactics they serve, by how many rules of the catalogue tag them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2

from converter.catalogue.model import Catalogue, Page, Technique


@dataclass(frozen=True)
class Cell:
    """A technique under one tactic, with the pages that tag both; `heat` is 1 to 5."""

    technique: Technique
    pages: tuple[Page, ...]
    heat: int


@dataclass(frozen=True)
class Column:
    """A tactic with its techniques, by id."""

    slug: str
    name: str
    cells: tuple[Cell, ...]


def columns(catalogue: Catalogue) -> tuple[Column, ...]:
    """Every tactic of ATT&CK, those without a rule too. Detections are left out: their rules are counted."""
    found: dict[tuple[str, str], tuple[Technique, list[Page]]] = {}
    for page in catalogue.pages:
        if page.kind == "detection":
            continue
        for technique in page.techniques:
            for slug in page.tactics:
                if slug in technique.tactics:
                    found.setdefault((slug, technique.id), (technique, []))[1].append(page)
    most = max((len(pages) for _, pages in found.values()), default=1)
    return tuple(
        Column(slug, name, tuple(_cell(*found[key], most) for key in sorted(found) if key[0] == slug))
        for slug, name in catalogue.tactics
    )


def _cell(technique: Technique, pages: list[Page], most: int) -> Cell:
    # by doublings: one technique that nearly every rule tags would leave all others alike
    return Cell(technique, tuple(pages), 1 + round(4 * log2(len(pages)) / max(log2(most), 1)))


def layer(catalogue: Catalogue) -> dict[str, object]:
    """One Navigator layer for all targets: a technique's score is its number of rules, its metadata the targets.

    Layer format 4.5: https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md.
    """
    every = columns(catalogue)
    techniques = [
        {
            "techniqueID": cell.technique.id,
            "tactic": column.slug,
            "score": len(cell.pages),
            "comment": "\n".join(page.title for page in cell.pages),
            "enabled": True,
            "metadata": [{"name": name, "value": str(count)} for name, count in _by_target(cell).items()],
            "links": [{"label": f"{cell.technique.id} {cell.technique.name}", "url": cell.technique.url}],
            "showSubtechniques": False,
        }
        for column in every
        for cell in column.cells
    ]
    most = max((len(cell.pages) for column in every for cell in column.cells), default=1)
    return {
        "name": f"{catalogue.title}: all targets",
        "versions": {"navigator": "5.1.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": "The score is the number of rules; the metadata say at which targets how many are proved.",
        "sorting": 3,
        "layout": {"layout": "side", "showName": True, "showID": True, "expandedSubtechniques": "annotated"},
        "techniques": techniques,
        "gradient": {"colors": ["#cfe8ff", "#0b5cad"], "minValue": 0, "maxValue": most},
        "legendItems": [],
    }


def _by_target(cell: Cell) -> Mapping[str, int]:
    """target -> how many of the technique's rules have a proved query there."""
    found: dict[str, int] = {}
    for page in cell.pages:
        for tab in page.tabs:
            if tab.text and any(b.leg == "Translation" and b.tone == "good" for b in tab.badges):
                found[tab.target] = found.get(tab.target, 0) + 1
    return dict(sorted(found.items()))
