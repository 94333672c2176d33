"""The one literal that a simple language is about: `text`, `text*`, `*text` or `*text*`, the case of letters aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from converter.semantics.regular.language import ANY_STRING, Chars, Language, Seq


@dataclass(frozen=True)
class Literal:
    """A text in lower case, and whether anything may stand before and after it."""

    text: str
    open_start: bool
    open_end: bool

    def fits(self, text: str) -> bool:
        """Whether a text is of this form, the case of letters aside."""
        lower = "".join(map(str.lower, text))
        if self.open_start:
            return self.text in lower if self.open_end else lower.endswith(self.text)
        return lower.startswith(self.text) if self.open_end else lower == self.text


@lru_cache(maxsize=65536)
def literal_of(language: Language) -> Literal | None:
    """The literal of a language that has this simple form, else None."""
    pieces = list(_pieces(language))
    open_start = bool(pieces) and pieces[0] == ANY_STRING
    open_end = len(pieces) > open_start and pieces[-1] == ANY_STRING
    text = ""
    for piece in pieces[open_start : len(pieces) - open_end]:
        letters = _letters(piece)
        if len(letters) != 1:
            return None
        text += next(iter(letters))
    return Literal(text, open_start, open_end)


def _pieces(language: Language) -> Iterator[Language]:
    if isinstance(language, Seq):
        for part in language.parts:
            yield from _pieces(part)
    else:
        yield language


@cache
def _letters(piece: Language) -> frozenset[str]:
    """The characters of a small class, in lower case."""
    if not isinstance(piece, Chars) or sum(high - low for low, high in piece.ranges) > 2:
        return frozenset()
    return frozenset(chr(code).lower() for low, high in piece.ranges for code in range(low, high + 1))
