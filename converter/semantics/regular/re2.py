r"""RE2's regular expressions, and those on which RE2 and KQL's documented engine agree.

RE2: https://github.com/google/re2/wiki/Syntax. `\d \s \w \b` are ASCII, `\s` lacks the vertical tab.

KQL: Microsoft's page described RE2 for long; the present one (https://learn.microsoft.com/azure/kusto/query/re2, "Regex
syntax") documents another engine: `\d \w \s \b` of Unicode, classes within classes and their operators `&&`, `--`,
`~~`, other escapes. That is the syntax of Rust's regex crate (https://docs.rs/regex/latest/regex/#syntax), which is
what `Both` goes by where the page is silent. Which engine a cluster runs nobody here can see, so a pattern has a
meaning for `Both` only if it is one and the same in the two; what to write instead is the error's hint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from converter.core.errors import OutOfFragment, QueryError
from converter.semantics.regular.language import ANY_CHAR, Chars, Range, char, chars, odd_case
from converter.semantics.regular.regex_tree import NEWLINE, WORD, Assert, Choice, Concat, Node, Times

#: RE2 refuses larger counts (`kMaxRepeat`).
MAX_COUNT = 1_000
_CLASSES = {"d": chars([(48, 57)]), "s": chars([(9, 10), (12, 13), (32, 32)]), "w": WORD}
_SPELT = {"d": "[0-9]", "D": "[^0-9]", "w": "[0-9A-Za-z_]", "W": "[^0-9A-Za-z_]", "s": r"[\t\n\f\r ]",
          "S": r"[^\t\n\f\r ]"}  # fmt: skip
_POSIX: dict[str, list[Range]] = {
    "alnum": [(48, 57), (65, 90), (97, 122)], "alpha": [(65, 90), (97, 122)], "ascii": [(0, 127)],
    "blank": [(9, 9), (32, 32)], "cntrl": [(0, 31), (127, 127)], "digit": [(48, 57)], "graph": [(33, 126)],
    "lower": [(97, 122)], "print": [(32, 126)], "punct": [(33, 47), (58, 64), (91, 96), (123, 126)],
    "space": [(9, 13), (32, 32)], "upper": [(65, 90)], "word": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "xdigit": [(48, 57), (65, 70), (97, 102)],
}  # fmt: skip
_CONTROL = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_COUNT = re.compile(r"\{(\d+)(,?)(\d*)\}", re.ASCII)


@dataclass(frozen=True)
class _Flags:
    ignore_case: bool = False
    multi_line: bool = False
    dot_all: bool = False


class Re2:
    """RE2's syntax: a position in a pattern, and the reading of it."""

    def __init__(self, pattern: str) -> None:
        self.text, self.at = pattern, 0
        self.quoted = False

    def error(self, message: str) -> QueryError:
        return QueryError(f"{message} at position {self.at} of regular expression {self.text!r}")

    def differ(self, construct: str, hint: str) -> None:
        """Called where KQL's documented engine reads `construct` otherwise than RE2, or refuses it."""

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

    def choice(self, flags: _Flags) -> Node:
        options: list[Node] = []
        while True:
            sequence, flags = self.sequence(flags)
            options.append(sequence)
            if not self.take("|"):
                return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self, flags: _Flags) -> tuple[Node, _Flags]:
        """One alternative, with the flags in force at its end: a change also holds in the next one."""
        parts: list[Node] = []
        while self.at < len(self.text) and (self.quoted or self.text[self.at] not in "|)"):
            changed = None if self.quoted else self.flag_change(flags)
            if changed is not None:
                flags = changed
                continue
            item = self.atom(flags)
            if item is not None:
                parts.append(self.repeated(item))
        return (parts[0] if len(parts) == 1 else Concat(tuple(parts))), flags

    def flag_change(self, flags: _Flags) -> _Flags | None:
        """`(?i)`, `(?s-m)` …: the flags for the rest of the group."""
        found = re.compile(r"\(\?([a-zA-Z]+(?:-[a-zA-Z]+)?|-[a-zA-Z]+)\)").match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return self.with_flags(flags, found[1])

    def with_flags(self, flags: _Flags, letters: str) -> _Flags:
        names = {"i": "ignore_case", "m": "multi_line", "s": "dot_all"}
        value = True
        for letter in letters:
            if letter == "-":
                value = False
            elif letter in names:
                flags = replace(flags, **{names[letter]: value})
            elif letter != "U":
                raise self.error(f"unknown flag {letter}")
        return flags

    def repeated(self, item: Node) -> Node:
        if self.quoted and self.take("\\E"):  # a repetition after \E is of the last quoted character
            self.quoted = False
        bounds = None if self.quoted else self.bounds()
        if bounds is None:
            return item
        self.take("?")
        if self.bounds() is not None:
            raise self.error("a repetition of a repetition")
        return Times(item, *bounds)

    def bounds(self) -> tuple[int, int | None] | None:
        for sign, low, high in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self.take(sign):
                return low, high
        found = _COUNT.match(self.text, self.at)
        if found is None:
            return None
        least = int(found[1])
        most = least if not found[2] else int(found[3]) if found[3] else None
        if max(least, most or 0) > MAX_COUNT:
            raise self.error(f"a repetition of more than {MAX_COUNT}")
        if most is not None and most < least:
            raise self.error("repetition bounds out of order")
        self.at = found.end()
        return least, most

    def atom(self, flags: _Flags) -> Node | None:
        """The next item, None when it was only an end of a `\\Q…\\E` quotation."""
        if self.quoted:
            if self.take("\\E"):
                self.quoted = False
                return None
            return self.one(ord(self.next()), flags.ignore_case)
        sign = self.next()
        if sign == "(":
            return self.group(flags)
        if sign == "[":
            return self.character_class(flags.ignore_case)
        if sign == ".":
            return ANY_CHAR if flags.dot_all else chars(NEWLINE.ranges, negated=True)
        if sign == "^":
            return Assert("line begin" if flags.multi_line else "begin")
        if sign == "$":
            return Assert("line end" if flags.multi_line else "end")
        if sign in "*+?":
            raise self.error(f"nothing to repeat before {sign}")
        if sign == "\\":
            return self.escape(flags)
        if sign == "{":
            self.at -= 1
            if self.bounds() is not None:
                raise self.error("nothing to repeat")
            self.at += 1
            self.differ("a brace that begins no count", r"\{")
        return self.one(ord(sign), flags.ignore_case)

    def group(self, flags: _Flags) -> Node:
        if self.take("?"):
            flags = self.group_head(flags)
        node = self.choice(flags)
        if not self.take(")"):
            raise self.error("missing )")
        return node

    def group_head(self, flags: _Flags) -> _Flags:
        """What stands between `(?` and the group's content: a name, or flags and a colon."""
        if re.compile("<?[=!]").match(self.text, self.at):
            raise OutOfFragment(f"look-around, which RE2 has not, in regular expression {self.text!r}")
        named = self.take("P<")
        if not named and self.take("<"):
            self.differ("(?<name>…)", "(?P<name>…)")
            named = True
        if named:
            if not re.fullmatch(r"\w+", self.until(">")):
                raise self.error("a group's name is a word")
            return flags
        found = re.compile(r"([a-zA-Z]*(?:-[a-zA-Z]+)?):").match(self.text, self.at)
        if found is None:
            raise self.error("RE2 has no such group")
        self.at = found.end()
        return self.with_flags(flags, found[1])

    def escape(self, flags: _Flags) -> Node | None:
        letter = self.next()
        if letter in "bB":
            self.differ(f"\\{letter}", "(^|[^0-9A-Za-z_]) or ([^0-9A-Za-z_]|$)")
            return Assert("boundary" if letter == "b" else "no boundary")
        if letter in "Az":
            return Assert("begin" if letter == "A" else "end")
        if letter == "Q":
            self.differ("\\Q…\\E", "a backslash before each sign")
            self.quoted = True
            return None
        if letter == "C":
            raise OutOfFragment(f"\\C, a single byte, in regular expression {self.text!r}")
        found = self.class_escape(letter)
        return found if found is not None else self.one(self.code(letter), flags.ignore_case)

    def one(self, code: int, ignore_case: bool) -> Chars:
        if ignore_case:
            self.check_case(code, code)
        return char(chr(code), ignore_case)

    def check_case(self, low: int, high: int) -> None:
        """Refuses what has, without regard to case, more forms than the pairs that languages know."""
        if odd := odd_case(low, high):
            raise OutOfFragment(
                f"{odd!r} (U+{ord(odd):04X}) without regard to case in regular expression {self.text!r}",
                hint="list the forms that are meant",
            )

    def class_escape(self, letter: str) -> Chars | None:
        """`\\d` and its like, None when the letter names no class."""
        if letter in "pP":
            raise OutOfFragment(f"the Unicode property \\{letter} in regular expression {self.text!r}")
        found = _CLASSES.get(letter.lower())
        if found is None:
            return None
        self.differ(f"\\{letter}", _SPELT[letter])
        return chars(found.ranges, negated=letter.isupper())

    def code(self, letter: str) -> int:
        """The code point that the escape `\\letter…` stands for."""
        if letter in _CONTROL:
            return _CONTROL[letter]
        if letter == "x":
            return self.hexadecimal()
        if letter in "01234567":
            found = re.compile("[0-7]{0,2}").match(self.text, self.at)
            digits = letter + (found[0] if found else "")
            if letter != "0" and len(digits) == 1:
                raise self.error(f"RE2 has no back-references: \\{letter}")
            self.differ(f"the octal escape \\{digits}", f"\\x{int(digits, 8):02x}")
            self.at += len(digits) - 1
            return int(digits, 8)
        if not letter.isascii() or letter.isalnum():
            raise self.error(f"unknown escape \\{letter}")
        if letter in "<>":
            self.differ(f"\\{letter}", letter)
        return ord(letter)

    def hexadecimal(self) -> int:
        digits = self.until("}") if self.take("{") else self.text[self.at : self.at + 2]
        if not re.fullmatch("[0-9A-Fa-f]+", digits) or int(digits, 16) > 0x10FFFF:
            raise self.error("no hexadecimal number of a character after \\x")
        if self.text[self.at - 1] != "}":
            if len(digits) < 2:
                raise self.error("incomplete \\x escape")
            self.at += 2
        return int(digits, 16)

    def character_class(self, ignore_case: bool) -> Chars:
        negated = self.take("^")
        ranges: list[Range] = []
        first = True
        while first or not self.take("]"):
            hyphen = self.text.startswith("-", self.at)
            low = self.class_member()
            if hyphen and not first and not self.text.startswith("]", self.at):
                self.differ("a hyphen amid a class", r"\-")
            first = False
            ranged = self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at)
            if isinstance(low, Chars):
                if ranged:
                    self.differ("a hyphen after a class", r"\-")
                ranges.extend(low.ranges)
                continue
            high: Chars | int = low
            if ranged:
                self.at += 1
                if self.text.startswith("-", self.at):
                    self.differ("-- in a class", r"\-")
                high = self.class_member()
            if isinstance(high, Chars):
                raise self.error("a class cannot end a range")
            if high < low:
                raise self.error("range out of order")
            if ignore_case:
                self.check_case(low, high)
            ranges.append((low, high))
        return chars(ranges, negated=negated, ignore_case=ignore_case)

    def class_member(self) -> Chars | int:
        if self.text.find(":]", self.at) > 0 and self.take("[:"):
            name = self.until(":]")
            if name.removeprefix("^") not in _POSIX:
                raise self.error(f"unknown class [:{name}:]")
            return chars(_POSIX[name.removeprefix("^")], negated=name.startswith("^"))
        sign = self.next()
        if sign == "[":
            self.differ("[ in a class", r"\[")
        if sign in "&~-" and self.text.startswith(sign, self.at):
            self.differ(f"{sign}{sign} in a class", f"\\{sign}")
        if sign != "\\":
            return ord(sign)
        letter = self.next()
        return self.class_escape(letter) or self.code(letter)


class Both(Re2):
    """What means the same in RE2 and in the engine that Microsoft documents for KQL."""

    def differ(self, construct: str, hint: str) -> None:
        message = (
            f"RE2 and the engine that Microsoft documents for KQL read {construct} differently, at position {self.at}"
        )
        raise OutOfFragment(f"{message} of regular expression {self.text!r}", hint=f"write {hint}")


def parse(pattern: str, ignore_case: bool, syntax: type[Re2] = Re2) -> Node:
    """The syntax tree of `pattern`, searched for anywhere in a value."""
    parser = syntax(pattern)
    node = parser.choice(_Flags(ignore_case=ignore_case))
    if parser.at < len(pattern):
        raise parser.error("unmatched )")
    return node
