"""What has no query, by reason, for people; in `convert`, `build` and `package` alike."""

from __future__ import annotations

from collections.abc import Sequence

from converter.build.gate import Refusal
from converter.cli.render.words import count, listed, short, wrapped
from converter.core.verdict import Outcome

WIDTH = 80


def refusals(found: Sequence[Refusal], width: int = WIDTH, every: bool = False) -> list[str]:
    """Refused pairs by reason, most frequent first: the targets, some of the rules (`every`: all), an event where the
    proof has one. Empty when nothing was refused."""
    if not found:
        return []
    groups: dict[tuple[Outcome, str], list[Refusal]] = {}
    for refusal in found:
        groups.setdefault((refusal.outcome, refusal.feature), []).append(refusal)
    lines = [f"{count(len(found), 'pair')} refused:"]
    for (outcome, feature), group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        named = f" {feature}" if outcome is Outcome.UNSUPPORTED else ""
        lines.append(f"  {len(group):5} {outcome.value}{named}")
        lines += wrapped(f"at {listed(sorted({r.target for r in group}), 99)}", width, " " * 8)
        if every or outcome is not Outcome.UNSUPPORTED:
            for refusal in group if every else group[:3]:
                lines += wrapped(refusal.told(), width, " " * 8)
        else:
            lines += wrapped(f"{group[0].reason}", width, " " * 8)
            lines += wrapped(f"in {listed(list(dict.fromkeys(short(r.source) for r in group)))}", width, " " * 8)
    return lines
