"""Proofs for a terminal, for programs, and for continuous integration; what was not examined is in each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from converter.build.gate import Pair
from converter.cli.render import reports, unexamined
from converter.cli.render import sarif as render_sarif
from converter.cli.render.matrix import matrix
from converter.cli.render.verdicts import as_data
from converter.cli.render.words import count, listed, short, wrapped
from converter.cli.run import Run, outcome, reason
from converter.core.verdict import Outcome, Report, Verdict
from converter.platforms.losses import NamedLoss
from converter.prove.prove import CHECK

KINDS = {
    "disagree": "The query and its rule differ on an event.",
    "error": "The query could not be made or read back.",
    "refused": "A target has no proved query of the rule.",
    "nothing-proved": "No query was proved.",
    **unexamined.KINDS,
}


#: what fails a run under --strict only
_SKIPS = (Outcome.NOT_RUN, Outcome.UNSUPPORTED, Outcome.OUT_OF_FRAGMENT)
#: how a pair ended, in the matrix
MARKS = {
    Outcome.AGREE: "+",
    Outcome.DISAGREE: "!",
    Outcome.ERROR: "x",
    Outcome.OUT_OF_FRAGMENT: "o",
    Outcome.UNSUPPORTED: "-",
}
_WORDS = {"+": "proved", "!": "disagrees", "x": "error", "o": "not decided", "-": "refused"}


def summary(run: Run) -> str:
    """One line: how many pairs, how they ended, and what was not examined."""
    told = ", ".join(f"{run.counts[o]:,} {o.value}" for o in Outcome if run.counts[o])
    line = f"{count(len(run.pairs), 'pair')}: {told}" if run.pairs else "0 pairs: nothing was proved"
    if run.broken:
        line += f"; {len(run.broken)} broken"
    return f"{line}; {run.unexamined} not examined" if run.unexamined else line


def text(run: Run, verbose: bool = False, colour: bool = False, width: int = 80) -> str:
    """The summary and a matrix, then what is not proved: faults in full, refusals by reason; then the losses. A line
    for each pair if `verbose`."""
    import click

    good, bad = ("green", "red") if colour else (None, None)
    lines = [click.style(summary(run), fg=good if run.ok else bad, bold=True) if colour else summary(run)]
    lines += matrix({(p.source, p.target): ("", MARKS[outcome(p)]) for p in run.pairs}, "", _WORDS, width)
    lines += unexamined.lines(run.broken, run.other, run.without, width)
    if verbose:
        lines += _rows(run, width)
    faults = [pair for pair in run.pairs if outcome(pair) in (Outcome.DISAGREE, Outcome.ERROR, Outcome.OUT_OF_FRAGMENT)]
    for pair in faults:
        lines += ["", *fault(pair, width)]
    unsupported = Counter(
        pair.refusal.feature for pair in run.pairs if pair.refusal and pair.refusal.outcome is Outcome.UNSUPPORTED
    )
    for feature, number in unsupported.most_common():
        own = [p for p in run.pairs if p.refusal and p.refusal.feature == feature]
        lines.append(f"  {number:5} UNSUPPORTED {feature}")
        lines += wrapped(f"at {listed(sorted({p.target for p in own}), 99)}", width, " " * 8)
        lines += wrapped(f"in {listed(list(dict.fromkeys(short(p.source) for p in own)))}", width, " " * 8)
    return "\n".join(lines + _losses(run, width)) + "\n"


def _losses(run: Run, width: int) -> list[str]:
    """The losses that the proofs name, each once with how many pairs it touches."""
    found: dict[str, tuple[NamedLoss, set[tuple[str, str]]]] = {}
    for pair in run.pairs:
        for named in pair.proof.losses if pair.proof else ():
            found.setdefault(named.loss.id, (named, set()))[1].add((pair.source, pair.target))
    lines = []
    for name, (named, touched) in sorted(found.items()):
        lines += wrapped(f"loss {name} ({count(len(touched), 'pair')}): {named.loss.text}", width, "  ")
    return lines


def _rows(run: Run, width: int) -> Iterator[str]:
    """A line for each pair, under its rule's name."""
    last = ""
    for pair in run.pairs:
        if pair.source != last:
            last = pair.source
            yield from ("", last)
        ids = ", ".join(sorted({named.loss.id for named in pair.proof.losses})) if pair.proof else ""
        known = pair.proof.evidence if pair.proof else ""
        notes = "; ".join(note for note in (known, f"losses: {ids}" if ids else "") if note)
        yield from wrapped(f"{outcome(pair).value:<16}{pair.target}{f' ({notes})' if notes else ''}", width, "  ")


def fault(pair: Pair, width: int = 80) -> list[str]:
    """A pair that is not proved, in full: both answers and the event where they differ."""
    lines = [*wrapped(f"{outcome(pair).value} {pair.target} {pair.source}", width, "")]
    witness = pair.proof.witness if pair.proof is not None else None
    if witness is None:
        return lines + wrapped(reason(pair), width, "    ")
    said = {True: "fires", False: "does not fire"}
    lines += [f"    rule: {said[witness.rule]}", f"    query: {said[witness.query]}", f"    event ({witness.kind}):"]
    return lines + [f"        {name}: {value!r}" for name, value in witness.event.items()]


def as_json(run: Run) -> str:
    """All proofs as a JSON document; `ok` is what the exit code says."""
    body = {
        "ok": run.ok,
        "summary": summary(run),
        "proofs": [_proof(pair) for pair in run.pairs],
        **unexamined.data(run.broken, run.other, run.without),
    }
    return unexamined.dumped(body)


def _proof(pair: Pair) -> dict[str, Any]:
    out: dict[str, Any] = {"source": pair.source, "target": pair.target, "outcome": outcome(pair).value}
    if reason(pair):
        out["reason"] = reason(pair)
    if pair.refusal is not None and pair.refusal.outcome is Outcome.UNSUPPORTED:
        out["feature"] = pair.refusal.feature
    if pair.proof is not None:
        out |= {key: value for key, value in as_data(pair.proof).items() if key not in ("verdict", "reason")}
    return out


def junit(run: Run) -> str:
    """JUnit XML: what fails the run is a failure, what is not a proof is skipped with its reason."""
    verdicts = [Verdict(p.source, p.target, CHECK, outcome(p), detail=reason(p)) for p in run.pairs]
    verdicts += [Verdict(unexamined.path_of(f.where), "all", "read", Outcome.ERROR, detail=str(f)) for f in run.broken]
    verdicts += [Verdict(unexamined.path_of(f.where), "all", "read", Outcome.NOT_RUN, detail=str(f)) for f in run.other]
    verdicts += [Verdict(source, "all", "read", Outcome.NOT_RUN, detail=why) for source, why in run.without]
    return reports.junit(Report(tuple(verdicts)), run.strict, _SKIPS) + "\n"


def sarif(run: Run) -> str:
    """SARIF 2.1.0 with a result for each reason why the run fails, and a warning for each file not examined."""
    results = [
        render_sarif.Result(
            kind=kind if (kind := outcome(pair).value.lower()) in KINDS else "refused",
            level="error",
            message=f"{pair.target}: {reason(pair)}",
            path=pair.source,
            line=pair.line,
            properties=_proof(pair),
        )
        for pair in run.pairs
        if run.fails(pair)
    ]
    results += unexamined.results(run.broken, run.other, run.without, run.strict)
    if run.nothing:
        results.append(render_sarif.Result("nothing-proved", "error", "no query was proved", "."))
    return render_sarif.sarif(results, KINDS)


FORMATS: dict[str, Callable[[Run], str]] = {"json": as_json, "junit": junit, "sarif": sarif}
