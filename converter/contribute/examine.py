"""Everything there is to say of one rule: its form, queries, proofs, execution, lint, mutants, and what a change does.

It is for the author, who waits: the fixture of the rule alone is executed, on the engines that start at once, and of
the mutants a sample is taken. `parity verify` and the benchmarks do all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converter.artefacts.core.attack import from_tags
from converter.build.bench import Bench, bench
from converter.build.fixtures import has_fixture, load_cases
from converter.build.gate import Gate, Pair
from converter.contribute.scaffold import TO_WRITE
from converter.core.discovery import engines_for, schema_of, targets
from converter.core.errors import LibraryError, ParityError, UsageError
from converter.core.model import Rule, Target
from converter.core.verdict import Case, Engine, Outcome, Verdict
from converter.explain.diff import diff
from converter.explain.model import Diff
from converter.explain.sources import Loader
from converter.explain.views import notes, views
from converter.lint.finding import Finding
from converter.lint.lint import lint
from converter.mutation.fates import Fate, fates
from converter.mutation.mutate import Surroundings, mutants
from converter.mutation.spread import spread
from converter.platforms.domains import is_free
from converter.rules.evaluator import compile_rule
from converter.rules.form import form_faults
from converter.rules.library import Library
from converter.verify.verify import Subject, verify

#: what a rule says of itself beside what makes it one
_METADATA = ("id", "status", "description", "references", "author", "date", "tags", "fields", "falsepositives", "level")


@dataclass
class Examination:
    """What was found. `form` are faults and what is missing, `changes` what the rule loses and gains against
    `revision`, None where it is `new` there, or where `unchanged` says why there is no comparison. `cases` counts those
    of the fixture."""

    rule: Rule
    form: list[str] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    not_executed: str = ""
    cases: int = 0
    findings: list[Finding] = field(default_factory=list)
    fates: list[tuple[str, Fate]] = field(default_factory=list)
    #: (target, mutant, case): for each event that tells survivors apart, the first of them
    missing: list[tuple[str, Fate, dict[str, Any]]] = field(default_factory=list)
    revision: str = ""
    changes: Diff | None = None
    new: bool = False
    unchanged: str = ""

    @property
    def killed(self) -> list[Fate]:
        """The mutants that the fixture tells apart."""
        return [fate for _, fate in self._to_kill if fate.killed]

    @property
    def survivors(self) -> list[tuple[str, Fate]]:
        """(target, mutant) of those that an engine ran and the fixture did not tell apart."""
        return [(target, fate) for target, fate in self._to_kill if fate.engine and not fate.killed]

    @property
    def _to_kill(self) -> list[tuple[str, Fate]]:
        return [(target, fate) for target, fate in self.fates if fate.proof.outcome is Outcome.DISAGREE]

    @property
    def failed(self) -> list[str]:
        """The parts that are not as they must be before the rule can be taken in."""
        bad = {Outcome.DISAGREE, Outcome.ERROR, Outcome.FIXTURE_ODDS}
        found = {
            "form": bool(self.form),
            "build": any(pair.fault for pair in self.pairs) or not any(pair.query for pair in self.pairs),
            "proof": any(_outcome(pair) in (Outcome.DISAGREE, Outcome.ERROR) for pair in self.pairs),
            "execution": bool(self.not_executed) or any(verdict.outcome in bad for verdict in self.verdicts),
            "lint": any(finding.severity == "error" for finding in self.findings),
            "mutants": any(fate.contradiction for _, fate in self.fates),
        }
        return [name for name, fails in found.items() if fails]


def _outcome(pair: Pair) -> Outcome | None:
    if pair.proof is not None:
        return pair.proof.outcome
    return pair.refusal.outcome if pair.refusal is not None else None


def examine(
    rule: Rule,
    base: Path,
    gate: Gate,
    chosen: Sequence[Target],
    library: Library,
    revision: str = "HEAD",
    most: int = 12,
) -> Examination:
    """The rule, whose path starts from `base`; `most` mutants are made of each query."""
    found = Examination(rule, revision=revision)
    found.form = list(_form(rule))
    found.pairs = [gate.pair(rule, target) for target in chosen if gate.wants(rule, target)]
    found.findings = lint([rule])
    cases = _cases(rule, base, found)
    found.cases = len(cases)
    for pair in found.pairs if cases else ():
        if pair.query is not None:
            target = targets()[pair.target]
            subject = Subject.of_rule(pair.query, target, rule)
            made = bench(schema_of(target), {rule.path: cases}, {rule.path: rule})
            found.verdicts += _executed(subject, made)
            fated = _fates(subject, made, most)
            found.fates += [(target.name, fate) for fate in fated]
            _add_missing(found, subject, fated)
    _compare(found, base, library)
    return found


def _form(rule: Rule) -> Iterator[str]:
    """What is wrong with the rule's form, and what it does not say yet."""
    yield from (str(fault) for fault in form_faults(rule))
    missing = [key for key in _METADATA if not rule.raw.get(key)]
    if missing:
        yield f"{rule.file}: missing: {', '.join(missing)}"
    for key, value in rule.raw.items():
        if TO_WRITE in str(value):
            yield f"{rule.at(key)}: {key} is still to be written"
    try:
        from_tags(rule.raw.get("tags") or (), rule.at("tags"))
    except LibraryError as fault:
        yield str(fault)


def _cases(rule: Rule, base: Path, found: Examination) -> tuple[Case, ...]:
    if not has_fixture(rule, base):
        found.not_executed = "no fixture: `parity fixture RULE` writes one"
        return ()
    try:
        return load_cases(rule, base)
    except ParityError as fault:
        found.not_executed = str(fault)
        return ()


def quick_engines(language: str) -> list[Engine]:
    """The engines that start at once: those of a node in a virtual machine are for `parity verify`."""
    return [engine for engine in engines_for(language) if not hasattr(engine, "missing_parts")]


def _executed(subject: Subject, made: Bench) -> Iterator[Verdict]:
    judges = {path: compile_rule(rule) for path, rule in subject.rules.items()}
    for engine in quick_engines(subject.target.dialect):
        yield verify(subject, engine, made, judges)


def _fates(subject: Subject, made: Bench, most: int) -> list[Fate]:
    around = Surroundings.of(schema_of(subject.target), subject.rules.values())
    every = mutants(subject.query.text, subject.target.dialect, around)
    chosen = spread(every, subject.query.path, most)
    return fates(subject, chosen, quick_engines(subject.target.dialect), made)


def _add_missing(found: Examination, subject: Subject, fated: Sequence[Fate]) -> None:
    """The cases that would tell the survivors of one query apart: each was put into a fixture, and did."""
    known = {repr(case["event"]) for _, _, case in found.missing}
    for fate in fated:
        if fate.killed or not fate.engine or fate.proof.outcome is not Outcome.DISAGREE:
            continue
        case = case_of(fate, found.rule, subject.target.name)
        if case is None or repr(case["event"]) in known:
            continue
        one = Case(case["name"], case["event"], case["match"], case.get("kind"))
        made = bench(schema_of(subject.target), {found.rule.path: (one,)}, {found.rule.path: found.rule})
        if fates(subject, [fate.mutant], quick_engines(subject.target.dialect), made)[0].killed:
            known.add(repr(case["event"]))
            found.missing.append((subject.target.name, fate, case))


def _compare(found: Examination, base: Path, library: Library) -> None:
    """What the rule loses and gains against the revision; a rule that is not there is new."""
    loader = Loader(base, lambda: library, None)
    path = str(base / found.rule.file) + found.rule.path.removeprefix(found.rule.file)
    try:
        before = loader.at_revision(path, found.revision)
    except UsageError as error:
        found.new = "exists on disk, but not in" in error.message or "does not exist in" in error.message
        found.unchanged = "" if found.new else error.message.replace(path, found.rule.path)
        return
    except ParityError as error:
        found.unchanged = str(error)
        return
    try:
        after = loader.load(path)
        found.changes = diff(before.name, after.name, views(before, after, None), notes=notes(before, after, None))
    except ParityError as error:
        found.unchanged = str(error)


def case_of(fate: Fate, rule: Rule, target: str) -> dict[str, Any] | None:
    """The case of a fixture that would tell a mutant apart; None where no event in Sigma's fields shows it."""
    witness = fate.proof.witness
    assert witness is not None
    event = {name: value for name, value in witness.event.items() if value is not None}
    if any(is_free(name) or ":" in name for name in event):
        return None
    told = f"for {target} a query would {fate.mutant.operator}, {fate.mutant.note}"
    name = re.sub("[^A-Za-z0-9 ,./_-]+", "", told)[:72].strip()
    case: dict[str, Any] = {"name": name, "match": witness.rule}
    if witness.kind.split("/")[0] not in {source.label for source in rule.logsources}:
        case["kind"] = witness.kind
    return case | {"event": event}
