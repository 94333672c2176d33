r"""The syntax that PCRE and RE2 share, parsed to characters, repetition and assertions.

Sources: https://www.pcre.org/current/doc/html/pcre2pattern.html and https://github.com/google/re2/wiki/Syntax.
`\d \s \w \b` are ASCII in both. Greedy and lazy repetition describe the same values. What has no regular language, or
one this module does not work out (look-around, back-references, atomic groups, recursion, Unicode properties), raises
OutOfFragment with its name; what the flavour itself refuses raises QueryError.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from converter.semantics.language import char, chars
from converter.semantics.regex_scanner import Scanner
from converter.semantics.regex_tree import NEWLINE, Assert, Choice, Concat, Node, Times

_LOOK = {"=": "look-ahead", "!": "negative look-ahead", "<=": "look-behind", "<!": "negative look-behind"}
_GROUPS = {">": "an atomic group", "R": "recursion", "(": "a conditional group", "&": "a subroutine call",
           "C": "a callout", "P>": "a subroutine call", "P=": "a back-reference", "*": "a look-around"}  # fmt: skip


@dataclass(frozen=True)
class _Flags:
    ignore_case: bool = False
    multiline: bool = False
    dotall: bool = False
    extended: bool = False


def parse(pattern: str, flavour: str, ignore_case: bool) -> Node:
    """The syntax tree of `pattern` in `flavour` (`pcre` or `re2`)."""
    parser = _Parser(pattern, flavour)
    node = parser.choice(_Flags(ignore_case=ignore_case))
    if parser.at < len(pattern):
        raise parser.error("unmatched )")
    return node


class _Parser(Scanner):
    def choice(self, flags: _Flags) -> Node:
        options: list[Node] = []
        while True:
            sequence, flags = self.sequence(flags)
            options.append(sequence)
            if not self.take("|"):
                return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self, flags: _Flags) -> tuple[Node, _Flags]:
        """One alternative, with the flags in force at its end: in PCRE a change also holds in the next one."""
        parts: list[Node] = []
        while self.at < len(self.text) and (self.quoted or self.text[self.at] not in "|)"):
            if flags.extended and not self.quoted and self.skip_blank():
                continue
            changed = None if self.quoted else self.flag_change(flags)
            if changed is not None:
                flags = changed
                continue
            item = self.atom(flags)
            if item is not None:
                parts.append(self.repeated(item, flags))
        return (parts[0] if len(parts) == 1 else Concat(tuple(parts))), flags

    def skip_blank(self) -> bool:
        if self.text[self.at].isspace():
            self.at += 1
            return True
        if self.text[self.at] == "#":
            stop = self.text.find("\n", self.at)
            self.at = len(self.text) if stop < 0 else stop + 1
            return True
        return False

    def flag_change(self, flags: _Flags) -> _Flags | None:
        """`(?i)`, `(?s-m)` …: the flags for the rest of the group."""
        if not self.text.startswith("(?", self.at):
            return None
        stop = self.at + 2
        while stop < len(self.text) and (self.text[stop] in "-^" or self.text[stop].isalpha()):
            stop += 1
        if stop >= len(self.text) or self.text[stop] != ")" or self.text[self.at + 2 : stop] in ("R", "C", ""):
            return None
        letters, self.at = self.text[self.at + 2 : stop], stop + 1
        return self.with_flags(flags, letters)

    def with_flags(self, flags: _Flags, letters: str) -> _Flags:
        names = {"i": "ignore_case", "m": "multiline", "s": "dotall", "x": "extended"}
        value = True
        for letter in letters:
            if letter == "-":
                value = False
            elif letter == "^":
                flags = _Flags()
            elif letter in names:
                flags = replace(flags, **{names[letter]: value})
            elif letter not in ("UJn" if self.flavour == "pcre" else "U"):
                raise self.error(f"unknown flag {letter}")
        return flags

    def repeated(self, item: Node, flags: _Flags) -> Node:
        if self.quoted and self.take("\\E"):  # a repetition after \E is of the last quoted character
            self.quoted = False
        while self.at < len(self.text) and not self.quoted:
            if flags.extended and self.skip_blank():
                continue
            bounds = self.bounds()
            if bounds is None:
                return item
            if self.take("+"):
                raise self.outside("possessive repetition")
            self.take("?")
            item = Times(item, *bounds)
        return item

    def bounds(self) -> tuple[int, int | None] | None:
        for sign, low, high in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self.take(sign):
                return low, high
        start = self.at
        if self.take("{"):
            stop = self.text.find("}", self.at)
            first, comma, second = self.text[self.at : stop].partition(",") if stop > 0 else ("", "", "")
            if not first and second.isdecimal() and self.flavour == "pcre":
                raise self.outside("the repetition {,n}, which versions of PCRE read differently,")
            if first.isdecimal() and (second == "" or second.isdecimal()):
                self.at = stop + 1
                high = int(first) if not comma else int(second) if second else None
                if high is not None and high < int(first):
                    raise self.error("repetition bounds out of order")
                return int(first), high
            self.at = start  # a brace that opens no count is an ordinary character
        return None

    def atom(self, flags: _Flags) -> Node | None:
        """The next item, None when it was only the end of a `\\Q…\\E` quotation or a comment."""
        if self.quoted:
            if self.take("\\E"):
                self.quoted = False
                return None
            return char(self.next(), flags.ignore_case)
        sign = self.next()
        if sign == "(":
            return self.group(flags)
        if sign == "[":
            return self.character_class(flags.ignore_case)
        if sign == ".":
            return chars([(0, 0x10FFFF)]) if flags.dotall else chars(NEWLINE.ranges, negated=True)
        if sign == "^":
            return Assert("line begin" if flags.multiline else "begin")
        if sign == "$":
            return Assert("line end" if flags.multiline else "end")
        if sign in "*+?":
            raise self.error(f"nothing to repeat before {sign}")
        if sign == "\\":
            return self.escape(flags)
        return char(sign, flags.ignore_case)

    def group(self, flags: _Flags) -> Node | None:
        if self.flavour == "pcre" and self.take("*"):
            raise self.outside(f"(*{self.until(')')})")
        if self.take("?"):
            if self.take("#"):
                self.until(")")
                return None
            for sign, name in _LOOK.items():
                if self.take(sign):
                    raise self.outside(name)
            for sign, name in _GROUPS.items():
                if self.take(sign):
                    raise self.outside(name)
            flags = self.group_head(flags)
        node = self.choice(flags)
        if not self.take(")"):
            raise self.error("missing )")
        return node

    def group_head(self, flags: _Flags) -> _Flags:
        """What stands between `(?` and the group's content: a name, flags and a colon, or a bar (branch reset)."""
        if self.take("P<") or self.take("<"):
            self.until(">")
        elif self.take("'"):
            self.until("'")
        elif not self.take("|"):
            letters = self.until(":")
            if letters and not all(c.isalpha() or c in "-^" for c in letters):
                raise self.outside(f"the group (?{letters}")
            flags = self.with_flags(flags, letters)
        return flags

    def escape(self, flags: _Flags) -> Node | None:
        letter = self.next()
        pcre = self.flavour == "pcre"
        found = self.class_escape(letter)
        if found is not None:
            return found
        if letter in "bB":
            return Assert("boundary" if letter == "b" else "no boundary")
        if letter in ("AzZ" if pcre else "Az"):
            return Assert("begin" if letter == "A" else "end")
        if letter == "Q":
            self.quoted = True
            return None
        if pcre and letter == "E":
            return None
        if pcre and letter == "K":  # moves where the match is said to begin, not whether there is one
            return None
        if letter in "123456789" or (pcre and letter in "kg"):
            raise self.outside(f"the back-reference \\{letter}")
        if letter in "pP" or (pcre and letter in "GRXC"):
            raise self.outside(f"\\{letter}")
        return char(chr(self.code(letter)), flags.ignore_case)
