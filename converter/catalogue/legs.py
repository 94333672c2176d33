"""The three legs of a verdict as badges: translation, data and platform (README, "What a verdict stands on")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import yaml

from converter.catalogue.model import Badge, Named
from converter.core.model import Rule
from converter.core.platform import Schema
from converter.core.verdict import Outcome, Verdict
from converter.platforms.losses import NamedLoss
from converter.prove.evidence import concerned
from converter.prove.prove import CHECK, Proof

_LEVELS = {
    "sample": ("sample", "a published record of this kind was seen", "good"),
    "documented": ("documented", "the vendor describes the fields; no published record was seen", "good"),
    "assumed": ("assumed", "nobody documents the form of these records", "open"),
}
_TONES = {Outcome.AGREE: "good", Outcome.DISAGREE: "bad", Outcome.ERROR: "bad", Outcome.FIXTURE_ODDS: "bad"}


def badges(
    proof: Proof | None, verdicts: Sequence[Verdict], executed: bool, correlation: bool = False
) -> tuple[Badge, ...]:
    """One badge for the translation, one for the data, and one for each check on the platform's side. Of a
    `correlation` the base queries are proved, and what relates their events is compared (docs/correlations.md)."""
    if proof is None:
        return (Badge("Translation", Outcome.NOT_RUN.value, "no proof was asked for", "open"),)
    found = [_translation(proof, correlation)]
    if proof.evidence:
        found.append(Badge("Data", *_LEVELS[proof.evidence]))
    if not executed:
        told = "not executed when this page was made"
        return (*found, Badge("Platform", Outcome.NOT_RUN.value, told, "open"))
    return (*found, *(_platform(one) for one in verdicts if one.check != CHECK))


def _translation(proof: Proof, correlation: bool) -> Badge:
    if proof.outcome is not Outcome.AGREE:
        return Badge("Translation", proof.outcome.value, proof.reason, _TONES.get(proof.outcome, "open"))
    lost = len({loss.loss.id for loss in proof.losses})
    text = "means what the rule means, over all events"
    if correlation:
        text = "its base queries mean what their rules mean, over all events; how they are related is compared"
    if lost:
        text += f", but for {lost} named loss{'es' if lost > 1 else ''}"
    return Badge("Translation", "PROVED AND COMPARED" if correlation else "PROVED", text, "good")


def _platform(verdict: Verdict) -> Badge:
    how = verdict.provenance or verdict.check
    if verdict.outcome is Outcome.AGREE and verdict.checked:
        unit = verdict.unit if verdict.matched == 1 else f"{verdict.unit}s"
        how += f": {verdict.matched:,} {unit} of {verdict.checked:,} returned, the right ones"
    elif verdict.outcome is not Outcome.AGREE:
        how = f"{how}: {verdict.detail.splitlines()[0]}" if verdict.detail else how
    return Badge("Platform", verdict.outcome.value, how, _TONES.get(verdict.outcome, "open"))


def losses(found: Iterable[NamedLoss]) -> tuple[Named, ...]:
    """The losses that touch a rule, each with an example event."""
    return tuple(
        Named(one.loss.id, one.loss.text, one.loss.url, one.fields, _yaml(one.event) if one.event else "")
        for one in found
    )


def assumptions(rules: Iterable[Rule], schema: Schema) -> tuple[Named, ...]:
    """What the records that some rules are about stand on without a source."""
    ids = {kind.evidence.assumption for rule in rules for kind in concerned(rule, schema)}
    return tuple(Named(one.id, one.text, one.url) for one in schema.assumptions if one.id in ids)


def _yaml(event: object) -> str:
    return yaml.safe_dump(dict(event), allow_unicode=True, sort_keys=False, width=10_000).rstrip()  # type: ignore[call-overload]
