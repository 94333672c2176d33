"""A cursor over SPL text, and the escapes of its two kinds of string.

SPL has no single token grammar: what a word is depends on the command it stands in. So the parsers ask the cursor for
the kind of word they expect, and there is no separate token list.
"""

from __future__ import annotations

import re
from typing import NoReturn

from converter.core.errors import QueryError

_BLANK = re.compile(r"(?:\s+|```.*?```)+", re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMENT = "```"


class Scanner:
    """A position in `text`; every method first passes over white space and ```comments```."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        #: whether some search has AND and OR side by side, so that their precedence matters
        self.mixed = False

    def skip(self) -> None:
        found = _BLANK.match(self.text, self.at)
        if found:
            self.at = found.end()
        if self.text.startswith(_COMMENT, self.at):
            self.fail("this comment is not closed")

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """The text that `pattern` matches here, passed over; None leaves the position as it was."""
        self.skip()
        found = pattern.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        return found.group()

    def looking_at(self, pattern: re.Pattern[str]) -> bool:
        self.skip()
        return pattern.match(self.text, self.at) is not None

    def peek(self, literal: str) -> bool:
        self.skip()
        return self.text.startswith(literal, self.at)

    def take(self, literal: str) -> bool:
        if not self.peek(literal):
            return False
        self.at += len(literal)
        return True

    def expect(self, literal: str) -> None:
        if not self.take(literal):
            self.fail(f"expected {literal!r}")

    def word(self) -> str | None:
        """A plain identifier."""
        return self.match(_WORD)

    def take_word(self, *words: str, ignore_case: bool = False) -> bool:
        """Whether one of `words` stands here as a whole word; passed over if so."""
        start = self.at
        found = self.word()
        if found is not None and (found in words or (ignore_case and found.lower() in words)):
            return True
        self.at = start
        return False

    def string(self) -> str | None:
        """The inside of a double-quoted string with its escapes untouched."""
        self.skip()
        found = _STRING.match(self.text, self.at)
        if not found:
            if self.peek('"'):
                self.fail("this quotation mark is not closed")
            return None
        self.at = found.end()
        return found.group(1)

    def at_end(self) -> bool:
        self.skip()
        return self.at >= len(self.text)

    def fail(self, message: str) -> NoReturn:
        line = self.text.count("\n", 0, self.at) + 1
        column = self.at - (self.text.rfind("\n", 0, self.at) + 1) + 1
        near = self.text[self.at : self.at + 30].split("\n")[0]
        raise QueryError(f"SPL, line {line}, column {column}: {message}; found {near!r}")


# Three sequences are escapes in the arguments of search, regex and rex, and any other backslash stands for itself:
# https://help.splunk.com/splunk-enterprise/search/spl-search-reference/10.0/search-commands/search (Quotes and
# escaping characters). So the pattern `\|` must be written `\\|`.
_ARGUMENT_ESCAPE = re.compile(r'\\([\\"|])')

# In eval a tab is written \t (https://help.splunk.com/en/splunk-enterprise/search/search-manual/10.0/
# expressions-and-predicates). ASSUMPTION: \n and \r go the same way, and other unknown sequences stay as they are,
# which Splunk's own examples of match() rely on ("\." and "\d").
_EVAL_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_EVAL_ESCAPES = {"\\": "\\", '"': '"', "t": "\t", "n": "\n", "r": "\r"}


def unescape_argument(raw: str) -> str:
    r"""A string argument as its command sees it: `\\`, `\"` and `\|` are undone."""
    return _ARGUMENT_ESCAPE.sub(r"\1", raw)


def unescape_eval(raw: str, scanner: Scanner) -> str:
    r"""A string of an eval expression. `\|` is refused: no page says whether eval keeps its backslash."""
    if re.search(r"(?<!\\)(?:\\\\)*\\\|", raw):
        scanner.fail(r"write \\| for an escaped pipe")
    return _EVAL_ESCAPE.sub(lambda found: _EVAL_ESCAPES.get(found.group(1), found.group()), raw)
