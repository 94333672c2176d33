"""Sigma's modifiers: which there are, and which may stand together.

Source: modifiers appendix 2.1,
https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-appendix-modifiers.md
"""

from __future__ import annotations

import itertools
from difflib import get_close_matches

from converter.core.errors import LibraryError, Unsupported

COMPARISONS = ("lt", "lte", "gt", "gte")
PLACES = ("contains", "startswith", "endswith")
BYTES = ("wide", "utf16le", "utf16be", "utf16")
BASE64 = ("base64", "base64offset")
REGEX_FLAGS = ("i", "m", "s")
TIMES = ("minute", "hour", "day", "week", "month", "year")
LINKS = ("all", "neq", "cased")
#: The modifiers that decide what kind of value it is, with the others each may be combined with.
_KINDS: dict[str, tuple[str, ...]] = {
    "re": (*REGEX_FLAGS, "all", "neq"),
    "cidr": ("all", "neq", "expand"),
    "exists": (),
    "fieldref": (*PLACES, *LINKS),
    **dict.fromkeys(COMPARISONS, ("all", "neq")),
}
_TEXT = (*PLACES, "windash", *BYTES, *BASE64, *LINKS, "expand")
MODIFIERS = (*_KINDS, *_TEXT, *REGEX_FLAGS, *TIMES)
#: On a keyword there is no field to anchor at or to compare with.
_KEYWORD = ("all", "contains", "cased", "re", *REGEX_FLAGS, "windash", *BYTES, *BASE64, "expand")
#: pySigma's long names of what the specification calls `i`, `m` and `s`.
_LONG = {"ignorecase": "i", "multiline": "m", "dotall": "s"}


def check_names(modifiers: tuple[str, ...]) -> None:
    """Raises LibraryError for a modifier that does not exist or stands twice, Unsupported for those of time."""
    for modifier in modifiers:
        if modifier in _LONG:
            message = f"the modifier {modifier!r} is not part of Sigma"
            raise LibraryError(message, hint=f"write {_LONG[modifier]!r}")
        if modifier not in MODIFIERS:
            close = get_close_matches(modifier.lower()[:40], MODIFIERS, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"the modifiers are: {', '.join(MODIFIERS)}"
            raise LibraryError(f"unknown modifier {modifier[:40]!r}", hint=hint)
        if modifiers.count(modifier) > 1:
            raise LibraryError(f"the modifier {modifier!r} is given twice")
        if modifier in TIMES:
            # They take a part out of a point in time, and the appendix leaves its form and time zone open.
            message = f"the time modifier {modifier!r} is not supported"
            raise Unsupported(message, f"modifier:{modifier}", hint="platforms store times in forms of their own")


def check_combination(field: str | None, modifiers: tuple[str, ...]) -> None:
    """Raises LibraryError for modifiers that do not go together or stand in a wrong order, Unsupported for bytes that
    are never encoded: no text field can hold them."""
    kind = next((modifier for modifier in modifiers if modifier in _KINDS), None)
    allowed = _TEXT if kind is None else (kind, *_KINDS[kind])
    for modifier in modifiers:
        if modifier not in allowed:
            hint = "" if kind else "'i', 'm' and 's' refine 're'"
            raise LibraryError(f"{modifier!r} does not combine with {kind or 'a text value'!r}", hint=hint)
        if field is None and modifier not in _KEYWORD:
            raise LibraryError(f"{modifier!r} needs a field")
    if kind is not None and any(m not in (*LINKS, "expand") for m in modifiers[: modifiers.index(kind)]):
        raise LibraryError(f"{kind!r} must come before the modifiers that refine it")
    _check_order(modifiers)


def _check_order(modifiers: tuple[str, ...]) -> None:
    """A value is transformed from left to right: dashes, then bytes, then Base64, then its place."""
    steps = [modifier for modifier in modifiers if modifier in (*BYTES, *BASE64, *PLACES)]
    for step, following in itertools.pairwise((*steps, "")):
        if step in PLACES and following:
            raise LibraryError(f"nothing can change the value after {step!r}")
        if step in BASE64 and following in BYTES:
            raise LibraryError(f"{following!r} must come before {step!r}")
        if step in BYTES and following not in BASE64:
            message = f"{step!r} gives bytes that no text field can hold"
            raise Unsupported(message, f"modifier:{step}", hint="add base64 or base64offset after it")
    for early in ("windash", "expand"):
        if early in modifiers and any(m in BYTES + BASE64 for m in modifiers[: modifiers.index(early)]):
            raise LibraryError(f"{early!r} must come before an encoding")
    if "expand" in modifiers and "windash" in modifiers[: modifiers.index("expand")]:
        raise LibraryError("'expand' must come before 'windash'")
