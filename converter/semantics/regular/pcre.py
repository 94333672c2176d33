r"""Sigma's and Splunk's regular expressions, read as PCRE reads them: `parse`, from whose tree they can be rewritten.

The tree (regex_tree) holds characters as sets, case already in them, repetition, choice and zero-width tests; whatever
engine it is written for, nothing of PCRE's notation, flags or escapes is left to be misread. `regex_print` writes it.

Source: https://www.pcre.org/current/doc/html/pcre2pattern.html (PCRE2 10.47 is the judge of the tests); for what of it
is read in which Unicode mode see pcre_characters. Greedy and lazy repetition find the same values. `$` and `\Z` are the
end of the value (flavours.NO_FINAL_NEWLINE). What describes no regular language, or not for certain, is OutOfFragment
with its name: look-around, back-references, recursion, conditions, callouts, verbs; atomic groups and possessive
repetition where giving back would matter (where it would not they are plain); `{,n}` and blanks in braces, which PCRE2
before 10.43 takes for text. What PCRE refuses is a QueryError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from converter.semantics.regular.atomic import Atomic, settled
from converter.semantics.regular.language import ANY_CHAR, char, chars
from converter.semantics.regular.pcre_characters import NEWLINE, Characters
from converter.semantics.regular.regex_tree import Assert, Choice, Concat, Node, Times

MAX_COUNT = 65_535
_LOOK = {"=": "look-ahead", "!": "negative look-ahead", "<=": "look-behind", "<!": "negative look-behind",
         "*": "look-ahead", "<*": "look-behind"}  # fmt: skip
_GROUPS = {"R": "recursion", "(": "a conditional group", "&": "a subroutine call", "C": "a callout",
           "P>": "a subroutine call", "P=": "a back-reference"}  # fmt: skip
_FLAGS = re.compile(r"\^?[a-zA-Z]*(?:-[a-zA-Z]*)?")
_NAME = re.compile(r"[A-Za-z_]\w*")
_COUNT = re.compile(r"\{(\d*)(,?)(\d*)\}")
_BLANK_COUNT = re.compile(r"\{[ \t]*(?:\d+[ \t]*(?:,[ \t]*\d*[ \t]*)?|,[ \t]*\d+[ \t]*)\}")
_BLANKS = " \t\n\v\f\r\x85\u200e\u200f\u2028\u2029"
#: `\R` takes a pair of carriage return and line feed whole and gives no half of it back.
LINE_BREAK = Choice((
    Concat((char("\r", False), char("\n", False))),
    chars([(10, 12), (0x85, 0x85), (0x2028, 0x2029)]),
    Concat((char("\r", False), Assert("not before newline"))),
))  # fmt: skip


@dataclass(frozen=True)
class _Flags:
    ignore_case: bool = False
    multi_line: bool = False
    dot_all: bool = False
    extended: bool = False
    more_extended: bool = False


def parse(pattern: str, ignore_case: bool = False, multi_line: bool = False, dot_all: bool = False) -> Node:
    """The syntax tree of a PCRE pattern, searched for anywhere in a value.

    Raises OutOfFragment naming the construct that has no regular language, QueryError where PCRE refuses the pattern.
    """
    parser = _Parser(pattern)
    node = parser.choice(_Flags(ignore_case, multi_line, dot_all))
    if parser.rest():
        raise parser.error("unmatched )")
    return settled(node, pattern)


class _Parser(Characters):
    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.groups, self.names = 0, set[str]()

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
        while self.rest() and (self.quoted or self.text[self.at] not in "|)"):
            if self.skip(flags):
                continue
            changed = None if self.quoted else self.flag_change(flags)
            if changed is not None:
                flags = changed
                self.no_quantifier(flags)
                continue
            item = self.atom(flags)
            if isinstance(item, Assert):
                self.no_quantifier(flags)
                parts.append(item)
            elif item is not None:
                parts.append(self.repeated(item, flags))
        return (parts[0] if len(parts) == 1 else Concat(tuple(parts))), flags

    def skip(self, flags: _Flags) -> bool:
        """Whether something that stands for nothing was passed: a comment, the end of a quotation, a blank."""
        if self.take("\\E"):
            self.quoted = False
            return True
        if self.quoted:
            return False
        if self.take("(?#"):
            self.until(")")
            return True
        if flags.extended and self.rest() and self.text[self.at] in _BLANKS:
            self.at += 1
            return True
        if flags.extended and self.take("#"):
            stop = self.text.find("\n", self.at)
            self.at = len(self.text) if stop < 0 else stop + 1
            return True
        return False

    def flag_change(self, flags: _Flags) -> _Flags | None:
        """`(?i)`, `(?s-m)` …: the flags for the rest of the group."""
        if not self.ahead("(?"):
            return None
        found = _FLAGS.match(self.text, self.at + 2)
        if found is None or self.text[found.end() : found.end() + 1] != ")" or found[0] in ("R", "C"):
            return None
        self.at = found.end() + 1
        return self.with_flags(flags, found[0])

    def with_flags(self, flags: _Flags, letters: str) -> _Flags:
        names = {"i": "ignore_case", "m": "multi_line", "s": "dot_all", "x": "extended"}
        value, before = True, ""
        for letter in letters:
            if letter == "-":
                value = False
            elif letter == "^":
                flags = _Flags()
            elif letter in names:
                flags = replace(flags, **{names[letter]: value})
                if letter == "x":
                    flags = replace(flags, more_extended=value and before == "x")
            elif letter in "ar":
                raise self.outside(f"the flag {letter}, which older versions of PCRE lack,")
            elif letter not in "UJn":
                raise self.error(f"unknown flag {letter}")
            before = letter
        return flags

    def no_quantifier(self, flags: _Flags) -> None:
        """Refuses a repetition of what cannot be repeated, as PCRE does."""
        while self.skip(flags):
            pass
        if not self.quoted and self.bounds() is not None:
            raise self.error("nothing to repeat")

    def repeated(self, item: Node, flags: _Flags) -> Node:
        while self.skip(flags):
            pass
        bounds = None if self.quoted else self.bounds()
        if bounds is None:
            return item
        found: Node = Times(item, *bounds)
        if self.take("+"):
            found = Atomic((found,))
        else:
            self.take("?")
        self.no_quantifier(flags)
        return found

    def bounds(self) -> tuple[int, int | None] | None:
        for sign, low, high in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self.take(sign):
                return low, high
        found = _COUNT.match(self.text, self.at)
        if found is None or not found[1]:
            if _BLANK_COUNT.match(self.text, self.at):
                raise self.outside("the repetition {,n} or blanks in braces, which versions of PCRE read differently,")
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
        """The next item, None for the beginning of a quotation."""
        sign = self.next()
        if self.quoted:
            return self.one(ord(sign), flags.ignore_case)
        if sign == "(":
            return self.group(flags)
        if sign == "[":
            return self.character_class(flags.ignore_case, flags.more_extended)
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
        self.at -= 1
        if self.bounds() is not None:
            raise self.error("nothing to repeat")
        self.at += 1
        return self.one(ord(sign), flags.ignore_case)

    def group(self, flags: _Flags) -> Node:
        atomic = self.take("?>") or self.take("*atomic:")
        if not atomic and self.ahead("*") and re.match(r"\*[A-Za-z:]", self.text[self.at :]):
            raise self.outside(f"({self.until(')')})")
        if not atomic and self.take("?"):
            for names in (_LOOK, _GROUPS):
                for sign in sorted(names, key=len, reverse=True):
                    if self.take(sign):
                        raise self.outside(names[sign], "write what may stand there instead" if names is _LOOK else "")
            flags = self.group_head(flags)
        elif not atomic:
            self.groups += 1
        node = self.choice(flags)
        if self.quoted or not self.take(")"):
            raise self.error("missing )")
        if atomic:
            return Atomic((node,))
        return Concat((node,)) if isinstance(node, Assert) else node  # a group may be repeated, a bare test not

    def group_head(self, flags: _Flags) -> _Flags:
        """What stands between `(?` and the group's content: a name, flags and a colon, or a bar (branch reset)."""
        for opening, closing in (("P<", ">"), ("<", ">"), ("'", "'")):
            if self.take(opening):
                name = self.until(closing)
                if not _NAME.fullmatch(name):
                    raise self.error("a group's name is a word that begins with no digit")
                if name in self.names:
                    raise self.outside(f"two groups of the name {name}")
                self.names.add(name)
                self.groups += 1
                return flags
        if self.take("|"):
            return flags
        found = _FLAGS.match(self.text, self.at)
        if found is None or self.text[found.end() : found.end() + 1] != ":":
            if re.match(r"[-+]?\d", self.text[self.at :]):
                raise self.outside("a subroutine call")
            raise self.error("unrecognised characters after (?")
        self.at = found.end() + 1
        return self.with_flags(flags, found[0])

    def escape(self, flags: _Flags) -> Node | None:
        letter = self.next()
        if letter == "Q":
            self.quoted = True
            return None
        if letter in "bB":
            return Assert("boundary" if letter == "b" else "no boundary")
        if letter in "AzZ":
            return Assert("begin" if letter == "A" else "end")
        if letter == "R":
            return LINE_BREAK
        if letter == "K":  # moves where the match is said to begin, not whether there is one
            self.no_quantifier(flags)
            return Concat(())
        if letter == "N" and (not self.ahead("{") or _COUNT.match(self.text, self.at)):
            return chars(NEWLINE.ranges, negated=True)
        if letter in "123456789kg":
            return self.reference(letter, flags)
        if letter in "GXC":
            raise self.outside(f"\\{letter}")
        found = self.class_escape(letter, flags.ignore_case)
        if found is not None:
            return found
        code = self.code(letter)
        if code is None:
            raise self.error(f"unknown escape \\{letter}")
        return self.one(code, flags.ignore_case)

    def reference(self, letter: str, flags: _Flags) -> Node:
        """An octal number of two digits and more, if there are not so many groups; else a back-reference."""
        start = self.at
        number = letter + self.digits("0123456789", 20) if letter not in "kg" else letter
        if len(number) == 1 or letter in "89" or int(number) <= self.groups:
            raise self.outside(f"the back-reference \\{number}", "write the text again that is meant")
        self.at = start
        code = int(letter + self.digits("01234567", 2), 8)
        return self.one(code, flags.ignore_case)
