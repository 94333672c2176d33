r"""The characters of a PCRE or RE2 pattern: escapes, classes and POSIX names (see regex_syntax for the sources)."""

from __future__ import annotations

from converter.errors import OutOfFragment, QueryError
from converter.semantics.language import Chars, Range, chars
from converter.semantics.regex_tree import NEWLINE, WORD

_DIGIT = chars([(48, 57)])
_SPACE = {"pcre": chars([(9, 13), (32, 32)]), "re2": chars([(9, 10), (12, 13), (32, 32)])}
_HORIZONTAL = chars([(9, 9), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200A),
                     (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)])  # fmt: skip
_VERTICAL = chars([(10, 13), (0x85, 0x85), (0x2028, 0x2029)])
_POSIX: dict[str, list[Range]] = {
    "alnum": [(48, 57), (65, 90), (97, 122)], "alpha": [(65, 90), (97, 122)], "ascii": [(0, 127)],
    "blank": [(9, 9), (32, 32)], "cntrl": [(0, 31), (127, 127)], "digit": [(48, 57)], "graph": [(33, 126)],
    "lower": [(97, 122)], "print": [(32, 126)], "punct": [(33, 47), (58, 64), (91, 96), (123, 126)],
    "space": [(9, 13), (32, 32)], "upper": [(65, 90)], "word": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "xdigit": [(48, 57), (65, 70), (97, 102)],
}  # fmt: skip
_CONTROL = {"a": 7, "e": 27, "f": 12, "n": 10, "r": 13, "t": 9}


class Scanner:
    """A position in a pattern, and the reading of single characters and classes there."""

    def __init__(self, pattern: str, flavour: str) -> None:
        self.text, self.at, self.flavour = pattern, 0, flavour
        self.quoted = False

    def error(self, message: str) -> QueryError:
        return QueryError(f"{message} at position {self.at} of regular expression {self.text!r}")

    def outside(self, construct: str) -> OutOfFragment:
        return OutOfFragment(f"{construct} in regular expression {self.text!r}")

    def take(self, prefix: str) -> bool:
        if self.text.startswith(prefix, self.at):
            self.at += len(prefix)
            return True
        return False

    def next(self) -> str:
        if self.at >= len(self.text):
            raise self.error("unexpected end")
        self.at += 1
        return self.text[self.at - 1]

    def until(self, end: str) -> str:
        stop = self.text.find(end, self.at)
        if stop < 0:
            raise self.error(f"missing {end}")
        start, self.at = self.at, stop + len(end)
        return self.text[start:stop]

    def class_escape(self, letter: str) -> Chars | None:
        """`\\d` and its like, None when the letter names no class in this flavour."""
        lower = letter.lower()
        table = {"d": _DIGIT, "w": WORD, "s": _SPACE[self.flavour]}
        if self.flavour == "pcre":
            table |= {"h": _HORIZONTAL, "v": _VERTICAL}
            if letter == "N":
                return chars(NEWLINE.ranges, negated=True)
        found = table.get(lower)
        return None if found is None else chars(found.ranges, negated=letter.isupper())

    def code(self, letter: str) -> int:
        """The code point that the escape `\\letter…` stands for."""
        if letter in _CONTROL and (letter != "e" or self.flavour == "pcre"):
            return _CONTROL[letter]
        if letter == "v":
            return 11
        if letter == "x":
            return self.hexadecimal()
        if letter == "c" and self.flavour == "pcre":
            return ord(self.next().upper()) ^ 64
        if letter == "o" and self.flavour == "pcre" and self.take("{"):
            return self.number(self.until("}"), 8)
        if letter in "01234567":
            stop = self.at
            while stop < min(self.at + 2, len(self.text)) and self.text[stop] in "01234567":
                stop += 1
            digits, self.at = letter + self.text[self.at : stop], stop
            return int(digits, 8)
        if letter.isascii() and letter.isalnum():
            raise self.error(f"unknown escape \\{letter}")
        return ord(letter)

    def hexadecimal(self) -> int:
        if self.take("{"):
            return self.number(self.until("}"), 16)
        stop = self.at
        while stop < min(self.at + 2, len(self.text)) and self.text[stop] in "0123456789abcdefABCDEF":
            stop += 1
        digits, self.at = self.text[self.at : stop], stop
        if len(digits) < 2 and self.flavour == "re2":
            raise self.error("incomplete \\x escape")
        return int(digits or "0", 16)

    def number(self, digits: str, base: int) -> int:
        try:
            value = int(digits, base)
        except ValueError:
            raise self.error(f"{digits!r} is no number") from None
        if value > 0x10FFFF:
            raise self.error(f"{digits} is beyond Unicode")
        return value

    def character_class(self, ignore_case: bool) -> Chars:
        negated = self.take("^")
        ranges: list[Range] = []
        first = True
        while first or not self.take("]"):
            low = self.class_member()
            first = False
            if isinstance(low, Chars):
                ranges.extend(low.ranges)
                continue
            high: Chars | int = low
            if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                high = self.class_member()
            if isinstance(high, Chars):
                raise self.error("a class cannot end a range")
            if high < low:
                raise self.error("range out of order")
            ranges.append((low, high))
        return chars(ranges, negated=negated, ignore_case=ignore_case)

    def class_member(self) -> Chars | int:
        if self.take("[:"):
            name = self.until(":]")
            if name.removeprefix("^") not in _POSIX:
                raise self.error(f"unknown class [:{name}:]")
            return chars(_POSIX[name.removeprefix("^")], negated=name.startswith("^"))
        sign = self.next()
        if sign != "\\":
            return ord(sign)
        letter = self.next()
        if letter == "b":
            return 8
        if letter in "pPQE":
            raise self.outside(f"\\{letter} in a character class")
        return self.class_escape(letter) or self.code(letter)
