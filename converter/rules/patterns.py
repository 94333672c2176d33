"""The evaluator's reading of text values: the patterns they stand for, and whether a text matches one.

Source: Sigma rules specification 2.1 ("String Wildcard", "Escaping") and modifiers appendix,
https://github.com/SigmaHQ/sigma-specification/tree/main/specification. `meaning` and the converter have their own.
"""

from __future__ import annotations

import base64
import math
from itertools import product

from converter.core.errors import LibraryError
from converter.rules.detection import MAX_VARIANTS
from converter.rules.modifiers import BASE64, BYTES

#: The characters that may stand at each place, None for `*`, "" for `?`.
Pattern = tuple[str | None, ...]

_DASHES = "-/–—―"
_OFFSET_START = (0, 2, 3)
_OFFSET_DROPPED = (0, 3, 2)


def patterns(value: str, modifiers: tuple[str, ...]) -> list[Pattern]:
    """The patterns a value stands for, its transforming modifiers applied in the order they are written."""
    pattern = _parse(value)
    if "windash" in modifiers:
        pattern = _dashes(pattern)
    steps = [modifier for modifier in modifiers if modifier in BYTES + BASE64]
    return _encoded(pattern, steps) if steps else [pattern]


def _parse(text: str) -> Pattern:
    """Wildcards and escapes: a backslash escapes only `*`, `?` and itself, before anything else it is a character."""
    out: list[str | None] = []
    rest = iter(range(len(text)))
    for i in rest:
        c = text[i]
        if c == "\\" and text[i + 1 : i + 2] in ("*", "?", "\\"):
            out.append(text[i + 1])
            next(rest)
        else:
            out.append({"*": None, "?": ""}.get(c, c))
    return tuple(out)


def placed(pattern: Pattern, place: str) -> Pattern:
    """The pattern at the place that `contains`, `startswith` or `endswith` gives it; as it is for ""."""
    before: Pattern = (None,) if place in ("contains", "endswith") else ()
    after: Pattern = (None,) if place in ("contains", "startswith") else ()
    return (*before, *pattern, *after)


def _dashes(pattern: Pattern) -> Pattern:
    """The pattern with any dash wherever a value has one that begins a flag: before a word and not within one.

    The appendix names the five characters; that only the first dash of `-param-name` is meant is said in
    https://sigmahq.io/docs/basics/modifiers.html (windash).
    """

    def word(i: int) -> bool:
        c = pattern[i] if 0 <= i < len(pattern) else None
        return bool(c) and (str(c).isalnum() or c == "_")

    return tuple(
        _DASHES if c and c in _DASHES and word(i + 1) and not word(i - 1) else c for i, c in enumerate(pattern)
    )


def _encoded(pattern: Pattern, steps: list[str]) -> list[Pattern]:
    if any(not c for c in pattern):
        raise LibraryError("a value to be encoded cannot hold wildcards", hint="escape them with a backslash")
    characters = [c for c in pattern if c]
    if math.prod(map(len, characters)) > MAX_VARIANTS:
        message = f"its dashes give more than {MAX_VARIANTS} texts to encode"
        raise LibraryError(message, hint="leave out windash, or the encoding, or some of the flags")
    variants = ["".join(choice).encode() for choice in product(*characters)]
    for step in steps:
        variants = [result for data in variants for result in _encode(data, step)]
    return [tuple(data.decode("ascii")) for data in variants]


def _encode(data: bytes, step: str) -> list[bytes]:
    if step == "base64":
        return [base64.b64encode(data)]
    if step == "base64offset":
        return [_offset(data, shift) for shift in range(3)]
    codec = "utf-16-be" if step == "utf16be" else "utf-16-le"
    mark = b"\xff\xfe" if step == "utf16" else b""
    return [mark + data.decode().encode(codec)]


def _offset(data: bytes, shift: int) -> bytes:
    """The characters that encode `data` and nothing else when `shift` bytes (modulo 3) stand before it."""
    encoded = base64.b64encode(bytes(shift) + data)
    known = encoded[_OFFSET_START[shift] : len(encoded) - _OFFSET_DROPPED[(shift + len(data)) % 3]]
    if not known:
        raise LibraryError("the value is too short to be recognised inside Base64 text", hint="use a longer value")
    return known


def matches(pattern: Pattern, text: str) -> bool:
    """Whether the whole of `text` matches, by greedy matching with one point to return to: the latest `*`."""
    p = t = 0
    star, resume = -1, 0
    while t < len(text):
        if p < len(pattern) and pattern[p] is None:
            star, resume = p, t
            p += 1
        elif p < len(pattern) and (pattern[p] == "" or text[t] in (pattern[p] or "")):
            p, t = p + 1, t + 1
        elif star >= 0:
            resume += 1
            p, t = star + 1, resume
        else:
            return False
    return all(c is None for c in pattern[p:])
