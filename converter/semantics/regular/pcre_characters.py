r"""The characters of a PCRE pattern: escapes, classes, POSIX names, Unicode categories, and which case means the same.

Sources: https://www.pcre.org/current/doc/html/pcre2pattern.html, sections "Backslash", "Square brackets and character
classes" and "POSIX character classes", and the syntax summary https://www.pcre.org/current/doc/html/pcre2syntax.html.
PCRE is read as with PCRE2_UTF and without PCRE2_UCP: texts are characters, not bytes, `\d \w \s \b` and POSIX names
are ASCII, and case is folded by Unicode's simple pairs ("Case independence" in pcre2unicode). Of ASCII, `k` and `s`
have a third form each there (Kelvin sign, long s), which every platform folds otherwise and no rule means: left out
(`language.char`). Another character with more forms than two is refused where case is ignored.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from converter.core.errors import OutOfFragment, QueryError
from converter.semantics.regular.language import MAX_CHAR, Chars, Range, char, chars, odd_case

NEWLINE = chars([(10, 10)])
_HORIZONTAL = chars([(9, 9), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200A),
                     (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)])  # fmt: skip
VERTICAL = chars([(10, 13), (0x85, 0x85), (0x2028, 0x2029)])
_CLASSES = {
    "d": chars([(48, 57)]), "s": chars([(9, 13), (32, 32)]), "h": _HORIZONTAL, "v": VERTICAL,
    "w": chars([(48, 57), (65, 90), (95, 95), (97, 122)]),
}  # fmt: skip
_POSIX: dict[str, list[Range]] = {
    "alnum": [(48, 57), (65, 90), (97, 122)], "alpha": [(65, 90), (97, 122)], "ascii": [(0, 127)],
    "blank": [(9, 9), (32, 32)], "cntrl": [(0, 31), (127, 127)], "digit": [(48, 57)], "graph": [(33, 126)],
    "lower": [(97, 122)], "print": [(32, 126)], "punct": [(33, 47), (58, 64), (91, 96), (123, 126)],
    "space": [(9, 13), (32, 32)], "upper": [(65, 90)], "word": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "xdigit": [(48, 57), (65, 70), (97, 102)],
}  # fmt: skip
_CONTROL = {"a": 7, "e": 27, "f": 12, "n": 10, "r": 13, "t": 9}
_HEX, _OCTAL = "0123456789abcdefABCDEF", "01234567"
_HYPHEN = ord("-")
_CASED = ("Lu", "Ll", "Lt")


class Characters:
    """A position in a pattern, and the reading of single characters and classes there."""

    def __init__(self, pattern: str) -> None:
        self.text, self.at = pattern, 0
        self.quoted = False

    def error(self, message: str) -> QueryError:
        return QueryError(f"{message} at position {self.at} of regular expression {self.text!r}")

    def outside(self, construct: str, hint: str = "") -> OutOfFragment:
        return OutOfFragment(f"{construct} in regular expression {self.text!r}", hint=hint)

    def rest(self) -> bool:
        return self.at < len(self.text)

    def ahead(self, prefix: str) -> bool:
        return self.text.startswith(prefix, self.at)

    def take(self, prefix: str) -> bool:
        if self.ahead(prefix):
            self.at += len(prefix)
            return True
        return False

    def next(self) -> str:
        if not self.rest():
            raise self.error("unexpected end")
        self.at += 1
        return self.text[self.at - 1]

    def until(self, end: str) -> str:
        stop = self.text.find(end, self.at)
        if stop < 0:
            raise self.error(f"missing {end}")
        start, self.at = self.at, stop + len(end)
        return self.text[start:stop]

    def digits(self, allowed: str, most: int) -> str:
        """The digits here, at most so many."""
        start = self.at
        while self.at < min(start + most, len(self.text)) and self.text[self.at] in allowed:
            self.at += 1
        return self.text[start : self.at]

    def one(self, code: int, ignore_case: bool) -> Chars:
        """A single character; refused where case is ignored and engines disagree on which others it equals."""
        if ignore_case:
            self.check_case(code, code)
        return char(chr(code), ignore_case)

    def check_case(self, low: int, high: int) -> None:
        """Refuses a range with a character beyond ASCII whose other cases are not one other character."""
        if odd := odd_case(low, high):
            raise self.outside(
                f"{odd!r} (U+{ord(odd):04X}) without regard to case, whose forms engines fold differently,",
                "list the forms that are meant",
            )

    def class_escape(self, letter: str, ignore_case: bool) -> Chars | None:
        """The set of `\\d`, `\\p{L}` and their like, None when the letter names none."""
        if letter in "pP":
            return self._category(letter == "P", ignore_case)
        found = _CLASSES.get(letter.lower())
        return None if found is None else chars(found.ranges, negated=letter.isupper())

    def _category(self, negated: bool, ignore_case: bool) -> Chars:
        name = self.until("}") if self.take("{") else self.next()
        if name.startswith("^"):
            name, negated = name[1:], not negated
        if ignore_case and name in (*_CASED, "L&"):
            raise self.outside(f"\\p{{{name}}} without regard to case, which versions of PCRE read differently,")
        ranges = category(name)
        if ranges is None:
            raise self.outside(f"the Unicode property \\p{{{name}}}", "general categories such as \\p{L} are read")
        return chars(ranges, negated=negated)

    def code(self, letter: str) -> int | None:
        """The code point of the escape `\\letter…`; None where the letter begins no character."""
        if letter in _CONTROL:
            return _CONTROL[letter]
        if letter == "x":
            digits = self._braced(16) if self.take("{") else self.digits(_HEX, 2)
            return self.number(digits or "0", 16)
        if letter == "o" and self.take("{"):
            return self.number(self._braced(8), 8)
        if letter == "N" and self.take("{U+"):
            return self.number(self._braced(16), 16)
        if letter == "c":
            following = self.next()
            if not " " <= following <= "~":
                raise self.error("\\c needs a printable ASCII character")
            return ord(following.upper()) ^ 64
        if letter == "0":
            return int("0" + self.digits(_OCTAL, 2), 8)
        if letter.isascii() and letter.isalnum():
            return None
        return ord(letter)

    def _braced(self, base: int) -> str:
        digits = self.until("}")
        if not digits or any(c not in (_HEX if base == 16 else _OCTAL) for c in digits):
            raise self.error(f"{digits!r} is no number of base {base}")
        return digits

    def number(self, digits: str, base: int) -> int:
        value = int(digits, base)
        if value > MAX_CHAR or 0xD800 <= value <= 0xDFFF:
            raise self.error(f"{digits} is no Unicode character")
        return value

    def character_class(self, ignore_case: bool, skip_blanks: bool) -> Chars:
        """What stands after `[`, to its `]`."""
        if self.rest() and self.text[self.at] in ":.=" and self._posix_end() is not None:
            raise self.error("a POSIX name stands outside a class")
        negated = self.take("^")
        members: list[Chars | int | str] = []
        while not members or self.quoted or not self.take("]"):
            member = self._member(ignore_case, skip_blanks)
            if member is not None:
                members.append(member)
        ranges: list[Range] = []
        while members:
            ranges.extend(self._item(members, ignore_case))
        return chars(ranges, negated=negated)

    def _item(self, members: list[Chars | int | str], ignore_case: bool) -> tuple[Range, ...]:
        """A set, a character or a range, taken off the front; a hyphen is itself unless it has both sides."""
        first = members.pop(0)
        ranged = len(members) > 1 and members[0] == "-"
        if isinstance(first, Chars):
            if ranged:
                raise self.error("a class cannot begin a range")
            return first.ranges
        low = high = _HYPHEN if isinstance(first, str) else first
        if ranged:
            last = members[1]
            del members[:2]
            if isinstance(last, Chars):
                raise self.error("a class cannot end a range")
            high = _HYPHEN if isinstance(last, str) else last
        if high < low:
            raise self.error("range out of order")
        if ignore_case:
            self.check_case(low, high)
        return chars([(low, high)], ignore_case=ignore_case).ranges

    def _posix_end(self) -> int | None:
        """Where the POSIX name that begins here with its `:`, `.` or `=` ends; None when none does."""
        sign, at = self.text[self.at], self.at + 1
        while at + 1 < len(self.text):
            pair = self.text[at : at + 2]
            if pair in ("\\]", "\\\\"):
                at += 1
            elif pair == "[" + sign or pair[0] == "]":
                return None
            elif pair == sign + "]":
                return at
            at += 1
        return None

    def _member(self, ignore_case: bool, skip_blanks: bool) -> Chars | int | str | None:
        """A character, a set or `"-"`, a hyphen; None for what stands for nothing, as the ends of a quotation."""
        if self.quoted:
            if self.take("\\E"):
                self.quoted = False
                return None
            return ord(self.next())
        sign = self.next()
        if sign == "[" and self.rest() and self.text[self.at] in ":.=":
            end = self._posix_end()
            if end is not None:
                return self._posix(end)
        if sign in " \t" and skip_blanks:
            return None
        if sign == "-":
            return sign
        return ord(sign) if sign != "\\" else self._class_member_escape(ignore_case)

    def _posix(self, end: int) -> Chars:
        if self.text[self.at] != ":":
            raise self.error("POSIX collating elements are not supported")
        name, self.at = self.text[self.at + 1 : end], end + 2
        if name in ("<", ">"):
            raise self.outside(f"[[:{name}:]]")
        if name.removeprefix("^") not in _POSIX:
            raise self.error(f"unknown class [:{name}:]")
        return chars(_POSIX[name.removeprefix("^")], negated=name.startswith("^"))

    def _class_member_escape(self, ignore_case: bool) -> Chars | int | None:
        letter = self.next()
        if letter in "QE":
            self.quoted = letter == "Q"
            return None
        if letter == "b":
            return 8
        if letter in "1234567":
            return int(letter + self.digits(_OCTAL, 2), 8)
        if letter in "89":
            return ord(letter)
        found = self.class_escape(letter, ignore_case)
        if found is not None:
            return found
        code = self.code(letter)
        if code is None:
            raise self.error(f"\\{letter} in a class")
        return code


@lru_cache(maxsize=64)
def category(name: str) -> tuple[Range, ...] | None:
    """The characters of a Unicode general category (`L`, `Lu`, `L&`, `Any`), None for another property.

    By the Unicode version of Python, which may be another than an engine's for characters new to either.
    """
    if name == "Any":
        return ((0, MAX_CHAR),)
    wanted = _CASED if name == "L&" else (name,)
    out: list[Range] = []
    for low, high, kind in _kinds():
        if kind in wanted or kind[0] in wanted:
            out.append((low, high))
    return chars(out).ranges if out else None


@lru_cache(maxsize=1)
def _kinds() -> tuple[tuple[int, int, str], ...]:
    out: list[tuple[int, int, str]] = []
    for code in range(MAX_CHAR + 1):
        kind = unicodedata.category(chr(code))
        if out and out[-1][2] == kind:
            out[-1] = (out[-1][0], code, kind)
        else:
            out.append((code, code, kind))
    return tuple(out)
