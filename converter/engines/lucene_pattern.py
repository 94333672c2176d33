r"""Lucene regular expressions as patterns of Python's `re`, to be used with `fullmatch`.

Grammar: https://lucene.apache.org/core/10_1_0/core/org/apache/lucene/util/automaton/RegExp.html; Elasticsearch's regexp
query enables all of the optional operators unless told otherwise, and so does EQL:
https://www.elastic.co/docs/reference/query-languages/query-dsl/regexp-syntax. Where the two differ:
- `^` and `$` are ordinary characters in Lucene, and `.` is any character, line breaks included;
- `a+?` is `(a+)?` and `a*+` is `(a*)+`: neither lazy nor possessive repetition exists, so each step gets a group;
- `"a*b"` is literal text, `@` any string, `#` the empty language, `<1-9>` a numeric interval, `&` and `~` operators;
- caselessness reaches single characters, also in a class, but not ranges (`[a-z]`):
  https://github.com/apache/lucene/issues/14378.
"""

from __future__ import annotations

import re
from functools import lru_cache

from converter.errors import QueryError
from converter.semantics.language import char

#: https://lucene.apache.org/core/10_1_0/core/org/apache/lucene/util/automaton/RegExp.html, "predefined character class"
_CLASSES = {"d": "0-9", "s": r"\t\n\r ", "w": "0-9A-Z_a-z"}
_NEVER = "(?!)"


@lru_cache(maxsize=1024)
def compile_lucene(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """A compiled pattern whose `fullmatch` tells what Lucene's does.

    Raises QueryError where Lucene refuses the pattern and for `~`, `&` and `<n-m>`, which are not covered.
    """
    return re.compile(_Translator(pattern, ignore_case).whole(), re.DOTALL)


class _Translator:
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

    def whole(self) -> str:
        if not self.text:
            return ""
        result = self.alternatives()
        if self.at < len(self.text):
            raise self.error("unbalanced parenthesis")
        return result

    def alternatives(self) -> str:
        options = [self.sequence()]
        while self.skip("|"):
            options.append(self.sequence())
        return "|".join(options)

    def sequence(self) -> str:
        parts = [self.repeated()]
        while self.at < len(self.text) and not self.here(")|"):
            parts.append(self.repeated())
        return "".join(parts)

    def repeated(self) -> str:
        item = self.item()
        while self.here("?*+{"):
            sign = self.read()
            item = f"(?:{item}){self.count() if sign == '{' else sign}"
        return item

    def count(self) -> str:
        match = re.compile(r"([0-9]+)(,([0-9]*))?\}").match(self.text, self.at)
        if match is None:
            raise self.error("expected {n}, {n,} or {n,m}")
        if match[3] and int(match[1]) > int(match[3]):
            raise self.error("a repetition whose least count is above its greatest")
        self.at = match.end()
        return "{" + match.group()

    def item(self) -> str:
        sign = self.read()
        if sign in "~&<":
            raise self.error(f"the operator {sign} is not covered")
        if sign in "*+?{|)":
            raise self.error(f"nothing stands before {sign}")
        simple = {".": ".", "@": ".*", "#": _NEVER}.get(sign)
        if simple is not None:
            return f"(?:{simple})"
        if sign == "[":
            return self.bracket()
        if sign == "(":
            return self.group()
        if sign == '"':
            return self.quoted()
        if sign == "\\":
            return self.escaped()
        return f"[{self.cases(sign)}]"

    def group(self) -> str:
        if self.skip(")"):
            return "(?:)"
        inner = self.alternatives()
        if not self.skip(")"):
            raise self.error("expected )")
        return f"(?:{inner})"

    def quoted(self) -> str:
        text, closed, _ = self.text[self.at :].partition('"')
        if not closed:
            raise self.error('expected "')
        self.at += len(text) + 1
        return "(?:" + "".join(f"[{self.cases(c)}]" for c in text) + ")"

    def escaped(self) -> str:
        letter = self.read()
        if letter.lower() in _CLASSES and letter.isascii():
            return f"[{'^' if letter.isupper() else ''}{_CLASSES[letter.lower()]}]"
        if letter.isascii() and letter.isalpha():
            raise self.error(f"\\{letter} is no character class of Lucene")
        return f"[{self.cases(letter)}]"

    def bracket(self) -> str:
        negated = "^" if self.skip("^") else ""
        members: list[str] = []
        while True:
            members.append(self.member())
            if self.skip("]"):
                return f"[{negated}{''.join(members)}]"

    def member(self) -> str:
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
        return f"{_point(ord(sign))}-{_point(ord(last))}"

    def cases(self, character: str) -> str:
        """The members of a Python class that stand for one character, in both cases where case is ignored."""
        ranges = char(character, self.ignore_case).ranges
        return "".join(f"{_point(low)}-{_point(high)}" for low, high in ranges)


def _point(code: int) -> str:
    return f"\\U{code:08x}"
