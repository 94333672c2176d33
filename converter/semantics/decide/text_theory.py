"""Values of a field that is tested as text: is there one with exactly these patterns?

Made-up candidates come first, then the automaton search, which takes the forbidden patterns in one by one as they get
in the way; what it proves impossible is a conflict over few patterns, and so a lemma worth learning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from converter.semantics.decide.candidates import candidates
from converter.semantics.decide.domain import FieldDomain
from converter.semantics.decide.evaluate import as_address, contains
from converter.semantics.decide.formula import Variable
from converter.semantics.decide.predicate import Addresses
from converter.semantics.decide.theory import Answer, Conflict, Found, GaveUp, conflict
from converter.semantics.regular import sets
from converter.semantics.regular.automata import Machine, Meter, OverBudgetError, search
from converter.semantics.regular.build import either
from converter.semantics.regular.language import ANY_STRING
from converter.semantics.regular.sequences import Alternatives, alternatives, surely_apart, surely_includes

#: Steps that one of the quick questions (is this pattern part of that one?) may take.
QUICK_STEPS = 50_000
#: After so many conflicts on a field, all inclusions between its patterns are looked for at once.
SATURATE_AFTER = 3
MAX_PAIRS = 20_000
MAX_HITS = 6
BUDGET_REASON = "the search for a value of field {} went over its budget"

EMPTY: Alternatives = ((),)
_IPV4, _ANY_IP = sets.ipv4_texts(0, 2**32 - 1), sets.IPV6_LOOKALIKE


class TextTheory:
    """The texts of one field against all the variables that test it."""

    def __init__(self, field: str, variables: list[Variable], domain: FieldDomain, sort: str, meter: Meter) -> None:
        self.field, self.domain, self.sort, self.meter = field, domain, sort, meter
        self.variables = variables
        self.index = {variable: index for index, variable in enumerate(variables)}
        #: A superset of each variable's texts; `exact` says that it is the set itself.
        self.texts = [_texts(variable) for variable in variables]
        self.exact = [variable.kind != "address" or variable.piece[0] == 4 for variable in variables]
        self.inside = [alternatives(language) for language in _domain_languages(domain, sort)]
        self.outside = [EMPTY] if domain.empty_is_missing else []
        self.machine = Machine([*self.texts, *self.inside, *self.outside])
        count = len(variables)
        self._all = (1 << count) - 1
        self._must = ((1 << len(self.inside)) - 1) << count
        self._must_not = ((1 << len(self.outside)) - 1) << (count + len(self.inside))
        #: Every text tried so far with the variables that hold of it, None outside the domain.
        self.profiles: dict[str, int | None] = {}
        self._included: dict[tuple[int | None, int], bool] = {}
        self._conflicts = 0
        self._excluded: tuple[Conflict, ...] | None = None
        for value in (*domain.samples, *(text for variable in variables for text in _edges(variable))):
            self.profile(str(value))

    def profile(self, text: str) -> int | None:
        """A mask of the variables that hold of `text`, None when the domain excludes it."""
        if text not in self.profiles:
            mask = self.machine.members(text)
            inside = mask & self._must == self._must and not mask & self._must_not
            if self.sort == "address":
                inside = inside and as_address(text) is not None
            mask &= self._all
            for index, exact in enumerate(self.exact):
                if not exact and not contains(Addresses((self.variables[index].piece,)), text):
                    mask &= ~(1 << index)
            self.profiles[text] = mask if inside else None
        return self.profiles[text]

    def value(self, text: str) -> Any:
        """A text as the value of the event."""
        return int(text) if self.sort == "number" else text

    def solve(self, required: list[Variable], forbidden: list[Variable], extra: Extra = ((), ())) -> Answer:
        """A text on which exactly the required variables, and none of the forbidden ones, hold.

        `extra` are languages that the text must, and must not, be in besides.
        """
        if self._excluded is None:
            self._excluded = tuple(self._outside_the_domain())
            if self._excluded:
                return self._excluded
        wanted, unwanted = self._mask(required), self._mask(forbidden)
        best = None
        for text in (*self._samples(), *self._candidates(required, extra), *self.profiles):
            mask = self.profile(text)
            if mask is None or mask & wanted != wanted or not _fits(text, extra):
                continue
            hits = mask & unwanted
            if not hits:
                return Found(self.value(text))
            if best is None or hits.bit_count() < best.bit_count():
                best = hits
        if not any(extra):
            quick = self._quick_conflicts(required, best)
            if quick:
                self._conflicts += 1
                return quick if self._conflicts != SATURATE_AFTER else quick + self._saturated()
        return self._search(required, forbidden, extra)

    def _outside_the_domain(self) -> Iterator[Conflict]:
        """One conflict for each pattern that no value of the domain can have, as far as that is plain to see."""
        for variable, texts in zip(self.variables, self.texts, strict=True):
            if any(all(surely_apart(a, b) for a in texts for b in inside) for inside in self.inside):
                yield Conflict(frozenset((variable,)), frozenset())

    def _samples(self) -> list[str]:
        return [str(value) for value in self.domain.samples]

    def _candidates(self, required: list[Variable], extra: Extra) -> list[str]:
        chosen = [self.texts[self.index[variable]] for variable in required]
        return list(candidates([*chosen, *extra[0], *self.inside]))

    def _mask(self, variables: list[Variable]) -> int:
        return sum(1 << self.index[variable] for variable in variables)

    def _quick_conflicts(self, required: list[Variable], hits: int | None) -> tuple[Conflict, ...]:
        """Why a candidate failed: patterns that exclude each other, or one that another includes."""
        out = []
        if hits is None:
            for position, one in enumerate(required[:8]):
                for other in required[position + 1 : 8]:
                    if self._impossible([self.index[one], self.index[other]], []):
                        out.append(Conflict(frozenset((one, other)), frozenset()))
            return tuple(out)
        while hits and len(out) < MAX_HITS:
            index = hits.bit_length() - 1
            hits ^= 1 << index
            for variable in required or (None,):
                narrow = None if variable is None else self.index[variable]
                if self.includes(index, narrow):
                    names = frozenset(() if variable is None else (variable,))
                    out.append(Conflict(names, frozenset((self.variables[index],))))
                    # Patterns that are equal as sets are met often: learn the other half at once.
                    if variable is not None and narrow is not None and self.includes(narrow, index):
                        out.append(Conflict(frozenset((self.variables[index],)), names))
                    break
        return tuple(out)

    def _saturated(self) -> tuple[Conflict, ...]:
        """All inclusions between two patterns that a made-up text of the narrower one suggests and a check confirms."""
        out, pairs = [], 0
        for narrow, variable in enumerate(self.variables):
            text = next(candidates([self.texts[narrow], *self.inside]), None)
            hits = (self.profile(text) or 0) & ~(1 << narrow) if text is not None else 0
            for wide in _bits(hits):
                pairs += 1
                if pairs < MAX_PAIRS and self.includes(wide, narrow):
                    out.append(Conflict(frozenset((variable,)), frozenset((self.variables[wide],))))
        return tuple(out)

    def includes(self, wide: int, narrow: int | None) -> bool:
        """Whether every text of variable `narrow` (None: of the domain) is one of `wide`; False when unsure."""
        key = (narrow, wide)
        if key not in self._included:
            sure = narrow is not None and self.exact[wide] and _surely(self.texts[wide], self.texts[narrow])
            self._included[key] = sure or self._impossible([] if narrow is None else [narrow], [wide])
        return self._included[key]

    def _impossible(self, required: list[int], forbidden: list[int]) -> bool:
        if not all(self.exact[index] for index in forbidden):
            return False
        try:
            found = self._run(required, forbidden, ((), ()), Meter(min(QUICK_STEPS, self.meter.steps)))
        except OverBudgetError:
            return False
        if found is not None:
            self.profile(found)
        return found is None

    def _run(self, required: list[int], forbidden: list[int], extra: Extra, meter: Meter) -> str | None:
        inside = [*(self.texts[index] for index in required), *self.inside, *extra[0]]
        return search(inside, [*(self.texts[index] for index in forbidden), *self.outside, *extra[1]], meter)

    def _search(self, required: list[Variable], forbidden: list[Variable], extra: Extra) -> Answer:
        needed, banned = [self.index[variable] for variable in required], self._mask(forbidden)
        wanted = self._mask(required)
        considered: list[int] = []
        while True:
            try:
                text = self._run(needed, considered, extra, self.meter)
            except OverBudgetError:
                return GaveUp(BUDGET_REASON.format(self.field))
            if text is None:
                if any(extra):
                    return GaveUp(f"no value of field {self.field} was found that compares with another field as asked")
                return self._minimal(needed, considered)
            mask = self.profile(text)
            hits = [index for index in _bits((mask or 0) & banned) if self.exact[index]]
            if mask is not None and mask & wanted == wanted and not mask & banned:
                return Found(self.value(text))
            if not hits:
                return GaveUp(f"field {self.field} is tested both as an IPv6 address and as text")
            considered.extend(hits)

    def _minimal(self, needed: list[int], considered: list[int]) -> tuple[Conflict, ...]:
        """The conflict with each pattern left out that it does not need."""
        for index in [*considered[:16], *needed[:8]]:
            fewer = ([i for i in needed if i != index], [i for i in considered if i != index])
            if self._impossible(*fewer):
                needed, considered = fewer
        return conflict([self.variables[i] for i in needed], [self.variables[i] for i in considered])


Extra = tuple[tuple[Alternatives, ...], tuple[Alternatives, ...]]


def _surely(wide: Alternatives, narrow: Alternatives) -> bool:
    return all(any(surely_includes(outer, inner) for outer in wide) for inner in narrow)


def _fits(text: str, extra: Extra) -> bool:
    if not any(extra):
        return True
    members = Machine([*extra[0], *extra[1]]).members(text)
    return members == (1 << len(extra[0])) - 1


def _bits(mask: int) -> list[int]:
    out = []
    while mask:
        out.append(mask.bit_length() - 1)
        mask ^= 1 << out[-1]
    return out


def _texts(variable: Variable) -> Alternatives:
    if variable.kind == "number":
        return alternatives(sets.integer_texts(variable.piece))
    if variable.kind == "address":
        version, first, last = variable.piece
        return alternatives(sets.ipv4_texts(first, last) if version == 4 else sets.IPV6_LOOKALIKE)
    return (variable.piece,)


def _edges(variable: Variable) -> list[str]:
    """Texts at the ends of a variable's range, to be tried as values."""
    if variable.kind == "number":
        return [str(end) for end in variable.piece if end is not None]
    if variable.kind == "address":
        version, first, last = variable.piece
        return [sets.address_text(version, number) for number in {first, min(first + 1, last), last}]
    return []


def _domain_languages(domain: FieldDomain, sort: str) -> list[Any]:
    out: list[Any] = [] if domain.language == ANY_STRING else [domain.language]
    if sort == "number":
        out.append(sets.CANONICAL_INTEGER)
        if domain.numbers != ((None, None),):
            out.append(either(sets.integer_texts(interval) for interval in domain.numbers))
    if sort == "address":
        out.append(either((_IPV4, _ANY_IP)))
    return out
