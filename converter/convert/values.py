"""One value of a rule with its modifiers, as patterns: the converter's own reading of Sigma's modifiers appendix.

https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-appendix-modifiers.md. Neither `meaning`
nor `evaluator` is used here: each reads the appendix for itself, so that the proof and the fixtures can contradict us.
"""

from __future__ import annotations

import codecs
import itertools
import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache

from converter.core.errors import Unsupported
from converter.dialects.condition import OneOf, Pattern, Wild

#: the five characters that stand for each other as the dash of a flag
DASHES = "-/\u2013\u2014\u2015"
#: one dash is spelled out, which reads better and is cheaper than a class; more would multiply
_SPELLED = 1
_ENCODINGS = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16-le"}
_BASE64 = ("base64", "base64offset")
#: texts that a windash value may stand for where it is encoded
_MAX_ENCODED = 625

Token = str | Wild | OneOf
_TOKEN = re.compile(r"\\[*?\\]|.", re.DOTALL)
_RUN = re.compile(r"\\[*?\\]|[^*?\\]+|.", re.DOTALL)
_ESCAPE = "\\"
_WILDCARDS = {"*": Wild.ANY, "?": Wild.ONE}


@lru_cache(maxsize=16384)
def patterns(text: str, modifiers: tuple[str, ...]) -> tuple[Pattern, ...]:
    """The patterns that a text value stands for, `contains` and its like included.

    Raises Unsupported for a value that is encoded and holds wildcards, or dashes beyond count.
    """
    encoded = any(modifier in _BASE64 or modifier in _ENCODINGS for modifier in modifiers)
    if encoded or "windash" in modifiers:
        tokens = _tokens(text, _TOKEN)
        if "windash" in modifiers:
            tokens = _with_dashes(tokens)
        variants = [list(value) for value in _encoded(tokens, modifiers)] if encoded else _spelled(tokens)
    else:
        variants = [_tokens(text, _RUN)]
    before = [Wild.ANY] if "contains" in modifiers or "endswith" in modifiers else []
    after = [Wild.ANY] if "contains" in modifiers or "startswith" in modifiers else []
    return tuple(dict.fromkeys(pattern([*before, *variant, *after]) for variant in variants))


def pattern(tokens: list[Token]) -> Pattern:
    """Tokens as a Pattern: neighbouring characters are one text, neighbouring stars one star."""
    parts: list[Token] = []
    for token in tokens:
        if isinstance(token, str) and parts and isinstance(parts[-1], str):
            parts[-1] += token
        elif not (token is Wild.ANY and parts and parts[-1] is Wild.ANY):
            parts.append(token)
    return Pattern(tuple(part for part in parts if part != ""))


def _tokens(text: str, token: re.Pattern[str]) -> list[Token]:
    """Characters, or runs of them, and wildcards.

    A backslash escapes `*`, `?` and itself only; elsewhere it is a character.
    """
    return [_WILDCARDS.get(found) or found.removeprefix(_ESCAPE * (len(found) > 1)) for found in token.findall(text)]


def _with_dashes(tokens: list[Token]) -> list[Token]:
    """Any dash for one that begins a flag: a word follows it and none precedes it.

    https://sigmahq.io/docs/basics/modifiers.html (windash): of `-param-name` the first is meant.
    """

    def word(index: int) -> bool:
        token = tokens[index] if 0 <= index < len(tokens) else ""
        return isinstance(token, str) and (token.isalnum() or token == "_")

    return [
        OneOf(DASHES) if isinstance(t, str) and t in DASHES and word(i + 1) and not word(i - 1) else t
        for i, t in enumerate(tokens)
    ]


def _spelled(tokens: list[Token]) -> list[list[Token]]:
    classes = [index for index, token in enumerate(tokens) if isinstance(token, OneOf)]
    if len(classes) != _SPELLED:
        return [tokens]
    (at,) = classes
    return [[*tokens[:at], dash, *tokens[at + 1 :]] for dash in DASHES]


def _encoded(tokens: list[Token], modifiers: tuple[str, ...]) -> Iterator[str]:
    choices: list[str] = []
    variants = 1
    for token in tokens:
        if isinstance(token, Wild):
            raise Unsupported("a value to be encoded cannot hold wildcards", "encoded wildcard", hint="escape them")
        choices.append(token.characters if isinstance(token, OneOf) else token)
        variants *= len(choices[-1])
        if variants > _MAX_ENCODED:
            raise Unsupported(f"its dashes give more than {_MAX_ENCODED} texts to encode", "windash encoded")
    for characters in itertools.product(*choices):
        for data in _bytes("".join(characters), modifiers):
            yield data.decode("ascii")


def _bytes(text: str, modifiers: tuple[str, ...]) -> list[bytes]:
    """The encodings in the order in which they are written."""
    found = [text.encode()]
    for modifier in modifiers:
        if modifier in _ENCODINGS:
            mark = codecs.BOM_UTF16_LE if modifier == "utf16" else b""
            found = [mark + data.decode().encode(_ENCODINGS[modifier]) for data in found]
        elif modifier == "base64":
            found = [b64encode(data) for data in found]
        elif modifier == "base64offset":
            found = [_offset(data, offset) for data in found for offset in range(3)]
    return found


def _offset(data: bytes, offset: int) -> bytes:
    """What is sure of the Base64 text of `data` after `offset` bytes that are not known: whole groups of six bits."""
    text = b64encode(b"\0" * offset + data)
    start = -(-8 * offset // 6)
    end = 8 * (offset + len(data)) // 6
    if start >= end:
        raise Unsupported("the value is too short to be recognised inside Base64 text", "base64offset short")
    return text[start:end]
