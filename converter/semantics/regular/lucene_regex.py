r"""The regular expressions of Lucene: anchored, with their own operators.

Source of the grammar: https://www.elastic.co/docs/reference/query-languages/query-dsl/regexp-syntax and the class
documentation https://lucene.apache.org/core/10_1_0/core/org/apache/lucene/util/automaton/RegExp.html.
- A pattern describes the whole value; `^` and `$` are ordinary characters.
- `\d \D \s \S \w \W` are classes since Lucene 8.6; a backslash before another ASCII letter is an error there; before
  anything else it makes that character literal.
- Under `case_insensitive` a single character stands for both cases, while a range `[a-z]` keeps to the letters it
  names (https://github.com/elastic/elasticsearch/pull/125412, https://github.com/apache/lucene/issues/14378). An empty
  string (`()`, `""`) matches nothing then, unless it is merged with literal text beside it (toCaseInsensitiveString
  in RegExp): measured on 8.19, and refused here.
- A repetition of what matches nothing (`#*`) depends on how it is written: `#?` is the empty string, `#*`, `#*?` are
  nothing, `#{2}` fails in ES|QL. Measured on 8.19, and refused here.
"""

from __future__ import annotations

from collections.abc import Iterable

from converter.core.errors import OutOfFragment, QueryError
from converter.semantics.regular import lucene_effort
from converter.semantics.regular.build import EMPTY_CLASS, either, join, repeat
from converter.semantics.regular.language import (
    ANY_CHAR,
    ANY_STRING,
    EMPTY_STRING,
    NOTHING,
    Alt,
    Chars,
    Language,
    Range,
    Repeat,
    Seq,
    char,
    chars,
    literal,
)

_CLASSES: dict[str, Chars] = {
    "d": chars([(48, 57)]),
    "s": chars([(9, 10), (13, 13), (32, 32)]),
    "w": chars([(48, 57), (65, 90), (95, 95), (97, 122)]),
}
_OPTIONAL = {"~": "COMPLEMENT", "&": "INTERSECTION", "#": "EMPTY", "@": "ANYSTRING", "<": "INTERVAL"}
_REPETITIONS = "?*+{"
MAX_INTERVAL = 1_000
#: `index.max_regex_length`, in UTF-16 units:
#: https://www.elastic.co/docs/reference/elasticsearch/index-settings/index-modules
MAX_LENGTH = 1_000


def excess(pattern: str, ignore_case: bool = False, flags: str = "ALL") -> str:
    """What is too much for Elasticsearch about a pattern, "" if nothing is: its length, or the effort it takes.

    Raises as `parse` does for a pattern that is none, or not covered.
    """
    length = len(pattern.encode("utf-16-le", "surrogatepass")) // 2
    if length > MAX_LENGTH:
        return f"an expression of {length:,} UTF-16 units: Elasticsearch takes {MAX_LENGTH:,}"
    return lucene_effort.excess(_Written(pattern, ignore_case, _enabled(flags)).whole())


def parse(pattern: str, ignore_case: bool, flags: str) -> Language:
    """The language of `pattern`; `flags` are the optional operators as Elasticsearch names them (`ALL`, `NONE`, `A|B`).

    Raises QueryError where Elasticsearch would refuse the pattern, OutOfFragment for complement and intersection.
    """
    language = _Parser(pattern, ignore_case, _enabled(flags)).whole()
    if found := excess(pattern, ignore_case, flags):
        raise QueryError(f"the Lucene regular expression {pattern[:80]!r} is too complex: {found}")
    return language


def _enabled(flags: str) -> frozenset[str]:
    """The signs of the optional operators that are on."""
    names = set(flags.upper().split("|"))
    if unknown := names - {"ALL", "NONE", "COMPLEMENT", "INTERSECTION", "EMPTY", "ANYSTRING", "INTERVAL", "AUTOMATON"}:
        raise QueryError(f"unknown regular expression flag {sorted(unknown)[0]}")
    return frozenset(sign for sign, name in _OPTIONAL.items() if "ALL" in names or name in names)


class _Parser:
    """The language of a pattern; what is the same is made one."""

    join = staticmethod(join)
    either = staticmethod(either)
    repeat = staticmethod(repeat)

    def __init__(self, pattern: str, ignore_case: bool, enabled: frozenset[str]) -> None:
        self.text, self.at, self.ignore_case, self.enabled = pattern, 0, ignore_case, enabled

    def whole(self) -> Language:
        if not self.text:
            return self.empty()
        language = self.union()
        if self.at < len(self.text):
            raise self.error(f"unexpected {self.text[self.at]!r}")
        return language

    def empty(self) -> Language:
        if self.ignore_case:
            raise OutOfFragment("an empty string in a Lucene regular expression that ignores case", hint="write (x)?")
        return EMPTY_STRING

    def error(self, message: str) -> QueryError:
        return QueryError(f"{message} at position {self.at} of Lucene regular expression {self.text!r}")

    def peek(self, options: str) -> bool:
        return self.at < len(self.text) and self.text[self.at] in options

    def take(self, character: str) -> bool:
        if self.peek(character):
            self.at += 1
            return True
        return False

    def next(self) -> str:
        if self.at >= len(self.text):
            raise self.error("unexpected end")
        self.at += 1
        return self.text[self.at - 1]

    def union(self) -> Language:
        options = [self.concatenation()]
        while self.take("|"):
            options.append(self.concatenation())
        return self.either(options)

    def concatenation(self) -> Language:
        parts = [self.repetition()]
        while self.at < len(self.text) and not self.peek(")|"):
            if "&" in self.enabled and self.peek("&"):
                raise OutOfFragment("the intersection operator & of a Lucene regular expression")
            parts.append(self.repetition())
        return self.join(parts)

    def repetition(self) -> Language:
        first = self.peek(_REPETITIONS)  # of nothing: a character like any other, `(?i)a` finds "?ia"
        item = self.atom()
        if first and self.peek(_REPETITIONS):
            # what the grammar says is not what 8.19.21 does: `?*` finds "*" and not "?"
            raise OutOfFragment("a repetition of nothing in a Lucene regular expression", hint="escape the sign")
        while self.peek(_REPETITIONS):
            sign = self.next()
            if sign == "{":
                item = self.counted(item)
            else:
                low, high = {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
                item = self.repeated(item, low, high)
        return item

    def repeated(self, item: Language, low: int, high: int | None) -> Language:
        if item in (NOTHING, EMPTY_CLASS):
            raise OutOfFragment("a repetition of what matches nothing in a Lucene regular expression")
        return self.repeat(item, low, high)

    def counted(self, item: Language) -> Language:
        low = self.integer()
        if low is None:
            raise self.error("integer expected")
        high: int | None = low
        if self.take(","):
            high = self.integer()
        if not self.take("}"):
            raise self.error("expected '}'")
        if high is not None and low > high:
            raise self.error(f"invalid repetition range(out of order): {low}..{high}")
        return self.repeated(item, low, high)

    def integer(self) -> int | None:
        start = self.at
        while self.peek("0123456789"):
            self.at += 1
        return int(self.text[start : self.at]) if self.at > start else None

    def atom(self) -> Language:
        if self.peek("~") and "~" in self.enabled:
            raise OutOfFragment("the complement operator ~ of a Lucene regular expression")
        sign = self.next()
        if sign == "[":
            return self.character_class()
        if sign == ".":
            return ANY_CHAR
        if sign == "#" and sign in self.enabled:
            return NOTHING
        if sign == "@" and sign in self.enabled:
            return ANY_STRING
        if sign == "<" and sign in self.enabled:
            return self.interval()
        if sign == '"':
            end = self.text.find('"', self.at)
            if end < 0:
                raise self.error("expected '\"'")
            start, self.at = self.at, end + 1
            return literal(self.text[start:end], self.ignore_case) if start < end else self.empty()
        if sign == "(":
            return self.group()
        self.at -= 1
        return self.predefined() or char(self.one(), self.ignore_case)

    def group(self) -> Language:
        if self.take(")"):
            return self.empty()
        language = self.union()
        if not self.take(")"):
            raise self.error("expected ')'")
        return language

    def predefined(self) -> Chars | None:
        if not self.peek("\\") or self.at + 1 >= len(self.text):
            return None
        letter = self.text[self.at + 1]
        if letter in "dDsSwW":
            self.at += 2
            ranges = _CLASSES[letter.lower()].ranges
            return chars(ranges, negated=letter.isupper())
        if letter.isascii() and letter.isalpha():
            raise self.error(f"invalid character class \\{letter}")
        return None

    def one(self) -> str:
        """One character, a backslash before it making it literal."""
        self.take("\\")
        return self.next()

    def character_class(self) -> Chars:
        negated = self.take("^")
        if self.peek("]"):
            # a literal by the grammar; `[]?*]{1}` does not find `?`, though `[]?]` does (measured on 8.19.21)
            raise OutOfFragment("a class of a Lucene regular expression that begins with ]", hint="escape it")
        ranges: list[Range] = []
        while True:
            predefined = self.predefined()
            if predefined is not None:
                ranges.extend(predefined.ranges)
            else:
                ranges.extend(self.class_member())
            if self.at >= len(self.text):
                raise self.error("expected ']'")
            if self.take("]"):
                return chars(ranges, negated=negated)

    def class_member(self) -> tuple[Range, ...]:
        first = self.one()
        if not self.take("-"):
            return char(first, self.ignore_case).ranges
        last = self.one()
        if first > last:
            raise self.error(f"invalid range {first}-{last}")
        return ((ord(first), ord(last)),)

    def interval(self) -> Language:
        end = self.text.find(">", self.at)
        low, dash, high = self.text[self.at : end].partition("-")
        if end < 0 or not dash or not (low.isdecimal() and high.isdecimal()):
            raise self.error("interval syntax error")
        self.at = end + 1
        first, last = sorted((int(low), int(high)))
        if last - first > MAX_INTERVAL:
            raise OutOfFragment(f"a numeric interval <n-m> of a Lucene regular expression wider than {MAX_INTERVAL}")
        width = len(low) if len(low) == len(high) else 0
        # Without a fixed width Lucene accepts any number of leading zeros.
        zeros = () if width else (repeat(char("0", False), 0, None),)
        return either(join((*zeros, literal(str(n).zfill(width), False))) for n in range(first, last + 1))


class _Written(_Parser):
    """The tree of a pattern as it is written, which is what Lucene's effort goes by."""

    @staticmethod
    def join(parts: Iterable[Language]) -> Language:
        found = tuple(parts)
        return found[0] if len(found) == 1 else Seq(found)

    @staticmethod
    def either(options: Iterable[Language]) -> Language:
        found = tuple(options)
        return found[0] if len(found) == 1 else Alt(found)

    repeat = staticmethod(Repeat)
