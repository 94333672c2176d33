"""The gate: a query leaves the project only with a proof that it means what its rule means.

One pair of a source (rule or detection) and a target is converted, read back and decided on its own: what is wrong with
it stops no other pair. A query that is not proved is refused with the event that shows it, unless a person lets it
through (`unproved`); its header then says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from converter.build.settings import DEFAULTS, Settings, local_detection, local_rule, local_target
from converter.convert.convert import Converter
from converter.convert.correlate import correlation_query
from converter.core.correlation import Correlation
from converter.core.discovery import did_you_mean, schema_of, targets
from converter.core.errors import LibraryError, OutOfFragment, ParityError, Unsupported
from converter.core.memory import LastFew
from converter.core.model import Detection, Query, Rule, Target
from converter.core.platform import Schema
from converter.core.verdict import Outcome
from converter.dialects.dialect import Dialect
from converter.dialects.layout import one_line
from converter.dialects.registry import dialect
from converter.prove.correlation import prove_correlation
from converter.prove.prove import Proof, prove
from converter.rules.bounds import check_size
from converter.rules.meaning import meaning
from converter.semantics.decide.predicate import Predicate

Source = Rule | Detection | Correlation


@dataclass(frozen=True)
class Refusal:
    """Why a target has no query of a source.

    `outcome` is UNSUPPORTED (the platform or its language cannot say it), DISAGREE, OUT_OF_FRAGMENT or ERROR (what was
    written is not proved); `feature` is what is missing, for counting; `where` is `path:line`.
    """

    source: str
    target: str
    outcome: Outcome
    reason: str
    feature: str = ""
    where: str = ""
    hint: str = ""

    def told(self) -> str:
        """The refusal as a sentence with its place."""
        place = f"{self.where or self.source}: "
        return f"{place}{self.target}: {self.outcome.value} {self.reason}"


@dataclass(frozen=True)
class Pair:
    """How a pair ended: with a `query` and its `proof`; with a `refusal`, and the proof if it came to that; or with the
    `fault` of a broken rule. `line` is where the rule's detection stands."""

    source: str
    target: str
    query: Query | None = None
    proof: Proof | None = None
    refusal: Refusal | None = None
    fault: ParityError | None = None
    line: int = 1


@dataclass(frozen=True)
class Gate:
    """Converts sources as a site has them, and lets through what is proved.

    `rules` holds the parts of detections. With `proving` off nothing is decided: for callers that prove themselves.
    With `unasked` nothing is either, and each query is let through as one that is not proved.
    `notes` stand in the header of every query.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict)
    settings: Settings = DEFAULTS
    unproved: bool = False
    proving: bool = True
    unasked: bool = False
    notes: tuple[str, ...] = ()
    #: what is alike at all targets of a source is made once
    _converter: Converter = field(init=False, repr=False, compare=False)
    _local: LastFew[Rule, Rule] = field(default_factory=LastFew, init=False, repr=False, compare=False)
    _meanings: LastFew[Rule, Predicate] = field(default_factory=LastFew, init=False, repr=False, compare=False)
    _checked: LastFew[Rule, object] = field(default_factory=LastFew, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Makes the converter, which knows the site's placeholders and the notes."""
        object.__setattr__(self, "_converter", Converter(self.settings.placeholders, self.notes))

    def wants(self, source: Source, target: Target) -> bool:
        """Whether the source is for the target at all."""
        return self.settings.wants(source, target.name, self.rules)

    def local(self, source: Source, target: Target) -> tuple[Source, dict[str, Rule]]:
        """The source as the site has it at a target, and its rules, by label for a detection, by reference for a
        correlation, by path for a rule."""
        if isinstance(source, Rule):
            narrowed = self._narrowed(source)
            return narrowed, {narrowed.path: narrowed}
        if isinstance(source, Correlation):
            return source, {name: self._narrowed(rule) for name, rule in source.parts(self.rules)}
        parts = {part.label: self._narrowed(self.rules[part.rule]) for part in source.parts}
        return local_detection(source, target, self.settings), parts

    def _narrowed(self, rule: Rule) -> Rule:
        return self._local.of(rule, lambda: local_rule(rule, self.settings))

    def pair(self, source: Source, target: Target) -> Pair:
        """One pair. Nothing is raised but what ends the whole run, such as an interrupt."""
        line = _line(source)
        pair = Pair(source.path, target.name, line=line)
        try:
            own, rules = self.local(source, target)
            self._check_sizes(rules.values())
            query = self._convert(own, rules, target)
            if not self.proving or self.unasked:
                return replace(pair, query=query, proof=NO_PROOF if self.unasked else None)
            return self._decided(replace(pair, query=query), own, rules, target)
        except Unsupported as error:
            return replace(pair, query=None, refusal=_unsupported(pair, error, self._narrowing(source)))
        except OutOfFragment as error:
            return replace(pair, query=None, refusal=_out_of_fragment(pair, error, f"{_file(source)}:{line}"))
        except ParityError as error:
            error.where = error.where or f"{_file(source)}:{line}"
            return replace(pair, query=None, fault=error)
        except Exception as error:
            return replace(pair, query=None, refusal=_crash(pair, error))

    def _check_sizes(self, rules: Iterable[Rule]) -> None:
        for rule in rules:
            self._checked.of(rule, partial(check_size, rule, self.settings.placeholders))

    def _meaning(self, rule: Rule) -> Predicate:
        return self._meanings.of(rule, lambda: meaning(rule, self.settings.placeholders))

    def _narrowing(self, source: Source) -> str:
        """Which exclusions have a part in what cannot be said: the rule alone may well convert."""
        rules = parts_of(source, self.rules)
        paths = [e.path for e in self.settings.exclusions if any(e.covers(rule) for rule in rules)]
        return f"narrowed by {', '.join(paths)}: " if paths else ""

    def query(self, source: Source, target: Target, *notes: str) -> Query:
        """The query of a source as the site has it, undecided, with `notes` in its header. Raises ParityError."""
        return self._convert(*self.local(source, target), target, *notes)

    def _convert(self, source: Source, rules: Mapping[str, Rule], target: Target, *notes: str) -> Query:
        local = local_target(target, self.settings)
        if isinstance(source, Rule):
            return self._converter.query(source, local, *notes)
        if isinstance(source, Correlation):
            noted = Converter(self.settings.placeholders, (*self.notes, *notes))
            return correlation_query(noted, source, rules, local)
        return self._converter.detection(source, {rule.path: rule for rule in rules.values()}, local, *notes)

    def _decided(self, pair: Pair, source: Source, rules: Mapping[str, Rule], target: Target) -> Pair:
        assert pair.query is not None
        query = self._judged(pair.query, source, rules, target)
        if isinstance(source, Correlation):
            proof = prove_correlation(query, target, source, rules, means=self._meaning)
        else:
            proof = prove(query, target, rules, means=self._meaning)
        if proof.outcome is Outcome.AGREE:
            return replace(pair, proof=proof)
        if self.unproved:
            noted = self._convert(source, rules, target, not_proved(proof))
            return replace(pair, query=noted, proof=proof)
        feature = f"not proved: {proof.outcome.value.lower()}"
        refusal = Refusal(
            pair.source, pair.target, proof.outcome, proof.reason, feature, f"{_file(source)}:{pair.line}",
            "report it with the rule; --unproved lets it through, and the file says so",
        )  # fmt: skip
        return replace(pair, query=None, proof=proof, refusal=refusal)

    def _judged(self, query: Query, source: Source, rules: Mapping[str, Rule], target: Target) -> Query:
        """The query to be decided. Where a site names its own indices it is the query over the usual ones: what a
        site's indices hold is the site's word. Both are read, and must differ in these names alone."""
        if not self.settings.of(target.name).indices:
            return query
        usual = replace(self, settings=_without_indices(self.settings, target.name))
        other = usual._convert(source, rules, target)
        language, schema = dialect(target.dialect), schema_of(target)
        reading = _correlated if isinstance(source, Correlation) else _single
        if reading(language, query.text, schema) != reading(language, other.text, schema):
            raise ParityError(
                f"{target.name}: the indices of parity.toml change more than where the query looks", _file(source)
            )
        return other


#: instead of a proof where none was asked for
NO_PROOF = Proof(Outcome.NOT_RUN, "no proof was asked for")


def not_proved(proof: Proof) -> str:
    """What the header of a query says that was let through without a proof."""
    return noted(proof.outcome.value, proof.reason)


def noted(verdict: str, reason: str) -> str:
    """The same of a verdict that is known by its words."""
    return one_line(f"NOT PROVED: {verdict} {reason}")


def target_faults(rule: Rule) -> list[ParityError]:
    """Targets that a rule's own `parity: {targets: …}` names and that do not exist."""
    named = (rule.raw.get("parity") or {}).get("targets") or ()
    return [
        LibraryError(f"parity: unknown target {name!r}", rule.at("parity"), did_you_mean(name, targets()))
        for name in named
        if name not in targets()
    ]


def parts_of(source: Source, rules: Mapping[str, Rule]) -> list[Rule]:
    """The rules that a source consists of; `rules` maps a path to its rule."""
    if isinstance(source, Rule):
        return [source]
    if isinstance(source, Correlation):
        return [rules[path] for path in source.rules]
    return [rules[part.rule] for part in source.parts]


def _line(source: Source) -> int:
    """The line to point at where nothing more exact is known."""
    if isinstance(source, Detection):
        return 1
    return source.lines.get("correlation" if isinstance(source, Correlation) else "detection", 1)


def _file(source: Source) -> str:
    return source.path if isinstance(source, Detection) else source.file


def _unsupported(pair: Pair, error: Unsupported, narrowing: str) -> Refusal:
    reason = narrowing + error.message.removeprefix(f"{pair.target}: ")
    return Refusal(
        pair.source, pair.target, Outcome.UNSUPPORTED, reason, error.feature, error.where or pair.source, error.hint
    )


def _out_of_fragment(pair: Pair, error: OutOfFragment, place: str) -> Refusal:
    """A rule that means what cannot be decided, such as an expression with too large an automaton."""
    feature = f"not proved: {Outcome.OUT_OF_FRAGMENT.value.lower()}"
    where = error.where or place
    return Refusal(pair.source, pair.target, Outcome.OUT_OF_FRAGMENT, error.message, feature, where, error.hint)


def _crash(pair: Pair, error: Exception) -> Refusal:
    """A fault of Parity's own: named, and no reason to leave the other pairs undone."""
    told = str(error).splitlines()[0][:200] if str(error) else "no message"
    reason = f"a fault of Parity's own: {type(error).__name__}: {told}"
    hint = "please report it with the rule"
    return Refusal(pair.source, pair.target, Outcome.ERROR, reason, "fault of Parity", pair.source, hint)


def _without_indices(settings: Settings, target: str) -> Settings:
    own = {**settings.targets, target: replace(settings.of(target), indices={})}
    return replace(settings, targets=own)


def _single(language: Dialect, text: str, schema: Schema) -> object:
    """What a query means, wherever it looks."""
    return _shape(language.read(text, schema))


def _correlated(language: Dialect, text: str, schema: Schema) -> object:
    found = language.correlated(text, schema)
    return replace(found, legs=tuple(replace(leg, branches=_shape(leg.branches)) for leg in found.legs))


def _shape(branches: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(replace(branch, tables=()) for branch in branches)
