r"""What a platform does to a value, read backwards: the texts whose trimmed or folded form is in a language.

Everything is worked out on the tree, exactly, by splitting a language at its first or last character (Brzozowski,
"Derivatives of Regular Expressions", JACM 1964). Where the tree that results would be too large, OutOfFragment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from converter.core.errors import OutOfFragment
from converter.semantics.regular.build import either, join, repeat
from converter.semantics.regular.language import (
    ANY_STRING,
    EMPTY_STRING,
    NOTHING,
    Alt,
    Chars,
    Language,
    Repeat,
    Seq,
    chars,
)

#: What `trim` takes off both ends: ASCII white space.
BLANK = chars([(9, 13), (32, 32)])
NO_BLANK = chars(BLANK.ranges, negated=True)
BLANKS = repeat(BLANK, 0, None)
#: How many nodes a resulting tree may have.
MAX_NODES = 20_000


@lru_cache(maxsize=2048)
def inverse_trim(language: Language) -> Language:
    r"""All texts that are in `language` once the blanks `" \t\n\v\f\r"` are taken off both ends."""
    return _sized(_outer(_outer(language, first=False), first=True))


@lru_cache(maxsize=2048)
def fold(language: Language) -> Language:
    """All texts that differ from one of `language` in the case of ASCII letters at most."""
    return _by_class(language, _folded_ascii)


@lru_cache(maxsize=8192)
def fold_all(language: Language) -> Language:
    """All texts that differ from one of `language` in the case of letters at most, by the pairs of `language.char`."""
    return _by_class(language, _folded)


@lru_cache(maxsize=8192)
def _folded(letters: Chars) -> Chars:
    return chars(letters.ranges, ignore_case=True)


def _by_class(language: Language, function: Callable[[Chars], Chars]) -> Language:
    """The tree with `function` applied to each class of characters."""
    if isinstance(language, Chars):
        return function(language)
    if isinstance(language, Seq):
        return Seq(tuple(_by_class(part, function) for part in language.parts))
    if isinstance(language, Alt):
        return Alt(tuple(_by_class(option, function) for option in language.options))
    return Repeat(_by_class(language.item, function), language.low, language.high)


@lru_cache(maxsize=8192)
def _folded_ascii(letters: Chars) -> Chars:
    shifted = [
        (max(low, first) + shift, min(high, last) + shift)
        for low, high in letters.ranges
        for first, last, shift in ((65, 90, 32), (97, 122, -32))
        if max(low, first) <= min(high, last)
    ]
    return chars([*letters.ranges, *shifted]) if shifted else letters


def longest(language: Language) -> int | None:
    """The length of the longest text of `language`, None when there is none so long; 0 for the empty language."""
    return 0 if is_empty(language) else _longest(language)


def _longest(language: Language) -> int | None:
    """As `longest`, of a language that has a text."""
    if isinstance(language, Chars):
        return 1
    if isinstance(language, Alt):
        options = [_longest(option) for option in language.options if not is_empty(option)]
        return None if None in options else max(size for size in options if size is not None)
    if isinstance(language, Seq):
        sizes = [_longest(part) for part in language.parts]
        return None if None in sizes else sum(size for size in sizes if size is not None)
    if language.high == 0 or is_empty(language.item):
        return 0
    size = _longest(language.item)
    if size == 0:
        return 0
    return None if size is None or language.high is None else size * language.high


def without(language: Language, texts: Iterable[str]) -> Language:
    """The texts of `language` but for those given."""
    removed = frozenset(text for text in texts if _has(language, text))
    return _sized(_without(language, removed)) if removed else language


def nullable(language: Language) -> bool:
    """Whether the empty text is in `language`."""
    if isinstance(language, Chars):
        return False
    if isinstance(language, Seq):
        return all(nullable(part) for part in language.parts)
    if isinstance(language, Alt):
        return any(nullable(option) for option in language.options)
    return language.low == 0 or nullable(language.item)


def is_empty(language: Language) -> bool:
    """Whether `language` has no text at all."""
    if isinstance(language, Chars):
        return not language.ranges
    if isinstance(language, Seq):
        return any(is_empty(part) for part in language.parts)
    if isinstance(language, Alt):
        return all(is_empty(option) for option in language.options)
    return language.low > 0 and is_empty(language.item)


def beginning(language: Language, allowed: Chars) -> Language:
    """The texts of `language` that begin with a character of `allowed`."""
    return _edge(language, allowed, first=True)


def ending(language: Language, allowed: Chars) -> Language:
    """The texts of `language` that end with a character of `allowed`."""
    return _edge(language, allowed, first=False)


def after(language: Language, character: str) -> Language:
    """What may follow `character` at the start of a text of `language`."""
    if isinstance(language, Chars):
        return EMPTY_STRING if character in language else NOTHING
    if isinstance(language, Alt):
        return either(after(option, character) for option in language.options)
    if isinstance(language, Repeat):
        rest = _fewer(language)
        return NOTHING if rest is None else join((after(language.item, character), rest))
    options = []
    for position, part in enumerate(language.parts):
        options.append(join((after(part, character), *language.parts[position + 1 :])))
        if not nullable(part):
            break
    return either(options)


def _outer(language: Language, first: bool) -> Language:
    """All texts that are in `language` once the blanks at one end are taken off."""
    if isinstance(language, Alt):
        return either(_outer(option, first) for option in language.options)
    parts = language.parts if isinstance(language, Seq) else (language,)
    if parts and parts[0 if first else -1] == ANY_STRING:
        rest = Seq(parts[1:] if first else parts[:-1])
        if is_empty(_edge(rest, BLANK, first)):
            return language  # what follows anything, and begins with no blank, is found in a trimmed text as well
    kept = _edge(language, NO_BLANK, first)
    padded = join((BLANKS, kept) if first else (kept, BLANKS))
    return _sized(either([padded, BLANKS]) if nullable(language) else padded)


def _edge(language: Language, allowed: Chars, first: bool) -> Language:
    if isinstance(language, Chars):
        return _common(language, allowed)
    if isinstance(language, Alt):
        return either(_edge(option, allowed, first) for option in language.options)
    if isinstance(language, Repeat):
        rest, item = _fewer(language), _edge(language.item, allowed, first)
        if rest is None:
            return NOTHING
        return join((item, rest) if first else (rest, item))
    parts = language.parts if first else language.parts[::-1]
    options = []
    for position, part in enumerate(parts):
        item, rest_parts = _edge(part, allowed, first), parts[position + 1 :]
        options.append(join((item, *rest_parts) if first else (*rest_parts[::-1], item)))
        if not nullable(part):
            break
    return either(options)


def _fewer(language: Repeat) -> Language | None:
    """The repetition once one item, the first or last that is not empty, is taken off; None when there is none."""
    if language.high == 0:
        return None
    return repeat(language.item, max(language.low - 1, 0), None if language.high is None else language.high - 1)


def _common(one: Chars, other: Chars) -> Chars:
    pairs = ((max(a, c), min(b, d)) for a, b in one.ranges for c, d in other.ranges)
    return chars([(low, high) for low, high in pairs if low <= high])


def _has(language: Language, text: str) -> bool:
    for character in text:
        language = _sized(after(language, character))
        if language == NOTHING:
            return False
    return nullable(language)


def _without(language: Language, removed: frozenset[str]) -> Language:
    """`language` less `removed`, all of which it has: by first character, as a tree of the texts removed."""
    tails: dict[str, set[str]] = {}
    for text in sorted(removed):
        if text:
            tails.setdefault(text[0], set()).add(text[1:])
    options: list[Language] = [EMPTY_STRING] if nullable(language) and "" not in removed else []
    for character, texts in tails.items():
        rest = _without(after(language, character), frozenset(texts))
        options.append(join((chars([(ord(character), ord(character))]), rest)))
    others = chars([(ord(character), ord(character)) for character in tails], negated=True)
    return either([*options, beginning(language, others)])


def _sized(language: Language) -> Language:
    todo, count = [language], 0
    while todo:
        item = todo.pop()
        count += 1
        if count > MAX_NODES:
            raise OutOfFragment(f"an image of a language that needs more than {MAX_NODES} nodes")
        if isinstance(item, Seq):
            todo.extend(item.parts)
        elif isinstance(item, Alt):
            todo.extend(item.options)
        elif isinstance(item, Repeat):
            todo.append(item.item)
    return language
