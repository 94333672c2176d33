"""What a proof stands on, for people and for programs: the verdict, the named losses, how well the data is known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from converter.cli.render.words import count, wrapped
from converter.core.verdict import Outcome
from converter.platforms.losses import NamedLoss
from converter.prove.prove import Proof

#: levels of evidence (`platforms.evidence.LEVELS`) in words
DATA = {
    "sample": "records seen in a published sample",
    "documented": "records as the vendor documents them",
    "assumed": "records as we assume them",
}


def verdict(proof: Proof, width: int = 80) -> list[str]:
    """A few lines about one proof."""
    if proof.outcome is not Outcome.AGREE:
        return wrapped(f"{proof.outcome.value} {proof.reason}", width, "")
    known = DATA.get(proof.evidence)
    lines = [proof.outcome.value + (f", over {known}" if known else "")]
    if proof.losses:
        lines += [f"{count(len(proof.losses), 'loss', 'losses')}:", *losses(proof.losses, width)]
    return lines


def losses(found: Iterable[NamedLoss], width: int = 80) -> list[str]:
    """Each loss with its id and fields."""
    lines: list[str] = []
    for named in found:
        lines += wrapped(f"{named.loss.id} ({', '.join(named.fields)}): {named.loss.text}", width, "  ")
    return lines


def as_data(proof: Proof) -> dict[str, Any]:
    """A proof for programs: verdict, reason, losses with an event each, evidence, and a witness where they differ."""
    out: dict[str, Any] = {"verdict": proof.outcome.value}
    if proof.reason:
        out["reason"] = proof.reason
    out["losses"] = [
        {
            "id": named.loss.id,
            "text": named.loss.text,
            "url": named.loss.url,
            "kind": named.kind,
            "fields": list(named.fields),
            "event": dict(named.event) if named.event is not None else None,
        }
        for named in proof.losses
    ]
    out["evidence"] = proof.evidence
    witness = proof.witness
    if witness is not None:
        answers = {"rule": witness.rule, "query": witness.query}
        out["witness"] = {"kind": witness.kind, "event": dict(witness.event), **answers}
    return out
