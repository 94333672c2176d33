r"""Perl-style regular expressions of rules as a tree that writers re-emit: the converter's own strict parser.

Sigma's `re` is PCRE, unanchored (specification 2.1, modifiers appendix). Read as PCRE2 does in UTF mode without UCP
(https://www.pcre.org/current/doc/html/pcre2pattern.html): `\d \w \s \b` and POSIX classes are ASCII. What has no
regular language, or means one thing in one release and another in the next, is refused by its name. The prover reads
expressions with a parser of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NoReturn

from converter.core.errors import Unsupported
from converter.dialects import charset
from converter.dialects.charset import DIGIT, HORIZONTAL, POSIX, SPACE, VERTICAL, WORD, Ranges
from converter.dialects.condition import Regex
from converter.dialects.pcre_tree import Alt, Anchor, Dot, Literal, Node, Repeat, Seq, Set
from converter.dialects.writer import refuse

_NOT_REGULAR = {
    "(?=": "look-ahead",
    "(?!": "look-ahead",
    "(?<=": "look-behind",
    "(?<!": "look-behind",
    "(?>": "an atomic group",
    "(?R": "recursion",
    "(?(": "a conditional group",
    "(?&": "a subroutine call",
    "(?P>": "a subroutine call",
    "(?P=": "a back-reference",
    "(?C": "a callout",
    "(*": "a verb",
}
_CONTROL = {"a": 7, "e": 27, "f": 12, "n": 10, "r": 13, "t": 9}
_TYPES = {"d": DIGIT, "s": SPACE, "w": WORD, "h": HORIZONTAL, "v": VERTICAL}
_REFUSED = {
    "R": "\\R is an atomic group",
    "X": "\\X depends on the engine's Unicode version",
    "C": "\\C is a part of a character",
    "G": "\\G depends on where a search began",
    "g": "it has a back-reference",
    "k": "it has a back-reference",
    "p": "\\p depends on the engine's Unicode version",
    "P": "\\P depends on the engine's Unicode version",
}
_ANCHORS = {"A": "begin", "z": "end", "Z": "end", "b": "boundary", "B": "no boundary"}
_QUANTIFIER = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
#: braces that PCRE2 takes for a quantifier from 10.43 on and for text before; `{}` and `{,}` are text in all releases
_NEWER_QUANTIFIER = re.compile(r"\{[ \t]*(?:\d+[ \t]*(?:,[ \t]*\d*)?|,[ \t]*\d+)[ \t]*\}")
#: a digit escape that is no back-reference: up to three octal digits ("Non-printing characters" of pcre2pattern)
_OCTAL = re.compile(r"[0-7]{1,3}")
_GROUP_NAME = re.compile(r"\?(?:P?<|')([A-Za-z_]\w*)[>']")
_FLAGS = re.compile(r"\?(\^?)([imsxnJU]*)(?:-([imsxnJU]*))?([:)])")


@dataclass(frozen=True)
class _Flags:
    fold: bool
    lines: bool
    newline: bool
    extended: bool = False


@lru_cache(maxsize=256)
def parse(leaf: Regex) -> Node:
    """The tree of a rule's expression. Raises Unsupported with what it is that cannot be carried over."""
    try:
        parser = _Parser(leaf.pattern)
        node = parser.alternatives(_Flags(leaf.ignore_case, leaf.multi_line, leaf.dot_all))
    except RecursionError:
        raise refuse("regex", f"the expression nests too deeply: {leaf.pattern[:60]}…") from None
    if parser.at < len(parser.text):
        parser.fail("it closes a group that is not open")
    return node


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        #: capturing groups opened so far
        self.groups = 0

    def fail(self, why: str) -> NoReturn:
        raise self.error(why)

    def error(self, why: str) -> Unsupported:
        return refuse("regex", f"regular expression not carried over, {why}: {self.text}", "rewrite the expression")

    def take(self, text: str) -> bool:
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def alternatives(self, flags: _Flags) -> Node:
        options: list[Node] = []
        while True:
            option, flags = self.sequence(flags)
            options.append(option)
            if not self.take("|"):
                return options[0] if len(options) == 1 else Alt(tuple(options))

    def sequence(self, flags: _Flags) -> tuple[Node, _Flags]:
        """One alternative and the flags at its end, which hold on in the next one."""
        parts: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            if flags.extended and self._blank():
                continue
            found = self._flags(flags)
            if found is not None:
                flags = found
                continue
            quoted = self._quoted()
            if quoted is not None:
                parts.extend(Literal(c, flags.fold) for c in quoted[:-1])
                parts.extend([self._repeated(Literal(quoted[-1], flags.fold), flags)] if quoted else [])
                continue
            item = self._atom(flags)
            if item is not None:
                parts.append(self._repeated(item, flags))
        return (parts[0] if len(parts) == 1 else Seq(tuple(parts))), flags

    def _blank(self) -> bool:
        found = re.compile(r"[ \t\n\v\f\r]+|#[^\n]*\n?").match(self.text, self.at)
        if found:
            self.at = found.end()
        return found is not None

    def _flags(self, flags: _Flags) -> _Flags | None:
        """`(?i)` and its like, which hold up to the end of the group; None if something else stands here."""
        if self.take("(?#"):
            end = self.text.find(")", self.at)
            if end < 0:
                self.fail("a comment is not closed")
            self.at = end + 1
            return flags
        found = _FLAGS.match(self.text, self.at + 1) if self.text.startswith("(?", self.at) else None
        if found is None or found[4] != ")":
            return None
        self.at = found.end()
        return self._changed(flags, found)

    def _changed(self, flags: _Flags, found: re.Match[str]) -> _Flags:
        if found[1]:
            flags = _Flags(False, False, False, False)
        for letters, value in ((found[2], True), (found[3] or "", False)):
            for letter in letters:
                name = {"i": "fold", "m": "lines", "s": "newline", "x": "extended"}.get(letter)
                flags = replace(flags, **{name: value}) if name else flags
        return flags

    def _quoted(self) -> str | None:
        if self.take("\\E"):
            return ""
        if not self.take("\\Q"):
            return None
        end = self.text.find("\\E", self.at)
        found = self.text[self.at : end if end >= 0 else len(self.text)]
        self.at += len(found)
        self.take("\\E")
        return found

    def _atom(self, flags: _Flags) -> Node | None:
        c = self.text[self.at]
        if c == "(":
            return self._group(flags)
        self.at += 1
        if c == "[":
            return self._class(flags)
        if c == "\\":
            return self._escape(flags)
        if c == ".":
            return Dot(flags.newline)
        if c in "^$":
            side = "begin" if c == "^" else "end"
            return Anchor(f"line {side}" if flags.lines else side)
        if c in "*+?":
            self.fail("a quantifier has nothing to repeat")
        if c == "{" and _NEWER_QUANTIFIER.match(self.text, self.at - 1):
            self.fail("braces that are a quantifier in some releases of PCRE and text in others")
        return Literal(c, flags.fold)

    def _group(self, flags: _Flags) -> Node:
        for start, what in _NOT_REGULAR.items():
            if self.text.startswith(start, self.at) and not _GROUP_NAME.match(self.text, self.at + 1):
                self.fail(f"it has {what}")
        self.at += 1
        self.groups += not self.text.startswith("?", self.at) or _GROUP_NAME.match(self.text, self.at) is not None
        if self.text.startswith("?", self.at):
            found = _FLAGS.match(self.text, self.at) or _GROUP_NAME.match(self.text, self.at)
            if self.take("?|"):
                pass
            elif found is None:
                self.fail("it has a group of an unknown kind")
            else:
                self.at = found.end()
                flags = self._changed(flags, found) if found.re is _FLAGS else flags
        inner = self.alternatives(flags)
        if not self.take(")"):
            self.fail("a group is not closed")
        return inner

    def _repeated(self, item: Node, flags: _Flags) -> Node:
        while True:
            while flags.extended and self._blank():
                pass
            bounds = self._quantifier()
            if bounds is None:
                return item
            if isinstance(item, Anchor):
                self.fail("it repeats an assertion")
            item = Repeat(item, *bounds)

    def _quantifier(self) -> tuple[int, int | None] | None:
        found = _QUANTIFIER.match(self.text, self.at)
        short = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self.text[self.at : self.at + 1])
        if found:
            low = int(found[1])
            high = low if not found[2] else int(found[3]) if found[3] else None
            self.at = found.end()
        elif short:
            low, high = short
            self.at += 1
        else:
            return None
        if max(low, high or 0) > 65535 or (high is not None and high < low):
            self.fail("a quantifier is out of order or over 65535")
        if self.take("+"):
            self.fail("it has a possessive quantifier")
        self.take("?")  # lazy or greedy, it matches in the same values
        return low, high

    def _escape(self, flags: _Flags) -> Node | None:
        if self.at >= len(self.text):
            self.fail("it ends in a backslash")
        c = self.text[self.at]
        if c in _ANCHORS:
            self.at += 1
            return Anchor(_ANCHORS[c])
        if c == "K":
            self.at += 1  # moves the start of the match, not whether there is one
            return None
        if c == "N" and not self.text.startswith("N{", self.at):
            self.at += 1
            return Dot(False)
        if c.lower() in _TYPES:
            self.at += 1
            return self._set(_TYPES[c.lower()], c.isupper(), False)
        return Literal(chr(self._code(False)), flags.fold)

    def _code(self, inside: bool) -> int:
        """The character that an escape stands for; the backslash is passed over already."""
        c = self.text[self.at]
        if c in "123456789":
            return self._digits(inside)
        self.at += 1
        if c in _REFUSED:
            self.fail(_REFUSED[c])
        if c in _CONTROL:
            return _CONTROL[c]
        if inside and c == "b":
            return 8
        found = re.compile(r"x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{1,2})|N\{U\+([0-9A-Fa-f]{1,6})\}").match(
            self.text, self.at - 1
        )
        octal = re.compile(r"o\{([0-7]{1,7})\}|(0[0-7]{0,2})").match(self.text, self.at - 1)
        if found or octal:
            match = found or octal
            assert match is not None
            self.at = match.end()
            code = int(next(filter(None, match.groups())), 16 if found else 8)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                self.fail(f"{match.group()!r} is no character")
            return code
        if c == "c" and self.text[self.at : self.at + 1].isascii() and self.text[self.at : self.at + 1].isprintable():
            self.at += 1
            return (
                ord(self.text[self.at - 1].upper()) ^ 64 if self.at <= len(self.text) else self.fail("\\c is cut off")
            )
        if c.isascii() and c.isalnum():
            self.fail(f"\\{c} has no meaning in PCRE")
        return ord(c)

    def _digits(self, inside: bool) -> int:
        """A number that is no back-reference is octal: over 9, not begun by 8 or 9, and not that of a group before it.
        Inside a class none is a back-reference, and `\\8` and `\\9` are the digits."""
        found = re.compile(r"\d+").match(self.text, self.at)
        assert found is not None
        if not inside and (int(found[0][:9]) < 10 or found[0][0] in "89" or int(found[0][:9]) <= self.groups):
            self.fail("it has a back-reference")
        octal = _OCTAL.match(self.text, self.at)
        self.at += len(octal[0]) if octal else 1
        return int(octal[0], 8) if octal else ord(found[0][0])

    def _class(self, flags: _Flags) -> Node:
        if self.text.startswith(("[:<:]]", "[:>:]]"), self.at):
            self.fail("[[:<:]] and [[:>:]] are assertions with a look at the next character or the last")
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        first, quoting = True, False
        while True:
            if self.at >= len(self.text):
                self.fail("a class is not closed")
            if quoting and self.take("\\E"):
                quoting = False
                continue
            if not quoting and self.take("\\Q"):
                quoting = True
                continue
            if not quoting and self.text[self.at] == "]" and not first:
                self.at += 1
                return self._set(tuple(ranges), negated, flags.fold)
            first = False
            low = self._member(quoting)
            if isinstance(low, tuple):
                ranges.extend(low)
                if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                    self.fail("a range begins with a class")
                continue
            high = low
            if not quoting and self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                end = self._member(False) if not self.text.startswith(("\\Q", "\\E"), self.at) else ()
                if isinstance(end, tuple) or end < low:
                    self.fail("a range is out of order")
                high = end
            ranges.append((low, high))

    def _member(self, quoting: bool) -> int | Ranges:
        """A character of a class, or the ranges of a class within the class."""
        c = self.text[self.at]
        if not quoting and c == "[" and self.text[self.at + 1 : self.at + 2] in (":", ".", "="):
            found = re.compile(r"\[:(\^?)([a-z]+):\]").match(self.text, self.at)
            if found and found[2] in POSIX:
                self.at = found.end()
                return charset.complement(POSIX[found[2]]) if found[1] else POSIX[found[2]]
            if found or re.compile(r"\[([.=]).*?\1\]").match(self.text, self.at):
                self.fail("it has a POSIX class that PCRE does not know")
        self.at += 1
        if quoting or c != "\\":
            return ord(c)
        if self.at >= len(self.text):
            self.fail("it ends in a backslash")
        kind = self.text[self.at]
        if kind.lower() in _TYPES:
            self.at += 1
            found_type = charset.normalized(_TYPES[kind.lower()])
            return charset.complement(found_type) if kind.isupper() else found_type
        return self._code(True)

    def _set(self, ranges: Ranges, negated: bool, fold: bool) -> Node:
        found = charset.normalized(charset.folded(ranges) if fold else ranges)
        if negated:
            found = charset.complement(found)
        if not found:
            self.fail("a class has no character")
        return Dot(True) if found == ((0, charset.LAST),) else Set(found, fold)
