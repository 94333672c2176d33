"""ATT&CK Navigator layers: what the library covers at each target.

Layer format 4.5: https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md.
"""

from __future__ import annotations

from typing import Any

from converter.artefacts.core.attack import Technique, attack_of
from converter.artefacts.core.base import Artefact, Context
from converter.artefacts.core.base_text import as_json
from converter.core.discovery import targets
from converter.core.model import Rule
from converter.core.validate import check


class Navigator:
    """One layer a target; a technique's score is the number of rules that detect it there."""

    name = "navigator"
    targets = tuple(targets())

    def make(self, context: Context) -> list[Artefact]:
        out = []
        for name in self.targets:
            rules = [rule for rule in context.library.rules.values() if context.query(rule, name) is not None]
            if rules:
                path = f"{name}/attack-navigator.json"
                body = layer(name, rules, context)
                check(body, "navigator_layer", f"output/{path}")
                out.append(Artefact(path, as_json(body)))
        return out


MAKER = Navigator()


def layer(target: str, rules: list[Rule], context: Context) -> dict[str, Any]:
    """The layer of one target. A technique is listed once under each tactic that it is tagged with."""
    cells: dict[tuple[str, str], tuple[Technique, list[Rule]]] = {}
    for rule in rules:
        attack = attack_of(rule, context.library)
        for tactic in attack.tactics:
            for technique in attack.serving(tactic):
                cells.setdefault((technique.id, tactic.slug), (technique, []))[1].append(rule)
    highest = max((len(found) for _, found in cells.values()), default=1)
    return {
        "name": f"Parity: {targets()[target].title}",
        "versions": {"navigator": "5.1.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": f"Techniques that the rules of this library detect at the target {target}.",
        "filters": {"platforms": ["Windows"]},
        "sorting": 3,
        "layout": {"layout": "side", "showName": True, "showID": True, "expandedSubtechniques": "annotated"},
        "techniques": [_cell(slug, *cells[id_, slug]) for id_, slug in sorted(cells)],
        "gradient": {"colors": ["#cfe8ff", "#0b5cad"], "minValue": 0, "maxValue": highest},
        "legendItems": [],
    }


def _cell(slug: str, technique: Technique, rules: list[Rule]) -> dict[str, Any]:
    return {
        "techniqueID": technique.id,
        "tactic": slug,
        "score": len(rules),
        "comment": "\n".join(rule.title for rule in rules),
        "enabled": True,
        "metadata": [{"name": "rule", "value": rule.path} for rule in rules],
        "links": [{"label": f"{technique.id} {technique.name}", "url": technique.url}],
        "showSubtechniques": False,
    }
