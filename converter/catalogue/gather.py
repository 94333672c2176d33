"""Everything that the pages show, from a project's rules, the pairs that went through the gate, and their verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter import __version__
from converter.artefacts.core import attack
from converter.artefacts.core.response import Response, load_responses
from converter.build.fixtures import load_all
from converter.build.gate import Gate, Pair, Source, parts_of
from converter.build.manifest import manifest
from converter.catalogue.legs import assumptions, badges, losses
from converter.catalogue.links import page_href
from converter.catalogue.model import Catalogue, Fixtures, History, Page, Tab, Technique
from converter.catalogue.wrong import Asked, wrong_queries
from converter.core.correlation import Correlation
from converter.core.discovery import engines, schema_of, targets
from converter.core.errors import LibraryError, ParityError
from converter.core.model import Detection, Rule, SigmaDocument
from converter.core.verdict import Case, Report, Verdict
from converter.dialects.registry import dialect
from converter.rules.files import read_bytes
from converter.rules.library import Library
from converter.rules.meaning import meaning

_EVADES = re.compile(r"\s*What evades it:\s*")


@dataclass(frozen=True)
class _Known:
    """What all pages draw on."""

    root: Path
    library: Library
    gate: Gate
    tabs: Mapping[str, tuple[Tab, ...]]
    cases: Mapping[str, tuple[Case, ...]]
    responses: Mapping[str, Response]
    findings: Mapping[str, tuple[str, ...]]
    history: Mapping[str, History]


def gather(
    root: Path,
    library: Library,
    gate: Gate,
    sources: Sequence[Source],
    pairs: Sequence[Pair],
    report: Report | None,
    findings: Mapping[str, tuple[str, ...]] | None = None,
    title: str = "Parity",
    base_url: str = "",
    history: Mapping[str, History] | None = None,
) -> Catalogue:
    """The catalogue of some sources. Without a `report` the pages say that nothing was executed."""
    cases = load_all([one for one in sources if isinstance(one, Rule)], root)
    tabs = _tabs(gate, {source.path: source for source in sources}, pairs, report)
    known = _Known(root, library, gate, tabs, cases, load_responses(root, library), findings or {}, history or {})
    run = {v.check for v in report.verdicts} if report else set()
    return Catalogue(
        title,
        __version__,
        tuple(_page(source, known) for source in sources),
        report is not None,
        tuple((e.name, e.dialect, e.provenance) for e in engines().values() if e.name in run),
        tuple((slug, name) for slug, name in attack.tactic_names().items()),
        base_url,
        manifest(library, gate.settings, pairs),
    )


def _tabs(
    gate: Gate, sources: Mapping[str, Source], pairs: Sequence[Pair], report: Report | None
) -> dict[str, tuple[Tab, ...]]:
    """source path -> its targets."""
    verdicts: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in report.verdicts if report else ():
        verdicts.setdefault((verdict.source, verdict.target), []).append(verdict)
    asked: dict[tuple[str, str], Asked] = {}
    for pair in pairs:
        source = sources[pair.source]
        if pair.query is not None and not isinstance(source, Correlation):
            asked[pair.source, pair.target] = pair.query, gate.local(source, targets()[pair.target])[1]
    wrong = dict(zip(asked, wrong_queries(list(asked.values())), strict=True))
    found: dict[str, list[Tab]] = {path: [] for path in sources}
    for pair in pairs:
        target = targets()[pair.target]
        key = pair.source, pair.target
        bare = Tab(
            target.name, target.title, ", ".join(map(str, dialect(target.dialect).requirements)), target.dialect
        )  # fmt: skip
        if pair.query is None:
            reason = f"{pair.refusal.outcome.value}: {pair.refusal.reason}" if pair.refusal else str(pair.fault)
            found[pair.source].append(replace(bare, refusal=reason, hint=pair.refusal.hint if pair.refusal else ""))
            continue
        proof = pair.proof
        tab = replace(
            bare,
            text=pair.query.text,
            path=pair.query.path,
            badges=badges(
                proof, verdicts.get(key, ()), report is not None, isinstance(sources[pair.source], Correlation)
            ),
            losses=losses(proof.losses) if proof else (),
            assumptions=assumptions(parts_of(sources[pair.source], gate.rules), schema_of(target)),
            wrong=wrong.get(key),
        )
        found[pair.source].append(tab)
    return {path: tuple(own) for path, own in found.items()}


def _page(source: Source, known: _Known) -> Page:
    raw: Mapping[str, Any] = source.raw
    parts = parts_of(source, known.gate.rules)
    tags = _tags(source, parts)
    description, evades = _described(str(raw.get("description") or ""))
    detection = source if isinstance(source, Detection) else None
    return Page(
        href=page_href(source),
        path=source.path,
        name=source.name,
        id="" if isinstance(source, Detection) else source.id,
        title=source.title,
        description=description,
        evades=evades,
        level=str(raw.get("severity" if detection else "level") or "medium"),
        status=str(raw.get("status") or ("" if detection else "unknown")),
        author=str(raw.get("author") or ""),
        date=str(raw.get("date") or ""),
        modified=str(raw.get("modified") or ""),
        logsources=tuple(dict.fromkeys(one for rule in parts for one in rule.logsources)),
        tactics=tuple(tag for tag in tags if tag in attack.tactic_names()),
        techniques=tuple(_technique(tag.upper()) for tag in tags if re.fullmatch(r"t\d{4}(\.\d{3})?", tag)),
        source=_text(source, known.root),
        tabs=known.tabs[source.path],
        document=source,
        falsepositives=_texts(raw.get("falsepositives")),
        references=_texts(raw.get("references")),
        fields=_texts(raw.get("columns" if detection else "fields")),
        fixtures=_fixtures(source, known.cases) if isinstance(source, Rule) else None,
        response=_response(source, known),
        findings=known.findings.get(source.path, ()),
        parts=_parts(source, known),
        history=known.history.get(source.path),
        of=tuple(
            (page_href(one), one.title)
            for one in known.library.detections.values()
            if source.path in {part.rule for part in one.parts}
        ),
    )


def _tags(source: Source, parts: Iterable[Rule]) -> list[str]:
    """What `attack.` tags name, in lower case; of a detection its own tactic and technique and those of its parts."""
    tags = [str(tag).lower() for tag in source.raw.get("tags") or ()]
    if isinstance(source, Detection):
        tags += [f"attack.{source.raw[key]}".lower() for key in ("tactic", "technique") if key in source.raw]
    if not isinstance(source, Rule):
        tags += [str(tag).lower() for rule in parts for tag in rule.raw.get("tags") or ()]
    return list(dict.fromkeys(tag.removeprefix("attack.") for tag in tags if tag.startswith("attack.")))


def _technique(id_: str) -> Technique:
    try:
        known = attack.technique(id_)
    except LibraryError:
        return Technique(id_, id_, (), f"https://attack.mitre.org/techniques/{id_.replace('.', '/')}/")
    return Technique(known.id, known.name, known.tactics, known.url)


def _described(text: str) -> tuple[str, str]:
    """A description without, and with only, what it says of evasion."""
    head, *rest = _EVADES.split(text.strip(), maxsplit=1)
    evades = rest[0].strip() if rest else ""
    return head.strip(), evades[:1].upper() + evades[1:]


def _text(source: Source, root: Path) -> str:
    path = source.path if isinstance(source, Detection) else source.file
    return read_bytes(root / path, path).decode("utf-8", "replace")


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)


def _fixtures(rule: Rule, cases: Mapping[str, tuple[Case, ...]]) -> Fixtures | None:
    if rule.path not in cases:
        return None
    fields: list[str] = []
    with suppress(ParityError):
        fields = sorted({name.split(":")[0] for name in meaning(rule).fields})
    shown = [name for name in fields if any(name in case.event for case in cases[rule.path])]
    rows = tuple(
        (case.name, case.match, tuple(case.event.get(name) for name in shown), case.kind or "")
        for case in cases[rule.path]
    )
    return Fixtures(tuple(shown), rows)


def _response(source: Source, known: _Known) -> Response | None:
    """The guide of a detection; a rule links to its detections' instead."""
    return known.responses.get(source.name) if isinstance(source, Detection) else None


def _parts(source: Source, known: _Known) -> tuple[tuple[str, str, str], ...]:
    if isinstance(source, Detection):
        rules = known.library.rules
        return tuple((page_href(rules[p.rule]), rules[p.rule].title, p.label) for p in source.parts)
    if isinstance(source, Correlation):
        every: Mapping[str, SigmaDocument] = known.library.rules
        return tuple((page_href(every[path]), every[path].title, "") for path in source.rules if path in every)
    return ()
