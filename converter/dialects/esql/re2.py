r"""Lucene's regular expressions rewritten for RE2, the engine inside DuckDB; used by the second opinion only.

Grammar: https://lucene.apache.org/core/10_1_0/core/org/apache/lucene/util/automaton/RegExp.html with all optional
operators on, as RLIKE has it. Complement, intersection and numeric intervals have no form in RE2 and are refused.
"""

from __future__ import annotations

from converter.errors import QueryError

_CLASSES = {"d": "0-9", "s": r"\t\n\r ", "w": "0-9A-Z_a-z"}
_REFUSED = {"~": "complement", "&": "intersection", "<": "an interval"}


def to_re2(pattern: str) -> str:
    """A pattern for RE2's full match that accepts the same strings. Raises QueryError."""
    if not pattern:
        return ""
    reader = _Reader(pattern)
    out = reader.union()
    if reader.more():
        raise reader.fault(f"unexpected {reader.peek()!r}")
    return f"(?s){out}"


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def fault(self, what: str) -> QueryError:
        return QueryError(f"ES|QL: RLIKE pattern {self.pattern!r}: {what}")

    def more(self) -> bool:
        return self.at < len(self.pattern)

    def peek(self) -> str:
        return self.pattern[self.at] if self.more() else ""

    def next(self) -> str:
        if not self.more():
            raise self.fault("ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def take(self, character: str) -> bool:
        found = self.peek() == character
        self.at += found
        return found

    def union(self) -> str:
        options = [self.sequence()]
        while self.take("|"):
            options.append(self.sequence())
        return f"(?:{'|'.join(options)})"

    def sequence(self) -> str:
        parts = [self.repeated()]
        while self.more() and self.peek() not in ")|":
            parts.append(self.repeated())
        return "".join(parts)

    def repeated(self) -> str:
        atom = self.atom()
        while (sign := self.peek()) and sign in "?*+{":
            self.at += 1
            if sign == "{":
                end = self.pattern.find("}", self.at)
                bounds, self.at = self.pattern[self.at : end], end + 1
                low, comma, high = bounds.partition(",")
                if end < 0 or not low.isdigit() or not (high.isdigit() or not high):
                    raise self.fault(f"bad repetition {{{bounds}}}")
                sign = f"{{{low}{comma}{high}}}"
            atom = f"(?:{atom}){sign}"
        return atom

    def atom(self) -> str:
        character = self.next()
        if character == "(":
            if self.take(")"):
                return "(?:)"
            inner = self.union()
            if not self.take(")"):
                raise self.fault("missing )")
            return inner
        if character in _REFUSED:
            raise self.fault(f"{_REFUSED[character]} is not covered")
        if character in "|)*+?{":
            raise self.fault(f"nothing before {character!r}")
        simple = {".": ".", "@": "(?:.*)", "#": r"[^\x00-\x{10FFFF}]"}
        if character in simple:
            return simple[character]
        if character == '"':
            end = self.pattern.find('"', self.at)
            if end < 0:
                raise self.fault("an open quote")
            text, self.at = self.pattern[self.at : end], end + 1
            return "".join(map(_literal, text)) or "(?:)"
        if character == "[":
            return self.character_class()
        if character == "\\":
            members, negated = self.escaped()
            return f"[{'^' if negated else ''}{members}]"
        return _literal(character)

    def escaped(self) -> tuple[str, bool]:
        """What follows a backslash, as members of a class, and whether they are excluded."""
        character = self.next()
        if character.lower() in _CLASSES:
            return _CLASSES[character.lower()], character.isupper()
        if character.isascii() and character.isalpha():
            raise self.fault(f"unknown class \\{character}")
        return _literal(character), False

    def character_class(self) -> str:
        negated = self.take("^")
        members = [self.member()]
        while self.more() and self.peek() != "]":
            members.append(self.member())
        if not self.take("]"):
            raise self.fault("missing ]")
        return f"[{'^' if negated else ''}{''.join(members)}]"

    def member(self) -> str:
        if self.take("\\"):
            members, negated = self.escaped()
            if negated:
                raise self.fault("a negated class inside a class is not covered")
            return members
        first = self.next()
        if not self.take("-"):
            return _literal(first)
        self.take("\\")
        last = self.next()
        if last < first:
            raise self.fault(f"the range {first}-{last} is empty")
        return f"{_literal(first)}-{_literal(last)}"


def _literal(character: str) -> str:
    return character if character.isascii() and character.isalnum() else f"\\x{{{ord(character):X}}}"
