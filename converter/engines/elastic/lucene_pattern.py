r"""Lucene's regular expressions and wildcards, matched against whole values without trying anything twice.

Grammar: https://lucene.apache.org/core/10_1_0/core/org/apache/lucene/util/automaton/RegExp.html; Elasticsearch's regexp
query enables all of the optional operators unless told otherwise, and so does EQL:
https://www.elastic.co/docs/reference/query-languages/query-dsl/regexp-syntax. What differs from Python's `re`:
- `^` and `$` are ordinary characters in Lucene, and `.` is any character, line breaks included;
- `a+?` is `(a+)?` and `a*+` is `(a*)+`: neither lazy nor possessive repetition exists;
- `"a*b"` is literal text, `@` any string, `#` the empty language, `<1-9>` a numeric interval, `&` and `~` operators;
- caselessness reaches single characters, also in a class, but not ranges (`[a-z]`):
  https://github.com/apache/lucene/issues/14378.

An expression is a function from the positions at which it may begin to those at which it may end. Such a set is one
integer with a bit for each position, so that a loop costs a step a position, whatever stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from converter.core.errors import QueryError
from converter.semantics.regular.language import char

#: https://lucene.apache.org/core/10_1_0/core/org/apache/lucene/util/automaton/RegExp.html, "predefined character class"
_CLASSES = {
    "d": ((48, 57),),
    "s": ((9, 10), (13, 13), (32, 32)),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
}
_Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Value:
    """A value as its characters' places: bit n of `places[c]` says that c stands at n; `ends` are all positions."""

    places: dict[str, int]
    length: int

    @property
    def ends(self) -> int:
        return (2 << self.length) - 1


@lru_cache(maxsize=4096)
def _value(text: str) -> _Value:
    places: dict[str, int] = {}
    for at, c in enumerate(text):
        places[c] = places.get(c, 0) | 1 << at
    return _Value(places, len(text))


_Step = Callable[[int, _Value], int]


@dataclass(frozen=True)
class Pattern:
    """A compiled expression."""

    step: _Step

    def fullmatch(self, text: str) -> bool:
        """Whether the whole of `text` matches."""
        return bool(self.step(1, _value(text)) >> len(text) & 1)


@lru_cache(maxsize=1024)
def compile_lucene(pattern: str, ignore_case: bool) -> Pattern:
    """A compiled pattern that tells what Lucene's does.

    Raises QueryError where Lucene refuses the pattern, for `~`, `&` and `<n-m>`, which are not covered, and for an
    empty string where case is ignored: there it matches nothing in Lucene, unless it stands beside literal text.
    """
    return Pattern(_Parser(pattern, ignore_case).whole())


def compile_wildcard(parts: Sequence[tuple[str, str]]) -> Callable[[str], bool]:
    """The test of a pattern given as (kind, text) with kind `any` (any run), `one` (any character) or `char`.

    What stands between two runs has a fixed length, so its earliest place is the best one.
    """
    runs: list[list[str]] = [[]]
    for kind, text in parts:
        if kind == "any":
            runs.append([])
        else:
            runs[-1].append("." if kind == "one" else re.escape(text))
    pieces = [(re.compile("".join(run), re.DOTALL), len(run)) for run in runs]

    def test(value: str) -> bool:
        (first, begin), *between = pieces
        if not between:
            return first.fullmatch(value) is not None
        last, size = between.pop()
        at = begin
        if len(value) < begin + size or not first.match(value):
            return False
        for piece, _ in between:
            found = piece.search(value, at)
            if found is None:
                return False
            at = found.end()
        return at <= len(value) - size and last.match(value, len(value) - size) is not None

    return test


def _characters(ranges: _Ranges, negated: bool = False) -> _Step:
    def step(starts: int, value: _Value) -> int:
        found = 0
        for c, places in value.places.items():
            if any(low <= ord(c) <= high for low, high in ranges) is not negated:
                found |= places
        return (starts & found) << 1

    return step


def _empty(starts: int, value: _Value) -> int:
    return starts


def _never(starts: int, value: _Value) -> int:
    return 0


def _anything(starts: int, value: _Value) -> int:
    """From the first of the starts on, every position."""
    return value.ends & -(starts & -starts) if starts else 0


def _one(starts: int, value: _Value) -> int:
    return starts << 1 & value.ends


def _sequence(parts: Sequence[_Step]) -> _Step:
    if _never in parts:
        return _never

    def step(starts: int, value: _Value) -> int:
        for part in parts:
            starts = part(starts, value)
        return starts

    return step


def _either(options: Sequence[_Step]) -> _Step:
    options = [option for option in options if option is not _never]
    if not options:
        return _never

    def step(starts: int, value: _Value) -> int:
        found = 0
        for option in options:
            found |= option(starts, value)
        return found

    return step


def _repeated(item: _Step, least: int, most: int | None) -> _Step:
    if item is _one and least == 0 and most is None:
        return _anything

    def step(starts: int, value: _Value) -> int:
        for _ in range(least):
            if not starts:
                return 0
            starts = item(starts, value)
        found = new = starts
        left = most - least if most is not None else -1
        while new and left:
            new = item(new, value) & ~found
            found |= new
            left -= 1
        return found

    return step


class _Parser:
    def __init__(self, text: str, ignore_case: bool) -> None:
        self.text, self.at, self.ignore_case = text, 0, ignore_case

    def error(self, message: str) -> QueryError:
        return QueryError(f"{message} at position {self.at} of the regular expression {self.text!r}")

    def here(self, signs: str) -> bool:
        return self.at < len(self.text) and self.text[self.at] in signs

    def skip(self, sign: str) -> bool:
        found = self.here(sign)
        self.at += found
        return found

    def read(self) -> str:
        if self.at == len(self.text):
            raise self.error("unexpected end")
        self.at += 1
        return self.text[self.at - 1]

    def whole(self) -> _Step:
        if not self.text:
            return self.empty()
        result = self.alternatives()
        if self.at < len(self.text):
            raise self.error("unbalanced parenthesis")
        return result

    def empty(self) -> _Step:
        if self.ignore_case:
            raise self.error("an empty string where case is ignored, which matches nothing there, is not covered")
        return _empty

    def alternatives(self) -> _Step:
        options = [self.sequence()]
        while self.skip("|"):
            options.append(self.sequence())
        return _either(options) if len(options) > 1 else options[0]

    def sequence(self) -> _Step:
        parts = [self.repeated()]
        while self.at < len(self.text) and not self.here(")|"):
            parts.append(self.repeated())
        return _sequence(parts) if len(parts) > 1 else parts[0]

    def repeated(self) -> _Step:
        item = self.item()
        while self.here("?*+{"):
            sign = self.read()
            if item is _never:
                raise self.error("a repetition of what matches nothing is not covered")
            least, most = self.count() if sign == "{" else (int(sign == "+"), 1 if sign == "?" else None)
            item = _repeated(item, least, most)
        return item

    def count(self) -> tuple[int, int | None]:
        match = re.compile(r"([0-9]+)(,([0-9]*))?\}").match(self.text, self.at)
        if match is None:
            raise self.error("expected {n}, {n,} or {n,m}")
        if match[3] and int(match[1]) > int(match[3]):
            raise self.error("a repetition whose least count is above its greatest")
        self.at = match.end()
        most = match[3] if match[2] else match[1]
        return int(match[1]), int(most) if most else None

    def item(self) -> _Step:
        sign = self.read()
        if sign in "~&<":
            raise self.error(f"the operator {sign} is not covered")
        if sign in "*+?{|)":
            raise self.error(f"nothing stands before {sign}, which is then a plain character: not covered")
        simple: dict[str, _Step] = {".": _one, "@": _anything, "#": _never}
        if sign in simple:
            return simple[sign]
        if sign == "[":
            return self.bracket()
        if sign == "(":
            return self.group()
        if sign == '"':
            return self.quoted()
        if sign == "\\":
            return self.escaped()
        return _characters(self.cases(sign))

    def group(self) -> _Step:
        if self.skip(")"):
            return self.empty()
        inner = self.alternatives()
        if not self.skip(")"):
            raise self.error("expected )")
        return inner

    def quoted(self) -> _Step:
        text, closed, _ = self.text[self.at :].partition('"')
        if not closed:
            raise self.error('expected "')
        self.at += len(text) + 1
        return _sequence([_characters(self.cases(c)) for c in text]) if text else self.empty()

    def escaped(self) -> _Step:
        letter = self.read()
        if letter.lower() in _CLASSES and letter.isascii():
            return _characters(_CLASSES[letter.lower()], letter.isupper())
        if letter.isascii() and letter.isalpha():
            raise self.error(f"\\{letter} is no character class of Lucene")
        return _characters(self.cases(letter))

    def bracket(self) -> _Step:
        negated = self.skip("^")
        members: list[tuple[int, int]] = []
        while True:
            members += self.member()
            if self.skip("]"):
                return _characters(tuple(members), negated)

    def member(self) -> _Ranges:
        sign = self.read()
        if sign == "\\":
            letter = self.read()
            if letter.isascii() and letter.isalpha():
                if letter not in _CLASSES:
                    raise self.error(f"\\{letter} is not covered within [ ]")
                return _CLASSES[letter]
            sign = letter
        if not self.skip("-"):
            return self.cases(sign)
        self.skip("\\")
        last = self.read()
        if sign > last:
            raise self.error(f"the range {sign}-{last} is empty")
        return ((ord(sign), ord(last)),)

    def cases(self, character: str) -> _Ranges:
        """The characters that one stands for, in both cases where case is ignored."""
        return char(character, self.ignore_case).ranges
